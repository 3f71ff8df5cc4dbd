//! Reading the experiment's and the report's types from JSON that was parsed.
//!
//! serde's own readers take a struct from a list as well as from an object, and a
//! field's name as text, as bytes and as a number. The code for that, for each type,
//! was a tenth of what a reader of the page downloads. Here a struct is an object,
//! and a name is text.

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// Reads a value of a type.
///
/// # Errors
/// What was expected and found, where it is none.
#[inline]
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    T::deserialize(Tree(value))
}

/// Reads a field of an object; one that is not there is as one that is `null`.
///
/// # Errors
/// As [`read`].
#[inline]
pub fn field<T: DeserializeOwned>(object: &Value, name: &str) -> Result<T, Error> {
    read(&object[name])
}

/// Reads a field of an object that has to be there.
///
/// # Errors
/// As [`read`], and where it is missing.
pub(super) fn needed<T: DeserializeOwned>(object: &Value, name: &'static str) -> Result<T, Error> {
    read(object.get(name).ok_or_else(|| Error::missing_field(name))?)
}

/// Reads a field of an object that may be left out.
///
/// # Errors
/// As [`read`].
pub(super) fn either<T: DeserializeOwned>(
    object: &Value,
    name: &str,
    left_out: impl FnOnce() -> T,
) -> Result<T, Error> {
    object.get(name).map_or_else(|| Ok(left_out()), read)
}

/// Whether an object has no field but its `kind` and these.
///
/// # Errors
/// The first other one, by its name.
pub(super) fn no_other(object: &Value, fields: &[&str]) -> Result<(), Error> {
    let mut names = object.as_object().into_iter().flat_map(|o| o.keys());
    let known = |name: &&String| *name != "kind" && !fields.contains(&name.as_str());
    match names.find(known) {
        Some(name) => Err(Error::custom(format_args!("unknown field `{name}`"))),
        None => Ok(()),
    }
}

/// Reads a type whose JSON has the fields of another type beside its own: both are
/// read from the whole object. serde's `flatten` would read them in a third way.
///
/// # Errors
/// As [`read`].
#[inline]
pub(super) fn whole<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    make: fn(&Value) -> Result<T, Error>,
) -> Result<T, D::Error> {
    let object = Value::deserialize(deserializer)?;
    make(&object).map_err(D::Error::custom)
}

#[derive(Clone, Copy)]
struct Tree<'a>(&'a Value);

impl Tree<'_> {
    fn not(self, expected: &dyn Expected) -> Error {
        let found = match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(b) => Unexpected::Bool(*b),
            Value::Number(_) => Unexpected::Other("a number"),
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        Error::invalid_type(found, expected)
    }

    /// A variant of an enum: its name, or its name with what it holds.
    fn variant(&self) -> Option<Variant<'_>> {
        match self.0 {
            Value::String(name) => Some(Variant(name, Tree(&Value::Null))),
            Value::Object(fields) if fields.len() == 1 => {
                let (name, held) = fields.iter().next()?;
                Some(Variant(name, Tree(held)))
            }
            _ => None,
        }
    }
}

macro_rules! of_text {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0 {
                Value::String(text) => visitor.visit_str(text),
                _ => Err(self.not(&visitor)),
            }
        }
    )*};
}

