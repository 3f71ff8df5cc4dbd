//! Whether a direction does better than random ones: said of each layer, and
//! of all of them.

use super::setup::Setup;
use crate::experiment::{Effect, MapCell, MapNumbers, Tried, Verdict};
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
        };
        verdict.said = self.said(&verdict, coherent, unsteered);
        verdict
    }

    fn said(&self, v: &Verdict, coherent: bool, unsteered: &MapNumbers) -> String {
        let place = match v.overall {
            true => "At its best layer of the map,".into(),
            false => format!("At layer {},", v.layer),
        };
        let Some(c) = v.coefficient else {
            return format!(
                "{place} no push stays in the coherent band (a perplexity of at most {} times the unsteered one), so there is nothing to compare.",
                self.cap
            );
        };
        let what = match self.effect {
            Effect::Words => "share of texts with one of the words",
            Effect::Target => "probability of the target tokens",
            Effect::Reading => "reading of the text by the unsteered model",
        };
        let (own, before) = (v.effect, self.effect(unsteered));
        let place = match v.overall {
            true => format!("At its best layer of the map, {},", v.layer),
            false => place,
        };
        let start =
            format!("{place} with coefficient {c}, the {what} is {own:.2} ({before:.2} unsteered)");
        if !coherent {
            return format!(
                "{start}, but the text there is outside the coherent band: its perplexity is more than {} times the unsteered one.",
                self.cap
            );
        }
        if own <= before {
            return format!("{start}: the direction does no better than leaving the model alone.");
        }
        if v.tried == 0 {
            return format!(
                "{start}; no random direction was tried, so nothing says whether it does better than one."
            );
        }
        let best = match v.random {
            Some(best) => format!("{best:.2} at best"),
            None => "none of them in the coherent band".into(),
        };
        let choice = match v.overall && self.coefficients.len() > 1 {
            true => {
                " The direction had all cells of the map to choose from; the random ones had the coefficients that suit it."
            }
            false => "",
        };
        let cap = self.cap;
        match v.tried - v.beaten {
            0 => format!(
                "{start}, more than under any of {} random directions of the same length ({best}), within {cap} times the unsteered perplexity.{choice}",
                v.tried
            ),
            as_good => format!(
                "{start}, but {as_good} of {} random directions of the same length do as much or more ({best}): it does no better than random.{choice}",
                v.tried
            ),
        }
    }
}
