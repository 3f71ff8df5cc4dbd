//! Numbers that 32-bit arithmetic cannot carry are said and never shown as values,
//! and parts of characters are shown as bytes and never looked up by text.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common::{Listener, close, files, ids, session};
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    Capture, Experiment, Export, Matrix, Metric, MetricKind, Operator, Positions, Prompt, Report,
    Room, RunName, Sampling, Site, Source, Steer, Steered, Token, TokenRef, Tokens, Unit, Update,
};
use patchbay_engine::model::{Cancelled, Config, Files};
use patchbay_engine::sentence::Said;
use patchbay_engine::session::{Host, Session, SessionError};
use serde_json::Value;

fn run<B: Backend>(
    session: &mut Session<B>,
    experiment: &Experiment,
) -> Result<Report, SessionError> {
    pollster::block_on(session.run(experiment, false, &Listener::default()))
}

fn refused<B: Backend>(session: &mut Session<B>, experiment: &Experiment) -> (String, String) {
    match run(session, experiment) {
        Err(SessionError::Experiment {
            field,
            said: Said { message, .. },
        }) => (field.to_string(), message),
        other => panic!("it is not refused: {other:?}"),
    }
}

fn values(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/oracles/values");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap())
        .unwrap()
}

/// `deep` with the first 64 numbers of its embedding as large as they get.
fn overflowing() -> Files {
    let mut files = files("deep");
    let file = safetensors::SafeTensors::deserialize(&files.weights).unwrap();
    let data = file.tensor("transformer.wte.weight").unwrap().data();
    let at = data.as_ptr() as usize - files.weights.as_ptr() as usize;
    for number in files.weights[at..at + 256].as_chunks_mut::<4>().0 {
        *number = f32::MAX.to_le_bytes();
    }
    files
}

#[test]
fn weights_that_overflow_are_traced_to_their_place() {
    let session = &mut Session::load("overflowing", &overflowing(), Cpu).unwrap();
    let patching = |bos| Experiment {
        bos,
        clean: Prompt::Tokens(vec![0, 9, 8]),
        corrupted: Prompt::Tokens(vec![0, 9, 7]),
        metrics: vec![Metric {
            kind: MetricKind::LogitDifference,
            answer: Tokens::One(TokenRef::Id(20)),
            wrong: Some(Tokens::One(TokenRef::Id(21))),
        }],
        ..Experiment::default()
    };
    let (field, message) = refused(session, &patching(true));
    assert_eq!(field, "model");
    assert!(
        message.contains("the clean run stop being finite at blocks.0.attn.hook_q, position 0")
            && message.contains("h.0.attn.c_attn"),
        "{message}"
    );
    // Where no row of the prompt is too large, only the logits are.
    let mut e = patching(false);
    (e.clean, e.corrupted) = (Prompt::Tokens(vec![9, 8]), Prompt::Tokens(vec![9, 7]));
    let (_, message) = refused(session, &e);
    assert!(
        message.contains("finite at logits") && message.contains("wte"),
        "{message}"
    );
    // The other room says the same.
    let steering = Experiment {
        room: Room::Steering,
        steer: Some(Steer {
            prompt: Prompt::Tokens(vec![0, 9, 8]),
            directions: Vec::new(),
            ..crate::common::love()
        }),
        ..Experiment::default()
    };
    let (field, message) = refused(session, &steering);
    assert_eq!(field, "model");
    assert!(message.contains("blocks.0.attn.hook_q"), "{message}");
}

/// Counts the steps that are done for it.
#[derive(Default)]
struct Steps(std::cell::Cell<usize>);

impl Host for Steps {
    fn update(&self, _: Update) {}

    fn now(&self) -> f64 {
        0.0
    }

    async fn breathe(&self) -> Result<(), Cancelled> {
        self.0.set(self.0.get() + 1);
        Ok(())
    }
}

#[test]
fn a_run_is_not_repeated_for_every_site_to_find_where_it_overflows() {
    let mut files = files("deep");
    let shape = Config::from_json(&files.config).unwrap().shape;
    let last = shape.n_layer - 1;
    // What the last MLP writes is then larger than any number, whatever it reads.
    for (tensor, value) in [("c_fc.bias", 1e4), ("c_proj.weight", f32::MAX)] {
        let file = safetensors::SafeTensors::deserialize(&files.weights).unwrap();
        let name = format!("transformer.h.{last}.mlp.{tensor}");
        let data = file.tensor(&name).unwrap().data();
        let at = data.as_ptr() as usize - files.weights.as_ptr() as usize;
        let end = at + data.len();
        let numbers = files.weights[at..end].as_chunks_mut::<4>().0;
        numbers.fill(f32::to_le_bytes(value));
    }
    let session = &mut Session::load("overflowing", &files, Cpu).unwrap();
    let e = Experiment {
        clean: Prompt::Tokens(vec![0, 9, 8]),
        corrupted: Prompt::Tokens(vec![0, 9, 7]),
        ..Experiment::default()
    };
    let steps = Steps::default();
    let refused = pollster::block_on(session.run(&e, false, &steps)).unwrap_err();
    let expected = format!("finite at blocks.{last}.hook_mlp_out, position 0");
    assert!(refused.to_string().contains(&expected), "{refused}");
    // The run itself, what comes before the layers, the layers, and the one layer.
    let most = 4 * (shape.n_layer + 2);
    assert!(steps.0.get() <= most, "{} steps, not {most}", steps.0.get());
}

