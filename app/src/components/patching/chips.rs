use crate::align::{self, Pair};
use crate::components::fields::Bos;
use crate::components::shared::{Terms, is_narrow, live};
use crate::format;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{Corruption, RunName, Token};

/// Both prompts as tokens, position by position, one under the other.
#[component]
pub fn Chips() -> impl IntoView {
    let state = use_state();
    let t = &text().prompts;
    let noised = Memo::new(move |_| {
        state.experiment.with(|e| match &e.corruption {
            Corruption::Noise(noise) => Some(noise.positions.clone()),
            Corruption::Prompt => None,
        })
    });
    let pairs = move || {
        let mut pairs = state
            .derived
            .reading
            .with(|reading| reading.as_ref().map(align::pairs).unwrap_or_default());
        // The corrupted run reads the clean prompt, and differs where the noise is.
        if let Some(noised) = noised.get() {
            for pair in &mut pairs {
                pair.differs = noised.contains(&pair.position);
            }
        }
        pairs
    };
    let list = move || pairs().into_iter().map(pair).collect_view();
    let legend = live(move || {
        let pairs = pairs();
        let clean = pairs.iter().filter(|p| p.clean.is_some()).count();
        let corrupted = pairs.iter().filter(|p| p.corrupted.is_some()).count();
        let differing = pairs.iter().filter(|p| p.differs).count();
        if pairs.is_empty() {
            return String::new();
        }
        let legend = (t.legend)(clean, corrupted, differing);
        match noised.get() {
            Some(positions) => format!("{legend}; {}", (t.noised)(&positions)),
            None => legend,
        }
    });
    view! {
        <div class="tokens">
            // They scroll where there is little room.
            <ol class="chips" data-testid="chips" aria-label=t.tokens tabindex=is_narrow().then_some("0")>
                {list}
            </ol>
            <div class="under-tokens">
                <p>{legend}</p>
                <Terms of=&[Term::Token, Term::Position] />
                <Bos testid="bos" hint=t.bos_hint />
            </div>
        </div>
    }
}

fn pair(pair: Pair) -> impl IntoView {
    let t = &text().prompts;
    let position = pair.position;
    let label = if pair.differs { t.differs } else { t.same };
    view! {
        <li
            class="pair"
            class:differs=pair.differs
            class:bos=pair.bos
            data-testid=format!("pair-{position}")
            data-differs=pair.differs.to_string()
        >
            <span class="position" aria-hidden="true">{position}</span>
            <span class="hidden">{(t.position)(position)}", "{label}</span>
            {chip(RunName::Clean, position, pair.clean, pair.bos)}
            {chip(RunName::Corrupted, position, pair.corrupted, pair.bos)}
        </li>
    }
}

fn chip(side: RunName, position: usize, token: Option<Token>, bos: bool) -> impl IntoView {
    let t = &text().prompts;
    let name = match side {
        RunName::Clean => "clean",
        RunName::Corrupted => "corrupted",
    };
    let (shown, unseen, title) = match token {
        Some(token) => {
            let mut title = format!("{} = {}", format::token(&token.text), token.id);
            if bos {
                title = format!("{title}, {}", t.bos_token);
            }
            if token.unseen {
                title = format!("{title}, {}", t.unseen);
            }
            (format::token(&token.text), token.unseen, title)
        }
        None => ("–".into(), false, t.missing.into()),
    };
    view! {
        <span
            class=format!("chip {name}")
            class:unseen=unseen
            title=title
            data-testid=format!("chip-{name}-{position}")
        >
            {shown}
            {unseen.then(|| view! { <span class="hidden">", "{t.unseen}</span> })}
        </span>
    }
}
