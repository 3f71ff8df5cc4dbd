//! A feature of a sparse autoencoder: its row of the decoder, by a request for
//! that row alone, and its activation where the encoder may be fetched.

mod column;
mod config;
mod encoder;
mod fields;
mod layout;
mod problem;

use super::problem::{DirectionProblem, Origin};
use super::{Memory, Resolved};
use crate::backend::Backend;
use crate::dictionary;
use crate::experiment::{FeatureReport, Field, Progress, Site, Stage, Update};
use crate::host::{DictionaryFile, Host, SessionError, Task, Unread};
use crate::lab::Lab;
use crate::rows::Shape;
use crate::sentence::{Sentence, Stop};
use crate::source::{NameError, Named};
use column::Column;
use config::Architecture;
pub use config::Config;
use encoder::{Encoder, Rule};
pub use layout::Layout;
use layout::Tensor;
use problem::DictionaryProblem;
pub use problem::{DictionaryFault, Known};
use std::ops::Range;

/// Bytes of the file's start that are asked for first: more than `SAELens`'s
/// headers have.
const START: u64 = 1024;

/// Bytes of a config at most.
const LARGEST_CONFIG: u64 = 1 << 20;

/// Which feature is wanted.
pub(crate) struct Wish<'a> {
    pub dictionary: &'a str,
    pub site: Site,
    pub layer: usize,
    pub feature: usize,
    /// Its activation, too.
    pub activation: bool,
}

/// What a feature is beside its direction.
pub(crate) struct Feature {
    pub site: Site,
    pub layer: usize,
    page: Option<String>,
    encoder: Option<Encoder>,
}

impl Feature {
    /// What is told of it, given the rows of the prompt at its site and layer.
    pub fn report<'a>(&self, rows: impl Iterator<Item = &'a Vec<f32>>) -> FeatureReport {
        let encoder = self.encoder.as_ref();
        FeatureReport {
            page: self.page.clone(),
            activations: encoder.map(|e| rows.map(|x| e.activation(x)).collect()),
        }
    }
}

pub(crate) async fn find<B: Backend>(
    lab: &Lab<B>,
    known: &mut Memory,
    wish: &Wish<'_>,
    task: Task<'_, impl Host>,
) -> Result<Resolved, SessionError> {
    let shape = lab.model.config.shape;
    check(task.field, wish, &shape)?;
    let reader = Reader {
        field: task.field,
        wish,
        host: task.host,
        file: DictionaryFile {
            dictionary: wish.dictionary,
            folder: dictionary::folder(wish.site, wish.layer),
            name: "sae_weights.safetensors",
        },
    };
    let layout = layout(known, &reader).await?;
    layout.fits(task.field, wish, &shape)?;
    let vector = reader.floats(layout.row(wish.feature)).await?;
    let encoder = match wish.activation && task.host.reads_encoders() {
        true => Some(reader.encoder(&layout).await?),
        false => None,
    };
    let origin = Origin::Feature {
        feature: wish.feature,
        dictionary: wish.dictionary.into(),
        site: wish.site,
        layer: wish.layer,
    };
    let page = dictionary::page(wish.dictionary, wish.site, wish.layer, wish.feature);
    Ok(Resolved {
        feature: Some(Feature {
            site: wish.site,
            layer: wish.layer,
            page,
            encoder,
        }),
        ..Resolved::same(vector, &origin)
    })
}

/// Where the file's tensors are, from memory where it was asked before.
async fn layout(
    known: &mut Memory,
    reader: &Reader<'_, impl Host>,
) -> Result<Layout, SessionError> {
    let key = format!("{}/{}", reader.file.dictionary, reader.file.folder);
    if let Some((_, layout)) = known.layouts.iter().find(|(k, _)| *k == key) {
        return Ok(layout.clone());
    }
    let mut start = reader.bytes(&reader.file, 0..START, false).await?;
    let stop = Layout::stop(&start).map_err(|e| reader.wrong(e))?;
    if stop > start.len() as u64 {
        let rest = start.len() as u64..stop;
        start.extend(reader.bytes(&reader.file, rest, true).await?);
    }
    let layout = Layout::parse(&start, stop).map_err(|e| reader.wrong(e))?;
    known.layouts.push((key, layout.clone()));
    Ok(layout)
}

/// Reads one dictionary's files.
struct Reader<'a, H: Host> {
    field: Field,
    wish: &'a Wish<'a>,
    host: &'a H,
    file: DictionaryFile<'a>,
}