/// A long vector at a layer of the mini, as `tests/oracles/overflow.py` adds it.
fn pushed(oracle: &Value, coefficient: f32) -> Experiment {
    let mut steer = Steer {
        prompt: Prompt::Tokens(ids(&oracle["prompt"])),
        sampling: Sampling {
            tokens: 1,
            samples: 1,
            temperature: 0.0,
            ..Sampling::default()
        },
        words: Vec::new(),
        ..crate::common::love()
    };
    let direction = &mut steer.directions[0];
    direction.source = Source::Token {
        token: TokenRef::Id(oracle["token"].as_u64().unwrap() as u32),
        minus: None,
        matrix: Matrix::Unembedding,
    };
    direction.layers = vec![oracle["layer"].as_u64().unwrap() as usize];
    (direction.site, direction.positions) = (Site::ResidPre, Positions::All);
    (direction.operator, direction.unit) = (Operator::Add, Unit::Absolute);
    direction.coefficient = coefficient;
    Experiment {
        clean: steer.prompt.clone(),
        corrupted: steer.prompt.clone(),
        sweeps: Vec::new(),
        captures: vec![Capture {
            run: RunName::Clean,
            site: Site::Logits,
            layer: None,
            positions: Some(vec![ids(&oracle["prompt"]).len() - 1]),
        }],
        steer: Some(steer),
        steered: Some(Steered::Clean),
        ..Experiment::default()
    }
}

