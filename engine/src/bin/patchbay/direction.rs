//! Directions from one file format to another, or into an experiment.

use super::{Failure, USAGE, print, remark};
use patchbay_engine::directions::files::{direction, write};
use patchbay_engine::experiment::{Format, Source};
use std::path::{Path, PathBuf};

pub struct Options {
    file: PathBuf,
    layer: usize,
    out: Option<PathBuf>,
}

impl Options {
    pub fn parse(arguments: &[&str]) -> Result<Self, Failure> {
        let (mut file, mut layer, mut out) = (None, 0, None);
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || {
                let value = rest.next();
                value.ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"))
            };
            match *argument {
                "--layer" => {
                    let text = value()?;
                    let number = text.parse();
                    layer = number.map_err(|_| format!("--layer takes a number, not {text}"))?;
                }
                "--out" => out = Some(PathBuf::from(value()?)),
                flag if flag.starts_with("--") => {
                    return Err(format!("there is no option {flag}\n\n{USAGE}"));
                }
                path if file.is_none() => file = Some(PathBuf::from(path)),
                path => {
                    return Err(format!(
                        "one file is read, but {path} is another\n\n{USAGE}"
                    ));
                }
            }
        }
        let file = file.ok_or_else(|| format!("which file?\n\n{USAGE}"))?;
        Ok(Self { file, layer, out })
    }

    pub fn convert(&self) -> Result<(), Failure> {
        let wrong = |path: &Path, e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let bytes = std::fs::read(&self.file).map_err(|e| wrong(&self.file, &e))?;
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let direction = direction(&name, &bytes, self.layer).map_err(|e| wrong(&self.file, &e))?;
        let Some(out) = &self.out else {
            let json = serde_json::to_string_pretty(&direction).map_err(|e| e.to_string())?;
            return print(&json, None);
        };
        let Source::Vectors { vectors, .. } = &direction.source else {
            return Err(wrong(&self.file, &"no vectors were read"));
        };
        let format = match out.extension().and_then(|e| e.to_str()) {
            Some("gguf") => Format::Gguf,
            Some("safetensors") => Format::Safetensors,
            Some("json") => Format::Json,
            _ => return Err(wrong(out, &"the name ends in .gguf, .safetensors or .json")),
        };
        let written = write(vectors, direction.site, format).map_err(|e| wrong(out, &e))?;
        remark(written.remark.as_deref());
        std::fs::write(out, written.bytes).map_err(|e| wrong(out, &e))
    }
}
