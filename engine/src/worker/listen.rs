//! Reading requests from JavaScript, and saying precisely what is wrong with them.

use super::problem::WorkerProblem;
use crate::experiment::{self, Experiment, Field, Held, Problem};
use crate::protocol::{Failure, FailureCode, Request};
use crate::sentence::{Said, Sentence};
use js_sys::{JSON, JsString, Reflect};
use serde::Deserialize;
use serde_json::Value;
use wasm_bindgen::JsValue;

/// A message that is not a request; `id` is 0 where it has none.
pub(super) struct Refused {
    pub id: u32,
    pub failure: Failure,
}

/// Reads a message.
pub(super) fn request(message: JsValue) -> Result<Request, Refused> {
    let id = field::<u32>(&message, "id").unwrap_or(0);
    // The experiment first and by itself: only so the error can name its field.
    let kind = field::<String>(&message, "type").unwrap_or_default();
    if matches!(kind.as_str(), "run" | "export") {
        let value = Reflect::get(&message, &"experiment".into()).unwrap_or_default();
        let experiment = Box::new(read(&value).map_err(|failure| Refused { id, failure })?);
        let agreed = field(&message, "agreed").unwrap_or_default();
        return Ok(match field(&message, "what") {
            None if kind == "export" => return Err(unknown(id, &WorkerProblem::NothingToWrite)),
            Some(what) if kind == "export" => Request::Export {
                id,
                experiment,
                what,
                agreed,
            },
            _ => Request::Run {
                id,
                experiment,
                preview: field(&message, "preview").unwrap_or(false),
                agreed,
                share: field(&message, "share").unwrap_or(false),
            },
        });
    }
    serde_wasm_bindgen::from_value(message).map_err(|e| {
        let reason = e.to_string();
        unknown(id, &WorkerProblem::UnknownRequest { reason })
    })
}

fn unknown(id: u32, problem: &WorkerProblem) -> Refused {
    Refused {
        id,
        failure: Failure::new(FailureCode::Internal, problem),
    }
}

fn field<T: for<'de> Deserialize<'de>>(message: &JsValue, name: &str) -> Option<T> {
    let value = Reflect::get(message, &name.into()).ok()?;
    serde_wasm_bindgen::from_value(value).ok()
}

/// By way of JSON, as links and files come: a JavaScript object is asked only
/// for the fields that are known, so a misspelt one would go unnoticed.
fn read(value: &JsValue) -> Result<Experiment, Failure> {
    // JSON has no numbers that are not finite: these are larger than any that is read.
    let finite = &mut |_: JsString, value: JsValue| match value.as_f64() {
        Some(number) if !number.is_finite() => Ok(Some(JsValue::from(1e99))),
        _ => Ok(Some(value)),
    };
    let text = JSON::stringify_with_replacer_func(value, finite, None)
        .ok()
        .and_then(|text| text.as_string());
    let mut value: Value = text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let fault = |field: Field, sentence: &dyn Sentence| {
        Failure::said(FailureCode::Experiment, Said::of(sentence), Some(field))
    };
    // Before all else, as `Experiment::from_json` does it.
    experiment::upgrade(&mut value).map_err(|e| fault(Field::Version, &e))?;
    serde_path_to_error::deserialize(&value).map_err(|e| {
        // Whoever runs it looks at its limits; one that cannot be read may be beyond one.
        if let Err(beyond) = experiment::within_limits(&value, Held::Sent) {
            let problem = Problem::from(beyond);
            return fault(problem.field, &problem.said());
        }
        let path = e.path().to_string();
        let reason = e.inner().to_string();
        match path.as_str() {
            "." => Failure::new(
                FailureCode::Experiment,
                &WorkerProblem::NoExperiment { reason },
            ),
            _ => {
                let field = path.as_str().into();
                fault(field, &WorkerProblem::Field { path, reason })
            }
        }
    })
}
