//! How much, and where: effect and cost of a direction, layer by layer
//! and coefficient by coefficient, and what random directions do there.

use super::choices::Choices;
use super::texts::walk;
use crate::colour;
use crate::components::fields::{Choose, Line, Lines, lines, numbered};
use crate::components::shared::problems::Problems;
use crate::components::shared::{Explained, Old, Terms, live, whether};
use crate::download::download;
use crate::export;
use crate::format;
use crate::parts;
use crate::results::Steered;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::{said, steer, text};
use leptos::prelude::*;
use patchbay_engine::experiment::{
    Effect, Field, MapCell, MapNumbers, MapReading, MapReport, Prompt, SteerMap, TokenRef, Tried,
};

/// The panel; until a map is wanted, the button that asks for one.
#[component]
pub fn MapPanel() -> impl IntoView {
    let state = use_state();
    let t = &steer().map;
    let wanted = Memo::new(move |_| state.steer(|s| s.map.is_some()));
    let busy = state.derived.busy;
    let begin = move |_| {
        state.edit_steer(|s| {
            s.map = Some(SteerMap {
                samples: Some(8),
                ..SteerMap::default()
            });
        });
    };
    let remove = move |_| state.edit_steer(|s| s.map = None);
    let long = move || {
        let done = |s: &Steered| {
            s.report
                .map
                .as_ref()
                .is_some_and(|m| !m.verdicts.is_empty())
        };
        if state.steered(|s| s.is_some_and(done)) {
            return None;
        }
        // Of another experiment's map nothing follows for this one.
        let of_this = state.derived.steered_akin.get();
        let estimate = state.results.with(|r| r.estimate.filter(|_| of_this))?;
        Some((t.estimate)(&format::duration(estimate.seconds)))
    };
    let old = Memo::new(move |_| wanted.get() && state.derived.steered_stale.get());
    view! {
        <section class="panel" aria-labelledby="map-title" data-testid="steer-map">
            <div class="named">
                <h2 id="map-title">{t.title}<Old is=old /></h2>
                <Explained term=Term::RandomDirection first=true />
            </div>
            <p class="hint">{t.hint}</p>
            <Show
                when=move || wanted.get()
                fallback=move || view! {
                    <button type="button" data-testid="map-add" on:click=begin>{t.add}</button>
                }
            >
                <Settings />
                <Effects />
                <Terms of=&[
                    Term::Coefficient,
                    Term::ShuffledLabels,
                    Term::Perplexity,
                    Term::Kl,
                    Term::DistinctPairs,
                ] />
                <Problems field=Field::Map />
                <div class="buttons">
                    <button type="button" class="primary" data-testid="map-run" on:click=move |_| state.run()>
                        {t.run}
                    </button>
                    <button
                        type="button"
                        data-testid="map-stop"
                        disabled=whether(move || !busy.get())
                        on:click=move |_| state.cancel()
                    >
                        {t.stop}
                    </button>
                    <button type="button" on:click=remove>{t.remove}</button>
                    <span role="status" class="hint" data-testid="map-estimate">{live(move || long().unwrap_or_default())}</span>
                </div>
                <div class:stale=state.derived.steered_stale><Found /></div>
            </Show>
        </section>
    }
}

