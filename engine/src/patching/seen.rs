//! How the two runs of the first pair look from inside: what all looks at its
//! patched runs share, so that choosing another cell computes none of it again.

use super::LONGEST_PATTERN;
use super::bases::{Base, Group, values};
use super::captures::trimmed;
use super::layout::On;
use super::metric::MetricTokens;
use crate::backend::Backend;
use crate::experiment::{RunReport, Site};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::model::{Logits, Wanted};
use crate::rows::{Edit, Op, Run, Shape, kept_for_entry};
use std::collections::HashMap;

/// Numbers of the attention patterns of all layers of both runs that are held at once.
const MOST_PATTERNS: usize = 1 << 22;

/// A run's rows of attention, `[n_head * tokens]` each, by position.
pub(crate) type Pattern = Vec<Vec<f32>>;

/// The clean and the corrupted run of the first pair, in this order everywhere.
pub(crate) struct Seen {
    /// `resid_post` at the last position, by layer.
    pub resid_post: [Vec<Vec<f32>>; 2],
    /// By layer, where they were wanted or all of them are few.
    patterns: HashMap<usize, [Pattern; 2]>,
    /// The logit lens, by layer.
    pub lens: Vec<[RunReport; 2]>,
    /// Of the clean run, `[layer][head]` and `[layer]`; empty without a metric.
    pub head_attribution: Vec<Vec<f32>>,
    pub mlp_attribution: Vec<f32>,
}

/// Sites at the last position of a run of `len` tokens, and patterns of some layers.
pub(crate) fn captures(
    shape: &Shape,
    sites: &[Site],
    patterns: &[usize],
    len: usize,
) -> Vec<(Site, usize, usize)> {
    let last = |site: &Site| {
        let site = *site;
        (0..shape.n_layer).map(move |l| (site, l, len - 1))
    };
    let row = |l: &usize| {
        let layer = *l;
        (0..len).map(move |p| (Site::Pattern, layer, p))
    };
    let sites = sites.iter().flat_map(last);
    sites.chain(patterns.iter().flat_map(row)).collect()
}

impl Seen {
    pub async fn of<B: Backend>(
        lab: &mut Lab<B>,
        group: &Group,
        on: &On<'_>,
        task: Task<'_, impl Host>,
    ) -> Result<Self, SessionError> {
        let shape = lab.model.config.shape;
        let sites = [Site::ResidPost, Site::AttnOut, Site::MlpOut];
        let layers: Vec<usize> = match few_patterns(&shape, on) {
            true => (0..shape.n_layer).collect(),
            false => Vec::new(),
        };
        let runs = both(on).map(|base| whole(&shape, base, &sites, &layers));
        let [clean, corrupted] = runs;
        // The clean run is kept, so that heads can be taken out of it one by one.
        let clean = clean.kept(&lab.store.pool, &kept_for_entry([Site::Z]));
        let runs = [clean, corrupted];
        let pulse = Beats::quiet(task.host);
        let (_, captured) = lab.compute(&runs, &Wanted::default(), &pulse).await?;
        let rows = |run: usize, from: usize| -> Vec<Vec<f32>> {
            let rows = captured[run][from * shape.n_layer..].iter();
            let rows = rows.take(shape.n_layer);
            rows.map(|row| row.clone().unwrap_or_default()).collect()
        };
        let mut patterns = HashMap::new();
        for (i, layer) in layers.iter().enumerate() {
            let of = |run: usize| {
                let len = runs[run].tokens.len();
                let first = 3 * shape.n_layer + i * len;
                pattern(&shape, &captured[run][first..first + len])
            };
            patterns.insert(*layer, [of(0), of(1)]);
        }
        let resid_post = [rows(0, 0), rows(1, 0)];
        let lens = lens(lab, group, on, [&resid_post[0], &resid_post[1]]).await?;
        let lens = lens.chunks_exact(2);
        let lens = lens.map(|two| [two[0].clone(), two[1].clone()]).collect();
        let (mut head_attribution, mut mlp_attribution) = (Vec::new(), Vec::new());
        if let Some(metric) = on.case.metrics.first() {
            let last = resid_post[0].last().cloned().unwrap_or_default();
            let direction = towards(lab, metric, &last).await?;
            let written = written_by_heads(lab, &runs[0], task, &rows(0, 1)).await?;
            head_attribution = written
                .iter()
                .map(|heads| heads.iter().map(|x| dot(x, &direction)).collect())
                .collect();
            mlp_attribution = rows(0, 2).iter().map(|x| dot(x, &direction)).collect();
        }
        Ok(Self {
            resid_post,
            patterns,
            lens,
            head_attribution,
            mlp_attribution,
        })
    }

    /// Attention of the two runs at a layer.
    pub async fn patterns<B: Backend>(
        &mut self,
        lab: &mut Lab<B>,
        on: &On<'_>,
        layer: usize,
        task: Task<'_, impl Host>,
    ) -> Result<&[Pattern; 2], SessionError> {
        if !self.patterns.contains_key(&layer) {
            let shape = lab.model.config.shape;
            let runs = both(on).map(|base| whole(&shape, base, &[], &[layer]));
            let pulse = Beats::quiet(task.host);
            let (_, captured) = lab.compute(&runs, &Wanted::default(), &pulse).await?;
            let of = |run: usize| pattern(&shape, &captured[run]);
            // Where all of them are too many to hold, one layer's are held.
            self.patterns.clear();
            self.patterns.insert(layer, [of(0), of(1)]);
        }
        let found = self.patterns.get(&layer);
        found.ok_or_else(|| SessionError::lost("a pattern was not made"))
    }
}

