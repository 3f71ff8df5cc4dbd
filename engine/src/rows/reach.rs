//! Which positions of one run have to be computed, layer by layer.

use super::{Edit, Op, PlanError, Run, Shape, Source};
use crate::experiment::{Origin, Place, Site};

/// Positions of one run in one layer, ascending within each list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    /// Rows that enter before the layer, with the parent's `resid_pre`.
    pub enter_pre: Vec<usize>,
    /// All rows computed from `resid_pre` on: they get new queries, keys and values.
    pub pre: Vec<usize>,
    /// Rows that enter at attention, with the parent's `resid_pre` and query.
    pub enter_attend: Vec<usize>,
    /// Those of `pre` that go on to attend (in the last layers, not all are needed).
    pub carry_attend: Vec<usize>,
    /// Rows that enter before the MLP, with the parent's `resid_mid`.
    pub enter_mid: Vec<usize>,
    /// Indices into the run's edits (the parent's first) that act in this layer.
    pub edits: Vec<usize>,
}

/// Where in the layer a row with an edit at this site has to enter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    Pre,
    Attend,
    Mid,
}

fn entry(site: Site) -> Entry {
    match site.place() {
        Place::Embedding | Place::Pre => Entry::Pre,
        Place::Attend => Entry::Attend,
        Place::Mid | Place::Final => Entry::Mid,
    }
}

/// The sites that a parent must keep for children with edits at `sites`, so
/// that their rows can enter: the keys and values always, and what a row enters with.
pub fn kept_for_entry(sites: impl IntoIterator<Item = Site>) -> Vec<Site> {
    let mut kept = vec![Site::K, Site::V, Site::ResidPre, Site::Q];
    if sites.into_iter().any(|s| entry(s) == Entry::Mid) {
        kept.push(Site::ResidMid);
    }
    kept
}

/// Per layer and position, whether a row is needed before the layer (`pre`)
/// and after its attention (`post`).
struct Need {
    pre: Vec<Vec<bool>>,
    post: Vec<Vec<bool>>,
}

fn backward_need(shape: &Shape, run: &Run) -> Need {
    let len = run.tokens.len();
    let mut pre = vec![vec![false; len]; shape.n_layer];
    let mut post = pre.clone();
    let last = shape.n_layer - 1;
    for &p in &run.reads {
        post[last][p] = true;
    }
    for &(site, layer, p) in &run.captures {
        match site.place() {
            Place::Embedding | Place::Pre => pre[layer][p] = true,
            Place::Attend | Place::Mid => post[layer][p] = true,
            Place::Final => post[last][p] = true,
        }
    }
    if let Some(trace) = &run.keep {
        for layer in &mut post {
            layer[trace.from..].fill(true);
        }
    }
    for l in (0..shape.n_layer).rev() {
        // A row attends to every earlier position, so their keys and values are needed.
        if let Some(top) = post[l].iter().rposition(|n| *n) {
            pre[l][..=top].fill(true);
        }
        if l > 0 {
            for p in 0..len {
                post[l - 1][p] |= pre[l][p];
            }
        }
    }
    Need { pre, post }
}

/// Whether the edit copies what is there already: the same position of an
/// unedited run with the same tokens up to there, into a row that nothing has
/// changed yet. Such an edit reaches nothing.
fn copies_the_same(edit: &Edit, run: &Run) -> bool {
    let Op::Replace(Source::Trace(source, from)) = &edit.op else {
        return false;
    };
    let p = edit.position;
    let same = match edit.site {
        Site::Embed => source.tokens.get(*from) == run.tokens.get(p),
        Site::PosEmbed => *from == p,
        _ => *from == p && source.tokens.len() > p && source.tokens[..=p] == run.tokens[..=p],
    };
    same && !source.edited() && run.parent.as_ref().is_some_and(|parent| !parent.edited())
}

/// The layer in which an edit is made: what comes before the layers counts to
/// the first, what comes after them to the last.
fn layer_of(edit: &Edit, shape: &Shape) -> usize {
    match edit.site.place() {
        Place::Final => shape.n_layer - 1,
        Place::Embedding | Place::Pre | Place::Attend | Place::Mid => edit.layer,
    }
}

