use leptos::prelude::*;

/// How wide the page is, in pixels.
pub fn page_width() -> f64 {
    let width = window().inner_width().ok().and_then(|w| w.as_f64());
    width.unwrap_or(f64::INFINITY)
}

/// Whether the page is as narrow as on a phone.
pub fn is_narrow() -> bool {
    /// No phone's screen is wider, in pixels.
    const PHONE: f64 = 640.0;
    page_width() <= PHONE
}
