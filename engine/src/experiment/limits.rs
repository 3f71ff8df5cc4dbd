//! What an experiment may hold. Every list, text and number has its limit in one
//! table, by the field's name; whoever reads an experiment asks here before
//! anything is drawn or computed.

#[cfg(feature = "model")]
use super::Direction;
use super::{Experiment, MAX_PROMPT_BYTES, Problem};
use crate::json;
use crate::sentence::{Says, Sentence};
use serde_json::Value;
#[cfg(feature = "model")]
use std::collections::HashSet;
use std::fmt;

/// The numbers that a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    Never,
    /// Whole ones of 32 bits, which is what a browser counts with.
    Count,
    /// Whole ones that JavaScript holds exactly.
    Seed,
    /// What a floating-point number of 32 bits holds.
    Real,
}

use Numbers::{Count, Never, Real, Seed};

/// Positions or token ids of one prompt: more than any GPT-2 reads.
const POSITIONS: usize = 16_384;

/// Bytes of text and entries of lists in a whole experiment.
const WHOLE: usize = 16_000_000;

/// The largest seed, `2^53 - 1`: JavaScript holds no whole number beyond it exactly.
const MOST_SEED: u64 = (1 << 53) - 1;

/// Names of fields, then how many entries a list has there, how many bytes a
/// text, and which numbers. The entries of a list are held to its own row, and a
/// list within a list is a prompt's token ids.
type Limit = (&'static str, usize, usize, Numbers);

const LIMITS: [Limit; 26] = [
    ("clean corrupted prompt", POSITIONS, MAX_PROMPT_BYTES, Count),
    ("prompts", 256, MAX_PROMPT_BYTES, Count),
    ("positive negative", 512, MAX_PROMPT_BYTES, Never),
    ("answer wrong token minus targets", 1_000, 1_000, Count),
    ("words", 1_000, 1_000, Never),
    ("name", 0, 200, Never),
    ("model dictionary origin", 0, 2_000, Never),
    ("positions chosen alignment neurons", POSITIONS, 32, Count),
    ("pairs", 1_000, 0, Never),
    ("captures parts", 2_048, 32, Never),
    ("sweeps directions", 64, 0, Never),
    ("metrics roles", 16, 32, Never),
    ("layers vectors", 1_024, 0, Count),
    ("coefficients", 1_000, 0, Real),
    ("values", 65_536, 0, Real),
    (
        "coefficient sigma repetition_penalty temperature top_p frequency_penalty cap threshold",
        0,
        0,
        Real,
    ),
    ("seed", 0, 0, Seed),
    // Of what a link has beside the experiment.
    ("of levels texts", 2, 2_000, Never),
    ("cells fixed", 32, 32, Count),
    ("steps answers", 30, 0, Never),
    ("choices", 12, 1_000, Never),
    ("says after text", 0, 4_000, Never),
    ("title by found", 0, 200, Never),
    ("runs", 2, 0, Real),
    ("value", 0, 0, Real),
    (
        // What is one of a few words, and what is counted.
        "kind site mode axes bring receiver run room corruption method matrix operator unit \
         effect steered version sweep estimate most points circuit choice edges row column layer \
         head window draws tokens samples top_k top neuron feature direction from first random \
         backend theme columns right",
        0,
        32,
        Count,
    ),
];

fn limit(name: &str) -> Option<&'static Limit> {
    let named = |limit: &&Limit| limit.0.split_whitespace().any(|n| n == name);
    LIMITS.iter().find(named)
}

/// Fields whose lists are sets: what is named twice in them counts once.
#[cfg(feature = "model")]
const SETS: [&str; 10] = [
    "layers",
    "positions",
    "chosen",
    "neurons",
    "parts",
    "captures",
    "roles",
    "words",
    "targets",
    "coefficients",
];

/// How far an experiment has come, and with that what it is held to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// A link or a file: whatever can be shown opens, so that it can be mended.
    Opened,
    /// Sent to be run: seeds are ones that the sender could write exactly.
    #[cfg_attr(not(feature = "worker"), allow(dead_code))]
    Sent,
    /// About to run. It was written by [`Experiment::to_json`], where `null`
    /// stands for a number that is not finite and for nothing else.
    Run,
}