#[component]
fn Settings() -> impl IntoView {
    let t = &steer().map;
    view! {
        <div class="grid">
            {field("map-coefficients", t.coefficients, false, |m| listed(&m.coefficients), |m, text| {
                m.coefficients = reals(&text)?;
                Some(())
            })}
            {field("map-layers", t.layers, false, |m| listed(&m.layers), |m, text| {
                m.layers = parts::numbers(&text)?;
                Some(())
            })}
            {field("map-samples", t.samples, false, |m| listed(m.samples.as_slice()), |m, text| {
                m.samples = one(&text)?;
                Some(())
            })}
            {field("map-random", t.random, false, |m| m.controls.random.to_string(), |m, text| {
                m.controls.random = one(&text)??;
                Some(())
            })}
            {field("map-cap", t.cap, false, |m| m.cap.to_string(), |m, text| {
                m.cap = *reals(&text)?.first()?;
                Some(())
            })}
        </div>
        <div class="grid">
            {field("map-prompts", t.prompts, true, |m| {
                let text = |p: &Prompt| match p {
                    Prompt::Text(text) => text.clone(),
                    Prompt::Tokens(ids) => listed(ids),
                };
                m.prompts.iter().map(text).collect::<Vec<_>>().join("\n")
            }, |m, text| {
                m.prompts = lines(&text).into_iter().map(Prompt::Text).collect();
                Some(())
            })}
            {field("map-targets", t.targets, true, |m| {
                let text = |t: &TokenRef| match t {
                    TokenRef::Text(text) => text.clone(),
                    TokenRef::Id(id) => format!("#{id}"),
                };
                m.targets.iter().map(text).collect::<Vec<_>>().join("\n")
            }, |m, text| {
                m.targets = lines(&text).into_iter().map(TokenRef::Text).collect();
                Some(())
            })}
        </div>
    }
}

fn listed<T: ToString>(list: &[T]) -> String {
    let list: Vec<_> = list.iter().map(ToString::to_string).collect();
    list.join(", ")
}

/// The numbers between commas or spaces, which 32 bits hold.
fn reals(text: &str) -> Option<Vec<f32>> {
    let words = text.split([',', ';', ' ']).filter(|word| !word.is_empty());
    let read = |word: &str| word.parse().ok().filter(|x: &f32| x.is_finite());
    words.map(read).collect()
}

/// One whole number, or none.
fn one(text: &str) -> Option<Option<usize>> {
    match parts::numbers(text)?.as_slice() {
        [] => Some(None),
        [n] => Some(Some(*n)),
        _ => None,
    }
}

fn field(
    id: &'static str,
    label: &'static str,
    many: bool,
    get: fn(&SteerMap) -> String,
    set: fn(&mut SteerMap, String) -> Option<()>,
) -> AnyView {
    let state = use_state();
    let value = live(move || state.steer(|s| s.map.as_ref().map(get).unwrap_or_default()));
    let set = move |text: String| {
        let mut taken = None;
        state.edit_steer(|s| taken = s.map.as_mut().and_then(|map| set(map, text)));
        taken.ok_or_else(|| crate::text::text().refused.list.into())
    };
    match many {
        true => view! { <Lines id label value set /> }.into_any(),
        false => view! { <Line id label class="small" value set /> }.into_any(),
    }
}

/// What directions are compared by, and how texts are read.
#[component]
fn Effects() -> impl IntoView {
    let state = use_state();
    let t = &steer().map;
    let of = move |get: fn(&SteerMap) -> Option<usize>| {
        Signal::derive(move || state.steer(|s| s.map.as_ref().and_then(get)))
    };
    let edit = move |change: &dyn Fn(&mut SteerMap)| {
        state.edit_steer(|s| {
            if let Some(map) = &mut s.map {
                change(map);
            }
        });
    };
    let shown = move || state.steer(|s| s.map.as_ref().and_then(|m| m.effect));
    let set_direction = move |i: Option<usize>| edit(&|m| m.direction = i.unwrap_or_default());
    let set_reading = move |i: Option<usize>| {
        edit(&|m| {
            let layer = m.reading.and_then(|r| r.layer);
            m.reading = i.map(|direction| MapReading { direction, layer });
        });
    };
    let effect = live(move || {
        let now = EFFECTS.iter().position(|e| *e == shown());
        now.unwrap_or_default().to_string()
    });
    view! {
        <div class="grid">
            <Choices
                id="map-direction"
                label=t.direction
                value=of(|m| Some(m.direction))
                set=set_direction
            />
            <Choices
                id="map-reading"
                label=t.reading
                none=t.no_reading
                value=of(|m| m.reading.map(|r| r.direction))
                set=set_reading
            />
            {field("map-reading-layer", t.reading_layer, false, |m| m.reading.and_then(|r| r.layer).map(|l| l.to_string()).unwrap_or_default(), |m, text| {
                if let Some(reading) = &mut m.reading {
                    reading.layer = one(&text)?;
                }
                Some(())
            })}
            <Choose
                id="map-effect"
                label=t.effect
                options=numbered(&t.effects)
                value=effect
                set=move |chosen: String| {
                    let i: usize = chosen.parse().unwrap_or_default();
                    edit(&|m| m.effect = EFFECTS.get(i).copied().flatten());
                }
            />
        </div>
    }
}

