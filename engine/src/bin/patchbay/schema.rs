//! The JSON Schema of what goes into the engine and what comes out.

use crate::Failure;
use patchbay_engine::experiment::link::Link;
use patchbay_engine::experiment::{Experiment, Export, Handed, Report, Update};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

// What people write: a field that has a default may be left out.
#[derive(JsonSchema)]
#[schemars(title = "Formats")]
#[allow(dead_code)] // only its schema is wanted
struct Written {
    experiment: Experiment,
    link: Link,
    handed: Handed,
    export: Export,
}

// What the engine answers: such a field is there all the same.
#[derive(JsonSchema)]
#[allow(dead_code)] // only its schema is wanted
struct Answered {
    report: Report,
    update: Update,
}

/// Both in one; a type that is in both is described as people write it.
pub fn schema() -> Result<String, Failure> {
    let settings = SchemaSettings::draft2020_12();
    let written = settings.clone().into_generator();
    let answered = settings.for_serialize().into_generator();
    let mut all = written.into_root_schema_for::<Written>().to_value();
    let more = answered.into_root_schema_for::<Answered>().to_value();
    for part in ["properties", "$defs"] {
        if let (Some(all), Some(more)) = (all[part].as_object_mut(), more[part].as_object()) {
            for (name, schema) in more {
                all.entry(name).or_insert_with(|| schema.clone());
            }
        }
    }
    all["required"] = all["properties"]
        .as_object()
        .map_or(Value::Null, |all| all.keys().cloned().collect());
    // A schema writes its keywords in their usual order.
    let all = Schema::try_from(all).map_err(|e| e.to_string())?;
    serde_json::to_string_pretty(&all).map_err(|e| e.to_string())
}
