//! A loaded model and what is done with it: experiments in, reports out.
//!
//! [`Session::run`] is the only way to run an experiment; the page's worker,
//! the JavaScript API and the command line all call it.

mod arriving;
mod export;
mod finite;
mod problem;

use crate::backend::Backend;
pub use crate::directions::{DictionaryConfig, DictionaryFault, DictionaryLayout, KnownSetting};
use crate::experiment::{BackendInfo, Experiment, Field, ModelInfo, Report, Room, Trial};
use crate::host::{Asked, Task};
pub use crate::host::{Cells, Crew, DictionaryFile, Host, NoFile, SessionError, Turn, Unread};
use crate::lab::Lab;
use crate::model::{Files, Folder, ModelError, ModelRemark};
use crate::rows::SlotPool;
use crate::sentence::Said;
use crate::{directions, patching, steering};
pub use arriving::Arriving;

/// A model on a device, ready for experiments: the lab, and what each room remembers.
pub struct Session<B: Backend> {
    lab: Lab<B>,
    /// What a person should know of the model's files.
    remarks: Vec<ModelRemark>,
    directions: directions::Memory,
    patching: patching::Memory,
    steering: steering::Memory,
}

impl<B: Backend> Session<B> {
    /// Reads the three files and puts the weights on the device.
    ///
    /// # Errors
    /// [`ModelError`] naming the file, field or tensor that is not right.
    pub fn load(name: &str, files: &Files, backend: B) -> Result<Self, ModelError> {
        let folder = Folder::of(&files.config, &files.tokenizer);
        let mut arriving = Arriving::expect(name, &folder, backend)?;
        arriving.push(&files.weights)?;
        arriving.finish()
    }

    /// The model that is loaded.
    #[must_use]
    pub fn model(&self) -> &ModelInfo {
        &self.lab.info
    }

    /// What a person should know of how the model's files were read.
    #[must_use]
    pub fn remarks(&self) -> &[ModelRemark] {
        &self.remarks
    }

    /// The backend that computes.
    #[must_use]
    pub fn backend(&self) -> &BackendInfo {
        &self.lab.backend_info
    }

    /// Says why this backend was chosen, and how fast each was where both were tried.
    pub fn set_reason(&mut self, reason: Option<Said>, trial: Option<Trial>) {
        let (reason, says) = reason.map(|said| (said.message, said.says)).unzip();
        self.lab.backend_info.reason = reason;
        self.lab.backend_info.says = says;
        self.lab.backend_info.trial = trial;
    }

    /// Bytes that the kept activations of a set of pairs may take at a time; the
    /// set runs in groups that fit, of one pair at least.
    pub fn set_kept_bytes(&mut self, bytes: usize) {
        self.patching.keep(bytes);
    }

    /// Gives back what is kept on the device between experiments; the next one
    /// computes it again.
    pub fn forget(&mut self) {
        self.patching.forget();
        self.steering.forget();
    }

    /// Forward passes so far; for tests that nothing is computed twice.
    #[must_use]
    pub fn passes(&self) -> usize {
        self.lab.passes()
    }

    /// Where kept activations are; for tests that nothing is left behind.
    #[must_use]
    pub fn slots(&self) -> &SlotPool {
        &self.lab.store.pool
    }

    /// Runs an experiment. With `preview` a sweep or a map is
    /// estimated, not run.
    ///
    /// What cannot be computed because a field is not usable (an answer that is
    /// not one token, prompts of different lengths) is left out of the report,
    /// and `report.reading.problems` says why.
    ///
    /// # Errors
    /// [`SessionError`] when something in it is beyond its limit, neither prompt
    /// can be run, the numbers stop being finite, the device fails, or the host
    /// stops it.
    pub async fn run(
        &mut self,
        experiment: &Experiment,
        preview: bool,
        host: &impl Host,
    ) -> Result<Report, SessionError> {
        let (distinct, told) = experiment.checked()?;
        let asked = Asked {
            told,
            preview,
            most_captured: patching::MOST_CAPTURED,
        };
        let mut report = self.found(&distinct, asked, host).await?;
        report.experiment.clone_from(experiment);
        if let Some(path) = finite::not_finite(&report) {
            report.reading.problems.push(finite::problem(&path));
        }
        Ok(report)
    }

    /// What an experiment finds that is within its limits.
    async fn found(
        &mut self,
        experiment: &Experiment,
        asked: Asked,
        host: &impl Host,
    ) -> Result<Report, SessionError> {
        let lab = &mut self.lab;
        let largest = patching::largest_activation(&lab.model.config.shape);
        lab.backend.even_out(largest);
        let before = lab.backend.counters();
        let task = Task {
            host,
            bos: experiment.bos,
            field: Field::Experiment,
        };
        let known = &mut self.directions;
        let mut report = match experiment.room {
            Room::Steering => {
                steering::run(lab, known, &mut self.steering, experiment, asked, task).await?
            }
            Room::Patching => {
                patching::run(lab, known, &mut self.patching, experiment, asked, task).await?
            }
        };
        let counters = self.lab.backend.counters() - before;
        report.device = Some(counters).filter(|c| c.dispatches > 0);
        Ok(report)
    }
}
