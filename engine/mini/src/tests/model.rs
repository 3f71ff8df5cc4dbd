//! The committed weights reach the card's bars; shuffled, they do not.

use candle_core::{Device, Tensor};
use rand::SeedableRng as _;
use tokenizers::Tokenizer;

use super::committed;
use crate::card::card;
use crate::config::Config;
use crate::engine::Engine;
use crate::model::{Model, shapes};
use crate::texts::Rng;
use crate::train::last_logits;

#[test]
fn the_committed_model_reaches_its_bars_and_shuffled_it_does_not() {
    let tokenizer = Tokenizer::from_file(committed().join("tokenizer.json")).unwrap();
    let config = std::fs::read(committed().join("config.json")).unwrap();
    let weights = std::fs::read(committed().join("model.safetensors")).unwrap();
    let lines = |weights: &[u8]| {
        let mut engine = Engine::open(&config, weights).unwrap();
        card(&tokenizer, true, &mut |prompts| engine.last_logits(prompts)).unwrap()
    };
    for line in lines(&weights) {
        println!("{line:?}");
        assert!(line.passes(), "{line:?}");
    }
    let shuffled = Model::open(&committed()).unwrap().shuffled().unwrap();
    for line in lines(&shuffled.to_bytes().unwrap()) {
        assert!(
            line.at_least.is_none() || !line.passes(),
            "shuffled weights pass {line:?}"
        );
    }
}

/// Two forward passes, written apart: the trainer's and the engine's.
#[test]
fn the_engine_computes_what_was_trained() {
    let config = std::fs::read(committed().join("config.json")).unwrap();
    let weights = std::fs::read(committed().join("model.safetensors")).unwrap();
    let prompts = [vec![5, 300, 1200, 7], vec![40, 2]];
    let model = Model::open(&committed()).unwrap();
    let expected = last_logits(&model, &prompts).unwrap().concat();
    let mut engine = Engine::open(&config, &weights).unwrap();
    let found = engine.last_logits(&prompts).unwrap().concat();
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(&expected) {
        assert!((f - e).abs() < 2e-4 * e.abs().max(1.0), "{f} {e}");
    }
}

#[test]
fn the_committed_file_is_small_and_in_half_precision() {
    let bytes = std::fs::read(committed().join("model.safetensors")).unwrap();
    assert!(bytes.len() <= 4_000_000, "{} bytes", bytes.len());
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let config = Model::open(&committed()).unwrap().config;
    let expected = shapes(&config);
    assert_eq!(tensors.len(), expected.len());
    for (name, shape) in expected {
        let tensor = tensors.tensor(&name).unwrap();
        assert_eq!(
            (tensor.dtype(), tensor.shape()),
            (safetensors::Dtype::F16, &shape[..])
        );
    }
}

#[test]
fn later_tokens_change_nothing_before_them() {
    let model = Model::new(Config::mini(50), &mut Rng::seed_from_u64(3)).unwrap();
    let hidden = |ids: &[u32]| {
        let ids = Tensor::from_slice(ids, (1, ids.len()), &Device::Cpu).unwrap();
        model.hidden(&ids).unwrap().narrow(1, 0, 3).unwrap()
    };
    let difference = (hidden(&[1, 2, 3, 4]) - hidden(&[1, 2, 3, 40])).unwrap();
    let largest = difference
        .abs()
        .unwrap()
        .max_all()
        .unwrap()
        .to_scalar::<f32>()
        .unwrap();
    assert!(largest < 1e-6, "{largest}");
}

#[test]
fn saved_weights_open_as_rounded() {
    let model = Model::new(Config::mini(50), &mut Rng::seed_from_u64(3)).unwrap();
    let folder = std::env::temp_dir().join(format!("patchbay-mini-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    model.save(&folder.join("model.safetensors")).unwrap();
    crate::error::write_json(folder.join("config.json"), &model.config).unwrap();
    let opened = Model::open(&folder).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(opened.config, model.config);
    let prompts = [vec![49, 3, 5], vec![7, 8]];
    let rounded = last_logits(&model.rounded().unwrap(), &prompts).unwrap();
    assert_eq!(last_logits(&opened, &prompts).unwrap(), rounded);
}
