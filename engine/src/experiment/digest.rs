//! What came out of an experiment, in short: it travels in a link, so that whoever
//! opens it sees whether the same comes out again, and what it looked like before.

use super::Experiment;
use serde::{Deserialize, Serialize};

/// Cells that a digest names at most.
pub const MOST_CELLS: usize = 6;

/// Cells of a map of which a picture is taken along at most.
pub const MOST_PICTURED: usize = 1_600;
/// Bytes of a text that a digest takes along at most, of UTF-8.
pub const MOST_TEXT: usize = 200;

/// How many places a picture's colours have, either side of the middle.
const STEPS: f32 = 31.0;

/// The characters of a picture, from a full colour towards the corrupted run to one
/// towards the clean run; `.` is a cell that has no run.
const LEVELS: &[u8; 63] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";

/// Results in short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// A checksum of the experiment that they are of, see [`checksum`].
    pub of: String,
    /// The first sixteen digits of the SHA-256 of the model's weights.
    pub model: String,
    /// `cpu` or `webgpu`.
    pub backend: String,
    /// The first metric of the clean and of the corrupted run, to six digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<(f32, f32)>,
    /// The same of the cells of the first map that move it most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<DigestCell>,
    /// A small picture of the first map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
    /// In the steering room, how the first unsteered and steered text begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
}

/// One patched run's metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DigestCell {
    /// In the first map, from 0.
    pub row: usize,
    /// In the first map, from 0.
    pub column: usize,
    /// The first metric, to six digits.
    pub value: f32,
}

/// A map as places on its colour scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// Cells in a row.
    pub columns: usize,
    /// One character a cell, by row, then column.
    pub levels: String,
}

impl Picture {
    /// From places on the colour scale, -1 (corrupted) to 1 (clean), 0 the run without a
    /// patch; `None` where the map is too large, or is none.
    #[must_use]
    pub fn of(places: &[Vec<Option<f32>>]) -> Option<Self> {
        let columns = places.first()?.len();
        let all: usize = places.iter().map(Vec::len).sum();
        let is_map = columns > 0 && places.iter().all(|row| row.len() == columns);
        (is_map && all <= MOST_PICTURED).then(|| Self {
            columns,
            levels: places.iter().flatten().map(|place| level(*place)).collect(),
        })
    }

    /// The places on the colour scale; `None` where it is no map.
    #[must_use]
    pub fn places(&self) -> Option<Vec<Vec<Option<f32>>>> {
        let levels = self.levels.as_bytes();
        let fits = self.columns > 0
            && !levels.is_empty()
            && levels.len() <= MOST_PICTURED
            && levels.len().is_multiple_of(self.columns);
        let place = |byte: &u8| match byte {
            b'.' => Some(None),
            _ => {
                let at = LEVELS.iter().position(|l| l == byte)?;
                Some(Some(at as f32 / STEPS - 1.0))
            }
        };
        let rows = fits.then(|| levels.chunks(self.columns))?;
        rows.map(|row| row.iter().map(place).collect()).collect()
    }
}

fn level(place: Option<f32>) -> char {
    let Some(place) = place.filter(|p| p.is_finite()) else {
        return '.';
    };
    // From 0 to 62, so there is one.
    let at = ((place.clamp(-1.0, 1.0) + 1.0) * STEPS).round() as usize;
    char::from(LEVELS[at.min(LEVELS.len() - 1)])
}

/// To six significant digits: what an experiment comes out as again, elsewhere.
#[must_use]
pub fn rounded(value: f32) -> f32 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// A checksum of what an experiment's results depend on, whatever the version that
/// wrote it: a link whose prompts were changed by hand no longer claims the results of
/// another. FNV-1a, 64 bits; no protection against who wants to deceive, whose numbers
/// do not come out again.
#[must_use]
pub fn checksum(experiment: &Experiment) -> String {
    let of_run = Experiment {
        version: 0,
        ..experiment.of_run()
    };
    fnv(of_run.to_json().bytes())
}

/// FNV-1a, 64 bits, as sixteen hexadecimal digits.
pub(super) fn fnv(bytes: impl Iterator<Item = u8>) -> String {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// How two digests of one experiment differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// Whether the weights are the same.
    pub same_model: bool,
    /// Numbers that both have.
    pub numbers: usize,
    /// The largest difference of two, divided by the first one's size where that is
    /// above 1; infinite where one of them is no number.
    pub largest: f32,
    /// Whether the texts are the same, where there are any.
    pub same_texts: Option<bool>,
}

/// The difference that arithmetic in 32 bits on another device makes at most.
pub const TOLERANCE: f32 = 2e-3;

impl Compared {
    /// Whether the same came out.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.same_model && self.largest <= TOLERANCE && self.same_texts != Some(false)
    }
}

