//! Path patching: what one head writes, brought to one receiver and nowhere else.
//!
//! *Direct* (everything between frozen, MLPs too, as TransformerLens's
//! `get_act_patch_direct_path`): the change of the sender's output is added to
//! what the receiver reads. *Through MLPs* (heads frozen, MLPs recomputed; Wang
//! et al., 2022): the sender is patched in a first run in which every later
//! attention output stays as it was. In both, a last run patches the receiver
//! with what it then computes, and everything after it follows.

use super::bases::Bases;
use super::captures::everywhere;
use super::copies::Copies;
use super::resident::varied;
use crate::backend::Backend;
use crate::experiment::{Receiver, Site};
use crate::host::{Beats, Host, SessionError, Task};
use crate::lab::Lab;
use crate::model::{OfRuns, Wanted};
use crate::rows::{Edit, Op, Run, Source};

/// One cell of a sweep of paths.
pub(crate) struct Path<'a> {
    pub copies: Copies<'a>,
    pub bases: &'a Bases,
    pub receiver: Receiver,
    pub through_mlps: bool,
    /// The sending head.
    pub layer: usize,
    pub head: usize,
}

impl Path<'_> {
    /// The first run: the sender is patched, and what it changes is captured.
    pub fn first(&self) -> Result<Run, SessionError> {
        let base = self.bases.varied(self.copies.sweep);
        let len = base.trace.tokens.len();
        let shape = self.copies.shape;
        let mut run = Run {
            edits: self.copies.cell(self.layer, self.head)?,
            ..Run::over(&base.trace)
        };
        if !self.through_mlps {
            run.captures = (0..len).map(|p| (Site::AttnOut, self.layer, p)).collect();
            return Ok(run);
        }
        let frozen = match self.receiver {
            Receiver::Logits => self.layer + 1..shape.n_layer,
            Receiver::Mlp { layer } => self.layer + 1..layer + 1,
            Receiver::Q { layer, .. } | Receiver::K { layer, .. } | Receiver::V { layer, .. } => {
                self.layer + 1..layer
            }
        };
        for layer in frozen {
            run.edits.extend((0..len).map(|position| Edit {
                site: Site::AttnOut,
                layer,
                head: None,
                part: None,
                position,
                op: Op::Replace(Source::Trace(base.trace.clone(), position)),
            }));
        }
        match self.entry() {
            Some((site, layer)) => run.captures = (0..len).map(|p| (site, layer, p)).collect(),
            None => run.reads = vec![len - 1],
        }
        Ok(run)
    }

    /// The second run of a direct path: what the receiver reads, with the change
    /// of the sender's output added.
    fn second(&self, written: &[Option<Vec<f32>>]) -> Result<Run, SessionError> {
        let base = self.bases.varied(self.copies.sweep);
        let len = base.trace.tokens.len();
        let (site, layer) = match self.receiver {
            Receiver::Logits => (Site::ResidPost, self.copies.shape.n_layer - 1),
            Receiver::Mlp { layer } => (Site::ResidMid, layer),
            Receiver::Q { layer, .. } | Receiver::K { layer, .. } | Receiver::V { layer, .. } => {
                (Site::ResidPre, layer)
            }
        };
        let mut run = Run::over(&base.trace);
        for (position, row) in written.iter().enumerate() {
            let Some(row) = row else { continue };
            let key = (varied(self.copies.sweep), self.layer, position);
            let before = self.bases.attn_out.get(&key);
            let before =
                before.ok_or_else(|| SessionError::lost("what a path starts from was not kept"))?;
            let change: Vec<f32> = row.iter().zip(before).map(|(a, b)| a - b).collect();
            run.edits.push(Edit {
                site,
                layer,
                head: None,
                part: None,
                position,
                op: Op::Add(Source::Vector(change.into()), 1.0),
            });
        }
        match self.entry() {
            Some((site, layer)) => run.captures = (0..len).map(|p| (site, layer, p)).collect(),
            None => run.reads = vec![len - 1],
        }
        Ok(run)
    }

    /// The last run: the receiver with what it computed, where it was reached.
    fn last(&self, received: &[Option<Vec<f32>>]) -> Run {
        let base = self.bases.varied(self.copies.sweep);
        let len = base.trace.tokens.len();
        let mut run = Run {
            reads: vec![len - 1],
            ..Run::over(&base.trace)
        };
        let Some((site, layer)) = self.entry() else {
            return run;
        };
        let head = match self.receiver {
            Receiver::Q { head, .. } | Receiver::K { head, .. } | Receiver::V { head, .. } => {
                Some(head)
            }
            Receiver::Logits | Receiver::Mlp { .. } => None,
        };
        for (position, row) in received.iter().enumerate() {
            let Some(row) = row else { continue };
            let values = match head {
                None => row.as_slice(),
                Some(head) => {
                    let width = row.len() / self.copies.shape.n_head;
                    &row[head * width..(head + 1) * width]
                }
            };
            run.edits.push(Edit {
                site,
                layer,
                head,
                part: None,
                position,
                op: Op::Replace(Source::Vector(values.into())),
            });
        }
        run
    }

    /// The receiver's own activation, which the last run patches; the logits have none.
    fn entry(&self) -> Option<(Site, usize)> {
        match self.receiver {
            Receiver::Logits => None,
            Receiver::Q { layer, .. } => Some((Site::Q, layer)),
            Receiver::K { layer, .. } => Some((Site::K, layer)),
            Receiver::V { layer, .. } => Some((Site::V, layer)),
            Receiver::Mlp { layer } => Some((Site::MlpOut, layer)),
        }
    }

    /// Runs that cost what those of the path do at most, as if the sender changed
    /// every position.
    pub fn likely_runs(&self) -> Result<Vec<Run>, SessionError> {
        let mut runs = vec![self.first()?];
        if !self.through_mlps {
            let name = varied(self.copies.sweep);
            let len = self.bases.varied(self.copies.sweep).trace.tokens.len();
            let own = |p| self.bases.attn_out.get(&(name, self.layer, p)).cloned();
            runs.push(self.second(&(0..len).map(own).collect::<Vec<_>>())?);
        }
        // To the logits, the run before is the last one.
        if let Some((site, layer)) = self.entry() {
            let len = self.bases.varied(self.copies.sweep).trace.tokens.len();
            let mut run = self.last(&[]);
            run.edits = everywhere(self.copies.shape, site, len)
                .into_iter()
                .filter(|(_, l, _)| *l == layer)
                .map(|(site, layer, position)| Edit {
                    site,
                    layer,
                    head: None,
                    part: None,
                    position,
                    op: Op::Scale(0.5),
                })
                .collect();
            runs.push(run);
        }
        Ok(runs)
    }
}

