//! `patchbay random`: a model of GPT-2 small's shape with random weights, in the
//! layout of openai-community/gpt2's own `model.safetensors`, byte for byte but
//! for the values. What loads, hashes or streams the one does so to the other.
//!
//! C = n_embd, F = inner width, V = vocabulary, T = n_positions.

use crate::{Failure, whole};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// The tensors in the order in which the real file holds their data (a hash
/// map's), the masks numbered as they come.
const ORDER: &str = include_str!("gpt2.order");

/// The real repository's `config.json`.
const CONFIG: &str = include_str!("gpt2.config.json");

const C: usize = 768;
const F: usize = 4 * C;
const V: usize = 50_257;
const T: usize = 1024;

/// The residual dimensions in which GPT-2 small holds some 3,000 at position 0,
/// and the values here: what keeps a residual stream in half precision, or takes
/// a variance carelessly, gets such a row wrong.
const LARGE: [(usize, f32); 3] = [(138, 2800.0), (378, -2900.0), (447, 3100.0)];

#[derive(clap::Args)]
pub struct Options {
    /// Where both files are written
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Whose layout
    #[arg(long, value_enum, default_value_t)]
    like: Like,
    /// The same seed writes the same bytes everywhere
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<u64>)]
    seed: u64,
}

/// A model whose shape and file are imitated.
#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum Like {
    #[default]
    Gpt2,
}

/// Writes both files. The weights get their name when they are complete.
pub fn write(options: &Options) -> Result<(), Failure> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |e: std::io::Error| format!("{path}: {e}")
    };
    let folder = &options.folder;
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    let config = folder.join("config.json");
    let text = match options.like {
        Like::Gpt2 => CONFIG,
    };
    std::fs::write(&config, text).map_err(at(&config))?;
    let part = folder.join("model.safetensors.part");
    let weights = folder.join("model.safetensors");
    let file = File::create(&part).map_err(at(&part))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    write_weights(&mut out, options.seed).map_err(at(&part))?;
    std::fs::rename(&part, &weights).map_err(at(&weights))
}

fn write_weights(out: &mut impl Write, seed: u64) -> std::io::Result<()> {
    let header = header();
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for (stream, name) in ORDER.lines().enumerate() {
        write_values(out, name, seed, stream as u64)?;
    }
    out.flush()
}

/// The shape of a tensor, by its name. Linear weights are Conv1D: [in, out].
fn shape(name: &str) -> &'static [usize] {
    match name.trim_start_matches(|c: char| c == 'h' || c == '.' || c.is_ascii_digit()) {
        "attn.bias" => &[1, 1, T, T],
        "attn.c_attn.weight" => &[C, 3 * C],
        "attn.c_attn.bias" => &[3 * C],
        "attn.c_proj.weight" => &[C, C],
        "mlp.c_fc.weight" => &[C, F],
        "mlp.c_fc.bias" => &[F],
        "mlp.c_proj.weight" => &[F, C],
        "wte.weight" => &[V, C],
        "wpe.weight" => &[T, C],
        _ => &[C], // LayerNorms, and the biases of c_proj
    }
}

