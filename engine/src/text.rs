//! Bytes of files as text, however an editor wrote them down.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

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

/// What stands in a file or an address, for a sentence about it: a character that
/// would not be seen, or would change how the rest is seen (a line break, one that
/// turns the direction of writing round), is told by its number.
#[derive(Clone, Copy)]
pub struct Plain<'a>(pub &'a dyn Display);

impl Display for Plain<'_> {
    // Compiled with whoever says it: in the page for size.
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Writes on to a formatter.
        struct Plainly<'a, 'b>(&'a mut fmt::Formatter<'b>);

        impl Write for Plainly<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                // Marks that belong to the letter before them stay as they are there;
                // quotation marks and backslashes are seen well enough.
                text.chars().try_for_each(|c| match c {
                    ' '..='~' => self.0.write_char(c),
                    _ => {
                        let mut pair = String::from("a");
                        pair.push(c);
                        pair.escape_debug()
                            .skip(1)
                            .try_for_each(|c| self.0.write_char(c))
                    }
                })
            }
        }

        write!(Plainly(f), "{}", self.0)
    }
}

/// Enough of what stands in a file to know it by: a name, or a value, can be as long
/// as the file.
#[must_use]
#[cfg(feature = "model")]
pub fn short(text: impl ToString) -> String {
    let text = text.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_told_by_its_number() {
        for (text, expected) in [
            (r#"a "b" \c 'd'"#, r#"a "b" \c 'd'"#),
            ("Zoë 💡 e\u{301} नमस्ते “x”", "Zoë 💡 e\u{301} नमस्ते “x”"),
            ("a\nb\t\0", r"a\nb\t\0"),
            ("\u{202e}cba\u{2066}", r"\u{202e}cba\u{2066}"),
            ("\u{1b}[31m\u{7f}\u{9b}", r"\u{1b}[31m\u{7f}\u{9b}"),
            (
                "\u{200b}\u{200e}\u{feff}\u{2028}\u{ad}",
                r"\u{200b}\u{200e}\u{feff}\u{2028}\u{ad}",
            ),
        ] {
            assert_eq!(Plain(&text).to_string(), expected);
        }
    }

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
