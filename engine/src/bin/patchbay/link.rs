//! Links from files, and what is in links.

use super::{Failure, print, read_file};
use patchbay_engine::experiment::link::{find, packed};

#[derive(clap::Args)]
pub struct Options {
    /// A file with an experiment, or a link; `-` reads a file from standard input
    #[arg(value_name = "EXPERIMENT.json|LINK")]
    experiment: String,
    /// The address of the page that the link is to open
    #[arg(long, value_name = "ADDRESS")]
    page: Option<String>,
}

impl Options {
    pub fn print(&self) -> Result<(), Failure> {
        // A link is asked what it holds.
        if let Some(link) = find(&self.experiment).map_err(|e| e.to_string())? {
            return print(&link.to_json(), None);
        }
        let link = read_file(&self.experiment)?;
        let page = self.page.as_deref().unwrap_or_default();
        let page = page.split('#').next().unwrap_or_default();
        print(&format!("{page}#{}", packed(&link)), None)
    }
}
