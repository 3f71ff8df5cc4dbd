//! What the browser tells of its GPU. Most describe it by maker and architecture,
//! which wgpu leaves out.

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Maker, architecture, device and description of the fastest adapter, as far as
/// they are told.
pub(super) async fn of_adapter() -> Option<String> {
    let get = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).ok();
    let gpu = get(&get(&js_sys::global(), "navigator")?, "gpu")?;
    let request: js_sys::Function = get(&gpu, "requestAdapter")?.dyn_into().ok()?;
    let options = Object::new();
    let fast = "high-performance".into();
    Reflect::set(&options, &"powerPreference".into(), &fast).ok()?;
    let asked: Promise = request.call1(&gpu, &options).ok()?.dyn_into().ok()?;
    let info = get(&JsFuture::from(asked).await.ok()?, "info")?;
    let words = ["vendor", "architecture", "device", "description"].map(|name| {
        let word = get(&info, name).and_then(|word| word.as_string());
        word.unwrap_or_default()
    });
    let told: Vec<String> = words.into_iter().filter(|w| !w.is_empty()).collect();
    Some(told.join(" "))
}
