use serde::{Deserialize, Serialize};

/// A kind of activation, by TransformerLens's short names.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// `hook_embed`, `[n_embd]`: the token's row of `wte`; has no layer
    Embed,
    /// `hook_pos_embed`, `[n_embd]`: the position's row of `wpe`; has no layer
    PosEmbed,
    /// `blocks.{l}.hook_resid_pre`, `[n_embd]`: the residual stream before the layer
    #[default]
    ResidPre,
    /// `blocks.{l}.attn.hook_q`, `[n_head, d_head]`
    Q,
    /// `blocks.{l}.attn.hook_k`, `[n_head, d_head]`
    K,
    /// `blocks.{l}.attn.hook_v`, `[n_head, d_head]`
    V,
    /// `blocks.{l}.attn.hook_pattern`, `[n_head, key position]`
    Pattern,
    /// `blocks.{l}.attn.hook_z`, `[n_head, d_head]`: the mixed values, before `c_proj`
    Z,
    /// `blocks.{l}.hook_attn_out`, `[n_embd]`
    AttnOut,
    /// `blocks.{l}.hook_resid_mid`, `[n_embd]`
    ResidMid,
    /// `blocks.{l}.mlp.hook_pre`, `[n_inner]`: before the activation function
    MlpPre,
    /// `blocks.{l}.mlp.hook_post`, `[n_inner]`: after it
    MlpPost,
    /// `blocks.{l}.hook_mlp_out`, `[n_embd]`
    MlpOut,
    /// `blocks.{l}.hook_resid_post`, `[n_embd]`: the residual stream after the layer
    ResidPost,
    /// `ln_final.hook_normalized` times its weight, plus its bias, `[n_embd]`; has no layer
    LnFinal,
    /// The logits, `[vocabulary]`; has no layer
    Logits,
}

impl Site {
    /// All sites, in the order of the forward pass.
    pub const ALL: [Self; 16] = [
        Self::Embed,
        Self::PosEmbed,
        Self::ResidPre,
        Self::Q,
        Self::K,
        Self::V,
        Self::Pattern,
        Self::Z,
        Self::AttnOut,
        Self::ResidMid,
        Self::MlpPre,
        Self::MlpPost,
        Self::MlpOut,
        Self::ResidPost,
        Self::LnFinal,
        Self::Logits,
    ];

    /// The name in links, files and the page.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::PosEmbed => "pos_embed",
            Self::ResidPre => "resid_pre",
            Self::Q => "q",
            Self::K => "k",
            Self::V => "v",
            Self::Pattern => "pattern",
            Self::Z => "z",
            Self::AttnOut => "attn_out",
            Self::ResidMid => "resid_mid",
            Self::MlpPre => "mlp_pre",
            Self::MlpPost => "mlp_post",
            Self::MlpOut => "mlp_out",
            Self::ResidPost => "resid_post",
            Self::LnFinal => "ln_final",
            Self::Logits => "logits",
        }
    }

    /// Whether the site is one vector per head.
    #[must_use]
    pub fn per_head(self) -> bool {
        matches!(self, Self::Q | Self::K | Self::V | Self::Pattern | Self::Z)
    }

    /// Whether the site exists once per layer.
    #[must_use]
    pub fn per_layer(self) -> bool {
        !self.before_layers() && !matches!(self, Self::LnFinal | Self::Logits)
    }

    /// Whether the site comes before the first layer.
    #[must_use]
    pub fn before_layers(self) -> bool {
        matches!(self, Self::Embed | Self::PosEmbed)
    }

    /// How often the site exists in a model of so many layers.
    #[must_use]
    pub fn layers(self, n_layer: usize) -> usize {
        if self.per_layer() { n_layer } else { 1 }
    }
}

impl std::fmt::Display for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
