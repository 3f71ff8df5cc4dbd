//! A model's sizes without its weights, to see how fast a device is.

use super::{Config, Gpt2, ModelError, Patient, Store};
use crate::backend::Backend;
use crate::rows::{Plan, Run};

/// Values given to the device at once.
const STAGED: usize = 1 << 18;

/// Tokens that the sample knows.
const TOKENS: u32 = 8;

/// One layer of a model's sizes, its weights of no meaning, as often as it is asked
/// for, one after the other.
pub struct Sample<B: Backend>(Gpt2<B>);

impl<B: Backend + Clone> Sample<B> {
    /// Puts the layer on the device, for passes of up to `rows` rows.
    ///
    /// # Errors
    /// When the device is full.
    pub fn new(b: &B, config: &Config, rows: usize) -> Result<Self, ModelError> {
        let mut config = config.clone();
        config.shape.n_layer = 1;
        config.shape.n_positions = rows;
        config.shape.n_vocab = TOKENS as usize;
        config.tied_head = true;
        let model = Gpt2::reserve(b, config)?;
        let places = model.places();
        let widest = places.iter().map(|p| p.width).max().unwrap_or(0);
        // Small, so that no pass of many layers overflows, and none of them 0.
        #[allow(clippy::cast_precision_loss)] // below 77
        let values = (0..STAGED.max(widest)).map(|i| 1.0 / (16 + i % 61) as f32);
        let values: Vec<f32> = values.collect();
        for place in places {
            let size: usize = place.shape.iter().product();
            let at_once = (STAGED / place.width).max(1);
            let rows = size / place.width;
            for row in (0..rows).step_by(at_once) {
                let now = at_once.min(rows - row) * place.width;
                place.fill(b, row, &values[..now])?;
            }
        }
        Ok(Self(model))
    }

    /// Multiplications of a row in a layer, attention aside.
    #[must_use]
    pub fn work(config: &Config) -> u64 {
        let (n, inner) = (config.shape.n_embd as u64, config.shape.n_inner as u64);
        4 * n * n + 2 * n * inner
    }

    /// A pass of a prompt of so many rows, through so many layers, to its end.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn pass(&mut self, b: &B, rows: usize, layers: usize) -> Result<(), ModelError> {
        let model = &mut self.0;
        let layer = model.h[0].clone();
        model.h.resize(layers, layer);
        model.config.shape.n_layer = layers;
        let shape = model.config.shape;
        let run = Run {
            reads: (0..rows).collect(),
            ..Run::of((0..TOKENS).cycle().take(rows).collect())
        };
        let plan = Plan::new(&shape, &[run])?;
        let outcome = model
            .forward(b, &plan, &mut Store::new(shape), &Patient)
            .await?;
        if let Some(read) = &outcome.read {
            b.read(read).await?;
        }
        Ok(())
    }
}
