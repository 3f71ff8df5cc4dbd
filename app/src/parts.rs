//! Parts of the model as people write them: `9.6, 9.9, mlp 0, z 3 @ 4 5`.

use patchbay_engine::experiment::{Part, Site};
use std::fmt::Write as _;

/// Reads a list of parts: `9.6` is a head's output, `mlp 0` what an MLP adds,
/// `q 3.1` and `resid_pre 4` name their site; `mlp_post 2 [7 9]` takes neurons;
/// `@ 4 5` keeps a part to some positions.
///
/// # Errors
/// The first part that cannot be read.
pub fn read(text: &str) -> Result<Vec<Part>, String> {
    let parts = text.split([',', ';', '\n']).map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(|part| one(part).ok_or_else(|| part.to_owned()))
        .collect()
}

fn one(text: &str) -> Option<Part> {
    let (text, positions) = match text.split_once('@') {
        Some((part, positions)) => (part.trim(), Some(numbers(positions)?)),
        None => (text, None),
    };
    let (text, neurons) = match text.split_once('[') {
        Some((part, rest)) => (part.trim(), Some(numbers(rest.strip_suffix(']')?)?)),
        None => (text, None),
    };
    let mut words = text.split_whitespace();
    let (first, second) = (words.next()?, words.next());
    if words.next().is_some() {
        return None;
    }
    let (site, place) = match second {
        None => (None, first),
        Some(place) if first == "mlp" => (Some(Site::MlpOut), place),
        Some(place) => (
            Some(Site::ALL.into_iter().find(|s| s.name() == first)?),
            place,
        ),
    };
    let (layer, head) = match place.split_once('.') {
        Some((layer, head)) => (layer, Some(head.parse().ok()?)),
        None => (place, None),
    };
    let site = site.or(head.map(|_| Site::Z))?;
    Some(Part {
        site,
        layer: layer.parse().ok()?,
        head,
        neurons,
        positions,
    })
}

/// Whole numbers with anything but digits between them.
#[must_use]
pub fn numbers(text: &str) -> Option<Vec<usize>> {
    let words = text.split([' ', ',', ';']).filter(|word| !word.is_empty());
    words.map(|word| word.parse().ok()).collect()
}

/// Numbers as [`numbers`] reads them.
#[must_use]
pub fn list(numbers: &[usize]) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

/// A list of parts as [`read`] reads it.
#[must_use]
pub fn write(parts: &[Part]) -> String {
    let one = |part: &Part| {
        let mut text = match (part.site, part.head) {
            (Site::Z, Some(_)) => String::new(),
            (Site::MlpOut, _) => "mlp ".into(),
            (site, _) => format!("{} ", site.name()),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "{}", part.layer);
        if let Some(head) = part.head {
            let _ = write!(text, ".{head}");
        }
        if let Some(neurons) = &part.neurons {
            let _ = write!(text, " [{}]", list(neurons));
        }
        if let Some(positions) = &part.positions {
            let _ = write!(text, " @ {}", list(positions));
        }
        text
    };
    parts.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_they_are_written() {
        let text = "9.6, q 3.1, mlp 0, resid_pre 4 @ 2 3, mlp_post 2 [7 9], z 1";
        let parts = read(text).unwrap();
        assert_eq!(parts.len(), 6);
        assert_eq!((parts[0].site, parts[0].head), (Site::Z, Some(6)));
        assert_eq!((parts[2].site, parts[2].layer), (Site::MlpOut, 0));
        assert_eq!(parts[3].positions, Some(vec![2, 3]));
        assert_eq!(parts[4].neurons, Some(vec![7, 9]));
        assert_eq!(write(&parts), text);
        assert_eq!(read(" ").unwrap(), []);
    }

    #[test]
    fn what_is_no_part_is_named() {
        for text in [
            "x",
            "9",
            "9.",
            "q",
            "nose 3",
            "9.6 @ x",
            "mlp 0 1",
            "mlp_post 2 [1",
        ] {
            assert_eq!(read(&format!("1.1, {text}")), Err(text.to_owned()));
        }
    }
}
