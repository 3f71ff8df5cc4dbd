//! The parts of an experiment, by name: what a problem is about, and what the
//! page has places for.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of the experiment that something can be wrong with. Written as a path
/// whose entries count from 0: `steer.directions.2.coefficient`. What is finer
/// than this list is told of the part that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Field {
    /// The whole of it, or a part that nobody knows.
    Experiment,
    /// `version`: one that is not known.
    Version,
    /// `model`: the name that it was set up on.
    Model,
    /// `bos`: whether the start token stands in front.
    Bos,
    /// `clean`: that prompt, of the first pair or of the one that is told of.
    Clean,
    /// `corrupted`: the same of that prompt.
    Corrupted,
    /// `corruption`: what stands in for the corrupted prompt, with all that noise is told
    /// but its seed.
    Corruption,
    /// `corruption.noise.seed`
    NoiseSeed,
    /// `alignment`: positions that belong together, by hand.
    Alignment,
    /// `roles`: the same, by what they are in the sentence.
    Roles,
    /// `pairs`: the further pairs, taken together.
    Pairs,
    /// `pairs.0`: one of the further pairs.
    Pair(usize),
    /// `metrics`: all of them.
    Metrics,
    /// `metrics.0`: one of them.
    Metric(usize),
    /// The answers of the metrics.
    Answer,
    /// The wrong answers of the metrics.
    Wrong,
    /// What the sweeps take together, or how one fits the prompts.
    Sweep,
    /// `sweeps`: their list, or what keeps all of them from running.
    Sweeps,
    /// `sweeps.0`: one of them.
    SweepAt(usize, SweepField),
    /// `circuit`: how edges are scored and chosen, and how many.
    Circuit,
    /// `cell`: the patched run to look at closely.
    Cell,
    /// `generate`: the greedy continuation of both prompts.
    Generate,
    /// `captures`: what is handed back as numbers, in a report or a file.
    Captures,
    /// `room`: which one runs.
    Room,
    /// `steer`: what the steering room is set up for, or that it is not.
    Steer,
    /// `steer.prompt`: what is continued.
    SteerPrompt,
    /// `steer.directions`: all of them.
    Directions,
    /// `steer.directions.0`: one of them.
    Direction(usize, DirectionField),
    /// `steer.sampling`: how tokens are drawn, the seed apart.
    Sampling,
    /// `steer.sampling.seed`
    SamplingSeed,
    /// `steer.words`: those that are counted.
    Words,
    /// `steer.map`: the grid of layers and coefficients, its controls and its reading.
    Map,
    /// `steer.detector`: the direction that tells prompts apart.
    Detector,
    /// `steered`: the patching room's runs that directions act on.
    Steered,
}

/// What of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SweepField {
    /// All that has no entry of its own: site, mode and axes.
    Whole,
    /// What is put in the place of the activations.
    Bring,
}

/// What of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DirectionField {
    /// All that has no entry of its own: name, site, operator, unit.
    Whole,
    /// Where it comes from: its prompts, tokens, dictionary or file.
    Source,
    /// Where it acts.
    Layers,
    /// Which rows it acts on.
    Positions,
    /// How strongly it acts.
    Coefficient,
}

/// Every field and its path, in which `#` stands for a place in a list.
const PATHS: [(&str, Field); 39] = {
    use DirectionField as D;
    use Field::*;
    [
        ("experiment", Experiment),
        ("version", Version),
        ("model", Model),
        ("bos", Bos),
        ("clean", Clean),
        ("corrupted", Corrupted),
        ("corruption", Corruption),
        ("corruption.noise.seed", NoiseSeed),
        ("alignment", Alignment),
        ("roles", Roles),
        ("pairs", Pairs),
        ("pairs.#", Pair(0)),
        ("metrics", Metrics),
        ("metrics.#", Metric(0)),
        ("answer", Answer),
        ("wrong", Wrong),
        ("sweep", Sweep),
        ("sweeps", Sweeps),
        ("sweeps.#", SweepAt(0, SweepField::Whole)),
        ("sweeps.#.bring", SweepAt(0, SweepField::Bring)),
        ("circuit", Circuit),
        ("cell", Cell),
        ("generate", Generate),
        ("captures", Captures),
        ("room", Room),
        ("steer", Steer),
        ("steer.prompt", SteerPrompt),
        ("steer.directions", Directions),
        ("steer.directions.#", Direction(0, D::Whole)),
        ("steer.directions.#.source", Direction(0, D::Source)),
        ("steer.directions.#.layers", Direction(0, D::Layers)),
        ("steer.directions.#.positions", Direction(0, D::Positions)),
        (
            "steer.directions.#.coefficient",
            Direction(0, D::Coefficient),
        ),
        ("steer.sampling", Sampling),
        ("steer.sampling.seed", SamplingSeed),
        ("steer.words", Words),
        ("steer.map", Map),
        ("steer.detector", Detector),
        ("steered", Steered),
    ]
};

impl Field {
    /// A direction as a whole.
    #[must_use]
    pub fn direction(i: usize) -> Self {
        Self::Direction(i, DirectionField::Whole)
    }

    /// All of them, those in lists as the first.
    pub fn all() -> impl Iterator<Item = Self> {
        PATHS.into_iter().map(|(_, field)| field)
    }

