//! An experiment's circuit as a file.

use super::{Device, Failure, On, print, report, whole};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{Circuit, CircuitReport, EdgeChoice, EdgeMethod, Graph};
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    on: On,
    /// How edges are scored, in place of the experiment's own way
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// Runs between the corrupted embeddings and the clean ones, of eap-ig
    #[arg(long, value_name = "N", value_parser = whole::<usize>, default_value = "5")]
    points: usize,
    /// How many edges are chosen
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    edges: Option<usize>,
    /// Choose from the logits up instead of the strongest of all
    #[arg(long)]
    greedy: bool,
    /// A file to write to, in place of standard output: .json as EAP-IG has it, or .dot of
    /// the circuit alone
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Method {
    Eap,
    Relp,
    EapIg,
}

impl Options {
    pub fn write(&self) -> Result<(), Failure> {
        let ending = self
            .out
            .as_deref()
            .map(|out| out.extension().and_then(|e| e.to_str()));
        let dot = match ending {
            None | Some(Some("json")) => false,
            Some(Some("dot")) => true,
            Some(_) => return Err("a circuit's file ends in .json or .dot".into()),
        };
        let mut experiment = self.on.experiment()?;
        experiment.circuit = Some(self.wanted(experiment.circuit)?);
        // Nothing else is wanted of it.
        experiment.sweeps.clear();
        experiment.cell = None;
        let report = match self.on.backend {
            Device::Cpu => report(&self.on, Cpu, &experiment)?,
            #[cfg(feature = "webgpu")]
            Device::Webgpu => report(&self.on, super::gpu()?, &experiment)?,
        };
        let fatal = report.reading.problems.iter().find(|p| p.fatal);
        let Some(found) = &report.circuit else {
            return Err(fatal.map_or_else(|| "no circuit was found".into(), |p| p.message.clone()));
        };
        let graph = Graph {
            layers: report.model.n_layer,
            heads: report.model.n_head,
        };
        tell(found);
        let text = match dot {
            true => found.to_dot(),
            false => found.to_eap_ig(graph, report.model.n_embd),
        };
        print(&text, self.out.as_deref())
    }

    fn wanted(&self, own: Option<Circuit>) -> Result<Circuit, Failure> {
        let method = match self.method {
            Some(Method::Eap) => Some(EdgeMethod::Eap),
            Some(Method::Relp) => Some(EdgeMethod::Relp),
            Some(Method::EapIg) => Some(EdgeMethod::EapIg {
                points: self.points,
            }),
            None => own.map(|own| own.method),
        };
        let choice = match self.greedy {
            true => EdgeChoice::Greedy,
            false => own.map_or(EdgeChoice::Strongest, |own| own.choice),
        };
        let edges = self.edges.or(own.map(|own| own.edges));
        match (method, edges) {
            (Some(method), Some(edges)) => Ok(Circuit {
                method,
                choice,
                edges,
            }),
            _ => Err(
                "the experiment asks for no circuit; say --method eap, relp or eap-ig, and --edges N"
                    .into(),
            ),
        }
    }
}

/// What it keeps, for who looks on.
fn tell(found: &CircuitReport) {
    let share = |of: Option<f32>| of.map_or("not to be told".into(), |of| format!("{of:.3}"));
    // Nothing is lost if nobody reads it.
    let _ = writeln!(
        std::io::stderr(),
        "{} of {} edges keep {} of the metric; as many at random {}. CPR {}, CMD {}.",
        found.whole.edges,
        found.total,
        share(found.whole.faithfulness),
        share(found.random.faithfulness),
        share(found.cpr),
        share(found.cmd),
    );
}
