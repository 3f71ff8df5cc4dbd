//! Small things about JavaScript values.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// What JavaScript says went wrong.
pub(super) fn words(error: &JsValue) -> String {
    Reflect::get(error, &"message".into())
        .ok()
        .and_then(|message| message.as_string())
        .unwrap_or_else(|| format!("{error:?}"))
}