const EFFECTS: [Option<Effect>; 4] = [
    None,
    Some(Effect::Words),
    Some(Effect::Target),
    Some(Effect::Reading),
];

/// A cell by what it is of.
type At = (Tried, usize, f32);

fn at(cell: &MapCell) -> At {
    (cell.of, cell.layer, cell.coefficient)
}

/// What was found so far.
#[component]
fn Found() -> impl IntoView {
    let state = use_state();
    let t = &steer().map;
    let opened = RwSignal::new(None::<At>);
    let map = Memo::new(move |_| state.steered(|s| s?.report.map.clone()));
    let grid = move || map.with(|m| m.as_ref().map(|m| grid(m, opened)));
    let cell = move || {
        let wanted = opened.get()?;
        map.with(|m| {
            let m = m.as_ref()?;
            let cell = m.cells.iter().find(|c| at(c) == wanted)?;
            Some(texts(m, cell))
        })
    };
    let verdicts = move || {
        map.with(|m| {
            let verdicts = m.as_ref()?.verdicts.iter().rev();
            let said = verdicts.map(|v| view! { <li>{said(&v.said, &v.says)}</li> });
            Some(view! { <ul data-testid="map-verdicts">{said.collect_view()}</ul> })
        })
    };
    let save = move |json: bool| {
        map.with_untracked(|m| {
            let Some(m) = m else { return };
            if json {
                download(
                    "patchbay-map.json",
                    "application/json",
                    &serde_json::to_vec(m).unwrap_or_default(),
                );
            } else if let Ok(csv) = export::map_csv(m) {
                download("patchbay-map.csv", "text/csv", csv.as_bytes());
            }
        });
    };
    view! {
        <div aria-live="polite">{verdicts}</div>
        {grid}
        <div class="downloads" hidden=whether(move || map.with(Option::is_none))>
            {t.download}
            <button type="button" data-testid="map-csv" on:click=move |_| save(false)>"CSV"</button>
            <button type="button" data-testid="map-json" on:click=move |_| save(true)>"JSON"</button>
        </div>
        {cell}
    }
}

/// Perplexity in multiples of the unsteered one.
fn cost(map: &MapReport, perplexity: f32) -> String {
    let times = perplexity / map.unsteered.measures.perplexity;
    format!("×{}", format::number(times, 1))
}

