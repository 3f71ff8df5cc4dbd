use leptos::prelude::*;

/// Whether the page is as narrow as on a phone.
pub fn is_narrow() -> bool {
    /// No phone's screen is wider, in pixels.
    const PHONE: f64 = 640.0;
    let width = window().inner_width().ok().and_then(|w| w.as_f64());
    width.is_some_and(|w| w <= PHONE)
}
