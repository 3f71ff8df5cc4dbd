//! The committed weights reach the card's bars; shuffled, they do not.

use candle_core::{Device, Tensor};
use rand::SeedableRng as _;
use tokenizers::Tokenizer;

use super::committed;
use crate::card::card;
use crate::config::Config;
use crate::model::{Model, shapes};
use crate::texts::Rng;
use crate::train::last_logits;

#[test]
fn the_committed_model_reaches_every_bar() {
    let tokenizer = Tokenizer::from_file(committed().join("tokenizer.json")).unwrap();
    let model = Model::open(&committed()).unwrap();
    for line in card(&tokenizer, true, &mut |prompts| {
        last_logits(&model, prompts)
    })
    .unwrap()
    {
        assert!(line.passes(), "{line:?}");
    }
    let shuffled = model.shuffled().unwrap();
    for line in card(&tokenizer, true, &mut |prompts| {
        last_logits(&shuffled, prompts)
    })
    .unwrap()
    {
        assert!(
            line.at_least.is_none() || !line.passes(),
            "shuffled weights pass {line:?}"
        );
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
