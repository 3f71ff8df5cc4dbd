//! Whether a direction does better than random ones: said of each layer, and
//! of all of them.

use super::setup::Setup;
use super::told::{At, VerdictTold};
use crate::experiment::{MapCell, MapNumbers, Tried, Verdict};
use crate::sentence::{Said, Says, Sentence};
use std::cmp::Ordering;

impl Setup {
    /// By effect, and among equals by cost: the better is the larger.
    fn compare(&self, a: &MapCell, b: &MapCell) -> Ordering {
        let [a, b] = [a, b].map(|c| c.numbers.unwrap_or_default());
        let cheaper = b.measures.perplexity.total_cmp(&a.measures.perplexity);
        self.effect(&a).total_cmp(&self.effect(&b)).then(cheaper)
    }

    /// The effect that counts here.
    fn effect(&self, numbers: &MapNumbers) -> f32 {
        numbers.effect(self.effect).unwrap_or_default()
    }

    pub fn most_perplexity(&self, unsteered: &MapNumbers) -> f32 {
        self.cap * unsteered.measures.perplexity
    }

    fn in_band(&self, cell: &MapCell, unsteered: &MapNumbers) -> bool {
        let most = self.most_perplexity(unsteered);
        cell.numbers.is_some_and(|n| n.measures.perplexity <= most)
    }

    /// Where a layer's controls act: with the coefficient that was chosen,
    /// coherent or not, or else where the direction's effect is largest in the band, and among
    /// equals where it costs least.
    pub fn best<'a>(
        &self,
        cells: &'a [MapCell],
        layer: usize,
        unsteered: &MapNumbers,
    ) -> Option<&'a MapCell> {
        let chosen = self.controls.coefficient;
        cells
            .iter()
            .filter(|c| c.of == Tried::Direction && c.layer == layer)
            .filter(|c| !(self.adds() && c.coefficient == 0.0))
            .filter(|c| chosen.is_none_or(|chosen| c.coefficient == chosen))
            .filter(|c| chosen.is_some() || self.in_band(c, unsteered))
            .max_by(|a, b| self.compare(a, b))
    }

    /// Each layer's verdict, and that of all layers last.
    pub fn verdicts(&self, cells: &[MapCell], unsteered: &MapNumbers) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let mut all = Vec::new();
        for layer in &self.layers {
            let at = self.best(cells, *layer, unsteered);
            verdicts.push(self.verdict(cells, at, Some(*layer), unsteered));
            all.extend(at.filter(|at| self.in_band(at, unsteered)));
        }
        let best = all.into_iter().max_by(|a, b| self.compare(a, b));
        verdicts.push(self.verdict(cells, best, None, unsteered));
        verdicts
    }

    /// Of one layer, or of all against the controls at all.
    fn verdict(
        &self,
        cells: &[MapCell],
        at: Option<&MapCell>,
        layer: Option<usize>,
        unsteered: &MapNumbers,
    ) -> Verdict {
        let controls = || {
            cells
                .iter()
                .filter(|c| layer.is_none_or(|l| c.layer == l))
                .filter(|c| c.of != Tried::Direction)
        };
        let effect = |c: &MapCell| {
            let found = c.numbers.filter(|_| self.in_band(c, unsteered))?;
            Some(self.effect(&found))
        };
        let largest = |effects: Vec<Option<f32>>| effects.into_iter().flatten().reduce(f32::max);
        let (shuffled, random): (Vec<&MapCell>, Vec<&MapCell>) =
            controls().partition(|c| c.of == Tried::Shuffled);
        let own = self.effect(&at.and_then(|c| c.numbers).unwrap_or_default());
        let beaten = random
            .iter()
            .filter(|c| at.is_some() && effect(c).is_none_or(|e| e < own))
            .count();
        let coherent = at.is_some_and(|c| self.in_band(c, unsteered));
        let mut verdict = Verdict {
            layer: at
                .map(|c| c.layer)
                .or(layer)
                .or(self.layers.first().copied())
                .unwrap_or_default(),
            overall: layer.is_none(),
            better: coherent
                && own > self.effect(unsteered)
                && !random.is_empty()
                && beaten == random.len(),
            coefficient: at.map(|c| c.coefficient),
            effect: own,
            random: largest(random.iter().map(|c| effect(c)).collect()),
            shuffled: largest(shuffled.iter().map(|c| effect(c)).collect()),
            tried: random.len(),
            beaten,
            said: String::new(),
            says: Says::default(),
        };
        let Said { message, says } = self.told(&verdict, coherent, unsteered).said();
        (verdict.said, verdict.says) = (message, says);
        verdict
    }

    fn told(&self, v: &Verdict, coherent: bool, unsteered: &MapNumbers) -> VerdictTold {
        let (cap, layer) = (self.cap, v.layer);
        let Some(coefficient) = v.coefficient else {
            return match v.overall {
                true => VerdictTold::NoPush { cap },
                false => VerdictTold::NoPushAt { layer, cap },
            };
        };
        let at = At {
            layer,
            best: v.overall,
            coefficient,
            by: self.effect,
            effect: v.effect,
            unsteered: self.effect(unsteered),
        };
        if !coherent {
            return VerdictTold::Incoherent { at, cap };
        }
        if at.effect <= at.unsteered {
            return VerdictTold::AsUnsteered { at };
        }
        let (tried, best) = (v.tried, v.random);
        if tried == 0 {
            return VerdictTold::NoneTried { at };
        }
        let chosen = v.overall && self.coefficients.len() > 1;
        match tried - v.beaten {
            0 => VerdictTold::Better {
                at,
                tried,
                best,
                cap,
                chosen,
            },
            as_good => VerdictTold::AsRandom {
                at,
                as_good,
                tried,
                best,
                chosen,
            },
        }
    }
}
