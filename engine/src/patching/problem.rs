//! What the patching room has to say of prompts, answers, pairs and captures.

use crate::experiment::{Field, Role, Site};
use crate::lab::prompt::PromptError;
use crate::sentence::{Listed, Quoted, Said, Says, Sentence, within};
use serde::Serialize;
use std::fmt;

/// What is wrong with an experiment of the patching room, or likely not what was meant.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PatchingProblem {
    #[error("There is no clean prompt to put noise on.")]
    NoCleanPrompt,
    #[error(
        "The {field} prompt ends with a space. This model's words bring their own space in front, so the next word is read better without it."
    )]
    EndsWithSpace { field: Field },
    #[error("The {field} prompt{fault}")]
    Prompt {
        field: Field,
        #[serde(serialize_with = "within")]
        fault: PromptError,
    },
    #[error(
        "New to this small model: {}. It never met these pieces in training, so what it predicts after them means little.",
        Quoted(pieces, ", ")
    )]
    Unseen { pieces: Vec<String> },
    #[error("There is nothing to measure; choose a metric.")]
    NoMetric,
    #[error(
        "A difference compares the answer with a second token; choose a wrong answer, or take the probability."
    )]
    NoWrongAnswer,
    #[error("The answer and the wrong answer are the same token, so their difference is always 0.")]
    SameAnswers,
    #[error("The set of tokens is empty; name at least one.")]
    NoTokens,
    #[error(
        "“{text}” is named more than once in this set of tokens; what is named twice counts once."
    )]
    TokenTwice { text: String },
    #[error("Choose the {answer}: one token, usually a word with a space in front.")]
    NoAnswer { answer: Answer },
    #[error("There is no space in front; the clean run finds “{spaced}” likelier.")]
    NoSpaceInFront { spaced: String },
    #[error(
        "These tokens have no space in front; the clean run finds {}{} likelier.",
        Quoted(spaced, ", "),
        More(*more)
    )]
    NoSpacesInFront { spaced: Vec<String>, more: usize },
    #[error(
        "Answers of {} further pairs have no space in front, and the clean run finds them likelier with one: pairs {}{}. Without it they are other tokens.",
        .numbers.len() + .more,
        Listed(numbers),
        More(*more)
    )]
    NoSpacesInPairs { numbers: Vec<usize>, more: usize },
    #[error(
        "“{text}” is {} tokens here ({}), but the {answer} is one token; take “{suggestion}”.",
        .pieces.len(),
        Quoted(pieces, " ")
    )]
    SeveralTokens {
        text: String,
        pieces: Vec<String>,
        answer: Answer,
        suggestion: String,
    },
    #[error(
        "“{text}” is {} tokens here ({}), but the {answer} is one token.",
        .pieces.len(),
        Quoted(pieces, " ")
    )]
    OnlySeveralTokens {
        text: String,
        pieces: Vec<String>,
        answer: Answer,
    },
    #[error(
        "The alignment pairs positions of the clean prompt (0 to {last_clean}) with positions of the corrupted one (0 to {last_corrupted}), both in ascending order; this one does not. Align them again."
    )]
    Alignment {
        last_clean: usize,
        last_corrupted: usize,
    },
    #[error("In the first pair, {fault}")]
    RolesOfFirst {
        #[serde(serialize_with = "within")]
        fault: RoleFault,
    },
    #[error("Pair {number}: {fault}")]
    Pair {
        /// Counted from 1, the experiment's own.
        number: usize,
        #[serde(serialize_with = "within")]
        fault: PairFault,
    },
    #[error(
        "{found} of {all} pairs cannot be run: {}. Mend them, or leave them out and run the rest.",
        Listed(numbers)
    )]
    BadPairs {
        found: usize,
        all: usize,
        numbers: Vec<usize>,
    },
    #[error(
        "{pairs} of the further pairs hold words that are new to this small model; what it predicts after them means little."
    )]
    UnseenInPairs { pairs: usize },
    #[error("Choose the tokens that get noise on their embeddings.")]
    NoNoisePosition,
    #[error(
        "Noise was asked for at position {position}, but the prompt has positions 0 to {last}; choose others."
    )]
    NoisePosition { position: usize, last: usize },
    #[error("The noise has {sigma} standard deviations; take a number from 0 up, 3 is usual.")]
    Sigma { sigma: f32 },
    #[error("Noise is drawn 1 to {most} times, not {draws}.")]
    Draws { most: usize, draws: usize },
    #[error(
        "Noise of 0 standard deviations changes nothing, so both runs are the same; 3 is usual."
    )]
    NoNoise,
    #[error("Both prompts are the same, so patching one with the other changes nothing.")]
    SamePrompts,
    #[error(
        "The chosen cell is of sweep {sweep}, but this experiment has {sweeps}, so no cell is looked at; choose another."
    )]
    NoSuchSweep { sweep: usize, sweeps: usize },
    #[error(
        "The chosen cell is row {row}, column {column}, but this sweep has {rows} rows and {columns} columns, and not a cell for each, so no cell is looked at; choose another."
    )]
    NoSuchCell {
        row: usize,
        column: usize,
        rows: usize,
        columns: usize,
    },
    #[error(
        "The captures have {found} numbers in all, but at most {most} are handed back at once; take fewer sites, layers or positions."
    )]
    ManyCaptured { found: usize, most: usize },
    #[error("A capture of {site} needs a layer.")]
    CaptureWithoutLayer { site: Site },
    #[error("{site} has no layer; leave it out of the capture.")]
    CaptureWithLayer { site: Site },
    #[error("There is no {site} to copy at layer {layer}, position {position}.")]
    NothingToCopy {
        site: Site,
        layer: usize,
        position: usize,
    },
    #[error(
        "The corruption does not lower {}: it is {clean:.2} on the clean run and {corrupted:.2} on the corrupted one, so there is little for a patch to restore. A wrong answer that the corrupted prompt makes likelier, or a probability, shows more.",
        Measured(answers, wrongs)
    )]
    NotLowered {
        answers: Vec<String>,
        /// None where the metric is of the answers alone.
        wrongs: Vec<String>,
        clean: f32,
        corrupted: f32,
    },
}

