use crate::components::fields::{Choose, Entry};
use crate::components::shared::live;
use crate::state::use_state;
use leptos::prelude::*;

/// A choice of one of the experiment's directions, after what stands for none.
#[component]
pub fn Choices(
    id: &'static str,
    label: &'static str,
    #[prop(optional)] none: Option<&'static str>,
    value: Signal<Option<usize>>,
    #[prop(into)] set: Callback<Option<usize>>,
) -> impl IntoView {
    let state = use_state();
    let entry = |value: String, label: &str| Entry {
        value,
        label: label.into(),
        barred: false,
    };
    let options = Signal::derive(move || {
        let none = none.map(|none| entry(String::new(), none));
        state.steer(|s| {
            let all = s.directions.iter().enumerate();
            let all = all.map(|(i, d)| entry(i.to_string(), &d.name));
            none.into_iter().chain(all).collect()
        })
    });
    let value = live(move || value.get().map(|i| i.to_string()).unwrap_or_default());
    view! {
        <Choose id label options value set=move |chosen: String| set.run(chosen.parse().ok()) />
    }
}