#[test]
fn a_vector_too_long_to_normalise_is_refused_where_pytorch_gives_nonsense() {
    let session = &mut session("mini", Cpu);
    let oracle = values("overflow");
    for case in oracle["cases"].as_array().unwrap() {
        #[allow(clippy::cast_possible_truncation)]
        let coefficient = case["coefficient"].as_f64().unwrap() as f32;
        let patching = pushed(&oracle, coefficient);
        let steering = Experiment {
            room: Room::Steering,
            ..patching.clone()
        };
        if case["right"] == true {
            let expected: Vec<f32> = case["logits"]
                .as_array()
                .unwrap()
                .iter()
                .map(number)
                .collect();
            let report = run(session, &patching).unwrap();
            let found = &report.captures[0].values[..expected.len()];
            close(&format!("{coefficient:e}"), found, &expected, 2e-4);
            run(session, &steering).unwrap();
        } else {
            for e in [patching, steering] {
                let (field, message) = refused(session, &e);
                assert!(field.starts_with("steer.directions.0"), "{field}");
                assert!(message.contains("too large"), "{coefficient:e}: {message}");
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation)]
fn number(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

#[test]
fn several_vectors_that_overflow_together_are_said() {
    overflow_together(&mut session("mini", Cpu));
}

/// Where the CPU twin of LayerNorm gives no number, a GPU gives none.
#[cfg(feature = "webgpu")]
#[test]
fn several_vectors_that_overflow_together_are_said_on_a_gpu() {
    if let Some(gpu) = crate::common::gpu(None) {
        overflow_together(&mut session("mini", gpu));
    }
}

fn overflow_together<B: Backend>(session: &mut Session<B>) {
    let oracle = values("overflow");
    let mut patching = pushed(&oracle, 9e18);
    let directions = &mut patching.steer.as_mut().unwrap().directions;
    directions.extend(directions.clone());
    directions.extend(directions.clone());
    let steering = Experiment {
        room: Room::Steering,
        ..patching.clone()
    };
    for (e, field) in [(patching, "steered"), (steering, "steer.directions.0")] {
        let (found, message) = refused(session, &e);
        assert_eq!(found, field);
        assert!(
            message.contains("blocks.2.attn.hook_q") && message.contains("too strong"),
            "{message}"
        );
    }
}

#[test]
fn parts_of_characters_are_shown_as_bytes() {
    let session = &mut session("mini", Cpu);
    let oracle = values("pieces");
    let pieces = oracle["pieces"].as_object().unwrap();
    assert!(pieces.len() > 100);
    let all: Vec<u32> = pieces.keys().map(|id| id.parse().unwrap()).collect();
    let read = |session: &mut Session<Cpu>, ids: &[u32]| -> Vec<Token> {
        let e = Experiment {
            clean: Prompt::Tokens(ids.to_vec()),
            corrupted: Prompt::Tokens(ids.to_vec()),
            sweeps: Vec::new(),
            ..Experiment::default()
        };
        run(session, &e).unwrap().reading.clean
    };
    let mut whole = 0;
    let n_vocab = session.model().n_vocab as u32;
    for some in (0..n_vocab).collect::<Vec<_>>().chunks(128) {
        for token in read(session, some) {
            let expected = pieces.get(&token.id.to_string());
            assert_eq!(token.bytes, expected.is_some(), "{token:?}");
            assert!(!token.text.contains('\u{fffd}'), "{token:?}");
            let Some(hex) = expected else {
                whole += 1;
                continue;
            };
            // The same bytes, whether written as text or one by one.
            let mut bytes = Vec::new();
            let mut rest = token.text.as_str();
            while let Some((before, after)) = rest.split_once("\\x") {
                bytes.extend(before.bytes());
                bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
                rest = &after[2..];
            }
            bytes.extend(rest.bytes());
            let found: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(found, hex.as_str().unwrap(), "{token:?}");
        }
    }
    assert_eq!(whole + all.len(), n_vocab as usize);
    // Together they are the text again.
    let tokens = read(session, &ids(&oracle["split"]));
    assert!(tokens.iter().any(|t| t.bytes));
    assert_eq!(Token::joined(&tokens), oracle["text"].as_str().unwrap());
    let cut = &tokens[..4];
    assert!(Token::joined(cut).ends_with("\\xF0\\x9F\\x98"), "{cut:?}");
}

#[test]
fn a_part_of_a_character_is_never_offered_by_text() {
    let session = &mut session("mini", Cpu);
    let mut e = Experiment::default();
    e.metrics[0].answer = " 😀".into();
    let report = run(session, &e).unwrap();
    let answer = report.reading.answer.unwrap();
    assert!(
        answer.pieces.iter().all(|p| p.bytes || p.text == " "),
        "{answer:?}"
    );
    let offered = answer.suggestion.as_deref();
    assert!(
        offered.is_none_or(|text| !text.contains(['\\', '\u{fffd}'])),
        "{offered:?}"
    );
    // Nor is the space before it.
    assert_eq!(answer.pieces[0].text, " ");
    assert_eq!(offered, None);
    // What is offered instead of a metric is named by id where it has no text.
    let pieces = values("pieces");
    let id = pieces["split"][2].as_u64().unwrap() as u32;
    let e = Experiment {
        clean: Prompt::Tokens(vec![454, id]),
        corrupted: Prompt::Tokens(vec![454, id + 1]),
        metrics: vec![Metric {
            kind: MetricKind::LogitDifference,
            answer: Tokens::One(TokenRef::Id(id)),
            wrong: Some(Tokens::One(TokenRef::Id(id))),
        }],
        ..Experiment::default()
    };
    let report = run(session, &e).unwrap();
    for offer in report
        .metrics
        .iter()
        .filter_map(|m| m.advice.as_ref())
        .flat_map(|a| &a.offers)
    {
        let text = offer
            .metric
            .answer
            .list()
            .iter()
            .chain(offer.metric.wrong.iter().flat_map(Tokens::list));
        for token in text {
            assert!(
                !matches!(token, TokenRef::Text(t) if t.contains('\\')),
                "{offer:?}"
            );
        }
    }
}

#[test]
fn nothing_that_is_not_finite_leaves_in_a_file() {
    let mut files = files("deep");
    let file = safetensors::SafeTensors::deserialize(&files.weights).unwrap();
    // The last layer's MLP writes what the final LayerNorm makes zeros of.
    let data = file.tensor("transformer.wte.weight").unwrap().data();
    let at = data.as_ptr() as usize - files.weights.as_ptr() as usize;
    files.weights[at..at + 84]
        .as_chunks_mut::<4>()
        .0
        .fill(f32::MAX.to_le_bytes());
    let session = &mut Session::load("overflowing", &files, Cpu).unwrap();
    let e = Experiment {
        clean: Prompt::Tokens(vec![0, 9, 8]),
        corrupted: Prompt::Tokens(vec![0, 9, 8]),
        ..Experiment::default()
    };
    let what = Export::Array {
        site: Site::MlpPost,
        run: RunName::Clean,
    };
    let error = pollster::block_on(session.export(&e, &what, &Listener::default())).unwrap_err();
    assert!(error.to_string().contains("finite"), "{error}");
}
