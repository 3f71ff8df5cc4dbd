//! Links from files, and what is in links.

use super::{Failure, print, read_link};
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
        let link = read_link(&self.experiment)?;
        // A link is asked what it holds.
        if matches!(find(&self.experiment), Ok(Some(_))) {
            return print(&link.to_json(), None);
        }
        let page = self.page.as_deref().unwrap_or_default();
        let page = page.split('#').next().unwrap_or_default();
        print(&format!("{page}#{}", packed(&link)), None)
    }
}
