//! The forward pass, in the formula's own order and the checkpoint's own names.
//!
//! Shapes: `rows` is however many rows the plan computes at that point;
//! `n` is `n_embd`, `t` the number of keys in the layer's slot table.

use super::hooks::{Captured, Hooks};
use super::table::Table;
use super::{Config, Loader, ModelError, Pulse, Store};
use crate::backend::{Backend, Result, Then};
use crate::experiment::Site;
use crate::rows::Plan;

/// A model with the GPT-2 architecture, on a device.
pub struct Gpt2<B: Backend> {
    /// Its sizes and settings; `tied_head` as the weights have it.
    pub config: Config,
    pub(super) wte: Table<B>,
    pub(super) wpe: B::Tensor,
    pub(super) h: Vec<Block<B>>,
    pub(super) ln_f: LayerNorm<B>,
    pub(super) lm_head: Option<Table<B>>,
}

#[derive(Clone)]
pub(super) struct Block<B: Backend> {
    pub ln_1: LayerNorm<B>,
    pub c_attn: Linear<B>,
    pub attn_c_proj: Linear<B>,
    pub ln_2: LayerNorm<B>,
    pub c_fc: Linear<B>,
    pub mlp_c_proj: Linear<B>,
}

#[derive(Clone)]
pub(super) struct LayerNorm<B: Backend> {
    pub weight: B::Tensor,
    pub bias: B::Tensor,
}

#[derive(Clone)]
pub(super) struct Linear<B: Backend> {
    pub weight: B::Tensor,
    pub bias: B::Tensor,
}

/// What a forward pass hands back, still on the device.
pub struct Outcome<B: Backend> {
    /// The rows whose logits are wanted, after `ln_f`: `[plan.reads.len(), n]`.
    pub(super) read: Option<B::Tensor>,
    /// Those that `logits` captures want.
    pub(super) last: Option<B::Tensor>,
    /// Captured rows.
    pub(super) captured: Captured<B>,
}

impl<B: Backend> Gpt2<B> {
    /// Puts the weights, the bytes of `model.safetensors`, on the device.
    ///
    /// # Errors
    /// When a tensor is missing or of the wrong shape, or the device is full.
    pub fn load(b: &B, config: Config, weights: &[u8]) -> std::result::Result<Self, ModelError> {
        let mut loader = Loader::reserve(b, config)?;
        loader.push(b, weights)?;
        Ok(loader.finish()?.model)
    }

    /// Computes the rows of `plan`. Kept rows are in `store` afterwards.
    ///
    /// # Errors
    /// When the device fails, or `pulse` asks to stop.
    pub async fn forward(
        &self,
        b: &B,
        plan: &Plan,
        store: &mut Store<B>,
        pulse: &impl Pulse,
    ) -> std::result::Result<Outcome<B>, ModelError> {
        let hooks = &mut Hooks::new(b, plan, store);
        let mut x = self.embed(b, plan, hooks)?; // [rows, n]
        let share = plan.cost.multiplications / self.h.len() as u64;
        for (l, block) in self.h.iter().enumerate() {
            x = block.forward(b, &self.config, hooks, l, x)?;
            pulse.beat(share).await?;
        }
        let end = self.h.len();
        let x = match hooks.layer(end).pre.rows.is_empty() {
            true => x,
            false => {
                let x = hooks.pass(&hooks.layer(end).pre, Site::ResidPost, end, x)?;
                let x = self.ln_f.forward(b, &x, &self.config)?;
                hooks.at(Site::LnFinal, end, x)?
            }
        };
        let pick = |rows: Vec<u32>| match rows.is_empty() {
            true => Ok(None),
            false => hooks.some_rows(&x, &rows).map(Some),
        };
        Ok(Outcome {
            read: pick(plan.reads.iter().map(|r| r.2).collect())?,
            last: pick(plan.captured_logits.iter().map(|r| r.2).collect())?,
            captured: std::mem::take(&mut hooks.captured),
        })
    }

    /// The unembedding, `[n_vocab, n]`: the embedding, where the head is tied.
    pub(super) fn head(&self) -> &Table<B> {
        self.lm_head.as_ref().unwrap_or(&self.wte)
    }

    /// The MLP's output matrix of a layer, `[n_inner, n]`.
    pub(super) fn mlp_out_weight(&self, l: usize) -> &B::Tensor {
        &self.h[l].mlp_c_proj.weight
    }

    /// The attention's output matrix of a layer, `[n, n]`: all heads' `z` in.
    pub(super) fn attn_out_weight(&self, l: usize) -> &B::Tensor {
        &self.h[l].attn_c_proj.weight
    }

    fn embed(&self, b: &B, plan: &Plan, hooks: &mut Hooks<B>) -> Result<B::Tensor> {
        let (tokens, positions): (Vec<u32>, Vec<u32>) = plan.embed.iter().copied().unzip();
        if tokens.is_empty() {
            return b.zeros([0, self.config.shape.n_embd]);
        }
        if hooks.idle(Site::Embed, 0) && hooks.idle(Site::PosEmbed, 0) {
            return self.wte.sum_rows(b, &tokens, &self.wpe, &positions);
        }
        let token = hooks.at(Site::Embed, 0, self.wte.gather(b, &tokens)?)?; // [rows, n]
        let position = hooks.at(Site::PosEmbed, 0, b.gather(&self.wpe, &positions)?)?;
        b.add(&token, &position)
    }
}

