//! What the name of a tensor says of its vector: one table for all formats.

use super::error::{FileError, Names};
use crate::experiment::Site;

/// What stands before the number of a layer after which the vector belongs:
/// `direction.3` (repeng, llama.cpp, and files of ours), the name of the module
/// whose output it is added to (`transformer.h.3`), or nothing (`3`).
const AFTER_A_LAYER: [&str; 8] = [
    "",
    "direction.",
    "layer.",
    "layers.",
    "blocks.",
    "h.",
    "transformer.h.",
    "model.layers.",
];

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A layer, of the site that the file is of.
    Layer(usize),
    /// TransformerLens's name of an activation.
    Hook(Site, usize),
    /// No layer at all.
    Nothing,
}

impl Named {
    pub fn layer(self) -> Option<usize> {
        match self {
            Self::Layer(layer) | Self::Hook(_, layer) => Some(layer),
            Self::Nothing => None,
        }
    }

    pub fn site(self) -> Option<Site> {
        match self {
            Self::Hook(site, _) => Some(site),
            Self::Layer(_) | Self::Nothing => None,
        }
    }
}

/// Looks a name up. One without any digit names no layer; every other one is in
/// the table, or it would be taken for a layer that it does not mean.
pub(crate) fn named(name: &str) -> Result<Named, FileError> {
    if let Some((site, layer)) = Site::of_hook(name) {
        return match site.is_of_the_stream() {
            true => Ok(Named::Hook(site, layer)),
            false => Err(FileError::NoDirection { site }),
        };
    }
    let mut prefixes = AFTER_A_LAYER.iter();
    if let Some(layer) = prefixes.find_map(|p| number(name.strip_prefix(p)?)) {
        return Ok(Named::Layer(layer));
    }
    match name.contains(|c: char| c.is_ascii_digit()) || name.contains("hook_") {
        true => Err(unknown(name, Names::Tensors)),
        false => Ok(Named::Nothing),
    }
}

/// A control vector's names are `direction.N` alone.
pub(crate) fn controls(name: &str) -> Result<usize, FileError> {
    let layer = name.strip_prefix("direction.").and_then(number);
    layer.ok_or_else(|| unknown(name, Names::ControlVectors))
}

pub(crate) fn unnamed(name: &str) -> FileError {
    unknown(name, Names::Tensors)
}

fn unknown(name: &str, expected: Names) -> FileError {
    FileError::Name {
        name: name.into(),
        expected,
    }
}

/// Digits and nothing else.
fn number(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_a_layer_or_is_refused() {
        for (name, expected) in [
            ("direction.3", Named::Layer(3)),
            ("layers.3", Named::Layer(3)),
            ("transformer.h.11", Named::Layer(11)),
            ("7", Named::Layer(7)),
            ("blocks.2.hook_resid_pre", Named::Hook(Site::ResidPre, 2)),
            ("blocks.2.attn.hook_z", Named::Hook(Site::Z, 2)),
            ("love", Named::Nothing),
            ("steering.vector", Named::Nothing),
        ] {
            assert_eq!(named(name).unwrap(), expected, "{name}");
        }
        for name in [
            "foo.bar.3",
            "mean.1",
            "direction.-1",
            "direction.+1",
            "direction.1.2",
            "direction.99999999999999999999",
            "love2",
            "hook_resid_pre",
            "blocks.2.hook_resid_per",
            "blocks.2.hook_resid_pre.0",
            "h.0.attn.c_attn.weight",
        ] {
            let error = named(name).unwrap_err().to_string();
            assert!(
                error.contains(name) && error.contains("direction.N"),
                "{error}"
            );
        }
        let q = named("blocks.2.attn.hook_q").unwrap_err().to_string();
        assert!(q.contains("no direction acts at q"), "{q}");
        assert_eq!(controls("direction.4").unwrap(), 4);
        for name in [
            "mean.1",
            "direction",
            "direction.x",
            "blocks.2.hook_resid_pre",
            "4",
        ] {
            let error = controls(name).unwrap_err().to_string();
            assert!(error.contains(&format!("“{name}”")), "{error}");
        }
        let long = named(&"1é".repeat(100_000)).unwrap_err().to_string();
        assert!(long.len() < 400, "{}", long.len());
    }
}