impl Experiment {
    /// Whether everything in it is within its limit.
    ///
    /// # Errors
    /// The first field that is not: what it holds, how much it may, what to do.
    // As `from_json`: compiled with whoever calls it.
    #[inline]
    pub fn check(&self) -> Result<(), Problem> {
        Ok(within_limits(&self.value(), Stage::Run)?)
    }

    /// The same experiment in which what a list names twice stands once, and
    /// where that was.
    ///
    /// # Errors
    /// As [`Self::check`].
    #[cfg(feature = "model")]
    pub fn checked(&self) -> Result<(Self, Vec<Problem>), Problem> {
        let mut value = self.value();
        within_limits(&value, Stage::Run)?;
        let mut told = Vec::new();
        once("", "", &mut value, &mut told);
        let distinct = match told.is_empty() {
            true => None,
            // A shorter list is as well-formed as the longer one.
            false => again(value),
        };
        Ok((distinct.unwrap_or_else(|| self.clone()), told))
    }

    #[inline]
    fn value(&self) -> Value {
        json::value(&self.to_json()).unwrap_or_default()
    }
}

#[cfg(feature = "model")]
impl Direction {
    /// As [`Experiment::check`], of a direction that is to be of one.
    pub(crate) fn check(&self) -> Result<(), Beyond> {
        let json = serde_json::to_string(self).unwrap_or_default();
        within_limits(&json::value(&json).unwrap_or_default(), Stage::Run)
    }
}

/// Reads it in the way that the worker reads requests: a second way of reading the same
/// types would add a tenth to its code.
#[cfg(feature = "worker")]
fn again(value: Value) -> Option<Experiment> {
    serde_path_to_error::deserialize(&value).ok()
}
#[cfg(all(feature = "model", not(feature = "worker")))]
fn again(value: Value) -> Option<Experiment> {
    serde_json::from_value(value).ok()
}

/// What is beyond its limit, and the path to it.
pub(crate) struct Beyond {
    path: String,
    excess: Excess,
}

/// How something is beyond its limit: the rest of a sentence on it.
#[derive(thiserror::Error, Debug)]
enum Excess {
    #[error(" has {found} entries, but at most {most} are read; take fewer.")]
    Entries { found: usize, most: usize },
    #[error(" has {found} bytes, but at most {most} are read; take fewer.")]
    Bytes { found: usize, most: usize },
    #[error(" is where this experiment gets larger than {WHOLE} bytes; take less.")]
    Whole,
    #[error(
        " is {}, but seeds go up to {MOST_SEED} (2^53 - 1); take a smaller one.",
        number(found)
    )]
    Seed { found: Value },
    #[error(
        " is {}, but 32-bit numbers go up to 3.4e38; take a smaller one.",
        number(found)
    )]
    Real { found: Value },
    #[error(
        " is {}, but counts go up to {}; take a smaller one.",
        number(found),
        u32::MAX
    )]
    Count { found: Value },
}

/// A number as it stands in JSON, where `null` is one that is not finite.
#[inline]
fn number(found: &Value) -> String {
    match found {
        Value::Null => "not finite".into(),
        number => number.to_string(),
    }
}

/// Something beyond its limit, under the name that whoever reads of it knows it by.
struct Named<'a> {
    name: &'a str,
    excess: &'a Excess,
}

impl fmt::Display for Named<'_> {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.excess)
    }
}

impl Sentence for Named<'_> {
    // By hand, as what the page says is: it is smaller so.
    #[inline]
    fn says(&self) -> Says {
        let (code, found, most) = match self.excess {
            Excess::Entries { found, most } => ("limit.entries", (*found).into(), (*most).into()),
            Excess::Bytes { found, most } => ("limit.bytes", (*found).into(), (*most).into()),
            Excess::Whole => ("limit.whole", Value::Null, WHOLE.into()),
            Excess::Seed { found } => ("limit.seed", found.clone(), MOST_SEED.into()),
            Excess::Real { found } => ("limit.real", found.clone(), f32::MAX.into()),
            Excess::Count { found } => ("limit.count", found.clone(), u32::MAX.into()),
        };
        let name = self.name.into();
        Says::new(code, [("name", name), ("found", found), ("most", most)])
    }
}

