use super::carriers::Carriers;
use super::inspect::inspect;
use super::reading::Reading;
use super::sampling::SamplingSettings;
use super::summary::SummaryLine;
use crate::components::shared::{Explained, Old, Reports, in_page, live, part, target, whether};
use crate::format;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::steer;
use leptos::prelude::*;
use patchbay_engine::experiment::{Sample, Shown, Token, Written};
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;

/// A token of a continuation: the sample, whether it is steered, which token.
type Place = (usize, bool, usize);

/// The continuations side by side.
#[component]
pub fn Texts() -> impl IntoView {
    let state = use_state();
    let t = steer();
    let opened = RwSignal::new(None::<Place>);
    let count = Memo::new(move |_| {
        let wanted = state.steer(|s| s.sampling.samples.min(32));
        wanted.max(state.steered(|s| s.map_or(0, |s| s.report.samples.len())))
    });
    let samples = move || {
        (0..count.get())
            .map(|s| {
                view! {
                    <li class="sample" aria-label=(t.sample)(s + 1)>
                        <Text s steered=false opened />
                        <Text s steered=true opened />
                    </li>
                }
            })
            .collect_view()
    };
    let inspected = move || {
        let (s, steered, at) = opened.get()?;
        let written = state.steered(|found| {
            let sample = found?.report.samples.get(s)?;
            side(sample, steered).get(at).cloned()
        })?;
        Some(inspect(&written))
    };
    let more = move |_| state.edit_steer(|s| s.sampling.tokens += 20);
    let luck = move |_| state.edit_steer(|s| s.sampling.seed = (s.sampling.seed + 1) % 1_000_000);
    let (busy, old) = (state.derived.busy, state.derived.steered_stale);
    let status = move || {
        if busy.get() {
            ("busy", t.writing)
        } else {
            ("done", "")
        }
    };
    view! {
        <section
            class="panel"
            hidden=whether(move || state.awaits_model())
            aria-labelledby="texts-title"
            aria-busy=live(move || busy.get().to_string())>
            <div class="named">
                <h2 id="texts-title">{t.texts_title}<Old is=old /></h2>
                <Explained term=Term::Kl first=true />
            </div>
            <div class="heads">
                <div><h3>{t.unsteered}</h3><p class="hint">{t.unsteered_hint}</p></div>
                <div class="with"><h3>{t.steered}</h3><p class="hint">{t.steered_hint}</p></div>
            </div>
            <ol class="samples" class:stale=old>{samples}</ol>
            <div class="buttons">
                <button type="button" class="primary" data-testid="more" on:click=more>{t.more}</button>
                <button type="button" data-testid="luck" on:click=luck>{t.luck}</button>
                <button
                    type="button"
                    data-testid="steer-stop"
                    disabled=whether(move || !busy.get())
                    on:click=move |_| state.cancel()
                >
                    {t.stop}
                </button>
                <span
                    role="status"
                    class="hint"
                    data-testid="steer-status"
                    data-state=live(move || status().0)
                >
                    {live(move || status().1)}
                </span>
            </div>
            <div class:stale=old><SummaryLine /></div>
            <Carriers />
            <Show
                when=move || opened.with(Option::is_some)
                fallback=move || view! { <p class="hint">{t.open_token}</p> }
            >
                <div class:stale=old>{inspected}</div>
            </Show>
            {part(Shown::Settings, || view! { <SamplingSettings /> }.into_any())}
            <div class:stale=old><Reading /></div>
            {in_page(|| view! {
                <div class="downloads"><Reports name=|| "patchbay-steering.json".into() /></div>
            }.into_any())}
        </section>
    }
}

fn side(sample: &Sample, steered: bool) -> &Vec<Written> {
    if steered {
        &sample.steered
    } else {
        &sample.unsteered
    }
}

/// One continuation. Its tokens are buttons of which one is in the tab order;
/// the arrow keys go from one to the next.
#[component]
fn Text(s: usize, steered: bool, opened: RwSignal<Option<Place>>) -> impl IntoView {
    let state = use_state();
    let words = Memo::new(move |_| {
        state.steered(|found| {
            let sample = found?.report.samples.get(s)?;
            let shown = |w: &Written| {
                let kl = w.unsteered.as_ref().map_or(0.0, |u| u.kl);
                (w.token.text.clone(), kl)
            };
            Some(side(sample, steered).iter().map(shown).collect::<Vec<_>>())
        })
    });
    let prompt = move || {
        state.steered(|found| {
            let tokens = found.map(|f| f.report.prompt.iter());
            let tokens = tokens
                .into_iter()
                .flatten()
                .filter(|t| t.text != "<|endoftext|>");
            Token::joined(tokens)
        })
    };
    let buttons = move || {
        let words = words.get().unwrap_or_default();
        // The token of this text that is opened. Followed once for all buttons: what
        // outlives them keeps a note of each that follows.
        let here = match opened.get() {
            Some((a, b, at)) if (a, b) == (s, steered) => Some(at),
            _ => None,
        };
        let button = |(at, (text, kl)): (usize, (String, f32))| {
            // 3 nats is as good as another language.
            let shade = (kl / 3.0).min(1.0);
            view! {
                <button
                    type="button"
                    data-index=at.to_string()
                    tabindex=if here.unwrap_or(0) == at { "0" } else { "-1" }
                    class:opened=here == Some(at)
                    style=("--kl", shade.to_string())
                >
                    {visible(&text)}
                </button>
            }
        };
        words.into_iter().enumerate().map(button).collect_view()
    };
    let name = if steered { "steered" } else { "unsteered" };
    let t = steer();
    let label = if steered { t.steered } else { t.unsteered };
    let open = move |event: leptos::ev::MouseEvent| {
        let at = target(&event).and_then(|t| t.get_attribute("data-index")?.parse().ok());
        if let Some(at) = at {
            opened.set(Some((s, steered, at)));
        }
    };
    view! {
        <p
            class=name
            data-label=label
            data-testid=format!("{name}-{s}")
            on:keydown=|event| walk(&event)
            on:click=open
        >
            <span class="given">{live(prompt)}</span>
            {buttons}
        </p>
    }
}

/// A token within a text: spaces as they are, what would not be seen as a sign.
fn visible(text: &str) -> String {
    match text {
        "<|endoftext|>" => " ∎".into(),
        _ if text.contains(format::is_unseen) => format::token(text),
        _ => text.into(),
    }
}

/// Moves the focus along a row with the arrow keys.
pub(super) fn walk(event: &KeyboardEvent) {
    let Some(from) = target(event) else {
        return;
    };
    let to = match event.key().as_str() {
        "ArrowRight" => from.next_element_sibling(),
        "ArrowLeft" => from.previous_element_sibling(),
        _ => return,
    };
    if let Some(to) = to.and_then(|t| t.dyn_into::<web_sys::HtmlElement>().ok()) {
        event.prevent_default();
        let _ = to.focus();
    }
}
