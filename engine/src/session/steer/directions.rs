//! Where directions come from.

use super::*;
use crate::experiment::{Direction, Matrix, Method, ProbeReport, Prompt, Source};
use crate::rows::Shape;
use crate::steer::{Contrast, accuracy, contrast, norm, normals, shuffle};

/// A direction's vectors at one layer, `n_embd` wide: one, or of a prompt pair
/// one for each position.
pub(super) type Rows = Rc<[Rc<[f32]>]>;

/// A direction that was found.
pub(in crate::session) struct Resolved {
    vectors: Vectors,
    /// Where it came from, as a sentence.
    pub(super) origin: String,
    explained: Vec<Option<f32>>,
    pub(super) probes: Vec<ProbeReport>,
}

enum Vectors {
    /// The same wherever it acts.
    Same(Rows),
    /// By layer, where it has one.
    Layers(Vec<Option<Rows>>),
}

impl Resolved {
    fn same(vector: Vec<f32>, origin: String) -> Self {
        Self::new(Vectors::Same(one(vector)), origin)
    }

    fn new(vectors: Vectors, origin: String) -> Self {
        Self {
            vectors,
            origin,
            explained: Vec::new(),
            probes: Vec::new(),
        }
    }

    pub(super) fn at(&self, layer: usize) -> Option<Rows> {
        match &self.vectors {
            Vectors::Same(rows) => Some(rows.clone()),
            Vectors::Layers(layers) => layers.get(layer)?.clone(),
        }
    }

    pub(super) fn explained_at(&self, layer: usize) -> Option<f32> {
        self.explained.get(layer).copied().flatten()
    }
}

/// The length of a direction at a layer: its longest row's.
pub(super) fn length(rows: &Rows) -> f32 {
    rows.iter().map(|r| norm(r)).fold(0.0, f32::max)
}

fn one(vector: Vec<f32>) -> Rows {
    [Rc::from(vector)].into()
}

/// Prompts beyond which probes are fitted only where a probe was asked for:
/// their cost grows with the cube.
const PROBED: usize = 64;

/// Prompts of one side at most: their activations are all held at once.
pub(super) const MOST_PROMPTS: usize = 512;

/// Directions remembered at most.
const REMEMBERED: usize = 32;

/// Prompts run at once.
const AT_ONCE: usize = 16;

impl<B: Backend> Session<B> {
    /// The direction's vectors, from memory where they were found before.
    pub(super) async fn direction(
        &mut self,
        i: usize,
        direction: &Direction,
        bos: bool,
        host: &impl Host,
    ) -> Result<Rc<Resolved>, SessionError> {
        let field = format!("steer.directions.{i}");
        check(&field, direction, &self.model.config.shape)?;
        // Names, coefficients and the layers it acts at do not change what is found.
        let source = serde_json::to_string(&direction.source).unwrap_or_default();
        let key = format!("{bos} {} {source}", direction.site);
        if let Some((_, found)) = self.memory.directions.iter().find(|(k, _)| *k == key) {
            return Ok(found.clone());
        }
        let found = Rc::new(self.find(&field, direction, bos, host).await?);
        if self.memory.directions.len() >= REMEMBERED {
            self.memory.directions.remove(0);
        }
        self.memory.directions.push((key, found.clone()));
        Ok(found)
    }

