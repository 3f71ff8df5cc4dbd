//! What a class hands in.

use crate::read_or_told;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use patchbay_engine::experiment::Handed;
use patchbay_engine::experiment::link::{self, Link};
use std::sync::LazyLock;

/// The workshop that the corpus was handed in to.
static WORKSHOP: LazyLock<Link> = LazyLock::new(|| {
    let link = include_str!("../../tests/links/packed-workshop.json");
    Link::from_json(link).unwrap_or_default()
});

/// Any bytes as what a teacher pasted, as what a hand-in packs, and as its JSON.
pub fn handed(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes);
    let pasted = text.is_ok_and(finds);
    let packed = finds(&format!("handed1={}", URL_SAFE_NO_PAD.encode(bytes)));
    // What chance would seldom pack: the JSON as it is, in a stored block.
    let json = stored(bytes).is_some_and(|block| {
        let body = URL_SAFE_NO_PAD.encode(block);
        finds(&format!("handed1={body}"))
    });
    pasted || packed || json
}

/// The bytes as the only block of a DEFLATE stream.
fn stored(bytes: &[u8]) -> Option<Vec<u8>> {
    let [a, b] = u16::try_from(bytes.len()).ok()?.to_le_bytes();
    Some([&[1, a, b, !a, !b], bytes].concat())
}

/// Whether something was handed in within a text; each that was is then the same when it
/// is handed in again, and makes no more points than there are.
fn finds(text: &str) -> bool {
    let mut any = false;
    for (before, read) in link::all_handed(text) {
        assert!(before.chars().count() <= 40, "{before:?}");
        let Some(handed) = read_or_told(read) else {
            continue;
        };
        any = true;
        let again = link::all_handed(&link::handed(&handed))
            .filter_map(|(_, read)| read.ok())
            .collect::<Vec<Handed>>();
        assert_eq!(again, std::slice::from_ref(&handed));
        if let Some(workshop) = &WORKSHOP.workshop {
            let points = workshop.points(&handed);
            assert!(points.made <= points.of, "{handed:?}: {points:?}");
        }
    }
    any
}
