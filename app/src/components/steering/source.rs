use super::feature;
use super::lines::lines as lines_of;
use crate::components::fields::number::{Number, SEED};
use crate::components::shared::{live, whether};
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::dictionary::RES_JB;
use patchbay_engine::experiment::{Direction, Matrix, Method, Site, Source, Steer, TokenRef, Unit};
use wasm_bindgen::JsCast;

/// The two that heads know come first.
const METHODS: [(Method, &str); 4] = [
    (Method::MeanDifference, "mean_difference"),
    (Method::Logistic, "logistic"),
    (Method::PcaDiff, "pca_diff"),
    (Method::PcaCenter, "pca_center"),
];

fn kind(source: &Source) -> &'static str {
    match source {
        Source::Pair { .. } => "pair",
        Source::Contrast { .. } => "contrast",
        Source::Feature { .. } => "feature",
        Source::Heads { .. } => "heads",
        Source::Token { .. } => "token",
        Source::Neuron { .. } => "neuron",
        Source::Random { .. } => "random",
        Source::Vectors { .. } => "vectors",
    }
}

/// Gives a direction a source of that kind to begin with, at a site where it can act.
fn begin(d: &mut Direction, kind: &str, n_layer: usize) {
    let text = |t: &str| TokenRef::Text(t.into());
    let sides = match &d.source {
        Source::Contrast {
            positive, negative, ..
        }
        | Source::Heads {
            positive, negative, ..
        } => Some((positive.clone(), negative.clone())),
        _ => None,
    };
    let example = Steer::default().directions.pop().map(|d| d.source);
    let (positive, negative) = match (sides, example) {
        (Some(sides), _) => sides,
        (
            None,
            Some(Source::Contrast {
                positive, negative, ..
            }),
        ) => (positive, negative),
        _ => Default::default(),
    };
    if kind == "heads" {
        d.site = Site::Z;
        d.layers = (0..n_layer).collect();
        d.from = None;
        d.unit = Unit::Absolute;
    } else if d.site == Site::Z {
        d.site = Site::ResidPre;
        d.layers = vec![n_layer / 2];
    }
    d.source = match kind {
        "pair" => Source::Pair {
            positive: "I love".into(),
            negative: "I hate".into(),
        },
        "heads" => Source::Heads {
            positive,
            negative,
            top: 5,
            method: Method::Logistic,
        },
        "token" => Source::Token {
            token: text(" love"),
            minus: Some(text(" hate")),
            matrix: Matrix::Unembedding,
        },
        "neuron" => Source::Neuron {
            layer: 0,
            neuron: 0,
        },
        "feature" => {
            // The middle of the model, where features are of words and topics.
            let layer = n_layer / 2;
            (d.site, d.layers, d.from) = (Site::ResidPre, vec![layer], None);
            Source::Feature {
                dictionary: RES_JB.name.into(),
                site: Site::ResidPre,
                layer,
                feature: 0,
                activation: false,
            }
        }
        "random" => Source::Random { seed: 1 },
        "vectors" => Source::Vectors {
            origin: String::new(),
            vectors: Vec::new(),
        },
        _ => Source::Contrast {
            positive,
            negative,
            method: Method::MeanDifference,
        },
    };
}

