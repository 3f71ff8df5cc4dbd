//! What the sides of a grid are, and where in the model one of its cells is.

use super::{Axes, Part, Role, Site, Sweep};
use serde::{Deserialize, Serialize};

/// One side of a grid, with what stands at each row or column. In JSON it is a name
/// and labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub enum Axis {
    /// Layers, counted from 0.
    Layers(Vec<usize>),
    /// One row, where the site has no layer.
    Site(Site),
    /// Heads of the layer that the row names, counted from 0.
    Heads(Vec<usize>),
    /// Layers, and a head of each.
    LayerHeads(Vec<(usize, usize)>),
    /// Positions of the run that is patched.
    Positions(Vec<usize>),
    /// Those that attend.
    Destinations(Vec<usize>),
    /// Those that are attended to.
    Sources(Vec<usize>),
    /// Where positions go by the experiment's roles.
    Roles(Vec<Role>),
    /// Neurons of an MLP's hidden layer, counted from 0.
    Neurons(Vec<usize>),
    /// The one row of chosen parts.
    Set,
    /// The parts of a set: each alone and then all of them, or everything but them.
    Parts(Vec<Chosen>),
}

/// What is patched in a cell of chosen parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// One of them, as people write it: `9.6`, `mlp_out 3`.
    Alone(String),
    /// All of them.
    Together,
    /// Everything but them.
    Others,
}

/// What a side of a grid counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum AxisKind {
    /// Layers, from 0.
    Layer,
    /// The one row of a site that has no layer, under the site's name.
    Site,
    /// Token positions of the run that is patched, from 0.
    Position,
    /// Positions by the experiment's roles: `S1`, `IO`, `S2`, `END`.
    Role,
    /// Heads, from 0; `9.6` is head 6 of layer 9, where a row is a head.
    Head,
    /// Positions that attend, of a `pattern`.
    Destination,
    /// Positions that are attended to, of a `pattern`.
    Source,
    /// Neurons of one layer's MLP, from 0.
    Neuron,
    /// The one row of chosen parts.
    Set,
    /// Chosen parts: each alone and `together`, or `everything else`.
    Part,
}

impl AxisKind {
    /// The name in reports and files.
    #[inline]
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Site => "site",
            Self::Position => "position",
            Self::Role => "role",
            Self::Head => "head",
            Self::Destination => "destination",
            Self::Source => "source",
            Self::Neuron => "neuron",
            Self::Set => "set",
            Self::Part => "part",
        }
    }
}

/// What stands in the one row of chosen parts.
const CHOSEN: &str = "chosen";

impl Chosen {
    const TOGETHER: &str = "together";
    const OTHERS: &str = "everything else";

    fn label(&self) -> &str {
        match self {
            Self::Alone(name) => name,
            Self::Together => Self::TOGETHER,
            Self::Others => Self::OTHERS,
        }
    }

    fn of(label: String) -> Self {
        match label.as_str() {
            Self::TOGETHER => Self::Together,
            Self::OTHERS => Self::Others,
            _ => Self::Alone(label),
        }
    }
}

impl Axis {
    /// What it counts, without what stands at each row or column.
    #[inline]
    #[must_use]
    pub fn kind(&self) -> AxisKind {
        match self {
            Self::Layers(_) => AxisKind::Layer,
            Self::Site(_) => AxisKind::Site,
            Self::Heads(_) | Self::LayerHeads(_) => AxisKind::Head,
            Self::Positions(_) => AxisKind::Position,
            Self::Destinations(_) => AxisKind::Destination,
            Self::Sources(_) => AxisKind::Source,
            Self::Roles(_) => AxisKind::Role,
            Self::Neurons(_) => AxisKind::Neuron,
            Self::Set => AxisKind::Set,
            Self::Parts(_) => AxisKind::Part,
        }
    }

    /// How many rows or columns there are.
    #[allow(clippy::len_without_is_empty)] // a grid has some
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Layers(numbers)
            | Self::Heads(numbers)
            | Self::Positions(numbers)
            | Self::Destinations(numbers)
            | Self::Sources(numbers)
            | Self::Neurons(numbers) => numbers.len(),
            Self::LayerHeads(heads) => heads.len(),
            Self::Roles(roles) => roles.len(),
            Self::Parts(parts) => parts.len(),
            Self::Site(_) | Self::Set => 1,
        }
    }

    /// What stands at each row or column, for people and files.
    #[inline]
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        match self {
            Self::Layers(numbers)
            | Self::Heads(numbers)
            | Self::Positions(numbers)
            | Self::Destinations(numbers)
            | Self::Sources(numbers)
            | Self::Neurons(numbers) => numbers.iter().map(ToString::to_string).collect(),
            Self::LayerHeads(heads) => heads.iter().map(|(l, h)| format!("{l}.{h}")).collect(),
            Self::Roles(roles) => roles.iter().map(|r| r.name().to_owned()).collect(),
            Self::Parts(parts) => parts.iter().map(|p| p.label().to_owned()).collect(),
            Self::Site(site) => vec![site.name().to_owned()],
            Self::Set => vec![CHOSEN.to_owned()],
        }
    }

    /// The position of the run that is patched, where rows or columns are positions
    /// that the axis itself knows: those of roles are told by the reading.
    #[inline]
    #[must_use]
    pub fn position(&self, i: usize) -> Option<usize> {
        match self {
            Self::Positions(all) | Self::Destinations(all) | Self::Sources(all) => {
                all.get(i).copied()
            }
            Self::Layers(_)
            | Self::Site(_)
            | Self::Heads(_)
            | Self::LayerHeads(_)
            | Self::Roles(_)
            | Self::Neurons(_)
            | Self::Set
            | Self::Parts(_) => None,
        }
    }
}

