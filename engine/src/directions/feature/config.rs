//! `cfg.json` of a dictionary, as `SAELens` writes it: what the encoder does
//! besides its matrix. What is not understood is refused by its name, because an
//! activation would be wrong.

use super::fields::{CHANGE_NOTHING, LOADED_ALIKE};
use super::problem::{DictionaryFault, Known};
use crate::experiment::Site;
use crate::json;
use crate::text::short;
use serde_json::{Map, Value};

/// How the products of a row and a feature's column become its activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    Standard,
    JumpRelu,
    Gated,
}

/// What is done to a row before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalised {
    Not,
    /// To the length `sqrt(width)`.
    ToLength,
    /// To mean 0 and standard deviation 1.
    ByDeviation,
}

/// What a `cfg.json` says of how a row becomes a feature's activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// What follows the encoder's product; `standard` where the file names none.
    pub architecture: Architecture,
    /// What is done to a row first; nothing where the file says nothing.
    pub normalised: Normalised,
    /// Whether `b_dec` is taken off the input.
    pub takes_off_bias: bool,
    /// Whether the model's writing weights were centred while it was trained.
    pub centred: bool,
}

/// The version from which on `SAELens` loads models as they are, and says in its
/// configs with what settings; before, they came with their weights centred.
const AS_THEY_ARE: [u64; 3] = [3, 19, 2];

impl Config {
    /// Reads the config of a dictionary that is asked for at `site` of `layer`;
    /// `centred` is said where it is known without the config.
    /// What it does not say has the value that the version of `SAELens` that
    /// wrote it gives it. Says what is not understood.
    pub fn read(
        bytes: &[u8],
        site: Site,
        layer: usize,
        centred: Option<bool>,
    ) -> Result<Self, DictionaryFault> {
        let json: Value = json::read(bytes).map_err(|e| DictionaryFault::NotJson {
            reason: e.to_string(),
        })?;
        let Value::Object(top) = &json else {
            return Err(DictionaryFault::NoObject);
        };
        let fields = Fields {
            top,
            metadata: top.get("metadata").and_then(Value::as_object),
        };
        fields.hook(site, layer)?;
        fields.only(&["activation_fn_str", "activation_fn"], "relu")?;
        fields.only(&["reshape_activations"], "none")?;
        fields.not(&["finetuning_scaling_factor"])?;
        fields.not(&["hook_head_index", "hook_point_head_index"])?;
        let config = Self {
            architecture: fields.one_of(
                "architecture",
                &[
                    ("standard", Architecture::Standard),
                    ("jumprelu", Architecture::JumpRelu),
                    ("gated", Architecture::Gated),
                ],
            )?,
            normalised: fields.one_of(
                "normalize_activations",
                &[
                    ("none", Normalised::Not),
                    ("constant_norm_rescale", Normalised::ToLength),
                    ("layer_norm", Normalised::ByDeviation),
                ],
            )?,
            takes_off_bias: match fields.get(&["apply_b_dec_to_input"])? {
                None => true,
                Some(Value::Bool(said)) => *said,
                Some(other) => return Err(refused("apply_b_dec_to_input", other, Known::Flag)),
            },
            centred: centred.map_or_else(|| fields.centred(), Ok)?,
        };
        fields.known()?;
        Ok(config)
    }
}

fn refused(name: &str, found: &Value, expected: Known) -> DictionaryFault {
    DictionaryFault::Setting {
        name: name.into(),
        found: short(found),
        expected,
    }
}

fn value(one: &str) -> Known {
    Known::Values(vec![one.into()])
}

