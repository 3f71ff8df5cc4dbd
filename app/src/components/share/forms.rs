use crate::components::fields::{Check, Segmented};
use crate::components::shared::{live, whether};
use crate::link;
use crate::share::{CUT, markdown, prompt, qr};
use crate::state::{State, use_state};
use crate::text::text;
use leptos::prelude::*;
use leptos_use_clipboard::{UseClipboardReturn, use_clipboard};
use patchbay_engine::experiment::Digest;
use patchbay_engine::experiment::link::Link;

/// How it is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Link,
    Embed,
    Markdown,
    File,
}

#[component]
pub(super) fn FormChoice(form: RwSignal<Form>) -> impl IntoView {
    let t = &text().share;
    let choices = vec![
        (Form::Link, t.link, "share-link"),
        (Form::Embed, t.embed, "share-embed"),
        (Form::Markdown, t.markdown, "share-markdown"),
        (Form::File, t.file, "share-file"),
    ];
    view! {
        <Segmented
            name="share-form"
            legend=t.form
            choices
            chosen=form
            choose=move |to| form.set(to)
        />
    }
}

/// The results of what is on the page, and whether they go along, in whichever form.
#[derive(Clone, Copy)]
pub(super) struct Results {
    pub wanted: RwSignal<bool>,
    /// Once they are there.
    pub found: Memo<Option<Digest>>,
}

impl Results {
    fn are_there(self) -> bool {
        self.found.with(Option::is_some)
    }
}

/// Whether the results go along, which they can once they are there.
#[component]
pub(super) fn WithResults(results: Results) -> impl IntoView {
    let t = &text().share;
    view! {
        <Check
            testid="share-results"
            label=live(move || t.results)
            checked=whether(move || results.wanted.get() && results.are_there())
            set=move |on| results.wanted.set(on)
            hint=t.results_hint
        />
        <p class="hint" data-testid="share-no-results" hidden=whether(move || results.are_there())>
            {t.no_results}
        </p>
    }
}

/// What is on the page, as it is handed on.
pub(super) fn shared(state: State, results: Results) -> Link {
    Link {
        digest: results.found.get().filter(|_| results.wanted.get()),
        ..state.experiment.get().into()
    }
}

/// A text to copy, or to take by hand.
#[component]
pub(super) fn Taken(
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

/// How long it is, and where that is too long.
#[component]
pub(super) fn Length(of: Memo<String>) -> impl IntoView {
    let t = &text().share;
    let length = Memo::new(move |_| of.with(String::len));
    view! {
        <p class="hint" class:problem=whether(move || length.get() > CUT) data-testid="share-length">
            {live(move || (t.length)(length.get(), CUT))}
        </p>
    }
}

#[component]
pub(super) fn LinkForm(form: Form, results: Results) -> impl IntoView {
    let state = use_state();
    let t = &text().share;
    let link = Memo::new(move |_| shared(state, results));
    let end = Memo::new(move |_| link.with(link::opening));
    let fits = Memo::new(move |_| end.with(Option::is_some));
    let address =
        Memo::new(move |_| end.with(|end| end.as_deref().map_or_else(String::new, link::page)));
    let value = Memo::new(move |_| match form {
        Form::Markdown => link.with(|link| {
            let title = (t.named)(prompt(&link.experiment));
            address.with(|address| markdown(address, &title))
        }),
        _ => address.get(),
    });
    let label = match form {
        Form::Markdown => t.markdown,
        _ => t.link,
    };
    let drawn = RwSignal::new(false);
    let code = Memo::new(move |_| drawn.get().then(|| address.with(|a| qr(a))));
    view! {
        <p>{live(move || link.with(|link| (t.holds)(&link.experiment)))}</p>
        <WithResults results />
        <p class="problem fatal" data-testid="share-too-long" hidden=fits>{t.too_long}</p>
        <div hidden=whether(move || !fits.get())>
            <Taken testid="share-text" label value rows="3" />
            <Length of=value />
            <details
                data-testid="share-qr"
                on:toggle=move |event| {
                    drawn.set(event_target::<web_sys::Element>(&event).has_attribute("open"));
                }
            >
                <summary>{t.qr}</summary>
                {move || code.get().map(|code| match code {
                    Some(svg) => view! {
                        <div class="qr" role="img" aria-label=t.qr_label inner_html=svg></div>
                    }
                    .into_any(),
                    None => view! { <p class="hint">{t.no_qr}</p> }.into_any(),
                })}
            </details>
        </div>
    }
}
