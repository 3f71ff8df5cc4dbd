//! How a person likes the page; kept in this browser and never in a link.

use codee::string::JsonSerdeCodec;
use leptos::prelude::*;
use leptos_use_storage::use_local_storage;
use patchbay_engine::protocol::BackendChoice;
use serde::{Deserialize, Serialize};

/// Light or dark; the style sheets follow the system where neither is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    /// The name in `data-theme`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    pub backend: BackendChoice,
    /// Whether sweeps start by themselves; by the model's size where not chosen.
    pub automatic: Option<bool>,
    /// Raw metrics in the heat map, not normalised ones.
    pub raw: bool,
    pub theme: Theme,
    /// Whether a sweep's settings are unfolded.
    pub settings: bool,
    /// Whether the tour was done or skipped.
    pub toured: bool,
    /// Hosts that may be asked what a model would take.
    pub hosts: Vec<String>,
    /// Address of the hub's mirror that repositories are looked for on.
    pub hub: Option<String>,
}

/// The kept preferences and the way to change them.
#[must_use]
pub fn preferences() -> (Signal<Preferences>, WriteSignal<Preferences>) {
    let (read, write, _) = use_local_storage::<Preferences, JsonSerdeCodec>("patchbay.preferences");
    (read, write)
}

/// A template of pairs as it was last typed; kept in this browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Template {
    /// Lines with gaps, and lists; the example where nothing was typed.
    pub texts: [Option<String>; 2],
    pub count: usize,
}

impl Default for Template {
    fn default() -> Self {
        Self {
            texts: [None, None],
            count: 12,
        }
    }
}

/// The kept template and the way to change it.
#[must_use]
pub fn template() -> (Signal<Template>, WriteSignal<Template>) {
    let (read, write, _) = use_local_storage::<Template, JsonSerdeCodec>("patchbay.template");
    (read, write)
}
