//! The engine as a Web Worker: what `engine.js` starts.

fn main() -> Result<(), wasm_bindgen::JsValue> {
    patchbay_engine::worker::serve()
}