/// A row a layer, a column a coefficient: effect above cost; then the controls
/// of the layer, the shuffled labels' direction and the random ones.
fn grid(map: &MapReport, opened: RwSignal<Option<At>>) -> impl IntoView + use<> {
    let t = &steer().map;
    let effect = |n: &MapNumbers| n.effect(map.effect).unwrap_or_default();
    let before = effect(&map.unsteered);
    // Followed once for all cells: what outlives them keeps a note of each that follows.
    let chosen = opened.get();
    let cell = |found: Option<&MapCell>, testid: String| {
        let numbers = found.and_then(|c| c.numbers);
        // Blue is more than unsteered, orange is less.
        let place = numbers.map_or(0.0, |n| effect(&n) - before);
        let outside = found.is_some_and(|c| !map.in_band(c));
        let shown = numbers.map(|n| {
            let sign = if outside { "⊘" } else { "" };
            let cost = format!("{sign}{}", cost(map, n.measures.perplexity));
            view! { {format::number(effect(&n), 2)}<br/><small>{cost}</small> }
        });
        let at = found.map(at);
        let open = move || opened.set(at);
        view! {
            <td
                role="gridcell"
                tabindex="0"
                class:pending=found.is_none()
                class:band=found.is_some() && !outside
                class:chosen=at.is_some() && chosen == at
                data-testid=testid
                style=("--fill", colour::fill(place))
                style=("--ink", colour::ink(place))
                on:click=move |_| open()
                on:keydown=move |event| match event.key().as_str() {
                    "Enter" | " " => {
                        event.prevent_default();
                        open();
                    }
                    _ => walk(&event),
                }
            >
                {shown}
            </td>
        }
    };
    let controls = |layer: usize| {
        let of = |random: bool| {
            let cells = map.cells.iter().filter(move |c| c.layer == layer);
            let cells = cells.filter(|c| c.of != Tried::Direction);
            cells.filter(move |c| matches!(c.of, Tried::Random(_)) == random)
        };
        // The one with shuffled labels first.
        of(false).chain(of(true)).collect::<Vec<&MapCell>>()
    };
    let most = map
        .layers
        .iter()
        .map(|l| controls(*l).len())
        .max()
        .unwrap_or_default();
    let rows: Vec<_> = map
        .layers
        .iter()
        .enumerate()
        .map(|(row, layer)| {
            let of = |c: &f32| {
                map.cells
                    .iter()
                    .find(|cell| at(cell) == (Tried::Direction, *layer, *c))
            };
            let cells: Vec<_> = map
                .coefficients
                .iter()
                .enumerate()
                .map(|(i, c)| cell(of(c), format!("map-{row}-{i}")))
                .collect();
            let verdict = map.verdicts.get(row);
            let random = verdict.and_then(|v| v.random);
            let random = random.map(|r| format::number(r, 2)).unwrap_or_default();
            let controls: Vec<_> = controls(*layer)
                .into_iter()
                .enumerate()
                .map(|(i, c)| cell(Some(c), format!("map-control-{row}-{i}")))
                .collect();
            view! { <tr><th scope="row">{*layer}</th>{cells}<td>{random}</td>{controls}</tr> }
        })
        .collect();
    let heads = map
        .coefficients
        .iter()
        .map(|c| view! { <th scope="col">{*c}</th> });
    let unsteered = (t.unsteered)(
        &format::number(before, 2),
        &format::number(map.unsteered.measures.perplexity, 1),
    );
    view! {
        <div class="map-scroll">
            <table class="map" role="grid" aria-label=t.title data-testid="map-grid">
                <caption>{t.caption} " " {unsteered}</caption>
                <thead>
                    <tr>
                        <th class="corner">{text().map.layer}</th>
                        {heads.collect_view()}
                        <th scope="col">{t.best_random}</th>
                        {(most > 0).then(|| view! { <th colspan=most.to_string()>{t.controls}</th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// One cell, as numbers and as the texts behind them.
fn texts(map: &MapReport, cell: &MapCell) -> impl IntoView + use<> {
    let t = &steer().map;
    let numbers = cell.numbers.map_or(t.broken.to_owned(), |n| {
        let m = n.measures;
        let share = |x: Option<f32>| x.map_or("–".into(), format::percent);
        (t.numbers)(
            [
                share(m.words),
                share(n.target),
                n.reading.map_or("–".into(), |r| format::number(r, 2)),
            ],
            [
                cost(map, m.perplexity),
                format::number(m.kl, 2),
                format::number(m.distinct_2, 2),
            ],
        )
    });
    let texts = cell
        .texts
        .iter()
        .map(|t| view! { <li>{format!("…{t}")}</li> });
    let band = if map.in_band(cell) {
        t.inside
    } else {
        t.outside
    };
    view! {
        <div data-testid="map-opened" aria-live="polite">
            <h3>{(t.opened)(cell)}</h3>
            <p>{numbers} " " {band}</p>
            <ul>{texts.collect_view()}</ul>
        </div>
    }
}
