//! Bytes of files as text, however an editor wrote them down.

use std::borrow::Cow;

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes of UTF-8 without the byte order mark that some editors put first. What
/// is no text at all is left as it is.
#[must_use]
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// A text without the byte order mark that a file began with.
#[must_use]
#[inline]
pub fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The text of a file: UTF-8 with or without a byte order mark, or UTF-16 with
/// one, as Windows writes it. `None` where it is neither.
#[must_use]
pub fn decoded(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, odd) = rest.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|u| unit(*u)).collect();
        let text = String::from_utf16(&units).ok()?;
        odd.is_empty().then_some(Cow::Owned(text))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => std::str::from_utf8(without_bom(bytes))
            .ok()
            .map(Cow::Borrowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_no_part_of_a_text() {
        for (bytes, expected) in [
            (&b"\xef\xbb\xbf{}\r\n"[..], Some("{}\r\n")),
            (b"{}", Some("{}")),
            (b"", Some("")),
            (b"\xef\xbb\xbf", Some("")),
            (b"\xff\xfe{\0}\0", Some("{}")),
            (b"\xfe\xff\0{\0}", Some("{}")),
            (b"\xff\xfe{\0}", None),
            (b"\xff\xfe\0\xd8", None),
            (b"\xff", None),
        ] {
            assert_eq!(decoded(bytes).as_deref(), expected, "{bytes:?}");
        }
        // Only the first is a mark.
        assert_eq!(without_bom(b"\xef\xbb\xbf\xef\xbb\xbf"), MARK);
        assert_eq!(without_bom(b"\xef\xbb"), b"\xef\xbb");
    }
}