/// Whether a pair's prompts are short enough for their attention to be shown.
pub(crate) fn shows_patterns(on: &On<'_>) -> bool {
    on.case.clean.len().max(on.case.corrupted.len()) <= LONGEST_PATTERN
}

fn few_patterns(shape: &Shape, on: &On<'_>) -> bool {
    let squares = on.case.clean.len().pow(2) + on.case.corrupted.len().pow(2);
    shows_patterns(on) && shape.n_layer * shape.n_head * squares <= MOST_PATTERNS
}

fn both<'a>(on: &On<'a>) -> [&'a Base; 2] {
    [&on.bases.clean, &on.bases.corrupted]
}

/// A base run again, from its tokens on.
fn whole(shape: &Shape, base: &Base, sites: &[Site], patterns: &[usize]) -> Run {
    let len = base.trace.tokens.len();
    Run {
        edits: base.trace.edits.to_vec(),
        captures: captures(shape, sites, patterns, len),
        ..Run::of(base.trace.tokens.clone())
    }
}

/// Captured rows of attention without the room that is never used.
pub(crate) fn pattern(shape: &Shape, rows: &[Option<Vec<f32>>]) -> Pattern {
    let row = |row: &Option<Vec<f32>>| {
        let row = row.as_deref().unwrap_or_default();
        trimmed(shape, row, rows.len())
    };
    rows.iter().map(row).collect()
}

/// What the model would say after each layer of some runs, whose `resid_post` at the
/// last position is given by layer: `[layer][run]`, one after the other.
pub(crate) async fn lens<B: Backend>(
    lab: &Lab<B>,
    group: &Group,
    on: &On<'_>,
    resid_post: impl IntoIterator<Item = &Vec<Vec<f32>>> + Clone,
) -> Result<Vec<RunReport>, SessionError> {
    let layers = lab.model.config.shape.n_layer;
    let rows: Vec<f32> = (0..layers)
        .flat_map(|l| resid_post.clone().into_iter().map(move |run| &run[l]))
        .flatten()
        .copied()
        .collect();
    let wanted = Wanted {
        normaliser: true,
        top: 1,
        ..group.wishes.wanted()
    };
    let read = lab.model.lens(&lab.backend, &rows, &wanted).await?;
    let report = |logits: &Logits| {
        let clean = &on.bases.clean.logits;
        lab.run_report(
            logits,
            values(&group.wishes, &on.case.metrics, logits, clean),
        )
    };
    Ok(read.iter().map(report).collect())
}

/// The direction of the residual stream that a metric's logits grow along,
/// with the last LayerNorm's scale held at what it is for `resid [n_embd]`.
async fn towards<B: Backend>(
    lab: &Lab<B>,
    metric: &MetricTokens,
    resid: &[f32],
) -> Result<Vec<f32>, SessionError> {
    let n = resid.len();
    let mut direction = vec![0.0f32; n];
    for (set, sign) in [(&metric.answers, 1.0), (&metric.wrongs, -1.0)] {
        #[allow(clippy::cast_precision_loss)] // a few tokens
        let share = sign / set.len().max(1) as f32;
        for token in set {
            let row = lab.model.unembedding(&lab.backend, *token).await?;
            direction
                .iter_mut()
                .zip(row)
                .for_each(|(d, u)| *d += share * u);
        }
    }
    let weight = lab.model.final_scale(&lab.backend).await?;
    #[allow(clippy::cast_precision_loss)]
    let mean = |x: &[f32]| x.iter().sum::<f32>() / n as f32;
    let centre = mean(resid);
    let squares: Vec<f32> = resid.iter().map(|x| (x - centre).powi(2)).collect();
    let deviation = (mean(&squares) + lab.model.config.layer_norm_epsilon).sqrt();
    direction
        .iter_mut()
        .zip(&weight)
        .for_each(|(d, w)| *d *= w / deviation);
    // The LayerNorm takes the mean off what it reads: so does the direction.
    let centre = mean(&direction);
    direction.iter_mut().for_each(|d| *d -= centre);
    Ok(direction)
}

/// What each head writes at the last position, `[layer][head]`, by taking it
/// out of the attention output (whose bias falls away).
async fn written_by_heads<B: Backend>(
    lab: &mut Lab<B>,
    clean: &Run,
    task: Task<'_, impl Host>,
    attn_out: &[Vec<f32>],
) -> Result<Vec<Vec<Vec<f32>>>, SessionError> {
    let shape = lab.model.config.shape;
    let Some(trace) = &clean.keep else {
        return Ok(Vec::new());
    };
    let position = clean.tokens.len() - 1;
    let without = |layer: usize, head: usize| Run {
        edits: vec![Edit {
            site: Site::Z,
            layer,
            head: Some(head),
            part: None,
            position,
            op: Op::Scale(0.0),
        }],
        captures: vec![(Site::AttnOut, layer, position)],
        ..Run::over(trace)
    };
    let runs: Vec<Run> = (0..shape.n_layer)
        .flat_map(|l| (0..shape.n_head).map(move |h| (l, h)))
        .map(|(l, h)| without(l, h))
        .collect();
    let pulse = Beats::quiet(task.host);
    let (_, captured) = lab.compute(&runs, &Wanted::default(), &pulse).await?;
    let layer = |(l, heads): (usize, &[Vec<Option<Vec<f32>>>])| -> Vec<Vec<f32>> {
        let whole = &attn_out[l];
        let write = |captured: &Vec<Option<Vec<f32>>>| match &captured[0] {
            Some(rest) => whole.iter().zip(rest).map(|(w, r)| w - r).collect(),
            None => vec![0.0; whole.len()],
        };
        heads.iter().map(write).collect()
    };
    Ok(captured
        .chunks(shape.n_head)
        .enumerate()
        .map(layer)
        .collect())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
