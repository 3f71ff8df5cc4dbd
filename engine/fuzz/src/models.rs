//! The files of a model.

use crate::with_length;
use patchbay_engine::model::{Config, Header, Tokenizer};

/// Any bytes as the beginning of `model.safetensors`.
pub fn header(file: &[u8]) -> bool {
    let claimed = Header::stop(file).ok().flatten();
    let whole = claimed.and_then(|stop| file.get(..stop));
    let taken = whole.is_some_and(consistent);
    let fitting = with_length(file);
    let stop = fitting.iter().rposition(|b| *b == b'}');
    let fits = stop.is_some_and(|at| consistent(&fitting[..=at]));
    taken || fits
}

/// What is read must be consistent: the tensors fill the file, and each has the
/// bytes of its shape.
fn consistent(bytes: &[u8]) -> bool {
    let Ok(header) = Header::parse(bytes) else {
        return false;
    };
    let mut end = bytes.len() as u64;
    for entry in &header.entries {
        let values = entry.shape.iter().map(|n| *n as u64).product::<u64>();
        let bits = values * entry.dtype.bitsize() as u64;
        assert_eq!(8 * entry.bytes, bits, "{entry:?}");
        end += entry.bytes;
    }
    assert_eq!(header.file_bytes, end);
    true
}

/// Any bytes as `config.json`.
pub fn config(json: &[u8]) -> bool {
    let Ok(config) = Config::from_json(json) else {
        return false;
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
    true
}

const VOCAB: usize = 301;
const TEXTS: [&str; 3] = [
    "",
    "When John and Mary went to the store",
    "\u{0}ﬁ é <|endoftext|>\n\n🙂",
];

/// Any bytes as `tokenizer.json`, and texts through what was read.
pub fn tokenizer(json: &[u8]) -> bool {
    let Ok(tokenizer) = Tokenizer::from_json(json, VOCAB, Some(0), &[5]) else {
        return false;
    };
    for text in TEXTS {
        let Ok(ids) = tokenizer.encode(text, true) else {
            continue;
        };
        assert!(ids.iter().all(|id| (*id as usize) < VOCAB), "{ids:?}");
        assert_eq!(tokenizer.tokens(&ids).len(), ids.len());
    }
    true
}