impl<H: Host> Reader<'_, H> {
    fn wrong(&self, fault: DictionaryFault) -> SessionError {
        let problem = DictionaryProblem::Files {
            dictionary: self.wish.dictionary.into(),
            folder: self.file.folder.clone(),
            fault,
        };
        SessionError::of(self.field, problem)
    }

    async fn read(
        &self,
        file: &DictionaryFile<'_>,
        range: Range<u64>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), SessionError> {
        match self.host.read(file, range, take).await {
            Ok(()) => Ok(()),
            Err(Unread::Cancelled(e)) => Err(e.into()),
            Err(Unread::Because(said)) => Err(SessionError::Unread {
                field: self.field,
                said,
            }),
        }
    }

    /// Bytes of a file; fewer than asked for only where `whole` is not wanted.
    async fn bytes(
        &self,
        file: &DictionaryFile<'_>,
        range: Range<u64>,
        whole: bool,
    ) -> Result<Vec<u8>, SessionError> {
        let mut bytes = Vec::new();
        let wanted = range.end - range.start;
        self.read(file, range, &mut |chunk| bytes.extend_from_slice(chunk))
            .await?;
        match whole && (bytes.len() as u64) < wanted {
            true => Err(self.short(bytes.len() as u64, wanted)),
            false => Ok(bytes),
        }
    }

    fn short(&self, found: u64, wanted: u64) -> SessionError {
        let problem = DictionaryProblem::CutShort {
            file: self.file.name.into(),
            dictionary: self.wish.dictionary.into(),
            found,
            wanted,
        };
        SessionError::Unread {
            field: self.field,
            said: problem.said(),
        }
    }

    /// 32-bit numbers of the weights.
    async fn floats(&self, range: Range<u64>) -> Result<Vec<f32>, SessionError> {
        let bytes = self.bytes(&self.file, range, true).await?;
        let numbers = bytes.as_chunks::<4>().0.iter();
        self.finite(numbers.map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn finite(&self, numbers: Vec<f32>) -> Result<Vec<f32>, SessionError> {
        match numbers.iter().all(|x| x.is_finite()) {
            true => Ok(numbers),
            false => Err(self.wrong(DictionaryFault::NotFinite)),
        }
    }

    async fn encoder(&self, layout: &Layout) -> Result<Encoder, SessionError> {
        let file = DictionaryFile {
            name: "cfg.json",
            ..self.file.clone()
        };
        let config = self.bytes(&file, 0..LARGEST_CONFIG, false).await?;
        let known = dictionary::known(self.wish.dictionary).map(|d| d.centred);
        let config = Config::read(&config, self.wish.site, self.wish.layer, known);
        let config = config.map_err(|e| self.wrong(e))?;
        let rule = match config.architecture {
            Architecture::Standard => Rule::Standard {
                bias: self.number(layout, Tensor::BEnc).await?,
            },
            Architecture::JumpRelu => Rule::JumpRelu {
                bias: self.number(layout, Tensor::BEnc).await?,
                threshold: self.number(layout, Tensor::Threshold).await?,
            },
            Architecture::Gated => Rule::Gated {
                gate: self.number(layout, Tensor::BGate).await?,
                r: self.number(layout, Tensor::RMag).await?,
                bias: self.number(layout, Tensor::BMag).await?,
            },
        };
        let b_dec = match config.takes_off_bias {
            true => {
                let range = layout.b_dec().map_err(|e| self.wrong(e))?;
                self.floats(range).await?
            }
            false => vec![0.0; layout.width],
        };
        Ok(Encoder {
            w: self.column(layout).await?,
            b_dec,
            rule,
            config,
        })
    }

    /// The feature's number of a tensor.
    async fn number(&self, layout: &Layout, tensor: Tensor) -> Result<f32, SessionError> {
        let range = layout.number(tensor, self.wish.feature);
        let numbers = self.floats(range.map_err(|e| self.wrong(e))?).await?;
        Ok(numbers.first().copied().unwrap_or_default())
    }

    /// The feature's column of the encoder, out of the matrix that passes by.
    async fn column(&self, layout: &Layout) -> Result<Vec<f32>, SessionError> {
        let range = layout.column(self.wish.feature);
        let range = range.map_err(|e| self.wrong(e))?;
        let (first, total) = (range.start, range.end - range.start);
        let mut column = Column::new(layout.width, layout.features);
        self.read(&self.file, first..range.end, &mut |chunk| {
            column.push(chunk);
            self.host.update(Update::Progress(Progress {
                stage: Stage::Fetch,
                done: column.seen(),
                total,
                seconds_left: None,
            }));
        })
        .await?;
        let seen = column.seen();
        let column = column.finish().ok_or_else(|| self.short(seen, total))?;
        self.finite(column)
    }
}

/// What can be said before anything is fetched.
fn check(field: Field, wish: &Wish, shape: &Shape) -> Result<(), SessionError> {
    let wrong = |problem: DictionaryProblem| Err(SessionError::of(field, problem));
    let Wish {
        dictionary: name,
        site,
        layer,
        feature,
        ..
    } = *wish;
    if let Err(e @ NameError::Address { .. }) = Named::parse(name) {
        return Err(SessionError::of(field, Stop(e)));
    }
    if dictionary::named(name).is_none() {
        return wrong(DictionaryProblem::Name {
            name: name.into(),
            known: dictionary::RES_JB.name,
        });
    }
    if site.per_head() || !site.per_layer() || shape.width(site) != Some(shape.n_embd) {
        return wrong(DictionaryProblem::Site { site });
    }
    let Some(known) = dictionary::known(name) else {
        let last = shape.n_layer - 1;
        return match layer <= last {
            true => Ok(()),
            false => Err(SessionError::of(
                field,
                DirectionProblem::Layer { layer, last },
            )),
        };
    };
    let dictionary = name.to_owned();
    if shape.n_embd != known.width {
        return wrong(DictionaryProblem::OfGpt2 {
            dictionary,
            width: known.width,
            n_embd: shape.n_embd,
        });
    }
    if !known.has(site, layer) {
        return wrong(DictionaryProblem::Place {
            dictionary,
            last: known.n_layer - 1,
            site,
            layer,
        });
    }
    if feature >= known.features {
        return wrong(DictionaryProblem::Feature {
            feature,
            dictionary,
            last: known.features - 1,
        });
    }
    Ok(())
}
