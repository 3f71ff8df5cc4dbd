//! `patchbay`: the engine on a command line; `patchbay --help` says how.

mod circuit;
mod direction;
mod export;
mod folder;
mod link;
mod mirror;
mod random;
mod schema;

use clap::{Parser, ValueEnum};
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::link::{Link, find};
use patchbay_engine::experiment::{Experiment, Report, Update};
use patchbay_engine::model::{Cancelled, Files, ModelError};
use patchbay_engine::session::{Arriving, DictionaryFile, Host, NoFile, Session, Unread};
use patchbay_engine::text::decoded;
use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Instant;

/// Activation patching and steering on GPT-2 and models like it
#[derive(Parser)]
#[command(name = "patchbay", version)]
enum Command {
    /// Runs an experiment and prints its report as JSON
    ///
    /// Progress goes to standard error. The exit code is 1 when the experiment, or a part
    /// of it, could not be run; the report's reading.problems, and standard error, say why.
    #[command(verbatim_doc_comment)]
    Run(Options),
    /// Writes GPT-2 small with random weights
    ///
    /// config.json and model.safetensors are laid out as the file of openai-community/gpt2.
    /// A tokenizer.json has to be put beside them.
    #[command(verbatim_doc_comment)]
    Random(random::Options),
    /// Reads the vectors of a file as a direction of an experiment
    ///
    /// The file is safetensors, JSON or GGUF (a control vector, as repeng and llama.cpp
    /// write it). The direction is printed, or its vectors are written to --out.
    ///
    /// A tensor named direction.3 (layers.3, transformer.h.3, 3) is added after layer 3,
    /// counted from 0, as by repeng and llama.cpp; one named as TransformerLens names
    /// activations (blocks.3.hook_resid_pre) acts there. What acts before layer 3 is written
    /// as direction.2. llama.cpp has no place after layer 0, so a .gguf file leaves that out,
    /// and says so.
    #[command(verbatim_doc_comment)]
    Direction(direction::Options),
    /// Finds the circuit of an experiment's pairs, and writes it to a file
    ///
    /// Edges of the model's graph are scored by gradients, some are chosen, and what they
    /// keep of the first metric is computed exactly; standard error says how much that is.
    #[command(verbatim_doc_comment)]
    Circuit(circuit::Options),
    /// Writes a direction of an experiment, or activations of its runs, to a file
    ///
    /// With --direction, the file ends in .gguf, .safetensors or .json. With --sites,
    /// activations of the clean and the corrupted run at all layers and positions: of some
    /// sites to one .safetensors file, or of one site of one --run to an .npy file.
    #[command(verbatim_doc_comment)]
    Export(export::Options),
    /// Prints an experiment's link, or what a link holds
    ///
    /// Of a file, the end of the link, to be put behind the page's address, or with --page
    /// the whole address. Of a link, its JSON.
    #[command(verbatim_doc_comment)]
    Link(link::Options),
    /// Writes the folder that a course serves, so that its page gets a model from there
    ///
    /// One file of weights without the attention masks, in half precision with --f16, the
    /// tokenizer, and config.json with the SHA-256 of each, which the page checks. It prints
    /// them, with their bytes.
    #[command(verbatim_doc_comment)]
    Mirror(mirror::Options),
    /// Prints the JSON Schema of experiments, reports, updates and exports
    Schema,
}

/// The built-in model, so that the command needs no folder beside it.
const MINI: [&[u8]; 3] = [
    include_bytes!("../../../../www/models/mini/config.json"),
    include_bytes!("../../../../www/models/mini/tokenizer.json"),
    include_bytes!("../../../../www/models/mini/model.safetensors"),
];

/// What went wrong, as a sentence for standard error.
type Failure = String;

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Run(options) => run(&options),
        Command::Random(options) => random::write(&options),
        Command::Direction(options) => options.convert(),
        Command::Circuit(options) => options.write(),
        Command::Export(options) => options.write(),
        Command::Link(options) => options.print(),
        Command::Mirror(options) => options.write(),
        Command::Schema => schema::schema().and_then(|schema| print(&schema, None)),
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

