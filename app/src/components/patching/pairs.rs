use super::metric::OtherMetrics;
use super::steered::SteeredRuns;
use super::template::Template;
use crate::components::fields::{Check, Line, Lines, Number, SEED};
use crate::components::shared::problems::Problems;
use crate::components::shared::{live, whether};
use crate::parts;
use crate::state::use_state;
use crate::table::{self, Task};
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{self, Corruption, Field};

/// The field of the table.
const ID: &str = "pairs";

/// Pairs that a button makes.
const MADE: usize = 8;

/// Further pairs of prompts, as a table, other ways to corrupt the prompt, and other
/// metrics: what most experiments do without.
#[component]
pub fn More() -> impl IntoView {
    view! {
        <div class="mores">
            <Pairs />
            <Noise />
            <OtherMetrics />
            <SteeredRuns />
        </div>
    }
}

#[component]
fn Pairs() -> impl IntoView {
    let state = use_state();
    let t = &text().pairs;
    let take = move |text: String| {
        let pairs = table::read(&text).map_err(|fault| (t.wrong)(fault.line, fault.found))?;
        state.edit(|e| e.pairs = pairs);
        Ok(())
    };
    let written = live(move || state.experiment.with(|e| table::write(&e.pairs)));
    // What is wrong with a file is told where what is typed is told of.
    let read = move |text: String| state.refuse(ID, take(text).err(), true);
    // Of the table as it was read last.
    let bad = move || {
        let stale = state.derived.runs_stale.get();
        state.derived.reading.with(|r| {
            let bad = r.as_ref().filter(|_| !stale).map(|r| r.bad_pairs.clone());
            bad.unwrap_or_default()
        })
    };
    let fill = move |task| {
        state.refuse(ID, None, true);
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
                    read(text);
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
            <Lines
                id=ID
                label=t.title
                rows="5"
                value=written
                set=take
                hint=live(move || t.hint)
                of=Field::Pairs
            />
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
                        state.refuse(ID, None, true);
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
                state.refuse(ID, None, true);
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
    let said = move |of: fn(&experiment::Noise) -> String| {
        live(move || noise().map_or_else(String::new, |n| of(&n)))
    };
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
        let list = parts::numbers(&text).ok_or(crate::text::text().refused.list)?;
        edit(&|noise| noise.positions.clone_from(&list));
        Ok(())
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
                    class="small"
                    label=text().axes.positions
                    value=said(|n| parts::list(&n.positions))
                    set=set_positions
                />
                <Number
                    id="noise-sigma"
                    label=t.sigma
                    value=said(|n| n.sigma.to_string())
                    set=set_sigma
                />
                <Number
                    id="noise-draws"
                    label=t.draws
                    step="1"
                    value=said(|n| n.draws.to_string())
                    set=set_draws
                />
                <Number
                    id="noise-seed"
                    label=t.seed
                    step="1"
                    most=SEED
                    of=Some(Field::NoiseSeed)
                    value=said(|n| n.seed.to_string())
                    set=set_seed
                />
            </div>
        }
    };
    view! {
        <Check testid="noise" label=t.noise checked=whether(on) set=switch />
        <Show when=on>{fields()}</Show>
        <Problems field=Field::Corruption />
    }
}
