//! Handing an experiment on.

use super::super::table::{FormsText, ShareText};
use crate::format::number;
use patchbay_engine::experiment::{Compared, Prompt, Room, Shown};

pub const SHARE: ShareText = ShareText {
    unreadable: "The file could not be read: was it moved or deleted?",
    not_opened: |name, why| format!("“{name}” was not opened: {why}"),
    share: "Share …",
    title: "Share this experiment",
    close: "Close",
    copy: "Copy",
    named: |prompt| match prompt.trim() {
        "" => "An experiment on GPT-2 in Patchbay".into(),
        text => {
            let mut short: String = text.chars().take(60).collect();
            if short.len() < text.len() {
                // Whole words, where there are any.
                let end = short.rfind(' ').unwrap_or(short.len());
                short.truncate(end);
                short.push_str(" …");
            }
            format!("Patchbay: {short}")
        }
    },
    too_large: |most| {
        format!("This file is larger than {most} bytes, and no experiment of Patchbay is.")
    },
    author: "What came with the link",
    picture: "The map of whoever made the link, in small",
    awaited: |digest| {
        format!(
            "This is what whoever made the link got, {}. It was not computed here yet.",
            on(&digest.backend)
        )
    },
    came_out: |digest, compared, here| {
        let Compared {
            same_model,
            largest,
            same_texts,
            ..
        } = *compared;
        let what = match (digest.cells.len(), same_texts) {
            (_, Some(true)) => "the same texts".into(),
            (_, Some(false)) => "other texts".into(),
            (0, None) => format!("both runs, largest difference {}", difference(largest)),
            (cells, None) => format!(
                "both runs and the {cells} strongest cells, largest difference {}",
                difference(largest)
            ),
        };
        let place = format!("computed {} here, {} there", on(here), on(&digest.backend));
        match (same_model, compared.is_same()) {
            (false, _) => format!(
                "Not the same model: the weights that are loaded here are not those of whoever made the link. With these: {what}."
            ),
            (true, true) => format!("Reproduced: {what} ({place})."),
            (true, false) => format!("Not reproduced: {what} ({place})."),
        }
    },
    open_in_patchbay: "Open in Patchbay",
    own_engine: "an engine of its own, not shared with other experiments of this page",
    not_resumed: "What was to be resumed is cut short, changed or of another workshop. Give the whole text that was handed in.",
};

pub static FORMS: FormsText = FormsText {
    lede: "Whoever opens it computes everything again, on their own machine. It holds what you set up and nothing else of you.",
    form: "As",
    link: "Link",
    embed: "Embed",
    workshop: "Workshop",
    markdown: "Markdown",
    file: "File",
    holds: |e| {
        let text = |prompt: &Prompt| matches!(prompt, Prompt::Text(_));
        let mut parts = vec![format!("the model’s name ({})", e.model)];
        parts.push(
            match text(&e.clean) && text(&e.corrupted) {
                true => "the two prompts",
                false => "the prompts’ token ids",
            }
            .into(),
        );
        match e.pairs.len() {
            0 => {}
            1 => parts.push("one further pair".into()),
            n => parts.push(format!("{n} further pairs")),
        }
        parts.push("the answers".into());
        parts.push(match e.sweeps.len() {
            1 => "a sweep’s settings".into(),
            n => format!("the settings of {n} sweeps"),
        });
        if e.cell.is_some() {
            parts.push("the chosen cell".into());
        }
        if let Some(steer) = &e.steer {
            parts.push(match steer.directions.len() {
                1 => "what the steering room is set up with (prompt, words, a direction)".into(),
                n => {
                    format!("what the steering room is set up with (prompt, words, {n} directions)")
                }
            });
        }
        format!("In it: {}.", parts.join(", "))
    },
    results: "With the results",
    results_hint: "Whoever opens it sees a small picture of them at once, and then whether the same came out.",
    barred: "As it stands this experiment cannot run: what is marked in red has to be put right first.",
    no_results: "There are none yet, or they are from before the last change.",
    too_long: "This experiment is too large for a link. Save it as a file and share that.",
    length: |length, cut| match length > cut {
        true => format!(
            "{length} characters. Chats and some mail programs cut at about {cut}: use a file there, or a page of your own."
        ),
        false => format!("{length} characters: short enough for mail, chats and course pages."),
    },
    qr: "QR code, for a slide",
    qr_label: "A QR code of the link",
    no_qr: "The link is too long for a QR code: no more than 2,953 characters fit into one.",
    part_head: "Part",
    shown_head: "Is shown",
    open_head: "Can be changed",
    part: |room, part| match (part, room) {
        (Shown::Prompts, Room::Patching) => "Prompts",
        (Shown::Prompts, Room::Steering) => "Prompt and words",
        (Shown::Metric, _) => "Answers and metric",
        (Shown::Settings, Room::Patching) => "Settings of the sweep",
        (Shown::Settings, Room::Steering) => "Settings of the sampling",
        (Shown::Runs, _) => "The runs",
        (Shown::Map, Room::Patching) => "Map",
        (Shown::Map, Room::Steering) => "Map of layers and strengths",
        (Shown::Picture, _) => "Drawing of the model",
        (Shown::Cell, _) => "A close look at the cell",
        (Shown::Directions, _) => "Directions and their strength",
        (Shown::Texts, _) => "Texts",
        (Shown::Measures, _) => "Detector",
    },
    shows: |part| format!("{part} is shown"),
    opens: |part| format!("{part} can be changed"),
    theme: "Colours",
    theme_auto: "The reader’s",
    theme_light: "Light",
    theme_dark: "Dark",
    autorun: "Runs when it comes into view",
    autorun_hint: "Else it waits for a click, and costs a page next to nothing until then.",
    scripts: "The page allows scripts",
    scripts_hint: "Then it is as high as what it shows; a plain frame has one height, and scrolls.",
    html: "HTML for your page",
    preview: "Preview",
    save: "Save",
    save_button: "Save as a file",
    open: "Open",
    open_file: "A file that was saved here, or an experiment as JSON",
    drop: "Or drop it anywhere on the page.",
    from_hint: |page| {
        format!(
            "On a web server that lets other pages read it (CORS), a file has a link of its own: {page}#from=https://… with its address. Whoever opens that is asked first."
        )
    },
    paste: "A link",
    open_link: "Open the link",
    no_link: "This is no link to an experiment: it should have #v1= or #v2= in it.",
};

fn on(backend: &str) -> String {
    match backend {
        "cpu" => "on the CPU".into(),
        "webgpu" => "on WebGPU".into(),
        // Whatever a link says, it is short and stands as text.
        other => format!("on “{}”", crate::format::seen(other)),
    }
}

fn difference(largest: f32) -> String {
    match largest.is_finite() {
        true if largest == 0.0 => "0".into(),
        true if largest < 1e-3 => format!("{largest:.0e}"),
        true => number(largest, 3),
        false => "beyond measure (a number is missing here)".into(),
    }
}
