//! `patchbay`: the engine on a command line.
//!
//! ```text
//! patchbay run EXPERIMENT.json --model mini|DIR [--backend cpu|webgpu] [--out FILE]
//! patchbay random DIR [--like gpt2] [--seed N]
//! patchbay direction FILE [--layer N] [--out FILE]
//! patchbay export EXPERIMENT.json --model mini|DIR --out FILE --direction N | --sites SITES [--run RUN]
//! patchbay schema
//! ```

mod direction;
mod export;
mod folder;
mod random;

use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{Experiment, Report, Update};
use patchbay_engine::model::{Cancelled, Files, ModelError};
use patchbay_engine::session::{Arriving, DictionaryFile, Host, Session, Unread};
use patchbay_engine::text::decoded;
use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "\
patchbay run EXPERIMENT.json --model mini|DIR [--backend cpu|webgpu] [--out FILE]
        [--dictionary DIR]
    Runs an experiment and prints its report as JSON. `-` reads it from standard
    input. DIR holds config.json, tokenizer.json (or vocab.json and merges.txt) and
    model.safetensors (or model.safetensors.index.json and its shards), and what else
    transformers reads beside them; mini is the built-in model. Features of a dictionary are read from --dictionary, a folder
    with blocks.N.hook_resid_pre/sae_weights.safetensors. Progress goes to standard error. The exit code is 1 when
    the experiment, or a part of it, could not be run; the report's
    reading.problems, and standard error, say why.
patchbay random DIR [--like gpt2] [--seed N]
    Writes config.json and model.safetensors of GPT-2 small with random weights,
    laid out as the file of openai-community/gpt2. The same seed (0) writes the
    same bytes everywhere. A tokenizer.json has to be put beside them.
patchbay direction FILE [--layer N] [--out FILE]
    Reads the vectors of a safetensors, JSON or GGUF file (a control vector, as
    repeng and llama.cpp write it) and prints them as a direction of an
    experiment; N (0) is the layer of a lone vector that names none. With --out
    they are written to a file, in the format that its name ends in: .gguf,
    .safetensors or .json. A tensor named direction.3 (layers.3, transformer.h.3,
    3) is added after layer 3, counted from 0, as by repeng and llama.cpp; one
    named as TransformerLens names activations (blocks.3.hook_resid_pre) acts
    there. What acts before layer 3 is written as direction.2. llama.cpp has no
    place after layer 0, so a .gguf file leaves that out, and says so.
patchbay export EXPERIMENT.json --model mini|DIR [--backend cpu|webgpu] --out FILE
        [--dictionary DIR]
        --direction N | --sites SITE,SITE... [--run clean|corrupted]
    Writes direction N (the first is 0) of an experiment, in the format that the
    file's name ends in: .gguf, .safetensors or .json. Or activations of its clean
    and corrupted runs at all layers and positions: of some sites to one
    .safetensors file, or of one site of one run to an .npy file.
patchbay schema
    Prints the JSON Schema of experiments and reports.";

/// The built-in model, so that the command needs no folder beside it.
const MINI: [&[u8]; 3] = [
    include_bytes!("../../../../www/models/mini/config.json"),
    include_bytes!("../../../../www/models/mini/tokenizer.json"),
    include_bytes!("../../../../www/models/mini/model.safetensors"),
];