/// For who reads JSON, and finds it there.
impl fmt::Display for Beyond {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.named(&self.path).fmt(f)
    }
}

impl Sentence for Beyond {
    #[inline]
    fn says(&self) -> Says {
        self.named(&self.path).says()
    }
}

impl Beyond {
    #[inline]
    fn named<'a>(&'a self, name: &'a str) -> Named<'a> {
        Named {
            name,
            excess: &self.excess,
        }
    }
}

/// For who sees it beside the field.
impl From<Beyond> for Problem {
    #[inline]
    fn from(beyond: Beyond) -> Self {
        let field = beyond.path.as_str().into();
        Self::of(field, true, &beyond.named(&name(&beyond.path)))
    }
}

/// What is told of a list that names something twice.
#[cfg(feature = "model")]
#[derive(Debug, thiserror::Error, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Remark {
    #[error("{name} names {entry} more than once; what is named twice counts once.")]
    Again { name: String, entry: String },
}

#[cfg(feature = "model")]
impl Sentence for Remark {
    fn says(&self) -> Says {
        Says::of("list", self)
    }
}

/// What a part is called where it is seen, and not where it stands in JSON.
#[inline]
fn name(path: &str) -> String {
    let mut steps = path.rsplit('.');
    let name = steps.find(|step| step.parse::<usize>().is_err());
    format!("“{}”", name.unwrap_or(path).replace('_', " "))
}

/// Whether all of an experiment's JSON is within its limits.
#[inline]
pub(crate) fn within_limits(experiment: &Value, stage: Stage) -> Result<(), Beyond> {
    let mut visit = Visit {
        path: String::new(),
        stage,
        left: WHOLE,
    };
    let looked = visit.look("", experiment);
    looked.map_err(|excess| Beyond {
        path: visit.path,
        excess,
    })
}

struct Visit {
    /// Of what is looked at; of the first fault, once there is one.
    path: String,
    stage: Stage,
    /// Bytes and entries that the whole may still have.
    left: usize,
}

impl Visit {
    #[inline]
    fn look(&mut self, name: &str, value: &Value) -> Result<(), Excess> {
        match value {
            Value::Object(fields) => fields.iter().try_for_each(|(k, v)| self.step(k, k, v)),
            _ => match limit(name) {
                Some(limit) => self.hold(name, limit, value),
                // No field of this name: reading it says so.
                None => Ok(()),
            },
        }
    }

    #[inline]
    fn step(&mut self, step: &str, name: &str, value: &Value) -> Result<(), Excess> {
        let len = self.path.len();
        if len > 0 {
            self.path.push('.');
        }
        self.path.push_str(step);
        self.look(name, value)?;
        self.path.truncate(len);
        Ok(())
    }

    #[inline]
    fn hold(&mut self, name: &str, limit: &Limit, value: &Value) -> Result<(), Excess> {
        let (_, entries, bytes, numbers) = *limit;
        match value {
            Value::Array(list) => {
                let inner = self.path.ends_with(|c: char| c.is_ascii_digit());
                let most = if inner { POSITIONS } else { entries };
                let found = list.len();
                self.take(found, most, |found, most| Excess::Entries { found, most })?;
                let mut each = list.iter().enumerate();
                each.try_for_each(|(i, v)| self.step(&i.to_string(), name, v))
            }
            Value::String(text) => self.take(text.len(), bytes, |found, most| Excess::Bytes {
                found,
                most,
            }),
            Value::Number(_) | Value::Null if !self.fits(numbers, value) => {
                let found = value.clone();
                Err(match numbers {
                    Seed => Excess::Seed { found },
                    Real => Excess::Real { found },
                    Never | Count => Excess::Count { found },
                })
            }
            _ => Ok(()),
        }
    }

    #[inline]
    fn take(
        &mut self,
        found: usize,
        most: usize,
        excess: fn(usize, usize) -> Excess,
    ) -> Result<(), Excess> {
        if found > most {
            return Err(excess(found, most));
        }
        self.left = self.left.checked_sub(found).ok_or(Excess::Whole)?;
        Ok(())
    }

