use crate::components::shared::{live, whether};
use crate::text::text;
use leptos::prelude::*;
use leptos_use_clipboard::{UseClipboardReturn, use_clipboard};

/// A text to copy, or to take by hand.
#[component]
pub fn Taken(
    testid: &'static str,
    label: &'static str,
    value: Memo<String>,
    /// Lines that are seen of it.
    rows: &'static str,
) -> impl IntoView {
    let t = &text().header;
    let UseClipboardReturn {
        is_supported,
        copied,
        copy,
        ..
    } = use_clipboard();
    view! {
        <label class="stack">
            <span>{label}</span>
            <textarea
                class="mono"
                rows=rows
                readonly=true
                spellcheck="false"
                data-testid=testid
                prop:value=live(move || value.get())
                on:focus:target=|event| event.target().select()
            ></textarea>
        </label>
        <div class="buttons">
            <button
                type="button"
                class="primary"
                data-testid=format!("{testid}-copy")
                hidden=whether(move || !is_supported.get())
                on:click=move |_| copy(&value.get_untracked())
            >
                <span aria-live="polite">
                    {live(move || if copied.get() { t.copied } else { text().share.copy })}
                </span>
            </button>
        </div>
    }
}
