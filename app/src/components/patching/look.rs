use crate::colour::Range;
use crate::components::shared::{Explained, any_shown, live, whether};
use crate::format;
use crate::grid::{Grid, farthest};
use crate::later;
use crate::state::{State, use_state};
use crate::svg;
use crate::terms::Term;
use crate::text::{self, text};
use leptos::prelude::*;
use patchbay_engine::experiment::{LensReport, Look, RunReport, Shown};

/// What goes on inside the three runs of the chosen cell.
#[component]
pub fn LookBox() -> impl IntoView {
    let state = use_state();
    let look = look_of(state);
    let seen = Memo::new(move |_| look.with(Option::is_some));
    // Where nothing else of the room is there to say so.
    let alone = !any_shown(&[Shown::Runs]);
    let silent = whether(move || !alone || state.experiment.with(|e| e.cell.is_some()));
    view! {
        <p class="empty" data-testid="no-look" hidden=silent>{text().stages.no_cell}</p>
        <Show when=move || seen.get()>{LOOK.into_view()}</Show>
    }
}

later! {
    /// What goes on inside, loaded where a cell is first chosen.
    LOOK: more, inside, load => view! { <Inside /> }
}

fn look_of(state: State) -> Memo<Option<Look>> {
    Memo::new(move |_| {
        let patched = state.derived.patched;
        patched.with(|p| p.as_ref().and_then(|p| p.report.look.clone()))
    })
}

#[component]
fn Inside() -> impl IntoView {
    let state = use_state();
    let look = look_of(state);
    // Where nothing else of the room is there.
    let alone = !any_shown(&[Shown::Runs]);
    move || {
        let look = look.get()?;
        Some(view! {
            <details class="more look" data-testid="look" open=alone>
                <summary>{text::look().title}</summary>
                {patterns(state, &look)}
                {lens(state, &look.lens)}
                {attribution(&look)}
            </details>
        })
    }
}

fn patterns(state: State, look: &Look) -> Option<impl IntoView + use<>> {
    let t = text::look();
    let patterns = look.patterns.as_ref()?;
    let reading = state.derived.reading.get_untracked()?;
    let patched = match untrack(|| state.sweep()).mode {
        patchbay_engine::experiment::Mode::Denoising => &reading.corrupted,
        patchbay_engine::experiment::Mode::Noising => &reading.clean,
    };
    let runs = [
        (text().stages.clean, &patterns.clean, &reading.clean),
        (
            text().stages.corrupted,
            &patterns.corrupted,
            &reading.corrupted,
        ),
        (text().stages.patched, &patterns.patched, patched),
    ];
    let maps = runs.map(|(name, pattern, tokens)| {
        let token = |i: usize| {
            tokens
                .get(i)
                .map_or_else(String::new, |t| format::token(&t.text))
        };
        let names: Vec<String> = (0..pattern.len()).map(token).collect();
        let told = |row: usize, key: usize| {
            let weight = pattern
                .get(row)
                .and_then(|r| r.get(key))
                .copied()
                .unwrap_or(0.0);
            (t.attends)(&token(row), &token(key), &format::number(weight, 3))
        };
        // For those who cannot see the map: what the last position looks at most.
        let last = pattern.last().map_or(&[][..], Vec::as_slice);
        let most: Vec<String> = farthest(last)
            .into_iter()
            .take(3)
            .map(|key| format!("{key} {} {}", token(key), format::number(last[key], 2)))
            .collect();
        view! {
            <figure>
                <div class="attention" inner_html=svg::attention(&names, pattern, told)></div>
                <figcaption>{name}": "{(t.last_looks)(&most.join(", "))}</figcaption>
            </figure>
        }
    });
    Some(view! {
        <div class="named">
            <h3>{(t.pattern)(patterns.layer, patterns.head)}</h3>
            <Explained term=Term::Pattern />
        </div>
        <div class="patterns attentions">{maps.into_iter().collect_view()}</div>
    })
}

fn lens(state: State, lens: &[LensReport]) -> impl IntoView + use<> {
    let t = text::look();
    let kind = untrack(|| state.derived.grid.with(|g| g.as_ref().map(Grid::kind)));
    let shown = state.shown.get_untracked();
    let said = move |run: &RunReport| {
        let token = run
            .top
            .first()
            .map(|top| format::token(&top.token.text))
            .unwrap_or_default();
        let value = match (run.metrics.get(shown), kind) {
            (Some(value), Some(kind)) => format::metric(*value, kind),
            _ => String::new(),
        };
        view! { <td class="tok">{token}</td><td>{value}</td> }
    };
    let rows: Vec<_> = lens
        .iter()
        .map(|l| {
            view! {
                <tr>
                    <th scope="row">{l.layer}</th>
                    {said(&l.clean)}
                    {said(&l.corrupted)}
                    {said(&l.patched)}
                </tr>
            }
        })
        .collect();
    view! {
        <div class="named"><h3>{t.lens}</h3><Explained term=Term::LogitLens /></div>
        <div class="table-scroll" tabindex="0" role="region" aria-label=t.lens>
            <table class="lens" data-testid="lens">
                <thead>
                    <tr>
                        <th scope="col">{text().map.layer}</th>
                        <th scope="col" colspan="2">{text().stages.clean}</th>
                        <th scope="col" colspan="2">{text().stages.corrupted}</th>
                        <th scope="col" colspan="2">{text().stages.patched}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn attribution(look: &Look) -> Option<impl IntoView + use<>> {
    let t = text::look();
    let heads = &look.head_attribution;
    if heads.is_empty() {
        return None;
    }
    let all = heads.iter().flatten().copied();
    let most = all.clone().map(f32::abs).fold(0.0, f32::max);
    let range = Range::new(0.0, most, -most, all);
    let places: Vec<Vec<_>> = heads
        .iter()
        .map(|layer| layer.iter().map(|v| Some(range.place(*v))).collect())
        .collect();
    let told = |layer: usize, head: usize| {
        format!("{layer}.{head}: {}", format::number(heads[layer][head], 3))
    };
    let of_heads = heads.iter().enumerate().flat_map(|(l, heads)| {
        let heads = heads.iter().enumerate();
        heads.map(move |(h, v)| (format!("{l}.{h}"), *v))
    });
    let of_mlps = look.mlp_attribution.iter().enumerate();
    let of_mlps = of_mlps.map(|(l, v)| (format!("MLP {l}"), *v));
    let (names, values): (Vec<_>, Vec<_>) = of_heads.chain(of_mlps).unzip();
    let list: Vec<_> = farthest(&values)
        .into_iter()
        .take(10)
        .map(|i| view! { <li>{names[i].clone()}<span class="num">{format::number(values[i], 3)}</span></li> })
        .collect();
    Some(view! {
        <div class="named"><h3>{t.attribution}</h3><Explained term=Term::Attribution /></div>
        <p class="hint">{live(move || t.attribution_hint)}</p>
        <div class="patterns">
            <div class="pattern" inner_html=svg::squares(&places, told)></div>
            <ol class="strongest" data-testid="attribution">{list}</ol>
        </div>
    })
}
