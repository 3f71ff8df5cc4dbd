//! How a person likes the page; kept in this browser and never in a link.

use codee::string::JsonSerdeCodec;
use leptos::prelude::*;
use leptos_use_storage::use_local_storage;
use patchbay_engine::worker::BackendChoice;
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
    /// Hosts that may be asked what a model would take.
    pub hosts: Vec<String>,
}

/// The kept preferences and the way to change them.
#[must_use]
pub fn preferences() -> (Signal<Preferences>, WriteSignal<Preferences>) {
    let (read, write, _) = use_local_storage::<Preferences, JsonSerdeCodec>("patchbay.preferences");
    (read, write)
}
