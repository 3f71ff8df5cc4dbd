//! Numbers of a report that are not finite, wherever they are.

use super::problem::SessionProblem;
use crate::experiment::{Field, Problem};
use serde::ser::{self, Serialize};
use std::fmt::{self, Display};

/// Where in a report the first number is that is not finite, as a path.
pub(super) fn not_finite(report: &impl Serialize) -> Option<String> {
    let Found(mut path) = report.serialize(Look).err()?;
    path.reverse();
    Some(path.join("."))
}

/// What is told of such a number.
pub(super) fn problem(path: &str) -> Problem {
    let path = path.to_owned();
    Problem::of(
        Field::Experiment,
        false,
        &SessionProblem::NotFinite { path },
    )
}

/// The path to a number that is not finite, its last step first.
#[derive(Debug)]
struct Found(Vec<String>);

impl Found {
    fn under(mut self, step: impl ToString) -> Self {
        self.0.push(step.to_string());
        self
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number that is not finite")
    }
}

impl std::error::Error for Found {}

impl ser::Error for Found {
    fn custom<T: Display>(_: T) -> Self {
        Self(Vec::new())
    }
}

/// A serialiser that writes nothing and stops at a number that is not finite.
struct Look;

/// The inside of a list, a map or a struct; how far it is.
struct Inside(usize, String);

type Looked = Result<(), Found>;

/// What holds nothing.
macro_rules! passed_over {
    ($($name:ident: $type:ty),*) => {
        $(fn $name(self, _: $type) -> Looked {
            Ok(())
        })*
    };
}

impl ser::Serializer for Look {
    type Ok = ();
    type Error = Found;
    type SerializeSeq = Inside;
    type SerializeTuple = Inside;
    type SerializeTupleStruct = Inside;
    type SerializeTupleVariant = Inside;
    type SerializeMap = Inside;
    type SerializeStruct = Inside;
    type SerializeStructVariant = Inside;

    passed_over!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_char: char, serialize_str: &str,
        serialize_bytes: &[u8], serialize_unit_struct: &'static str
    );

    fn serialize_f32(self, number: f32) -> Looked {
        self.serialize_f64(f64::from(number))
    }

    fn serialize_f64(self, number: f64) -> Looked {
        match number.is_finite() {
            true => Ok(()),
            false => Err(Found(Vec::new())),
        }
    }

    fn serialize_none(self) -> Looked {
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Looked {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Looked {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Looked {
        Ok(())
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, v: &T) -> Looked {
        v.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Looked {
        value.serialize(self).map_err(|e| e.under(variant))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside, Found> {
        Ok(Inside(0, String::new()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Inside, Found> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Inside, Found> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Inside, Found> {
        self.serialize_seq(None)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Inside, Found> {
        self.serialize_seq(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inside, Found> {
        self.serialize_seq(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Inside, Found> {
        self.serialize_seq(None)
    }
}

impl Inside {
    fn next<T: ?Sized + Serialize>(&mut self, value: &T) -> Looked {
        let at = self.0;
        self.0 += 1;
        value.serialize(Look).map_err(|e| e.under(at))
    }
}

/// The inside of what is counted.
macro_rules! counted {
    ($($of:ident: $next:ident),*) => {
        $(impl ser::$of for Inside {
            type Ok = ();
            type Error = Found;

            fn $next<T: ?Sized + Serialize>(&mut self, value: &T) -> Looked {
                self.next(value)
            }

            fn end(self) -> Looked {
                Ok(())
            }
        })*
    };
}

/// The inside of what is named.
macro_rules! named {
    ($($of:ident),*) => {
        $(impl ser::$of for Inside {
            type Ok = ();
            type Error = Found;

            fn serialize_field<T: ?Sized + Serialize>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Looked {
                value.serialize(Look).map_err(|e| e.under(name))
            }

            fn end(self) -> Looked {
                Ok(())
            }
        })*
    };
}

counted!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
);
named!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Inside {
    type Ok = ();
    type Error = Found;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Looked {
        self.1 = serde_json::to_string(key).unwrap_or_default();
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Looked {
        let key = self.1.trim_matches('"').to_owned();
        value.serialize(Look).map_err(|e| e.under(key))
    }

    fn end(self) -> Looked {
        Ok(())
    }
}
