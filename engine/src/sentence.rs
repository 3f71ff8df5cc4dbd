//! Sentences for people. Each is a variant of an enum that holds what stands in it:
//! English is what the variant displays, and [`Says`] is the variant's name and its
//! arguments, from which another language says the same.

use crate::text::Plain;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt::{self, Debug, Display};

/// What a sentence says, in no language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Says {
    /// Which sentence it is: the part of the engine that says it, and its name there, as
    /// in `patching.window`. It stays the same where the English is said better.
    pub code: String,
    /// What stands in it, by name. A sentence within the sentence is an object of its
    /// `message` and what it `says`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub args: Map<String, Value>,
}

/// A sentence on its way to whoever reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Said {
    /// In English.
    pub message: String,
    /// The same for other languages.
    pub says: Says,
}

/// What people read. English is its [`Display`].
pub trait Sentence: Display {
    /// The same in no language.
    fn says(&self) -> Says;

    /// Both, fit to be shown.
    fn said(&self) -> Said
    where
        Self: Sized,
    {
        Said::of(self)
    }
}

impl Said {
    /// A sentence in both forms, what is not seen told by its number.
    // Compiled with whoever says it: in the page for size.
    #[inline]
    pub fn of(sentence: &dyn Sentence) -> Self {
        Self {
            message: Plain(&sentence).to_string(),
            says: sentence.says(),
        }
    }
}

/// What was said already.
impl Sentence for Said {
    fn says(&self) -> Says {
        self.says.clone()
    }
}

impl Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Says {
    /// A sentence of the name, with its arguments.
    #[inline]
    pub fn new(code: &str, args: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let args = args.into_iter();
        Self {
            code: code.into(),
            args: args
                .map(|(name, value)| (name.into(), plain(value)))
                .collect(),
        }
    }

    /// A variant of an enum; `place` is what the enum's codes begin with. What a variant
    /// holds without a name is called `what`.
    #[inline]
    pub fn of(place: &str, sentence: &impl Serialize) -> Self {
        // Numbers, texts and lists of them: nothing in it can fail to serialise.
        Self::variant(place, serde_json::to_value(sentence).unwrap_or_default())
    }

    fn variant(place: &str, value: Value) -> Self {
        let (name, args) = match value {
            Value::String(name) => (name, Map::new()),
            Value::Object(variant) => match variant.into_iter().next() {
                Some((name, Value::Object(args))) => (name, args),
                Some((name, what)) => (name, Map::from_iter([("what".into(), what)])),
                None => (String::new(), Map::new()),
            },
            _ => (String::new(), Map::new()),
        };
        let args = args.into_iter();
        Self {
            code: format!("{place}.{name}"),
            args: args.map(|(name, value)| (name, plain(value))).collect(),
        }
    }
}

/// An argument as it may be shown: texts as [`Plain`] tells them, and numbers of 32 bits
/// with no more digits than they have.
fn plain(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(Plain(&text).to_string()),
        Value::Number(number) if number.is_f64() => {
            let wide = number.as_f64().unwrap_or_default();
            #[allow(clippy::cast_possible_truncation)] // that is the question
            let narrow = wide as f32;
            match f64::from(narrow) == wide {
                true => narrow.to_string().parse().map_or(Value::Null, f64::into),
                false => Value::Number(number),
            }
        }
        // JavaScript has no whole numbers beyond these.
        Value::Number(number) if number.as_u64().is_some_and(|n| n > 1 << 53) => {
            number.as_f64().map_or(Value::Null, Value::from)
        }
        Value::Array(list) => list.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(fields.map(|(name, value)| (name, plain(value))).collect())
        }
        value => value,
    }
}

/// A sentence that stands alone, and is told as a part of others, too: with a full stop.
pub struct Stop<T>(pub T);

impl<T: Display> Display for Stop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.0)
    }
}

impl<T: Sentence> Sentence for Stop<T> {
    fn says(&self) -> Says {
        self.0.says()
    }
}

impl<T: Sentence> Sentence for Box<T> {
    fn says(&self) -> Says {
        (**self).says()
    }
}

/// An argument that is a sentence itself.
///
/// # Errors
/// The serialiser's.
pub fn within<T: Sentence, S: Serializer>(sentence: &T, to: S) -> Result<S::Ok, S::Error> {
    sentence.said().serialize(to)
}

/// An argument that is told as it is displayed: another tool's error.
///
/// # Errors
/// The serialiser's.
pub fn text<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// An argument that is told as it is written in code.
///
/// # Errors
/// The serialiser's.
pub fn debug<T: Debug, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{value:?}"))
}

/// Things with commas between them.
pub struct Listed<'a, T>(pub &'a [T]);

impl<T: Display> Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(self.0, ", ", f, |one, f| one.fmt(f))
    }
}

/// Texts in quotation marks, with something between them.
pub struct Quoted<'a, T>(pub &'a [T], pub &'static str);

impl<T: Display> Display for Quoted<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(self.0, self.1, f, |one, f| write!(f, "“{one}”"))
    }
}

fn joined<T>(
    all: &[T],
    between: &str,
    f: &mut fmt::Formatter<'_>,
    write: fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    all.iter().enumerate().try_for_each(|(i, one)| {
        if i > 0 {
            f.write_str(between)?;
        }
        write(one, f)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, thiserror::Error, Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Remark {
        #[error("nothing is there")]
        Nothing,
        #[error("“{name}” is {size} long, not {}", Listed(expected))]
        Long {
            name: String,
            size: f32,
            expected: Vec<usize>,
        },
        #[error("in a file, {fault}")]
        File {
            #[serde(serialize_with = "within")]
            fault: Box<Remark>,
        },
    }

    impl Sentence for Remark {
        fn says(&self) -> Says {
            Says::of("tests", self)
        }
    }

    #[test]
    fn a_sentence_is_english_and_its_name_with_what_stands_in_it() {
        let long = Remark::Long {
            name: "a\u{202e}".into(),
            size: 0.1,
            expected: vec![1, 2],
        };
        let args = json!({"name": "a\\u{202e}", "size": 0.1, "expected": [1, 2]});
        let said = json!({
            "message": "“a\\u{202e}” is 0.1 long, not 1, 2",
            "says": {"code": "tests.long", "args": args},
        });
        assert_eq!(serde_json::to_value(long.said()).unwrap(), said);
        let within = Remark::File {
            fault: Box::new(long),
        };
        let within = within.said();
        assert_eq!(within.says.code, "tests.file");
        assert_eq!(within.says.args["fault"], said);
        let read = serde_json::to_value(&within).unwrap();
        assert_eq!(serde_json::from_value::<Said>(read).unwrap(), within);
        let alone = Stop(Remark::Nothing).said();
        assert_eq!(alone.message, "nothing is there.");
        assert_eq!(
            serde_json::to_value(&alone.says).unwrap(),
            json!({"code": "tests.nothing"})
        );
    }
}
