//! The files of a model.

use crate::{read_or_told, with_length};
use patchbay_engine::model::{Config, Folder, Header, Index, Tokenizer, folder};

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
    let Some(header) = read_or_told(Header::parse(bytes)) else {
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
    let Some(config) = read_or_told(Config::from_json(json)) else {
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

/// Any bytes as `model.safetensors.index.json`: no file that it names leads out of
/// the folder.
pub fn index(json: &[u8]) -> bool {
    let Some(index) = read_or_told(Index::parse(json)) else {
        return false;
    };
    let shards = index.shards();
    assert!(!shards.is_empty() && shards.is_sorted());
    for name in shards {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        assert!(name.ends_with(".safetensors") && name.bytes().all(plain));
        assert!(!name.starts_with('.'), "{name}");
    }
    true
}

const VOCAB: usize = 301;
const CONFIG: &[u8] = br#"{"vocab_size":301,"n_layer":1,"n_head":1,"n_embd":2,"bos_token_id":0}"#;
/// As it stands, with all that transformers' GPT2Tokenizer does not go by.
const WHOLE: &[u8] = br#"{"tokenizer_class":"PreTrainedTokenizerFast"}"#;
const TEXTS: [&str; 3] = [
    "",
    "When John and Mary went to the store",
    "\u{0}ﬁ é <|endoftext|>\n\n🙂",
];

/// Any bytes as `tokenizer.json`, read as GPT-2's and as it stands.
pub fn tokenizer(json: &[u8]) -> bool {
    let gpt2 = [(folder::TOKENIZER, json)];
    let whole = [gpt2[0], (folder::TOKENIZER_CONFIG, WHOLE)];
    let taken = splits(&gpt2);
    splits(&whole) || taken
}

/// Any bytes as `vocab.json` and, after a zero, `merges.txt`.
pub fn vocabulary(bytes: &[u8]) -> bool {
    let mut parts = bytes.splitn(2, |b| *b == 0);
    let mut part = || parts.next().unwrap_or_default();
    splits(&[(folder::VOCAB, part()), (folder::MERGES, part())])
}

/// Any bytes as the files beside `tokenizer.json`, a zero after each.
pub fn settings(bytes: &[u8]) -> bool {
    const SOUND: &[u8] = include_bytes!("../corpus/tokenizer/small");
    let names = [
        folder::TOKENIZER_CONFIG,
        folder::SPECIAL_TOKENS,
        folder::ADDED_TOKENS,
        folder::GENERATION,
    ];
    let mut files = vec![(folder::TOKENIZER, SOUND)];
    files.extend(names.into_iter().zip(bytes.split(|b| *b == 0)));
    splits(&files)
}

/// Texts through the tokenizer of a folder, where it has one.
fn splits(files: &[(&'static str, &[u8])]) -> bool {
    let mut folder = Folder::default();
    for (name, bytes) in files {
        folder.put(name, bytes.to_vec());
    }
    let Ok(config) = Config::from_json(CONFIG) else {
        return false;
    };
    let Some((tokenizer, _)) = read_or_told(Tokenizer::of(&folder, &config)) else {
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
