use crate::components::shared::whether;
use leptos::prelude::*;

/// A few choices side by side, one of them taken: radio buttons.
#[component]
pub fn Segmented<T>(
    /// Name of the group, unique on the page.
    name: &'static str,
    legend: &'static str,
    /// Each choice with its label and its `data-testid`.
    choices: Vec<(T, &'static str, &'static str)>,
    #[prop(into)] chosen: Signal<T>,
    #[prop(into)] choose: Callback<T>,
    #[prop(optional)] show_legend: bool,
    #[prop(optional)] testid: &'static str,
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let radios: Vec<_> = choices
        .into_iter()
        .map(|(value, label, testid)| {
            view! {
                <label>
                    <input
                        type="radio"
                        name=name
                        data-testid=testid
                        prop:checked=whether(move || chosen.get() == value)
                        on:change=move |_| choose.run(value)
                    />
                    <span>{label}</span>
                </label>
            }
        })
        .collect();
    view! {
        <fieldset class="segmented" data-testid=testid>
            <legend class:hidden=!show_legend>{legend}</legend>
            <div class="segments">{radios}</div>
        </fieldset>
    }
}
