//! Directions as JSON.

use super::names::{Named, named};
use super::{FileError, FormatFault, Found, unread};
use crate::json;
use crate::text::short;
use serde_json::Value as Json;

/// A list of numbers, an object of lists by layer, or a list of objects with
/// `layer` and `values`.
pub(crate) fn read(bytes: &[u8], layer: usize) -> Result<Vec<Found>, FileError> {
    let wrong = |fault| FileError::Json { fault };
    let json: Json = json::read(bytes).map_err(|e| wrong(unread(e)))?;
    let vector = |place: Named, layer: usize, values: &Json| {
        let list = values.as_array().map(|list| list.iter().map(number));
        let values = list.and_then(Iterator::collect);
        let values = values.ok_or_else(|| wrong(FormatFault::NoNumbers { layer }))?;
        Ok(Found::new(place, layer, values))
    };
    match &json {
        Json::Object(layers) => layers
            .iter()
            .map(|(name, values)| match named(name)? {
                Named::Nothing => Err(wrong(FormatFault::NoLayerName { name: short(name) })),
                place => vector(place, place.layer().unwrap_or_default(), values),
            })
            .collect(),
        Json::Array(list) if list.iter().all(Json::is_object) => list
            .iter()
            .map(|one| {
                let layer = one["layer"].as_u64().and_then(|l| usize::try_from(l).ok());
                let layer = layer.ok_or_else(|| wrong(FormatFault::NoLayer))?;
                vector(Named::Layer(layer), layer, &one["values"])
            })
            .collect(),
        one => Ok(vec![vector(Named::Nothing, layer, one)?]),
    }
}

#[allow(clippy::cast_possible_truncation)] // vectors are 32-bit
fn number(json: &Json) -> Option<f32> {
    json.as_f64().map(|x| x as f32)
}