macro_rules! of_numbers {
    ($($method:ident $visit:ident $as:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0.$as() {
                Some(number) => visitor.$visit(number),
                None => Err(self.not(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Tree<'_> {
    type Error = Error;

    // What may be one thing or another.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Number(n) => match (n.as_u64(), n.as_i64()) {
                (Some(n), _) => visitor.visit_u64(n),
                (None, Some(n)) => visitor.visit_i64(n),
                (None, None) => visitor.visit_f64(n.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    of_text! { deserialize_str deserialize_string deserialize_identifier deserialize_char }

    of_numbers! {
        deserialize_bool visit_bool as_bool
        deserialize_u8 visit_u64 as_u64
        deserialize_u16 visit_u64 as_u64
        deserialize_u32 visit_u64 as_u64
        deserialize_u64 visit_u64 as_u64
        deserialize_i8 visit_i64 as_i64
        deserialize_i16 visit_i64 as_i64
        deserialize_i32 visit_i64 as_i64
        deserialize_i64 visit_i64 as_i64
        deserialize_f32 visit_f64 as_f64
        deserialize_f64 visit_f64 as_f64
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(list) => visitor.visit_seq(Items(list.iter())),
            _ => Err(self.not(&visitor)),
        }
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Fields(fields.iter(), &Value::Null)),
            _ => Err(self.not(&visitor)),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.variant() {
            Some(variant) => visitor.visit_enum(variant),
            None => Err(self.not(&"one of a few names")),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct tuple_struct }
}

struct Items<'a>(std::slice::Iter<'a, Value>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.0
            .next()
            .map(|item| seed.deserialize(Tree(item)))
            .transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The fields that are still to come, and the value of the one that is being read.
struct Fields<'a>(serde_json::map::Iter<'a>, &'a Value);

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.0.next() else {
            return Ok(None);
        };
        self.1 = value;
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(Tree(self.1))
    }
}

/// A variant of an enum by its name, with what it holds.
struct Variant<'a>(&'a str, Tree<'a>);

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Tree<'a>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Tree<'a>), Error> {
        let name = seed.deserialize(StrDeserializer::<Error>::new(self.0))?;
        Ok((name, self.1))
    }
}

impl<'de> VariantAccess<'de> for Tree<'_> {
    type Error = Error;

    #[inline]
    fn unit_variant(self) -> Result<(), Error> {
        match self.0 {
            Value::Null => Ok(()),
            _ => Err(self.not(&"nothing beside the name")),
        }
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Axes, Experiment, Positions, Prompt, Receiver, Source};
    use serde_json::json;

    #[test]
    fn types_are_read_as_serde_reads_them() {
        fn same<T: DeserializeOwned + PartialEq + std::fmt::Debug>(value: Value) {
            let found: T = read(&value).unwrap();
            assert_eq!(found, serde_json::from_value(value).unwrap());
        }
        same::<Vec<Option<f32>>>(json!([1, -2.5, null, 1e99]));
        same::<Vec<(usize, usize)>>(json!([[1, 2], [3, 4]]));
        same::<Vec<i32>>(json!([-3, 4]));
        same::<Prompt>(json!("text"));
        same::<Prompt>(json!([1, 2]));
        same::<Positions>(json!("all"));
        same::<Positions>(json!({"first": 3}));
        same::<Positions>(json!({"chosen": [1, 2]}));
        same::<Axes>(json!("head_position"));
        same::<Axes>(json!({"paths": {"receiver": {"q": {"layer": 1, "head": 2}}}}));
        same::<Axes>(json!({"paths": {"receiver": "logits", "through_mlps": true}}));
        same::<Receiver>(json!({"mlp": {"layer": 1}}));
        same::<Source>(json!({"kind": "random", "seed": 9_007_199_254_740_991_u64}));
        same::<Source>(json!({"kind": "token", "token": " a", "minus": 3}));
        same::<Experiment>(serde_json::to_value(Experiment::default()).unwrap());
    }

    #[test]
    fn what_does_not_fit_says_what_was_expected_and_found() {
        fn said<T: DeserializeOwned + std::fmt::Debug>(value: Value) -> String {
            read::<T>(&value).unwrap_err().to_string()
        }
        for (said, parts) in [
            (said::<Vec<usize>>(json!("a")), ["string \"a\"", "sequence"]),
            (said::<usize>(json!(-1)), ["number", "usize"]),
            (said::<bool>(json!(1)), ["number", "boolean"]),
            (said::<String>(json!(null)), ["null", "string"]),
            (said::<Experiment>(json!([2])), ["sequence", "Experiment"]),
            (
                said::<Experiment>(json!({"x": 1})),
                ["unknown field", "`x`"],
            ),
            (
                said::<Experiment>(json!({"version": 2})),
                ["missing field", "`clean`"],
            ),
            (said::<Positions>(json!("x")), ["unknown variant", "`x`"]),
            (said::<Positions>(json!({"a": 1, "b": 2})), ["map", "name"]),
            (said::<Positions>(json!({"all": 1})), ["number", "nothing"]),
        ] {
            for part in parts {
                assert!(said.contains(part), "{said}");
            }
        }
    }
}