impl Sentence for PatchingProblem {
    fn says(&self) -> Says {
        Says::of("patching", self)
    }
}

/// That a list goes on, where there are more than were named.
struct More(usize);

impl fmt::Display for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 > 0 { ", …" } else { "" })
    }
}

/// Which of a metric's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    #[error("answer")]
    Right,
    #[error("wrong answer")]
    Wrong,
}

/// Why a further pair cannot be run.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PairFault {
    #[error("the {field} prompt{fault}")]
    Prompt {
        field: Field,
        #[serde(serialize_with = "within")]
        fault: PromptError,
    },
    #[error("{fault}")]
    Roles {
        #[serde(serialize_with = "within")]
        fault: RoleFault,
    },
    #[error(
        "the clean prompt has {clean} tokens and the corrupted one {corrupted}; give both the same number."
    )]
    Lengths { clean: usize, corrupted: usize },
    /// What is told of its answers.
    #[error("{fault}")]
    Tokens {
        #[serde(serialize_with = "within")]
        fault: Said,
    },
}

impl Sentence for PairFault {
    fn says(&self) -> Says {
        Says::of("pair", self)
    }
}

/// Why roles have no positions in a pair of prompts.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RoleFault {
    #[error("positions are aligned both by hand and by role; choose one of the two.")]
    ByHandToo,
    #[error(
        "the role {} asks for a name that is twice in the clean prompt; its names are {}. Write another prompt, or align positions by hand.",
        .role.name(),
        Names(names)
    )]
    NoNameTwice { role: Role, names: Vec<String> },
    #[error(
        "the role {} asks for a second name in the clean prompt; its names are {}. Write another prompt, or align positions by hand.",
        .role.name(),
        Names(names)
    )]
    NoSecondName { role: Role, names: Vec<String> },
    #[error(
        "the clean prompt has the names {} and the corrupted one {}; roles need as many in both.",
        Names(clean),
        Names(corrupted)
    )]
    UnevenNames {
        clean: Vec<String>,
        corrupted: Vec<String>,
    },
}

impl Sentence for RoleFault {
    fn says(&self) -> Says {
        Says::of("roles", self)
    }
}

/// The names of a prompt.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("none"),
            some => Quoted(some, ", ").fmt(f),
        }
    }
}

/// A metric by its tokens.
struct Measured<'a>(&'a [String], &'a [String]);

impl fmt::Display for Measured<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers = Quoted(self.0, ", ");
        match self.1 {
            [] => write!(f, "the metric of {answers}"),
            wrongs => write!(f, "{answers} minus {}", Quoted(wrongs, ", ")),
        }
    }
}
