use super::bring::brought;
use super::heatmap;
use super::look::LookBox;
use super::top::Top;
use crate::cells;
use crate::components::shared::{Explained, Old, Terms, live, part, whether};
use crate::format;
use crate::state::{State, use_state};
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{
    Cell, MetricKind, MetricReport, RunReport, Shown, SweepReport, Token,
};

/// The clean, the corrupted and the patched run, side by side.
#[component]
pub fn Stages() -> impl IntoView {
    let state = use_state();
    let t = &text().stages;
    let runs = state.derived.runs;
    let cases = move || {
        state
            .derived
            .reading
            .with(|r| r.as_ref().and_then(|r| r.cases))
    };
    // What the run reads, and what else is done to it.
    let hint_of =
        move |corrupted: bool| live(move || state.experiment.with(|e| (t.reads)(e, corrupted)));
    let clean = Signal::derive(move || runs.with(|r| r.as_ref().map(|r| r.clean.clone())));
    let corrupted = Signal::derive(move || runs.with(|r| r.as_ref().map(|r| r.corrupted.clone())));
    view! {
        <section class="panel" aria-labelledby="stages-title" aria-busy=live(move || state.derived.busy.get().to_string())>
            <div class="named">
                <h2 id="stages-title">{t.title}<Old is=state.derived.runs_stale /></h2>
                <Explained term=Term::ActivationPatching first=true />
            </div>
            <Show when=move || cases().is_some()>
                <p class="note" data-testid="first-of">
                    {live(move || cases().map(|n| (t.first_of)(n, means(state).as_ref())).unwrap_or_default())}
                </p>
            </Show>
            {part(Shown::Runs, || view! {
            <div class="stages" class:stale=state.derived.runs_stale>
                <Stage name="clean" title=t.clean term=Term::CleanRun hint=hint_of(false) run=clean />
                <Stage
                    name="corrupted"
                    title=t.corrupted
                    term=Term::CorruptedRun
                    hint=hint_of(true)
                    run=corrupted
                />
                <PatchedStage />
            </div>
            }.into_any())}
            <Terms of=&[Term::Logit, Term::Softmax, Term::Probability] />
            {part(Shown::Cell, || view! { <div class:stale=state.derived.patched_stale><LookBox /></div> }.into_any())}
        </section>
    }
}

/// The metric of both runs over all pairs, as it is written.
fn means(state: State) -> Option<[String; 2]> {
    let shown = state.shown.get();
    state.derived.runs.with(|runs| {
        let runs = runs.as_ref()?;
        let (metric, of) = (
            runs.metrics.get(shown)?,
            runs.experiment.metrics.get(shown)?,
        );
        Some([metric.clean, metric.corrupted].map(|value| format::metric(value, of.kind)))
    })
}

#[component]
fn Stage(
    name: &'static str,
    title: &'static str,
    term: Term,
    hint: Signal<String>,
    #[prop(into)] run: Signal<Option<RunReport>>,
) -> impl IntoView {
    view! {
        <article class=format!("stage {name}") data-testid=format!("stage-{name}")>
            <h3>{title}</h3>
            <p class="hint">{hint}" "<Explained term /></p>
            <MetricLine name run />
            <Top name run />
            <Continuation run />
        </article>
    }
}

