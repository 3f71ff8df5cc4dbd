//! How far passes have got of which each takes about as long as the others.

use crate::experiment::{Progress, Stage, Update};
use crate::host::{Host, SessionError, Task};

/// Passes for gradients, told one by one.
pub(crate) struct Steps<'a, H: Host> {
    pub task: Task<'a, H>,
    done: u64,
    total: u64,
}

impl<'a, H: Host> Steps<'a, H> {
    pub fn of(passes: usize, task: Task<'a, H>) -> Self {
        Self {
            task,
            done: 0,
            total: passes as u64,
        }
    }

    /// One more is done.
    pub async fn next(&mut self) -> Result<(), SessionError> {
        self.done += 1;
        // Parts of several sites have more than was reckoned with.
        self.total = self.total.max(self.done);
        self.task.host.update(Update::Progress(Progress {
            stage: Stage::Gradients,
            done: self.done,
            total: self.total,
            seconds_left: None,
        }));
        Ok(self.task.host.breathe().await?)
    }
}