/// Where a direction comes from.
#[component]
pub fn SourceEditor(i: usize) -> impl IntoView {
    let state = use_state();
    let t = &text().steer;
    let now = Memo::new(move |_| state.steer(|s| s.directions.get(i).map(|d| kind(&d.source))));
    let option = move |(value, label): (&'static str, &'static str)| {
        view! {
            <option value=value prop:selected=whether(move || now.get() == Some(value))>{label}</option>
        }
    };
    view! {
        <div class="grid">
            <div class="field">
                <label for=format!("name-{i}")>{t.name}</label>
                <input
                    type="text"
                    id=format!("name-{i}")
                    prop:value=live(move || state.direction(i, |d| d.name.clone()))
                    on:input:target=move |event| {
                        let name = event.target().value();
                        state.edit_direction(i, |d| d.name = name);
                    }
                />
            </div>
            <div class="field">
                <label for=format!("source-{i}")>{t.source}</label>
                <select
                    id=format!("source-{i}")
                    data-testid=format!("source-{i}")
                    on:change:target=move |event| {
                        let n_layer = state.model().map_or(1, |m| m.n_layer);
                        state.edit_direction(i, |d| begin(d, &event.target().value(), n_layer));
                    }
                >
                    {t.sources.map(option).into_iter().collect_view()}
                </select>
            </div>
        </div>
        {move || match now.get() {
            Some("contrast") => contrast(i, false).into_any(),
            Some("heads") => contrast(i, true).into_any(),
            Some("vectors") => file(i).into_any(),
            Some("feature") => feature::editor(i).into_any(),
            Some("pair") => view! {
                <div class="grid">
                    {line(i, "positive", t.positive)}
                    {line(i, "negative", t.negative)}
                </div>
                <small>{t.pair_hint}</small>
            }.into_any(),
            Some("token") => view! {
                <div class="grid">{line(i, "token", t.token)} {line(i, "minus", t.minus)}</div>
            }.into_any(),
            Some("neuron") => view! {
                <div class="grid">{whole(i, "layer", t.neuron_layer)} {whole(i, "neuron", t.neuron)}</div>
            }.into_any(),
            Some("random") => whole(i, "seed", t.seed).into_any(),
            _ => ().into_any(),
        }}
    }
}

/// Two sets of prompts; for heads also how many of them.
fn contrast(i: usize, heads: bool) -> impl IntoView {
    let state = use_state();
    let t = &text().steer;
    let method = move || {
        state.steer(|s| match s.directions.get(i).map(|d| &d.source) {
            Some(Source::Contrast { method, .. } | Source::Heads { method, .. }) => Some(*method),
            _ => None,
        })
    };
    let known = if heads { &METHODS[..2] } else { &METHODS };
    let options = known.iter().map(|&(one, name)| {
        view! {
            <option value=name prop:selected=whether(move || method() == Some(one))>
                {(t.method_name)(one)}
            </option>
        }
    });
    view! {
        <div class="grid">
            {lines(i, "positive", t.positive)}
            {lines(i, "negative", t.negative)}
        </div>
        <small>{t.lines_hint}</small>
        {heads.then(|| view! { <p class="hint">{t.heads_hint}</p> {whole(i, "top", t.top_heads)} })}
        <div class="field">
            <label for=format!("method-{i}")>{t.method}</label>
            <select
                id=format!("method-{i}")
                data-testid=format!("method-{i}")
                on:change:target=move |event| {
                    let name = event.target().value();
                    let chosen = METHODS.iter().find(|(_, n)| *n == name);
                    state.edit_direction(i, |d| {
                        if let (
                            Source::Contrast { method, .. } | Source::Heads { method, .. },
                            Some((chosen, _)),
                        ) = (&mut d.source, chosen) {
                            *method = *chosen;
                        }
                    });
                }
            >
                {options.collect_view()}
            </select>
        </div>
    }
}

/// The choice of a file, and what was read.
fn file(i: usize) -> impl IntoView {
    let state = use_state();
    let t = &text().steer;
    view! {
        <div class="field">
            <label for=format!("file-{i}")>{t.file}</label>
            <small>{t.file_hint}</small>
            <input
                type="file"
                id=format!("file-{i}")
                data-testid=format!("file-{i}")
                accept=".safetensors,.gguf,.json"
                on:change=move |event| {
                    let input = event.target().and_then(|t| t.dyn_into::<web_sys::HtmlInputElement>().ok());
                    let Some(input) = input else {
                        return;
                    };
                    if let Some(file) = input.files().and_then(|files| files.get(0)) {
                        state.read_file(i, file);
                    }
                    // What is used is said with the direction; a file that is refused is not.
                    input.set_value("");
                }
            />
        </div>
    }
}

