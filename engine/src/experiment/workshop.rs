//! What a teacher asks of the people who open an experiment, and what they hand in.
//!
//! Both travel as text: the one in a link, the other as what a person pastes or sends. No
//! answer is secret from who takes a link apart, and a score is as true as its digest,
//! which whoever collects them can compute again.

use super::{Digest, Experiment, MOST_CELLS, ParseError, RunName, limits, tree};
use crate::json;
use crate::sentence::{Says, Sentence};
use crate::text::Plain;
use serde::{Deserialize, Deserializer, Serialize};

/// Steps of a workshop at most.
pub const MOST_STEPS: usize = 30;
/// Choices of a question at most.
pub const MOST_CHOICES: usize = 12;

/// An experiment as an exercise: steps that open one after another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Workshop {
    /// What it is called; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// In their order; at most [`MOST_STEPS`].
    pub steps: Vec<Step>,
}

/// One thing to do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is to be done, as plain text; a blank line parts paragraphs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub says: String,
    /// What is asked for.
    #[serde(default, skip_serializing_if = "Ask::is_nothing")]
    pub ask: Ask,
    /// What is put on the page when the step opens; what was there before, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Experiment>,
}

/// What a step asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Only to be read.
    #[default]
    Nothing,
    /// To run the experiment.
    Run,
    /// Before the map is shown: which of its cells move the first metric most. As many
    /// points as cells are asked for, 1 to [`MOST_CELLS`], and one for each that is among
    /// as many strongest ones.
    Cells {
        /// How many.
        most: usize,
    },
    /// Before the runs are shown: the token that the model finds likeliest next. One point.
    Token {
        /// After which of the two prompts.
        run: RunName,
    },
    /// One of several answers. One point.
    Choice {
        /// Two or more, at most [`MOST_CHOICES`].
        choices: Vec<String>,
        /// Which of them is right, counted from 0.
        right: usize,
    },
    /// An answer in words, which nobody but the teacher reads. No points.
    Words {
        /// What is shown once the person has answered; nothing when empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        after: String,
    },
}

/// The kinds of what is asked for, by their names.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Nothing,
    Run,
    Cells,
    Token,
    Choice,
    Words,
}

/// By hand: what serde makes of an enum whose variants stand beside its tag reads all of
/// their fields in a second way, which was a fortieth of the page.
impl<'de> Deserialize<'de> for Ask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        tree::whole(deserializer, |of| {
            let (fields, ask): (&[&str], Self) = match tree::needed(of, "kind")? {
                Kind::Nothing => (&[], Self::Nothing),
                Kind::Run => (&[], Self::Run),
                Kind::Cells => {
                    let most = tree::needed(of, "most")?;
                    (&["most"], Self::Cells { most })
                }
                Kind::Token => {
                    let run = tree::needed(of, "run")?;
                    (&["run"], Self::Token { run })
                }
                Kind::Choice => {
                    let choices = tree::needed(of, "choices")?;
                    let right = tree::needed(of, "right")?;
                    (&["choices", "right"], Self::Choice { choices, right })
                }
                Kind::Words => {
                    let after = tree::either(of, "after", String::new)?;
                    (&["after"], Self::Words { after })
                }
            };
            tree::no_other(of, fields)?;
            Ok(ask)
        })
    }
}

/// What a person hands in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Handed {
    /// The workshop's [`Workshop::checksum`].
    pub of: String,
    /// Who, as they call themselves; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// One for each step that was done, in their order.
    pub answers: Vec<Answer>,
}

/// What a person answered to a step, and what then came out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The answer itself; nothing where nothing was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Reply>,
    /// The likeliest next token that a [`Ask::Token`] asked for, as it came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What was on the page, where it is not what the step put there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Experiment>,
    /// What came out of it, where it was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// An answer, by what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Rows and columns of the first map.
    Cells(Vec<(usize, usize)>),
    /// A token, or a word for it.
    Token(String),
    /// Which of the choices, counted from 0.
    Choice(usize),
    /// An answer in words.
    Text(String),
}

/// Points of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Points {
    /// Those that were made.
    pub made: usize,
    /// Those that could be.
    pub of: usize,
}

