use crate::components::shared::live;
use crate::state::{State, use_state};
use leptos::prelude::*;

/// A line that is typed, and what is wrong with it.
#[derive(Clone, Copy)]
pub struct Typed {
    pub text: RwSignal<String>,
    pub problem: RwSignal<Option<String>>,
}

impl Typed {
    pub fn new(text: String) -> Self {
        Self {
            text: RwSignal::new(text),
            problem: RwSignal::new(None),
        }
    }

    /// Puts another text there.
    pub fn set(self, text: String) {
        self.problem.set(None);
        self.text.set(text);
    }
}

/// An address as the browser understands it, with the host that it would ask.
pub fn understood(text: &str) -> String {
    let url = text.contains("://").then(|| web_sys::Url::new(text).ok());
    url.flatten().map_or_else(|| text.into(), |url| url.href())
}

/// A line with a button that takes it, or says why not.
pub fn form(
    // Of the line, the button and the problem, in tests too.
    [id, button, wrong]: [&'static str; 3],
    typed: Typed,
    [label, press]: [&'static str; 2],
    hint: Signal<String>,
    // Takes the line, and says how it stands there now.
    take: fn(State, &str) -> Result<String, String>,
) -> impl IntoView {
    let state = use_state();
    let described = format!("{id}-hint {wrong}");
    view! {
        <form
            class="other field"
            on:submit=move |event| {
                event.prevent_default();
                match take(state, typed.text.get_untracked().trim()) {
                    Ok(taken) => typed.set(taken),
                    Err(problem) => typed.problem.set(Some(problem)),
                }
            }
        >
            <label for=id>{label}</label>
            <small id=format!("{id}-hint")>{hint}</small>
            <div class="with-button">
                <input
                    type="text"
                    id=id
                    data-testid=id
                    spellcheck="false"
                    autocomplete="off"
                    autocapitalize="off"
                    aria-describedby=described
                    aria-invalid=live(move || typed.problem.with(Option::is_some).to_string())
                    prop:value=typed.text
                    on:input:target=move |event| typed.text.set(event.target().value())
                />
                <button type="submit" data-testid=button>{press}</button>
            </div>
            <div id=wrong aria-live="polite" data-testid=wrong>
                {move || {
                    typed.problem.get().map(|problem| view! { <p class="problem fatal">{problem}</p> })
                }}
            </div>
        </form>
    }
}
