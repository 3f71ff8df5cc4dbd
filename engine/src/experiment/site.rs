use serde::{Deserialize, Serialize};

/// Where in a forward pass a site is met: with which rows of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the first layer.
    Embedding,
    /// Before a layer's attention: rows that get new queries, keys and values.
    Pre,
    /// At and after its attention: rows that attend.
    Attend,
    /// In its MLP and after it.
    Mid,
    /// After the last layer.
    Final,
}

/// How many numbers a row of a site has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// The residual stream's, over all heads.
    Embd,
    /// The MLP's hidden layer.
    Inner,
    /// One for each key, which differs from run to run.
    Keys,
    /// One for each token of the vocabulary.
    Vocabulary,
}

/// Where a row's values at a site come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Computed anew wherever its row is.
    Made,
    /// What a row may enter the pass with, as its parent has it: the parent's own
    /// edits of it are made already.
    Entered,
}

/// One row a site. A new one is added here, in the formula (`model/gpt2.rs`) and in the
/// page's words (`text/en.rs`); all else asks the table.
macro_rules! sites {
    ($($(#[$about:meta])* $site:ident = $name:literal, $hook:literal, $place:ident, $width:ident, heads: $heads:literal, $origin:ident;)*) => {
        /// A kind of activation, by TransformerLens's short names, in the order of the
        /// forward pass.
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum Site {
            $($(#[$about])* $site,)*
        }

        impl Site {
            /// All sites, in the order of the forward pass.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$site),*];

            /// The name in links, files and the page.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$site => $name,)*
                }
            }

            /// What TransformerLens calls it, without the layer.
            fn hook_name(self) -> &'static str {
                match self {
                    $(Self::$site => $hook,)*
                }
            }

            /// Where in a forward pass it is met.
            #[must_use]
            pub fn place(self) -> Place {
                match self {
                    $(Self::$site => Place::$place,)*
                }
            }

            /// How many numbers a row of it has.
            #[must_use]
            pub fn width(self) -> Width {
                match self {
                    $(Self::$site => Width::$width,)*
                }
            }

            /// Whether the site is one vector per head.
            #[must_use]
            pub fn per_head(self) -> bool {
                match self {
                    $(Self::$site => $heads,)*
                }
            }

            /// Where a row's values at it come from.
            #[must_use]
            pub fn origin(self) -> Origin {
                match self {
                    $(Self::$site => Origin::$origin,)*
                }
            }
        }
    };
}

sites! {
    /// `hook_embed`, `[n_embd]`: the token's row of `wte`; has no layer
    Embed = "embed", "hook_embed", Embedding, Embd, heads: false, Entered;
    /// `hook_pos_embed`, `[n_embd]`: the position's row of `wpe`; has no layer
    PosEmbed = "pos_embed", "hook_pos_embed", Embedding, Embd, heads: false, Entered;
    /// `blocks.{l}.hook_resid_pre`, `[n_embd]`: the residual stream before the layer
    #[default]
    ResidPre = "resid_pre", "hook_resid_pre", Pre, Embd, heads: false, Entered;
    /// `blocks.{l}.attn.hook_q`, `[n_head, d_head]`
    Q = "q", "attn.hook_q", Pre, Embd, heads: true, Made;
    /// `blocks.{l}.attn.hook_k`, `[n_head, d_head]`
    K = "k", "attn.hook_k", Pre, Embd, heads: true, Made;
    /// `blocks.{l}.attn.hook_v`, `[n_head, d_head]`
    V = "v", "attn.hook_v", Pre, Embd, heads: true, Made;
    /// `blocks.{l}.attn.hook_pattern`, `[n_head, key position]`
    Pattern = "pattern", "attn.hook_pattern", Attend, Keys, heads: true, Made;
    /// `blocks.{l}.attn.hook_z`, `[n_head, d_head]`: the mixed values, before `c_proj`
    Z = "z", "attn.hook_z", Attend, Embd, heads: true, Made;
    /// `blocks.{l}.hook_attn_out`, `[n_embd]`
    AttnOut = "attn_out", "hook_attn_out", Attend, Embd, heads: false, Made;
    /// `blocks.{l}.hook_resid_mid`, `[n_embd]`
    ResidMid = "resid_mid", "hook_resid_mid", Attend, Embd, heads: false, Entered;
    /// `blocks.{l}.mlp.hook_pre`, `[n_inner]`: before the activation function
    MlpPre = "mlp_pre", "mlp.hook_pre", Mid, Inner, heads: false, Made;
    /// `blocks.{l}.mlp.hook_post`, `[n_inner]`: after it
    MlpPost = "mlp_post", "mlp.hook_post", Mid, Inner, heads: false, Made;
    /// `blocks.{l}.hook_mlp_out`, `[n_embd]`
    MlpOut = "mlp_out", "hook_mlp_out", Mid, Embd, heads: false, Made;
    /// `blocks.{l}.hook_resid_post`, `[n_embd]`: the residual stream after the layer
    ResidPost = "resid_post", "hook_resid_post", Mid, Embd, heads: false, Made;
    /// `ln_final.hook_normalized` times its weight, plus its bias, `[n_embd]`; has no layer
    LnFinal = "ln_final", "ln_final", Final, Embd, heads: false, Made;
    /// The logits, `[vocabulary]`; has no layer
    Logits = "logits", "logits", Final, Vocabulary, heads: false, Made;
}

impl Site {
    /// What TransformerLens calls it, `layer` being one of a site that has any:
    /// `blocks.2.attn.hook_z`.
    #[must_use]
    pub fn hook(self, layer: Option<usize>) -> String {
        let name = self.hook_name();
        match layer {
            Some(layer) => format!("blocks.{layer}.{name}"),
            None => name.into(),
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

    /// Whether the site exists once per layer.
    #[must_use]
    pub fn per_layer(self) -> bool {
        match self.place() {
            Place::Embedding | Place::Final => false,
            Place::Pre | Place::Attend | Place::Mid => true,
        }
    }

    /// Whether the site comes before the first layer.
    #[must_use]
    pub fn before_layers(self) -> bool {
        self.place() == Place::Embedding
    }

    /// Whether it is a vector of the residual stream, or is written to it as it is: what
    /// is as wide, and of the sites of heads `z` alone.
    #[inline]
    #[must_use]
    pub fn is_of_the_stream(self) -> bool {
        self.per_layer() && self.width() == Width::Embd && (!self.per_head() || self == Self::Z)
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
