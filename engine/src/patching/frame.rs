//! A sweep's grid: what its rows and columns are, and whether it can be.

use super::setup::Case;
use crate::experiment::{Axes, Axis, Frame, GridKind, Mode, Part, Receiver, Role, Site, Sweep};
use crate::rows::Shape;

/// The grid of a sweep, or why there is none.
pub(crate) fn frame(
    shape: &Shape,
    sweep: &Sweep,
    first: &Case,
    roles: &[Role],
) -> Result<Frame, String> {
    let site = sweep.site;
    let layers = || axis("layer", 0..shape.n_layer);
    let heads = || axis("head", 0..shape.n_head);
    let positions = |name| {
        let patched = |(clean, corrupted): &(usize, usize)| match sweep.mode {
            Mode::Denoising => *corrupted,
            Mode::Noising => *clean,
        };
        match roles {
            [] => axis(name, first.aligned.iter().map(patched)),
            some => axis("role", some.iter().map(|r| r.name())),
        }
    };
    let kind = sweep.axes().kind();
    if !kind.fits(site) {
        return Err(unfit(kind, site));
    }
    let (rows, columns) = match &sweep.axes() {
        Axes::LayerPosition { window } => {
            let most = site.layers(shape.n_layer);
            if *window == 0 || *window > most {
                return Err(format!(
                    "A window at {site} spans 1 to {most} layers, not {window}."
                ));
            }
            let rows = match site.per_layer() {
                true => layers(),
                false => axis("site", [site]),
            };
            (rows, positions("position"))
        }
        Axes::LayerHead { positions } => {
            check_positions(positions.as_deref(), first)?;
            (layers(), heads())
        }
        Axes::HeadPosition => {
            let names =
                (0..shape.n_layer).flat_map(|l| (0..shape.n_head).map(move |h| format!("{l}.{h}")));
            let name = if site == Site::Pattern {
                "destination"
            } else {
                "position"
            };
            (axis("head", names), positions(name))
        }
        Axes::DestinationSource { layer, head } => {
            check_layer(shape, *layer)?;
            check_head(shape, *head)?;
            (positions("destination"), positions("source"))
        }
        Axes::Neurons { layer, positions } => {
            check_layer(shape, *layer)?;
            check_positions(positions.as_deref(), first)?;
            (axis("layer", [layer]), axis("neuron", 0..shape.n_inner))
        }
        Axes::Parts { parts, others } => {
            if parts.is_empty() && !others {
                return Err("No part is chosen; choose at least one.".into());
            }
            for part in parts {
                check_part(shape, part, first)?;
                let whole = matches!(part.site, Site::Z | Site::MlpOut);
                if *others && !whole {
                    return Err(format!(
                        "Everything but the parts is every other head and MLP, so the parts are heads (z) and MLPs (mlp_out), not {}; choose one of those, or patch the part itself.",
                        name(part)
                    ));
                }
            }
            let together = if *others {
                "everything else"
            } else {
                "together"
            };
            let alone = parts.iter().filter(|_| !others).map(name);
            (
                axis("set", ["chosen"]),
                axis("part", alone.chain([together.to_owned()])),
            )
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
                        return Err("A head of layer 0 reads the embeddings alone; choose a receiver in a later layer.".into());
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

/// Why a site's cells cannot be laid out so.
fn unfit(kind: GridKind, site: Site) -> String {
    let sites = kind.sites();
    match kind {
        GridKind::LayerPosition => {
            format!("{site} cannot be swept over layers and positions; take one of {sites}.")
        }
        GridKind::LayerHead | GridKind::HeadPosition => {
            format!("{site} has no heads to sweep over; take one of {sites}.")
        }
        GridKind::DestinationSource => {
            format!("Only a pattern has destinations and sources; {site} has not.")
        }
        GridKind::Neurons => format!("{site} has no neurons; take one of {sites}."),
        GridKind::Paths => format!("Paths start at heads' outputs, z, not at {site}."),
        GridKind::Parts | GridKind::Others => format!("{site} is no part of the model."),
    }
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

/// The layer and, where it is one, the head that a cell is about.
pub(crate) fn place(
    shape: &Shape,
    sweep: &Sweep,
    row: usize,
    column: usize,
) -> (usize, Option<usize>) {
    match sweep.axes() {
        Axes::LayerPosition { .. } => (row, None),
        Axes::LayerHead { .. } | Axes::Paths { .. } => (row, Some(column)),
        Axes::HeadPosition => (row / shape.n_head, Some(row % shape.n_head)),
        Axes::DestinationSource { layer, head } => (layer, Some(head)),
        Axes::Neurons { layer, .. } => (layer, None),
        Axes::Parts { parts, .. } => {
            let part = parts.get(column).or(parts.first());
            part.map_or((0, None), |p| (p.layer, p.head))
        }
    }
}

fn axis<T: ToString>(name: &str, labels: impl IntoIterator<Item = T>) -> Axis {
    Axis {
        name: name.into(),
        labels: labels.into_iter().map(|l| l.to_string()).collect(),
    }
}

/// A part as people write it: `9.6` for a head, `mlp 3`, `z 4`.
fn name(part: &Part) -> String {
    let mut name = match (part.head, part.site) {
        (Some(head), Site::Z) => format!("{}.{head}", part.layer),
        (Some(head), site) => format!("{site} {}.{head}", part.layer),
        (None, site) if site.per_layer() => format!("{site} {}", part.layer),
        (None, site) => site.to_string(),
    };
    if let Some(neurons) = &part.neurons {
        let list: Vec<String> = neurons.iter().map(ToString::to_string).collect();
        name = format!("{name} [{}]", list.join(", "));
    }
    if let Some(positions) = &part.positions {
        let list: Vec<String> = positions.iter().map(ToString::to_string).collect();
        name = format!("{name} @ {}", list.join(", "));
    }
    name
}

fn check_layer(shape: &Shape, layer: usize) -> Result<(), String> {
    match layer < shape.n_layer {
        true => Ok(()),
        false => Err(format!(
            "Layer {layer} was chosen, but this model has layers 0 to {}.",
            shape.n_layer - 1
        )),
    }
}

fn check_head(shape: &Shape, head: usize) -> Result<(), String> {
    match head < shape.n_head {
        true => Ok(()),
        false => Err(format!(
            "Head {head} was chosen, but this model has heads 0 to {}.",
            shape.n_head - 1
        )),
    }
}

fn check_positions(positions: Option<&[usize]>, first: &Case) -> Result<(), String> {
    let Some(positions) = positions else {
        return Ok(());
    };
    if positions.is_empty() {
        return Err("No position is chosen; choose some, or all of them.".into());
    }
    match positions.iter().find(|p| **p >= first.aligned.len()) {
        None => Ok(()),
        Some(p) => Err(format!(
            "Position {p} was chosen, but there are positions 0 to {}.",
            first.aligned.len() - 1
        )),
    }
}

fn check_part(shape: &Shape, part: &Part, first: &Case) -> Result<(), String> {
    let site = part.site;
    if site == Site::Logits {
        return Err(
            "The logits are what is read; patch ln_final, from which they are made.".into(),
        );
    }
    match site.per_layer() {
        true => check_layer(shape, part.layer)?,
        false if part.layer > 0 => {
            return Err(format!("{site} has no layer; leave it 0."));
        }
        false => {}
    }
    match part.head {
        Some(head) if site.per_head() => check_head(shape, head)?,
        Some(_) => return Err(format!("{site} has no heads; leave the head out.")),
        None if site == Site::Pattern => {
            return Err("A pattern belongs to one head; name the head.".into());
        }
        None => {}
    }
    if let Some(neurons) = &part.neurons {
        if !matches!(site, Site::MlpPre | Site::MlpPost) {
            return Err(format!("{site} has no neurons; take mlp_post or mlp_pre."));
        }
        if neurons.is_empty() || neurons.iter().any(|n| *n >= shape.n_inner) {
            return Err(format!(
                "Neurons are numbered 0 to {}; choose some of them.",
                shape.n_inner - 1
            ));
        }
    }
    check_positions(part.positions.as_deref(), first)
}
