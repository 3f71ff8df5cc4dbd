//! A text that is written on, one row over a base at a time.

use super::*;
use crate::experiment::{Progress, Site, Stage};
use crate::model::Wanted;
use crate::rows::{Edit, Run, Trace};
use std::rc::Rc;

/// What a run that is written on keeps: the keys and values of its rows.
pub(super) const CACHE: [Site; 2] = [Site::K, Site::V];

/// A text and what comes next in it.
#[derive(Clone)]
pub(super) struct Line {
    pub tokens: Vec<u32>,
    /// The kept run of all its tokens, but for those that [`Line::newest`] is to add.
    pub trace: Rc<Trace>,
    /// All logits at its last token.
    pub logits: Rc<[f32]>,
}

impl Line {
    /// The run of the token that was written last, with edits on its row.
    pub fn newest(&self, pool: &SlotPool, edits: Vec<Edit>) -> Run {
        Run {
            tokens: self.tokens.as_slice().into(),
            edits,
            reads: vec![self.tokens.len() - 1],
            ..Run::over(&self.trace)
        }
        .kept(pool, &CACHE)
    }
}

/// Everything that may come next.
pub(super) fn all_logits() -> Wanted {
    Wanted {
        all: true,
        ..Wanted::default()
    }
}

/// What is told after `done` of at most `total` tokens.
pub(super) fn tokens_done(done: usize, total: usize) -> Update {
    Update::Progress(Progress {
        stage: Stage::Generate,
        done: done as u64,
        total: total as u64,
        seconds_left: None,
    })
}

impl<B: Backend> Session<B> {
    /// Computes one kept run: its last logits, empty where its edits do not
    /// reach them, and its captures.
    pub(super) async fn line(
        &mut self,
        run: Run,
        pulse: &impl Pulse,
    ) -> Result<(Line, Vec<Option<Vec<f32>>>), SessionError> {
        let Some(trace) = run.keep.clone() else {
            return Err(BackendError::Internal("a run to go on from was not kept".into()).into());
        };
        let (mut reads, mut captured) = self.compute(&[run], &all_logits(), pulse).await?;
        let logits = reads[0][0].take().map_or_else(Vec::new, |l| l.all);
        let line = Line {
            tokens: trace.tokens.to_vec(),
            trace,
            logits: logits.into(),
        };
        Ok((line, captured.remove(0)))
    }
}
