//! The page within somebody else's: what it tells the script of its frame, and what that
//! asks. The script (`www/embed`) speaks to the other page.

use gloo::events::EventListener;
use gloo::utils::{document, window};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CustomEvent, CustomEventInit};

const TOLD: &str = "patchbay:told";
const ASKED: &str = "patchbay:asked";

/// Whether this is the page of an embed.
#[must_use]
pub fn is_embedded() -> bool {
    document()
        .document_element()
        .is_some_and(|root| root.has_attribute("data-embed"))
}

/// Whether this embed shares its engine with no other one.
#[must_use]
pub fn has_own_engine() -> bool {
    let root = document().document_element();
    root.and_then(|root| root.get_attribute("data-engine"))
        .is_some_and(|engine| engine == "own")
}

/// What the other page may ask.
#[derive(Debug)]
pub enum Asked {
    /// Another experiment, as the end of a link.
    Set {
        link: String,
    },
    Run,
    Cancel,
    /// To go on with a workshop from what was handed in.
    Resume {
        handed: String,
    },
}

impl Asked {
    /// Reads a message; `None` where it is no known one.
    fn read(text: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(text).ok()?;
        let field = |name: &str| message[name].as_str().map(str::to_owned);
        Some(match message["type"].as_str()? {
            "set" => Self::Set {
                link: field("link")?,
            },
            "run" => Self::Run,
            "cancel" => Self::Cancel,
            "resume" => Self::Resume {
                handed: field("handed")?,
            },
            _ => return None,
        })
    }
}

/// Tells the frame's script something.
pub fn tell(message: &Value) {
    let init = CustomEventInit::new();
    init.set_detail(&JsValue::from_str(&message.to_string()));
    if let Ok(event) = CustomEvent::new_with_event_init_dict(TOLD, &init) {
        // Nobody prevents it.
        let _ = window().dispatch_event(&event);
    }
}

/// Hears what the other page asks, as long as this one lives.
pub fn hear(asked: impl Fn(Asked) + 'static) {
    EventListener::new(&window(), ASKED, move |event| {
        let detail = event.dyn_ref::<CustomEvent>().map(CustomEvent::detail);
        let text = detail.and_then(|d| d.as_string()).unwrap_or_default();
        // The script lets nothing else through.
        if let Some(message) = Asked::read(&text) {
            asked(message);
        }
    })
    .forget();
}
