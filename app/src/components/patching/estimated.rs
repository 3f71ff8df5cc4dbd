use crate::cells::{both, place, written};
use crate::components::fields::{Choose, Number, Segmented, numbered};
use crate::components::shared::{live, whether};
use crate::grid::Grid;
use crate::later;
use crate::scatter::{Dot, scatter};
use crate::state::use_state;
use crate::terms::Term;
use crate::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{
    Agreement as Compared, Attribution, AttributionMethod, GridKind,
};

/// Cells that are patched, too, where nobody has said how many.
const MOST: usize = 10;

/// Points of integrated gradients that nobody has chosen.
const POINTS: usize = 5;

later! {
    /// Which of the two the map shows, loaded with the first estimate.
    pub SWITCH: more, estimate_switch, load_switch => view! { <Switch /> }
}

later! {
    /// How far an estimate and what was patched agree.
    pub AGREEMENT: more, estimate_agreement, load_agreement => view! { <Agreement /> }
}

/// The place of a method among those offered, of which the first is none.
fn kind(estimate: Option<Attribution>) -> usize {
    match estimate.map(|e| e.method) {
        None => 0,
        Some(AttributionMethod::Atp) => 1,
        Some(AttributionMethod::Relp) => 2,
        Some(AttributionMethod::IntegratedGradients { .. }) => 3,
    }
}

/// What explains each.
const TERMS: [Term; 4] = [
    Term::AttributionPatching,
    Term::AttributionPatching,
    Term::Relp,
    Term::IntegratedGradients,
];

/// Whether a gradient says what the patches would do, and how many are made all the same.
#[component]
pub fn EstimateFields() -> impl IntoView {
    let state = use_state();
    let t = text::estimate();
    let estimate = move || state.sweep().estimate;
    let now = Memo::new(move |_| kind(estimate()));
    let edit = move |change: &dyn Fn(&mut Attribution)| {
        state.edit_sweep(|sweep| {
            if let Some(estimate) = &mut sweep.estimate {
                change(estimate);
            }
        });
    };
    let choose = move |chosen: String| {
        let method = match chosen.as_str() {
            "1" => Some(AttributionMethod::Atp),
            "2" => Some(AttributionMethod::Relp),
            "3" => Some(AttributionMethod::IntegratedGradients { points: POINTS }),
            _ => None,
        };
        state.edit_sweep(|sweep| {
            let most = sweep.estimate.map_or(Some(MOST), |e| e.most);
            sweep.estimate = method.map(|method| Attribution { method, most });
        });
    };
    let most = live(move || {
        let most = estimate().and_then(|e| e.most);
        most.map_or_else(String::new, |n| n.to_string())
    });
    let points = live(move || match estimate().map(|e| e.method) {
        Some(AttributionMethod::IntegratedGradients { points }) => points.to_string(),
        _ => String::new(),
    });
    // Whole numbers of their fields' ranges.
    let set_points = move |n: Option<f64>| {
        let points = n.map_or(POINTS, |n| n as usize);
        edit(&|e| e.method = AttributionMethod::IntegratedGradients { points });
    };
    let set_most = move |n: Option<f64>| edit(&|e| e.most = n.map(|n| n as usize));
    // Paths are found by patching them.
    let offered = move || state.sweep().axes().kind() != GridKind::Paths;
    view! {
        <Show when=offered>
            <Choose
                id="estimate"
                label=t.estimate
                options=numbered(&t.methods)
                value=live(move || now.get().to_string())
                set=choose
                hint=live(move || t.hints[now.get()])
                now=Signal::derive(move || TERMS[now.get()])
            />
            <div class="fields">
                <Show when=move || now.get() == 3>
                    <Number
                        id="estimate-points"
                        label=t.points
                        hint=live(|| text::estimate().points_hint)
                        step="1"
                        least=1.0
                        most=AttributionMethod::MOST_POINTS as f64
                        value=points
                        set=set_points
                    />
                </Show>
                <Show when=move || now.get() != 0>
                    <Number
                        id="estimate-most"
                        label=t.most
                        hint=live(|| text::estimate().most_hint)
                        step="1"
                        least=1.0
                        maybe=true
                        value=most
                        set=set_most
                    />
                </Show>
            </div>
        </Show>
    }
}

