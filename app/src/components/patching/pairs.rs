use super::metric::OtherMetrics;
use super::pair_table::{self, ID, PairTable};
use super::steered::SteeredRuns;
use super::template::Template;
use crate::components::fields::{Check, Line, Number, SEED};
use crate::components::shared::problems::Problems;
use crate::components::shared::{Explained, Terms, live, whether};
use crate::download::download;
use crate::later;
use crate::parts;
use crate::set;
use crate::state::use_state;
use crate::table::{self, Task};
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{self, CellFault, Corruption, Experiment, Field};

/// What a space in front mends.
const LACKING: &[CellFault] = &[CellFault::NoSpace, CellFault::NotOneToken];
/// What a space less at the end mends.
const ENDING: &[CellFault] = &[CellFault::EndsInSpace];

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
    let opened = RwSignal::new(false);
    let count = live(move || (t.summary)(state.experiment.with(|e| e.pairs.len())));
    let mends = Memo::new(move |_| {
        !pair_table::remarks(state).is_empty() || !pair_table::bad(state).is_empty()
    });
    view! {
        <details class="more" data-testid="pairs-box" on:toggle=move |_| opened.set(true)>
            <summary>{count}</summary>
            <Show when=move || opened.get()>{TABLE.into_view()}</Show>
        </details>
        <Problems field=Field::Pairs />
        <Show when=move || mends.get()>{MENDS.into_view()}</Show>
    }
}

later! {
    /// All pairs as a table, loaded when the box is first opened, and then kept.
    TABLE: more, table, load_table => view! { <Table /> }
}

later! {
    /// What mends them, loaded where something is to be mended.
    MENDS: more, mends, load_mends => view! { <Mends /> }
}

#[component]
fn Table() -> impl IntoView {
    let state = use_state();
    let t = &text().pairs;
    let read = move |text: String| {
        let pairs = table::read(&text).map_err(|fault| (t.wrong)(fault.line, fault.found));
        state.refuse(ID, pairs.map(|pairs| state.take_pairs(pairs)).err(), true);
    };
    let fill = move |task| {
        state.refuse(ID, None, true);
        state.take_pairs(table::made(task, MADE + 1));
    };
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
    let save = move |_| {
        let pairs = state.experiment.with_untracked(set::pairs);
        download(
            "patchbay-pairs.csv",
            "text/csv",
            table::write(&pairs).as_bytes(),
        );
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
    let refused = Memo::new(move |_| state.refusal(ID));
    on_cleanup(move || state.refuse(ID, None, true));
    view! {
            <PairTable />
            {move || refused.get().map(|why| view! { <p class="problem fatal" role="alert">{why}</p> })}
            <div class="buttons">
                <label class="file">
                    {t.upload}" "
                    <input type="file" accept=".csv,.tsv,.txt,text/csv" data-testid="pairs-file" on:change=upload />
                </label>
                <button type="button" class="quiet" data-testid="save-pairs" on:click=save>{t.save}</button>
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
            <Terms of=&[
                Term::ConfidenceInterval,
                Term::Bootstrap,
                Term::Ioi,
                Term::GreaterThan,
                Term::Docstring,
            ] />
    }
}

/// What is wrong with cells of the table, all of a kind together, and buttons that mend it.
#[component]
fn Mends() -> impl IntoView {
    let state = use_state();
    let t = &text().pairs;
    let remarks = Memo::new(move |_| pair_table::remarks(state));
    // What is told of the editors' own pair stands beside these.
    let told = move || {
        let several = state.experiment.with(|e| !e.pairs.is_empty());
        let kinds = [
            CellFault::NotOneToken,
            CellFault::Unseen,
            CellFault::EndsInSpace,
        ];
        let line = move |fault: CellFault| {
            let mut rows: Vec<usize> = remarks.with(|r| {
                let of = r.iter().filter(|r| r.fault == fault);
                of.map(|r| r.pair + 1).collect()
            });
            rows.dedup();
            (several && !rows.is_empty())
                .then(|| view! { <p class="problem">{(t.rows)(fault, &rows)}</p> })
        };
        kinds.map(line).into_iter().collect_view()
    };
    let helps = move |faults: &'static [CellFault]| {
        remarks.with(|remarks| {
            let of = |e: &Experiment| {
                let remarks = remarks.iter().filter(|r| faults.contains(&r.fault));
                remarks.filter(|r| set::mended(e, r).is_some()).count()
            };
            state.experiment.with(of)
        })
    };
    let mend = move |faults: &'static [CellFault]| {
        state.refuse(ID, None, true);
        state.edit(|e| remarks.with_untracked(|r| set::mend(e, r, faults)));
    };
    let [lacking, ending] = [LACKING, ENDING].map(|faults| Memo::new(move |_| helps(faults)));
    view! {
        <div class="mends" data-testid="pair-remarks">{told}</div>
        <div class="buttons">
            <button
                type="button"
                data-testid="put-spaces-in"
                hidden=whether(move || lacking.get() == 0)
                on:click=move |_| mend(LACKING)
            >
                {live(move || (t.spaces)(lacking.get()))}
            </button>
            <button
                type="button"
                data-testid="trim-pairs"
                hidden=whether(move || ending.get() == 0 || state.experiment.with(|e| e.pairs.is_empty()))
                on:click=move |_| mend(ENDING)
            >
                {live(move || (t.trim_all)(ending.get()))}
            </button>
            <button
                type="button"
                data-testid="leave-out"
                hidden=whether(move || pair_table::bad(state).is_empty())
                on:click=move |_| {
                    let bad = untrack(|| pair_table::bad(state));
                    state.refuse(ID, None, true);
                    state.edit(|e| {
                        let mut at = 0..;
                        e.pairs.retain(|_| at.next().is_none_or(|i| !bad.contains(&i)));
                    });
                }
            >
                {t.leave_out}
            </button>
        </div>
    }
}

/// Noise on the clean prompt's embeddings in the place of a corrupted prompt.
#[component]
fn Noise() -> impl IntoView {
    let state = use_state();
    let t = &text().pairs;
    let on = move || {
        state
            .experiment
            .with(|e| matches!(e.corruption, Corruption::Noise(_)))
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
    view! {
        <div class="named">
            <Check testid="noise" label=t.noise checked=whether(on) set=switch />
            <Explained term=Term::GaussianNoise />
        </div>
        <Show when=on>{NOISE.into_view()}</Show>
        <Problems field=Field::Corruption />
    }
}

later! {
    /// How much of it and where, loaded where it is first wanted.
    NOISE: more, noise, load_noise => view! { <NoiseFields /> }
}

#[component]
fn NoiseFields() -> impl IntoView {
    let state = use_state();
    let t = &text().pairs;
    let noise = move || {
        state.experiment.with(|e| match &e.corruption {
            Corruption::Prompt => None,
            Corruption::Noise(noise) => Some(noise.clone()),
        })
    };
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
            <p class="hint">{text().words.advice[1]}</p>
            <Terms of=&[Term::CausalTracing] />
    }
}
