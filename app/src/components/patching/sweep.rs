use super::beside::{BESIDE, Beside, Together, chosen, has_others};
use super::controls::{RunButtons, Settings};
use super::estimated::{AGREEMENT, SWITCH};
use super::grids::{Grids, MetricChoice, Pin, Strongest};
use super::heatmap::HeatMap;
use super::legend::Legend;
use super::picture::Picture;
use super::raw::Raw;
use super::remarks::Remarks;
use super::status::StatusLine;
use super::table::Values;
use crate::components::fields::Segmented;
use crate::components::shared::{Explained, Reports, Terms, in_page, live, part, saved, whether};
use crate::download::{download, download_picture};
use crate::export;
use crate::grid::Grid;
use crate::state::{State, use_state};
use crate::svg;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Shown;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

/// Cells that are drawn at most: more could not be read.
const MOST_CELLS: usize = 4_000;

/// What stands there instead while a guess at what comes out is asked for.
fn hidden() -> impl IntoView {
    view! { <p class="hint" data-testid="map-hidden">{text().sweep.hidden}</p> }
}

/// The sweep: its settings, its map and its numbers.
#[component]
pub fn Sweep() -> impl IntoView {
    let state = use_state();
    let (t, map) = (&text().sweep, &text().map);
    let grid = state.derived.grid;
    let raw = Signal::derive(move || state.preferences.with(|p| p.raw));
    let cells =
        Memo::new(move |_| grid.with(|g| g.as_ref().map_or(0, |g| g.rows.len() * g.columns.len())));
    let has_grid = Memo::new(move |_| grid.with(Option::is_some));
    let covered = whether(move || state.is_covered());
    // A difference is one of normalised values; where both runs are alike there are none.
    let one_scale =
        whether(move || grid.with(|g| g.as_ref().is_some_and(|g| !g.is_normalisable())));
    let estimates = Memo::new(move |_| {
        let any = |g: &Grid| g.estimated || !g.estimates.is_empty();
        grid.with(|g| g.as_ref().is_some_and(any))
    });
    let (pointed, set_pointed) = signal(None);
    let (hovered, beside) = (RwSignal::new(None), RwSignal::new(Beside::default()));
    let other = Memo::new(move |_| grid.with(|g| chosen(state, beside.get(), g.as_ref()?)));
    provide_context(Together {
        beside,
        other,
        pointed: pointed.into(),
        hovered,
    });
    let others = Memo::new(move |_| has_others(state));
    let range = Memo::new(move |_| {
        grid.with(|g| other.with(|o| Some(g.as_ref()?.range_beside(o.as_ref()))))
    });
    let scales = vec![
        (false, map.normalised, "values-normalised"),
        (true, map.raw, "values-raw"),
    ];
    view! {
        <section class="panel" aria-labelledby="sweep-title">
            <div class="panel-head">
                <div class="named">
                    <h2 id="sweep-title">{t.title}</h2>
                    <Explained term=Term::Cell first=true />
                </div>
                <Show when=move || !covered.get() fallback=hidden>
                    <StatusLine />
                    <RunButtons />
                </Show>
            </div>
            <Grids />
            {part(Shown::Settings, || view! { <Settings /> }.into_any())}
            <div class="map-area">
                {part(Shown::Map, move || view! {
                <div class="map-column">
                    <Remarks />
                    <Show
                        when=move || has_grid.get()
                        fallback=move || view! { <p class="empty map-empty">{map.empty}</p> }
                    >
                        <Show
                            when=move || cells.get() <= MOST_CELLS
                            fallback=move || {
                                view! { <p class="note">{(text().grids.too_many)(cells.get())}</p> }
                            }
                        >
                            <Show when=move || estimates.get()>{SWITCH.into_view()}</Show>
                            <HeatMap pointed=set_pointed hovered range />
                            <Show when=move || others.get()>{BESIDE.into_view()}</Show>
                        </Show>
                        <div class="under-map" class:one-scale=one_scale hidden=covered>
                            <Segmented
                                name="values"
                                legend=map.scale
                                choices=scales.clone()
                                chosen=raw
                                choose=move |raw| state.set_preferences.update(|p| p.raw = raw)
                            />
                            <Legend range />
                            <MetricChoice />
                            <Pin />
                        </div>
                        <Show when=move || estimates.get()>{AGREEMENT.into_view()}</Show>
                        <Terms of=&[
                            Term::Normalised,
                            Term::ResidualStream,
                            Term::Layer,
                            Term::Head,
                            Term::Position,
                            Term::Activation,
                        ] />
                        <Show when=move || !covered.get()>
                            <Strongest />
                            <Downloads />
                            <Values />
                        </Show>
                    </Show>
                </div>
                }.into_any())}
                {part(Shown::Picture, || view! { <Picture pointed /> }.into_any())}
            </div>
            {in_page(|| view! { <Raw /> }.into_any())}
        </section>
    }
}

#[component]
fn Downloads() -> impl IntoView {
    let state = use_state();
    let t = &text().map;
    let csv = move |_| {
        let grid = state.derived.grid.get_untracked();
        saved(state, async move {
            save_csv(grid, file_name(state, "csv")).await
        });
    };
    let picture = move |extension: &'static str| {
        let grid = state.derived.grid.get_untracked();
        saved(state, async move {
            save_picture(grid, file_name(state, extension)).await
        });
    };
    let verify = live(move || {
        format!(
            "verify.html?model={}",
            state.experiment.with(|e| e.model.clone())
        )
    });
    view! {
        <div class="downloads">
            <button type="button" data-testid="download-svg" on:click=move |_| picture("svg")>{t.svg}</button>
            <button type="button" data-testid="download-png" on:click=move |_| picture("png")>{t.png}</button>
            <button type="button" data-testid="download-csv" on:click=csv>{t.csv}</button>
            <Reports name=move || file_name(state, "json") />
            <a href=verify target="_blank" rel="noopener" data-testid="verify">{t.verify}</a>
        </div>
    }
}

/// The sweep as rows.
#[wasm_split(save, fallible)]
fn save_csv(grid: Option<Grid>, name: String) -> Result<(), SplitLoaderError> {
    if let Some(Ok(content)) = grid.as_ref().map(export::csv) {
        download(&name, "text/csv;charset=utf-8", content.as_bytes());
    }
    Ok(())
}

/// The map as a picture, in the form that the name says.
#[wasm_split(save, fallible)]
fn save_picture(grid: Option<Grid>, name: String) -> Result<(), SplitLoaderError> {
    if let Some(grid) = grid {
        let mut title = (text().map.table_caption)(grid.sweep().site, grid.sweep().mode);
        if grid.estimated {
            title = (text().map.estimate)(&title);
        }
        let content = svg::file(&grid, &title);
        match name.ends_with(".png") {
            true => download_picture(name, content),
            false => download(&name, "image/svg+xml", content.as_bytes()),
        }
    }
    Ok(())
}

/// A name that tells what is in the file.
fn file_name(state: State, extension: &str) -> String {
    let site = state
        .derived
        .grid
        .with_untracked(|g| g.as_ref().map(|g| g.sweep().site.name()));
    match site {
        Some(site) => format!("patchbay-{site}.{extension}"),
        None => format!("patchbay.{extension}"),
    }
}
