//! Directions from one file format to another, or into an experiment.

use super::{Failure, print, remark, whole};
use patchbay_engine::directions::files::{direction, write};
use patchbay_engine::experiment::{Format, Source};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Options {
    /// A safetensors, GGUF or JSON file
    file: PathBuf,
    /// The layer of a lone vector that names none
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<usize>)]
    layer: usize,
    /// A file to write the vectors to; its name ends in .gguf, .safetensors or .json
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Options {
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
        remark(written.remark);
        std::fs::write(out, written.bytes).map_err(|e| wrong(out, &e))
    }
}
