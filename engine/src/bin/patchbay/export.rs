//! Something of an experiment as a file: a direction, or activations.

use super::{Failure, Terminal, USAGE, load, read_experiment, remark};
use patchbay_engine::backend::Backend;
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{Experiment, Export, Format, RunName, Site};
use std::path::PathBuf;

pub struct Options {
    experiment: String,
    model: String,
    backend: String,
    what: What,
    out: PathBuf,
    dictionary: Option<PathBuf>,
}

#[derive(Default)]
struct What {
    direction: Option<usize>,
    sites: Vec<Site>,
    run: Option<RunName>,
}

impl Options {
    pub fn parse(arguments: &[&str]) -> Result<Self, Failure> {
        let (mut experiment, mut model, mut out) = (None, None, None);
        let (mut what, mut backend) = (What::default(), "cpu".to_owned());
        let mut dictionary = None;
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || {
                let value = rest.next().map(ToString::to_string);
                value.ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"))
            };
            match *argument {
                "--model" => model = Some(value()?),
                "--backend" => backend = value()?,
                "--out" => out = Some(PathBuf::from(value()?)),
                "--dictionary" => dictionary = Some(PathBuf::from(value()?)),
                "--direction" => {
                    let text = value()?;
                    let number = text.parse();
                    what.direction = Some(
                        number.map_err(|_| format!("--direction takes a number, not {text}"))?,
                    );
                }
                "--sites" => {
                    what.sites = value()?.split(',').map(site).collect::<Result<_, _>>()?;
                }
                "--run" => {
                    what.run = Some(match value()?.as_str() {
                        "clean" => RunName::Clean,
                        "corrupted" => RunName::Corrupted,
                        other => {
                            return Err(format!("--run takes clean or corrupted, not {other}"));
                        }
                    });
                }
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
            backend,
            what,
            dictionary,
            out: out.ok_or_else(|| format!("to which file? --out\n\n{USAGE}"))?,
        })
    }

    pub fn write(&self) -> Result<(), Failure> {
        let what = self.what()?;
        let experiment = read_experiment(&self.experiment)?;
        match self.backend.as_str() {
            "cpu" => self.with(Cpu, &experiment, &what),
            #[cfg(feature = "webgpu")]
            "webgpu" => {
                use patchbay_engine::backend::gpu::{Gpu, GpuOptions};
                let gpu = pollster::block_on(Gpu::new(GpuOptions::default()));
                self.with(gpu.map_err(|e| e.to_string())?, &experiment, &what)
            }
            other => Err(format!("there is no backend {other}; take cpu or webgpu")),
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
                run: *run,
            }),
            _ => Err(format!(
                "take --direction N, or --sites with a file that ends in .safetensors, or one site with --run and a file that ends in .npy\n\n{USAGE}"
            )),
        }
    }

    fn with<B: Backend>(
        &self,
        backend: B,
        experiment: &Experiment,
        what: &Export,
    ) -> Result<(), Failure> {
        let mut session = load(&self.model, backend)?;
        let file = pollster::block_on(session.export(
            experiment,
            what,
            &Terminal::new(self.dictionary.as_deref()),
        ));
        let file = file.map_err(|e| e.to_string())?;
        remark(file.remark.as_deref());
        std::fs::write(&self.out, file.bytes).map_err(|e| format!("{}: {e}", self.out.display()))
    }
}

fn site(name: &str) -> Result<Site, Failure> {
    let known = Site::ALL.into_iter().find(|s| s.name() == name);
    known.ok_or_else(|| {
        let names = Site::ALL.map(Site::name).join(", ");
        format!("there is no site {name}; take some of {names}, with commas between")
    })
}
