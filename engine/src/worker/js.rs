//! Small things about JavaScript values.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// What JavaScript says went wrong.
pub(super) fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into());
    let message = message.ok().and_then(|message| message.as_string());
    message
        .or_else(|| error.as_string())
        .unwrap_or_else(|| format!("{error:?}"))
}