/// What went wrong, as a sentence for standard error.
type Failure = String;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["run", rest @ ..] => Options::parse(rest).and_then(|options| run(&options)),
        ["random", rest @ ..] => random::Options::parse(rest).and_then(|o| random::write(&o)),
        ["direction", rest @ ..] => direction::Options::parse(rest).and_then(|o| o.convert()),
        ["export", rest @ ..] => export::Options::parse(rest).and_then(|o| o.write()),
        ["schema"] => print(&schema(), None),
        ["help" | "--help" | "-h"] => print(USAGE, None),
        [] => Err(format!("what is to be done?\n\n{USAGE}")),
        [other, ..] => Err(format!("there is no command {other}\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nothing is left to tell if standard error is closed, too.
            let _ = writeln!(std::io::stderr(), "patchbay: {message}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    experiment: String,
    model: String,
    backend: String,
    out: Option<PathBuf>,
    dictionary: Option<PathBuf>,
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self, Failure> {
        let mut experiment = None;
        let (mut model, mut backend, mut out) = (None, None, None);
        let mut dictionary = None;
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || {
                let value = rest.next().map(ToString::to_string);
                value.ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"))
            };
            match *argument {
                "--model" => model = Some(value()?),
                "--backend" => backend = Some(value()?),
                "--out" => out = Some(PathBuf::from(value()?)),
                "--dictionary" => dictionary = Some(PathBuf::from(value()?)),
                flag if flag.starts_with("--") => {
                    return Err(format!("there is no option {flag}\n\n{USAGE}"));
                }
                file if experiment.is_none() => experiment = Some(file.to_owned()),
                more => return Err(format!("one experiment at a time; found also {more}")),
            }
        }
        Ok(Self {
            experiment: experiment.ok_or_else(|| format!("which experiment?\n\n{USAGE}"))?,
            model: model
                .ok_or_else(|| format!("which model? --model mini, or a folder\n\n{USAGE}"))?,
            backend: backend.unwrap_or_else(|| "cpu".into()),
            out,
            dictionary,
        })
    }
}

/// An experiment from a file, or from standard input.
fn read_experiment(file: &str) -> Result<Experiment, Failure> {
    let mut bytes = Vec::new();
    match file {
        "-" => std::io::stdin()
            .read_to_end(&mut bytes)
            .map_err(|e| format!("standard input: {e}"))
            .map(drop)?,
        file => bytes = std::fs::read(file).map_err(|e| format!("{file}: {e}"))?,
    }
    let text = decoded(&bytes).ok_or_else(|| {
        format!("{file}: it is not UTF-8; write it as UTF-8, or with a mark as UTF-16")
    })?;
    Experiment::from_json(&text).map_err(|e| format!("{file}: {e}"))
}

fn run(options: &Options) -> Result<(), Failure> {
    let experiment = read_experiment(&options.experiment)?;
    let report = match options.backend.as_str() {
        "cpu" => report(options, Cpu, &experiment)?,
        #[cfg(feature = "webgpu")]
        "webgpu" => {
            use patchbay_engine::backend::gpu::{Gpu, GpuOptions};
            let gpu = pollster::block_on(Gpu::new(GpuOptions::default()));
            report(options, gpu.map_err(|e| e.to_string())?, &experiment)?
        }
        other => return Err(format!("there is no backend {other}; take cpu or webgpu")),
    };
    let json = serde_json::to_string_pretty(&report).map_err(|e| e.to_string())?;
    print(&json, options.out.as_deref())?;
    let fatal = report.reading.problems.iter().filter(|p| p.fatal);
    let messages: Vec<&str> = fatal.map(|p| p.message.as_str()).collect();
    match messages.is_empty() {
        true => Ok(()),
        false => Err(messages.join(" ")),
    }
}

fn report<B: Backend>(
    options: &Options,
    backend: B,
    experiment: &Experiment,
) -> Result<Report, Failure> {
    let mut session = load(&options.model, backend)?;
    let report = pollster::block_on(session.run(
        experiment,
        false,
        &Terminal::new(options.dictionary.as_deref()),
    ));
    report.map_err(|e| e.to_string())
}

/// Bytes of the weights that are read at once, and after which the device is waited for.
const STEP: usize = 1 << 20;
const SETTLE: u64 = 64 << 20;

fn load<B: Backend>(model: &str, backend: B) -> Result<Session<B>, Failure> {
    let wrong = |e: ModelError| format!("model {model}: {e}");
    if model == "mini" {
        let [config, tokenizer, weights] = MINI.map(<[u8]>::to_vec);
        let files = Files {
            config,
            tokenizer,
            weights,
        };
        return Session::load(model, &files, backend).map_err(wrong);
    }
    let (folder, from) = folder::open(model)?;
    let mut arriving = Arriving::expect(model, &folder, backend).map_err(wrong)?;
    let mut buffer = vec![0; STEP];
    while let Some(name) = arriving.file().map(str::to_owned) {
        let mut waiting = 0;
        let mut file = from.weights(&name)?;
        loop {
            let bytes = file
                .read(&mut buffer)
                .map_err(|e| from.unreadable(&name, &e))?;
            if bytes == 0 {
                break;
            }
            arriving.push(&buffer[..bytes]).map_err(wrong)?;
            waiting += bytes as u64;
            if waiting >= SETTLE {
                waiting = 0;
                pollster::block_on(arriving.settle()).map_err(wrong)?;
            }
        }
        arriving.end_file().map_err(wrong)?;
    }
    let session = arriving.finish().map_err(wrong)?;
    for remark in session.remarks() {
        // Nothing is lost if nobody reads it.
        let _ = writeln!(std::io::stderr(), "patchbay: model {model}: {remark}");
    }
    Ok(session)
}

fn schema() -> String {
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)] // only its schema is wanted
    struct Formats {
        experiment: Experiment,
        report: Report,
    }
    let schema = schemars::schema_for!(Formats);
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

