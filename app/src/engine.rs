//! The engine's Web Worker: starting it, speaking to it, ending it.
//!
//! This module knows the worker and the form of its messages; what to ask and
//! what to do with the answers is [`crate::state`]'s.

use crate::messages;
use gloo::events::EventListener;
use gloo::file::{Blob, ObjectUrl};
use js_sys::{Function, JSON, JsString, Reflect, Uint8Array};
use patchbay_engine::protocol::{Request, Response};
use patchbay_engine::source::Place;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

/// The worker's script, beside the page.
const SCRIPT: &str = "engine.js";

/// The field of a message that holds a file's bytes.
const BYTES: &str = "bytes";

/// What comes from the worker.
pub enum Event {
    Response(Box<Response>),
    /// The worker's code stopped, with the browser's message.
    Crash(String),
}

/// A running worker; dropping it ends the worker.
pub struct Engine {
    worker: Worker,
    _listeners: [EventListener; 3],
}

impl Engine {
    /// Starts the worker. It answers [`Response::Ready`] once it listens.
    ///
    /// # Errors
    /// The browser's message where it does not allow the worker.
    pub fn start(on_event: impl Fn(Event) + Clone + 'static) -> Result<Self, String> {
        let url = web_sys::Url::new_with_base(SCRIPT, &page_address()).map_err(describe)?;
        let worker = shared().map_or_else(|| worker(&url), Ok);
        let worker = worker.map_err(describe)?;
        let on_message = {
            let on_event = on_event.clone();
            EventListener::new(&worker, "message", move |event| {
                let Some(event) = event.dyn_ref::<MessageEvent>() else {
                    return;
                };
                on_event(match read(&event.data()) {
                    Ok(response) => Event::Response(response),
                    Err(message) => Event::Crash(message),
                });
            })
        };
        let on_error = {
            let on_event = on_event.clone();
            EventListener::new(&worker, "error", move |event| {
                // A script that cannot be loaded gives a plain Event.
                let message = event
                    .dyn_ref::<ErrorEvent>()
                    .map(ErrorEvent::message)
                    .filter(|message| !message.is_empty())
                    .unwrap_or_else(|| format!("{SCRIPT} could not be loaded"));
                on_event(Event::Crash(message));
            })
        };
        let on_unreadable = EventListener::new(&worker, "messageerror", move |_| {
            on_event(Event::Crash("a message could not be read".into()));
        });
        Ok(Self {
            worker,
            _listeners: [on_message, on_error, on_unreadable],
        })
    }

    /// Sends a request, with the bytes of a file where it is about one.
    ///
    /// # Errors
    /// The browser's message where it cannot be sent.
    pub fn send_with(&self, request: &Request, bytes: Option<&Uint8Array>) -> Result<(), String> {
        let text = serde_json::to_string(request).map_err(|error| error.to_string())?;
        let message = JSON::parse(&text).map_err(describe)?;
        if let Some(bytes) = bytes {
            Reflect::set(&message, &BYTES.into(), bytes).map_err(describe)?;
        }
        self.worker.post_message(&message).map_err(describe)
    }
}

/// The engine that all embeds of a page have in common, where the frame's script found that
/// they can: to this page it is as a worker (`www/embed/shared.mjs`).
fn shared() -> Option<Worker> {
    let make = Reflect::get(&gloo::utils::window(), &"patchbayEngine".into()).ok()?;
    let engine = make.dyn_into::<Function>().ok()?.call0(&JsValue::NULL);
    engine.ok().map(JsCast::unchecked_into)
}

/// Starts a worker. A page in a sandboxed frame belongs to no origin, and may start none
/// from an address: one that it made itself may import what that address serves.
fn worker(url: &web_sys::Url) -> Result<Worker, JsValue> {
    let options = WorkerOptions::new();
    options.set_name("patchbay-engine");
    if gloo::utils::window().origin() == url.origin() {
        options.set_type(WorkerType::Module);
        return Worker::new_with_options(&url.href(), &options);
    }
    // Not a module itself: Chromium does not start one of those in such a frame.
    let address = JsValue::from_str(&url.href());
    let address = String::from(JSON::stringify(&address)?);
    let text = format!("import({address}).catch((error) => self.reportError(error));");
    let script = Blob::new_with_options(text.as_str(), Some("text/javascript"));
    let script = ObjectUrl::from(script);
    let worker = Worker::new_with_options(&script, &options);
    // Never given back: the worker starts others from its own address.
    std::mem::forget(script);
    worker
}

/// Reads an answer. It goes through JSON, as links do, because a second way of
/// reading the same types would add a tenth to the page's code.
fn read(message: &JsValue) -> Result<Box<Response>, String> {
    // JSON has no numbers that are not finite; this becomes an infinite f32.
    let finite = &mut |_: JsString, value: JsValue| match value.as_f64() {
        Some(number) if number == f64::NEG_INFINITY => Ok(Some(JsValue::from(-1e99))),
        Some(number) if !number.is_finite() => Ok(Some(JsValue::from(1e99))),
        _ => Ok(Some(value)),
    };
    // A file stays out of it.
    let bytes = Reflect::get(message, &BYTES.into()).ok();
    let file = bytes.and_then(|bytes| bytes.dyn_into::<Uint8Array>().ok());
    if file.is_some() {
        Reflect::set(message, &BYTES.into(), &JsValue::UNDEFINED).map_err(describe)?;
    }
    let text = JSON::stringify_with_replacer_func(message, finite, None).map_err(describe)?;
    let text = text.as_string().unwrap_or_default();
    let read = serde_json::from_str(&text).and_then(|message| messages::response(&message));
    let mut response = read.map_err(|error| error.to_string())?;
    if let (Some(file), Response::File { bytes, .. }) = (file, &mut response) {
        *bytes = file.to_vec();
    }
    Ok(Box::new(response))
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

/// Where models come from: the page's own folder, and the hub that the page's
/// `<meta name="patchbay-hub">` names, where it has one.
#[must_use]
pub fn place() -> Place {
    let hub = gloo::utils::document()
        .query_selector("meta[name=patchbay-hub]")
        .ok()
        .flatten()
        .and_then(|meta| meta.get_attribute("content"));
    let page = page_address();
    Place {
        home: web_sys::Url::new_with_base("./", &page).map_or(page, |url| url.href()),
        hub: hub.filter(|hub| !hub.is_empty()),
    }
}

fn page_address() -> String {
    gloo::utils::document()
        .base_uri()
        .ok()
        .flatten()
        .unwrap_or_default()
}

fn describe(error: JsValue) -> String {
    error
        .dyn_ref::<web_sys::DomException>()
        .map(web_sys::DomException::message)
        .unwrap_or_else(|| format!("{error:?}"))
}
