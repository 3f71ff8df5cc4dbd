//! Whether a metric can show anything for a pair of prompts, and what could.

use super::metric::{MetricTokens, Wishes};
use super::problem::PatchingProblem;
use crate::experiment::{Advice, Metric, MetricKind, Offer, Tokens};
use crate::model::{Logits, Tokenizer};
use crate::sentence::{Said, Sentence};

/// If the metric falls by less than this from the clean to the corrupted run, a
/// heat map is mostly rounding and side effects: there is too little to restore.
fn enough(kind: MetricKind) -> Option<f32> {
    match kind {
        MetricKind::LogitDifference | MetricKind::LogProbability => Some(0.7),
        MetricKind::Probability | MetricKind::ProbabilityDifference => Some(0.1),
        // They are chosen for what they show, and grow where the others fall.
        MetricKind::Rank | MetricKind::Kl | MetricKind::CrossEntropy => None,
    }
}

/// Advice where the corruption does not lower `metric`. `tokens` are the
/// candidates for a better wrong answer.
pub(crate) fn advise(
    tokenizer: &Tokenizer,
    wishes: &Wishes,
    metric: &MetricTokens,
    tokens: &[u32],
    [clean, corrupted]: [&Logits; 2],
) -> Option<Advice> {
    let values = |m: &MetricTokens| {
        (
            wishes.value(m, clean, clean),
            wishes.value(m, corrupted, clean),
        )
    };
    let (now_clean, now_corrupted) = values(metric);
    if now_clean - now_corrupted >= enough(metric.kind)? {
        return None;
    }
    let others = tokens
        .iter()
        .filter(|t| !metric.answers.contains(t) && !metric.wrongs.contains(t))
        .map(|wrong| MetricTokens {
            kind: MetricKind::LogitDifference,
            answers: metric.answers.clone(),
            wrongs: vec![*wrong],
        });
    let probability = MetricTokens {
        kind: MetricKind::Probability,
        answers: metric.answers.clone(),
        wrongs: Vec::new(),
    };
    let mut offers: Vec<(f32, Offer)> = others
        .chain([probability])
        .filter(|m| m.kind != metric.kind || m.wrongs != metric.wrongs)
        .filter_map(|m| {
            let (clean, corrupted) = values(&m);
            // How far above the bar, so that logits and probabilities compare.
            let margin = (clean - corrupted) / enough(m.kind)?;
            (margin >= 1.0).then(|| (margin, offer(tokenizer, &m, clean, corrupted)))
        })
        .collect();
    offers.sort_by(|a, b| b.0.total_cmp(&a.0));
    offers.truncate(3);
    let list = |ids: &[u32]| ids.iter().map(|id| shown(tokenizer, *id)).collect();
    let problem = PatchingProblem::NotLowered {
        answers: list(&metric.answers),
        wrongs: match metric.kind.compares() {
            true => list(&metric.wrongs),
            false => Vec::new(),
        },
        clean: now_clean,
        corrupted: now_corrupted,
    };
    let Said { message, says } = problem.said();
    Some(Advice {
        message,
        says,
        offers: offers.into_iter().map(|o| o.1).collect(),
    })
}

fn offer(tokenizer: &Tokenizer, metric: &MetricTokens, clean: f32, corrupted: f32) -> Offer {
    let named = |id: &u32| tokenizer.reference(*id);
    let tokens = |ids: &[u32]| match ids {
        [one] => Tokens::One(named(one)),
        _ => Tokens::Any(ids.iter().map(named).collect()),
    };
    Offer {
        metric: Metric {
            kind: metric.kind,
            answer: tokens(&metric.answers),
            wrong: metric.kind.compares().then(|| tokens(&metric.wrongs)),
        },
        clean,
        corrupted,
    }
}

fn shown(tokenizer: &Tokenizer, id: u32) -> String {
    tokenizer.token(id).text.trim().to_owned()
}
