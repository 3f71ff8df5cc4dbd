//! A class: working through a workshop, making one, looking through what was handed in.

use super::super::workshop::{CollectText, MakeText, WorkshopText};
use patchbay_engine::experiment::{
    MOST_CELLS, MOST_CHOICES, MOST_STEPS, Points, RunName, WorkshopFault,
};
use std::fmt::Display;

fn points(p: Points) -> String {
    match p.of {
        1 => format!("{} of 1 point", p.made),
        of => format!("{} of {of} points", p.made),
    }
}

fn not_written(why: &dyn Display) -> String {
    format!("The file could not be written: {why}.")
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
    pass: "Go on without an answer",
    pass_hint: "As it stands this experiment cannot be run. Set the step up again; if that does not help, the step itself is broken: go on without points for it.",
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
    to_map: "To the map",
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
        _ => format!(
            "That was the last step: {}. Answers in words have none.",
            points(p)
        ),
    },
    hand_in_hint: "This text holds your answers and what came out, and nothing else of you. Nothing was sent: paste it where your course asks for it, or hand in the file.",
    name: "Your name",
    name_hint: "As your teacher knows you.",
    no_name: "Without a name nobody knows whose answers these are.",
    text: "The text to hand in, as it is",
    save: "Save as a file",
};

pub static MAKE: MakeText = MakeText {
    fault: |fault| match fault {
        WorkshopFault::Steps(0) => "A workshop needs a step.".into(),
        WorkshopFault::Steps(n) => format!("{n} steps are too many: take {MOST_STEPS} at most."),
        WorkshopFault::Cells { step, .. } => {
            format!("Step {step}: ask for 1 to {MOST_CELLS} cells.")
        }
        WorkshopFault::Choices { step, choices, .. } if (2..=MOST_CHOICES).contains(choices) => {
            format!("Step {step}: begin the right answer’s line with *.")
        }
        WorkshopFault::Choices { step, .. } => format!(
            "Step {step}: 2 to {MOST_CHOICES} answers are needed, one a line, the right one begun with *."
        ),
        WorkshopFault::Form(_) => fault.to_string(),
    },
    parts: "What the class sees, and what it can change",
    parts_hint: "The steps’ own settings stay as you set them where a part cannot be changed.",
    lede: "Steps that open one after another: people answer before they see what comes out. It begins with what is on the page now. A guess is only one as long as no earlier step shows what it asks for.",
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
    not_written,
    collect: "For you: the link where you look through what was handed in; keep it",
    collect_hint: "Students end with a short text or file, which they give to you by whatever way your course has. Who takes a link apart finds the right answers in it: it is for learning, not for exams.",
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
    too_much: |most| {
        format!(
            "This would be more than {} million bytes in all, and was left out: look through it in parts.",
            most / 1_000_000
        )
    },
    not_written,
    found: |all, distinct, people| {
        let again = match all - distinct {
            0 => String::new(),
            n => format!(", {n} of them twice"),
        };
        match (all, people) {
            (0, _) => "None found yet.".into(),
            (_, 1) => format!("{all} found{again}, of one person."),
            (_, n) => format!("{all} found{again}, of {n} people."),
        }
    },
    unread: |all| {
        let places: Vec<String> = all
            .iter()
            .take(5)
            .map(|place| format!("“{place}”"))
            .collect();
        let many = if all.len() > places.len() {
            ", …"
        } else {
            ""
        };
        let text = if all.len() == 1 {
            "text is"
        } else {
            "texts are"
        };
        let count = all.len();
        format!(
            "{count} {text} cut short or changed and cannot be read, behind {}{many}.",
            places.join(", ")
        )
    },
    cells: "Cells are row:column of the map, counted from 0.",
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
    changed: "of an experiment that they changed",
    other_model: |model| format!("it wants another model than its step, {model}"),
    stuck: "as it stands it cannot be run",
    csv: "Save the table (CSV)",
    clear: "Clear",
    table: "Answers by person",
    step: |n| format!("Step {n}"),
};
