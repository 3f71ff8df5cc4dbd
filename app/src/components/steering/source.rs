use super::feature;
use crate::components::fields::{
    Choose, Labelled, Line, Lines, Number, SEED, described, entries, invalid, lines as lines_of,
};
use crate::components::shared::live;
use crate::examples;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::steer;
use leptos::prelude::*;
use patchbay_engine::dictionary::RES_JB;
use patchbay_engine::experiment::{
    Direction, DirectionField, Field, Matrix, Method, Site, Source, TokenRef, Unit,
};
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
pub fn begin(d: &mut Direction, kind: &str, n_layer: usize) {
    let text = |t: &str| TokenRef::Text(t.into());
    let sides = match &d.source {
        Source::Contrast {
            positive, negative, ..
        }
        | Source::Heads {
            positive, negative, ..
        } => Some([positive.clone(), negative.clone()]),
        Source::Pair { .. }
        | Source::Token { .. }
        | Source::Neuron { .. }
        | Source::Feature { .. }
        | Source::Random { .. }
        | Source::Vectors { .. } => None,
    };
    let [positive, negative] = sides.unwrap_or_else(examples::sides);
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
            positive: examples::PAIR[0].into(),
            negative: examples::PAIR[1].into(),
        },
        "heads" => Source::Heads {
            positive,
            negative,
            top: 5,
            method: Method::Logistic,
        },
        "token" => Source::Token {
            token: text(examples::TOKENS[0]),
            minus: Some(text(examples::TOKENS[1])),
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
    let t = steer();
    let now = Memo::new(move |_| state.steer(|s| s.directions.get(i).map(|d| kind(&d.source))));
    view! {
        <div class="grid">
            <Line
                id=format!("name-{i}")
                label=t.name
                at_once=true
                value=live(move || state.direction(i, |d| d.name.clone()))
                set=move |name| {
                    state.edit_direction(i, |d| d.name = name);
                    Ok(())
                }
            />
            <Choose
                id=format!("source-{i}")
                label=t.source
                options=entries(&t.sources)
                value=live(move || now.get().unwrap_or_default())
                set=move |kind: String| {
                    let n_layer = untrack(|| state.model()).map_or(1, |m| m.n_layer);
                    state.edit_direction(i, |d| begin(d, &kind, n_layer));
                }
                now=Signal::derive(move || state.steer(|s| {
                    s.directions.get(i).map_or(Term::Direction, |d| Term::from(&d.source))
                }))
                of=Field::Direction(i, DirectionField::Source)
            />
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
    let t = steer();
    let method = live(move || {
        let now = state.steer(|s| match s.directions.get(i).map(|d| &d.source) {
            Some(Source::Contrast { method, .. } | Source::Heads { method, .. }) => Some(*method),
            _ => None,
        });
        let now = METHODS.iter().find(|(one, _)| Some(*one) == now);
        now.map_or("", |(_, name)| name)
    });
    let known = if heads { &METHODS[..2] } else { &METHODS };
    let known = known
        .iter()
        .map(|&(one, name)| (name, (t.method_name)(one)));
    let options = entries(&known.collect::<Vec<_>>());
    view! {
        <div class="grid">
            {lines(i, "positive", t.positive)}
            {lines(i, "negative", t.negative)}
        </div>
        <small>{t.lines_hint}</small>
        {heads.then(|| view! { <p class="hint">{t.heads_hint}</p> {whole(i, "top", t.top_heads)} })}
        <Choose
            id=format!("method-{i}")
            label=t.method
            options
            value=method
            set=move |name: String| {
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
            now=Signal::derive(move || state.steer(|s| match s.directions.get(i).map(|d| &d.source) {
                Some(Source::Contrast { method, .. } | Source::Heads { method, .. }) => {
                    Term::from(*method)
                }
                _ => Term::Direction,
            }))
        />
    }
}

/// The choice of a file, and what was read.
fn file(i: usize) -> impl IntoView {
    let state = use_state();
    let t = steer();
    let of = Some(Field::direction(i));
    view! {
        <Labelled id=format!("file-{i}") label=t.file hint=live(move || t.file_hint)>
            <input
                type="file"
                id=format!("file-{i}")
                data-testid=format!("file-{i}")
                accept=".safetensors,.gguf,.json"
                aria-describedby=described(&format!("file-{i}"), of)
                aria-invalid=invalid(&format!("file-{i}"), of)
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
        </Labelled>
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
        <Lines
            id
            label
            rows="4"
            at_once=true
            value
            set=move |text: String| {
                let new = lines_of(&text);
                state.edit_direction(i, |d| {
                    if let Source::Contrast { positive, negative, .. }
                    | Source::Heads { positive, negative, .. } = &mut d.source {
                        *(if side == "positive" { positive } else { negative }) = new;
                    }
                });
                Ok(())
            }
            of=Field::Direction(i, DirectionField::Source)
        />
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
        <Line
            id
            label
            at_once=true
            value
            set=move |text| {
                state.edit_direction(i, |d| match (&mut d.source, part) {
                    (Source::Pair { positive, .. }, "positive") => *positive = text,
                    (Source::Pair { negative, .. }, "negative") => *negative = text,
                    (Source::Token { token, .. }, "token") => *token = TokenRef::Text(text),
                    (Source::Token { minus, .. }, "minus") => {
                        *minus = (!text.is_empty()).then_some(TokenRef::Text(text));
                    }
                    _ => {}
                });
                Ok(())
            }
            of=Field::Direction(i, DirectionField::Source)
        />
    }
}

/// A whole number of a source.
fn whole(i: usize, part: &'static str, label: &'static str) -> impl IntoView {
    let state = use_state();
    let value = live(move || {
        state.steer(|s| match (s.directions.get(i).map(|d| &d.source), part) {
            (Some(Source::Neuron { layer, .. }), "layer") => layer.to_string(),
            (Some(Source::Neuron { neuron, .. }), "neuron") => neuron.to_string(),
            (Some(Source::Random { seed }), _) => seed.to_string(),
            (Some(Source::Heads { top, .. }), _) => top.to_string(),
            _ => String::new(),
        })
    });
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
    view! {
        <Number
            id=format!("{part}-of-{i}")
            label
            value
            set
            step="1"
            most=if part == "seed" { SEED } else { f64::from(u32::MAX) }
            of=Some(Field::Direction(i, DirectionField::Source))
        />
    }
}