/// Why a workshop is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkshopFault {
    /// It is no workshop at all, or one of a newer page: what serde found.
    #[error("what is asked cannot be read: {}", Plain(.0))]
    Form(String),
    /// It has no step.
    #[error("a workshop has 1 to {MOST_STEPS} steps, and this one has {0}")]
    Steps(usize),
    /// A step asks for no cell, or for more than a digest names.
    #[error("step {step} asks for {found} cells, but 1 to {MOST_CELLS} can be asked for")]
    Cells {
        /// Counted from 1.
        step: usize,
        /// How many it asks for.
        found: usize,
    },
    /// A question cannot be answered rightly.
    #[error(
        "step {step} has {choices} choices, of which number {right} is right: there are 2 to {MOST_CHOICES}"
    )]
    Choices {
        /// Counted from 1.
        step: usize,
        /// How many there are.
        choices: usize,
        /// The right one, counted from 1.
        right: usize,
    },
}

impl Sentence for WorkshopFault {
    // By hand, as what the page says is: it is smaller so.
    #[inline]
    fn says(&self) -> Says {
        match self {
            Self::Form(reason) => Says::new("workshop.form", [("what", reason.as_str().into())]),
            Self::Steps(found) => Says::new("workshop.steps", [("what", (*found).into())]),
            Self::Cells { step, found } => {
                let step = ("step", (*step).into());
                Says::new("workshop.cells", [step, ("found", (*found).into())])
            }
            Self::Choices {
                step,
                choices,
                right,
            } => {
                let step = ("step", (*step).into());
                let choices = ("choices", (*choices).into());
                Says::new(
                    "workshop.choices",
                    [step, choices, ("right", (*right).into())],
                )
            }
        }
    }
}

impl Ask {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }

    /// Points that can be made.
    #[must_use]
    pub fn points(&self) -> usize {
        match self {
            Self::Nothing | Self::Run | Self::Words { .. } => 0,
            Self::Cells { most } => *most,
            Self::Token { .. } | Self::Choice { .. } => 1,
        }
    }

    /// How many cells of the map are asked for, where they are.
    #[must_use]
    pub fn cells(&self) -> Option<usize> {
        match self {
            Self::Cells { most } => Some(*most),
            _ => None,
        }
    }

    /// After which prompt a token is asked for, where one is.
    #[must_use]
    pub fn token(&self) -> Option<RunName> {
        match self {
            Self::Token { run } => Some(*run),
            _ => None,
        }
    }

    /// The answers to choose from, where there are some.
    #[must_use]
    pub fn choices(&self) -> Option<&[String]> {
        match self {
            Self::Choice { choices, .. } => Some(choices),
            _ => None,
        }
    }

    /// Whether what comes out belongs to the answer.
    #[must_use]
    pub fn wants_run(&self) -> bool {
        *self == Self::Run || self.foretells()
    }

    /// Whether the answer is a guess at what comes out, so that this stays hidden until it
    /// is given.
    #[must_use]
    pub fn foretells(&self) -> bool {
        match self {
            Self::Cells { .. } | Self::Token { .. } => true,
            Self::Nothing | Self::Run | Self::Choice { .. } | Self::Words { .. } => false,
        }
    }
}

impl Step {
    /// Points of an answer. Without what came out there are none for a guess at it.
    #[must_use]
    pub fn points(&self, answer: &Answer) -> Points {
        let made = match (&self.ask, &answer.said) {
            (Ask::Cells { most }, Some(Reply::Cells(said))) => {
                let cells = answer.digest.as_ref().map(|d| d.cells.as_slice());
                hits(said, cells.unwrap_or_default(), *most)
                    .iter()
                    .filter(|hit| **hit)
                    .count()
            }
            (Ask::Token { .. }, Some(Reply::Token(said))) => {
                let same = |found: &String| found.trim() == said.trim() && !said.trim().is_empty();
                // What came out is what can be computed again.
                usize::from(answer.digest.is_some() && answer.found.as_ref().is_some_and(same))
            }
            (Ask::Choice { right, .. }, Some(Reply::Choice(said))) => usize::from(said == right),
            // An answer to another question is none.
            (
                Ask::Nothing
                | Ask::Run
                | Ask::Cells { .. }
                | Ask::Token { .. }
                | Ask::Choice { .. }
                | Ask::Words { .. },
                _,
            ) => 0,
        };
        Points {
            made,
            of: self.ask.points(),
        }
    }
}

