//! Models in English.

use crate::format::{bytes, count};
use crate::text::table::ModelsText;
use patchbay_engine::protocol::{Keeping, Offer, SourceInfo};

pub const MODELS: ModelsText = ModelsText {
    menu: |name| format!("Model {name}: choose another"),
    title: "Models",
    close: "Close",
    choices: "Choose a model",
    mini: "A very small GPT-2 that comes with the page. It has learned a few kinds of sentences, among them all the examples here, and works offline.",
    gpt2: |size, host, licence| {
        format!("GPT-2 small, as OpenAI published it. {size} from {host}, {licence} licence.")
    },
    other: "Another model",
    other_hint: "Anything with the GPT-2 architecture: a repository as owner/name, or the address of a folder.",
    open: "Open",
    hub: "A mirror of the hub",
    hub_hint: |host| {
        format!(
            "Repositories are looked for at {host}. The address of another server with the hub’s layout takes its place; it is kept in this browser and in no link. Leave it empty for the usual one."
        )
    },
    use_hub: "Use",
    kept: "Kept in this browser",
    kept_none: "None yet. What you download stays here for the next time.",
    kept_off: "This browser does not let the page keep anything, perhaps because the window is private or the page came without HTTPS.",
    part: |here, all| match all {
        Some(all) => format!("{here} of {all}"),
        None => format!("{here} so far"),
    },
    delete: |name| format!("Delete {name}"),
    delete_short: "Delete",
    sure: "Really delete?",
    usage: |usage, quota| match quota {
        Some(quota) => format!("Patchbay takes {usage} of the {quota} it may take."),
        None => format!("Patchbay takes {usage}."),
    },
    persisted: "The browser has promised to keep it.",
    not_persisted: "The browser may clear it where space runs short.",
    persist: "Ask it not to",
    hosts: |hosts| format!("You agreed that {hosts} may be asked for models."),
    forget_hosts: "Ask me again",
    mirror: "For courses: offer a model from a site of your own",
    uses: |name| format!("This experiment uses {}", full_name(name)),
    describing: |name| format!("Finding out what {} would take …", full_name(name)),
    unasked: |host| {
        format!(
            "It comes from {host}. To learn how large it is and under which licence it stands, {host} has to be asked for a list of its files. That host then sees your network address and which model you look at, as with any page you open, but never your prompts."
        )
    },
    ask_host: |host| format!("Ask {host}"),
    offer,
    private: "Your prompts and results never leave this computer.",
    here_already: |here, all| match all {
        Some(all) => format!("{here} of {all} are here already."),
        None => format!("{here} are here already."),
    },
    keeps: "It is kept in this browser, so it is fetched only once.",
    keeps_nothing: "This browser keeps nothing for the page, perhaps because the window is private or the page came without HTTPS: it has to be fetched again next time, and pausing loses what has arrived.",
    exactly: "What exactly is fetched",
    folder: "From",
    revision: "Commit",
    sha256: "SHA-256 of the weights",
    download: |size| match size {
        Some(size) => format!("Download {size}"),
        None => "Download".into(),
    },
    resume: |rest| format!("Resume: {rest} to go"),
    use_mini: "Use mini instead",
    loading: |name| format!("Opening {}", full_name(name)),
    downloading: |name| format!("Downloading {}", full_name(name)),
    progress: |done, total, percent| format!("{done} of {total}, {percent} %"),
    preparing: "All there. Making it ready …",
    pause: "Pause",
    pause_use_mini: "Pause, and use mini meanwhile",
    from,
    hash: |sha256, published, bundled| {
        let compared = match (published, bundled) {
            (true, _) => ": checked, it is the published one.",
            (false, true) => ".",
            (false, false) => ". No hash was published to compare it with.",
        };
        format!("SHA-256 of the weights found: {sha256}{compared}")
    },
};

fn full_name(name: &str) -> &str {
    match name {
        "gpt2" => "GPT-2 small",
        name => name,
    }
}

fn offer(offer: &Offer) -> String {
    let mut text = match offer.bytes {
        Some(n) => format!("It is {}", bytes(n)),
        None => "It is a download of unknown size".into(),
    };
    if let Some(host) = &offer.host {
        text += &format!(" from {host}");
    }
    match &offer.licence {
        Some(licence) => text += &format!(", {licence} licence"),
        None => text += ", with no licence stated",
    }
    if let Some(n) = offer.parameters {
        text += &format!(", {} parameters", count(n));
    }
    if let Some(n) = offer.memory {
        text += &format!(", and takes about {} of memory", bytes(n));
    }
    text + "."
}

fn from(source: &SourceInfo) -> String {
    let mut text = match source.kept {
        Keeping::Bundled => return "It comes with the page.".into(),
        Keeping::Kept | Keeping::NotKept => format!("It comes from {}", source.folder),
    };
    // The hub's addresses hold the commit already.
    if let Some(revision) = source.revision.as_ref().filter(|r| !text.contains(*r)) {
        text += &format!(", commit {revision}");
    }
    text + match source.kept {
        Keeping::Kept => ", and is kept in this browser.",
        _ => ", and is not kept: the browser has no room for it or does not allow it.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_names_what_is_known_of_it() {
        let known = Offer {
            bytes: Some(548_105_171),
            host: Some("huggingface.co".into()),
            licence: Some("MIT".into()),
            parameters: Some(124_439_808),
            memory: Some(500_000_000),
            ..Offer::default()
        };
        assert_eq!(
            offer(&known),
            "It is 548 MB from huggingface.co, MIT licence, 124 M parameters, and takes about 500 MB of memory."
        );
        assert_eq!(
            offer(&Offer::default()),
            "It is a download of unknown size, with no licence stated."
        );
    }

    #[test]
    fn the_source_says_whether_it_is_kept() {
        let source = |kept| SourceInfo {
            folder: "https://x.example/m/".into(),
            revision: Some("abc".into()),
            published: None,
            kept,
            remarks: Vec::new(),
        };
        assert!(from(&source(Keeping::Kept)).contains("commit abc, and is kept"));
        assert!(from(&source(Keeping::NotKept)).contains("is not kept"));
        assert_eq!(from(&source(Keeping::Bundled)), "It comes with the page.");
    }
}
