//! How much, and where: effect and cost of the first direction, layer by layer
//! and coefficient by coefficient, and what random directions do there.

use super::super::problems::Problems;
use super::texts::walk;
use super::{live, whether};
use crate::colour;
use crate::format;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{MapCell, MapReport, Prompt, SteerMap, TokenRef, Tried};

/// The panel; until a map is wanted, the button that asks for one.
#[component]
pub fn MapPanel() -> impl IntoView {
    let state = use_state();
    let t = &text().steer.map;
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
        let estimate = state.results.with(|r| r.estimate)?;
        Some((t.estimate)(&format::duration(estimate.seconds)))
    };
    view! {
        <section class="panel" aria-labelledby="map-title" data-testid="steer-map">
            <h2 id="map-title">{t.title}</h2>
            <p class="hint">{t.hint}</p>
            <Show
                when=move || wanted.get()
                fallback=move || view! {
                    <button type="button" data-testid="map-add" on:click=begin>{t.add}</button>
                }
            >
                <Settings />
                <Problems field="steer.map" />
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
                <Found />
            </Show>
        </section>
    }
}

#[component]
fn Settings() -> impl IntoView {
    let t = &text().steer.map;
    view! {
        <div class="grid">
            {field("map-coefficients", t.coefficients, false, |m| listed(&m.coefficients), |m, text| {
                m.coefficients = numbers(&text);
            })}
            {field("map-layers", t.layers, false, |m| listed(&m.layers), |m, text| m.layers = numbers(&text))}
            {field("map-samples", t.samples, false, |m| m.samples.map(|n| n.to_string()).unwrap_or_default(), |m, text| {
                m.samples = text.trim().parse().ok();
            })}
            {field("map-random", t.random, false, |m| m.controls.random.to_string(), |m, text| {
                m.controls.random = text.trim().parse().unwrap_or_default();
            })}
            {field("map-cap", t.cap, false, |m| m.cap.to_string(), |m, text| {
                m.cap = text.trim().parse().unwrap_or(m.cap);
            })}
        </div>
        <div class="grid">
            {field("map-prompts", t.prompts, true, |m| {
                let text = |p: &Prompt| match p {
                    Prompt::Text(text) => text.clone(),
                    Prompt::Tokens(ids) => listed(ids),
                };
                m.prompts.iter().map(text).collect::<Vec<_>>().join("\n")
            }, |m, text| m.prompts = lines(&text).map(Prompt::Text).collect())}
            {field("map-targets", t.targets, true, |m| {
                let text = |t: &TokenRef| match t {
                    TokenRef::Text(text) => text.clone(),
                    TokenRef::Id(id) => format!("#{id}"),
                };
                m.targets.iter().map(text).collect::<Vec<_>>().join("\n")
            }, |m, text| m.targets = lines(&text).map(TokenRef::Text).collect())}
        </div>
    }
}

fn listed<T: ToString>(list: &[T]) -> String {
    let list: Vec<_> = list.iter().map(ToString::to_string).collect();
    list.join(", ")
}

/// The numbers between commas or spaces; what is none is left out.
fn numbers<T: std::str::FromStr>(text: &str) -> Vec<T> {
    text.split([',', ';', ' '])
        .filter_map(|n| n.trim().parse().ok())
        .collect()
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().filter(|l| !l.trim().is_empty());
    lines.map(str::to_owned)
}

fn field(
    id: &'static str,
    label: &'static str,
    many: bool,
    get: fn(&SteerMap) -> String,
    set: fn(&mut SteerMap, String),
) -> impl IntoView {
    let state = use_state();
    let value = live(move || state.steer(|s| s.map.as_ref().map(get).unwrap_or_default()));
    let change = move |text: String| {
        state.edit_steer(|s| {
            if let Some(map) = &mut s.map {
                set(map, text);
            }
        });
    };
    let control = if many {
        view! {
            <textarea id=id data-testid=id rows="3" spellcheck="false" prop:value=value
                on:change:target=move |e| change(e.target().value())></textarea>
        }
        .into_any()
    } else {
        view! {
            <input type="text" id=id data-testid=id prop:value=value
                on:change:target=move |e| change(e.target().value()) />
        }
        .into_any()
    };
    view! { <div class="field"><label for=id>{label}</label>{control}</div> }
}

