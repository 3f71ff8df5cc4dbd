//! From logits to the next token.

use super::noise::Noise;
use crate::backend::candle::{said, text};
use crate::experiment::Sampling;
use crate::sentence::{Says, Sentence};
use candle_core::{Device, Tensor};
use candle_transformers::utils::apply_repeat_penalty;
use serde::Serialize;

/// Why sampling cannot go on.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplingError {
    /// It is negative, infinite or not a number.
    #[error(
        "Temperature is {found}; it divides the logits, so it is 0 (the likeliest token) or more"
    )]
    Temperature {
        /// As the experiment has it.
        found: f32,
    },
    /// It leaves no token.
    #[error("Top-k is 0; at least 1 token has to be left")]
    TopK,
    /// It leaves no token, or is no probability.
    #[error("Top-p is {found}; it is a probability above 0, at most 1")]
    TopP {
        /// As the experiment has it.
        found: f32,
    },
    /// It is not above 0, or infinite.
    #[error("Repetition penalty is {found}; it divides logits, so it is above 0")]
    RepetitionPenalty {
        /// As the experiment has it.
        found: f32,
    },
    /// It is infinite or not a number.
    #[error("Frequency penalty is {found}; it is a number")]
    FrequencyPenalty {
        /// As the experiment has it.
        found: f32,
    },
    /// A logit that a token was to be drawn from is infinite or not a number.
    #[error(
        "the model's logits are no longer finite numbers; the steering is too strong for 32-bit arithmetic, so make the coefficient smaller"
    )]
    NotFinite,
    /// candle, which applies the repetition penalty, failed.
    #[error("{}", said(.0))]
    Candle(
        #[from]
        #[serde(serialize_with = "text")]
        candle_core::Error,
    ),
}

impl Sentence for SamplingError {
    fn says(&self) -> Says {
        Says::of("sampling", self)
    }
}

/// Sampling settings, checked.
#[derive(Clone, Copy, Debug)]
pub struct Sampler {
    settings: Sampling,
}

impl Sampler {
    /// # Errors
    /// [`SamplingError`] naming the setting that makes no sense.
    pub fn new(settings: Sampling) -> Result<Self, SamplingError> {
        let s = settings;
        if !(s.temperature >= 0.0 && s.temperature.is_finite()) {
            let found = s.temperature;
            return Err(SamplingError::Temperature { found });
        }
        if s.top_k == Some(0) {
            return Err(SamplingError::TopK);
        }
        if let Some(found) = s.top_p
            && !(found > 0.0 && found <= 1.0)
        {
            return Err(SamplingError::TopP { found });
        }
        if !(s.repetition_penalty > 0.0 && s.repetition_penalty.is_finite()) {
            let found = s.repetition_penalty;
            return Err(SamplingError::RepetitionPenalty { found });
        }
        if !s.frequency_penalty.is_finite() {
            let found = s.frequency_penalty;
            return Err(SamplingError::FrequencyPenalty { found });
        }
        Ok(Self { settings })
    }

    /// The next token after `tokens`, of which `prompt` were given. `step`
    /// counts the tokens written before this one.
    ///
    /// # Errors
    /// [`SamplingError::NotFinite`] where the logits are no numbers.
    pub fn choose(
        &self,
        logits: &[f32],
        tokens: &[u32],
        prompt: usize,
        noise: Noise,
    ) -> Result<u32, SamplingError> {
        if logits.iter().any(|l| !l.is_finite()) {
            return Err(SamplingError::NotFinite);
        }
        let step = tokens.len() - prompt;
        let scores = self.scores(logits, tokens, prompt)?;
        let greedy = self.settings.temperature == 0.0;
        let luck = |token: u32| {
            if greedy {
                0.0
            } else {
                noise.gumbel(step, token)
            }
        };
        let mut best = (0, f64::NEG_INFINITY);
        for (token, score) in scores {
            let lucky = f64::from(score) + luck(token);
            // Among equals the smaller id.
            if lucky > best.1 || (lucky == best.1 && token < best.0) {
                best = (token, lucky);
            }
        }
        Ok(best.0)
    }

    /// The tokens that may be drawn and their scores, as Hugging Face's
    /// processors and warpers make them, in their order.
    ///
    /// # Errors
    /// candle's own.
    pub fn scores(
        &self,
        logits: &[f32],
        tokens: &[u32],
        prompt: usize,
    ) -> Result<Vec<(u32, f32)>, SamplingError> {
        let s = self.settings;
        let mut logits = logits.to_vec();
        if s.repetition_penalty != 1.0 {
            let n = logits.len();
            let all = Tensor::from_vec(logits, n, &Device::Cpu)?;
            logits = apply_repeat_penalty(&all, s.repetition_penalty, tokens)?.to_vec1()?;
        }
        if s.frequency_penalty != 0.0 {
            for token in &tokens[prompt..] {
                if let Some(logit) = logits.get_mut(*token as usize) {
                    *logit -= s.frequency_penalty;
                }
            }
        }
        let mut scores: Vec<(u32, f32)> = (0..).zip(logits).collect();
        if s.temperature == 0.0 {
            return Ok(scores);
        }
        scores
            .iter_mut()
            .for_each(|s| s.1 /= self.settings.temperature);
        let k = s.top_k.unwrap_or(usize::MAX);
        if k >= scores.len() && s.top_p.is_none_or(|p| p == 1.0) {
            return Ok(scores);
        }
        // Largest first, the smaller id first among equals.
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        scores.truncate(k);
        if let Some(p) = s.top_p {
            let largest = f64::from(scores[0].1);
            let weight = |s: f32| (f64::from(s) - largest).exp();
            let total: f64 = scores.iter().map(|s| weight(s.1)).sum();
            let mut before = 0.0;
            let kept = scores.iter().take_while(|s| {
                let keep = before < f64::from(p) * total;
                before += weight(s.1);
                keep
            });
            let kept = kept.count();
            scores.truncate(kept);
        }
        Ok(scores)
    }
}