/// The runs whose logits are the cells of some paths, everything before them done.
pub(crate) async fn runs<B: Backend>(
    lab: &mut Lab<B>,
    paths: &[Path<'_>],
    task: Task<'_, impl Host>,
) -> Result<Vec<Run>, SessionError> {
    let mut firsts = Vec::new();
    for path in paths {
        firsts.push(path.first()?);
    }
    let written = captured(lab, &firsts, task).await?;
    let mut seconds = Vec::new();
    for (path, written) in paths.iter().zip(&written) {
        if !path.through_mlps {
            seconds.push(path.second(written)?);
        }
    }
    let added = captured(lab, &seconds, task).await?;
    let (mut seconds, mut added) = (seconds.into_iter(), added.into_iter());
    let mut runs = Vec::new();
    for ((path, first), written) in paths.iter().zip(firsts).zip(written) {
        let (run, received) = match path.through_mlps {
            true => (Some(first), written),
            false => (seconds.next(), added.next().unwrap_or_default()),
        };
        runs.push(match (path.entry(), run) {
            (None, Some(run)) => run,
            _ => path.last(&received),
        });
    }
    Ok(runs)
}

/// What the runs that capture anything captured.
async fn captured<B: Backend>(
    lab: &mut Lab<B>,
    runs: &[Run],
    task: Task<'_, impl Host>,
) -> Result<OfRuns<Vec<f32>>, SessionError> {
    let capturing: Vec<Run> = runs
        .iter()
        .filter(|r| !r.captures.is_empty())
        .cloned()
        .collect();
    let mut captured = Vec::new();
    if !capturing.is_empty() {
        let pulse = Beats::quiet(task.host);
        (_, captured) = lab.compute(&capturing, &Wanted::default(), &pulse).await?;
    }
    let mut captured = captured.into_iter();
    let of = |run: &Run| match run.captures.is_empty() {
        true => Vec::new(),
        false => captured.next().unwrap_or_default(),
    };
    Ok(runs.iter().map(of).collect())
}
