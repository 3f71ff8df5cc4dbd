//! Something of an experiment as a file: a direction, or activations.

use super::{Device, Failure, On, load, remark, whole};
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{Experiment, Export, Format, RunName, Site};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    what: What,
    /// A file to write to; its ending says the format
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct What {
    /// A direction of the experiment; the first is 0
    #[arg(long, value_name = "N", value_parser = whole::<usize>, conflicts_with_all = ["sites", "run"])]
    direction: Option<usize>,
    /// Activations, by TransformerLens's names without `hook_`
    #[arg(long, value_name = "SITE,SITE...", value_delimiter = ',', value_parser = site)]
    sites: Vec<Site>,
    /// The run that an .npy file is of
    #[arg(long, value_enum, requires = "sites")]
    run: Option<Run>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Run {
    Clean,
    Corrupted,
}

impl From<Run> for RunName {
    fn from(run: Run) -> Self {
        match run {
            Run::Clean => Self::Clean,
            Run::Corrupted => Self::Corrupted,
        }
    }
}

impl Options {
    pub fn write(&self) -> Result<(), Failure> {
        let what = self.what()?;
        let experiment = self.on.experiment()?;
        match self.on.backend {
            Device::Cpu => self.with(Cpu, &experiment, &what),
            #[cfg(feature = "webgpu")]
            Device::Webgpu => self.with(super::gpu()?, &experiment, &what),
        }
    }

    /// What is wanted, by the options and the file's ending.
    fn what(&self) -> Result<Export, Failure> {
        let ending = self.out.extension().and_then(|e| e.to_str());
        let What {
            direction,
            sites,
            run,
        } = &self.what;
        match (direction, sites.as_slice(), run, ending) {
            (Some(direction), [], None, Some(ending)) => {
                let formats = [Format::Gguf, Format::Safetensors, Format::Json];
                let format = formats.into_iter().find(|f| f.extension() == ending);
                Ok(Export::Direction {
                    direction: *direction,
                    format: format
                        .ok_or("a direction's file ends in .gguf, .safetensors or .json")?,
                })
            }
            (None, [_, ..], None, Some("safetensors")) => Ok(Export::Activations {
                sites: sites.clone(),
            }),
            (None, [site], Some(run), Some("npy")) => Ok(Export::Array {
                site: *site,
                run: (*run).into(),
            }),
            _ => Err("take --direction N, or --sites with a file that ends in .safetensors, or one site with --run and a file that ends in .npy".into()),
        }
    }

    fn with<B: Backend>(
        &self,
        backend: B,
        experiment: &Experiment,
        what: &Export,
    ) -> Result<(), Failure> {
        let mut session = load(&self.on.model, backend)?;
        let file = pollster::block_on(session.export(experiment, what, &self.on.terminal()));
        let file = file.map_err(|e| e.to_string())?;
        remark(file.remark);
        std::fs::write(&self.out, file.bytes).map_err(|e| format!("{}: {e}", self.out.display()))
    }
}

fn site(name: &str) -> Result<Site, Failure> {
    let known = Site::ALL.into_iter().find(|s| s.name() == name);
    known.ok_or_else(|| {
        let names = Site::ALL.map(Site::name).join(", ");
        format!("take some of {names}, with commas between")
    })
}