/// Which of the cells that were said are among the first `most` of those that came out. One
/// that is said twice counts once.
#[must_use]
pub fn hits(said: &[(usize, usize)], strongest: &[super::DigestCell], most: usize) -> Vec<bool> {
    let first: Vec<_> = strongest
        .iter()
        .take(most)
        .map(|c| (c.row, c.column))
        .collect();
    let is_first = |at: usize| said[..at].iter().all(|before| *before != said[at]);
    (0..said.len())
        .map(|at| at < most && is_first(at) && first.contains(&said[at]))
        .collect()
}

impl Workshop {
    /// Whether it can be worked through.
    ///
    /// # Errors
    /// The first [`WorkshopFault`].
    pub fn check(&self) -> Result<(), WorkshopFault> {
        if self.steps.is_empty() || self.steps.len() > MOST_STEPS {
            return Err(WorkshopFault::Steps(self.steps.len()));
        }
        for (at, step) in self.steps.iter().enumerate() {
            let step_number = at + 1;
            match &step.ask {
                Ask::Cells { most } if !(1..=MOST_CELLS).contains(most) => {
                    return Err(WorkshopFault::Cells {
                        step: step_number,
                        found: *most,
                    });
                }
                Ask::Choice { choices, right }
                    if !(2..=MOST_CHOICES).contains(&choices.len()) || *right >= choices.len() =>
                {
                    return Err(WorkshopFault::Choices {
                        step: step_number,
                        choices: choices.len(),
                        right: right + 1,
                    });
                }
                Ask::Nothing
                | Ask::Run
                | Ask::Cells { .. }
                | Ask::Token { .. }
                | Ask::Choice { .. }
                | Ask::Words { .. } => {}
            }
        }
        Ok(())
    }

    /// What is on the page when a step opens: what it or the last one before it puts there,
    /// or the link's own.
    #[must_use]
    pub fn opens<'a>(&'a self, step: usize, first: &'a Experiment) -> &'a Experiment {
        let until = self.steps.iter().take(step + 1).rev();
        until
            .filter_map(|s| s.experiment.as_ref())
            .next()
            .unwrap_or(first)
    }

    /// A checksum of all that is asked, by which what was handed in is known to be of it.
    #[must_use]
    pub fn checksum(&self) -> String {
        super::digest::fnv(self.to_json().bytes())
    }

    /// Points of all that was handed in; steps that were not done make none.
    #[must_use]
    pub fn points(&self, handed: &Handed) -> Points {
        let nothing = Answer::default();
        let answers = handed.answers.iter().chain(std::iter::repeat(&nothing));
        self.steps
            .iter()
            .zip(answers)
            .map(|(step, answer)| step.points(answer))
            .fold(Points::default(), |a, b| Points {
                made: a.made + b.made,
                of: a.of + b.of,
            })
    }

    /// Reads the JSON form, of one that may not be finished: see [`Self::check`].
    ///
    /// # Errors
    /// [`ParseError`] when it is none.
    #[inline]
    pub fn from_json(text: &str) -> Result<Self, ParseError> {
        Self::from_value(json::value(text)?)
    }

    /// The JSON form, on one line.
    #[must_use]
    #[inline]
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists only: nothing in it can fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As it is read: what its steps put on the page may be of older versions.
    pub(super) fn from_value(mut whole: serde_json::Value) -> Result<Self, ParseError> {
        let experiments = taken(&mut whole, "steps")?;
        limits::within_limits(&whole, limits::Stage::Opened)?;
        let mut workshop: Self = read(&whole)?;
        for (step, experiment) in workshop.steps.iter_mut().zip(experiments) {
            step.experiment = experiment;
        }
        Ok(workshop)
    }
}

impl Handed {
    /// As [`Workshop::from_value`].
    pub(super) fn from_value(mut whole: serde_json::Value) -> Result<Self, ParseError> {
        let experiments = taken(&mut whole, "answers")?;
        limits::within_limits(&whole, limits::Stage::Opened)?;
        let mut handed: Self = read(&whole)?;
        for (answer, experiment) in handed.answers.iter_mut().zip(experiments) {
            answer.experiment = experiment;
        }
        Ok(handed)
    }
}

fn read<T: serde::de::DeserializeOwned>(whole: &serde_json::Value) -> Result<T, ParseError> {
    Ok(tree::read(whole).map_err(|e| WorkshopFault::Form(e.to_string()))?)
}

