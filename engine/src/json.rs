//! JSON that a person brings, in which each key stands once. What reads JSON takes
//! the last of two values of a key and says nothing, so that a number is used that
//! is not the one that was read.

use crate::text::{Plain, unmarked};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess};
use serde_json::{Error, Map, Value};
use std::fmt;

/// Reads a text.
///
/// # Errors
/// Where it is not JSON, or a key of an object stands in it again.
// Compiled with whoever calls it, as what reads experiments is.
#[inline]
pub fn value(text: &str) -> Result<Value, Error> {
    let Distinct(value) = serde_json::from_str(unmarked(text))?;
    Ok(value)
}

/// Reads a file as what it should be, however an editor wrote it down.
///
/// # Errors
/// As for [`value`], and where it is no text, or not what it should be.
#[cfg(feature = "model")]
pub fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let text = crate::text::decoded(bytes).ok_or_else(|| Error::custom("it is not UTF-8"))?;
    serde_json::from_value(value(&text)?)
}

/// A value whose objects have each key once. `serde_json`'s own differs from it in
/// that alone.
struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor).map(Self)
    }
}

struct Visitor;

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Distinct(value)) = list.next_element()? {
            all.push(value);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if all.contains_key(&key) {
                let key = Plain(&key);
                return Err(A::Error::custom(format_args!(
                    "a key may stand once in an object, but “{key}” stands there again"
                )));
            }
            let Distinct(value) = fields.next_value()?;
            all.insert(key, value);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(all(test, feature = "model"))]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_serde_json_reads() {
        let json = r#" {"a": [1, -2, 3.5, 1e400, null, true, "x\n", {}],
            "b": {"a": 18446744073709551615}, "": [[]]} "#;
        let json = json.replace("1e400", "1e300");
        let expected: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value(&json).unwrap(), expected);
        let marked = format!("\u{feff}{json}");
        assert_eq!(value(&marked).unwrap(), expected);
        assert_eq!(read::<Value>(marked.as_bytes()).unwrap(), expected);
        for wrong in ["", "{", "[1,]", r#"{"a": 1e400}"#, "{} {}"] {
            let theirs = serde_json::from_str::<Value>(wrong).unwrap_err();
            assert_eq!(value(wrong).unwrap_err().to_string(), theirs.to_string());
        }
        let e = read::<Value>(b"\xff{}").unwrap_err().to_string();
        assert!(e.contains("UTF-8"), "{e}");
    }

    /// Whoever reads what a person brings reads it here; these read what the engine
    /// itself, or a browser out of an object, has just written.
    #[test]
    fn nothing_else_reads_json() {
        const OTHERS: [&str; 4] = [
            "experiment/mod.rs",
            "json.rs",
            "worker/listen.rs",
            "worker/load/shelf.rs",
        ];
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut folders, mut seen) = (vec![source.clone()], 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path
                    .strip_prefix(&source)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                if path.is_dir() {
                    folders.push(path);
                } else if !OTHERS.contains(&name.as_str()) {
                    seen += 1;
                    let text = std::fs::read_to_string(&path).unwrap();
                    let code = text.split("#[cfg(test)]").next().unwrap();
                    for reads in [
                        "serde_json::from_str",
                        "serde_json::from_slice",
                        "serde_json::from_reader",
                    ] {
                        assert!(!code.contains(reads), "{name} has {reads}; take json::read");
                    }
                }
            }
        }
        assert!(seen > 100, "{seen} files");
    }

    #[test]
    fn a_key_that_stands_again_is_named() {
        for (json, named) in [
            (
                r#"{"a": 1, "a": 1}"#,
                "“a” stands there again at line 1 column 12",
            ),
            (
                r#"[{"x": {"b": 1, "c": 2, "b": 3}}]"#,
                "“b” stands there again",
            ),
            // The same, written in another way.
            ("{\"a\": 1, \"\\u0061\": 2}", "“a”"),
            ("{\"\\u202ea\": 1, \"\\u202ea\": 2}", r"“\u{202e}a”"),
        ] {
            let e = value(json).unwrap_err().to_string();
            assert!(e.contains(named), "{json}: {e}");
        }
        // Objects beside one another have the same keys.
        value(r#"[{"a": 1, "b": {"a": 2}}, {"a": 1}]"#).unwrap();
    }
}
