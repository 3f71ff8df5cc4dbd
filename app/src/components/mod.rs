//! One component a file. None holds state of the experiment: they read
//! [`crate::state::State`] and edit the experiment in it.
//!
//! Elements that browser tests look for, by `data-testid`:
//!
//! | id | element |
//! |---|---|
//! | `model`, `backend`, `backend-choice` | the experiment's model, where it is computed, the switch |
//! | `model-menu`, `models`, `models-close` | the button with the model's name, and the menu |
//! | `choose-NAME`, `other-model`, `open-other`, `other-problem` | in the menu: models to choose |
//! | `kept`, `delete`, `storage`, `persist`, `hosts`, `forget-hosts` | in the menu: what is kept and agreed to |
//! | `offer`, `ask-host`, `offer-facts`, `download`, `already`, `use-mini` | before a model is fetched |
//! | `download-progress`, `arrived`, `waiting`, `pause` | while it is fetched |
//! | `source` | where the model came from |
//! | `theme`, `copy-link`, `link-field` | in the header |
//! | `clean-prompt`, `corrupted-prompt` | the prompts' text areas |
//! | `reset` | back to the example |
//! | `bos` | the switch of `<\|endoftext\|>` |
//! | `chips`, `pair-P`, `chip-clean-P`, `chip-corrupted-P` | tokens by position; `data-differs` on the pair |
//! | `answer`, `wrong` | the answers' text fields |
//! | `answer-pieces`, `wrong-pieces`, `answer-take`, `wrong-take` | how they split, and the offer |
//! | `metric-kind` | the metric's select |
//! | `problems-FIELD` | remarks on a field, at its place ([`crate::places`]); without one, a `notice` |
//! | `old` | beside a heading: what is under it is from before the last change |
//! | `advice`, `advice-offer-N` | other metrics, where this one hardly moves |
//! | `stage-clean`, `stage-corrupted`, `stage-patched` | the three runs |
//! | `metric-clean`, `metric-corrupted`, `metric-patched` | their metrics |
//! | `top-clean`, `top-corrupted`, `top-patched` | their likeliest next tokens, one `li` each |
//! | `take-answer`, `take-wrong` | inside an opened row of those lists |
//! | `strongest`, `clear-cell` | choosing a cell without the map, and none |
//! | `site`, `mode-denoising`, `mode-noising` | the sweep's settings |
//! | `axes`, `window`, `positions`, `parts`, `receiver`, `bring` | what its grid is, and what it copies |
//! | `grid-I`, `add-sweep`, `both-ways`, `all-sweeps` | several sweeps |
//! | `shown-metric`, `also-KIND`, `agreement` | several metrics |
//! | `pairs-box`, `pairs`, `leave-out`, `fill-TASK`, `noise`, `noise-positions` | several pairs, and noise |
//! | `align`, `alignment-box`, `alignment-way`, `alignment` | which positions belong together |
//! | `template`, `template-lists`, `template-count`, `template-fill` | pairs from lines with gaps |
//! | `steered-runs`, `carriers` | which runs directions act on, and the way there from the steering room |
//! | `strongest-cells`, `look`, `lens`, `attribution` | what else a cell shows |
//! | `run`, `cancel`, `automatic`, `progress`, `status` | running it; `data-state` on `status` |
//! | `heatmap`, `cell-L-C`, `row-L`, `column-C` | the map; `data-value` holds a cell's raw metric |
//! | `detail` | the value pointed at |
//! | `values-normalised`, `values-raw`, `legend` | the scale |
//! | `table`, `download-csv`, `download-json`, `-svg`, `-png`, `-python`, `verify` | the same as files, and a check |
//! | `room-patching`, `room-steering` | which room is shown |
//! | `steer-prompt`, `steer-words`, `summary` | in the steering room: what is continued, what is counted |
//! | `direction-I`, `coefficient-I`, `coefficient-number-I` | a direction and how strong it is |
//! | `unsteered-S`, `steered-S` | the continuations of sample S; `data-index` on their tokens |
//! | `inspect` | the token that was opened |
//! | `source-I`, `file-I`, `save-I-FORMAT` | where direction I comes from, its file, the direction as a file |
//! | `ask-dictionary-I`, `fetch-encoder-I`, `neuronpedia-I`, `active-I` | of a dictionary's feature |
//! | `raw`, `raw-SITE`, `raw-safetensors`, `raw-npy` | activations as files |
//! | `notice`, `reload-gpu`, `continue-cpu`, `start-again`, `start-afresh`, `other`, `broken-link` | messages |

mod advice;
mod alignment;
mod answer;
mod axes;
mod bos;
mod bring;
mod chips;
mod controls;
mod grids;
mod header;
mod heatmap;
mod legend;
mod look;
mod metric;
mod models;
mod notice;
mod pairs;
mod problems;
mod prompts;
mod raw;
mod segmented;
mod shows;
mod stages;
mod status;
mod steer;
mod steered;
mod sweep;
mod table;
mod template;
mod top;

use crate::state::{State, use_state};
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::Room;
use wasm_bindgen::JsCast;

/// A text that follows the state. One type for all such texts, instead of one
/// for each closure, keeps the page small.
fn live<T>(text: impl Fn() -> T + Send + Sync + 'static) -> Signal<String>
where
    T: Into<String>,
{
    Signal::derive(move || text().into())
}

/// A yes or no that follows the state; one type for all, too.
fn whether(is: impl Fn() -> bool + Send + Sync + 'static) -> Signal<bool> {
    Signal::derive(is)
}

/// Says that results are from before the last change, beside their heading.
#[component]
fn Old(is: Memo<bool>) -> impl IntoView {
    view! { <small class="old" data-testid="old" hidden=whether(move || !is.get())>{text().refused.old}</small> }
}

/// The element in which something happened: one listener serves a whole list. One for
/// each entry would stay until JavaScript looks for garbage.
fn target(event: &web_sys::Event) -> Option<web_sys::Element> {
    event.target()?.dyn_into().ok()
}

/// Moves the focus to an element, by its id.
fn focus(id: &str) {
    if let Some(element) = document()
        .get_element_by_id(id)
        .and_then(|e| e.dyn_into::<web_sys::HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    let t = &text().header;
    let state = State::new();
    provide_context(state);
    let room = Memo::new(move |_| state.room());
    // The address's fragment holds the experiment, so the skip link must not
    // write its own target there.
    let skip = |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        focus("main");
    };
    view! {
        <a class="skip" href="#main" on:click=skip>{t.skip}</a>
        <header::Header />
        <main id="main" tabindex="-1">
            {move || match room.get() {
                Room::Patching => view! { <Patching /> }.into_any(),
                Room::Steering => view! { <steer::Steering /> }.into_any(),
            }}
        </main>
        <footer class="foot"><p>{t.footer}</p></footer>
    }
}

/// The room of activation patching.
#[component]
fn Patching() -> impl IntoView {
    let (t, shows) = (&text().header, &text().map);
    let state = use_state();
    let awaits = whether(move || state.awaits_model());
    view! {
        <div class="lede">
            <h1>{t.title}</h1>
            <p>{t.lede}</p>
        </div>
        <notice::Notices />
        <models::Panel />
        <prompts::Prompts />
        <div class="bench" hidden=awaits>
            <stages::Stages />
            <sweep::Sweep />
            <shows::Shows id="shows-title" title=shows.shows_title lines=shows.shows />
        </div>
    }
}