/// The fields of a config; from version 6 on some of them are in `metadata`.
struct Fields<'a> {
    top: &'a Map<String, Value>,
    metadata: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// The value of a field that has had several names, wherever it stands.
    fn get(&self, names: &[&str]) -> Result<Option<&'a Value>, DictionaryFault> {
        let maps = [Some(self.top), self.metadata].into_iter().flatten();
        let values = maps.flat_map(|m| names.iter().filter_map(|n| m.get(*n)));
        let mut values = values.filter(|v| !v.is_null());
        let first = values.next();
        match values.find(|v| Some(*v) != first) {
            Some(_) => Err(DictionaryFault::TwoValues {
                names: names.iter().map(ToString::to_string).collect(),
            }),
            None => Ok(first),
        }
    }

    fn only(&self, names: &[&str], expected: &str) -> Result<(), DictionaryFault> {
        match self.get(names)? {
            Some(found) if found != expected => Err(refused(names[0], found, value(expected))),
            _ => Ok(()),
        }
    }

    fn not(&self, names: &[&str]) -> Result<(), DictionaryFault> {
        match self.get(names)? {
            None | Some(Value::Bool(false)) => Ok(()),
            Some(found) => Err(refused(names[0], found, Known::None)),
        }
    }

    /// One of the values that are known; the first where nothing, or `false`, is said.
    fn one_of<T: Copy>(&self, name: &str, known: &[(&str, T)]) -> Result<T, DictionaryFault> {
        let found = match self.get(&[name])? {
            None | Some(Value::Bool(false)) => return Ok(known[0].1),
            Some(found) => found,
        };
        let named = known.iter().find(|(n, _)| found == n);
        named.map(|(_, value)| *value).ok_or_else(|| {
            let names = known.iter().map(|(n, _)| (*n).to_owned());
            refused(name, found, Known::Values(names.collect()))
        })
    }

    /// Since it loads models as they are, `SAELens` writes few fields: one that
    /// is not among them might change a number. The older ones hold all settings
    /// of the training run, and its own loader passes over what it does not know.
    fn known(&self) -> Result<(), DictionaryFault> {
        if !self.loads_as_they_are()? {
            return Ok(());
        }
        let mut names = self.top.keys();
        match names.find(|n| !CHANGE_NOTHING.contains(&n.as_str()) && !read(n)) {
            Some(name) => Err(DictionaryFault::Field { name: short(name) }),
            None => Ok(()),
        }
    }

    /// Whether it was trained at the place where it is asked for.
    fn hook(&self, site: Site, layer: usize) -> Result<(), DictionaryFault> {
        let Some(found) = self.get(&["hook_name", "hook_point"])? else {
            return Ok(());
        };
        // After a layer is before the next one.
        let place = |(site, layer): (Site, usize)| match (site, layer.checked_sub(1)) {
            (Site::ResidPre, Some(before)) => (Site::ResidPost, before),
            _ => (site, layer),
        };
        let named = found.as_str().and_then(Site::of_hook);
        match named.map(place) == Some(place((site, layer))) {
            true => Ok(()),
            false => Err(refused("hook_name", found, value(&site.hook(Some(layer))))),
        }
    }

    /// Whether the version of `SAELens` that trained it loads models as they
    /// are. Without a version the fields that it writes since then tell.
    fn loads_as_they_are(&self) -> Result<bool, DictionaryFault> {
        let trained = self.get(&["sae_lens_training_version"])?;
        let saved = self.get(&["sae_lens_version"])?;
        if let Some(version) = trained.or(saved) {
            let numbers = version.as_str().and_then(numbers);
            let numbers =
                numbers.ok_or_else(|| refused("sae_lens_version", version, Known::Versions))?;
            return Ok(numbers >= AS_THEY_ARE);
        }
        let settings = self.get(&["model_from_pretrained_kwargs"])?;
        Ok(self.metadata.is_some() || settings.is_some())
    }

    /// Whether a field is there without a value.
    fn forgot(&self, name: &str) -> bool {
        let maps = [Some(self.top), self.metadata].into_iter().flatten();
        maps.filter_map(|m| m.get(name)).any(Value::is_null)
    }

    /// Whether the model was loaded with its writing weights centred.
    fn centred(&self) -> Result<bool, DictionaryFault> {
        const NAME: &str = "center_writing_weights";
        let settings = match self.get(&["model_from_pretrained_kwargs"])? {
            None => None,
            Some(Value::Object(settings)) => Some(settings),
            Some(other) => {
                return Err(refused(
                    "model_from_pretrained_kwargs",
                    other,
                    Known::Object,
                ));
            }
        };
        let mut others = settings.into_iter().flat_map(Map::iter);
        if let Some((name, value)) =
            others.find(|(n, _)| *n != NAME && !LOADED_ALIKE.contains(&n.as_str()))
        {
            return Err(refused(
                &format!("model_from_pretrained_kwargs.{}", short(name)),
                value,
                self::value(NAME),
            ));
        }
        match settings.and_then(|s| s.get(NAME)) {
            Some(Value::Bool(said)) => Ok(*said),
            // Saved again by a later version than the unknown one that trained it.
            None if self.forgot("sae_lens_training_version") => {
                Err(DictionaryFault::NoVersion { missing: NAME })
            }
            None => Ok(!self.loads_as_they_are()?),
            Some(other) => Err(refused(NAME, other, Known::Flag)),
        }
    }
}

