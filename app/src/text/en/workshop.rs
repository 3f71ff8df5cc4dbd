//! A class: working through a workshop, making one, looking through what was handed in.

use super::super::workshop::{CollectText, MakeText, WorkshopText};
use patchbay_engine::experiment::{Points, RunName};

fn points(p: Points) -> String {
    match p.of {
        1 => format!("{} of 1 point", p.made),
        of => format!("{} of {of} points", p.made),
    }
}

pub static WORKSHOP: WorkshopText = WorkshopText {
    title: "Workshop",
    progress: |step, steps, p| {
        let at = match step > steps {
            true => format!("All {steps} steps done"),
            false => format!("Step {step} of {steps}"),
        };
        match p.of {
            0 => at,
            _ => format!("{at} · {}", points(p)),
        }
    },
    step: |n| format!("Step {n}"),
    points,
    done: "done",
    locked: "opens after the one before",
    again: "Begin again",
    again_hint: "Forgets your answers to this workshop in this browser.",
    leave: "Leave the workshop",
    leave_hint: "What is set up stays, and all of the page can be used.",
    reset: "Set this step up again",
    go_on: "Go on",
    run: "Run it",
    check: "Run and compare",
    answer: "Answer",
    computing: "Computing …",
    stop: "Stop",
    next: "Next step",
    finish: "To the end",
    mark: |marked, most| {
        let cells = if most == 1 { "cell" } else { "cells" };
        format!(
            "{marked} of {most} {cells} marked. Click a cell of the map, or walk there with the arrow keys and press Enter."
        )
    },
    no_map: "The map’s rows and columns appear here once the model has read the prompts.",
    hidden: "What comes out is hidden until you have answered.",
    marked: "Marked:",
    unmark: |place| format!("Take the mark from {place}"),
    token: |run| match run {
        RunName::Clean => "Which token will the model find likeliest after the clean prompt?",
        RunName::Corrupted => {
            "Which token will the model find likeliest after the corrupted prompt?"
        }
    },
    words: "Your answer",
    came_out: |p| match (p.made, p.of) {
        (made, of) if made == of && of == 1 => "Right.".into(),
        (made, of) if made == of => format!("All {of} are among the {of} strongest cells."),
        (made, of) => format!(
            "{made} of your cells {} among the {of} strongest.",
            if made == 1 { "is" } else { "are" }
        ),
    },
    hit: "hit",
    miss: "not among the strongest",
    missed: "strong, and not marked",
    strongest: "The cells that move the metric most:",
    yours: "You said:",
    likeliest: "The model’s likeliest token:",
    right: "Right.",
    wrong: "Not so.",
    right_is: |choice| format!("Right is: {choice}"),
    teacher: "Compare with this:",
    hand_in: "Hand in",
    all_done: |p| match p.of {
        0 => "That was the last step.".into(),
        _ => format!("That was the last step: {}.", points(p)),
    },
    hand_in_hint: "This text holds your answers and what came out, and nothing else of you. Nothing was sent: paste it where your course asks for it, or hand in the file.",
    name: "Your name",
    name_hint: "As your teacher knows you. It stands in the text alone.",
    text: "To hand in",
    save: "Save as a file",
};

pub static MAKE: MakeText = MakeText {
    lede: "Steps that open one after another: people answer before they see what comes out. It begins with what is on the page now.",
    title: "Name of the workshop",
    step: |n| format!("Step {n}"),
    says: "What is to be done",
    says_hint: "Plain text. A blank line begins a paragraph.",
    asks: "What is asked for",
    nothing: "Only reading",
    run: "Running it",
    cells: "A guess: the strongest cells",
    clean: "A guess: the next token after the clean prompt",
    corrupted: "A guess: the next token after the corrupted prompt",
    choice: "One of several answers",
    words: "An answer in words",
    most: "How many cells",
    choices: "The answers, one a line",
    choices_hint: "Begin the right one with *",
    then: "What is shown afterwards",
    take: "Begin this step with what is on the page now",
    taken: "This step puts an experiment of its own on the page.",
    untake: "Begin it with what the step before leaves",
    take_hint: "Close this window, set the page up, open it again: nothing here is lost.",
    add: "Add a step",
    remove: |n| format!("Remove step {n}"),
    up: |n| format!("Move step {n} up"),
    link: "Link for the class",
    frame: "HTML for a course page",
    package: "SCORM 1.2 package",
    package_hint: "A zip for a learning platform, which then records the score. It opens this page’s address, so the class needs to reach that.",
    collect: "For you: look through what was handed in",
    collect_hint: "Who takes a link apart finds the right answers in it: it is for learning, not for exams.",
    open: "Open",
};

pub static COLLECT: CollectText = CollectText {
    title: "What was handed in",
    lede: "Paste all texts at once, or choose the files. Everything stays in this page.",
    workshop: |title, steps| {
        let name = if title.is_empty() {
            "a workshop without a name"
        } else {
            title
        };
        format!("Of {name}, {steps} steps.")
    },
    none: "The link of this page holds no workshop. Open it from the form in which you made the workshop.",
    paste: "Texts that were handed in",
    paste_hint: "A column of a table, a forum’s page, mails: whatever stands around them is passed over.",
    files: "Choose files …",
    found: |all, distinct, people| match (all, distinct) {
        (0, _) => "None found yet.".into(),
        (all, distinct) if all == distinct => format!("{all} found, of {people} people."),
        (all, distinct) => format!(
            "{all} found, {} of them twice, of {people} people.",
            all - distinct
        ),
    },
    unread: |n| match n {
        1 => "One text is cut short or changed and cannot be read.".into(),
        n => format!("{n} texts are cut short or changed and cannot be read."),
    },
    other: "of another workshop",
    name: "Name",
    unnamed: "(no name)",
    done: "Steps done",
    points: "Points",
    recompute: "Compute the results again",
    recompute_hint: "Runs each different experiment once, here, and compares what people say came out.",
    recomputing: |done, all| format!("{done} of {all} experiments"),
    stop: "Stop",
    claimed: "as handed in",
    same: "came out again",
    differs: "do not come out",
    failed: |why| format!("could not be run: {why}"),
    no_results: "none",
    csv: "Save the table (CSV)",
    clear: "Clear",
    table: "Answers by person",
    step: |n| format!("Step {n}"),
};
