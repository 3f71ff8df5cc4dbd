use super::controls::Controls;
use super::heatmap::HeatMap;
use super::legend::Legend;
use super::problems::Problems;
use super::segmented::Segmented;
use super::status::StatusLine;
use super::table::Values;
use super::whether;
use crate::download::download;
use crate::export;
use crate::state::{State, use_state};
use crate::text::text;
use leptos::prelude::*;

/// The sweep: its settings, its map and its numbers.
#[component]
pub fn Sweep() -> impl IntoView {
    let state = use_state();
    let (t, map) = (&text().sweep, &text().map);
    let grid = state.derived.grid;
    let raw = Signal::derive(move || state.preferences.with(|p| p.raw));
    let has_grid = Memo::new(move |_| grid.with(Option::is_some));
    let scales = vec![
        (false, map.normalised, "values-normalised"),
        (true, map.raw, "values-raw"),
    ];
    view! {
        <section class="panel" aria-labelledby="sweep-title">
            <h2 id="sweep-title">{t.title}</h2>
            <Controls />
            <StatusLine />
            <Problems field="sweep" />
            <Show
                        when=move || has_grid.get()
                        fallback=move || view! { <p class="empty map-empty">{map.empty}</p> }
                    >
                        <Show when=move || state.derived.stale.get()>
                            <p class="note">{map.stale}</p>
                        </Show>
                        <HeatMap />
                        <div class="under-map">
                            <Segmented
                                name="values"
                                legend=map.scale
                                choices=scales.clone()
                                chosen=raw
                                choose=move |raw| state.set_preferences.update(|p| p.raw = raw)
                            />
                            <Legend />
                        </div>
                        <Downloads />
                        <Values />
                    </Show>
        </section>
    }
}

#[component]
fn Downloads() -> impl IntoView {
    let state = use_state();
    let t = &text().map;
    let report = move || {
        let experiment = state.experiment.get();
        state.results.with(|r| r.download(&experiment))
    };
    let csv = move |_| {
        let content = state
            .derived
            .grid
            .with_untracked(|g| g.as_ref().map(export::csv));
        if let Some(Ok(content)) = content {
            download(&file_name(state, "csv"), "text/csv;charset=utf-8", &content);
        }
    };
    let json = move |_| {
        let content = untrack(report).as_ref().map(export::json);
        if let Some(Ok(content)) = content {
            download(&file_name(state, "json"), "application/json", &content);
        }
    };
    view! {
        <div class="downloads">
            <button type="button" data-testid="download-csv" on:click=csv>{t.csv}</button>
            <button
                type="button"
                data-testid="download-json"
                title=t.json_hint
                disabled=whether(move || report().is_none())
                on:click=json
            >
                {t.json}
            </button>
        </div>
    }
}

/// A name that tells what is in the file.
fn file_name(state: State, extension: &str) -> String {
    let site = state
        .derived
        .grid
        .with_untracked(|g| g.as_ref().map(|g| g.site().name()));
    match site {
        Some(site) => format!("patchbay-{site}.{extension}"),
        None => format!("patchbay.{extension}"),
    }
}