/// Whether [`Config::read`] reads the field.
fn read(name: &str) -> bool {
    [
        "architecture",
        "activation_fn_str",
        "activation_fn",
        "normalize_activations",
        "reshape_activations",
        "finetuning_scaling_factor",
        "apply_b_dec_to_input",
        "hook_name",
        "hook_point",
        "hook_head_index",
        "hook_point_head_index",
        "model_from_pretrained_kwargs",
        "metadata",
        "sae_lens_version",
        "sae_lens_training_version",
    ]
    .contains(&name)
}

/// The first three numbers of a version: of 6.0.0-rc.1 these are 6, 0 and 0.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = version.split('.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit());
        part[..end.unwrap_or(part.len())].parse().ok()
    });
    Some([
        parts.next()??,
        parts.next().flatten().unwrap_or(0),
        parts.next().flatten().unwrap_or(0),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<Config, String> {
        let read = Config::read(json.as_bytes(), Site::ResidPre, 2, None);
        read.map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_not_said_is_as_the_version_has_it() {
        let centred = |json: &str| {
            let config = of(json).unwrap();
            assert_eq!(config.architecture, Architecture::Standard, "{json}");
            assert_eq!(config.normalised, Normalised::Not, "{json}");
            assert!(config.takes_off_bias, "{json}");
            config.centred
        };
        for (json, expected) in [
            // Before there were versions, and before 3.19.2, weights were centred ...
            (
                r#"{"d_in": 768, "hook_point": "blocks.2.hook_resid_pre", "lr": 1}"#,
                true,
            ),
            (
                r#"{"sae_lens_training_version": "2.1.3", "model_from_pretrained_kwargs": {}}"#,
                true,
            ),
            (r#"{"sae_lens_training_version": "3.19.1"}"#, true),
            (r#"{"sae_lens_training_version": "0.0.0"}"#, true),
            // ... unless it said otherwise.
            (
                r#"{"sae_lens_training_version": "2.1.3", "model_from_pretrained_kwargs": {"center_writing_weights": false}}"#,
                false,
            ),
            (
                r#"{"sae_lens_training_version": "3.19.2", "model_from_pretrained_kwargs": {}}"#,
                false,
            ),
            (
                r#"{"sae_lens_training_version": "3.23.4", "model_from_pretrained_kwargs": null}"#,
                false,
            ),
            (
                r#"{"sae_lens_training_version": "4.0.0", "model_from_pretrained_kwargs": {"center_writing_weights": true}}"#,
                true,
            ),
            // The settings are written since 3.19.2.
            (
                r#"{"architecture": "standard", "model_from_pretrained_kwargs": {}}"#,
                false,
            ),
            (
                r#"{"model_from_pretrained_kwargs": {"center_writing_weights": false, "fold_ln": false}}"#,
                false,
            ),
            // SAELens 6.
            (
                r#"{"architecture": "standard", "metadata": {"sae_lens_version": "6.0.0-rc.0", "sae_lens_training_version": "6.0.0-rc.0"}}"#,
                false,
            ),
            (
                r#"{"architecture": "standard", "metadata": {"hook_name": "blocks.2.hook_resid_pre", "anything": 7}}"#,
                false,
            ),
            (
                r#"{"metadata": {"sae_lens_version": "6.20.0", "sae_lens_training_version": "5.3.0", "model_from_pretrained_kwargs": {"center_writing_weights": true}}}"#,
                true,
            ),
            (
                r#"{"metadata": {"sae_lens_version": "6.20.0", "sae_lens_training_version": "2.1.3"}}"#,
                true,
            ),
            // Before layer 2 is after layer 1.
            (
                r#"{"hook_name": "blocks.1.hook_resid_post", "normalize_activations": false}"#,
                true,
            ),
        ] {
            assert_eq!(centred(json), expected, "{json}");
        }
        let known = Config::read(b"{\"metadata\": {}}", Site::ResidPre, 2, Some(true));
        assert!(known.unwrap().centred);
        let marked = format!("\u{feff}{{\r\n{}", r#""apply_b_dec_to_input": false}"#);
        assert!(!of(&marked).unwrap().takes_off_bias);
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (json, reason) in [
            ("", "not JSON"),
            (
                r#"{"architecture": "topk", "architecture": "standard"}"#,
                "“architecture” stands there again",
            ),
            ("[]", "no JSON object"),
            (
                r#"{"architecture": "topk", "k": 3}"#,
                "architecture is \"topk\", but activations are known only for standard, jumprelu, gated",
            ),
            (
                r#"{"architecture": "jumprelu_transcoder", "metadata": {}}"#,
                "jumprelu_transcoder",
            ),
            (r#"{"architecture": 7}"#, "architecture is 7"),
            (
                r#"{"activation_fn": "topk"}"#,
                "activation_fn_str is \"topk\"",
            ),
            (r#"{"activation_fn_str": "tanh-relu"}"#, "tanh-relu"),
            (
                r#"{"normalize_activations": "expected_average_only_in"}"#,
                "normalize_activations",
            ),
            (
                r#"{"normalize_activations": true}"#,
                "normalize_activations is true",
            ),
            (
                r#"{"normalize_activations": "covariance_whitening"}"#,
                "covariance_whitening",
            ),
            (
                r#"{"finetuning_scaling_factor": true}"#,
                "finetuning_scaling_factor",
            ),
            (
                r#"{"apply_b_dec_to_input": "no"}"#,
                "apply_b_dec_to_input is \"no\"",
            ),
            (
                r#"{"reshape_activations": "hook_z"}"#,
                "reshape_activations",
            ),
            (r#"{"hook_point_head_index": 3}"#, "hook_head_index is 3"),
            (
                r#"{"metadata": {"hook_head_index": 0}}"#,
                "hook_head_index is 0",
            ),
            (
                r#"{"hook_name": "blocks.3.hook_resid_pre"}"#,
                "hook_name is \"blocks.3.hook_resid_pre\", but activations are known only for blocks.2.hook_resid_pre",
            ),
            (
                r#"{"metadata": {"hook_name": "transformer.h.1"}}"#,
                "transformer.h.1",
            ),
            (r#"{"hook_name": "blocks.2.hook_mlp_out"}"#, "hook_mlp_out"),
            (
                r#"{"hook_name": "blocks.2.hook_resid_pre", "metadata": {"hook_name": "blocks.1.hook_resid_pre"}}"#,
                "two values of hook_name",
            ),
            (
                r#"{"model_from_pretrained_kwargs": {"center_writing_weights": "yes"}}"#,
                "center_writing_weights is \"yes\"",
            ),
            (
                r#"{"model_from_pretrained_kwargs": {"fold_everything": true}}"#,
                "model_from_pretrained_kwargs.fold_everything",
            ),
            (
                r#"{"model_from_pretrained_kwargs": 3}"#,
                "model_from_pretrained_kwargs is 3",
            ),
            (
                r#"{"model_from_pretrained_kwargs": {"center_writing_weights": true}, "metadata": {"model_from_pretrained_kwargs": {"center_writing_weights": false}}}"#,
                "two values of model_from_pretrained_kwargs",
            ),
            (
                r#"{"sae_lens_training_version": "new"}"#,
                "sae_lens_version is \"new\"",
            ),
            (
                r#"{"metadata": {"sae_lens_version": "6.1.0", "sae_lens_training_version": null}}"#,
                "sae_lens_training_version is null",
            ),
            (r#"{"metadata": {}, "gain": 2.0}"#, "a field gain"),
        ] {
            let e = of(json).unwrap_err();
            assert!(e.contains(reason), "{json}: {e}");
        }
        let long = of(&format!(r#"{{"architecture": "{}"}}"#, "é".repeat(9999))).unwrap_err();
        assert!(long.len() < 400);
    }
}