    #[inline]
    fn fits(&self, numbers: Numbers, value: &Value) -> bool {
        match (numbers, value.as_f64()) {
            (_, None) => self.stage < Stage::Run,
            (Never, _) => true,
            (Seed, _) if self.stage < Stage::Sent => value.is_u64(),
            (Seed, _) => value.as_u64().is_some_and(|n| n <= MOST_SEED),
            (Count, Some(n)) => n <= f64::from(u32::MAX),
            (Real, Some(n)) => n.abs() <= f64::from(f32::MAX),
        }
    }
}

/// An entry of a list as a person reads it: an object by its fields.
#[cfg(feature = "model")]
fn plain(entry: &Value) -> String {
    match entry {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{name} {}", plain(value));
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Takes what a set names again out of it.
#[cfg(feature = "model")]
fn once(path: &str, name: &str, value: &mut Value, told: &mut Vec<Problem>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                let path = match path {
                    "" => key.clone(),
                    path => format!("{path}.{key}"),
                };
                once(&path, key, inner, told);
            }
        }
        Value::Array(list) => {
            for (i, inner) in list.iter_mut().enumerate() {
                once(&format!("{path}.{i}"), "", inner, told);
            }
            if !SETS.contains(&name) {
                return;
            }
            let (mut seen, mut again) = (HashSet::new(), None);
            list.retain(|entry| {
                let first = seen.insert(entry.to_string());
                if !first && again.is_none() {
                    again = Some(plain(entry));
                }
                first
            });
            if let Some(entry) = again {
                let name = self::name(path);
                let again = Remark::Again { name, entry };
                told.push(Problem::of(path.into(), false, &again));
            }
        }
        _ => {}
    }
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every list, text and number of the schema, by its field's name.
    struct Found<'a> {
        schema: &'a Value,
        seen: BTreeSet<String>,
        held: BTreeSet<(String, &'static str)>,
    }

    impl Found<'_> {
        fn look(&mut self, name: &str, node: &Value) {
            if let Some(of) = node["$ref"].as_str() {
                let inner = self.schema.pointer(&of[1..]);
                if let Some(inner) = inner.filter(|_| self.seen.insert(format!("{name} {of}"))) {
                    self.look(name, inner);
                }
            }
            for (inner, node) in node["properties"].as_object().into_iter().flatten() {
                self.look(inner, node);
            }
            for of in ["oneOf", "anyOf", "allOf", "prefixItems"] {
                for node in node[of].as_array().into_iter().flatten() {
                    self.look(name, node);
                }
            }
            let is = |kind: &str| match &node["type"] {
                Value::String(one) => one == kind,
                Value::Array(some) => some.iter().any(|one| one == kind),
                _ => false,
            };
            if is("array") {
                self.held.insert((name.into(), "list"));
                self.look(name, &node["items"]);
            }
            if is("string") {
                self.held.insert((name.into(), "text"));
            }
            if is("integer") || is("number") {
                let integer = is("integer");
                let kind = if integer { "whole" } else { "real" };
                self.held.insert((name.into(), kind));
            }
        }
    }

    #[test]
    fn every_list_text_and_number_has_a_limit() {
        let schema = schemars::schema_for!(crate::experiment::link::Link);
        let mut found = Found {
            schema: schema.as_value(),
            seen: BTreeSet::new(),
            held: BTreeSet::new(),
        };
        found.look("", schema.as_value());
        assert!(found.held.len() > 60, "{:?}", found.held);
        for (name, kind) in &found.held {
            let of = limit(name).unwrap_or_else(|| panic!("{name} ({kind}) has no limit"));
            let has = match *kind {
                "list" => of.1 > 0,
                "text" => of.2 > 0,
                "real" => of.3 == Real,
                _ => matches!(of.3, Count | Seed),
            };
            assert!(has, "{name} is a {kind}, for which {of:?} has no limit");
        }
    }

    #[test]
    fn no_field_has_two_limits() {
        let names = LIMITS.iter().flat_map(|l| l.0.split_whitespace());
        let all: Vec<&str> = names.collect();
        let distinct: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), distinct.len());
        assert!(SETS.iter().all(|name| limit(name).is_some_and(|l| l.1 > 0)));
    }
}
