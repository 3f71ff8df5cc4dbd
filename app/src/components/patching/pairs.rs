use super::steered::SteeredRuns;
use super::template::Template;
use crate::components::fields::number::{Line, Number, SEED};
use crate::components::shared::problems::Problems;
use crate::components::shared::{live, whether};
use crate::parts;
use crate::state::use_state;
use crate::table::{self, Task};
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{self, Corruption, Field};

/// Pairs that a button makes.
const MADE: usize = 8;

/// Further pairs of prompts, as a table, and other ways to corrupt the prompt.
#[component]
pub fn More() -> impl IntoView {
    view! {
        <Pairs />
        <Noise />
        <SteeredRuns />
    }
}

#[component]
fn Pairs() -> impl IntoView {
    let state = use_state();
    let t = &text().pairs;
    let wrong = RwSignal::new(None::<String>);
    // What is typed stays as it is typed, whether or not it is a table yet.
    let typed = RwSignal::new(state.experiment.with_untracked(|e| table::write(&e.pairs)));
    Effect::new(move |_| {
        let pairs = state.experiment.with(|e| e.pairs.clone());
        let text = typed.get_untracked();
        if table::read(&text).ok().is_none_or(|read| read != pairs)
            && wrong.with_untracked(Option::is_none)
        {
            typed.set(table::write(&pairs));
        }
    });
    let take = move |text: String| match table::read(&text) {
        Ok(pairs) => {
            wrong.set(None);
            typed.set(text);
            state.edit(|e| e.pairs = pairs);
        }
        Err(fault) => {
            wrong.set(Some((t.wrong)(fault.line, fault.found)));
            typed.set(text);
        }
    };
    // Of the table as it was read last.
    let bad = move || {
        let stale = state.derived.runs_stale.get();
        state.derived.reading.with(|r| {
            let bad = r.as_ref().filter(|_| !stale).map(|r| r.bad_pairs.clone());
            bad.unwrap_or_default()
        })
    };
    let fill = move |task| {
        wrong.set(None);
        state.take_pairs(table::made(task, MADE + 1));
    };
    let count = live(move || (t.summary)(state.experiment.with(|e| e.pairs.len())));
    let upload = move |event: leptos::ev::Event| {
        let input = event_target::<web_sys::HtmlInputElement>(&event);
        let file = input.files().and_then(|files| files.get(0));
        if let Some(file) = file {
            leptos::task::spawn_local(async move {
                let text = wasm_bindgen_futures::JsFuture::from(file.text()).await;
                if let Some(text) = text.ok().and_then(|text| text.as_string()) {
                    take(text);
                }
            });
        }
    };
    let buttons = [
        (Task::Ioi, t.ioi, "fill-ioi"),
        (Task::GreaterThan, t.greater_than, "fill-greater-than"),
        (Task::Docstring, t.docstring, "fill-docstring"),
    ]
    .map(|(task, label, testid)| {
        view! {
            <button type="button" class="quiet" data-testid=testid on:click=move |_| fill(task)>
                {label}
            </button>
        }
    });
    view! {
        <details class="more" data-testid="pairs-box">
            <summary>{count}</summary>
            <p class="hint" id="pairs-hint">{t.hint}</p>
            <textarea
                class="mono"
                rows="5"
                data-testid="pairs"
                aria-label=t.title
                aria-describedby="pairs-hint problems-pairs"
                spellcheck="false"
                prop:value=move || typed.get()
                on:change:target=move |event| take(event.target().value())
            ></textarea>
            <p class="problem fatal" hidden=whether(move || wrong.with(Option::is_none))>
                {live(move || wrong.get().unwrap_or_default())}
            </p>
            <div class="buttons">
                <label class="file">
                    {t.upload}" "
                    <input type="file" accept=".csv,.tsv,.txt,text/csv" on:change=upload />
                </label>
                <span>{t.fill}</span>
                {buttons.into_iter().collect_view()}
                <button
                    type="button"
                    class="quiet"
                    disabled=whether(move || state.experiment.with(|e| e.pairs.is_empty()))
                    on:click=move |_| {
                        wrong.set(None);
                        state.edit(|e| e.pairs.clear());
                    }
                >
                    {t.clear}
                </button>
            </div>
            <Template />
        </details>
        <Problems field=Field::Pairs />
        <button
            type="button"
            data-testid="leave-out"
            hidden=whether(move || bad().is_empty())
            on:click=move |_| {
                let bad = untrack(bad);
                wrong.set(None);
                state.edit(|e| {
                    let mut at = 0..;
                    e.pairs.retain(|_| at.next().is_none_or(|i| !bad.contains(&i)));
                });
            }
        >
            {t.leave_out}
        </button>
    }
}

