use super::beside::{Beside, BesideMap, chosen};
use super::controls::{RunButtons, Settings};
use super::grids::{Grids, MetricChoice, Pin, Strongest};
use super::heatmap::HeatMap;
use super::legend::Legend;
use super::picture::Picture;
use super::raw::Raw;
use super::remarks::Remarks;
use super::status::StatusLine;
use super::table::Values;
use crate::components::fields::Segmented;
use crate::components::shared::{Explained, Reports, Terms, in_page, live, part};
use crate::download::{download, download_picture};
use crate::export;
use crate::state::{State, use_state};
use crate::svg;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Shown;

/// Cells that are drawn at most: more could not be read.
const MOST_CELLS: usize = 4_000;

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
    let (pointed, set_pointed) = signal(None);
    let (hovered, beside) = (RwSignal::new(None), RwSignal::new(Beside::default()));
    let other = Memo::new(move |_| grid.with(|g| chosen(state, beside.get(), g.as_ref()?)));
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
                <StatusLine />
                <RunButtons />
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
                            <HeatMap pointed=set_pointed hovered range />
                            <BesideMap beside other pointed=pointed.into() hovered />
                        </Show>
                        <div class="under-map">
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
                        <Terms of=&[
                            Term::Normalised,
                            Term::ResidualStream,
                            Term::Layer,
                            Term::Head,
                            Term::Position,
                            Term::Activation,
                        ] />
                        <Strongest />
                        <Downloads />
                        <Values />
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
        let content = state
            .derived
            .grid
            .with_untracked(|g| g.as_ref().map(export::csv));
        if let Some(Ok(content)) = content {
            download(
                &file_name(state, "csv"),
                "text/csv;charset=utf-8",
                content.as_bytes(),
            );
        }
    };
    let picture = move || {
        let grid = state.derived.grid.get_untracked()?;
        let title = (text().map.table_caption)(grid.sweep().site, grid.sweep().mode);
        Some(svg::file(&grid, &title))
    };
    let svg = move |_| {
        if let Some(content) = picture() {
            download(
                &file_name(state, "svg"),
                "image/svg+xml",
                content.as_bytes(),
            );
        }
    };
    let png = move |_| {
        if let Some(content) = picture() {
            download_picture(file_name(state, "png"), content);
        }
    };
    let verify = live(move || {
        format!(
            "verify.html?model={}",
            state.experiment.with(|e| e.model.clone())
        )
    });
    view! {
        <div class="downloads">
            <button type="button" data-testid="download-svg" on:click=svg>{t.svg}</button>
            <button type="button" data-testid="download-png" on:click=png>{t.png}</button>
            <button type="button" data-testid="download-csv" on:click=csv>{t.csv}</button>
            <Reports name=move || file_name(state, "json") />
            <a href=verify target="_blank" rel="noopener" data-testid="verify">{t.verify}</a>
        </div>
    }
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
