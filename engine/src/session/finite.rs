//! Numbers that are not finite: found wherever they are in a report, and traced
//! to the first place in the model where they came about.

use super::*;
use crate::experiment::{Field, Site};
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
    Problem {
        field: Field::Experiment,
        message: format!(
            "The result {path} is not a finite number: 32-bit arithmetic overflowed on the way to it. Read it, and what depends on it, as missing."
        ),
        fatal: false,
    }
}

/// Why an experiment has no results: its numbers stopped being finite.
pub(super) struct Overflow<'a> {
    /// The field that is to be changed.
    pub field: Field,
    /// Whose run it was, as in “the clean run”.
    pub whose: &'a str,
}

/// A patched run.
pub(super) const CELL: Overflow<'static> = Overflow {
    field: Field::Sweep,
    whose: "a patched run",
};

impl<B: Backend> Session<B> {
    /// Traces a run whose logits are not finite to the site where that began.
    pub(super) async fn overflow(
        &mut self,
        of: Overflow<'_>,
        run: &Run,
        host: &impl Host,
    ) -> SessionError {
        match self.first_not_finite(run, host).await {
            Err(error) => error,
            Ok((site, layer, position)) => {
                let place = site.hook(site.per_layer().then_some(layer));
                let edited = !run.edits.is_empty() || run.parent.is_some();
                SessionError::of(
                    of.field,
                    format!(
                        "The numbers of {} stop being finite at {place}, position {position}{}, so there is nothing to show after it. {}",
                        of.whose,
                        made_with(site, layer),
                        match edited {
                            true =>
                                "What is done to this run is too strong for 32-bit arithmetic; make it weaker.",
                            false =>
                                "The model's weights are too large for 32-bit arithmetic, or damaged; take another model.",
                        }
                    ),
                )
            }
        }
    }

    /// The first site of a run, in the order of the forward pass, with a number
    /// that is not finite, and the first position there. First the layer, by what
    /// each leaves in the residual stream, and then the site in it, so that the run
    /// is not repeated for every site.
    async fn first_not_finite(
        &mut self,
        run: &Run,
        host: &impl Host,
    ) -> Result<(Site, usize, usize), SessionError> {
        let shape = self.model.config.shape;
        let len = run.tokens.len();
        let (layered, rest): (Vec<Site>, Vec<Site>) =
            Site::ALL.into_iter().partition(|site| site.per_layer());
        let (before, after): (Vec<Site>, Vec<Site>) =
            rest.into_iter().partition(|s| s.before_layers());
        // A long prompt's activations are not all held at once.
        let at_once = (MOST_HELD / (len * shape.n_embd).max(1)).max(1);
        let layers: Vec<_> = (0..shape.n_layer).map(|l| (Site::ResidPost, l)).collect();
        let mut stages: Vec<Vec<_>> = vec![before.into_iter().map(|s| (s, 0)).collect()];
        stages.extend(layers.chunks(at_once).map(<[_]>::to_vec));
        stages.extend(after.into_iter().map(|s| vec![(s, 0)]));
        for stage in stages {
            let Some(found) = self.first_of(run, &stage, len, host).await? else {
                continue;
            };
            let (site, layer, position) = found;
            if !site.per_layer() {
                return Ok(found);
            }
            // What is wrong at a position came about there or before it.
            let inside: Vec<_> = layered.iter().map(|s| (*s, layer)).collect();
            let first = self.first_of(run, &inside, position + 1, host).await?;
            return Ok(first.unwrap_or(found));
        }
        Ok((Site::Logits, 0, len.saturating_sub(1)))
    }

    /// The first of these places of a run with a number that is not finite, and the
    /// first of its first `len` positions there.
    async fn first_of(
        &mut self,
        run: &Run,
        places: &[(Site, usize)],
        len: usize,
        host: &impl Host,
    ) -> Result<Option<(Site, usize, usize)>, SessionError> {
        let of_place = |(site, layer): &(Site, usize)| {
            let (site, layer) = (*site, *layer);
            (0..len).map(move |position| (site, layer, position))
        };
        let places: Vec<_> = places.iter().flat_map(of_place).collect();
        let again = Run {
            captures: places.clone(),
            reads: Vec::new(),
            keep: None,
            ..run.clone()
        };
        let quiet = |_| None;
        let pulse = Beats::new(host, &quiet);
        let (_, mut captured) = self.compute(&[again], &Wanted::default(), &pulse).await?;
        let rows = captured.pop().unwrap_or_default();
        let bad = |row: &Option<Vec<f32>>| row.iter().flatten().any(|x| !x.is_finite());
        Ok(rows.iter().position(bad).map(|at| places[at]))
    }
}

/// Numbers of layers' activations that are looked at in one pass.
const MOST_HELD: usize = 1 << 24;

/// The tensor whose product a site is, as the checkpoint names it.
fn made_with(site: Site, layer: usize) -> String {
    let tensor = match site {
        Site::Embed | Site::Logits => return " (made with wte)".into(),
        Site::PosEmbed => return " (made with wpe)".into(),
        Site::LnFinal => return " (made with ln_f)".into(),
        Site::Q | Site::K | Site::V | Site::Pattern | Site::Z => "attn.c_attn",
        Site::AttnOut | Site::ResidMid => "attn.c_proj",
        Site::MlpPre | Site::MlpPost => "mlp.c_fc",
        Site::MlpOut | Site::ResidPost => "mlp.c_proj",
        Site::ResidPre => return String::new(),
    };
    format!(" (made with h.{layer}.{tensor})")
}

/// Whether all that was read of a run's logits are numbers. A sum that was not
/// asked for is 0.
pub(super) fn sound(logits: &Logits) -> bool {
    logits.log_sum_exp.is_finite()
        && numbers(&logits.tokens)
        && numbers(&logits.all)
        && logits.top.iter().all(|(_, logit)| logit.is_finite())
}

/// Whether all of them are.
pub(super) fn numbers(all: &[f32]) -> bool {
    all.iter().all(|x| x.is_finite())
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
