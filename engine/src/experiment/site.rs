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

    /// What TransformerLens calls it, `layer` being one of a site that has any:
    /// `blocks.2.attn.hook_z`.
    #[must_use]
    pub fn hook(self, layer: Option<usize>) -> String {
        let short = self.name();
        let name = match self {
            Self::Q | Self::K | Self::V | Self::Z | Self::Pattern => format!("attn.hook_{short}"),
            Self::MlpPre => "mlp.hook_pre".into(),
            Self::MlpPost => "mlp.hook_post".into(),
            Self::LnFinal | Self::Logits => short.into(),
            _ => format!("hook_{short}"),
        };
        match layer {
            Some(layer) => format!("blocks.{layer}.{name}"),
            None => name,
        }
    }

    /// The site and the layer that TransformerLens's name of an activation in a
    /// layer means: [`Site::hook`] backwards.
    #[must_use]
    pub fn of_hook(name: &str) -> Option<(Self, usize)> {
        let (layer, _) = name.strip_prefix("blocks.")?.split_once('.')?;
        let layer = layer.parse().ok()?;
        let named = |site: &Self| site.per_layer() && site.hook(Some(layer)) == name;
        Some((Self::ALL.into_iter().find(named)?, layer))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_named_as_transformer_lens_names_them() {
        for (name, site) in [
            ("blocks.2.hook_resid_pre", Site::ResidPre),
            ("blocks.2.attn.hook_pattern", Site::Pattern),
            ("blocks.2.hook_attn_out", Site::AttnOut),
            ("blocks.2.mlp.hook_pre", Site::MlpPre),
        ] {
            assert_eq!(site.hook(Some(2)), name);
        }
        assert_eq!(Site::PosEmbed.hook(None), "hook_pos_embed");
        for site in Site::ALL.into_iter().filter(|s| s.per_layer()) {
            assert_eq!(Site::of_hook(&site.hook(Some(11))), Some((site, 11)));
        }
        for other in [
            "",
            "hook_embed",
            "blocks.2",
            "blocks.2.",
            "blocks.+2.hook_resid_pre",
            "blocks.02.hook_resid_pre",
            "blocks.-1.hook_resid_pre",
            "blocks.2.hook_embed",
            "blocks.2.hook_resid_pre.1",
            "blocks.2.attn.hook_result",
        ] {
            assert_eq!(Site::of_hook(other), None, "{other}");
        }
    }
}
