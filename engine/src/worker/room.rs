//! What a device has room for, by what its browser tells of it.

use crate::sentence::{Says, Sentence};
use serde::Serialize;

/// Memory that an engine takes beside its weights: activations, tokenizer, code.
const BESIDE: u64 = 100 << 20;

/// What a device is taken to have whose browser does not tell: no more than a phone
/// of some years ago. In GiB.
const UNTOLD: f64 = 1.0;

/// The share of a device's memory that all engines may take: one of so many.
const SHARE: f64 = 2.0;

/// What a page may have in all, on the CPU.
const PAGE: u64 = u32::MAX as u64;

/// Sweeps of smaller models are done before another engine has heard of them.
const WORTH_IT: u64 = 20_000_000;

/// More cores than this bring little, and cost a model each.
const MOST: usize = 4;

/// Bytes of memory that a model takes.
#[must_use]
pub fn needed(parameters: u64) -> u64 {
    parameters.saturating_mul(4).saturating_add(BESIDE)
}

/// What a browser tells of its device.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    pub cores: usize,
    /// In GiB, rounded and at most some; some browsers do not tell.
    pub memory: Option<f64>,
}

impl Device {
    /// Bytes that all engines together may take.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // of bytes
    fn room(self) -> u64 {
        (self.memory.unwrap_or(UNTOLD) * f64::from(1 << 30) / SHARE) as u64
    }

    /// How many engines to have beside one: as many as there is room for with it.
    pub fn helpers(self, parameters: u64) -> usize {
        if parameters < WORTH_IT {
            return 0;
        }
        let fit = usize::try_from(self.room() / needed(parameters)).unwrap_or(MOST);
        self.cores.min(MOST).min(fit).saturating_sub(1)
    }

    /// What to say to a person before a model that takes so many bytes of memory is
    /// fetched, where it may not fit.
    pub fn doubt(self, needed: u64) -> Option<Doubt> {
        let megabytes = needed / 1_000_000;
        if needed > PAGE {
            return Some(Doubt::MoreThanAPage { megabytes });
        }
        if needed <= self.room() {
            return None;
        }
        Some(match self.memory {
            Some(memory) => Doubt::Little { megabytes, memory },
            None => Doubt::Untold { megabytes },
        })
    }
}

/// Why a model may not fit.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    #[error(
        "It takes about {megabytes} MB of memory, more than the 4 GB that a page may use on the CPU; only a GPU with room for it can run it."
    )]
    MoreThanAPage { megabytes: u64 },
    #[error(
        "It takes about {megabytes} MB of memory, and this device says that it has {memory} GB in all: where that is too little, as on many phones, the browser closes the page. A smaller model is safer."
    )]
    Little {
        megabytes: u64,
        /// In GiB.
        memory: f64,
    },
    #[error(
        "It takes about {megabytes} MB of memory, and this browser does not say how much this device has: where that is too little, as on many phones, the browser closes the page. A smaller model is safer."
    )]
    Untold { megabytes: u64 },
}

impl Sentence for Doubt {
    fn says(&self) -> Says {
        Says::of("memory", self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPT2: u64 = 124_439_808;
    const DISTIL: u64 = 81_912_576;
    const XL: u64 = 1_557_611_200;

    fn device(cores: usize, memory: impl Into<Option<f64>>) -> Device {
        Device {
            cores,
            memory: memory.into(),
        }
    }

    #[test]
    fn helpers_come_only_where_all_engines_fit() {
        for (device, parameters, helpers) in [
            (device(8, 8.0), GPT2, 3),
            (device(2, 8.0), GPT2, 1),
            (device(1, 8.0), GPT2, 0),
            (device(8, 4.0), GPT2, 2),
            (device(8, 2.0), GPT2, 0),
            (device(8, 2.0), DISTIL, 1),
            (device(8, None), GPT2, 0),
            (device(8, None), DISTIL, 0),
            (device(8, 8.0), XL, 0),
            (device(8, 8.0), 1_000_000, 0),
        ] {
            assert_eq!(
                device.helpers(parameters),
                helpers,
                "{device:?} {parameters}"
            );
        }
    }

    #[test]
    fn the_engines_never_take_more_than_their_share() {
        for memory in [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 32.0] {
            for millions in [20, 82, 124, 355, 774, 1558] {
                let parameters = millions * 1_000_000;
                let device = device(64, memory);
                let engines = 1 + device.helpers(parameters) as u64;
                let fits = engines * needed(parameters) <= device.room();
                assert!(engines == 1 || fits, "{device:?} {parameters}");
            }
        }
    }

    #[test]
    fn what_may_not_fit_is_said() {
        assert_eq!(device(8, 8.0).doubt(needed(GPT2)), None);
        assert_eq!(device(8, None).doubt(needed(DISTIL)), None);
        let said = device(8, None).doubt(needed(GPT2)).unwrap().to_string();
        assert!(
            said.contains("602 MB") && said.contains("does not say"),
            "{said}"
        );
        let said = device(8, 0.5).doubt(needed(DISTIL)).unwrap().to_string();
        assert!(said.contains("says that it has 0.5 GB in all"), "{said}");
        let said = device(8, 8.0).doubt(needed(XL)).unwrap().to_string();
        assert!(said.contains("only a GPU"), "{said}");
        assert!(device(8, None).doubt(needed(u64::MAX)).is_some());
    }
}
