//! Sentences for people: each has a code of its own, is made nowhere but in its enum,
//! and can be said in another language from its code and its arguments alone.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common::{Listener, love, session};
use crate::read::Modules;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::backend::{BackendError, NoGpu};
use patchbay_engine::device::Reason;
use patchbay_engine::directions::files;
use patchbay_engine::experiment::{
    Attribution, AttributionMethod, Axes, Detector, Experiment, Export, Format, Matrix, Metric,
    MetricKind, Mode, Pair, Prompt, Receiver, Report, Role, Room, Site, Source, SteerMap, Sweep,
    TokenRef, link,
};
use patchbay_engine::model::{Config, Folder, Index, Tokenizer};
use patchbay_engine::numbers::Sampler;
use patchbay_engine::rows::PlanError;
use patchbay_engine::sentence::{Says, Sentence};
use patchbay_engine::session::{DictionaryLayout, NoFile, Session, SessionError};
use patchbay_engine::source::{Named, mirror};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

fn modules() -> Modules {
    crate::read::modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// What stands between a text's first bracket and the one that closes it.
fn bracketed(text: &str, [open, close]: [char; 2]) -> &str {
    let start = text.find(open).unwrap();
    let mut depth = 0;
    for (i, c) in text[start..].char_indices() {
        depth += i32::from(c == open) - i32::from(c == close);
        if depth == 0 {
            return &text[start + 1..start + i];
        }
    }
    panic!("{open} is not closed");
}

/// The variants of an enum, as they are written in codes.
fn variants(body: &str) -> Vec<String> {
    let named = body.lines().filter_map(|line| {
        let rest = line.strip_prefix("    ")?;
        let name = rest.split(|c: char| !c.is_alphanumeric()).next()?;
        name.starts_with(char::is_uppercase).then_some(name)
    });
    let snake = |name: &str| {
        let mut code = String::new();
        for (i, c) in name.chars().enumerate() {
            if i > 0 && c.is_uppercase() {
                code.push('_');
            }
            code.extend(c.to_lowercase());
        }
        code
    };
    named.map(snake).collect()
}

/// Every code, with the module that says it.
fn codes() -> Vec<(String, String)> {
    let all = modules();
    let mut codes = Vec::new();
    for (module, code) in &all {
        for (i, _) in code.match_indices("Sentence for ") {
            let name = code[i + "Sentence for ".len()..]
                .split(['<', ' '])
                .next()
                .unwrap();
            let body = bracketed(&code[i..], ['{', '}']);
            let Some(of) = body.split("Says::of(\"").nth(1) else {
                continue;
            };
            let place = of.split('"').next().unwrap();
            let written = format!("enum {name}");
            let declared = match code.find(&format!("{written} {{")) {
                Some(at) => &code[at..],
                // A struct that is told by an enum beside it.
                None => &code[code.find("enum Variant").unwrap()..],
            };
            for variant in variants(bracketed(declared, ['{', '}'])) {
                codes.push((format!("{place}.{variant}"), module.clone()));
            }
        }
        for (i, _) in code.match_indices("\"") {
            // By hand: `place.name` and nothing else between quotation marks.
            let literal = code[i + 1..].split('"').next().unwrap();
            let by_hand = code[..i].trim_end().ends_with("Says::new(")
                || code[..i].trim_end().ends_with("says_of(")
                || (literal.starts_with("limit.") && module == "experiment::limits");
            if by_hand {
                codes.push((literal.into(), module.clone()));
            }
        }
    }
    codes
}

#[test]
fn every_code_is_one_sentences_own() {
    let codes = codes();
    assert!(codes.len() > 350, "{} codes were found", codes.len());
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (code, module) in &codes {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
        assert!(code.chars().all(plain) && code.contains('.'), "{code}");
        if let Some(other) = seen.insert(code, module) {
            panic!("{code} is said by {other} and by {module}");
        }
    }
    for known in [
        "patching.prompt",
        "sweep.window",
        "limit.entries",
        "link.utf8",
        "source.hub",
        "source.not_there",
        "fetch.cut_short",
    ] {
        assert!(seen.contains_key(known), "{known}");
    }
}

#[test]
fn sentences_are_made_in_their_enums_alone() {
    let mut looked = 0;
    for (module, code) in &modules() {
        // The command line speaks English, and the list of shapes to programmers.
        if module.starts_with("bin") {
            continue;
        }
        for call in [
            "SessionError::of(",
            "Problem::of(",
            "Failure::new(",
            "Failure::said(",
            ".wrong(",
            ".problem(",
        ] {
            for (i, _) in code.match_indices(call) {
                let held = bracketed(&code[i..], ['(', ')']);
                looked += 1;
                let written = held.contains("format!") || held.contains('"');
                assert!(!written, "{module} says {call}{held})");
            }
        }
        for free in [", String>", "message: format!", "message: \""] {
            let lines = code.lines().filter(|line| line.contains(free));
            let lines = lines.filter(|line| !line.contains("Map<String, String>"));
            let found: Vec<&str> = lines.collect();
            assert!(
                found.is_empty(),
                "{module} has sentences in no enum: {found:?}"
            );
        }
    }
    assert!(looked > 80, "{looked} places were looked at");
}

/// Some sentences of another language: by code, with `{name}` for arguments.
const GERMAN: &[(&str, &str)] = &[
    ("backend.out_of_memory", "Kein Platz für {bytes} Bytes."),
    ("backend.unavailable", "Kein WebGPU: {why}"),
    (
        "config.field",
        "Feld {field}: statt {expected} steht {found} da.",
    ),
    (
        "detector.better_than_random",
        "Besser als {random} zufällige.",
    ),
    ("detector.as_random", "Nicht besser als {random} zufällige."),
    (
        "detector.better",
        "Besser als {random} zufällige und als vertauscht.",
    ),
    ("detector.as_shuffled", "Nicht besser als vertauscht."),
    ("device.no_gpu", "CPU: {fault}"),
    (
        "dictionary.name",
        "„{name}“ ist kein Wörterbuch; {known} wäre eines.",
    ),
    ("dictionary_file.no_header", "Der Kopf fehlt."),
    ("direction_file.format", "Kein {format}: {fault}"),
    ("direction_file.json", "Kein JSON: {fault}"),
    (
        "directions.layer",
        "Schicht {layer} gibt es nicht; die letzte ist {last}.",
    ),
    (
        "experiment.version",
        "Version {found} ist neuer als {most}.",
    ),
    ("file.nowhere", "{dictionary} ist nirgends."),
    ("folder.config", "config.json fehlt."),
    ("format.no_layer", "Ein Vektor ohne Schicht."),
    ("index.empty", "Der Index ist leer."),
    ("lab.no_token", "Welches Token?"),
    ("left_out.control_vector", "{site}: ohne Schicht {layers}."),
    ("limit.entries", "{name}: {found} sind mehr als {most}."),
    ("link.form", "Ein Link der Form {found}."),
    ("list.again", "{name} nennt {entry} zweimal."),
    ("model.unused_tensors", "{count} unbenutzt: {names}"),
    ("no_gpu.check", "{device} rechnet nicht ({why})"),
    ("origin.random", "Zufällig, Saat {seed}"),
    ("pair.lengths", "{clean} Tokens gegen {corrupted}"),
    (
        "patching.no_wrong_answer",
        "Eine Differenz braucht zwei Antworten.",
    ),
    (
        "patching.not_lowered",
        "{answers} minus {wrongs} sinkt nicht.",
    ),
    ("patching.pair", "Paar {number}: {fault}"),
    ("patching.prompt", "Feld {field}: {fault}"),
    ("patching.roles_of_first", "Erstes Paar: {fault}"),
    ("plan.not_editable", "{site} geht so nicht ({why})."),
    ("prompt.too_long", "{found} Tokens, höchstens {most}."),
    (
        "roles.no_name_twice",
        "Für {role} steht kein Name zweimal da.",
    ),
    ("sampling.top_p", "Top-p ist {found}."),
    (
        "session.no_direction",
        "Richtung {direction} von {directions} fehlt.",
    ),
    ("source.address", "{found} ist keine Adresse ({fault})."),
    ("source.hub", "{found} ist kein Hub ({fault})."),
    ("steering.cap", "Die Grenze {cap} ist kleiner als 1."),
    (
        "sweep.estimate_of_paths",
        "Pfade werden nicht geschätzt, sondern gelaufen.",
    ),
    ("sweep.no_derivative", "Ein Rang hat keine Ableitung."),
    ("sweep.nothing_patched", "Mindestens eine Zelle, bitte."),
    ("sweep.points", "1 bis {most} Punkte, nicht {points}."),
    (
        "sweep.window",
        "{site}: 1 bis {most} Schichten, nicht {window}.",
    ),
    ("tokenizer.file", "{file} ist nicht lesbar: {fault}"),
    ("weights.index", "Der Index taugt nichts: {fault}"),
];

/// A sentence in German, from its code and its arguments alone.
fn german(says: &Says) -> Option<String> {
    let (_, template) = GERMAN.iter().find(|(code, _)| *code == says.code)?;
    let mut said = (*template).to_owned();
    for (name, value) in &says.args {
        said = said.replace(&format!("{{{name}}}"), &word(value));
    }
    Some(said)
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(word).collect::<Vec<_>>().join(", "),
        // A sentence within the sentence.
        Value::Object(fields) if fields.contains_key("says") => {
            let says = serde_json::from_value(fields["says"].clone()).unwrap();
            german(&says).unwrap_or_else(|| word(&fields["message"]))
        }
        other => other.to_string(),
    }
}

