//! Features of a sparse autoencoder against PyTorch on the same weights, and what
//! is asked of the host that has them; `tests/oracles/dictionary.py` makes both.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation)]

use crate::common::{Oracle, close, ids, session};
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    Direction, DirectionReport, Experiment, Positions, Prompt, Room, Sampling, Site, Source, Steer,
    Unit, Update,
};
use patchbay_engine::model::Cancelled;
use patchbay_engine::sentence::Said;
use patchbay_engine::session::{DictionaryFile, Host, NoFile, Session, SessionError, Unread};
use std::cell::RefCell;
use std::ops::Range;
use std::path::PathBuf;

type Change = fn(&str, Vec<u8>) -> Vec<u8>;

/// Reads the committed dictionary, notes what it is asked, and may change a file
/// or have others in its place.
struct Folder {
    files: Vec<(&'static str, Vec<u8>)>,
    asked: RefCell<Vec<(String, Range<u64>)>>,
    progress: RefCell<Vec<(u64, u64)>>,
    encoders: bool,
    change: Option<Change>,
}

impl Folder {
    fn new(encoders: bool, change: Option<Change>) -> Self {
        Self {
            files: Vec::new(),
            asked: RefCell::default(),
            progress: RefCell::default(),
            encoders,
            change,
        }
    }
}

fn file(folder: &str, name: &str) -> std::io::Result<Vec<u8>> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/oracles/dictionary");
    std::fs::read(here.join(folder).join(name))
}

impl Host for Folder {
    fn update(&self, update: Update) {
        if let Update::Progress(p) = update {
            self.progress.borrow_mut().push((p.done, p.total));
        }
    }

    fn now(&self) -> f64 {
        0.0
    }

    async fn breathe(&self) -> Result<(), Cancelled> {
        Ok(())
    }