#[derive(clap::Args)]
struct Options {
    #[command(flatten)]
    on: On,
    /// A file for the report, in place of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// An experiment, and what it runs on.
#[derive(clap::Args)]
struct On {
    /// The experiment's file, or its link; `-` reads a file from standard input
    #[arg(value_name = "EXPERIMENT.json|LINK")]
    experiment: String,
    /// mini, the built-in model, or a folder with config.json, tokenizer.json (or
    /// vocab.json and merges.txt), model.safetensors (or model.safetensors.index.json and
    /// its shards), and what else transformers reads beside them
    #[arg(long, value_name = "mini|DIR", verbatim_doc_comment)]
    model: String,
    /// Where it is computed
    #[arg(long, value_enum, default_value_t)]
    backend: Device,
    /// A folder with blocks.N.hook_resid_pre/sae_weights.safetensors, for features of a
    /// dictionary
    #[arg(long, value_name = "DIR", verbatim_doc_comment)]
    dictionary: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Device {
    #[default]
    Cpu,
    #[cfg(feature = "webgpu")]
    Webgpu,
}

impl On {
    fn experiment(&self) -> Result<Experiment, Failure> {
        read_experiment(&self.experiment)
    }

    fn terminal(&self) -> Terminal<'_> {
        Terminal::new(self.dictionary.as_deref())
    }
}

/// A number of an option.
fn whole<T: FromStr>(text: &str) -> Result<T, Failure> {
    let number = text.parse();
    number.map_err(|_| "a whole number from 0 on was expected".into())
}

/// An experiment from a link, from a file, or from standard input.
fn read_experiment(named: &str) -> Result<Experiment, Failure> {
    let link = match find(named).map_err(|e| e.to_string())? {
        Some(link) => link,
        None => read_file(named)?,
    };
    Ok(link.experiment)
}

/// What a file holds: an experiment, or what a link does.
fn read_file(file: &str) -> Result<Link, Failure> {
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
    Link::from_file(&text).map_err(|e| format!("{file}: {e}"))
}

fn run(options: &Options) -> Result<(), Failure> {
    let experiment = options.on.experiment()?;
    let report = match options.on.backend {
        Device::Cpu => report(&options.on, Cpu, &experiment)?,
        #[cfg(feature = "webgpu")]
        Device::Webgpu => report(&options.on, gpu()?, &experiment)?,
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

/// The GPU, once it has shown that it computes what the CPU does.
#[cfg(feature = "webgpu")]
fn gpu() -> Result<patchbay_engine::backend::gpu::Gpu, Failure> {
    use patchbay_engine::backend::gpu::{Gpu, GpuOptions};
    use patchbay_engine::device::Devices;
    let gpu = pollster::block_on(async {
        let gpu = Gpu::new(GpuOptions::default()).await?;
        Devices::default().trust(&gpu).await.map(|_| gpu)
    });
    gpu.map_err(|e| e.to_string())
}

fn report<B: Backend>(on: &On, backend: B, experiment: &Experiment) -> Result<Report, Failure> {
    let mut session = load(&on.model, backend)?;
    let report = pollster::block_on(session.run(experiment, false, &on.terminal()));
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

/// Something to know about a file that was written all the same.
fn remark(text: Option<impl std::fmt::Display>) {
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
            let dictionary = file.dictionary.into();
            return Err(NoFile::NoFolder { dictionary }.into());
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
        let bytes = bytes.map_err(|e| NoFile::Unread {
            path: path.display().to_string(),
            reason: e.to_string(),
        })?;
        take(&bytes);
        Ok(())
    }

    fn reads_encoders(&self) -> bool {
        self.dictionary.is_some()
    }
}