/// What one side of a grid is.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Axis"))]
struct Written {
    /// What it counts; `role`, where positions go by the experiment's roles; `site`,
    /// where the site has no layer; `set`, the one row of chosen parts.
    name: AxisKind,
    /// What stands at each row or column: a number, or what was written for it.
    labels: Vec<String>,
}

impl From<Axis> for Written {
    #[inline]
    fn from(axis: Axis) -> Self {
        Self {
            name: axis.kind(),
            labels: axis.labels(),
        }
    }
}

impl TryFrom<Written> for Axis {
    type Error = &'static str;

    #[inline]
    fn try_from(Written { name, labels }: Written) -> Result<Self, Self::Error> {
        let number = |label: &String| label.parse().ok();
        let numbers = || labels.iter().map(number).collect::<Option<Vec<usize>>>();
        let site = |label: &String| Site::ALL.into_iter().find(|s| s.name() == label);
        let role = |label: &String| Role::ALL.into_iter().find(|r| r.name() == label);
        let head = |label: &String| {
            let (layer, head) = label.split_once('.')?;
            Some((layer.parse().ok()?, head.parse().ok()?))
        };
        let of_layers = labels.first().is_some_and(|label| label.contains('.'));
        let axis = match name {
            AxisKind::Layer => numbers().map(Self::Layers),
            AxisKind::Site => labels.first().and_then(site).map(Self::Site),
            AxisKind::Position => numbers().map(Self::Positions),
            AxisKind::Role => labels
                .iter()
                .map(role)
                .collect::<Option<_>>()
                .map(Self::Roles),
            AxisKind::Head if of_layers => {
                let heads = labels.iter().map(head);
                heads.collect::<Option<_>>().map(Self::LayerHeads)
            }
            AxisKind::Head => numbers().map(Self::Heads),
            AxisKind::Destination => numbers().map(Self::Destinations),
            AxisKind::Source => numbers().map(Self::Sources),
            AxisKind::Neuron => numbers().map(Self::Neurons),
            AxisKind::Set => Some(Self::Set),
            AxisKind::Part => Some(Self::Parts(labels.into_iter().map(Chosen::of).collect())),
        };
        axis.ok_or("a label of an axis is not of the axis's kind")
    }
}

/// A grid without its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Frame {
    /// The sweep of the experiment that it lays out.
    pub sweep: Sweep,
    /// What stands at its left: layers, heads, destinations, or the one row of a site or
    /// a set.
    #[cfg_attr(feature = "schema", schemars(with = "Written"))]
    pub rows: Axis,
    /// What stands above it: positions, heads, sources, neurons or parts.
    #[cfg_attr(feature = "schema", schemars(with = "Written"))]
    pub columns: Axis,
}

/// Where in the model a patch is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// The sweep's site; of a part alone, the part's.
    pub site: Site,
    /// 0 where the site has no layer.
    pub layer: usize,
    /// Layers that are patched at once, around this one.
    pub window: usize,
    /// Where it is one head's.
    pub head: Option<usize>,
    /// Of the run that is patched, where it is one and not known by its role.
    pub position: Option<usize>,
}

/// The layers of a window around one, of a site that there is `layers` times.
#[inline]
#[must_use]
pub fn around(layer: usize, window: usize, layers: usize) -> std::ops::Range<usize> {
    layer.saturating_sub(window / 2)..(layer + window.div_ceil(2)).min(layers)
}

impl Located {
    /// A part alone.
    #[inline]
    #[must_use]
    pub fn part(part: &Part) -> Self {
        let position = match part.positions.as_deref() {
            Some([one]) => Some(*one),
            _ => None,
        };
        Self {
            site: part.site,
            layer: part.layer,
            window: 1,
            head: part.head,
            position,
        }
    }
}

