//! Every sentence of the page, one table a language.
//!
//! A second language is one more table beside [`en`]. Sentences of the engine
//! (problems, failures, advice) come from the engine.

mod en;

use patchbay_engine::experiment::{MetricKind, Mode, ModelInfo, PlanReport, Site, Stage};

/// The language that the page speaks.
#[must_use]
pub fn text() -> &'static Text {
    &en::TEXT
}

pub struct Text {
    pub header: Header,
    pub prompts: Prompts,
    pub answer: Answer,
    pub stages: Stages,
    pub sweep: SweepText,
    pub map: Map,
    pub notices: Notices,
}

pub struct Header {
    pub skip: &'static str,
    pub brand: &'static str,
    pub title: &'static str,
    pub lede: &'static str,
    pub model: &'static str,
    pub model_size: fn(&ModelInfo) -> String,
    pub backend: &'static str,
    pub backend_auto: &'static str,
    pub backend_cpu: &'static str,
    pub backend_webgpu: &'static str,
    pub why: &'static str,
    pub on_backend: fn(&str, &str) -> String,
    pub theme: &'static str,
    pub theme_auto: &'static str,
    pub theme_light: &'static str,
    pub theme_dark: &'static str,
    pub copy_link: &'static str,
    pub copied: &'static str,
    pub link_field: &'static str,
    pub footer: &'static str,
}

pub struct Prompts {
    pub title: &'static str,
    pub reset: &'static str,
    pub clean: &'static str,
    pub clean_hint: &'static str,
    pub corrupted: &'static str,
    pub corrupted_hint: &'static str,
    pub as_ids: &'static str,
    pub bos: &'static str,
    pub bos_hint: &'static str,
    pub tokens: &'static str,
    pub position: fn(usize) -> String,
    pub differs: &'static str,
    pub same: &'static str,
    pub missing: &'static str,
    pub unseen: &'static str,
    pub bos_token: &'static str,
    pub legend: fn(usize, usize, usize) -> String,
}

pub struct Answer {
    pub title: &'static str,
    pub answer: &'static str,
    pub answer_hint: &'static str,
    pub wrong: &'static str,
    pub wrong_hint: &'static str,
    pub unused: &'static str,
    pub metric: &'static str,
    pub kind: fn(MetricKind) -> &'static str,
    pub kind_hint: fn(MetricKind) -> &'static str,
    pub one_token: &'static str,
    pub pieces: &'static str,
    pub take: fn(&str) -> String,
    pub advice_offers: &'static str,
    pub offer: fn(&str, &str) -> String,
    pub offer_metric: fn(MetricKind, &str, &str) -> String,
}

pub struct Stages {
    pub title: &'static str,
    pub clean: &'static str,
    pub clean_hint: &'static str,
    pub corrupted: &'static str,
    pub corrupted_hint: &'static str,
    pub patched: &'static str,
    pub patched_hint: fn(Mode) -> &'static str,
    pub patched_empty: &'static str,
    pub patched_waiting: &'static str,
    pub strongest: &'static str,
    pub clear_cell: &'static str,
    pub waiting: &'static str,
    pub no_metric: &'static str,
    pub top: &'static str,
    pub use_as_answer: &'static str,
    pub use_as_wrong: &'static str,
    pub is_answer: &'static str,
    pub is_wrong: &'static str,
    pub choose_token: fn(&str) -> String,
    pub continues: &'static str,
    pub way_back: fn(&str) -> String,
}

pub struct SweepText {
    pub title: &'static str,
    pub site: &'static str,
    pub site_hint: fn(Site) -> &'static str,
    pub mode: &'static str,
    pub mode_name: fn(Mode) -> &'static str,
    pub mode_hint: fn(Mode) -> &'static str,
    pub run: &'static str,
    pub cancel: &'static str,
    pub automatic: &'static str,
    pub progress: &'static str,
    pub status_starting: &'static str,
    pub status_loading: &'static str,
    pub status_failed: &'static str,
    pub status_runs: &'static str,
    pub status_sweep: &'static str,
    pub stage: fn(Stage) -> &'static str,
    pub left: fn(&str) -> String,
    pub status_done: fn(usize, &str) -> String,
    pub saved: fn(&PlanReport) -> Option<String>,
    pub status_estimate: fn(&str) -> String,
    pub status_stopped: fn(usize, usize) -> String,
    pub status_none: &'static str,
}

pub struct Map {
    pub label: fn(Site, Mode) -> String,
    pub keys: &'static str,
    pub layer: &'static str,
    pub layer_n: fn(usize) -> String,
    pub position_axis: fn(Mode) -> &'static str,
    pub head_axis: &'static str,
    pub head: fn(usize) -> String,
    pub column: fn(usize, &str) -> String,
    pub differs: &'static str,
    pub pending: &'static str,
    pub cell: fn(&str, &str, &str) -> String,
    pub stale: &'static str,
    pub empty: &'static str,
    pub point: &'static str,
    pub detail: fn(&str, &str, Option<&str>) -> String,
    pub scale: &'static str,
    pub raw: &'static str,
    pub normalised: &'static str,
    pub normalised_hint: &'static str,
    pub no_normalised: &'static str,
    pub legend: &'static str,
    pub towards_clean: &'static str,
    pub towards_corrupted: &'static str,
    pub unpatched: fn(Mode) -> &'static str,
    pub table: &'static str,
    pub table_caption: fn(Site, Mode) -> String,
    pub position: &'static str,
    pub token: &'static str,
    pub value: &'static str,
    pub csv: &'static str,
    pub json: &'static str,
    pub json_hint: &'static str,
    pub shows_title: &'static str,
    pub shows: &'static [&'static str],
}

pub struct Notices {
    pub broken_link: &'static str,
    pub broken_link_text: &'static str,
    pub dismiss: &'static str,
    pub failed: &'static str,
    pub restarted: fn(&str) -> String,
    pub stopped: fn(&str) -> String,
    pub reload_gpu: &'static str,
    pub continue_cpu: &'static str,
    pub try_again: &'static str,
}
