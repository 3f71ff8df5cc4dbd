//! The steering room: directions found, made to act while a text is written,
//! and measured.

mod detect;
mod map;
mod measures;
mod reports;
mod write;

use crate::backend::Backend;
use crate::directions::DictionaryLayout as Layout;
use crate::directions::{Act, Resolved, acts, edits};
use crate::experiment::{
    DetectorReport, Experiment, Field, Site, Steer, SteerReport, SteerUpdate, Summary, Update,
};
use crate::host::{Beats, Host, SessionError};
use crate::lab::finite::{Overflow, numbers};
use crate::lab::line::{CACHE, Line};
use crate::numbers::Sampler;
use crate::rows::{Run, kept_for_entry};
use crate::session::Session;
use measures::{measures, read};
use std::rc::Rc;
use write::Unsteered;

/// What steering remembers between experiments, so that moving a slider does
/// not find the directions and write the unsteered text again.
#[derive(Default)]
pub(crate) struct Memory {
    /// By the JSON of where each came from.
    pub(crate) directions: Vec<(String, Rc<Resolved>)>,
    /// Where the tensors of dictionaries' files are, by their addresses.
    pub(crate) layouts: Vec<(String, Layout)>,
    unsteered: Option<(String, Unsteered)>,
    detector: Option<(String, DetectorReport)>,
    map: map::Remembered,
}

/// At most so many continuations at once.
const MOST_SAMPLES: usize = 32;

impl<B: Backend> Session<B> {
    /// Everything that the steering room shows.
    pub(crate) async fn steer(
        &mut self,
        experiment: &Experiment,
        steer: &Steer,
        preview: bool,
        host: &impl Host,
    ) -> Result<SteerReport, SessionError> {
        let sampler = Sampler::new(steer.sampling)?;
        if !(1..=MOST_SAMPLES).contains(&steer.sampling.samples) {
            return Err(SessionError::of(
                Field::Sampling,
                format!(
                    "{} continuations were asked for; from 1 to {MOST_SAMPLES} are written at once.",
                    steer.sampling.samples
                ),
            ));
        }
        let prompt = self.to_continue(Field::SteerPrompt, &steer.prompt, experiment.bos)?;
        let resolved = self.directions(steer, experiment.bos, host).await?;
        let mut sites: Vec<Site> = steer.directions.iter().map(|d| d.site).collect();
        sites.extend(
            resolved
                .iter()
                .filter_map(|r| Some(r.feature.as_ref()?.site)),
        );
        sites.sort_unstable();
        sites.dedup();
        let (base, activations) = self.unsteered_base(&sites, &prompt, host).await?;
        let mut report = SteerReport {
            prompt: self.tokenizer.tokens(&prompt),
            directions: self
                .direction_reports(steer, &resolved, &activations)
                .await?,
            ..SteerReport::default()
        };
        host.update(Update::Steer(SteerUpdate::Directions {
            prompt: report.prompt.clone(),
            directions: report.directions.clone(),
        }));
        let acts = acts(
            steer,
            &resolved,
            &|site, layer| activations.mean_norm(site, layer),
            &self.model.config.shape,
        )?;
        let steered = self.steered_base(&base, &acts, host).await?;
        let settings = write::Settings {
            sampler,
            sampling: steer.sampling,
            prompt: prompt.len(),
            key: format!("{prompt:?} {:?}", steer.sampling),
        };
        report.samples = self
            .write(&settings, &base, steered.as_ref(), &acts, host)
            .await?;
        report.summary = Some(Summary {
            unsteered: measures(
                &read(report.samples.iter().map(|s| &s.unsteered)),
                &steer.words,
            ),
            steered: measures(
                &read(report.samples.iter().map(|s| &s.steered)),
                &steer.words,
            ),
        });
        if let Some(detector) = &steer.detector {
            let found = self.detector(steer, detector, &resolved, experiment.bos, host);
            let found = found.await?;
            host.update(Update::Steer(SteerUpdate::Detector(found.clone())));
            report.detector = Some(found);
        }
        if let Some(map) = &steer.map {
            report.map = self
                .map(experiment, steer, map, &resolved, preview, host)
                .await?;
        }
        Ok(report)
    }

    /// The run of the prompt that everything continues, and the activations
    /// that the directions are compared with: `[site][layer][position]`.
    pub(crate) async fn unsteered_base(
        &mut self,
        sites: &[Site],
        prompt: &[u32],
        host: &impl Host,
    ) -> Result<(Line, reports::Activations), SessionError> {
        let places: Vec<(Site, usize, usize)> = sites
            .iter()
            .flat_map(|s| (0..self.info.n_layer).map(move |l| (*s, l)))
            .flat_map(|(s, l)| (0..prompt.len()).map(move |p| (s, l, p)))
            .collect();
        let mut kept = kept_for_entry(sites.iter().copied());
        kept.sort_unstable();
        let run = Run {
            reads: vec![prompt.len() - 1],
            captures: places.clone(),
            ..Run::of(prompt.into())
        }
        .kept(&self.store.pool, &kept);
        let quiet = |_| None;
        let pulse = Beats::new(host, &quiet);
        let (line, captured) = self.line(run.clone(), &pulse).await?;
        if !numbers(&line.logits) {
            let of = Overflow {
                field: Field::Model,
                whose: "the unsteered run",
            };
            return Err(self.overflow(of, &run, host).await);
        }
        Ok((line, reports::Activations::new(places, captured)))
    }

    /// The prompt's run with the directions acting; `None` where none acts on
    /// anything, now or later.
    async fn steered_base(
        &mut self,
        base: &Line,
        acts: &[Act],
        host: &impl Host,
    ) -> Result<Option<Line>, SessionError> {
        if acts.is_empty() {
            return Ok(None);
        }
        let run = steered_run(base, acts).kept(&self.store.pool, &CACHE);
        if run.edits.is_empty() {
            // It acts on what is written only.
            return Ok(Some(base.clone()));
        }
        let quiet = |_| None;
        let pulse = Beats::new(host, &quiet);
        let (mut line, _) = self.line(run.clone(), &pulse).await?;
        if !numbers(&line.logits) {
            let of = Overflow {
                field: Field::direction(0),
                whose: "the steered run",
            };
            return Err(self.overflow(of, &run, host).await);
        }
        if line.logits.is_empty() {
            line.logits = base.logits.clone();
        }
        Ok(Some(line))
    }
}

/// The prompt's run again, with directions acting.
fn steered_run(base: &Line, acts: &[Act]) -> Run {
    let len = base.trace.tokens.len();
    Run {
        edits: edits(acts, len),
        reads: vec![len - 1],
        ..Run::over(&base.trace)
    }
}