    /// Where in its list it stands, where it does in one.
    fn index(&mut self) -> Option<&mut usize> {
        match self {
            Self::Pair(i) | Self::Metric(i) | Self::SweepAt(i, _) | Self::Direction(i, _) => {
                Some(i)
            }
            // Each by its name: a further one may stand in a list, too.
            Self::Experiment
            | Self::Version
            | Self::Model
            | Self::Bos
            | Self::Clean
            | Self::Corrupted
            | Self::Corruption
            | Self::NoiseSeed
            | Self::Alignment
            | Self::Roles
            | Self::Pairs
            | Self::Metrics
            | Self::Answer
            | Self::Wrong
            | Self::Sweep
            | Self::Sweeps
            | Self::Circuit
            | Self::Cell
            | Self::Generate
            | Self::Captures
            | Self::Room
            | Self::Steer
            | Self::SteerPrompt
            | Self::Directions
            | Self::Sampling
            | Self::SamplingSeed
            | Self::Words
            | Self::Map
            | Self::Detector
            | Self::Steered => None,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = *self;
        let index = first.index().map_or(0, std::mem::take);
        let path = PATHS.iter().find(|(_, field)| *field == first);
        f.write_str(
            &path
                .map_or("", |(path, _)| path)
                .replace('#', &index.to_string()),
        )
    }
}

/// A path as it is written here, or as serde says where it stopped:
/// `steer.directions[2].coefficient`.
impl From<&str> for Field {
    fn from(path: &str) -> Self {
        let path = path.replace('[', ".").replace(']', "");
        let mut found = Self::Experiment;
        let mut most = 0;
        for (known, mut field) in PATHS {
            let (mut parts, mut known) = (path.split('.'), known.split('.'));
            let mut length = 0;
            let is_in = known.all(|name| {
                length += 1;
                let Some(part) = parts.next() else {
                    return false;
                };
                match (name, part.parse::<usize>(), field.index()) {
                    ("#", Ok(at), Some(index)) => {
                        *index = at;
                        true
                    }
                    _ => name == part,
                }
            });
            if is_in && length > most {
                (found, most) = (field, length);
            }
        }
        found
    }
}

/// A field is its path; so it can be looked for by it.
impl PartialEq<str> for Field {
    fn eq(&self, path: &str) -> bool {
        let written = self.to_string();
        written == path
    }
}

impl PartialEq<&str> for Field {
    fn eq(&self, path: &&str) -> bool {
        *self == **path
    }
}

impl From<String> for Field {
    fn from(path: String) -> Self {
        path.as_str().into()
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_its_field_are_the_same() {
        for (path, field) in PATHS {
            let path = path.replace('#', "0");
            assert_eq!(field.to_string(), path);
            assert_eq!(Field::from(path), field);
        }
        let far = Field::Direction(12, DirectionField::Coefficient);
        assert_eq!(far.to_string(), "steer.directions.12.coefficient");
        assert_eq!(Field::from("steer.directions.12.coefficient"), far);
        let json = serde_json::to_string(&far).unwrap();
        assert_eq!(json, r#""steer.directions.12.coefficient""#);
        assert_eq!(serde_json::from_str::<Field>(&json).unwrap(), far);
    }

    #[test]
    fn what_is_finer_is_told_of_what_holds_it() {
        for (path, field) in [
            (
                "steer.directions[2].layers[0]",
                Field::Direction(2, DirectionField::Layers),
            ),
            ("steer.directions[2].name", Field::direction(2)),
            ("steer.directions", Field::Directions),
            ("steer.directions.x", Field::Directions),
            ("steer.sampling.top_p", Field::Sampling),
            ("metrics[3].kind", Field::Metric(3)),
            (
                "sweeps[1].bring.resample.seed",
                Field::SweepAt(1, SweepField::Bring),
            ),
            ("pairs[10].clean", Field::Pair(10)),
            ("cell.row", Field::Cell),
            (".", Field::Experiment),
            ("", Field::Experiment),
            ("unheard.of", Field::Experiment),
        ] {
            assert_eq!(Field::from(path), field, "{path}");
        }
    }

    /// Each part of the experiment, as its schema lists them.
    #[cfg(feature = "schema")]
    #[test]
    fn every_part_of_an_experiment_is_a_field() {
        use serde_json::Value;

        let schema = schemars::schema_for!(crate::experiment::Experiment);
        let schema = schema.as_value();
        let of = |node: &Value| -> Vec<(String, Value)> {
            let name = node["$ref"].as_str().or_else(|| {
                // What may be left out is the thing itself or null.
                node["anyOf"]
                    .as_array()?
                    .iter()
                    .find_map(|n| n["$ref"].as_str())
            });
            let node = match name {
                Some(name) => schema.pointer(&name[1..]).unwrap(),
                None => node,
            };
            let properties = node["properties"].as_object();
            let all = properties.into_iter().flatten();
            all.map(|(name, node)| (name.clone(), node.clone()))
                .collect()
        };
        let mut seen = 0;
        for (name, node) in of(schema) {
            assert_eq!(Field::from(name.as_str()).to_string(), name);
            for (inner, _) in of(&node) {
                let path = format!("{name}.{inner}");
                let field = Field::from(path.as_str()).to_string();
                assert!(path.starts_with(&field), "{path} is told of {field}");
                assert!(
                    name != "steer" || field == path,
                    "{path} is told of {field}"
                );
                seen += 1;
            }
        }
        assert!(seen > 10, "{seen} inner fields were looked at");
    }
}
