use crate::components::shared::Terms;
use crate::format;
use crate::state::use_state;
use crate::terms::Term;
use crate::text::{said, steer};
use leptos::prelude::*;
use patchbay_engine::experiment::{Direction, DirectionReport, TokenScore};

/// What the engine found out about a direction.
#[component]
pub fn Facts(i: usize) -> impl IntoView {
    let state = use_state();
    let found = Memo::new(move |_| {
        state.steered(|s| {
            let (s, now) = (s?, state.steer(|s| s.directions.get(i).cloned())?);
            // Another direction has taken its place where neither name nor source is its own.
            let of = &s.experiment.steer.as_ref()?.directions;
            let own = |d: &&Direction| d.name == now.name || d.source == now.source;
            of.get(i).filter(own)?;
            let names = of.iter().map(|d| d.name.clone()).collect::<Vec<_>>();
            Some((s.report.directions.get(i)?.clone(), names))
        })
    });
    let old = state.derived.steered_stale;
    move || {
        let (found, names) = found.get()?;
        Some(
            view! { <div class:stale=old data-testid=format!("facts-{i}")>{facts(i, &found, &names)}</div> },
        )
    }
}

fn facts(i: usize, found: &DirectionReport, names: &[String]) -> impl IntoView + use<> {
    let t = steer();
    let mean = found.mean_norms.get(found.layer).copied().unwrap_or(0.0);
    let percent = |x: f32| format::percent(x);
    let mut lines = vec![
        format!("{}.", said(&found.origin, &found.says)),
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
    let first = found.promoted.first().map(|first| first.score);
    // Layers that read what is added before the unembedding does.
    let all = found.mean_norms.len();
    let after = all.saturating_sub(found.layer);
    let little = match first {
        None => None,
        Some(_) if 2 * after >= all => Some((t.rewritten)(found.layer, after, all)),
        Some(own) if own < found.promoted_by_chance => {
            let [own, chance] = [own, found.promoted_by_chance].map(|x| format::number(x, 1));
            Some((t.means_little)(found.layer, &own, &chance))
        }
        Some(_) => None,
    };
    view! {
        <p class="hint">{format::sentence(&lines.join(" "))}</p>
        <Terms of=&[Term::Probe, Term::ShuffledLabels, Term::Cosine, Term::ExplainedVariance, Term::Unembedding] />
        <dl class="tokens-of">
            <dt>{t.promoted}</dt>
            <dd>{chips(&found.promoted)}</dd>
            <dt>{t.suppressed}</dt>
            <dd>{chips(&found.suppressed)}</dd>
        </dl>
        {little.map(|little| view! { <p class="hint" data-testid=format!("little-{i}")>{little}</p> })}
    }
}

fn chips(tokens: &[TokenScore]) -> Vec<impl IntoView + use<>> {
    let chip = |t: &TokenScore| {
        let shown = format::token(&t.token.text);
        let title = format!("{shown} {}", format::number(t.score, 2));
        view! { <span class="chip" title=title>{shown}</span> }
    };
    tokens.iter().take(8).map(chip).collect()
}
