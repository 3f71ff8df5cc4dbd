use crate::components::fields::{Lines, Number};
use crate::components::shared::{live, whether};
use crate::examples::TEMPLATE;
use crate::state::use_state;
use crate::template::fill;
use crate::text::{template, text};
use crate::{preferences, table};
use leptos::prelude::*;

/// Pairs at most that one press makes.
const MOST: f64 = 500.0;

/// Pairs made from lines with gaps and lists of words.
#[component]
pub fn Template() -> impl IntoView {
    let state = use_state();
    let (t, pairs) = (template(), &text().pairs);
    let (kept, keep) = preferences::template();
    let shown = move |i: usize| {
        let typed = kept.with(|k| k.texts[i].clone());
        typed.unwrap_or_else(|| TEMPLATE[i].to_owned())
    };
    let said = RwSignal::new(None::<Result<String, String>>);
    let area = move |i: usize, id: &'static str, label: &'static str| {
        view! {
            <Lines
                id
                label
                value=live(move || shown(i))
                set=move |text| {
                    keep.update(|k| k.texts[i] = Some(text));
                    Ok(())
                }
                counts=false
            />
        }
    };
    let take_count = move |count: Option<f64>| {
        keep.update(|k| k.count = count.map_or(1, |count| count as usize));
    };
    let make = move |_| {
        let lines = table::read(&shown(0)).map_err(|f| (pairs.wrong)(f.line, f.found));
        let count = kept.with_untracked(|k| k.count).clamp(1, MOST as usize);
        let made = lines
            .and_then(|lines| fill(&lines, &shown(1), count).map_err(|fault| (t.fault)(&fault)));
        said.set(Some(made.map(|made| {
            let count = made.len();
            state.take_pairs(made);
            (t.made)(count)
        })));
    };
    let failed = move || said.with(|s| matches!(s, Some(Err(_))));
    view! {
        <details class="more">
            <summary>{t.summary}</summary>
            <p class="hint">{t.hint}</p>
            {area(0, "template", t.lines)}
            {area(1, "template-lists", t.lists)}
            <div class="fields">
                <Number
                    id="template-count"
                    label=t.count
                    step="1"
                    least=1.0
                    most=MOST
                    value=live(move || kept.with(|k| k.count.to_string()))
                    set=take_count
                    counts=false
                />
                <button type="button" data-testid="template-fill" on:click=make>{t.fill}</button>
            </div>
            <p class="note" hidden=whether(move || said.with(Option::is_none)) class:problem=whether(failed) class:fatal=whether(failed) role="status">
                {live(move || match said.get() {
                    Some(Ok(text) | Err(text)) => text,
                    None => String::new(),
                })}
            </p>
        </details>
    }
}
