//! Handing a file to the browser's downloads.

use gloo::file::{Blob, ObjectUrl};
use gloo::timers::callback::Timeout;
use wasm_bindgen::JsCast;

/// How long the browser has to begin reading the file, in milliseconds.
const KEEP: u32 = 60_000;

/// Offers `content` as a file of that name and media type.
pub fn download(name: &str, media_type: &str, content: &str) {
    let url = ObjectUrl::from(Blob::new_with_options(content, Some(media_type)));
    let link = gloo::utils::document()
        .create_element("a")
        .ok()
        .and_then(|element| element.dyn_into::<web_sys::HtmlAnchorElement>().ok());
    if let Some(link) = link {
        link.set_href(&url);
        link.set_download(name);
        link.click();
    }
    // Dropping the address at once would cut the download off in some browsers.
    Timeout::new(KEEP, move || drop(url)).forget();
}
