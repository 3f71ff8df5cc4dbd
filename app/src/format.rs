//! Numbers and tokens as people read them.

use patchbay_engine::experiment::MetricKind;

/// The minus sign that has the width of a digit.
const MINUS: char = '\u{2212}';

/// A number with the given decimals; no "-0.00".
#[must_use]
pub fn number(value: f32, decimals: usize) -> String {
    if !value.is_finite() {
        return "n/a".into();
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| matches!(b, b'0' | b'.')) => rest.into(),
        Some(rest) => format!("{MINUS}{rest}"),
        None => text,
    }
}

/// A metric's value: three decimals for probabilities, two for the rest.
#[must_use]
pub fn metric(value: f32, kind: MetricKind) -> String {
    match kind {
        MetricKind::Probability | MetricKind::ProbabilityDifference | MetricKind::Kl => {
            number(value, 3)
        }
        MetricKind::Rank if value.fract() == 0.0 => number(value, 0),
        _ => number(value, 2),
    }
}

/// From one number to another.
#[must_use]
pub fn interval((low, high): (f32, f32)) -> String {
    format!("{} to {}", number(low, 3), number(high, 3))
}

/// A probability in per cent.
#[must_use]
pub fn percent(probability: f32) -> String {
    let percent = probability * 100.0;
    if percent > 0.0 && percent < 0.1 {
        "< 0.1 %".into()
    } else if percent < 10.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// A span of time.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.0} ms", (seconds * 1000.0).max(1.0))
    } else if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

/// A count in three digits: 931, 4.2 K, 124 M.
#[must_use]
pub fn count(n: u64) -> String {
    // Only for reading: the lost digits are not shown.
    let x = n as f64;
    let (value, unit) = match n {
        0..1_000 => return n.to_string(),
        1_000..1_000_000 => (x / 1e3, "K"),
        1_000_000..1_000_000_000 => (x / 1e6, "M"),
        _ => (x / 1e9, "G"),
    };
    if value < 10.0 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// A size in bytes, in thousands as downloads are counted: 14 KB, 548 MB.
#[must_use]
pub fn bytes(n: u64) -> String {
    let text = count(n);
    if n < 1_000 {
        format!("{text} B")
    } else {
        format!("{text}B")
    }
}

/// Whether a character is not seen itself: control characters, and those that
/// turn the direction of writing, join or break.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}')
}

/// A text in which each character is seen: control characters by their pictures,
/// others by their numbers.
#[must_use]
pub fn seen(text: &str) -> String {
    let seen = |c: char| match c {
        '\0'..'\u{20}' => char::from_u32(0x2400 + u32::from(c)).map(String::from),
        '\u{7f}' => Some("␡".into()),
        _ if is_unseen(c) => Some(format!("⟨{:04X}⟩", u32::from(c))),
        _ => None,
    };
    text.chars()
        .map(|c| seen(c).unwrap_or_else(|| c.into()))
        .collect()
}

/// The beginning of a text, where it is longer than so many characters.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A sentence of the engine in which the space in front of a quoted token is seen.
#[must_use]
pub fn sentence(text: &str) -> String {
    text.replace("“ ", "“·")
}

/// A token with its white space made visible, and whatever else is not seen.
#[must_use]
pub fn token(text: &str) -> String {
    let signs = [("\n", "↵"), ("\t", "⇥"), (" ", "·")];
    let text = signs
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    seen(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_true_minus_signs_and_no_negative_zero() {
        assert_eq!(number(-1.234, 2), "\u{2212}1.23");
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(f32::NAN, 2), "n/a");
        assert_eq!(metric(0.12345, MetricKind::Probability), "0.123");
    }

    #[test]
    fn probabilities_keep_two_digits() {
        assert_eq!(percent(0.873), "87 %");
        assert_eq!(percent(0.0123), "1.2 %");
        assert_eq!(percent(0.000_01), "< 0.1 %");
        assert_eq!(percent(0.0), "0.0 %");
    }

    #[test]
    fn times_and_counts_are_short() {
        assert_eq!(duration(0.0123), "12 ms");
        assert_eq!(duration(3.44), "3.4 s");
        assert_eq!(duration(600.0), "10 min");
        assert_eq!(count(931), "931");
        assert_eq!(count(124_439_808), "124 M");
        assert_eq!(count(4_200), "4.2 K");
        assert_eq!(bytes(548_105_171), "548 MB");
        assert_eq!(bytes(12), "12 B");
    }

    #[test]
    fn white_space_is_visible() {
        assert_eq!(token(" Mary"), "·Mary");
        assert_eq!(
            sentence("take “ Mary”, not “Mary”"),
            "take “·Mary”, not “Mary”"
        );
        assert_eq!(token("\n\t\r"), "↵⇥␍");
        assert_eq!(token("a\u{202e}b\u{1}\u{7f}"), "a⟨202E⟩b␁␡");
        assert_eq!(token("naïve 日本 😀"), "naïve·日本·😀");
    }
}
