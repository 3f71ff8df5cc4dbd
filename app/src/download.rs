//! Handing a file to the browser's downloads.

use gloo::file::{Blob, ObjectUrl};
use gloo::timers::callback::Timeout;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_futures::spawn_local;

/// How long the browser has to begin reading the file, in milliseconds.
const KEEP: u32 = 60_000;

/// Offers an SVG picture as a PNG of twice its size. A browser that cannot draw
/// it offers nothing.
pub fn download_picture(name: String, svg: String) {
    spawn_local(async move {
        let url = ObjectUrl::from(Blob::new_with_options(svg.as_str(), Some("image/svg+xml")));
        if let Some(png) = draw(&url).await {
            save(&name, &png);
        }
    });
}

/// The picture at an address as the address of a PNG.
async fn draw(url: &str) -> Option<String> {
    let image = web_sys::HtmlImageElement::new().ok()?;
    image.set_src(url);
    JsFuture::from(image.decode()).await.ok()?;
    let canvas = gloo::utils::document().create_element("canvas").ok()?;
    let canvas = canvas.dyn_into::<web_sys::HtmlCanvasElement>().ok()?;
    let (width, height) = (2 * image.width(), 2 * image.height());
    canvas.set_width(width);
    canvas.set_height(height);
    let context = canvas.get_context("2d").ok()??;
    let context = context
        .dyn_into::<web_sys::CanvasRenderingContext2d>()
        .ok()?;
    let (width, height) = (f64::from(width), f64::from(height));
    let drawn =
        context.draw_image_with_html_image_element_and_dw_and_dh(&image, 0.0, 0.0, width, height);
    drawn.ok()?;
    canvas.to_data_url().ok()
}

fn save(name: &str, url: &str) {
    let link = gloo::utils::document()
        .create_element("a")
        .ok()
        .and_then(|element| element.dyn_into::<web_sys::HtmlAnchorElement>().ok());
    if let Some(link) = link {
        link.set_href(url);
        link.set_download(name);
        link.click();
    }
}

/// The text of a file that lies beside the page; `None` where it cannot be had.
pub async fn beside(name: &str) -> Option<String> {
    let fetched = JsFuture::from(gloo::utils::window().fetch_with_str(name)).await;
    let response = fetched.ok()?.dyn_into::<web_sys::Response>().ok()?;
    let text = JsFuture::from(response.text().ok()?).await.ok()?;
    text.as_string().filter(|_| response.ok())
}

/// Offers `content` as a file of that name and media type.
pub fn download(name: &str, media_type: &str, content: &[u8]) {
    let blob = Blob::new_with_options(content, Some(media_type));
    let url = ObjectUrl::from(blob);
    save(name, &url);
    // Dropping the address at once would cut the download off in some browsers.
    Timeout::new(KEEP, move || drop(url)).forget();
}