impl Frame {
    /// Where the patch of a cell is put; `None` where that is no one place, as of parts
    /// together, or where there is no such cell.
    #[inline]
    #[must_use]
    pub fn located(&self, row: usize, column: usize) -> Option<Located> {
        if row >= self.rows.len() || column >= self.columns.len() {
            return None;
        }
        let at = Located {
            site: self.sweep.site,
            window: 1,
            ..Located::default()
        };
        Some(match self.sweep.axes() {
            Axes::LayerPosition { window } => Located {
                layer: self.layer(row),
                window,
                position: self.columns.position(column),
                ..at
            },
            Axes::LayerHead { .. } | Axes::Paths { .. } => Located {
                layer: self.layer(row),
                head: Some(column),
                ..at
            },
            Axes::HeadPosition => {
                let Axis::LayerHeads(heads) = &self.rows else {
                    return None;
                };
                let (layer, head) = *heads.get(row)?;
                Located {
                    layer,
                    head: Some(head),
                    position: self.columns.position(column),
                    ..at
                }
            }
            Axes::DestinationSource { layer, head } => Located {
                layer,
                head: Some(head),
                position: self.rows.position(row),
                ..at
            },
            Axes::Neurons { layer, .. } => Located { layer, ..at },
            Axes::Parts { parts, others } => {
                let alone = parts.get(column).filter(|_| !others);
                Located::part(alone?)
            }
        })
    }

    /// A row's layer; 0 where the site has none.
    fn layer(&self, row: usize) -> usize {
        match &self.rows {
            Axis::Layers(layers) => layers.get(row).copied().unwrap_or_default(),
            Axis::Site(_)
            | Axis::Heads(_)
            | Axis::LayerHeads(_)
            | Axis::Positions(_)
            | Axis::Destinations(_)
            | Axis::Sources(_)
            | Axis::Roles(_)
            | Axis::Neurons(_)
            | Axis::Set
            | Axis::Parts(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Mode;
    use serde_json::{json, to_value};

    #[test]
    fn an_axis_is_written_as_a_name_and_labels_and_read_again() {
        let parts = vec![
            Chosen::Alone("9.6".into()),
            Chosen::Alone("mlp_out 3 @ 1, 2".into()),
            Chosen::Together,
        ];
        for (axis, name, labels) in [
            (Axis::Layers(vec![0, 1]), "layer", vec!["0", "1"]),
            (Axis::Site(Site::Embed), "site", vec!["embed"]),
            (Axis::Heads(vec![0, 1]), "head", vec!["0", "1"]),
            (
                Axis::LayerHeads(vec![(0, 11), (10, 1)]),
                "head",
                vec!["0.11", "10.1"],
            ),
            (Axis::Positions(vec![3, 5]), "position", vec!["3", "5"]),
            (Axis::Destinations(vec![3]), "destination", vec!["3"]),
            (Axis::Sources(vec![3]), "source", vec!["3"]),
            (
                Axis::Roles(vec![Role::Io, Role::End]),
                "role",
                vec!["IO", "END"],
            ),
            (Axis::Neurons(vec![7]), "neuron", vec!["7"]),
            (Axis::Set, "set", vec!["chosen"]),
            (
                Axis::Parts(parts),
                "part",
                vec!["9.6", "mlp_out 3 @ 1, 2", "together"],
            ),
            (
                Axis::Parts(vec![Chosen::Others]),
                "part",
                vec!["everything else"],
            ),
        ] {
            let written = json!({"name": name, "labels": labels});
            assert_eq!(axis.kind().name(), name);
            assert_eq!(axis.len(), labels.len());
            assert_eq!(to_value(&axis).unwrap(), written);
            assert_eq!(serde_json::from_value::<Axis>(written).unwrap(), axis);
        }
        for (name, label) in [
            ("layer", "x"),
            ("head", "1."),
            ("site", "z9"),
            ("role", "S3"),
        ] {
            let written = json!({"name": name, "labels": [label]});
            assert!(serde_json::from_value::<Axis>(written).is_err(), "{name}");
        }
    }

    #[test]
    fn a_cell_is_at_its_place_in_the_model() {
        let sweep = |site, axes| Sweep {
            axes: Some(axes),
            ..Sweep::of(site, Mode::Denoising)
        };
        let frame = Frame {
            sweep: sweep(Site::Z, Axes::HeadPosition),
            rows: Axis::LayerHeads(vec![(0, 0), (0, 1), (1, 0)]),
            columns: Axis::Positions(vec![2, 4]),
        };
        let at = Located {
            site: Site::Z,
            layer: 1,
            window: 1,
            head: Some(0),
            position: Some(4),
        };
        assert_eq!(frame.located(2, 1), Some(at));
        assert_eq!(frame.located(3, 0), None);
        assert_eq!(frame.located(0, 2), None);
        let part = Part {
            site: Site::MlpOut,
            layer: 3,
            head: None,
            neurons: None,
            positions: Some(vec![6]),
        };
        let parts = |others| Axes::Parts {
            parts: vec![part.clone()],
            others,
        };
        let mut frame = Frame {
            sweep: sweep(Site::Z, parts(false)),
            rows: Axis::Set,
            columns: Axis::Parts(vec![
                Chosen::Alone("mlp_out 3 @ 6".into()),
                Chosen::Together,
            ]),
        };
        let at = Located {
            site: Site::MlpOut,
            layer: 3,
            window: 1,
            head: None,
            position: Some(6),
        };
        assert_eq!(frame.located(0, 0), Some(at));
        assert_eq!(frame.located(0, 1), None);
        frame.sweep = sweep(Site::Z, parts(true));
        frame.columns = Axis::Parts(vec![Chosen::Others]);
        assert_eq!(frame.located(0, 0), None);
    }
}
