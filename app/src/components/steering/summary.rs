use crate::components::shared::Terms;
use crate::format::number;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::steer;
use leptos::prelude::*;

/// Effect and cost of the steering, in two sentences.
#[component]
pub fn SummaryLine() -> impl IntoView {
    let state = use_state();
    let t = steer();
    let summary = Memo::new(move |_| {
        state.steered(|s| {
            let s = s.filter(|s| s.complete)?;
            s.report.summary
        })
    });
    let lines = move || {
        summary.get().map(|s| {
            let (before, after) = (s.unsteered, s.steered);
            let words = before.words.zip(after.words);
            let of = state.steered(|s| s.map_or(0, |s| s.report.samples.len()));
            // A share of so many texts is a number of them.
            let count = |share: f32| (share * of as f32).round() as usize;
            let words = words.map(|(b, a)| (t.summary_words)(count(b), count(a), of));
            let perplexity = [before, after].map(|m| number(m.perplexity, 1));
            let cost = (t.summary_cost)(&perplexity[0], &perplexity[1], &number(after.kl, 2));
            view! {
                {words.map(|words| view! { <p><strong>{words}</strong></p> })}
                <p>{cost}</p>
                <p class="hint">{t.summary_hint}</p>
            }
        })
    };
    view! {
        <div class="summary" data-testid="summary" aria-live="polite">{lines}</div>
        <Terms of=&[Term::Perplexity] />
    }
}