#[track_caller]
fn is_said(says: &Says, expected: &str) {
    assert_eq!(german(says).as_deref(), Some(expected), "{says:?}");
}

fn run(session: &mut Session<Cpu>, experiment: &Experiment) -> Result<Report, SessionError> {
    pollster::block_on(session.run(experiment, false, &Listener::default()))
}

/// What is said of an experiment that is refused, or of its field.
fn told(session: &mut Session<Cpu>, experiment: &Experiment) -> Vec<Says> {
    match run(session, experiment) {
        Ok(report) => {
            let problems = report.reading.problems.into_iter();
            problems.map(|problem| problem.says).collect()
        }
        Err(e) => vec![e.says()],
    }
}

/// A sweep of heads that is estimated.
fn estimated(method: AttributionMethod, most: Option<usize>) -> Sweep {
    Sweep {
        estimate: Some(Attribution { method, most }),
        ..Sweep::of(Site::Z, Mode::Denoising)
    }
}

#[test]
fn the_patching_room_can_be_said_in_another_language() {
    let session = &mut session("mini", Cpu);
    let of = |change: &dyn Fn(&mut Experiment)| {
        let mut experiment = Experiment::default();
        change(&mut experiment);
        experiment
    };
    let n = session.model().n_positions;
    let n_layer = session.model().n_layer;
    for (experiment, expected) in [
        (
            of(&|e| e.clean = Prompt::Tokens(vec![0; n + 1])),
            format!("Feld clean: {} Tokens, höchstens {n}.", n + 1),
        ),
        (
            of(&|e| {
                e.sweeps = vec![Sweep {
                    axes: Some(Axes::LayerPosition { window: 9 }),
                    ..Sweep::of(Site::ResidPre, Mode::Denoising)
                }];
            }),
            format!("resid_pre: 1 bis {n_layer} Schichten, nicht 9."),
        ),
        (
            of(&|e| {
                let text = |text: &str| Prompt::Text(text.into());
                e.pairs = vec![Pair {
                    clean: text("When John"),
                    corrupted: text("When"),
                    answer: None,
                    wrong: None,
                }];
            }),
            "Paar 2: 3 Tokens gegen 2".into(),
        ),
        (
            of(&|e| {
                e.roles = vec![Role::S1];
                e.clean = Prompt::Text("When John and Mary went to the store".into());
            }),
            "Erstes Paar: Für s1 steht kein Name zweimal da.".into(),
        ),
        (
            of(&|e| {
                e.metrics = vec![Metric {
                    kind: MetricKind::LogitDifference,
                    answer: " Mary".into(),
                    wrong: None,
                }];
            }),
            "Eine Differenz braucht zwei Antworten.".into(),
        ),
        (
            of(&|e| {
                e.sweeps = vec![Sweep {
                    axes: Some(Axes::LayerHead {
                        positions: Some(vec![2, 2]),
                    }),
                    ..Sweep::of(Site::Z, Mode::Denoising)
                }];
            }),
            "“positions” nennt 2 zweimal.".into(),
        ),
        (
            of(&|e| {
                let receiver = Receiver::Logits;
                e.sweeps = vec![Sweep {
                    axes: Some(Axes::Paths {
                        receiver,
                        through_mlps: false,
                    }),
                    ..estimated(AttributionMethod::Atp, None)
                }];
            }),
            "Pfade werden nicht geschätzt, sondern gelaufen.".into(),
        ),
        (
            of(&|e| {
                e.metrics[0].kind = MetricKind::Rank;
                e.sweeps = vec![estimated(AttributionMethod::Relp, Some(3))];
            }),
            "Ein Rang hat keine Ableitung.".into(),
        ),
        (
            of(&|e| {
                let method = AttributionMethod::IntegratedGradients { points: 101 };
                e.sweeps = vec![estimated(method, None)];
            }),
            "1 bis 100 Punkte, nicht 101.".into(),
        ),
        (
            of(&|e| e.sweeps = vec![estimated(AttributionMethod::Atp, Some(0))]),
            "Mindestens eine Zelle, bitte.".into(),
        ),
        (
            of(&|e| e.sweeps = vec![Sweep::of(Site::Z, Mode::Denoising); 65]),
            "“sweeps”: 65 sind mehr als 64.".into(),
        ),
    ] {
        let says = told(session, &experiment);
        let said: Vec<String> = says.iter().filter_map(german).collect();
        assert!(said.contains(&expected), "{expected}: {said:?} {says:?}");
    }
    let hardly = of(&|e| e.metrics[0].wrong = Some(" John".into()));
    let report = run(session, &hardly).unwrap();
    let advice = report.metrics[0].advice.as_ref().unwrap();
    is_said(&advice.says, "Mary minus John sinkt nicht.");
}

