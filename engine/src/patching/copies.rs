//! What a cell of a sweep copies, as edits.

use super::brought::Brought;
use super::setup::Case;
use crate::experiment::{Axes, Mode, Part, Site, Sweep, around};
use crate::host::SessionError;
use crate::rows::{Edit, Shape};

/// Which sites a sweep copies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// Those that a trace keeps.
    pub sites: Vec<Site>,
    pub pattern: bool,
}

impl Kept {
    pub fn of(sweep: &Sweep) -> Self {
        let sites = match sweep.axes() {
            Axes::Parts { others: true, .. } => vec![Site::Z, Site::MlpOut],
            Axes::Parts { parts, .. } => parts.iter().map(|p| p.site).collect(),
            // What is frozen on the way is copied from the run itself.
            Axes::Paths { .. } => vec![Site::Z, Site::AttnOut],
            Axes::LayerPosition { .. }
            | Axes::LayerHead { .. }
            | Axes::HeadPosition
            | Axes::DestinationSource { .. }
            | Axes::Neurons { .. } => vec![sweep.site],
        };
        Self {
            pattern: sites.contains(&Site::Pattern),
            sites: sites.into_iter().filter(|s| *s != Site::Pattern).collect(),
        }
    }
}

/// What a cell copies, and where to.
pub(crate) struct Copies<'a> {
    pub shape: &'a Shape,
    pub sweep: &'a Sweep,
    pub case: &'a Case,
    pub brought: &'a Brought,
}

impl Copies<'_> {
    /// The edits of a cell; of paths, what their senders write.
    pub fn cell(&self, row: usize, column: usize) -> Result<Vec<Edit>, SessionError> {
        let site = self.sweep.site;
        let mut edits = Vec::new();
        match self.sweep.axes() {
            Axes::LayerPosition { window } => {
                // As in causal tracing: as many before as after, one more before where even.
                let layers = around(row, window, site.layers(self.shape.n_layer));
                for layer in layers {
                    edits.push(self.edit((site, layer), None, None, column)?);
                }
            }
            Axes::LayerHead { positions } => {
                let part = Part {
                    site,
                    layer: row,
                    head: Some(column),
                    neurons: None,
                    positions,
                };
                self.part(&part, &mut edits)?;
            }
            Axes::Paths { .. } => self.head(row, column, &mut edits)?,
            Axes::HeadPosition => {
                let (layer, head) = (row / self.shape.n_head, row % self.shape.n_head);
                edits.push(self.edit((site, layer), Some(head), None, column)?);
            }
            Axes::DestinationSource { layer, head } => {
                edits.push(self.edit((site, layer), Some(head), Some((column, 1)), row)?);
            }
            Axes::Neurons { layer, positions } => {
                let part = Part {
                    site,
                    layer,
                    head: None,
                    neurons: Some(vec![column]),
                    positions,
                };
                self.part(&part, &mut edits)?;
            }
            Axes::Parts {
                parts,
                others: true,
            } => self.all_but(&parts, &mut edits)?,
            Axes::Parts { parts, .. } => {
                let chosen = match parts.get(column) {
                    Some(part) => std::slice::from_ref(part),
                    None => &parts,
                };
                for part in chosen {
                    self.part(part, &mut edits)?;
                }
            }
        }
        Ok(edits)
    }

    /// One head's output at all positions.
    fn head(&self, layer: usize, head: usize, edits: &mut Vec<Edit>) -> Result<(), SessionError> {
        for i in 0..self.case.aligned.len() {
            edits.push(self.edit((Site::Z, layer), Some(head), None, i)?);
        }
        Ok(())
    }

    fn part(&self, part: &Part, edits: &mut Vec<Edit>) -> Result<(), SessionError> {
        let everywhere: Vec<usize>;
        let positions = match &part.positions {
            Some(positions) => positions,
            None => {
                everywhere = (0..self.case.aligned.len()).collect();
                &everywhere
            }
        };
        for i in positions {
            match &part.neurons {
                None => edits.push(self.edit((part.site, part.layer), part.head, None, *i)?),
                Some(neurons) => {
                    for n in neurons {
                        edits.push(self.edit((part.site, part.layer), None, Some((*n, 1)), *i)?);
                    }
                }
            }
        }
        Ok(())
    }

    /// Every head and MLP but those chosen: a part at some positions is chosen there.
    fn all_but(&self, parts: &[Part], edits: &mut Vec<Edit>) -> Result<(), SessionError> {
        let chosen = |layer: usize, head: Option<usize>, i: usize| {
            parts.iter().any(|p| {
                p.layer == layer
                    && p.site.per_head() == head.is_some()
                    && (p.head.is_none() || p.head == head)
                    && p.positions.as_ref().is_none_or(|list| list.contains(&i))
            })
        };
        for layer in 0..self.shape.n_layer {
            for i in 0..self.case.aligned.len() {
                for head in (0..self.shape.n_head).filter(|h| !chosen(layer, Some(*h), i)) {
                    edits.push(self.edit((Site::Z, layer), Some(head), None, i)?);
                }
                if !chosen(layer, None, i) {
                    edits.push(self.edit((Site::MlpOut, layer), None, None, i)?);
                }
            }
        }
        Ok(())
    }

    /// One activation, at the `i`th of the aligned positions.
    fn edit(
        &self,
        (site, layer): (Site, usize),
        head: Option<usize>,
        part: Option<(usize, usize)>,
        i: usize,
    ) -> Result<Edit, SessionError> {
        let (clean, corrupted) = self.case.aligned[i];
        let (position, from) = match self.sweep.mode {
            Mode::Denoising => (corrupted, clean),
            Mode::Noising => (clean, corrupted),
        };
        let from = if self.sweep.bring.is_other() {
            from
        } else {
            position
        };
        let op = self
            .brought
            .op(self.shape, (site, layer), head, part, from)?;
        Ok(Edit {
            site,
            layer,
            head,
            part,
            position,
            op,
        })
    }
}

/// Sites in their order, each once.
pub(crate) fn distinct(mut sites: Vec<Site>) -> Vec<Site> {
    sites.sort_unstable();
    sites.dedup();
    sites
}
