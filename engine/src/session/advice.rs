//! Whether a metric can show anything for a pair of prompts, and what could.

use super::setup::MetricTokens;
use crate::experiment::{Advice, Metric, MetricKind, Offer, TokenRef};
use crate::model::{Logits, Tokenizer};

/// If the metric falls by less than this from the clean to the corrupted run, a
/// heat map is mostly rounding and side effects: there is too little to restore.
fn enough(kind: MetricKind) -> f32 {
    match kind {
        MetricKind::LogitDifference | MetricKind::LogProbability => 0.7,
        MetricKind::Probability => 0.1,
    }
}

/// Advice where the corruption does not lower `metric`. `tokens` are those
/// that the logits were read for; the candidates for a better wrong answer.
pub(super) fn advise(
    tokenizer: &Tokenizer,
    metric: &MetricTokens,
    tokens: &[u32],
    clean: &Logits,
    corrupted: &Logits,
) -> Option<Advice> {
    let answer = tokens.iter().position(|t| *t == metric.answer)?;
    let values = |m: &MetricTokens| {
        let wrong = tokens.iter().position(|t| *t == m.wrong)?;
        let of = |l: &Logits| m.of(l, l.tokens[answer], l.tokens[wrong]);
        Some((of(clean), of(corrupted)))
    };
    let (now_clean, now_corrupted) = values(metric)?;
    if now_clean - now_corrupted >= enough(metric.kind) {
        return None;
    }
    let others = tokens
        .iter()
        .filter(|t| **t != metric.answer && **t != metric.wrong)
        .map(|wrong| MetricTokens {
            kind: MetricKind::LogitDifference,
            answer: metric.answer,
            wrong: *wrong,
        });
    let probability = MetricTokens {
        kind: MetricKind::Probability,
        wrong: metric.answer,
        ..*metric
    };
    let mut offers: Vec<(f32, Offer)> = others
        .chain([probability])
        .filter(|m| m.kind != metric.kind || m.wrong != metric.wrong)
        .filter_map(|m| {
            let (clean, corrupted) = values(&m)?;
            // How far above the bar, so that logits and probabilities compare.
            let margin = (clean - corrupted) / enough(m.kind);
            (margin >= 1.0).then(|| (margin, offer(tokenizer, &m, clean, corrupted)))
        })
        .collect();
    offers.sort_by(|a, b| b.0.total_cmp(&a.0));
    offers.truncate(3);
    let what = match metric.kind {
        MetricKind::LogitDifference => format!(
            "{} minus {}",
            quoted(tokenizer, metric.answer),
            quoted(tokenizer, metric.wrong)
        ),
        _ => format!("the metric of {}", quoted(tokenizer, metric.answer)),
    };
    let why = format!(
        "The corruption does not lower {what}: it is {now_clean:.2} on the clean run and {now_corrupted:.2} on the corrupted one, so there is little for a patch to restore. A wrong answer that the corrupted prompt makes likelier, or a probability, shows more."
    );
    Some(Advice {
        message: why,
        offers: offers.into_iter().map(|o| o.1).collect(),
    })
}

fn offer(tokenizer: &Tokenizer, metric: &MetricTokens, clean: f32, corrupted: f32) -> Offer {
    let text = |id| TokenRef::Text(tokenizer.token(id).text);
    Offer {
        metric: Metric {
            kind: metric.kind,
            answer: text(metric.answer),
            wrong: (metric.kind == MetricKind::LogitDifference).then(|| text(metric.wrong)),
        },
        clean,
        corrupted,
    }
}

fn quoted(tokenizer: &Tokenizer, id: u32) -> String {
    format!("“{}”", tokenizer.token(id).text.trim())
}
