//! A sweep's grid: what its rows and columns are, and whether it can be.

use super::setup::Case;
use super::unfit::{SweepProblem, part_name};
use crate::experiment::{Axes, Axis, Chosen, Frame, Mode, Part, Receiver, Role, Site, Sweep};
use crate::rows::Shape;

/// The grid of a sweep, or why there is none.
pub(crate) fn frame(
    shape: &Shape,
    sweep: &Sweep,
    first: &Case,
    roles: &[Role],
) -> Result<Frame, SweepProblem> {
    let site = sweep.site;
    let layers = || Axis::Layers((0..shape.n_layer).collect());
    let heads = || Axis::Heads((0..shape.n_head).collect());
    let positions = |axis: fn(Vec<usize>) -> Axis| {
        let patched = |(clean, corrupted): &(usize, usize)| match sweep.mode {
            Mode::Denoising => *corrupted,
            Mode::Noising => *clean,
        };
        match roles {
            [] => axis(first.aligned.iter().map(patched).collect()),
            some => Axis::Roles(some.to_vec()),
        }
    };
    let kind = sweep.axes().kind();
    if !kind.fits(site) {
        return Err(SweepProblem::unfit(kind, site));
    }
    let (rows, columns) = match &sweep.axes() {
        Axes::LayerPosition { window } => {
            let most = site.layers(shape.n_layer);
            if *window == 0 || *window > most {
                let window = *window;
                return Err(SweepProblem::Window { site, most, window });
            }
            let rows = match site.per_layer() {
                true => layers(),
                false => Axis::Site(site),
            };
            (rows, positions(Axis::Positions))
        }
        Axes::LayerHead { positions } => {
            check_positions(positions.as_deref(), first)?;
            (layers(), heads())
        }
        Axes::HeadPosition => {
            let heads = (0..shape.n_layer).flat_map(|l| (0..shape.n_head).map(move |h| (l, h)));
            let columns = match site == Site::Pattern {
                true => positions(Axis::Destinations),
                false => positions(Axis::Positions),
            };
            (Axis::LayerHeads(heads.collect()), columns)
        }
        Axes::DestinationSource { layer, head } => {
            check_layer(shape, *layer)?;
            check_head(shape, *head)?;
            (positions(Axis::Destinations), positions(Axis::Sources))
        }
        Axes::Neurons { layer, positions } => {
            check_layer(shape, *layer)?;
            check_positions(positions.as_deref(), first)?;
            let neurons = (0..shape.n_inner).collect();
            (Axis::Layers(vec![*layer]), Axis::Neurons(neurons))
        }
        Axes::Parts { parts, others } => {
            if parts.is_empty() && !others {
                return Err(SweepProblem::NoPartChosen);
            }
            for part in parts {
                check_part(shape, part, first)?;
                let whole = matches!(part.site, Site::Z | Site::MlpOut);
                if *others && !whole {
                    let part = part.clone();
                    return Err(SweepProblem::NeitherHeadNorMlp { part });
                }
            }
            let columns = match others {
                true => vec![Chosen::Others],
                false => {
                    let alone = parts.iter().map(|part| Chosen::Alone(part_name(part)));
                    alone.chain([Chosen::Together]).collect()
                }
            };
            (Axis::Set, Axis::Parts(columns))
        }
        Axes::Paths { receiver, .. } => {
            match receiver {
                Receiver::Logits => {}
                Receiver::Q { layer, head }
                | Receiver::K { layer, head }
                | Receiver::V { layer, head } => {
                    check_layer(shape, *layer)?;
                    check_head(shape, *head)?;
                    if *layer == 0 {
                        return Err(SweepProblem::EarlyReceiver);
                    }
                }
                Receiver::Mlp { layer } => check_layer(shape, *layer)?,
            }
            (layers(), heads())
        }
    };
    Ok(Frame {
        sweep: sweep.clone(),
        rows,
        columns,
    })
}

/// Whether there is a cell: a pattern has none above its diagonal, a path none
/// that would lead backwards.
pub(crate) fn exists(sweep: &Sweep, row: usize, column: usize) -> bool {
    match sweep.axes() {
        Axes::DestinationSource { .. } => column <= row,
        Axes::Paths { receiver, .. } => match receiver {
            Receiver::Logits => true,
            Receiver::Q { layer, .. } | Receiver::K { layer, .. } | Receiver::V { layer, .. } => {
                row < layer
            }
            Receiver::Mlp { layer } => row <= layer,
        },
        Axes::LayerPosition { .. }
        | Axes::LayerHead { .. }
        | Axes::HeadPosition
        | Axes::Neurons { .. }
        | Axes::Parts { .. } => true,
    }
}

fn check_layer(shape: &Shape, layer: usize) -> Result<(), SweepProblem> {
    let last = shape.n_layer - 1;
    match layer <= last {
        true => Ok(()),
        false => Err(SweepProblem::Layer { layer, last }),
    }
}

fn check_head(shape: &Shape, head: usize) -> Result<(), SweepProblem> {
    let last = shape.n_head - 1;
    match head <= last {
        true => Ok(()),
        false => Err(SweepProblem::Head { head, last }),
    }
}

fn check_positions(positions: Option<&[usize]>, first: &Case) -> Result<(), SweepProblem> {
    let Some(positions) = positions else {
        return Ok(());
    };
    if positions.is_empty() {
        return Err(SweepProblem::NoPosition);
    }
    match positions.iter().find(|p| **p >= first.aligned.len()) {
        None => Ok(()),
        Some(position) => Err(SweepProblem::Position {
            position: *position,
            last: first.aligned.len() - 1,
        }),
    }
}

fn check_part(shape: &Shape, part: &Part, first: &Case) -> Result<(), SweepProblem> {
    let site = part.site;
    if site == Site::Logits {
        return Err(SweepProblem::Logits);
    }
    match site.per_layer() {
        true => check_layer(shape, part.layer)?,
        false if part.layer > 0 => return Err(SweepProblem::NoLayer { site }),
        false => {}
    }
    match part.head {
        Some(head) if site.per_head() => check_head(shape, head)?,
        Some(_) => return Err(SweepProblem::NoHead { site }),
        None if site == Site::Pattern => return Err(SweepProblem::PatternOfHead),
        None => {}
    }
    if let Some(neurons) = &part.neurons {
        if !matches!(site, Site::MlpPre | Site::MlpPost) {
            return Err(SweepProblem::PartWithoutNeurons { site });
        }
        if neurons.is_empty() || neurons.iter().any(|n| *n >= shape.n_inner) {
            let last = shape.n_inner - 1;
            return Err(SweepProblem::Neurons { last });
        }
    }
    check_positions(part.positions.as_deref(), first)
}
