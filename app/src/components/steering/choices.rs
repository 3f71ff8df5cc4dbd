use crate::components::shared::whether;
use crate::state::use_state;
use leptos::prelude::*;

/// A choice of one of the experiment's directions, after what stands for none.
pub fn choices(
    id: &'static str,
    label: &'static str,
    none: Vec<&'static str>,
    value: impl Fn() -> Option<usize> + Send + Sync + 'static,
    set: impl Fn(Option<usize>) + 'static,
) -> impl IntoView {
    let state = use_state();
    let value = Signal::derive(value);
    let names = Memo::new(move |_| {
        state.steer(|s| {
            s.directions
                .iter()
                .map(|d| d.name.clone())
                .collect::<Vec<_>>()
        })
    });
    let options = move || {
        let none = none.iter().map(|n| (None, n.to_string()));
        let all = none.chain(
            names
                .get()
                .into_iter()
                .enumerate()
                .map(|(i, n)| (Some(i), n)),
        );
        all.map(|(i, name)| {
            let number = i.map(|i| i.to_string()).unwrap_or_default();
            view! { <option value=number prop:selected=whether(move || value.get() == i)>{name}</option> }
        })
        .collect_view()
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select id=id data-testid=id on:change:target=move |e| set(e.target().value().parse().ok())>{options}</select>
        </div>
    }
}
