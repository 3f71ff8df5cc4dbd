use super::frame::beside;
use crate::components::shared::whether;
use crate::terms::Term;
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
    #[prop(optional)] testid: &'static str,
    /// What the chosen one means: the legend is then seen, too.
    #[prop(optional)]
    hint: Option<Signal<String>>,
    /// The legend's term, and that of what is chosen, beside the hint.
    #[prop(optional)]
    words: [Option<Signal<Term>>; 2],
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let radios = choices.into_iter().map(|(value, label, testid)| {
        let checked = whether(move || chosen.get() == value);
        let take = Callback::new(move |()| choose.run(value));
        radio(name, label, testid, checked, take)
    });
    group(legend, testid, hint, words, radios.collect())
}

fn radio(
    name: &'static str,
    label: &'static str,
    testid: &'static str,
    checked: Signal<bool>,
    take: Callback<()>,
) -> AnyView {
    view! {
        <label>
            <input
                type="radio"
                name=name
                data-testid=testid
                prop:checked=checked
                on:change=move |_| take.run(())
            />
            <span>{label}</span>
        </label>
    }
    .into_any()
}

fn group(
    legend: &'static str,
    testid: &'static str,
    hint: Option<Signal<String>>,
    words: [Option<Signal<Term>>; 2],
    radios: Vec<AnyView>,
) -> AnyView {
    let hidden = hint.is_none();
    let set = view! {
        <fieldset class="segmented" data-testid=testid>
            <legend class:hidden=hidden>{legend}</legend>
            <div class="segments">{radios}</div>
        </fieldset>
    };
    match hint {
        None => set.into_any(),
        Some(hint) => {
            let hint = view! { <small>{hint}</small> }.into_any();
            let hint = beside("hinted", hint, words);
            view! { <div class="field wide">{set}{hint}</div> }.into_any()
        }
    }
}