/// The experiments of the entries of a list, which are read as every experiment is.
fn taken(whole: &mut serde_json::Value, list: &str) -> Result<Vec<Option<Experiment>>, ParseError> {
    let entries = whole.get_mut(list).and_then(|list| list.as_array_mut());
    let take = |entry: &mut serde_json::Value| {
        let fields = entry.as_object_mut()?;
        fields.remove("experiment").filter(|e| !e.is_null())
    };
    entries
        .into_iter()
        .flatten()
        .map(|entry| take(entry).map(Experiment::from_value).transpose())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::DigestCell;
    use super::*;

    fn step(ask: Ask) -> Step {
        Step {
            says: "Do this.".into(),
            ask,
            experiment: None,
        }
    }

    fn cell((row, column): (usize, usize)) -> DigestCell {
        DigestCell {
            row,
            column,
            value: 1.0,
        }
    }

    #[test]
    fn cells_count_that_are_among_the_strongest_and_once() {
        let strongest = [(1, 2), (0, 0), (3, 1)].map(cell);
        assert_eq!(hits(&[(0, 0), (9, 9)], &strongest, 2), [true, false]);
        // The third is not among the first two.
        assert_eq!(hits(&[(3, 1), (1, 2)], &strongest, 2), [false, true]);
        assert_eq!(hits(&[(1, 2), (1, 2)], &strongest, 2), [true, false]);
        // Who marks every cell has marked no more than were asked for.
        let all: Vec<_> = (0..4).flat_map(|r| (0..3).map(move |c| (r, c))).collect();
        let made = hits(&all, &strongest, 2);
        assert_eq!(made.iter().filter(|hit| **hit).count(), 1);
    }

    #[test]
    fn points_are_made_by_right_answers_to_what_was_asked() {
        let workshop = Workshop {
            title: String::new(),
            steps: vec![
                step(Ask::Nothing),
                step(Ask::Cells { most: 2 }),
                step(Ask::Token {
                    run: RunName::Clean,
                }),
                step(Ask::Choice {
                    choices: vec!["a".into(), "b".into()],
                    right: 1,
                }),
                step(Ask::Words {
                    after: String::new(),
                }),
            ],
        };
        workshop.check().unwrap();
        let digest = Digest {
            cells: vec![cell((1, 1)), cell((2, 2))],
            ..Digest::default()
        };
        let said = |said| Answer {
            said: Some(said),
            ..Answer::default()
        };
        let mut handed = Handed {
            of: workshop.checksum(),
            by: "A".into(),
            answers: vec![
                Answer::default(),
                Answer {
                    digest: Some(digest),
                    ..said(Reply::Cells(vec![(2, 2), (0, 0)]))
                },
                Answer {
                    found: Some(" Paris".into()),
                    digest: Some(Digest::default()),
                    ..said(Reply::Token("Paris".into()))
                },
                said(Reply::Choice(1)),
                said(Reply::Text("because".into())),
            ],
        };
        assert_eq!(workshop.points(&handed), Points { made: 3, of: 4 });
        // A guess without what came out, or an answer to another question, makes none.
        handed.answers[1].digest = None;
        handed.answers[2].said = Some(Reply::Choice(0));
        assert_eq!(workshop.points(&handed), Points { made: 1, of: 4 });
        handed.answers.truncate(2);
        assert_eq!(workshop.points(&handed), Points { made: 0, of: 4 });
    }

    #[test]
    fn what_cannot_be_answered_is_named() {
        let of = |ask| Workshop {
            title: String::new(),
            steps: vec![step(Ask::Run), step(ask)],
        };
        for most in [0, MOST_CELLS + 1] {
            let fault = of(Ask::Cells { most }).check().unwrap_err();
            assert_eq!(
                fault,
                WorkshopFault::Cells {
                    step: 2,
                    found: most
                }
            );
        }
        let choices = vec!["a".into(), "b".into()];
        let fault = of(Ask::Choice { choices, right: 2 }).check().unwrap_err();
        assert!(fault.to_string().contains("number 3"), "{fault}");
        assert_eq!(
            Workshop::default().check().unwrap_err(),
            WorkshopFault::Steps(0)
        );
    }

    #[test]
    fn a_step_begins_with_what_was_put_there_last() {
        let first = Experiment::default();
        let other = Experiment {
            bos: !first.bos,
            ..first.clone()
        };
        let mut workshop = Workshop {
            title: String::new(),
            steps: vec![step(Ask::Run), step(Ask::Run), step(Ask::Run)],
        };
        workshop.steps[1].experiment = Some(other.clone());
        assert_eq!(workshop.opens(0, &first), &first);
        assert_eq!(workshop.opens(2, &first), &other);
    }
}