/// What the map shows: what was patched, or what was estimated, and that it is that.
#[component]
fn Switch() -> impl IntoView {
    let state = use_state();
    let t = text::estimate();
    let grid = state.derived.grid;
    let choices = vec![
        (false, t.patched, "show-patched"),
        (true, t.estimated, "show-estimated"),
    ];
    let estimated = whether(move || grid.with(|g| g.as_ref().is_some_and(|g| g.estimated)));
    view! {
        <div class="estimate-switch">
            <Segmented
                name="estimated"
                legend=t.shown
                choices
                chosen=state.estimated
                choose=move |estimated| state.estimated.set(estimated)
            />
            <p class="hint" data-testid="estimate-said">
                <strong class="badge" hidden=whether(move || !estimated.get())>{t.badge}</strong>
                {live(move || grid.with(|g| g.as_ref().map(said)).unwrap_or_default())}
            </p>
        </div>
    }
}

/// What is shown, in a sentence.
fn said(grid: &Grid) -> String {
    let t = text::estimate();
    let has = |of: &[crate::grid::Values<f32>]| {
        of.get(grid.shown)
            .is_some_and(|m| m.iter().flatten().any(Option::is_some))
    };
    match grid.sweep().estimate {
        _ if grid.difference => t.of_difference.into(),
        Some(_) if !has(&grid.estimates) => {
            (t.no_derivative)((text::text().answer.kind)(grid.kind()))
        }
        Some(estimate) if grid.estimated => (t.is_estimate)(estimate.method),
        Some(_) | None => t.is_patched.into(),
    }
}

/// How far what was estimated and what was patched agree: in words, and drawn.
#[component]
fn Agreement() -> impl IntoView {
    let state = use_state();
    let t = text::estimate();
    let grid = state.derived.grid;
    let raw = move || state.preferences.with(|p| p.raw);
    let compared = Memo::new(move |_| grid.with(|g| compared(g.as_ref()?)));
    let words = move || {
        grid.with(|g| g.as_ref().map(|g| words(g, compared.get(), raw())))
            .unwrap_or_default()
            .into_iter()
            .map(|sentence| view! { <p>{sentence}</p> })
            .collect_view()
    };
    let drawn = move || {
        compared.get()?;
        grid.with(|g| g.as_ref().map(|g| drawn(g, raw())))
    };
    view! {
        <section class="agreement" aria-labelledby="agreement-title" data-testid="estimate-agreement">
            <h3 id="agreement-title">{t.title}</h3>
            <div class="agreement-both">
                <div class="scatter" data-testid="scatter" inner_html=move || drawn().unwrap_or_default()></div>
                <div class="said">{words}<p class="hint">{t.trust}</p></div>
            </div>
        </section>
    }
}

/// The comparison of the metric that is shown.
fn compared(grid: &Grid) -> Option<Compared> {
    *grid.agreement.get(grid.shown)?
}

/// What the comparison says.
fn words(grid: &Grid, compared: Option<Compared>, raw: bool) -> Vec<String> {
    let t = text::estimate();
    let Some(compared) = compared else {
        return vec![t.too_few.into()];
    };
    let correlation = |of: f32| crate::format::number(of, 2);
    let of = compared.pearson.zip(compared.spearman);
    let of = of.map(|(pearson, spearman)| [correlation(pearson), correlation(spearman)]);
    let of = of
        .as_ref()
        .map(|[pearson, spearman]| [pearson.as_str(), spearman]);
    let miss = compared.largest_miss;
    let value = |value| written(grid, value, raw);
    let mut words = vec![
        (t.correlations)(compared.cells, of),
        (t.miss)(
            &place(grid, (miss.row, miss.column)),
            &value(miss.estimate),
            &value(miss.exact),
        ),
    ];
    if grid.sweep().estimate.is_some_and(|e| e.most.is_some()) {
        words.push(t.chosen_by_it.into());
    }
    words
}

/// The picture of the same.
fn drawn(grid: &Grid, raw: bool) -> String {
    let t = text::estimate();
    let miss = compared(grid).map(|c| (c.largest_miss.row, c.largest_miss.column));
    let mut dots = Vec::new();
    for at in grid.cells().map(|(row, column, _)| (row, column)) {
        let known = grid.estimate(at.0, at.1).zip(grid.patched(at.0, at.1));
        if let (Some((across, up)), Some(both)) = (known, both(grid, at, raw)) {
            dots.push(Dot {
                across,
                up,
                told: (text::text().map.cell)(&place(grid, at), &both),
                marked: miss == Some(at),
            });
        }
    }
    scatter(
        &dots,
        |value| written(grid, value, raw),
        [t.across, t.up],
        |low, high| [t.scatter.into(), (t.scatter_says)(dots.len(), low, high)],
    )
}
