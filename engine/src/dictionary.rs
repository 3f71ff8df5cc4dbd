//! Sparse autoencoders that others published: their names, what their files are
//! called and how they are laid out. No network here.

use crate::experiment::{DICTIONARY, Site};
use crate::source::Named;

/// Facts about dictionaries that were known before anything was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Short name in experiments and links: `SAELens`'s.
    pub name: &'static str,
    /// Where the hub has its files, as `owner/name`.
    pub repository: &'static str,
    /// The commit that is read, whatever comes after it.
    pub revision: &'static str,
    /// Width of the model that they were trained on.
    pub width: usize,
    /// Features of each.
    pub features: usize,
    /// Whether the model's writing weights were centred: `SAELens` keeps that in
    /// its list of dictionaries, where their own configs do not say it.
    pub centred: bool,
    /// Layers of the model; there is one before each, and one after the last.
    pub n_layer: usize,
}

/// Joseph Bloom's residual stream dictionaries of GPT-2 small (2024).
/// Source: <https://huggingface.co/jbloom/GPT2-Small-SAEs-Reformatted>
pub const RES_JB: Known = Known {
    name: DICTIONARY,
    repository: "jbloom/GPT2-Small-SAEs-Reformatted",
    revision: "57d08a4fd333fbf18caf3fbea63ceeb88e2f50d9",
    width: 768,
    features: 24_576,
    centred: true,
    n_layer: 12,
};

impl Known {
    /// Whether there is a dictionary of that activation.
    #[must_use]
    pub fn has(&self, site: Site, layer: usize) -> bool {
        match site {
            Site::ResidPre => layer < self.n_layer,
            Site::ResidPost => layer + 1 == self.n_layer,
            _ => false,
        }
    }
}

/// What is known of a dictionary beforehand.
#[must_use]
pub fn known(dictionary: &str) -> Option<&'static Known> {
    (dictionary == RES_JB.name).then_some(&RES_JB)
}

/// What a dictionary's name means: a known one, a repository of the hub, or the
/// address of a folder. `None` where it is neither.
#[must_use]
pub fn named(dictionary: &str) -> Option<Named> {
    if let Some(known) = known(dictionary) {
        return Some(Named::Repository {
            repository: known.repository.into(),
            revision: Some(known.revision.into()),
        });
    }
    match Named::parse(dictionary) {
        Ok(Named::Bundled(_)) | Err(_) => None,
        Ok(named) => Some(named),
    }
}

/// The folder of the dictionary of one activation, as `SAELens` names it.
#[must_use]
pub fn folder(site: Site, layer: usize) -> String {
    format!("blocks.{layer}.hook_{site}")
}

/// The page on which Neuronpedia shows what a feature of a known dictionary
/// fires on. There the stream after the last layer is counted as one more layer.
#[must_use]
pub fn page(dictionary: &str, site: Site, layer: usize, feature: usize) -> Option<String> {
    let known = known(dictionary)?;
    let shown = known.has(site, layer) && feature < known.features;
    let layer = layer + usize::from(site == Site::ResidPost);
    shown.then(|| format!("https://www.neuronpedia.org/gpt2-small/{layer}-res-jb/{feature}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Place;

    #[test]
    fn names_lead_to_folders() {
        let place = Place {
            home: "https://page.example/".into(),
            hub: None,
        };
        let folder = |name| named(name).map(|n| n.folder(&place));
        assert_eq!(
            folder(RES_JB.name).as_deref(),
            Some(
                "https://huggingface.co/jbloom/GPT2-Small-SAEs-Reformatted/resolve/57d08a4fd333fbf18caf3fbea63ceeb88e2f50d9/"
            )
        );
        assert_eq!(
            folder("a/b").as_deref(),
            Some("https://huggingface.co/a/b/resolve/main/")
        );
        assert_eq!(
            folder("https://x.example/s").as_deref(),
            Some("https://x.example/s/")
        );
        for wrong in ["", "mini", "a/b/c", "ftp://x"] {
            assert_eq!(folder(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn pages_are_neuronpedias() {
        let page = |site, layer, feature| page(RES_JB.name, site, layer, feature);
        assert_eq!(
            page(Site::ResidPre, 8, 1234).as_deref(),
            Some("https://www.neuronpedia.org/gpt2-small/8-res-jb/1234")
        );
        assert_eq!(
            page(Site::ResidPost, 11, 7).as_deref(),
            Some("https://www.neuronpedia.org/gpt2-small/12-res-jb/7")
        );
        for (site, layer, feature) in [
            (Site::ResidPre, 12, 0),
            (Site::ResidPost, 10, 0),
            (Site::AttnOut, 3, 0),
            (Site::ResidPre, 0, 24_576),
        ] {
            assert_eq!(page(site, layer, feature), None);
        }
        assert_eq!(super::page("a/b", Site::ResidPre, 0, 0), None);
    }
}
