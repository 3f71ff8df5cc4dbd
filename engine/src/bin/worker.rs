//! The engine as a Web Worker: what `engine.js` starts.

use js_sys::WebAssembly;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

fn main() -> Result<(), JsValue> {
    patchbay_engine::serve()
}

/// Has the CPU backend use the kernels of a module from now on; `engine.js`
/// brings it where the browser can run it.
///
/// # Errors
/// The browser's own, where it is another module.
#[wasm_bindgen]
#[allow(clippy::needless_pass_by_value)] // what is exported is
pub fn take_kernels(module: WebAssembly::Module) -> Result<(), JsValue> {
    patchbay_engine::backend::cpu::take_kernels(&module)
}
