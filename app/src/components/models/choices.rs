use super::dialog::take;
use crate::components::shared::{live, whether};
use crate::format;
use crate::state::{MINI, use_state};
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::source::GPT2;

/// The models that have short names.
#[component]
pub fn Choices() -> impl IntoView {
    let t = &text().models;
    let state = use_state();
    let gpt2 = live(move || {
        let host = state.place().hub_host();
        (t.gpt2)(&format::bytes(GPT2.bytes), &host, GPT2.licence)
    });
    view! {
        <ul class="choices" aria-label=t.choices>
            <Choice name=MINI about=live(move || t.mini) />
            <Choice name=GPT2.name about=gpt2 />
        </ul>
    }
}

#[component]
fn Choice(name: &'static str, about: Signal<String>) -> impl IntoView {
    let state = use_state();
    let is_open = whether(move || state.model_name() == name);
    view! {
        <li class:chosen=is_open>
            <button
                type="button"
                class="mono"
                data-testid=format!("choose-{name}")
                aria-describedby=format!("about-{name}")
                aria-current=move || is_open.get().then_some("true")
                on:click=move |_| take(state, name)
            >
                {name}
            </button>
            <small id=format!("about-{name}")>{about}</small>
        </li>
    }
}
