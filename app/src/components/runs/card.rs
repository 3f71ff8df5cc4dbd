use crate::cells;
use crate::format;
use crate::link;
use crate::runs::{LONGEST_TEXT, Run};
use crate::svg;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Axis, Experiment, GridKind, MetricKind, Room};

/// A run with what is read of it, and its experiment.
#[derive(Clone, PartialEq)]
pub(super) struct Read {
    pub run: Run,
    pub experiment: Experiment,
    /// What is another than in the run before.
    pub changes: Option<String>,
}

/// One run. Its buttons say by attributes what they are for; the list listens.
#[component]
pub(super) fn Card(
    at: usize,
    read: Read,
    /// Whether the page shows it now.
    is_current: bool,
    /// Kind of grid, rows and columns of the map on the page.
    axes: Option<(GridKind, Axis, Axis)>,
    /// Whether the map on the page is compared with it.
    compared: bool,
    /// Whether the browser copies texts.
    by_clipboard: bool,
) -> impl IntoView {
    let t = &text().runs;
    let Read {
        run,
        experiment,
        changes,
    } = read;
    let patching = experiment.room.is_patching();
    let grid = run.grid(&experiment).filter(|_| patching);
    let own = grid.as_ref().map(|g| {
        let kind = g.sweep().axes().kind();
        (kind, g.frame.rows.clone(), g.frame.columns.clone())
    });
    let alike = own.is_some() && own == axes;
    // Until there is a map on the page, none differs from it.
    let apart = match own {
        None => Some(t.no_map),
        Some(_) => (axes.is_some() && !alike).then_some(t.not_alike),
    };
    let metric = experiment.metrics.get(run.shown).map(|m| m.kind);
    let number = |value: Option<f32>| {
        let kind = metric.unwrap_or(MetricKind::LogitDifference);
        value.map_or_else(|| "–".into(), |v| format::metric(v, kind))
    };
    let numbers = metric.filter(|_| patching).map(|kind| {
        let strongest = run.strongest.map(|v| (run.text.as_str(), number(Some(v))));
        (t.numbers)(kind, &number(run.clean), &number(run.corrupted), strongest)
    });
    let picture = match grid.as_ref() {
        Some(grid) => {
            let drawn = svg::squares(&svg::places(grid), |_, _| String::new());
            view! { <span class="small-map" inner_html=drawn></span> }.into_any()
        }
        None if patching => view! { <span class="small-map"></span> }.into_any(),
        None => view! { <q class="first-text">{run.text.clone()}</q> }.into_any(),
    };
    let name = match experiment.room {
        Room::Patching => experiment
            .sweeps
            .get(run.sweep)
            .map_or_else(String::new, cells::sweep),
        Room::Steering => t.steering.to_owned(),
    };
    let where_run = (t.on)(&experiment.model, &run.backend);
    let apart = apart.filter(|_| patching && !compared);
    let address = link::page(&run.link);
    let copy = match by_clipboard {
        true => view! {
            <button type="button" class="quiet" data-act="copy">{t.copy}</button>
        }
        .into_any(),
        false => view! { <a href=address target="_blank" rel="noopener">{t.link}</a> }.into_any(),
    };
    view! {
        <li
            class="run-card"
            class:current=is_current
            aria-current=is_current.then_some("true")
            data-run=at.to_string()
            data-testid=format!("run-{at}")
        >
            <button type="button" class="open" data-act="open" title=t.open>
                {picture}
                <span>{name}</span>
            </button>
            <input
                type="text"
                class="run-name"
                maxlength=LONGEST_TEXT.to_string()
                placeholder=t.name
                aria-label=t.name
                autocomplete="off"
                prop:value=run.name
            />
            <p class="changes">{changes.unwrap_or_else(|| t.first.into())}</p>
            <p class="hint">{numbers}</p>
            <p class="hint">{where_run}{apart}{is_current.then(|| view! { " · " <strong>{t.now}</strong> })}</p>
            <div class="buttons">
                <button type="button" class="quiet" data-act="open">{t.open}</button>
                {patching.then(|| view! {
                    <button
                        type="button"
                        class="quiet"
                        data-act="compare"
                        title=t.compare_hint
                        aria-pressed=compared.to_string()
                        disabled=!compared && (!alike || is_current)
                    >
                        {t.compare}
                    </button>
                })}
                {copy}
                <button type="button" class="quiet" data-act="delete">{t.delete}</button>
            </div>
        </li>
    }
}
