//! Experiments of older versions, brought to the present form: links that were
//! once given out open for ever.

use super::{ParseError, VERSION};
use serde_json::{Map, Value, json};

/// Brings the JSON of an experiment to the present version.
///
/// # Errors
/// [`ParseError`] where the version is missing or not a known one: told before
/// anything else, so that a newer format is named as such and not reported as
/// some unknown field.
pub fn upgrade(experiment: &mut Value) -> Result<(), ParseError> {
    let Value::Object(fields) = experiment else {
        return Ok(());
    };
    let Some(version) = fields.get("version").and_then(Value::as_u64) else {
        return Ok(());
    };
    if version == 0 || version > u64::from(VERSION) {
        return Err(ParseError::Version { found: version });
    }
    if version == 1 {
        several_of_each(fields);
    }
    fields.insert("version".into(), json!(VERSION));
    Ok(())
}

/// Version 1 had one metric and one sweep, whose cells went by layer and column.
fn several_of_each(fields: &mut Map<String, Value>) {
    for (one, many) in [("metric", "metrics"), ("sweep", "sweeps")] {
        if let Some(value) = fields.remove(one).filter(|v| !v.is_null()) {
            fields.insert(many.into(), json!([value]));
        }
    }
    if let Some(Value::Object(cell)) = fields.get_mut("cell")
        && let Some(layer) = cell.remove("layer")
    {
        cell.insert("row".into(), layer);
    }
}
