//! The runs of this visit, in both rooms: what each was, and the way back to it.

mod card;

use crate::change::changed;
use crate::components::shared::{live, target, whether};
use crate::runs::Run;
use crate::state::{Remark, State, use_state};
use crate::text::text;
use card::{Card, Read};
use leptos::prelude::*;
use leptos_use_clipboard::{UseClipboardReturn, use_clipboard};
use patchbay_engine::experiment::{Experiment, Room};
use wasm_bindgen::JsCast;

/// The list of runs.
#[component]
pub fn Runs() -> impl IntoView {
    let state = use_state();
    let t = &text().runs;
    let kept = state.runs;
    let read = Memo::new(move |_| kept.list.with(|list| read(list)));
    // Which of them is what the page shows now: an old one never is.
    let current = Memo::new(move |_| {
        let map = state.derived.grid;
        let map = map.with(|g| g.as_ref().map(|g| (g.index, g.shown)));
        let fresh = match state.room() {
            Room::Patching => !state.derived.stale.get() && map.is_some(),
            Room::Steering => !state.derived.steered_stale.get(),
        };
        let now = state.experiment.with(Experiment::of_run);
        let backend = state.backend().map(|b| b.name).unwrap_or_default();
        let same = |r: &Option<Read>| {
            r.as_ref()
                .is_some_and(|r| r.experiment == now && r.run.backend == backend)
        };
        // Of several maps of it, the one that is looked at.
        let looked_at = |r: &Option<Read>| r.as_ref().map(|r| r.run.map()) == map;
        let at = |read: &Vec<Option<Read>>| {
            let of = read.iter().enumerate().filter(|(_, r)| same(r));
            let of = of.min_by_key(|(_, r)| !looked_at(r));
            of.map(|(at, _)| at)
        };
        fresh.then(|| read.with(at)).flatten()
    });
    // Maps of these rows and columns can be compared with the one on the page.
    let axes = Memo::new(move |_| {
        let grid = state.derived.grid;
        grid.with(|g| {
            g.as_ref().map(|g| {
                let kind = g.sweep().axes().kind();
                (kind, g.frame.rows.clone(), g.frame.columns.clone())
            })
        })
    });
    let compared = Memo::new(move |_| {
        let of = state.pinned.with(|p| {
            p.as_ref()
                .map(|g| (g.experiment.clone(), (g.index, g.shown)))
        });
        of.filter(|_| state.compares.get())
    });
    let UseClipboardReturn {
        is_supported, copy, ..
    } = use_clipboard();
    // Followed once for all cards: what outlives them keeps a note of each that follows.
    // A memo: an effect that reads two, of which one follows the other, can miss a change.
    let all = Memo::new(move |_| {
        let (current, axes, compared) = (current.get(), axes.get(), compared.get());
        (read.get(), current, axes, compared, is_supported.get())
    });
    let cards = move || {
        let (read, current, axes, compared, by_clipboard) = all.get();
        let card = |(at, read): (usize, Option<Read>)| {
            let read = read?;
            let of = (&read.experiment, read.run.map());
            let compared = compared.as_ref().map(|c| (&c.0, c.1)) == Some(of);
            let is_current = current == Some(at);
            let axes = axes.clone();
            Some(view! { <Card at read is_current axes compared by_clipboard /> })
        };
        read.into_iter().enumerate().map(card).collect_view()
    };
    let act = move |event: leptos::ev::MouseEvent| {
        let button = target(&event).and_then(|e| e.closest("[data-act]").ok()?);
        let Some((act, at)) = button.and_then(|b| asked(&b)) else {
            return;
        };
        match act.as_str() {
            "open" => state.open_run(at),
            "compare" => state.compare_with_run(at),
            "copy" => {
                if let Some(run) = state.run_at(at) {
                    copy(&crate::link::page(&run.link));
                }
            }
            "delete" => state.delete_runs(Some(at)),
            _ => {}
        }
    };
    let name = move |event: leptos::ev::Event| {
        let field = target(&event).and_then(|e| e.dyn_into::<web_sys::HtmlInputElement>().ok());
        if let Some(field) = field
            && let Some((_, at)) = asked(&field)
        {
            state.name_run(at, &field.value());
        }
    };
    let none = move || kept.list.with(Vec::is_empty);
    view! {
        <section class="panel runs" aria-labelledby="runs-title" data-testid="runs">
            <div class="panel-head">
                <h2 id="runs-title">{t.title}</h2>
                <p class="hint" role="status" data-testid="runs-remark">
                    {live(move || remark(state))}
                </p>
                <div class="buttons">
                    <button
                        type="button"
                        class="quiet"
                        data-testid="runs-back"
                        hidden=whether(move || kept.deleted.with(Vec::is_empty))
                        on:click=move |_| state.bring_runs_back()
                    >
                        {t.bring_back}
                    </button>
                    <button
                        type="button"
                        class="quiet"
                        data-testid="runs-clear"
                        disabled=whether(none)
                        on:click=move |_| state.delete_runs(None)
                    >
                        {t.clear}
                    </button>
                </div>
            </div>
            <ol class="run-list" on:click=act on:change=name>{cards}</ol>
            <p class="empty" hidden=whether(move || !none())>{t.none}</p>
        </section>
    }
}

/// What a button of a card is for, and which card it is on.
fn asked(element: &web_sys::Element) -> Option<(String, usize)> {
    let at = element.closest("[data-run]").ok()??;
    let at = at.get_attribute("data-run")?.parse().ok()?;
    Some((element.get_attribute("data-act").unwrap_or_default(), at))
}

fn remark(state: State) -> &'static str {
    let t = &text().runs;
    match state.runs.remark.get() {
        Some(Remark::TooLarge) => t.too_large,
        Some(Remark::NotStored) => t.not_stored,
        None => t.hint,
    }
}

/// Each run, as far as it can be read, beside the one before it.
fn read(list: &[Run]) -> Vec<Option<Read>> {
    let t = &text().runs;
    let mut experiments: Vec<_> = list.iter().map(Run::experiment).collect();
    experiments.push(None);
    let one = |(at, run): (usize, &Run)| {
        let experiment = experiments[at].clone()?;
        let before = experiments[at + 1].as_ref();
        let changes = before.map(|before| (t.changes)(&changed(before, &experiment), &experiment));
        Some(Read {
            run: run.clone(),
            experiment,
            changes,
        })
    };
    list.iter().enumerate().map(one).collect()
}
