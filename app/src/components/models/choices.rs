use super::{take, whether};
use crate::engine::place;
use crate::format;
use crate::state::{MINI, use_state};
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::source::{GPT2, Named};

/// The models that have short names.
#[component]
pub fn Choices() -> impl IntoView {
    let t = &text().models;
    let host = Named::parse(GPT2.name)
        .ok()
        .and_then(|named| named.host(&place()));
    let gpt2 = (t.gpt2)(
        &format::bytes(GPT2.bytes),
        host.as_deref().unwrap_or_default(),
        GPT2.licence,
    );
    view! {
        <ul class="choices" aria-label=t.choices>
            <Choice name=MINI about=t.mini.into() />
            <Choice name=GPT2.name about=gpt2 />
        </ul>
    }
}

#[component]
fn Choice(name: &'static str, about: String) -> impl IntoView {
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