/// Forward reach of the run's edits and new tokens, cut down to the backward
/// need of its reads, captures and kept sites.
pub(super) fn reach(shape: &Shape, run: &Run) -> Result<Vec<Reached>, PlanError> {
    let len = run.tokens.len();
    for edit in &run.edits {
        edit.check(shape, len)?;
    }
    let (edits, inherited) = run.all_edits();
    let need = backward_need(shape, run);
    let old = run.parent.as_ref().map_or(0, |p| p.tokens.len());
    // A kept run computes all its own positions, in every layer, so that it can
    // stand alone as a parent.
    let own = run.keep.as_ref().map_or(old, |t| t.from.min(old));

    let mut layers = Vec::with_capacity(shape.n_layer);
    // Whether the row differs from the parent's at this point of the pass.
    let mut changed: Vec<bool> = (0..len).map(|p| p >= own).collect();
    for edit in &run.edits {
        // No row can enter before its embedding: it starts there, as a new one does.
        if edit.site.before_layers() && !edit.is_identity() && !copies_the_same(edit, run) {
            changed[edit.position] = true;
        }
    }
    for l in 0..shape.n_layer {
        let mut layer = Reached::default();
        let mut enters: Vec<Option<Entry>> = vec![None; len];
        let mut first_key = changed.iter().position(|c| *c);
        // In the order in which the sites are met, whatever order they were given
        // in: whether an edit copies what is there depends on those before it.
        let mut here: Vec<usize> = (0..edits.len())
            .filter(|i| layer_of(edits[*i], shape) == l && !edits[*i].is_identity())
            .collect();
        here.sort_by_key(|i| edits[*i].site);
        for i in here {
            let edit = edits[i];
            let p = edit.position;
            if i < inherited || edit.site.before_layers() {
                // What it did is in the parent's rows; rows computed anew need it again.
                layer.edits.push(i);
                continue;
            }
            // Rows after the first changed key attend to something new, so
            // what they hold after attention is no longer the parent's.
            let untouched = !changed[p]
                && enters[p].is_none()
                && (entry(edit.site) == Entry::Pre || first_key.is_none_or(|k| k > p));
            if untouched && copies_the_same(edit, run) {
                continue;
            }
            layer.edits.push(i);
            let e = entry(edit.site);
            if !changed[p] {
                enters[p] = Some(enters[p].map_or(e, |was| was.min(e)));
            }
            if matches!(edit.site, Site::ResidPre | Site::K | Site::V) {
                first_key = Some(first_key.map_or(p, |k| k.min(p)));
            }
        }
        for p in 0..len {
            let computed = changed[p] || enters[p] == Some(Entry::Pre);
            if computed && need.pre[l][p] {
                layer.pre.push(p);
                if !changed[p] {
                    layer.enter_pre.push(p);
                }
            }
            if need.post[l][p] {
                if computed {
                    layer.carry_attend.push(p);
                } else if enters[p] == Some(Entry::Attend) || first_key.is_some_and(|k| k < p) {
                    layer.enter_attend.push(p);
                } else if enters[p] == Some(Entry::Mid) {
                    layer.enter_mid.push(p);
                }
            }
        }
        let computed = |p: &usize| {
            [&layer.carry_attend, &layer.enter_attend, &layer.enter_mid]
                .iter()
                .any(|rows| rows.binary_search(p).is_ok())
        };
        for p in (0..len).filter(computed) {
            changed[p] = true;
        }
        // An edit of a row that nothing needs is not made.
        // One of the parent's is not made again on a row that enters with it made.
        layer.edits.retain(|&i| {
            let edit = edits[i];
            let among = |rows: &[usize]| rows.binary_search(&edit.position).is_ok();
            let made = (i < inherited || edit.site.before_layers())
                && edit.site.origin() == Origin::Entered
                && match edit.site.place() {
                    Place::Embedding | Place::Pre => among(&layer.enter_pre),
                    // The stream between attention and MLP, which the latter begins with.
                    Place::Attend => among(&layer.enter_mid),
                    Place::Mid | Place::Final => false,
                };
            let row = match entry(edit.site) {
                Entry::Pre => among(&layer.pre),
                Entry::Attend => among(&layer.carry_attend) || among(&layer.enter_attend),
                Entry::Mid => computed(&edit.position),
            };
            row && !made
        });
        layers.push(layer);
    }
    Ok(layers)
}