    async fn read(
        &self,
        wanted: &DictionaryFile<'_>,
        range: Range<u64>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Unread> {
        let name = wanted.name.to_owned();
        self.asked.borrow_mut().push((name, range.clone()));
        let own = self.files.iter().find(|(name, _)| *name == wanted.name);
        let bytes = match own {
            Some((_, bytes)) => Ok(bytes.clone()),
            None => file(&wanted.folder, wanted.name),
        };
        let bytes = bytes.map_err(|e| NoFile::Unread {
            path: wanted.folder.clone(),
            reason: e.to_string(),
        })?;
        let bytes = match self.change {
            Some(change) => change(wanted.name, bytes),
            None => bytes,
        };
        let at = |n: u64| usize::try_from(n).unwrap().min(bytes.len());
        // In pieces that cut numbers in two.
        bytes[at(range.start)..at(range.end)]
            .chunks(37)
            .for_each(take);
        Ok(())
    }

    fn reads_encoders(&self) -> bool {
        self.encoders
    }
}

fn source(feature: usize, activation: bool) -> Source {
    Source::Feature {
        dictionary: "someone/dictionary".into(),
        site: Site::ResidPre,
        layer: 2,
        feature,
        activation,
    }
}

fn experiment(prompt: &[u32], source: Source) -> Experiment {
    Experiment {
        bos: false,
        room: Room::Steering,
        steer: Some(Steer {
            prompt: Prompt::Tokens(prompt.to_vec()),
            directions: vec![Direction {
                name: "feature".into(),
                source,
                site: Site::ResidPre,
                layers: vec![2],
                from: None,
                positions: Positions::All,
                operator: patchbay_engine::experiment::Operator::Add,
                coefficient: 2.0,
                unit: Unit::Absolute,
            }],
            sampling: Sampling {
                tokens: 1,
                temperature: 0.0,
                ..Sampling::default()
            },
            words: Vec::new(),
            map: None,
            detector: None,
        }),
        ..Experiment::default()
    }
}

fn found<B: Backend>(
    session: &mut Session<B>,
    experiment: &Experiment,
    host: &Folder,
) -> Result<DirectionReport, SessionError> {
    let report = pollster::block_on(session.run(experiment, false, host))?;
    Ok(report.steer.unwrap().directions.remove(0))
}

#[test]
fn rows_and_activations_equal_pytorch() {
    let oracle = Oracle::of("dictionary");
    let prompt = ids(&oracle.json["tokens"]);
    let features = oracle.json["features"].as_u64().unwrap() as usize;
    let activations = oracle.array(&oracle.json["activations"]);
    let rows = oracle.array(&oracle.json["W_dec"]);
    let mut session = session("deep", Cpu);
    let width = session.model().n_embd;
    for feature in 0..features {
        let host = Folder::new(true, None);
        let with = experiment(&prompt, source(feature, true));
        let report = found(&mut session, &with, &host).unwrap();
        let own = &rows[feature * width..(feature + 1) * width];
        let length = own.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!((report.norm - length).abs() < 1e-5, "{feature}");
        let read = report.feature.unwrap();
        assert_eq!(read.page, None, "nobody shows this one");
        let expected = &activations[feature * prompt.len()..][..prompt.len()];
        let what = format!("feature {feature}");
        close(&what, &read.activations.unwrap(), expected, 2e-4);
        // Half of the file and no more, told as it comes.
        let (done, total) = *host.progress.borrow().iter().rfind(|p| p.1 > 1000).unwrap();
        assert_eq!(
            (done, total),
            (total, 4 * ((width - 1) * features + 1) as u64)
        );
    }
    // The row itself, by what it does: the direction as numbers steers alike.
    let host = Folder::new(false, None);
    let top = |session: &mut Session<Cpu>, source: Source| {
        let with = experiment(&prompt, source);
        let report = pollster::block_on(session.run(&with, false, &host)).unwrap();
        let top = &report.steer.unwrap().samples[0].steered[0].top;
        top.iter().map(|t| t.logit).collect::<Vec<_>>()
    };
    let numbers = Source::Vectors {
        origin: "the oracle".into(),
        vectors: vec![patchbay_engine::experiment::LayerVector {
            layer: 2,
            values: rows[7 * width..8 * width].to_vec(),
        }],
    };
    assert_eq!(
        top(&mut session, source(7, false)),
        top(&mut session, numbers)
    );
}

/// Every config that SAELens writes or wrote, as SAELens's own `encode` has it
/// (`tests/oracles/saelens.py`); with a byte order mark, too.
#[test]
fn activations_equal_saelens_own_whatever_version_wrote_the_config() {
    let oracle = Oracle::of("saelens");
    let prompt = ids(&oracle.json["tokens"]);
    let configs = oracle.json["configs"].as_array().unwrap();
    assert_eq!(configs.len(), 20);
    for (i, config) in configs.iter().enumerate() {
        let name = config["name"].as_str().unwrap();
        let expected = oracle.array(&config["activations"]);
        let weights = match config["weights"].as_str().unwrap() {
            "standard" => file("blocks.2.hook_resid_pre", "sae_weights.safetensors"),
            other => file("", &format!("{other}.safetensors")),
        };
        let mark = if i % 2 == 0 { "\u{feff}" } else { "" };
        let text = format!("{mark}{}", config["cfg"]);
        let mut host = Folder::new(true, None);
        host.files = vec![
            ("cfg.json", text.into_bytes()),
            ("sae_weights.safetensors", weights.unwrap()),
        ];
        let mut session = session("deep", Cpu);
        for feature in (i % 5..50).step_by(5) {
            let with = experiment(&prompt, source(feature, true));
            let report = found(&mut session, &with, &host);
            let report = report.unwrap_or_else(|e| panic!("{name}: {e}"));
            let own = &expected[feature * prompt.len()..][..prompt.len()];
            let read = report.feature.unwrap().activations.unwrap();
            close(&format!("{name}, feature {feature}"), &read, own, 2e-4);
        }
    }
}

#[test]
fn a_row_is_one_small_request_and_the_header_is_asked_once() {
    let oracle = Oracle::of("dictionary");
    let prompt = ids(&oracle.json["tokens"]);
    let mut session = session("deep", Cpu);
    let width = session.model().n_embd as u64;
    let mut asked = |feature, activation, encoders| {
        let host = Folder::new(encoders, None);
        let with = experiment(&prompt, source(feature, activation));
        let report = found(&mut session, &with, &host).unwrap();
        let sizes = host.asked.into_inner();
        let sizes = sizes
            .into_iter()
            .map(|(name, range)| (name, range.end - range.start));
        (
            sizes.collect::<Vec<_>>(),
            report.feature.unwrap().activations.is_some(),
        )
    };
    let weights = |bytes| ("sae_weights.safetensors".to_owned(), bytes);
    let row = weights(4 * width);
    assert_eq!(
        asked(3, false, false),
        (vec![weights(1024), row.clone()], false)
    );
    assert_eq!(asked(4, false, true), (vec![row.clone()], false));
    assert_eq!(asked(4, false, true), (vec![], false), "remembered");
    // What nobody agreed to is not fetched, whatever the experiment wishes.
    assert_eq!(asked(5, true, false), (vec![row], false));
    let (all, there) = asked(5, true, true);
    assert!(there);
    assert_eq!(all.iter().filter(|a| a.0 == "cfg.json").count(), 1);
}

#[test]
fn a_feature_has_a_file_too() {
    use patchbay_engine::directions::files;
    use patchbay_engine::experiment::{Export, Format};
    let oracle = Oracle::of("dictionary");
    let mut session = session("deep", Cpu);
    let width = session.model().n_embd;
    let with = experiment(&ids(&oracle.json["tokens"]), source(9, false));
    let what = Export::Direction {
        direction: 0,
        format: Format::Gguf,
    };
    let host = Folder::new(false, None);
    let file = pollster::block_on(session.export(&with, &what, &host)).unwrap();
    let found = files::read(&file.bytes, 0).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].layer, 1, "before layer 2 is after layer 1");
    let rows = oracle.array(&oracle.json["W_dec"]);
    assert_eq!(found[0].values, rows[9 * width..10 * width]);
}

