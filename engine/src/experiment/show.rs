//! What of an experiment stands in somebody else's page, and what of it can be changed.

use super::Room;
use serde::{Deserialize, Serialize};

/// How an experiment is embedded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// What is seen; all that its room has when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Shown>,
    /// What of that cannot be changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<Shown>,
    /// Its colours; as the reader's system has them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Scheme>,
    /// Whether it runs as soon as it is in view, and not when it is asked to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub autorun: bool,
}

/// Colours of an embed, whatever the page around it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// A part of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// The two prompts; in the steering room the one that is continued.
    Prompts,
    /// The answers and what is measured.
    Metric,
    /// What is patched, where and how; in the steering room the sampling.
    Settings,
    /// The three runs, token by token.
    Runs,
    /// The heat map; in the steering room that of layers and strengths.
    Map,
    /// The drawn model.
    Picture,
    /// The chosen cell, looked at closely.
    Cell,
    /// What is added, and how much of it.
    Directions,
    /// The texts with and without the directions.
    Texts,
    /// What else the directions' room measures.
    Measures,
}

impl Shown {
    /// All that a room has, in its order.
    #[must_use]
    pub fn of(room: Room) -> &'static [Self] {
        match room {
            Room::Patching => &[
                Self::Prompts,
                Self::Metric,
                Self::Settings,
                Self::Runs,
                Self::Map,
                Self::Picture,
                Self::Cell,
            ],
            Room::Steering => &[
                Self::Prompts,
                Self::Directions,
                Self::Settings,
                Self::Texts,
                Self::Map,
                Self::Measures,
            ],
        }
    }
}

impl Show {
    /// Whether a part is seen.
    #[must_use]
    pub fn has(&self, part: Shown) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// Whether a part can be changed.
    #[must_use]
    pub fn opens(&self, part: Shown) -> bool {
        self.has(part) && !self.fixed.contains(&part)
    }
}
