//! What a class handed in, looked through by who teaches it: a part of its own, on a page
//! that was opened for it (`?collect`), from the workshop's link.

mod again;
mod class;
mod people;

use crate::collected::{Found, MOST_TEXT, csv};
use crate::components::models::Panel;
use crate::components::notice::Notices;
use crate::components::shared::{live, whether};
use crate::download::download;
use crate::later;
use crate::state::use_state;
use crate::text::{collect, text};
use again::{Again, Recompute};
use class::Class;
use leptos::prelude::*;
use patchbay_engine::experiment::{Experiment, Workshop};
use people::{People, says};
use wasm_bindgen_futures::{JsFuture, spawn_local};

later! {
    /// The page, which is loaded where it was asked for.
    pub COLLECT: class, page, load => view! { <Collect /> }
}

#[component]
fn Collect() -> impl IntoView {
    let state = use_state();
    let t = collect();
    // The page is not worked through: what is computed again is put on it.
    let work = state.work.get_untracked();
    state.work.set(None);
    state.show.set(None);
    match work {
        None => view! {
            <main id="main" tabindex="-1">
                <section class="panel">
                    <h1>{t.title}</h1>
                    <p class="problem" data-testid="collect-none">{t.none}</p>
                    <p><a href="./">{text().header.brand}</a></p>
                </section>
            </main>
        }
        .into_any(),
        Some(work) => view! { <Table workshop=work.workshop first=work.first /> }.into_any(),
    }
}

/// Whether a text can be looked through beside so many bytes of others.
fn fits(others: usize, text: &str) -> bool {
    others + text.len() <= MOST_TEXT
}

#[component]
fn Table(workshop: Workshop, first: Experiment) -> impl IntoView {
    let t = collect();
    let about = (t.workshop)(&workshop.title, workshop.steps.len());
    let workshop = StoredValue::new(workshop);
    let pasted = RwSignal::new(String::new());
    // From files, so that what is in the field can be changed beside them.
    let files = RwSignal::new(String::new());
    // What was left out, or could not be written.
    let problem = RwSignal::new(None::<String>);
    let found = Memo::new(move |_| {
        let text = format!("{}\n{}", files.get(), pasted.get());
        workshop.with_value(|w| Found::of(&text, w))
    });
    let class = Class {
        workshop,
        first: StoredValue::new(first),
        found,
        recomputed: RwSignal::default(),
    };
    let again = Again::new(class);
    let choose = move |event: leptos::ev::Event| {
        let field = event_target::<web_sys::HtmlInputElement>(&event);
        let chosen = field.files();
        for at in 0..chosen.as_ref().map_or(0, web_sys::FileList::length) {
            let Some(file) = chosen.as_ref().and_then(|f| f.get(at)) else {
                continue;
            };
            spawn_local(async move {
                let text = JsFuture::from(file.text()).await.ok();
                let Some(text) = text.and_then(|t| t.as_string()) else {
                    problem.set(Some(crate::text::text().share.unreadable.into()));
                    return;
                };
                let there = pasted.with_untracked(String::len);
                let fits = files.with_untracked(|all| fits(there + all.len(), &text));
                if fits {
                    files.update(|all| *all = format!("{all}{text}\n"));
                }
                problem.set((!fits).then(|| (t.too_much)(MOST_TEXT)));
            });
        }
        // The same file can be chosen again once it was changed.
        field.set_value("");
    };
    let paste = move |field: web_sys::HtmlTextAreaElement| {
        let text = field.value();
        let fits = fits(files.with_untracked(String::len), &text);
        problem.set((!fits).then(|| (t.too_much)(MOST_TEXT)));
        match fits {
            true => pasted.set(text),
            // It stays what is looked through.
            false => field.set_value(&pasted.get_untracked()),
        }
    };
    let save = move |_| {
        let table = class.first.with_value(|first| {
            class.workshop.with_value(|workshop| {
                class.found.with_untracked(|found| {
                    class.recomputed.with_untracked(|again| {
                        csv(workshop, first, &found.handed, again, says, t.changed)
                    })
                })
            })
        });
        match table {
            Ok(table) => download(
                "patchbay-class.csv",
                "text/csv;charset=utf-8",
                table.as_bytes(),
            ),
            Err(error) => problem.set(Some((t.not_written)(&error))),
        }
    };
    let none = whether(move || found.with(|f| f.handed.is_empty()));
    view! {
        <main id="main" tabindex="-1" class="collect" data-testid="collect">
            <section class="panel" aria-labelledby="collect-title">
                <h1 id="collect-title">{t.title}</h1>
                <p>{about}" "{t.lede}</p>
                <label class="stack">
                    <span>{t.paste}</span>
                    <textarea
                        rows="6"
                        class="mono"
                        spellcheck="false"
                        data-testid="collect-text"
                        prop:value=pasted
                        on:input:target=move |event| paste(event.target())
                    ></textarea>
                    <small>{t.paste_hint}</small>
                </label>
                <label class="stack">
                    <span>{t.files}</span>
                    <input type="file" multiple=true accept=".txt,.csv,text/plain" data-testid="collect-files" on:change=choose />
                </label>
                <p
                    class="problem"
                    role="alert"
                    data-testid="collect-problem"
                    hidden=whether(move || problem.with(Option::is_none))
                >
                    {live(move || problem.get().unwrap_or_default())}
                </p>
                <p role="status" data-testid="collect-found">
                    {live(move || found.with(|f| {
                        let all = f.handed.len() + f.again;
                        let mut says = (t.found)(all, f.handed.len(), f.people());
                        if !f.unread.is_empty() {
                            says = format!("{says} {}", (t.unread)(&f.unread));
                        }
                        match f.other {
                            0 => says,
                            other => format!("{says} {other} {}.", t.other),
                        }
                    }))}
                </p>
            </section>
            <Notices />
            <Panel />
            <section class="panel" hidden=none>
                <div class="panel-head">
                    <Recompute again />
                    <div class="buttons">
                        <button type="button" data-testid="collect-csv" on:click=save>{t.csv}</button>
                        <button
                            type="button"
                            class="quiet"
                            data-testid="collect-clear"
                            on:click=move |_| {
                                files.set(String::new());
                                pasted.set(String::new());
                                problem.set(None);
                            }
                        >
                            {t.clear}
                        </button>
                    </div>
                </div>
                <p class="hint">{t.recompute_hint}" "{t.cells}</p>
                <People class />
            </section>
        </main>
    }
}