impl Digest {
    /// How what came out now differs from what this says. `value` tells the metric of a
    /// cell of the first map, `runs` that of both runs.
    #[must_use]
    pub fn compare(
        &self,
        model: &str,
        runs: Option<(f32, f32)>,
        value: impl Fn(usize, usize) -> Option<f32>,
        texts: &[String],
    ) -> Compared {
        let mut numbers = 0;
        let mut largest = 0.0_f32;
        let mut meet = |said: f32, found: Option<f32>| {
            numbers += 1;
            let off = found.map_or(f32::INFINITY, |f| (f - said).abs() / said.abs().max(1.0));
            largest = match off.is_nan() {
                true => f32::INFINITY,
                false => largest.max(off),
            };
        };
        if let Some((clean, corrupted)) = self.runs {
            meet(clean, runs.map(|r| r.0));
            meet(corrupted, runs.map(|r| r.1));
        }
        for cell in &self.cells {
            meet(cell.value, value(cell.row, cell.column));
        }
        Compared {
            same_model: !self.model.is_empty() && model.starts_with(&self.model),
            numbers,
            largest,
            same_texts: (!self.texts.is_empty()).then(|| self.texts == texts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shows_what_it_was_taken_of() {
        let places = vec![
            vec![Some(-1.0), Some(0.0), None],
            vec![Some(1.0), Some(0.5), Some(f32::NAN)],
            vec![Some(7.0), Some(-7.0), Some(-0.02)],
        ];
        let picture = Picture::of(&places).unwrap();
        assert_eq!(picture.levels, "Af.-v.-Ae");
        let drawn = picture.places().unwrap();
        for (row, cells) in places.iter().enumerate() {
            for (column, place) in cells.iter().enumerate() {
                let wanted = place.filter(|p| !p.is_nan()).map(|p| p.clamp(-1.0, 1.0));
                match (drawn[row][column], wanted) {
                    (Some(a), Some(b)) => assert!((a - b).abs() <= 0.5 / STEPS + 1e-6),
                    (a, b) => assert_eq!(a, b),
                }
            }
        }
    }

    #[test]
    fn what_is_no_picture_is_none() {
        assert_eq!(Picture::of(&[]), None);
        assert_eq!(Picture::of(&[vec![]]), None);
        assert_eq!(Picture::of(&[vec![None; 2], vec![None]]), None);
        assert_eq!(Picture::of(&vec![vec![None; 1_000]; 1_000]), None);
        for (columns, levels) in [
            (0, "AA"),
            (3, "AAAA"),
            (2, "A!"),
            (1, ""),
            (usize::MAX, "A"),
        ] {
            let picture = Picture {
                columns,
                levels: levels.into(),
            };
            assert_eq!(picture.places(), None, "{picture:?}");
        }
    }

    #[test]
    fn a_checksum_is_of_what_results_depend_on() {
        let e = Experiment::default();
        let same = Experiment {
            cell: Some(crate::experiment::Cell {
                sweep: 0,
                row: 1,
                column: 2,
            }),
            version: 1,
            ..e.clone()
        };
        assert_eq!(checksum(&e), checksum(&same));
        let other = Experiment {
            bos: false,
            ..e.clone()
        };
        assert_ne!(checksum(&e), checksum(&other));
        // Links that were given out name it.
        assert_eq!(checksum(&e), "d85648f292d10f97");
    }

    #[test]
    fn a_difference_is_told_by_its_size() {
        let digest = Digest {
            model: "abc".into(),
            runs: Some((10.0, 0.5)),
            cells: vec![DigestCell {
                row: 1,
                column: 2,
                value: -4.0,
            }],
            ..Digest::default()
        };
        let value = |row, column| ((row, column) == (1, 2)).then_some(-4.0);
        let same = digest.compare("abcdef", Some((10.0, 0.5)), value, &[]);
        assert!(same.is_same() && same.numbers == 3 && same.largest == 0.0);
        let off = digest.compare("abcdef", Some((10.0, 0.6)), value, &[]);
        assert!(!off.is_same() && (off.largest - 0.1).abs() < 1e-6);
        let scaled = digest.compare("abcdef", Some((10.01, 0.5)), value, &[]);
        assert!(scaled.is_same() && (scaled.largest - 1e-3).abs() < 1e-5);
        for odd in [
            digest.compare("abcdef", None, value, &[]),
            digest.compare("abcdef", Some((f32::NAN, 0.5)), value, &[]),
            digest.compare("abcdef", Some((10.0, 0.5)), |_, _| None, &[]),
        ] {
            assert!(odd.largest == f32::INFINITY && !odd.is_same());
        }
        assert!(
            !digest
                .compare("xyz", Some((10.0, 0.5)), value, &[])
                .is_same()
        );
        let none = Digest::default().compare("", None, value, &[]);
        assert!(!none.same_model);
    }

    #[test]
    fn texts_are_the_same_or_not() {
        let digest = Digest {
            model: "a".into(),
            texts: vec!["one".into(), "two".into()],
            ..Digest::default()
        };
        let none = |_, _| None;
        let same = digest.compare("a", None, none, &["one".into(), "two".into()]);
        assert!(same.is_same() && same.same_texts == Some(true));
        let other = digest.compare("a", None, none, &["one".into(), "three".into()]);
        assert!(!other.is_same() && other.numbers == 0);
    }

    #[test]
    fn numbers_keep_six_digits() {
        for (value, kept) in [
            (0.123_456_79, 0.123_457),
            (-1_234.567_9, -1_234.57),
            (0.0, 0.0),
        ] {
            assert_eq!(rounded(value), kept);
        }
    }
}
