use crate::components::shared::problems::Problems;
use crate::components::shared::{live, whether};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Bring, Field, Prompt, SweepField};

fn kind(bring: &Bring) -> usize {
    match bring {
        Bring::Other => 0,
        Bring::Zero => 1,
        Bring::Mean {
            over_positions: false,
        } => 2,
        Bring::Mean {
            over_positions: true,
        } => 3,
        Bring::Resample { .. } => 4,
        Bring::Prompt { .. } => 5,
    }
}

/// What is put in the place of the activations.
#[component]
pub fn BringFields() -> impl IntoView {
    let state = use_state();
    let t = &text().axes;
    let now = Memo::new(move |_| kind(&state.sweep().bring));
    let options = t
        .brings
        .iter()
        .enumerate()
        .map(|(i, label)| {
            view! {
                <option value=i.to_string() prop:selected=whether(move || now.get() == i)>
                    {*label}
                </option>
            }
        })
        .collect_view();
    let prompt = live(move || match state.sweep().bring {
        Bring::Prompt {
            prompt: Prompt::Text(text),
        } => text,
        _ => String::new(),
    });
    view! {
        <div class="field">
            <label for="bring">{t.bring}</label>
            <select
                id="bring"
                data-testid="bring"
                on:change:target=move |event| {
                    let bring = match event.target().value().as_str() {
                        "1" => Bring::Zero,
                        "2" => Bring::Mean { over_positions: false },
                        "3" => Bring::Mean { over_positions: true },
                        "4" => Bring::Resample { seed: 0 },
                        "5" => Bring::Prompt { prompt: Prompt::Text(String::new()) },
                        _ => Bring::Other,
                    };
                    state.edit_sweep(|sweep| sweep.bring = bring);
                }
            >
                {options}
            </select>
            <small>{live(move || t.bring_hints[now.get()])}</small>
        </div>
        <div class="field wide" hidden=whether(move || now.get() != 5)>
            <label for="bring-prompt">{t.bring_prompt}</label>
            <input
                type="text"
                id="bring-prompt"
                data-testid="bring-prompt"
                prop:value=prompt
                on:change:target=move |event| {
                    let prompt = Prompt::Text(event.target().value());
                    state.edit_sweep(|sweep| sweep.bring = Bring::Prompt { prompt });
                }
            />
        </div>
        <Problems field=Field::SweepAt(0, SweepField::Bring) />
    }
}