#[test]
fn the_steering_room_can_be_said_in_another_language() {
    let session = &mut session("mini", Cpu);
    let steering = |change: &dyn Fn(&mut patchbay_engine::experiment::Steer)| {
        let mut steer = love();
        steer.sampling.tokens = 2;
        steer.sampling.samples = 1;
        change(&mut steer);
        Experiment {
            room: Room::Steering,
            steer: Some(steer),
            ..Experiment::default()
        }
    };
    let last = session.model().n_layer - 1;
    for (experiment, expected) in [
        (
            steering(&|s| s.directions[0].layers = vec![99]),
            format!("Schicht 99 gibt es nicht; die letzte ist {last}."),
        ),
        (
            steering(&|s| {
                s.directions[0].source = Source::Token {
                    token: TokenRef::Text(String::new()),
                    minus: None,
                    matrix: Matrix::Embedding,
                };
            }),
            "Welches Token?".into(),
        ),
        (
            steering(&|s| {
                s.directions[0].source = Source::Feature {
                    dictionary: "no dictionary".into(),
                    site: Site::ResidPre,
                    layer: 0,
                    feature: 0,
                    activation: false,
                };
            }),
            "„no dictionary“ ist kein Wörterbuch; gpt2-small-res-jb wäre eines.".into(),
        ),
        (
            steering(&|s| {
                s.words = vec!["love".into()];
                s.map = Some(SteerMap {
                    cap: 0.5,
                    ..SteerMap::default()
                });
            }),
            "Die Grenze 0.5 ist kleiner als 1.".into(),
        ),
        (
            steering(&|s| s.sampling.top_p = Some(1.5)),
            "Top-p ist 1.5.".into(),
        ),
    ] {
        let says = told(session, &experiment);
        let said: Vec<String> = says.iter().filter_map(german).collect();
        assert!(said.contains(&expected), "{expected}: {said:?} {says:?}");
    }
    let report = run(
        session,
        &steering(&|s| {
            s.directions[0].source = Source::Random { seed: 7 };
            let side = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
            s.detector = Some(Detector {
                direction: 0,
                layer: None,
                positive: side(["I love you", "I love this"]),
                negative: side(["I hate you", "I hate this"]),
                threshold: None,
            });
        }),
    );
    let steer = report.unwrap().steer.unwrap();
    is_said(&steer.directions[0].says, "Zufällig, Saat 7");
    let detector = steer.detector.unwrap();
    assert!(german(&detector.says).is_some(), "{:?}", detector.says);
    assert_eq!(detector.warnings.len(), detector.warnings_say.len());
    assert_eq!(
        detector.warnings_say.last().unwrap().code,
        "warning.no_threshold"
    );
    let what = Export::Direction {
        direction: 9,
        format: Format::Gguf,
    };
    let (experiment, listener) = (steering(&|_| ()), Listener::default());
    let wanted = session.export(&experiment, &what, &listener);
    let e = pollster::block_on(wanted).unwrap_err();
    is_said(&e.says(), "Richtung 9 von 1 fehlt.");
}

