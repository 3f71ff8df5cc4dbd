use super::heatmap;
use super::look::LookBox;
use super::top::Top;
use crate::cells;
use crate::components::shared::{Explained, Old, Terms, live, part, whether};
use crate::format;
use crate::state::use_state;
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
                    {live(move || cases().map(t.first_of).unwrap_or_default())}
                </p>
            </Show>
            {part(Shown::Runs, || view! {
            <div class="stages" class:stale=state.derived.runs_stale>
                <Stage name="clean" title=t.clean term=Term::CleanRun hint=t.clean_hint run=clean />
                <Stage
                    name="corrupted"
                    title=t.corrupted
                    term=Term::CorruptedRun
                    hint=t.corrupted_hint
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

#[component]
fn Stage(
    name: &'static str,
    title: &'static str,
    term: Term,
    hint: &'static str,
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
    let hint = live(move || (t.patched_hint)(state.sweep().mode));
    // The share counts only against the runs of the same experiment.
    let share = move || {
        let patched = state.derived.patched.get()?;
        let metric = state.derived.runs.with(|runs| {
            let runs = runs.as_ref()?;
            (runs.experiment == patched.experiment.sweeps_only())
                .then(|| runs.metrics.get(state.shown.get()).cloned())?
        })?;
        way_back(*patched.report.run.metrics.get(state.shown.get())?, &metric)
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
                    fallback=move || view! { <p class="empty">{t.patched_waiting}</p> }
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

/// The cell in words, by its row and its column.
fn place(cell: Cell) -> String {
    use_state()
        .derived
        .grid
        .with(|g| {
            g.as_ref()
                .filter(|g| g.index == cell.sweep)
                .map(|g| cells::place(g, (cell.row, cell.column)))
        })
        .unwrap_or_default()
}

fn way_back(value: f32, metric: &MetricReport) -> Option<String> {
    let share = SweepReport::normalised(value, metric)?;
    let percent = format::number(share * 100.0, 0);
    Some((text().stages.way_back)(&format!("{percent} %")))
}