/// One side of a contrast, a prompt a line.
fn lines(i: usize, side: &'static str, label: &'static str) -> impl IntoView {
    let state = use_state();
    let id = format!("{side}-{i}");
    let value = live(move || {
        state.steer(|s| match s.directions.get(i).map(|d| &d.source) {
            Some(
                Source::Contrast {
                    positive, negative, ..
                }
                | Source::Heads {
                    positive, negative, ..
                },
            ) => if side == "positive" {
                positive
            } else {
                negative
            }
            .join("\n"),
            _ => String::new(),
        })
    });
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <textarea
                id=id.clone()
                data-testid=id
                rows="4"
                spellcheck="false"
                prop:value=value
                on:input:target=move |event| {
                    let text = event.target().value();
                    let new = lines_of(&text).collect();
                    state.edit_direction(i, |d| {
                        if let Source::Contrast { positive, negative, .. }
                        | Source::Heads { positive, negative, .. } = &mut d.source {
                            *(if side == "positive" { positive } else { negative }) = new;
                        }
                    });
                }
            ></textarea>
        </div>
    }
}

/// A text of one line: a prompt of a pair, or a token.
fn line(i: usize, part: &'static str, label: &'static str) -> impl IntoView {
    let state = use_state();
    let id = format!("{part}-{i}");
    let of_token = |token: &TokenRef| match token {
        TokenRef::Text(text) => text.clone(),
        TokenRef::Id(id) => format!("#{id}"),
    };
    let value = live(move || {
        state.steer(|s| match (s.directions.get(i).map(|d| &d.source), part) {
            (Some(Source::Pair { positive, .. }), "positive") => positive.clone(),
            (Some(Source::Pair { negative, .. }), "negative") => negative.clone(),
            (Some(Source::Token { token, .. }), "token") => of_token(token),
            (Some(Source::Token { minus, .. }), "minus") => {
                minus.as_ref().map(of_token).unwrap_or_default()
            }
            _ => String::new(),
        })
    });
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input
                type="text"
                id=id.clone()
                data-testid=id
                spellcheck="false"
                prop:value=value
                on:input:target=move |event| {
                    let text = event.target().value();
                    state.edit_direction(i, |d| match (&mut d.source, part) {
                        (Source::Pair { positive, .. }, "positive") => *positive = text,
                        (Source::Pair { negative, .. }, "negative") => *negative = text,
                        (Source::Token { token, .. }, "token") => *token = TokenRef::Text(text),
                        (Source::Token { minus, .. }, "minus") => {
                            *minus = (!text.is_empty()).then_some(TokenRef::Text(text));
                        }
                        _ => {}
                    });
                }
            />
        </div>
    }
}

/// A whole number of a source.
fn whole(i: usize, part: &'static str, label: &'static str) -> impl IntoView {
    let state = use_state();
    let value = move |()| {
        state.steer(|s| match (s.directions.get(i).map(|d| &d.source), part) {
            (Some(Source::Neuron { layer, .. }), "layer") => layer.to_string(),
            (Some(Source::Neuron { neuron, .. }), "neuron") => neuron.to_string(),
            (Some(Source::Random { seed }), _) => seed.to_string(),
            (Some(Source::Heads { top, .. }), _) => top.to_string(),
            _ => String::new(),
        })
    };
    let set = move |n: Option<f64>| {
        let n = n.unwrap_or(0.0) as u64;
        state.edit_direction(i, |d| match (&mut d.source, part) {
            (Source::Neuron { layer, .. }, "layer") => *layer = n as usize,
            (Source::Neuron { neuron, .. }, "neuron") => *neuron = n as usize,
            (Source::Random { seed }, _) => *seed = n,
            (Source::Heads { top, .. }, _) => *top = n as usize,
            _ => {}
        });
    };
    view! { <Number id=format!("{part}-of-{i}") label=label value=value set=set step="1" min="0" most=if part == "seed" { SEED } else { f64::from(u32::MAX) } /> }
}
