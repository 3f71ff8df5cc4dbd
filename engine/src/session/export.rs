//! What an experiment gives as a file: a direction, or raw activations.

use super::Session;
use super::finite::not_finite;
use super::problem::SessionProblem;
use crate::backend::Backend;
use crate::directions::{files, layer_vectors};
use crate::experiment::{
    Capture, CaptureReport, Experiment, Export, Field, File, Problem, Room, RunName, Site, Steer,
};
use crate::host::{Asked, Host, SessionError, Task};
use crate::rows::Shape;
use crate::sentence::Sentence;
use safetensors::tensor::{Dtype, TensorView};

/// Numbers that a file of activations may have: it is held twice, at 4 bytes each.
const MOST_IN_A_FILE: usize = 64_000_000;

impl<B: Backend> Session<B> {
    /// Writes something of an experiment to a file. It computes what it needs
    /// as [`Session::run`] does; what only the page shows is left out.
    ///
    /// # Errors
    /// [`SessionError`] when the experiment cannot be run, or what is wanted
    /// has no place in such a file.
    pub async fn export(
        &mut self,
        experiment: &Experiment,
        what: &Export,
        host: &impl Host,
    ) -> Result<File, SessionError> {
        let (experiment, told) = &experiment.checked()?;
        match what {
            Export::Direction { direction, format } => {
                let steer = experiment.steer.clone().unwrap_or_default();
                let Steer { directions, .. } = &steer;
                let Some(wanted) = directions.get(*direction) else {
                    let problem = SessionProblem::NoDirection {
                        direction: *direction,
                        directions: directions.len(),
                    };
                    return Err(SessionError::of(Field::Directions, problem));
                };
                let field = Field::direction(*direction);
                let task = Task {
                    host,
                    bos: experiment.bos,
                    field,
                };
                let (lab, known) = (&mut self.lab, &mut self.directions);
                let vectors = layer_vectors(lab, known, *direction, wanted, task).await?;
                let wrong = |fault| {
                    let name = wanted.name.clone();
                    SessionError::of(field, SessionProblem::DirectionFile { name, fault })
                };
                let written = files::write(&vectors, wanted.site, *format).map_err(wrong)?;
                // A file without any layer at which it acts would do something else.
                let place = |l: &usize| files::place(wanted.site, *l, *format);
                if let (true, Some(layer)) = (
                    wanted.layers.iter().all(|l| place(l).is_none()),
                    wanted.layers.last(),
                ) {
                    return Err(wrong(files::nowhere(wanted.site, *layer, *format)));
                }
                Ok(File {
                    name: format!("{}.{}", plain(&wanted.name), format.extension()),
                    bytes: written.bytes,
                    remark: written.remark.map(|left_out| left_out.said()),
                })
            }
            Export::Activations { sites } => {
                let runs = [RunName::Clean, RunName::Corrupted];
                let captured = self
                    .activations_of(experiment, told, &runs, sites, host)
                    .await?;
                let bytes = safetensors(&self.lab.model.config.shape, &captured);
                let bytes = bytes.map_err(|e| {
                    let reason = e.to_string();
                    let problem = SessionProblem::ActivationsFile { reason };
                    SessionError::of(Field::Captures, problem)
                })?;
                Ok(File {
                    name: "activations.safetensors".into(),
                    bytes,
                    remark: None,
                })
            }
            Export::Array { site, run } => {
                let captured = self
                    .activations_of(experiment, told, &[*run], &[*site], host)
                    .await?;
                Ok(File {
                    name: format!("{}.{site}.npy", name(*run)),
                    bytes: npy(&self.lab.model.config.shape, &captured),
                    remark: None,
                })
            }
        }
    }

