//! Ready experiments: files beside the page, each with its evidence or with
//! where its settings come from.

use crate::download::beside;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Experiment, Room};
use patchbay_engine::json;
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;

/// The folder beside the page, and its list.
const FOLDER: &str = "experiments";
const LIST: &str = "index.json";

fn said(entry: &Value, key: &str) -> String {
    entry[key].as_str().unwrap_or_default().to_owned()
}

/// The menu; its list is fetched when it is opened.
#[component]
pub fn Ready() -> impl IntoView {
    let state = use_state();
    let t = &text().steer.ready;
    let list = RwSignal::new(None::<Value>);
    let chosen = RwSignal::new(None::<Value>);
    let failed = RwSignal::new(false);
    let open = move |_| {
        if list.with_untracked(Option::is_some) {
            return;
        }
        spawn_local(async move {
            let text = beside(&format!("{FOLDER}/{LIST}")).await;
            let found = text.and_then(|t| json::value(&t).ok());
            failed.set(found.is_none());
            list.set(found);
        });
    };
    let take = move |entry: Value| {
        spawn_local(async move {
            let text = beside(&format!("{FOLDER}/{}", said(&entry, "file"))).await;
            let found = text.and_then(|t| Experiment::from_json(&t).ok());
            failed.set(found.is_none());
            if let Some(found) = found {
                chosen.set(Some(entry));
                // What the other room is set up for stays.
                state.experiment.update(|e| {
                    (e.room, e.model, e.bos) = (Room::Steering, found.model, found.bos);
                    e.steer = found.steer;
                });
            }
        });
    };
    let menu = move |of_start: bool| {
        list.with(|list| {
            let all = list.as_ref().and_then(|l| l["experiments"].as_array());
            let some = all.into_iter().flatten();
            let some = some.filter(|e| (e["kind"] == "start") == of_start);
            let button = |entry: &Value| {
                let (title, file, entry) = (said(entry, "title"), said(entry, "file"), entry.clone());
                view! {
                    <button type="button" data-testid=format!("ready-{file}") on:click=move |_| take(entry.clone())>
                        {title}
                    </button>
                }
            };
            some.map(button).collect_view()
        })
    };
    let limits = move || {
        list.with(|l| {
            let lines = l.as_ref().and_then(|l| l["limits"].as_array());
            let lines = lines.into_iter().flatten();
            lines
                .map(|l| view! { <li>{l.as_str().unwrap_or_default().to_owned()}</li> })
                .collect_view()
        })
    };
    let about = move || {
        chosen.get().map(|e| {
            let evidence = match said(&e, "evidence") {
                none if none.is_empty() => t.start_hint.to_owned(),
                found => (t.evidence)(&found),
            };
            view! {
                <h3>{said(&e, "title")}</h3>
                <p>{said(&e, "about")}</p>
                <p>{evidence}</p>
                <p class="hint">{t.repeat}</p>
            }
        })
    };
    view! {
        <details class="panel more" data-testid="ready" on:toggle=open>
            <summary>{t.title}</summary>
            <h3>{t.measured}</h3>
            <div class="buttons">{move || menu(false)}</div>
            <h3>{t.start}</h3>
            <div class="buttons">{move || menu(true)}</div>
            <div aria-live="polite" data-testid="ready-about">
                {about}
                {move || failed.get().then(|| view! { <p class="problem fatal">{t.failed}</p> })}
            </div>
            <h3>{t.limits}</h3>
            <ul class="hint">{limits}</ul>
        </details>
    }
}
