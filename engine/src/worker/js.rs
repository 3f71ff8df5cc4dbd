//! Small things about JavaScript values.

use super::room::Device;
use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::WorkerGlobalScope;

/// What this browser tells of its device.
pub(super) fn device() -> Device {
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let navigator = scope.navigator();
    let memory = Reflect::get(&navigator, &"deviceMemory".into());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few cores
    Device {
        cores: navigator.hardware_concurrency() as usize,
        memory: memory.ok().and_then(|memory| memory.as_f64()),
    }
}

/// What JavaScript says went wrong.
pub(super) fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into());
    let message = message.ok().and_then(|message| message.as_string());
    message
        .or_else(|| error.as_string())
        .unwrap_or_else(|| format!("{error:?}"))
}