/// Something to know about a file that was written all the same.
fn remark(text: Option<&str>) {
    if let Some(text) = text {
        let _ = writeln!(std::io::stderr(), "patchbay: {text}");
    }
}

fn print(text: &str, out: Option<&Path>) -> Result<(), Failure> {
    match out {
        Some(path) => std::fs::write(path, format!("{text}\n"))
            .map_err(|e| format!("{}: {e}", path.display())),
        None => writeln!(std::io::stdout(), "{text}").map_err(|e| format!("standard output: {e}")),
    }
}

/// Shows progress where a person looks on.
struct Terminal<'a> {
    started: Instant,
    /// The folder of the dictionary, where there is one.
    dictionary: Option<&'a Path>,
    shows: bool,
}

impl<'a> Terminal<'a> {
    fn new(dictionary: Option<&'a Path>) -> Self {
        Self {
            dictionary,
            started: Instant::now(),
            shows: std::io::stderr().is_terminal(),
        }
    }
}

impl Host for Terminal<'_> {
    fn update(&self, update: Update) {
        if let (Update::Estimate(e), true) = (&update, self.shows) {
            let _ = writeln!(std::io::stderr(), "about {:.0} s", e.seconds);
        }
        let Update::Progress(p) = update else {
            return;
        };
        if self.shows {
            let percent = 100 * p.done / p.total.max(1);
            let left = p
                .seconds_left
                .map_or(String::new(), |s| format!(", {s:.0} s left"));
            let _ = write!(std::io::stderr(), "\r{:?} {percent} %{left}      ", p.stage);
            if p.done >= p.total {
                let _ = writeln!(std::io::stderr());
            }
        }
    }

    fn now(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }

    async fn breathe(&self) -> Result<(), Cancelled> {
        Ok(())
    }

    async fn read(
        &self,
        file: &DictionaryFile<'_>,
        range: Range<u64>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Unread> {
        let Some(folder) = self.dictionary else {
            return Err(Unread::Because(format!(
                "The dictionary {} is read from a folder; name it with --dictionary.",
                file.dictionary
            )));
        };
        let path = folder.join(&file.folder).join(file.name);
        let bytes = File::open(&path).and_then(|mut opened| {
            opened.seek(SeekFrom::Start(range.start))?;
            let mut bytes = Vec::new();
            opened
                .take(range.end - range.start)
                .read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        let bytes = bytes.map_err(|e| Unread::Because(format!("{}: {e}.", path.display())))?;
        take(&bytes);
        Ok(())
    }

    fn reads_encoders(&self) -> bool {
        self.dictionary.is_some()
    }
}
