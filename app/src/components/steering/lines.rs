use patchbay_engine::text::unmarked;

/// The lines of a text that are not empty.
pub fn lines(text: &str) -> impl Iterator<Item = String> {
    let lines = unmarked(text).lines();
    let lines = lines.filter(|l| !l.trim().is_empty());
    lines.map(str::to_owned)
}
