//! Parts of the model as people write them: `9.6, 9.9, mlp 0, z 3 @ 4 5`.

use patchbay_engine::experiment::{Part, Site};
use std::fmt::Write as _;

/// Reads a list of parts: `9.6` is a head's output, `mlp 0` what an MLP adds,
/// `q 3.1` and `resid_pre 4` name their site; `mlp_post 2 [7 9]` takes neurons;
/// `@ 4 5` keeps a part to some positions. `embed`, `pos_embed` and `ln_final` have no layer.
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
    let named = Site::ALL.into_iter().find(|s| s.name() == first);
    let (site, place) = match second {
        None if named.is_some_and(|s| !s.per_layer()) => (named, "0"),
        None => (None, first),
        Some(place) if first == "mlp" => (Some(Site::MlpOut), place),
        Some(place) => (Some(named?), place),
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

/// Positions that belong together, clean then corrupted: `2=3, 4=5`; `6` is `6=6`.
#[must_use]
pub fn pairs(text: &str) -> Option<Vec<(usize, usize)>> {
    let words = text.split([' ', ',', ';']).filter(|word| !word.is_empty());
    let pair = |word: &str| {
        let (a, b) = word.split_once('=').unwrap_or((word, word));
        Some((a.parse().ok()?, b.parse().ok()?))
    };
    words.map(pair).collect()
}

/// Pairs as [`pairs`] reads them.
#[must_use]
pub fn write_pairs(pairs: &[(usize, usize)]) -> String {
    let one = |(a, b): &(usize, usize)| match a == b {
        true => a.to_string(),
        false => format!("{a}={b}"),
    };
    pairs.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A list of parts as [`read`] reads it.
#[must_use]
pub fn write(parts: &[Part]) -> String {
    let one = |part: &Part| {
        let mut text = match (part.site, part.head) {
            (Site::Z, Some(_)) => String::new(),
            (Site::MlpOut, _) => "mlp ".into(),
            (site, _) if !site.per_layer() => site.name().into(),
            (site, _) => format!("{} ", site.name()),
        };
        // Writing to a String cannot fail.
        if part.site.per_layer() {
            let _ = write!(text, "{}", part.layer);
        }
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

/// The heads of GPT-2 small's circuit for indirect objects (Wang et al., 2022),
/// whose MLPs all stay.
pub const IOI: &str = "0.1, 0.10, 3.0, 2.2, 4.11, 5.5, 5.8, 5.9, 6.9, 7.3, 7.9, 8.6, 8.10, 9.9, 10.0, 9.6, 10.7, 11.10, 10.10, 10.6, 10.2, 10.1, 11.2, 9.7, 9.0, 11.9, mlp 0, mlp 1, mlp 2, mlp 3, mlp 4, mlp 5, mlp 6, mlp 7, mlp 8, mlp 9, mlp 10, mlp 11";

/// Its circuit for greater-than (Hanna et al., 2023).
pub const GREATER_THAN: &str = "5.1, 5.5, 6.9, 7.10, 8.8, 8.11, 9.1, mlp 8, mlp 9, mlp 10, mlp 11";

/// Which heads and, after them, which MLP of each layer are among the parts: a
/// picture of a circuit, `[layer][head]`.
#[must_use]
pub fn chosen(parts: &[Part], n_layer: usize, n_head: usize) -> Vec<Vec<Option<f32>>> {
    let is = |layer: usize, head: Option<usize>| {
        let this = |p: &&Part| {
            p.layer == layer
                && p.site.per_head() == head.is_some()
                && (p.head.is_none() || p.head == head)
        };
        Some(f32::from(u8::from(parts.iter().any(|p| this(&p)))))
    };
    let row = |layer| {
        let heads = (0..n_head).map(Some);
        heads.chain([None]).map(|head| is(layer, head)).collect()
    };
    (0..n_layer).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_they_are_written() {
        let text = "9.6, q 3.1, mlp 0, resid_pre 4 @ 2 3, mlp_post 2 [7 9], z 1, embed @ 2";
        let parts = read(text).unwrap();
        assert_eq!(parts.len(), 7);
        assert_eq!((parts[0].site, parts[0].head), (Site::Z, Some(6)));
        assert_eq!((parts[2].site, parts[2].layer), (Site::MlpOut, 0));
        assert_eq!(parts[3].positions, Some(vec![2, 3]));
        assert_eq!(parts[4].neurons, Some(vec![7, 9]));
        assert_eq!(write(&parts), text);
        assert_eq!(read(" ").unwrap(), []);
    }

    #[test]
    fn positions_that_belong_together_are_read_as_they_are_written() {
        let text = "0, 1, 2=3, 10=12";
        let read = pairs(text).unwrap();
        assert_eq!(read, [(0, 0), (1, 1), (2, 3), (10, 12)]);
        assert_eq!(write_pairs(&read), text);
        assert_eq!(pairs("2 = 3"), None);
    }

    #[test]
    fn the_published_circuits_are_parts_of_twelve_layers() {
        for (text, heads, mlps) in [(IOI, 26, 12), (GREATER_THAN, 7, 4)] {
            let parts = read(text).unwrap();
            assert_eq!(parts.len(), heads + mlps);
            let picture = chosen(&parts, 12, 12);
            let ones =
                |column: &dyn Fn(&Vec<Option<f32>>) -> f32| picture.iter().map(column).sum::<f32>();
            assert_eq!(ones(&|row| row[12].unwrap()), mlps as f32);
            assert_eq!(ones(&|row| row[..12].iter().flatten().sum()), heads as f32);
        }
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