#[test]
fn files_links_and_devices_can_be_said_in_another_language() {
    let json = |text: &str| Experiment::from_json(text).unwrap_err().says();
    is_said(&json(r#"{"version": 99}"#), "Version 99 ist neuer als 4.");
    is_said(
        &link::decode("v9=").unwrap_err().says(),
        "Ein Link der Form v9.",
    );
    let e = Named::parse("ftp://x/y").unwrap_err();
    is_said(&e.says(), "ftp://x/y ist keine Adresse (scheme).");
    let e = mirror("http://hf.example").unwrap_err();
    is_said(&e.says(), "http://hf.example ist kein Hub (insecure).");
    let e = Sampler::new(patchbay_engine::experiment::Sampling {
        top_p: Some(0.0),
        ..Default::default()
    });
    is_said(&e.map(drop).unwrap_err().says(), "Top-p ist 0.0.");
    let e = Config::from_json(br#"{"n_layer": 0}"#).unwrap_err();
    is_said(&e.says(), "Feld n_layer: statt size steht 0 da.");
    let e = Tokenizer::from_json(b"{", 1, None, &[])
        .map(drop)
        .unwrap_err();
    assert!(
        german(&e.says())
            .unwrap()
            .starts_with("tokenizer.json ist nicht lesbar: EOF")
    );
    let mut folder = Folder::default();
    let e = Session::load(
        "none",
        &patchbay_engine::model::Files {
            config: br#"{"n_layer": 0}"#.to_vec(),
            tokenizer: Vec::new(),
            weights: Vec::new(),
        },
        Cpu,
    );
    let e = e.map(drop).unwrap_err();
    assert_eq!(e.says().code, "config.field");
    folder.put(
        "model.safetensors.index.json",
        br#"{"weight_map": {}}"#.to_vec(),
    );
    let e = folder.index().unwrap_err();
    is_said(&e.says(), "Der Index taugt nichts: Der Index ist leer.");
    assert!(Index::parse(b"{}").is_err());
    is_said(
        &patchbay_engine::model::FolderError::Config.says(),
        "config.json fehlt.",
    );
    let remark = patchbay_engine::model::ModelRemark::UnusedTensors {
        count: 2,
        names: vec!["a".into(), "b".into()],
    };
    is_said(&remark.says(), "2 unbenutzt: a, b");
    let e = DictionaryLayout::stop(b"").unwrap_err();
    is_said(&e.says(), "Der Kopf fehlt.");
    let e = files::read(br#"[{"values": [1]}]"#, 0).unwrap_err();
    is_said(&e.says(), "Kein JSON: Ein Vektor ohne Schicht.");
    let left_out = files::LeftOut::ControlVector {
        site: Site::ResidPre,
        layers: vec![0, 1],
    };
    is_said(&left_out.says(), "resid_pre: ohne Schicht 0, 1.");
    let nowhere = NoFile::Nowhere {
        dictionary: "a".into(),
    };
    is_said(&nowhere.says(), "a ist nirgends.");
    let e = PlanError::NotEditable {
        site: Site::Logits,
        why: patchbay_engine::rows::NotEditable::IsRead,
    };
    is_said(&e.says(), "logits geht so nicht (is_read).");
    let e = PlanError::NotEditable {
        site: Site::Z,
        why: patchbay_engine::rows::NotEditable::Bends,
    };
    is_said(&e.says(), "z geht so nicht (bends).");
    is_said(
        &BackendError::OutOfMemory { bytes: 9 }.says(),
        "Kein Platz für 9 Bytes.",
    );
    let fault = BackendError::Unavailable {
        why: NoGpu::Check {
            device: "x".into(),
            why: "y".into(),
        },
    };
    let reason = Reason::NoGpu { fault }.said();
    is_said(&reason.says, "CPU: Kein WebGPU: x rechnet nicht (y)");
    assert_eq!(
        reason.message,
        "The CPU, because no GPU can be used: WebGPU is not to be had here: the GPU (x) failed a check of its kernels (y); use the CPU."
    );
    // As it travels.
    let sent = serde_json::to_value(&reason).unwrap();
    assert_eq!(
        sent["says"]["args"]["fault"]["says"]["code"],
        json!("backend.unavailable")
    );
}