    /// Sites of the first pair's runs, at all layers and positions.
    async fn activations_of(
        &mut self,
        experiment: &Experiment,
        told: &[Problem],
        runs: &[RunName],
        sites: &[Site],
        host: &impl Host,
    ) -> Result<Vec<CaptureReport>, SessionError> {
        if sites.is_empty() {
            let problem = SessionProblem::NoActivation;
            return Err(SessionError::of(Field::Captures, problem));
        }
        let n_layer = self.lab.info.n_layer;
        let layers = |site: Site| match site.per_layer() {
            true => (0..n_layer).map(Some).collect(),
            false => vec![None],
        };
        let captures = runs.iter().flat_map(|run| {
            sites.iter().flat_map(move |site| {
                layers(*site).into_iter().map(move |layer| Capture {
                    run: *run,
                    site: *site,
                    layer,
                    positions: None,
                })
            })
        });
        let experiment = Experiment {
            room: Room::Patching,
            captures: captures.collect(),
            pairs: Vec::new(),
            sweeps: Vec::new(),
            cell: None,
            generate: None,
            ..experiment.clone()
        };
        // Without its sweeps, and without forgetting the last ones.
        let asked = Asked {
            told: told.to_vec(),
            preview: true,
            most_captured: MOST_IN_A_FILE,
        };
        let captures = self.found(&experiment, asked, host).await?.captures;
        match not_finite(&captures) {
            None => Ok(captures),
            Some(_) => {
                let problem = SessionProblem::ActivationsNotFinite;
                Err(SessionError::of(Field::Captures, problem))
            }
        }
    }
}

fn name(run: RunName) -> &'static str {
    match run {
        RunName::Clean => "clean",
        RunName::Corrupted => "corrupted",
    }
}

/// A name that any file system takes.
fn plain(name: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || "-_ ".contains(c);
    let name: String = name.chars().filter(|c| fits(*c)).take(60).collect();
    match name.trim() {
        "" => "direction".into(),
        name => name.into(),
    }
}

/// A capture as TransformerLens shapes it: `[position, width]`, of heads
/// `[position, head, d_head]`, a pattern `[head, destination, source]`.
fn shaped(shape: &Shape, capture: &CaptureReport) -> (Vec<usize>, Vec<f32>) {
    let [rows, width] = capture.shape;
    let heads = shape.n_head;
    match capture.capture.site {
        Site::Pattern => {
            let keys = width / heads;
            let row = |h: usize, r: usize| {
                let start = r * width + h * keys;
                &capture.values[start..start + keys]
            };
            let all = (0..heads).flat_map(|h| (0..rows).flat_map(move |r| row(h, r)));
            (vec![heads, rows, keys], all.copied().collect())
        }
        site if site.per_head() => (vec![rows, heads, width / heads], capture.values.clone()),
        _ => (vec![rows, width], capture.values.clone()),
    }
}

fn safetensors(
    shape: &Shape,
    captured: &[CaptureReport],
) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let data: Vec<(String, Vec<usize>, Vec<u8>)> = captured
        .iter()
        .map(|c| {
            let (dims, values) = shaped(shape, c);
            let of = &c.capture;
            let name = format!("{}.{}", name(of.run), of.site.hook(of.layer));
            (name, dims, bytes(&values))
        })
        .collect();
    let views: Result<Vec<_>, safetensors::SafeTensorError> = data
        .iter()
        .map(|(name, dims, bytes)| {
            let view = TensorView::new(Dtype::F32, dims.clone(), bytes)?;
            Ok((name.as_str(), view))
        })
        .collect();
    safetensors::serialize(views?, None)
}

/// NumPy's format, version 1.0: of a site with layers these first.
/// <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
fn npy(shape: &Shape, captured: &[CaptureReport]) -> Vec<u8> {
    let (mut dims, mut values) = (Vec::new(), Vec::new());
    for capture in captured {
        let (own, numbers) = shaped(shape, capture);
        dims = own;
        values.extend(numbers);
    }
    if captured.iter().any(|c| c.capture.layer.is_some()) {
        dims.insert(0, captured.len());
    }
    let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
    let mut header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}",
        dims.join(", ")
    );
    // The data begins at a multiple of 64, after ten bytes and a line feed.
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    // At most five dimensions: far below 65,536.
    file.extend(
        u16::try_from(header.len())
            .unwrap_or(u16::MAX)
            .to_le_bytes(),
    );
    file.extend(header.as_bytes());
    file.extend(bytes(&values));
    file
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}
