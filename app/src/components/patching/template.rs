use crate::components::shared::{live, whether};
use crate::state::use_state;
use crate::template::fill;
use crate::text::text;
use crate::{preferences, table};
use leptos::prelude::*;

/// Pairs at most that one press makes.
const MOST: usize = 500;

/// Pairs made from lines with gaps and lists of words.
#[component]
pub fn Template() -> impl IntoView {
    let state = use_state();
    let (t, pairs) = (&text().template, &text().pairs);
    let (kept, keep) = preferences::template();
    let shown = move |i: usize| {
        let typed = kept.with(|k| k.texts[i].clone());
        typed.unwrap_or_else(|| t.example[i].to_owned())
    };
    let said = RwSignal::new(None::<Result<String, String>>);
    let area = move |i: usize, id: &'static str, label: &'static str| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <textarea
                    class="mono"
                    rows="3"
                    id=id
                    data-testid=id
                    spellcheck="false"
                    prop:value=live(move || shown(i))
                    on:change:target=move |event| {
                        let text = event.target().value();
                        keep.update(|k| k.texts[i] = Some(text));
                    }
                ></textarea>
            </div>
        }
    };
    let make = move |_| {
        let lines = table::read(&shown(0)).map_err(|f| (pairs.wrong)(f.line, f.found));
        let count = kept.with_untracked(|k| k.count).min(MOST);
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
            <div class="buttons">
                <label>
                    {t.count}" "
                    <input
                        type="number"
                        min="1"
                        max=MOST
                        data-testid="template-count"
                        prop:value=live(move || kept.with(|k| k.count.to_string()))
                        on:change:target=move |event| {
                            if let Ok(count) = event.target().value().parse() {
                                keep.update(|k| k.count = count);
                            }
                        }
                    />
                </label>
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
