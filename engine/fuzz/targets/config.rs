//! Any bytes as `config.json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchbay_engine::model::Config;

fuzz_target!(|json: &[u8]| {
    let Ok(config) = Config::from_json(json) else {
        return;
    };
    let shape = config.shape;
    // What the code behind it relies on.
    assert_eq!(shape.d_head() * shape.n_head, shape.n_embd);
    assert!(config.layer_norm_epsilon > 0.0 && config.layer_norm_epsilon < 1.0);
    assert!(config.parameters() > 0);
    for l in [0, shape.n_layer - 1] {
        let scale = config.attention_scale(l);
        assert!(scale > 0.0 && scale <= 1.0, "{scale} in layer {l}");
    }
});