/// Noise on the clean prompt's embeddings in the place of a corrupted prompt.
#[component]
fn Noise() -> impl IntoView {
    let state = use_state();
    let t = &text().pairs;
    let noise = move || {
        state.experiment.with(|e| match &e.corruption {
            Corruption::Prompt => None,
            Corruption::Noise(noise) => Some(noise.clone()),
        })
    };
    let on = move || noise().is_some();
    let edit = move |change: &dyn Fn(&mut experiment::Noise)| {
        state.edit(|e| {
            if let Corruption::Noise(noise) = &mut e.corruption {
                change(noise);
            }
        });
    };
    let said =
        move |of: fn(&experiment::Noise) -> String| noise().map_or_else(String::new, |n| of(&n));
    let switch = move |checked: bool| {
        // The tokens that the corrupted prompt changes are those meant first.
        let differing = state
            .derived
            .reading
            .with_untracked(|r| r.as_ref().map(|r| r.differing.clone()))
            .unwrap_or_default();
        state.edit(|e| {
            e.corruption = match checked {
                false => Corruption::Prompt,
                true => Corruption::Noise(experiment::Noise {
                    positions: differing,
                    sigma: 3.0,
                    seed: 0,
                    draws: 10,
                }),
            };
        });
    };
    let set_positions = move |text: String| {
        let list = parts::numbers(&text);
        if let Some(list) = &list {
            edit(&|noise| noise.positions.clone_from(list));
        }
        list.is_some()
    };
    // Whatever was typed: what makes no sense is told by the engine.
    let set_sigma = move |n: Option<f64>| {
        edit(&|noise| noise.sigma = n.unwrap_or(3.0) as f32);
    };
    let set_draws = move |n: Option<f64>| {
        edit(&|noise| noise.draws = n.unwrap_or(1.0).max(0.0) as usize);
    };
    let set_seed = move |n: Option<f64>| {
        edit(&|noise| noise.seed = n.unwrap_or(0.0).max(0.0) as u64);
    };
    let fields = move || {
        view! {
            <div class="fields">
                <Line
                    id="noise-positions"
                    label=text().axes.positions
                    value=move |()| said(|n| parts::list(&n.positions))
                    set=set_positions
                />
                <Number
                    id="noise-sigma"
                    label=t.sigma
                    value=move |()| said(|n| n.sigma.to_string())
                    set=set_sigma
                />
                <Number
                    id="noise-draws"
                    label=t.draws
                    step="1"
                    value=move |()| said(|n| n.draws.to_string())
                    set=set_draws
                />
                <Number
                    id="noise-seed"
                    label=t.seed
                    step="1"
                    most=SEED
                    value=move |()| said(|n| n.seed.to_string())
                    set=set_seed
                />
            </div>
        }
    };
    view! {
        <label class="check">
            <input
                type="checkbox"
                data-testid="noise"
                prop:checked=whether(on)
                on:change:target=move |event| switch(event.target().checked())
            />
            <span>{t.noise}</span>
        </label>
        <Show when=on>{fields()}</Show>
        <Problems field=Field::Corruption />
    }
}
