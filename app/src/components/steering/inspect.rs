use crate::format;
use crate::text::steer;
use leptos::prelude::*;
use patchbay_engine::experiment::{TopToken, Written};

/// What else could have come in the place of a token.
pub fn inspect(written: &Written) -> impl IntoView + use<> {
    let t = steer();
    let id = written.token.id;
    let other = written.unsteered.as_ref();
    let own = if other.is_some() {
        t.by_steered
    } else {
        t.by_unsteered
    };
    let kl = other.map(|o| (t.kl)(&format::number(o.kl, 3)));
    view! {
        <div class="inspect" data-testid="inspect">
            <h3>{(t.inspect)(&format::token(&written.token.text))}</h3>
            <p class="hint">{kl}</p>
            <div class="grid">
                {list(own, &written.top, id)}
                {other.map(|o| list(t.by_unsteered, &o.top, id))}
            </div>
        </div>
    }
}

fn list(title: &'static str, top: &[TopToken], id: u32) -> impl IntoView + use<> {
    let rows: Vec<_> = top
        .iter()
        .map(|token| {
            view! {
                <li class:answer=token.token.id == id>
                    <span class="row">
                        <span class="bar" aria-hidden="true" style=("--p", token.probability.to_string())></span>
                        <span class="tok">{format::token(&token.token.text)}</span>
                        <span class="num">{format::percent(token.probability)}</span>
                    </span>
                </li>
            }
        })
        .collect();
    view! {
        <div>
            <p><small>{title}</small></p>
            <ol class="top">{rows}</ol>
        </div>
    }
}
