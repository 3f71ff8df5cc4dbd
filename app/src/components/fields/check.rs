use crate::components::shared::whether;
use leptos::prelude::*;

/// A switch with its label.
#[component]
pub fn Check(
    #[prop(into)] testid: String,
    #[prop(into)] label: Signal<String>,
    checked: Signal<bool>,
    #[prop(into)] set: Callback<bool>,
    #[prop(optional)] hint: &'static str,
    #[prop(default = whether(|| false))] hidden: Signal<bool>,
) -> impl IntoView {
    let hint = (!hint.is_empty()).then(|| view! { <small>{hint}</small> });
    view! {
        <label class="check" hidden=hidden>
            <input
                type="checkbox"
                data-testid=testid
                prop:checked=checked
                on:change:target=move |event| set.run(event.target().checked())
            />
            <span>{label}</span>
            {hint}
        </label>
    }
}
