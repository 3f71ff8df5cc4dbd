//! Files of activations and directions: PyTorch's numbers, in the form that NumPy
//! and safetensors give them; `tests/oracles/activations.py` makes the values.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::common::{Listener, Oracle, close, experiment, session};
use candle_core::Tensor;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::directions::files;
use patchbay_engine::experiment::{
    Experiment, Export, File, Format, LayerVector, Pair, RunName, Site, Source,
};
use patchbay_engine::sentence::Said;
use patchbay_engine::session::{Session, SessionError};
use safetensors::SafeTensors;
use std::path::PathBuf;

fn values(name: &str) -> PathBuf {
    let values = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/oracles/values");
    values.join(name)
}

fn first_case() -> Experiment {
    experiment(&Oracle::of("bare").cases()[0])
}

fn export(
    session: &mut Session<Cpu>,
    experiment: &Experiment,
    what: &Export,
) -> Result<File, SessionError> {
    pollster::block_on(session.export(experiment, what, &Listener::default()))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let numbers = bytes.as_chunks::<4>().0.iter();
    numbers.map(|b| f32::from_le_bytes(*b)).collect()
}

#[test]
fn activations_have_the_names_shapes_and_numbers_of_pytorch() {
    let mut session = session("bare", Cpu);
    let n_layer = session.model().n_layer;
    let expected = std::fs::read(values("activations.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let sites = vec![
        Site::ResidPre,
        Site::Q,
        Site::Pattern,
        Site::Z,
        Site::MlpPre,
        Site::MlpPost,
        Site::ResidPost,
        Site::Logits,
    ];
    let mut with = first_case();
    // Of several pairs the first is written.
    with.pairs = vec![Pair {
        clean: with.corrupted.clone(),
        corrupted: with.clean.clone(),
        answer: None,
        wrong: None,
    }];
    let file = export(&mut session, &with, &Export::Activations { sites }).unwrap();
    assert_eq!(file.name, "activations.safetensors");
    let found = SafeTensors::deserialize(&file.bytes).unwrap();
    let mut names = [found.names(), expected.names()];
    names.iter_mut().for_each(|n| n.sort_unstable());
    assert_eq!(names[0], names[1]);
    assert_eq!(names[0].len(), 2 * (7 * n_layer + 1));
    for (name, view) in expected.tensors() {
        let own = found.tensor(&name).unwrap();
        assert_eq!(own.shape(), view.shape(), "{name}");
        close(&name, &floats(own.data()), &floats(view.data()), 2e-4);
    }
}

#[test]
fn arrays_are_read_as_numpys_own() {
    let mut session = session("bare", Cpu);
    let folder = tempfile();
    for site in [Site::Z, Site::Pattern] {
        let what = Export::Array {
            site,
            run: RunName::Clean,
        };
        let file = export(&mut session, &first_case(), &what).unwrap();
        assert_eq!(file.name, format!("clean.{site}.npy"));
        let path = folder.join(&file.name);
        std::fs::write(&path, &file.bytes).unwrap();
        let [found, expected] = [path, values(&file.name)].map(|p| Tensor::read_npy(p).unwrap());
        assert_eq!(found.dims(), expected.dims(), "{site}");
        let numbers = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        close(&file.name, &numbers(found), &numbers(expected), 2e-4);
        // The data begins where the format wants it, and the header is one line.
        let header = usize::from(u16::from_le_bytes([file.bytes[8], file.bytes[9]]));
        assert_eq!((10 + header) % 64, 0);
        assert_eq!(file.bytes[10 + header - 1], b'\n');
    }
    std::fs::remove_dir_all(folder).unwrap();
}

fn tempfile() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("patchbay-export-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_direction_comes_back_from_its_file() {
    let mut session = session("mini", Cpu);
    let mut with = Experiment {
        steer: Some(crate::common::love()),
        ..Experiment::default()
    };
    let mut read = |with: &Experiment, format| {
        let file = export(
            &mut session,
            with,
            &Export::Direction {
                direction: 0,
                format,
            },
        );
        let file = file.unwrap();
        let found = files::direction(&file.name, &file.bytes, 0).unwrap();
        match found.source {
            Source::Vectors { vectors, .. } => (file.name, vectors),
            other => panic!("{other:?}"),
        }
    };
    let (name, gguf) = read(&with, Format::Gguf);
    assert_eq!(name, "love.gguf");
    // Before layer 1 is after layer 0, of which llama.cpp knows nothing; nothing
    // is after the last layer.
    let n_layer = gguf.len() + 2;
    let layers = |vectors: &[LayerVector]| vectors.iter().map(|v| v.layer).collect::<Vec<_>>();
    assert_eq!(layers(&gguf), (1..n_layer - 1).collect::<Vec<_>>());
    let (_, json) = read(&with, Format::Json);
    assert_eq!(layers(&json), (0..n_layer - 1).collect::<Vec<_>>());
    assert_eq!(gguf, json[1..]);
    assert_eq!(json, read(&with, Format::Safetensors).1);
    // As numbers it is the same direction, and so comes out again.
    let direction = &mut with.steer.as_mut().unwrap().directions[0];
    direction.site = Site::ResidPost;
    direction.source = Source::Vectors {
        origin: "a file".into(),
        vectors: gguf.clone(),
    };
    assert_eq!(read(&with, Format::Gguf).1, gguf);
    // What is the same everywhere is written where it acts.
    let direction = &mut with.steer.as_mut().unwrap().directions[0];
    direction.source = Source::Random { seed: 3 };
    direction.layers = vec![1, 3];
    let random: Vec<LayerVector> = read(&with, Format::Gguf).1;
    assert_eq!(random.iter().map(|v| v.layer).collect::<Vec<_>>(), [1, 3]);
}

/// A contrast at either end of a layer: where a control vector has a place for it,
/// and what is said where it has none.
#[test]
fn a_contrast_is_written_where_others_look_for_it() {
    let mut session = session("mini", Cpu);
    let mut with = Experiment {
        steer: Some(crate::common::love()),
        ..Experiment::default()
    };
    let gguf = Export::Direction {
        direction: 0,
        format: Format::Gguf,
    };
    for (site, layer, remark) in [
        (
            Site::ResidPost,
            2,
            "resid_post of layer 0 is not in the file",
        ),
        (
            Site::ResidPre,
            2,
            "resid_pre of layer 0 and 1 is not in the file",
        ),
    ] {
        let first = &mut with.steer.as_mut().unwrap().directions[0];
        (first.site, first.layers) = (site, vec![layer]);
        let file = export(&mut session, &with, &gguf).unwrap();
        assert!(file.remark.unwrap().message.starts_with(remark));
        let found = files::read(&file.bytes, 0).unwrap();
        assert!(found.iter().all(|v| v.layer > 0), "{site}");
        let first = &mut with.steer.as_mut().unwrap().directions[0];
        first.layers = vec![0];
        let error = export(&mut session, &with, &gguf).unwrap_err().to_string();
        assert!(
            error.contains("has no place in a control vector"),
            "{error}"
        );
    }
}

#[test]
fn what_has_no_file_says_so() {
    let mut session = session("mini", Cpu);
    let mut with = Experiment {
        steer: Some(crate::common::love()),
        ..Experiment::default()
    };
    let mut refused = |with: &Experiment, what: Export, field: &str, reason: &str| match export(
        &mut session,
        with,
        &what,
    ) {
        Err(SessionError::Experiment {
            field: f,
            said: Said { message, .. },
        }) => {
            assert_eq!(f, field);
            assert!(message.contains(reason), "{reason}: {message}");
        }
        other => panic!("{reason}: {other:?}"),
    };
    let direction = |direction| Export::Direction {
        direction,
        format: Format::Gguf,
    };
    refused(
        &with,
        direction(1),
        "steer.directions",
        "the experiment has 1",
    );
    refused(
        &with,
        Export::Activations { sites: Vec::new() },
        "captures",
        "No activation",
    );
    let first = &mut with.steer.as_mut().unwrap().directions[0];
    first.source = Source::Pair {
        positive: "I love".into(),
        negative: "I hate".into(),
    };
    refused(
        &with,
        direction(0),
        "steer.directions.0",
        "for each position",
    );
    let first = &mut with.steer.as_mut().unwrap().directions[0];
    first.source = Source::Random { seed: 1 };
    first.site = Site::AttnOut;
    refused(
        &with,
        direction(0),
        "steer.directions.0",
        "a direction at attn_out cannot be written",
    );
}
