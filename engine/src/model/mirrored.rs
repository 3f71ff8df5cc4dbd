//! What `patchbay mirror` notes in the config.json of a folder that it writes for others
//! to serve: which files belong together, and how far half precision is off.

use super::config::{ConfigError, field};
use super::expected::Expected;
use super::fields::Fields;
use super::folder::Folder;
use crate::text::short;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A field of config.json that no other program has: SHA-256s in hexadecimal, by the names
/// of files.
pub const SHA256: &str = "patchbay_sha256";
/// Another such field, where the weights were rounded: [`Half::off`], or null where that
/// is `None`.
pub const HALF: &str = "patchbay_half";

/// Files that are noted at most.
const MOST: usize = 1024;

/// The notes of a folder; empty where it is no mirror's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mirrored {
    /// SHA-256s in hexadecimal, by the names of files.
    sha256: BTreeMap<String, String>,
    /// Where the weights were rounded to half precision.
    pub half: Option<Half>,
}

/// Weights that were rounded to half precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Half {
    /// The largest difference of the metric from that with the weights as they were, in
    /// the first example's runs and map; `None` where that example did not fit the model.
    pub off: Option<f32>,
}

impl Mirrored {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, ConfigError> {
        let sha256: BTreeMap<String, String> =
            fields.take(SHA256, Expected::Hashes)?.unwrap_or_default();
        let is_hash = |h: &String| h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit());
        if let Some(wrong) = sha256.values().find(|h| !is_hash(h)) {
            return Err(field(SHA256, Expected::Hashes, short(wrong)));
        }
        if sha256.len() > MOST {
            return Err(field(SHA256, Expected::Hashes, sha256.len()));
        }
        let half: Option<Option<f32>> = fields.take(HALF, Expected::Distance)?;
        match half {
            Some(Some(off)) if !(off.is_finite() && off >= 0.0) => {
                Err(field(HALF, Expected::Distance, off))
            }
            half => Ok(Self {
                sha256,
                half: half.map(|off| Half { off }),
            }),
        }
    }

    /// Compares a file with what is noted of it.
    ///
    /// # Errors
    /// [`ConfigError::Hash`] where it is another one.
    pub fn check(&self, file: &str, found: &str) -> Result<(), ConfigError> {
        match self.sha256.get(file) {
            Some(expected) if !expected.eq_ignore_ascii_case(found) => Err(ConfigError::Hash {
                file: file.into(),
                found: found.into(),
                expected: expected.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// The same for the small files of a folder.
    ///
    /// # Errors
    /// As [`Mirrored::check`].
    pub fn check_all(&self, folder: &Folder) -> Result<(), ConfigError> {
        for name in folder.names().filter(|n| self.sha256.contains_key(*n)) {
            if let Some(bytes) = folder.get(name) {
                self.check(name, &hex(&Sha256::digest(bytes)))?;
            }
        }
        Ok(())
    }
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The causal masks, which some files hold, and no computation needs.
#[must_use]
pub fn is_mask(name: &str) -> bool {
    name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias")
}