/// What was found so far.
#[component]
fn Found() -> impl IntoView {
    let state = use_state();
    let opened = RwSignal::new(None::<(usize, usize)>);
    let map = Memo::new(move |_| state.steered(|s| s?.report.map.clone()));
    let grid = move || map.with(|m| m.as_ref().map(|m| grid(m, opened)));
    let cell = move || {
        let (row, column) = opened.get()?;
        map.with(|m| {
            let m = m.as_ref()?;
            let cell = at(m, *m.layers.get(row)?, *m.coefficients.get(column)?)?;
            Some(texts(m, cell))
        })
    };
    let verdicts = move || {
        map.with(|m| {
            let verdicts = m.as_ref()?.verdicts.iter().rev();
            let said = verdicts.map(|v| view! { <li>{v.said.clone()}</li> });
            Some(view! { <ul data-testid="map-verdicts">{said.collect_view()}</ul> })
        })
    };
    view! {
        <div aria-live="polite">{verdicts}</div>
        {grid}
        {cell}
    }
}

fn at(map: &MapReport, layer: usize, coefficient: f32) -> Option<&MapCell> {
    let wanted =
        |c: &&MapCell| c.of == Tried::Direction && c.layer == layer && c.coefficient == coefficient;
    map.cells.iter().find(wanted)
}

/// Perplexity in multiples of the unsteered one.
fn cost(map: &MapReport, perplexity: f32) -> String {
    let times = perplexity / map.unsteered.measures.perplexity;
    format!("×{}", format::number(times, 1))
}

/// A row a layer, a column a coefficient: effect above cost; and beside each
/// row the random directions' largest effect.
fn grid(map: &MapReport, opened: RwSignal<Option<(usize, usize)>>) -> impl IntoView + use<> {
    let t = &text().steer.map;
    let before = map.unsteered.effect();
    let cell = |row: usize, column: usize| {
        let numbers = at(map, map.layers[row], map.coefficients[column]).and_then(|c| c.numbers);
        // Blue is more than unsteered, orange is less.
        let place = numbers.map_or(0.0, |n| n.effect() - before);
        let shown = numbers.map(|n| {
            let cost = cost(map, n.measures.perplexity);
            view! { {format::number(n.effect(), 2)}<br/><small>{cost}</small> }
        });
        view! {
            <td
                role="gridcell"
                tabindex="0"
                class:pending=numbers.is_none()
                class:chosen=whether(move || opened.get() == Some((row, column)))
                data-testid=format!("map-{row}-{column}")
                style=("--fill", colour::fill(place))
                style=("--ink", colour::ink(place))
                on:click=move |_| opened.set(Some((row, column)))
                on:keydown=move |event| match event.key().as_str() {
                    "Enter" | " " => {
                        event.prevent_default();
                        opened.set(Some((row, column)));
                    }
                    _ => walk(&event),
                }
            >
                {shown}
            </td>
        }
    };
    let rows: Vec<_> = (0..map.layers.len())
        .map(|row| {
            let cells: Vec<_> = (0..map.coefficients.len()).map(|c| cell(row, c)).collect();
            let verdict = map.verdicts.get(row);
            let random = verdict.and_then(|v| v.random);
            let random = random.map(|r| format::number(r, 2)).unwrap_or_default();
            view! { <tr><th scope="row">{map.layers[row]}</th>{cells}<td>{random}</td></tr> }
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
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// One cell, as numbers and as the texts behind them.
fn texts(map: &MapReport, cell: &MapCell) -> impl IntoView + use<> {
    let t = &text().steer.map;
    let numbers = cell.numbers.map_or(t.broken.to_owned(), |n| {
        let m = n.measures;
        let share = |x: Option<f32>| x.map_or("–".into(), format::percent);
        (t.numbers)(
            [share(m.words), share(n.target)],
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
    view! {
        <div data-testid="map-opened" aria-live="polite">
            <h3>{(t.opened)(cell.layer, cell.coefficient)}</h3>
            <p>{numbers}</p>
            <ul>{texts.collect_view()}</ul>
        </div>
    }
}
