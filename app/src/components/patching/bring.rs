use crate::components::fields::{Choose, Line, numbered};
use crate::components::shared::live;
use crate::components::shared::problems::Problems;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Bring, Field, Prompt, SweepField};

/// Where a room tells what is wrong with it, whichever sweep it is of.
const BRING: Field = Field::SweepAt(0, SweepField::Bring);

/// The place of what is brought in among those offered.
pub fn kind(bring: &Bring) -> usize {
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

/// What is brought in, in a few words.
pub fn brought(bring: &Bring) -> &'static str {
    text().axes.brings[kind(bring)]
}

/// What is put in the place of the activations.
#[component]
pub fn BringFields() -> impl IntoView {
    let state = use_state();
    let t = &text().axes;
    let now = Memo::new(move |_| kind(&state.sweep().bring));
    let prompt = live(move || match state.sweep().bring {
        Bring::Prompt {
            prompt: Prompt::Text(text),
        } => text,
        _ => String::new(),
    });
    view! {
        <Choose
            id="bring"
            label=t.bring
            options=numbered(&t.brings)
            value=live(move || now.get().to_string())
            set=move |chosen: String| {
                let bring = match chosen.as_str() {
                    "1" => Bring::Zero,
                    "2" => Bring::Mean { over_positions: false },
                    "3" => Bring::Mean { over_positions: true },
                    "4" => Bring::Resample { seed: 0 },
                    "5" => Bring::Prompt { prompt: Prompt::Text(String::new()) },
                    _ => Bring::Other,
                };
                state.edit_sweep(|sweep| sweep.bring = bring);
            }
            hint=live(move || t.bring_hints[now.get()])
            now=Signal::derive(move || Term::from(&state.sweep().bring))
            of=BRING
        />
        <Show when=move || now.get() == 5>
            <Line
                id="bring-prompt"
                label=t.bring_prompt
                class="wide"
                value=prompt
                set=move |text| {
                    let prompt = Prompt::Text(text);
                    state.edit_sweep(|sweep| sweep.bring = Bring::Prompt { prompt });
                    Ok(())
                }
                of=BRING
            />
        </Show>
        <Problems field=BRING />
    }
}
