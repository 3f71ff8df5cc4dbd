use crate::format;
use crate::state::use_state;
use crate::text::text;
use leptos::prelude::*;
use patchbay_engine::experiment::{DirectionReport, TokenScore};

/// What the engine found out about a direction.
#[component]
pub fn Facts(i: usize) -> impl IntoView {
    let state = use_state();
    let found = Memo::new(move |_| {
        state.steered(|s| {
            let report = &s?.report;
            report.directions.get(i).cloned()
        })
    });
    let names = move || {
        state.steer(|s| {
            let names = s.directions.iter().map(|d| d.name.clone());
            names.collect::<Vec<_>>()
        })
    };
    move || found.get().map(|found| facts(i, &found, &names()))
}

fn facts(i: usize, found: &DirectionReport, names: &[String]) -> impl IntoView + use<> {
    let t = &text().steer;
    let mean = found.mean_norms.get(found.layer).copied().unwrap_or(0.0);
    let percent = |x: f32| format::percent(x);
    let mut lines = vec![
        format!("{}.", found.origin),
        (t.norm)(
            &format::number(found.norm, 1),
            &format::number(mean, 1),
            found.layer,
        ),
    ];
    let heads = found.probes.iter().filter_map(|p| {
        let head = format!("{}.{}", p.layer, p.head?);
        Some((head, percent(p.accuracy), percent(p.shuffled)))
    });
    let heads: Vec<_> = heads.collect();
    if !heads.is_empty() {
        lines.push((t.heads)(&heads));
    } else if let Some(probe) = found.probes.iter().find(|p| p.layer == found.layer) {
        lines.push((t.accuracy)(
            &percent(probe.accuracy),
            &percent(probe.shuffled),
        ));
    }
    lines.extend(found.explained.map(|e| (t.explained)(&percent(e))));
    let others = found.cosines.iter().zip(names).enumerate();
    lines.extend(
        others
            .filter(|(j, _)| *j != i)
            .map(|(_, (cosine, name))| (t.cosine)(name, &format::number(*cosine, 2))),
    );
    view! {
        <p class="hint">{lines.join(" ")}</p>
        <dl class="tokens-of">
            <dt>{t.promoted}</dt>
            <dd>{chips(&found.promoted)}</dd>
            <dt>{t.suppressed}</dt>
            <dd>{chips(&found.suppressed)}</dd>
        </dl>
    }
}

fn chips(tokens: &[TokenScore]) -> Vec<impl IntoView + use<>> {
    let chip = |t: &TokenScore| {
        let title = format!("{:?} {}", t.token.text, format::number(t.score, 2));
        view! { <span class="chip" title=title>{format::token(&t.token.text)}</span> }
    };
    tokens.iter().take(8).map(chip).collect()
}