#[component]
fn PatchedStage() -> impl IntoView {
    let state = use_state();
    let t = &text().stages;
    let cell = move || state.experiment.with(|e| e.cell);
    let run = Signal::derive(move || {
        state
            .derived
            .patched
            .with(|p| p.as_ref().map(|p| p.report.run.clone()))
    });
    // The runs beside it may be new, where it failed.
    let patched_stale =
        whether(move || state.derived.patched_stale.get() && !state.derived.runs_stale.get());
    // Of the sweep that the cell is one of, which need not be the one that is looked at.
    let sweep = move || {
        let of = |cell: Cell| state.experiment.with(|e| e.sweeps.get(cell.sweep).cloned());
        cell().and_then(of).unwrap_or_else(|| state.sweep())
    };
    let hint = live(move || {
        let sweep = sweep();
        let brought = (!sweep.bring.is_other()).then(|| brought(&sweep.bring));
        (t.patched_hint)(sweep.mode, sweep.axes().kind(), brought)
    });
    // The share counts only against the runs of the same experiment.
    let share = move || {
        let patched = state.derived.patched.get()?;
        let shown = state.shown.get();
        // Of several pairs the first: its own runs', and not the means of all.
        state.derived.runs.with(|runs| {
            let runs = runs.as_ref()?;
            let same = runs.experiment == patched.experiment.sweeps_only();
            let metric = MetricReport {
                clean: *runs.clean.metrics.get(shown)?,
                corrupted: *runs.corrupted.metrics.get(shown).filter(|_| same)?,
                advice: None,
            };
            let kind = runs.experiment.metrics.get(shown)?.kind;
            way_back(*patched.report.run.metrics.get(shown)?, &metric, kind)
        })
    };
    let share = live(move || {
        run.with(Option::is_some)
            .then(share)
            .flatten()
            .unwrap_or_default()
    });
    let place = live(move || cell().map(place).unwrap_or_default());
    let unchanged = live(move || {
        let cell = cell().filter(|c| c.sweep == state.active.get());
        let why = cell.and_then(|c| heatmap::unchanged(state, (c.row, c.column)));
        why.unwrap_or_default()
    });
    let strongest = move || {
        let stale = state.derived.stale.get();
        state
            .derived
            .grid
            .with(|g| g.as_ref().filter(|_| !stale)?.strongest())
    };
    // A memo: an effect that reads two, of which one follows the other, can miss the first map.
    let none = Memo::new(move |_| strongest().is_none());
    view! {
        <article class="stage patched" class:stale=patched_stale id="patched-run" data-testid="stage-patched">
            <h3>{t.patched} <span class="place">{place}</span></h3>
            <p class="hint">{hint}" "<Explained term=Term::PatchedRun /></p>
            <p class="share" aria-live="polite">{share}</p>
            <p class="note" data-testid="unchanged" hidden=whether(move || unchanged.with(String::is_empty))>
                {unchanged}
            </p>
            <div class="empty" hidden=whether(move || cell().is_some())>
                <p>{t.patched_empty}</p>
                <button
                    type="button"
                    id="show-strongest"
                    data-testid="strongest"
                    disabled=none
                    on:click=move |event| {
                        if let Some(at) = untrack(strongest) {
                            let cell = state.cell(at.0, at.1);
                            state.edit(|e| e.cell = Some(cell));
                            heatmap::show(at);
                            // The button goes: who pressed it with a key goes on from the cell.
                            if event.detail() == 0 {
                                heatmap::enter(at);
                            }
                        }
                    }
                >
                    {t.strongest}
                </button>
            </div>
            <Show when=move || cell().is_some()
            >
                <Show
                    when=move || run.with(Option::is_some)
                    fallback=move || view! { <p class="empty">{live(move || waiting(state))}</p> }
                >
                    <MetricLine name="patched" run />
                    <Top name="patched" run />
                    <Continuation run />
                </Show>
                <button
                    type="button"
                    class="quiet"
                    data-testid="clear-cell"
                    on:click=move |_| state.edit(|e| e.cell = None)
                >
                    {t.clear_cell}
                </button>
            </Show>
        </article>
    }
}

#[component]
fn MetricLine(name: &'static str, #[prop(into)] run: Signal<Option<RunReport>>) -> impl IntoView {
    let state = use_state();
    let t = &text().stages;
    // The kind that the runs were measured with, not the one just chosen.
    let kind = move || {
        state
            .derived
            .runs
            .with(|r| {
                r.as_ref()
                    .and_then(|r| r.experiment.metrics.get(state.shown.get()).map(|m| m.kind))
            })
            .unwrap_or(MetricKind::LogitDifference)
    };
    let metric = move || {
        run.with(|r| {
            r.as_ref()
                .map(|r| r.metrics.get(state.shown.get()).copied())
        })
    };
    let value = live(move || match metric() {
        Some(Some(value)) => format::metric(value, kind()),
        Some(None) | None => "–".into(),
    });
    let label = live(move || match metric() {
        None => t.waiting,
        Some(None) => t.no_metric,
        Some(Some(_)) => (text().answer.kind)(kind()),
    });
    view! {
        <p class="metric">
            <strong data-testid=format!("metric-{name}")>{value}</strong>
            <span title=label>{label}</span>
        </p>
    }
}

#[component]
fn Continuation(#[prop(into)] run: Signal<Option<RunReport>>) -> impl IntoView {
    let t = &text().stages;
    move || {
        let words: String = run.with(|r| {
            let run = r.as_ref();
            run.map(|r| Token::joined(&r.continuation))
                .unwrap_or_default()
        });
        (!words.is_empty()).then(|| view! { <p class="hint">{t.continues}" "<q>{words}</q></p> })
    }
}

/// Why the chosen cell's run is not there.
fn waiting(state: State) -> String {
    match state.is_barred() && !state.derived.busy.get() {
        true => text().stages.patched_barred.into(),
        false => text().stages.patched_waiting.into(),
    }
}

/// The cell in words, by its row and its column; of another sweep than the one that is
/// looked at, that too.
fn place(cell: Cell) -> String {
    let state = use_state();
    state.results.with(|r| {
        let Some(grid) = r.grids.iter().find(|g| g.index == cell.sweep) else {
            return String::new();
        };
        let place = cells::place(grid, (cell.row, cell.column));
        match cell.sweep == state.active.get() {
            true => place,
            false => format!("{}: {place}", cells::sweep(grid.sweep())),
        }
    })
}

fn way_back(value: f32, metric: &MetricReport, kind: MetricKind) -> Option<String> {
    let share = SweepReport::normalised(value, metric)?;
    let percent = format::number(share * 100.0, 0);
    let kind = (text().answer.kind)(kind);
    Some((text().stages.way_back)(&format!("{percent} %"), kind))
}