/// The name of a file's tensor becomes another of the same length.
fn renamed(name: &str, mut bytes: Vec<u8>) -> Vec<u8> {
    if name.ends_with("safetensors") {
        let at = bytes.windows(5).position(|w| w == b"W_enc").unwrap();
        bytes[at..at + 5].copy_from_slice(b"W_abc");
    }
    bytes
}

#[test]
fn what_cannot_be_had_says_so() {
    let prompt = ids(&Oracle::of("dictionary").json["tokens"]);
    let mut deep = session("deep", Cpu);
    let mut mini = session("mini", Cpu);
    let mut other = session("inverse", Cpu);
    let refused = |session: &mut Session<Cpu>, source: Source, change, reason: &str| {
        let host = Folder::new(true, change);
        match found(session, &experiment(&prompt[..1], source), &host) {
            Err(
                SessionError::Experiment {
                    field,
                    said: Said { message, .. },
                }
                | SessionError::Unread {
                    field,
                    said: Said { message, .. },
                },
            ) => {
                assert_eq!(field, "steer.directions.0", "{message}");
                assert!(message.contains(reason), "{reason}: {message}");
            }
            other => panic!("{reason}: {other:?}"),
        }
        host.asked.into_inner().len()
    };
    let of = |dictionary: &str, site, layer, feature| Source::Feature {
        dictionary: dictionary.into(),
        site,
        layer,
        feature,
        activation: false,
    };
    // Before anything is asked.
    let res_jb = "gpt2-small-res-jb";
    let narrow = of(res_jb, Site::ResidPre, 2, 0);
    let reason = "which is 768 wide, but this model is 128 wide";
    assert_eq!(refused(&mut mini, narrow, None, reason), 0);
    for (source, reason) in [
        (of("mini", Site::ResidPre, 2, 0), "“mini” is no dictionary"),
        (of("a/b", Site::Z, 2, 0), "not at z; take resid_pre"),
    ] {
        assert_eq!(refused(&mut deep, source, None, reason), 0, "{reason}");
    }
    // By the header alone.
    let mut fresh = session("deep", Cpu);
    let beyond = of("a/b", Site::ResidPre, 2, 50);
    assert_eq!(
        refused(&mut fresh, beyond, None, "has features 0 to 49 there"),
        1
    );
    let there = of("a/b", Site::ResidPre, 2, 0);
    assert_eq!(
        refused(
            &mut other,
            there,
            None,
            "21 wide, but this model is 22 wide"
        ),
        1
    );
    assert_eq!(
        refused(&mut deep, of("a/b", Site::ResidPre, 1, 0), None, "blocks.1"),
        1
    );
    // Files that are not right.
    let changes: [(Change, &str); 8] = [
        (|_, _| Vec::new(), "it has no header"),
        (|_, _| vec![0xff; 400], "not as SAELens writes one"),
        (renamed, "it has no tensor W_enc"),
        (
            |name, mut bytes| {
                if name.ends_with("safetensors") {
                    bytes.truncate(500);
                }
                bytes
            },
            "ended after",
        ),
        (
            |name, mut bytes| {
                if name.ends_with("safetensors") {
                    let header = u64::from_le_bytes(*bytes.first_chunk().unwrap());
                    let start = 8 + usize::try_from(header).unwrap();
                    bytes[start..start + 4200].fill(0xff);
                }
                bytes
            },
            "not a finite number",
        ),
        (
            |name, bytes| match name {
                "cfg.json" => br#"{"architecture": "topk"}"#.to_vec(),
                _ => bytes,
            },
            "architecture",
        ),
        (
            |name, bytes| match name {
                "cfg.json" => br#"{"architecture": "gated"}"#.to_vec(),
                _ => bytes,
            },
            "it has no tensor b_gate",
        ),
        (
            |name, bytes| match name {
                "cfg.json" => br#"{"hook_name": "blocks.3.hook_resid_pre"}"#.to_vec(),
                _ => bytes,
            },
            "hook_name is \"blocks.3.hook_resid_pre\"",
        ),
    ];
    for (change, reason) in changes {
        let mut session = session("deep", Cpu);
        refused(&mut session, source(5, true), Some(change), reason);
    }
    // A host that knows of no dictionaries.
    let with = experiment(&prompt, source(5, true));
    let quiet = crate::common::Listener::default();
    let error = pollster::block_on(deep.run(&with, false, &quiet)).unwrap_err();
    assert!(error.to_string().contains("cannot be read here"), "{error}");
}
