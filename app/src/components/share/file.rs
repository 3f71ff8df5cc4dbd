use super::forms::{Results, WithResults, shared};
use crate::download::download;
use crate::format;
use crate::share::LARGEST;
use crate::state::{Notice, State, use_state};
use crate::text::{forms, say, text};
use leptos::prelude::*;
use patchbay_engine::experiment::link::{self, Link};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::File;

const NAME: &str = "patchbay-experiment.json";

/// Characters of a file's name that are told.
const LONGEST_NAME: usize = 60;

/// Saving what is on the page, and opening what was saved.
#[component]
pub(super) fn FileForm(
    results: Results,
    /// Closes the dialog, once something else is on the page.
    close: fn(),
) -> impl IntoView {
    let state = use_state();
    let t = forms();
    let fault = RwSignal::new(None::<String>);
    let save = move |_| {
        let link = untrack(|| shared(state, results));
        download(NAME, "application/json", link.to_json().as_bytes());
    };
    let choose = move |event: leptos::ev::Event| {
        let field = event_target::<web_sys::HtmlInputElement>(&event);
        if let Some(file) = field.files().and_then(|files| files.get(0)) {
            take(state, file, move |told| {
                fault.set(told.clone());
                if told.is_none() {
                    close();
                }
            });
        }
        // The same file can be chosen again once it was changed.
        field.set_value("");
    };
    let typed = RwSignal::new(String::new());
    let open_link = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match typed.with_untracked(|text| link::find(text)) {
            Ok(Some(link)) => {
                fault.set(None);
                close();
                state.bring(link);
            }
            Ok(None) => fault.set(Some(t.no_link.into())),
            Err(error) => fault.set(Some(say(&error))),
        }
    };
    view! {
        <h3>{t.save}</h3>
        <WithResults results />
        <div class="buttons">
            <button type="button" class="primary" data-testid="share-save" on:click=save>{t.save_button}</button>
        </div>
        <p class="hint">{(t.from_hint)(&crate::link::home())}</p>
        <h3>{t.open}</h3>
        <label class="stack">
            <span>{t.open_file}</span>
            <input type="file" accept=".json,application/json" data-testid="share-open" on:change=choose />
        </label>
        <p class="hint">{t.drop}</p>
        <form on:submit=open_link>
            <label class="stack">
                <span>{t.paste}</span>
                <input
                    type="text"
                    class="mono"
                    autocomplete="off"
                    spellcheck="false"
                    data-testid="share-paste"
                    on:input:target=move |event| typed.set(event.target().value())
                />
            </label>
            <div class="buttons">
                <button type="submit" data-testid="share-paste-open">{t.open_link}</button>
            </div>
        </form>
        <p class="problem fatal" role="alert" data-testid="share-fault" hidden=move || fault.with(Option::is_none)>
            {move || fault.get()}
        </p>
    }
}

/// Opens a file; `then` hears what is wrong with it, or that nothing is.
fn take(state: State, file: File, then: impl Fn(Option<String>) + 'static) {
    let (t, name) = (&text().share, format::shortened(&file.name(), LONGEST_NAME));
    let fault = move |why: &str| Some((t.not_opened)(&name, why));
    if file.size() > LARGEST as f64 {
        return then(fault(&(t.too_large)(LARGEST)));
    }
    spawn_local(async move {
        let text = JsFuture::from(file.text()).await.ok();
        let link = match text.and_then(|text| text.as_string()) {
            Some(text) => Link::from_file(&text).map_err(|error| say(&error)),
            // A file that was moved or may not be read.
            None => Err(t.unreadable.into()),
        };
        then(match link {
            Ok(link) => {
                state.bring(link);
                None
            }
            Err(told) => fault(&told),
        });
    });
}

/// Whether what is dragged over the page are files: text that is dragged belongs to the
/// fields.
pub fn drags_files(event: &web_sys::DragEvent) -> bool {
    let types = event.data_transfer().map(|data| data.types());
    types.is_some_and(|types| types.includes(&"Files".into(), 0))
}

/// Opens the experiment's file that was dropped on the page; `false` where none was.
pub fn take_dropped(state: State, event: &web_sys::DragEvent) -> bool {
    let files = event.data_transfer().and_then(|data| data.files());
    let Some(file) = files.and_then(|files| files.get(0)) else {
        return false;
    };
    take(state, file, move |told| {
        if let Some(message) = told {
            state.notice.set(Some(Notice::File { message }));
        }
    });
    true
}