    async fn find(
        &mut self,
        field: &str,
        direction: &Direction,
        bos: bool,
        host: &impl Host,
    ) -> Result<Resolved, SessionError> {
        let shape = self.model.config.shape;
        match &direction.source {
            Source::Pair { positive, negative } => {
                self.pair(field, direction.site, [positive, negative], bos, host)
                    .await
            }
            Source::Contrast {
                positive,
                negative,
                method,
            } => {
                self.contrast(
                    field,
                    direction.site,
                    [positive, negative],
                    *method,
                    bos,
                    host,
                )
                .await
            }
            Source::Token {
                token,
                minus,
                matrix,
            } => {
                let mut vector = self.token_row(field, token, *matrix).await?;
                if let Some(minus) = minus {
                    let less = self.token_row(field, minus, *matrix).await?;
                    vector.iter_mut().zip(less).for_each(|(v, l)| *v -= l);
                }
                Ok(Resolved::same(vector, origin_of_token(*matrix)))
            }
            Source::Neuron { layer, neuron } => {
                if *layer >= shape.n_layer || *neuron >= shape.n_inner {
                    return Err(SessionError::of(
                        field,
                        format!(
                            "There is no neuron {neuron} in layer {layer}; this model has layers 0 to {} with neurons 0 to {}.",
                            shape.n_layer - 1,
                            shape.n_inner - 1
                        ),
                    ));
                }
                let row = u32::try_from(*neuron).unwrap_or(u32::MAX);
                let vector = self.model.neuron(&self.backend, *layer, row).await?;
                let origin = format!(
                    "What neuron {neuron} of layer {layer}’s MLP writes to the residual stream"
                );
                Ok(Resolved::same(vector, origin))
            }
            Source::Random { seed } => {
                let vector = normals(*seed, shape.n_embd);
                let length = norm(&vector);
                let unit = vector.iter().map(|x| x / length).collect();
                Ok(Resolved::same(
                    unit,
                    format!("A random direction of length 1, seed {seed}"),
                ))
            }
            Source::Vectors { origin, vectors } => {
                let mut layers = vec![None; shape.n_layer];
                for v in vectors {
                    let place = layers.get_mut(v.layer).ok_or_else(|| {
                        SessionError::of(
                            field,
                            format!(
                                "The file has a vector for layer {}, but this model has layers 0 to {}; it was made on another model.",
                                v.layer,
                                shape.n_layer - 1
                            ),
                        )
                    })?;
                    if v.values.len() != shape.n_embd {
                        return Err(SessionError::of(
                            field,
                            format!(
                                "The file’s vectors have {} numbers, but this model is {} wide; a vector fits only the model that it was made on.",
                                v.values.len(),
                                shape.n_embd
                            ),
                        ));
                    }
                    if v.values.iter().any(|x| !x.is_finite()) {
                        return Err(SessionError::of(
                            field,
                            format!(
                                "The file’s vector for layer {} has a value that is not a finite number.",
                                v.layer
                            ),
                        ));
                    }
                    *place = Some(one(v.values.clone()));
                }
                if vectors.is_empty() {
                    return Err(SessionError::of(field, "The file has no vector."));
                }
                Ok(Resolved::new(Vectors::Layers(layers), origin.clone()))
            }
        }
    }

    async fn token_row(
        &self,
        field: &str,
        token: &crate::experiment::TokenRef,
        matrix: Matrix,
    ) -> Result<Vec<f32>, SessionError> {
        let id = self.one_token(field, token)?;
        Ok(match matrix {
            Matrix::Embedding => self.model.embedding(&self.backend, id).await?,
            Matrix::Unembedding => self.model.unembedding(&self.backend, id).await?,
        })
    }

    /// Activation addition: the rows of two prompts, padded with spaces to one
    /// length, one less the other.
    async fn pair(
        &mut self,
        field: &str,
        site: Site,
        texts: [&str; 2],
        bos: bool,
        host: &impl Host,
    ) -> Result<Resolved, SessionError> {
        let mut ids = Vec::new();
        for text in texts {
            ids.push(self.prompt(field, &Prompt::Text(text.into()), bos)?);
        }
        let longest = ids.iter().map(Vec::len).max().unwrap_or(0);
        if ids.iter().any(|i| i.len() < longest) {
            let space = self.tokenizer.encode(" ", false)?;
            let &[space] = space.as_slice() else {
                return Err(SessionError::of(
                    field,
                    "The two prompts have different numbers of tokens, and this model has no token for a space to pad the shorter one with.",
                ));
            };
            ids.iter_mut().for_each(|i| i.resize(longest, space));
        }
        let n_layer = self.info.n_layer;
        let places = |_: usize| {
            (0..n_layer)
                .flat_map(move |l| (0..longest).map(move |p| (site, l, p)))
                .collect()
        };
        let rows = self.activations(&ids, &places, host).await?;
        let layer = |l: usize| -> Rows {
            let row = |p: usize| -> Rc<[f32]> {
                let at = l * longest + p;
                let pairs = rows[0][at].iter().zip(&rows[1][at]);
                pairs.map(|(a, b)| a - b).collect()
            };
            (0..longest).map(row).collect()
        };
        let origin = format!("“{}” less “{}”, position by position", texts[0], texts[1]);
        let layers = (0..n_layer).map(|l| Some(layer(l))).collect();
        Ok(Resolved::new(Vectors::Layers(layers), origin))
    }