impl<B: Backend> Block<B> {
    fn forward(
        &self,
        b: &B,
        config: &Config,
        hooks: &mut Hooks<B>,
        l: usize,
        x: B::Tensor,
    ) -> Result<B::Tensor> {
        let plan = hooks.layer(l);
        let x = hooks.pass(&plan.pre, Site::ResidPre, l, x)?;
        if plan.mid.rows.is_empty() && plan.pre.rows.is_empty() {
            return Ok(x);
        }
        let x = hooks.at(Site::ResidPre, l, x)?;
        let x = self.attention(b, config, hooks, l, x)?;
        let x = hooks.pass(&plan.mid, Site::ResidMid, l, x)?;
        self.mlp(b, config, hooks, l, x)
    }

    /// `x + c_proj(softmax(q k^T * scale) v)`
    fn attention(
        &self,
        b: &B,
        config: &Config,
        hooks: &mut Hooks<B>,
        l: usize,
        x: B::Tensor,
    ) -> Result<B::Tensor> {
        let plan = hooks.layer(l);
        let (n, n_head) = (config.shape.n_embd, config.shape.n_head);
        let (q, k, v) = match plan.pre.rows.is_empty() {
            // Every row enters at attention or later, over its parent's keys.
            true => (x.clone(), x.clone(), x.clone()),
            false => {
                let qkv = self.c_attn.forward(b, &self.ln_1.forward(b, &x, config)?)?; // [rows, 3 n]
                let q = hooks.at(Site::Q, l, b.columns(&qkv, 0..n)?)?; // [rows, n]
                let (k, v) = (b.columns(&qkv, n..2 * n)?, b.columns(&qkv, 2 * n..3 * n)?);
                let [k, v] = hooks.at_both([Site::K, Site::V], l, [k, v])?;
                (q, k, v)
            }
        };
        let x = hooks.pass(&plan.attend, Site::ResidPre, l, x)?;
        if plan.attend.rows.is_empty() {
            return Ok(x);
        }
        let q = hooks.pass(&plan.attend, Site::Q, l, q)?;
        let table = &hooks.table(l)?;
        let (kept_k, kept_v) = (&hooks.kept(Site::K, l)?, &hooks.kept(Site::V, l)?);
        let scale = config.attention_scale(l);
        let z = match hooks.idle(Site::Pattern, l) {
            true => b.attend(&q, [&k, kept_k], [&v, kept_v], table, n_head, scale)?,
            false => {
                let pattern = b.pattern(&q, &k, kept_k, table, n_head, scale)?;
                let pattern = hooks.at(Site::Pattern, l, pattern)?; // [rows, n_head t]
                b.mix(&pattern, &v, kept_v, table, n_head)?
            }
        };
        let z = hooks.at(Site::Z, l, z)?; // [rows, n]
        self.attn_c_proj.onto(b, hooks, (Site::AttnOut, l), &z, &x)
    }

    /// `x + c_proj(act(c_fc(ln_2(x))))`
    fn mlp(
        &self,
        b: &B,
        config: &Config,
        hooks: &mut Hooks<B>,
        l: usize,
        x: B::Tensor,
    ) -> Result<B::Tensor> {
        if hooks.layer(l).mid.rows.is_empty() {
            return Ok(x);
        }
        let x = hooks.at(Site::ResidMid, l, x)?;
        let normed = self.ln_2.forward(b, &x, config)?;
        let post = self.c_fc.activated(b, config, hooks, l, &normed)?; // [rows, n_inner]
        let post = hooks.at(Site::MlpPost, l, post)?;
        let x = self
            .mlp_c_proj
            .onto(b, hooks, (Site::MlpOut, l), &post, &x)?; // [rows, n]
        hooks.at(Site::ResidPost, l, x)
    }
}

impl<B: Backend> LayerNorm<B> {
    pub fn forward(&self, b: &B, x: &B::Tensor, config: &Config) -> Result<B::Tensor> {
        b.layer_norm(x, &self.weight, &self.bias, config.layer_norm_epsilon)
    }
}

impl<B: Backend> Linear<B> {
    pub fn forward(&self, b: &B, x: &B::Tensor) -> Result<B::Tensor> {
        b.linear(x, &self.weight, &self.bias, Then::Nothing)
    }

    /// `act(c_fc(x))`, in one operation where nobody looks at `mlp_pre`.
    fn activated(
        &self,
        b: &B,
        config: &Config,
        hooks: &mut Hooks<B>,
        l: usize,
        x: &B::Tensor,
    ) -> Result<B::Tensor> {
        let act = config.activation;
        if hooks.idle(Site::MlpPre, l) {
            return b.linear(x, &self.weight, &self.bias, Then::Activate(act));
        }
        b.activate(&hooks.at(Site::MlpPre, l, self.forward(b, x)?)?, act)
    }

    /// `x + c_proj(z)`, in one operation where nobody looks at what is added.
    fn onto(
        &self,
        b: &B,
        hooks: &mut Hooks<B>,
        (site, l): (Site, usize),
        z: &B::Tensor,
        x: &B::Tensor,
    ) -> Result<B::Tensor> {
        if hooks.idle(site, l) {
            return b.linear(z, &self.weight, &self.bias, Then::Add(x));
        }
        b.add(x, &hooks.at(site, l, self.forward(b, z)?)?)
    }
}
