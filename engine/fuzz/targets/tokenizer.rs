//! Any bytes as `tokenizer.json`, and texts through what was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchbay_engine::model::Tokenizer;

const VOCAB: usize = 301;
const TEXTS: [&str; 3] = [
    "",
    "When John and Mary went to the store",
    "\u{0}ﬁ é <|endoftext|>\n\n🙂",
];

fuzz_target!(|json: &[u8]| {
    let Ok(tokenizer) = Tokenizer::from_json(json, VOCAB, Some(0), &[5]) else {
        return;
    };
    for text in TEXTS {
        let Ok(ids) = tokenizer.encode(text, true) else {
            continue;
        };
        assert!(ids.iter().all(|id| (*id as usize) < VOCAB), "{ids:?}");
        assert_eq!(tokenizer.tokens(&ids).len(), ids.len());
    }
});