    async fn contrast(
        &mut self,
        field: &str,
        site: Site,
        sides: [&[String]; 2],
        method: Method,
        bos: bool,
        host: &impl Host,
    ) -> Result<Resolved, SessionError> {
        for (side, name) in sides.iter().zip(["positive", "negative"]) {
            let found = side.len();
            if found == 0 {
                return Err(SessionError::of(
                    field,
                    format!(
                        "There are no {name} prompts; a direction lies between two sets, so write at least one a side."
                    ),
                ));
            }
            if found > MOST_PROMPTS {
                return Err(SessionError::of(
                    field,
                    format!(
                        "There are {found} {name} prompts, but at most {MOST_PROMPTS} are read; take fewer."
                    ),
                ));
            }
        }
        let (positive, negative) = (sides[0].len(), sides[1].len());
        let paired = matches!(method, Method::PcaDiff | Method::PcaCenter);
        if paired && positive != negative {
            return Err(SessionError::of(
                field,
                format!(
                    "This method compares the prompts pair by pair, but there are {positive} positive and {negative} negative ones; make them as many."
                ),
            ));
        }
        if paired && positive < 2 {
            return Err(SessionError::of(
                field,
                "A principal component needs at least two pairs of prompts; write more, or take the mean difference.",
            ));
        }
        let mut ids = Vec::new();
        for text in sides.iter().copied().flatten() {
            ids.push(self.prompt(field, &Prompt::Text(text.clone()), bos)?);
        }
        let n_layer = self.info.n_layer;
        let places = |len: usize| (0..n_layer).map(|l| (site, l, len - 1)).collect();
        let rows = self.activations(&ids, &places, host).await?;
        let probed = method == Method::Logistic || ids.len() <= PROBED;
        let order = shuffle(1, ids.len());
        let (mut layers, mut explained, mut probes) = (Vec::new(), Vec::new(), Vec::new());
        for l in 0..n_layer {
            let row = |i: &usize| rows[*i][l].clone();
            let all: Vec<Vec<f32>> = (0..ids.len()).map(|i| row(&i)).collect();
            let mixed: Vec<Vec<f32>> = order.iter().map(row).collect();
            let [of, control] = [&all, &mixed].map(|rows| Contrast {
                positive: &rows[..positive],
                negative: &rows[positive..],
            });
            let direction = contrast(of, method);
            explained.push(direction.explained);
            layers.push(Some(one(direction.vector)));
            if probed && let (Some(accuracy), Some(shuffled)) = (accuracy(of), accuracy(control)) {
                probes.push(ProbeReport {
                    site,
                    layer: l,
                    accuracy,
                    shuffled,
                });
            }
            host.breathe().await?;
        }
        Ok(Resolved {
            explained,
            probes,
            ..Resolved::new(
                Vectors::Layers(layers),
                origin_of(method, positive, negative),
            )
        })
    }

    /// Activations of whole prompts at the places that `places` names for a
    /// prompt of some length.
    pub(super) async fn activations(
        &mut self,
        prompts: &[Vec<u32>],
        places: &dyn Fn(usize) -> Vec<(Site, usize, usize)>,
        host: &impl Host,
    ) -> Result<Vec<Vec<Vec<f32>>>, SessionError> {
        let mut all = Vec::new();
        for some in prompts.chunks(AT_ONCE) {
            let runs: Vec<Run> = some
                .iter()
                .map(|ids| Run {
                    captures: places(ids.len()),
                    ..Run::of(ids.as_slice().into())
                })
                .collect();
            let quiet = |_| None;
            let (_, captured) = self
                .compute(&runs, &Wanted::default(), &Beats::new(host, &quiet))
                .await?;
            all.extend(
                captured
                    .into_iter()
                    .map(|rows| rows.into_iter().flatten().collect::<Vec<_>>()),
            );
        }
        Ok(all)
    }
}

fn check(field: &str, direction: &Direction, shape: &Shape) -> Result<(), SessionError> {
    let site = direction.site;
    if site.per_head() || !site.per_layer() || shape.width(site) != Some(shape.n_embd) {
        return Err(SessionError::of(
            field,
            format!(
                "{site} is not as wide as the residual stream; take resid_pre, resid_mid, resid_post, attn_out or mlp_out."
            ),
        ));
    }
    if direction.layers.is_empty() {
        return Err(SessionError::of(
            field,
            format!("“{}” acts at no layer; choose one.", direction.name),
        ));
    }
    let mut layers = direction.layers.iter().chain(&direction.from);
    match layers.find(|l| **l >= shape.n_layer) {
        None => Ok(()),
        Some(layer) => Err(SessionError::of(
            field,
            format!(
                "There is no layer {layer}; this model has layers 0 to {}.",
                shape.n_layer - 1
            ),
        )),
    }
}

fn origin_of(method: Method, positive: usize, negative: usize) -> String {
    let how = match method {
        Method::MeanDifference => "Difference of the means",
        Method::PcaDiff => "First principal component of the differences",
        Method::PcaCenter => "First principal component, each pair centred,",
        Method::Logistic => "Normal of a logistic regression",
    };
    format!(
        "{how} of {positive} positive and {negative} negative prompts, read at each one’s last token"
    )
}

fn origin_of_token(matrix: Matrix) -> String {
    match matrix {
        Matrix::Embedding => "A row of the embedding".into(),
        Matrix::Unembedding => "A row of the unembedding".into(),
    }
}
