use super::live;
use leptos::prelude::*;

/// A labelled field for one number. What is not a number changes nothing.
#[component]
pub fn Number(
    #[prop(into)] id: String,
    label: &'static str,
    /// The number as text; empty where there is none.
    #[prop(into)]
    value: Callback<(), String>,
    /// Takes the number; `None` where the field was emptied.
    #[prop(into)]
    set: Callback<Option<f64>>,
    #[prop(default = "any")] step: &'static str,
    #[prop(optional)] min: &'static str,
) -> impl IntoView {
    view! {
        <div class="field small">
            <label for=id.clone()>{label}</label>
            <input
                type="number"
                id=id.clone()
                data-testid=id
                step=step
                min=min
                prop:value=live(move || value.run(()))
                on:input:target=move |event| {
                    let text = event.target().value();
                    match text.parse() {
                        Ok(number) => set.run(Some(number)),
                        Err(_) if text.is_empty() => set.run(None),
                        Err(_) => {}
                    }
                }
            />
        </div>
    }
}