/// The header's JSON, without spaces or padding: names in alphabetical order,
/// their data in that of [`ORDER`].
fn header() -> String {
    let mut start = 0;
    let mut entries: Vec<String> = ORDER
        .lines()
        .map(|name| {
            let shape = shape(name);
            let end = start + 4 * shape.iter().product::<usize>();
            let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
            let shape = shape.join(",");
            let entry = format!(
                r#""{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{start},{end}]}}"#
            );
            start = end;
            entry
        })
        .collect();
    entries.sort();
    let mut header = String::from(r#"{"__metadata__":{"format":"pt"}"#);
    for entry in entries {
        // Writing to a String cannot fail.
        let _ = write!(header, ",{entry}");
    }
    header + "}"
}

/// Mean and standard deviation of a tensor's values.
///
/// GPT-2's own initialisation, with what training makes of it where that matters
/// to a test: biases that are not 0, LayerNorms that are not the identity,
/// attention that is not uniform, embeddings that spread the logits by about 3.
fn distribution(name: &str) -> (f32, f32) {
    // 0.02 / sqrt(2 x 12 layers): each layer adds two parts to the stream.
    const C_PROJ: f32 = 0.004_082_483;
    if name.ends_with("bias") {
        return (0.0, 0.02);
    }
    if name.contains("ln_") {
        return (1.0, 0.1);
    }
    let deviation = match name {
        "wte.weight" => 0.1,
        _ if name.ends_with("c_proj.weight") => C_PROJ,
        _ if name.ends_with("c_attn.weight") => 0.05,
        _ => 0.02,
    };
    (0.0, deviation)
}

/// The values of one tensor, row-major, little-endian.
fn write_values(out: &mut impl Write, name: &str, seed: u64, stream: u64) -> std::io::Result<()> {
    let count: usize = shape(name).iter().product();
    if name.ends_with(".attn.bias") {
        // The causal mask: lower-triangular ones.
        return (0..count).try_for_each(|i| {
            let seen: f32 = if i % T <= i / T { 1.0 } else { 0.0 };
            out.write_all(&seen.to_le_bytes())
        });
    }
    let (mean, deviation) = distribution(name);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    (0..count).try_for_each(|i| {
        let large = LARGE.iter().find(|(d, _)| name == "wpe.weight" && i == *d);
        let drawn = mean + deviation * nearly_normal(random.next_u64());
        let value = large.map_or(drawn, |(_, value)| *value);
        out.write_all(&value.to_le_bytes())
    })
}

/// The sum of four uniform 16-bit numbers, of mean 0 and standard deviation 1:
/// near enough to a normal distribution, and without a logarithm or a cosine,
/// whose last bits differ between machines.
fn nearly_normal(bits: u64) -> f32 {
    // sqrt(4 (65536^2 - 1) / 12)
    const DEVIATION: f32 = 37_837.227;
    let sum: i32 = (0..4).map(|i| (bits >> (16 * i)) as i32 & 0xffff).sum();
    (sum - 131_070) as f32 / DEVIATION
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::Value;

    const HEADER_BYTES: usize = 14_283;
    const FILE_BYTES: usize = 548_105_171;

    #[test]
    fn the_layout_is_that_of_the_real_file() {
        let header = header();
        assert_eq!(header.len(), HEADER_BYTES);
        assert!(header.starts_with(
            r#"{"__metadata__":{"format":"pt"},"h.0.attn.bias":{"dtype":"F32","shape":[1,1,1024,1024],"#
        ));
        let header: Value = serde_json::from_str(&header).unwrap();
        assert_eq!(header.as_object().unwrap().len(), 1 + 160);
        let end = |name: &str| header[name]["data_offsets"][1].as_u64().unwrap() as usize;
        let last = ORDER.lines().last().unwrap();
        assert_eq!(8 + HEADER_BYTES + end(last), FILE_BYTES);
        // As the documentation of safetensors quotes it.
        let offsets = &header["h.10.ln_1.weight"]["data_offsets"];
        assert_eq!(offsets, &serde_json::json!([223_154_176, 223_157_248]));
    }

    #[test]
    fn every_tensor_is_there_once() {
        let block = "attn.bias attn.c_attn.weight attn.c_attn.bias attn.c_proj.weight \
            attn.c_proj.bias ln_1.weight ln_1.bias ln_2.weight ln_2.bias mlp.c_fc.weight \
            mlp.c_fc.bias mlp.c_proj.weight mlp.c_proj.bias";
        let mut expected: Vec<String> = (0..12)
            .flat_map(|l| block.split_whitespace().map(move |n| format!("h.{l}.{n}")))
            .collect();
        expected.extend(["ln_f.weight", "ln_f.bias", "wpe.weight", "wte.weight"].map(String::from));
        expected.sort();
        let mut found: Vec<&str> = ORDER.lines().collect();
        found.sort_unstable();
        assert_eq!(found, expected);
        let values = |name: &&str| shape(name).iter().product::<usize>();
        let masks = |name: &&str| name.ends_with(".attn.bias");
        let parameters: usize = found.iter().filter(|n| !masks(n)).map(values).sum();
        assert_eq!(parameters, 124_439_808); // GPT-2 small's
    }

    fn values(name: &str) -> Vec<f32> {
        let mut bytes = Vec::new();
        write_values(&mut bytes, name, 0, 7).unwrap();
        let values = bytes.as_chunks::<4>().0.iter();
        values.map(|b| f32::from_le_bytes(*b)).collect()
    }

    #[test]
    fn values_are_the_same_bits_everywhere_and_spread_as_meant() {
        let ln = values("h.3.ln_2.weight");
        assert_eq!(
            [ln[0].to_bits(), ln[1].to_bits(), ln[767].to_bits()],
            [1_065_375_564, 1_065_218_465, 1_066_642_616]
        );
        let weight = values("h.3.attn.c_proj.weight");
        let count = weight.len() as f32;
        let mean = weight.iter().sum::<f32>() / count;
        let deviation = (weight.iter().map(|x| x * x).sum::<f32>() / count).sqrt();
        assert!(mean.abs() < 3e-5, "{mean}");
        assert!((deviation - 0.004_08).abs() < 3e-5, "{deviation}");
        let mask = values("h.3.attn.bias");
        let seen = |query: usize, key: usize| mask[query * T + key];
        assert_eq!(
            [seen(0, 0), seen(0, 1), seen(5, 4), seen(1023, 1023)],
            [1.0, 0.0, 1.0, 1.0]
        );
        let wpe = values("wpe.weight");
        assert_eq!([wpe[138], wpe[378], wpe[447]], [2800.0, -2900.0, 3100.0]);
        assert!(wpe[C..].iter().all(|x| x.abs() < 0.1));
    }
}
