use crate::components::fields::{Choose, Entry};
use crate::components::shared::{live, whether};
use crate::format;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Carriers;

/// From the steering room: patch the steered run into the unsteered one, and ask for the
/// token that the directions raise.
#[component]
pub fn Carriers() -> impl IntoView {
    let state = use_state();
    let t = &text().steered;
    let found = Memo::new(move |_| state.carriers());
    // By its id: another setting raises others.
    let wanted = RwSignal::new(None::<u32>);
    let chosen = Memo::new(move |_| {
        found.with(|found| {
            let wanted = wanted.get();
            let of = found.iter().find(|c| Some(c.token.id) == wanted);
            of.or(found.first()).map(|c| c.token.id)
        })
    });
    let options = Signal::derive(move || {
        let entry = |c: &Carriers| Entry {
            value: c.token.id.to_string(),
            label: (t.raised)(&format::token(&c.token.text), &format::percent(c.raised)),
            barred: false,
        };
        found.with(|found| found.iter().map(entry).collect())
    });
    let none = whether(move || found.with(Vec::is_empty));
    let look = move |_| {
        let id = chosen.get_untracked();
        let of =
            found.with_untracked(|found| found.iter().find(|c| Some(c.token.id) == id).cloned());
        if let Some(carriers) = of {
            state.look_for(carriers);
        }
    };
    view! {
        <div class="carriers">
            <button type="button" data-testid="carriers" disabled=none on:click=look>{t.carriers}</button>
            <div hidden=none>
                <Choose
                    id="carried"
                    label=t.carried
                    class="small"
                    options
                    value=live(move || chosen.get().map(|id| id.to_string()).unwrap_or_default())
                    set=move |id: String| wanted.set(id.parse().ok())
                />
            </div>
            <small>{t.carriers_hint}</small>
        </div>
    }
}
