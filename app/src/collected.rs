//! What a class handed in: found in pasted text, one row a person, and as a table.

use crate::digest::{compared, digest};
use crate::examples::complete;
use crate::export::table;
use crate::results::Results;
use crate::table::cell;
use patchbay_engine::experiment::link::all_handed;
use patchbay_engine::experiment::{
    Answer, Digest, Experiment, Handed, ModelInfo, Points, Reply, RunName, TOLERANCE, Token,
    Workshop, checksum,
};
use std::collections::BTreeMap;

/// Bytes of pasted text and files that are looked through at most: a class of a thousand.
pub const MOST_TEXT: usize = 20_000_000;

/// What was found in a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Of this workshop, each once, in the order in which they were found.
    pub handed: Vec<Handed>,
    /// How many of them stand there more than once.
    pub again: usize,
    /// Of another workshop.
    pub other: usize,
    /// Cut short or changed: what stands in front of each.
    pub unread: Vec<String>,
}

impl Found {
    /// Looks through a text.
    #[must_use]
    pub fn of(text: &str, workshop: &Workshop) -> Self {
        let of = workshop.checksum();
        let mut found = Self::default();
        for (before, handed) in all_handed(text) {
            match handed {
                Err(_) => found.unread.push(before),
                Ok(handed) if handed.of != of || handed.answers.len() > workshop.steps.len() => {
                    found.other += 1;
                }
                Ok(handed) if found.handed.contains(&handed) => found.again += 1,
                Ok(handed) => found.handed.push(handed),
            }
        }
        found
    }

    /// How many different people, as they call themselves.
    #[must_use]
    pub fn people(&self) -> usize {
        let mut names: Vec<&str> = self.handed.iter().map(|h| h.by.trim()).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }
}

/// What came out of an experiment when it was computed again, or why nothing did.
pub type Again = Result<Box<Computed>, String>;

/// Whole results, with the model that they are of, and the same in short.
#[derive(Clone, Debug, PartialEq)]
pub struct Computed {
    results: Results,
    model: ModelInfo,
    digest: Digest,
}

impl Computed {
    /// Results of an experiment, once they are whole.
    #[must_use]
    pub fn of(results: Results, experiment: &Experiment, model: ModelInfo) -> Option<Self> {
        // Where it was computed is nothing that is compared.
        let digest = digest(&results, experiment, &model, "")?;
        Some(Self {
            results,
            model,
            digest,
        })
    }
}

/// What was computed again, by the checksum of its experiment.
pub type Recomputed = BTreeMap<String, Again>;

/// How the results of an answer stand.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// The answer has none.
    None,
    /// As they were handed in.
    Claimed,
    /// They came out again.
    Same,
    /// Others came out, or they are of another experiment than they say.
    Differs,
    /// They could not be computed.
    Failed(String),
}

/// The experiment that a step's results are of.
#[must_use]
pub fn experiment_of(
    workshop: &Workshop,
    first: &Experiment,
    step: usize,
    answer: &Answer,
) -> Experiment {
    let own = answer.experiment.clone();
    // As it was on the page that ran it.
    complete(own.unwrap_or_else(|| workshop.opens(step, first).clone()))
}

/// The experiments of all results that were handed in, each once.
#[must_use]
pub fn experiments(
    workshop: &Workshop,
    first: &Experiment,
    all: &[Handed],
) -> BTreeMap<String, Experiment> {
    let mut found = BTreeMap::new();
    for handed in all {
        for (step, answer) in handed.answers.iter().enumerate() {
            if answer.digest.is_some() {
                let experiment = experiment_of(workshop, first, step, answer);
                found.insert(checksum(&experiment), experiment);
            }
        }
    }
    found
}

/// How the results of a step's answer stand.
#[must_use]
pub fn standing(
    workshop: &Workshop,
    first: &Experiment,
    step: usize,
    answer: &Answer,
    again: &Recomputed,
) -> Standing {
    let Some(digest) = &answer.digest else {
        return Standing::None;
    };
    let experiment = experiment_of(workshop, first, step, answer);
    let of = checksum(&experiment);
    match again.get(&of) {
        None => Standing::Claimed,
        Some(Err(why)) => Standing::Failed(why.clone()),
        Some(Ok(computed)) => {
            let Computed {
                results,
                model,
                digest: found,
            } = computed.as_ref();
            let same = compared(digest, results, &experiment, model).is_some_and(|c| c.is_same());
            let same = same && is_all(digest, found);
            let asked = workshop.steps.get(step).and_then(|s| s.ask.token());
            let token = asked.is_none_or(|run| likeliest(results, run) == answer.found);
            match same && token && digest.of == of {
                true => Standing::Same,
                false => Standing::Differs,
            }
        }
    }
}

/// Whether a digest leaves nothing out and puts nothing in front: points are counted from
/// its first cells.
fn is_all(said: &Digest, found: &Digest) -> bool {
    let close = |a: f32, b: f32| (a - b).abs() <= TOLERANCE * b.abs().max(1.0);
    let values = said.cells.iter().zip(&found.cells);
    said.runs.is_some() == found.runs.is_some()
        && said.cells.len() == found.cells.len()
        && values.clone().all(|(a, b)| close(a.value, b.value))
        // Of equals any may be first, but none twice.
        && said.cells.iter().enumerate().all(|(at, cell)| {
            let before = said.cells.iter().take(at);
            before.clone().all(|b| (b.row, b.column) != (cell.row, cell.column))
        })
}

/// The likeliest next token after a prompt.
#[must_use]
pub fn likeliest(results: &Results, run: RunName) -> Option<String> {
    let runs = results.runs.as_ref()?;
    let run = match run {
        RunName::Clean => &runs.clean,
        RunName::Corrupted => &runs.corrupted,
    };
    let first = run.top.iter().take(1).map(|top| &top.token);
    Some(Token::joined(first))
}

/// An answer, as a table says it.
#[must_use]
pub fn said(workshop: &Workshop, step: usize, answer: &Answer) -> String {
    match &answer.said {
        None => String::new(),
        Some(Reply::Cells(cells)) => {
            let cells: Vec<String> = cells.iter().map(|(r, c)| format!("{r}:{c}")).collect();
            cells.join(" ")
        }
        Some(Reply::Token(text) | Reply::Text(text)) => text.clone(),
        Some(Reply::Choice(at)) => {
            let asked = workshop.steps.get(step).and_then(|s| s.ask.choices());
            let choice = asked.and_then(|choices| choices.get(*at));
            choice.cloned().unwrap_or_else(|| at.to_string())
        }
    }
}

/// A table for a spreadsheet: one row for each that was handed in. `says` puts a standing
/// into words, and `changed` that it is of another experiment than the step put there.
///
/// # Errors
/// None that are known: it is written to memory.
pub fn csv(
    workshop: &Workshop,
    first: &Experiment,
    all: &[Handed],
    again: &Recomputed,
    says: impl Fn(&Standing) -> String,
    changed: &str,
) -> Result<String, csv::Error> {
    let mut head: Vec<String> = ["name", "steps_done", "points", "of"]
        .map(String::from)
        .to_vec();
    for step in 1..=workshop.steps.len() {
        for column in ["answer", "points", "results"] {
            head.push(format!("step_{step}_{column}"));
        }
    }
    let mut rows = vec![head];
    let nothing = Answer::default();
    for handed in all {
        let Points { made, of } = workshop.points(handed);
        let mut row = vec![
            cell(&handed.by),
            handed.answers.len().to_string(),
            made.to_string(),
            of.to_string(),
        ];
        for (at, step) in workshop.steps.iter().enumerate() {
            let answer = handed.answers.get(at).unwrap_or(&nothing);
            let standing = standing(workshop, first, at, answer, again);
            row.push(cell(&said(workshop, at, answer)));
            // What has no points is not one that made none.
            let points = step.points(answer);
            row.push(match points.of {
                0 => String::new(),
                _ => points.made.to_string(),
            });
            row.push(match answer.experiment.is_some() {
                true => format!("{}; {changed}", says(&standing)),
                false => says(&standing),
            });
        }
        rows.push(row);
    }
    table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::tests::{finished, model};
    use patchbay_engine::experiment::link::handed;
    use patchbay_engine::experiment::{Ask, Step};

    fn workshop() -> Workshop {
        Workshop {
            title: "W".into(),
            steps: vec![
                Step {
                    ask: Ask::Cells { most: 2 },
                    ..Step::default()
                },
                Step {
                    ask: Ask::Words {
                        after: String::new(),
                    },
                    ..Step::default()
                },
            ],
        }
    }

    #[test]
    fn a_class_is_found_in_a_text_and_told_apart() {
        let of = workshop().checksum();
        let one = |by: &str, of: &str| Handed {
            of: of.into(),
            by: by.into(),
            answers: vec![Answer::default()],
        };
        let text = format!(
            "A: {}\nB {}, again {}\nother {}\ncut handed1=AAAA",
            handed(&one("A", &of)),
            handed(&one("B", &of)),
            handed(&one("B", &of)),
            handed(&one("C", "0")),
        );
        let found = Found::of(&text, &workshop());
        let names: Vec<&str> = found.handed.iter().map(|h| h.by.as_str()).collect();
        assert_eq!(names, ["A", "B"]);
        assert_eq!((found.again, found.other), (1, 1));
        assert_eq!(found.unread, ["cut"]);
        assert_eq!(found.people(), 2);
    }

    #[test]
    fn results_stand_as_they_come_out_again() {
        let (results, first) = finished();
        let workshop = workshop();
        let taken = digest(&results, &first, &model(), "cpu").unwrap();
        let mut answer = Answer {
            said: Some(Reply::Cells(vec![(0, 0)])),
            digest: Some(taken),
            ..Answer::default()
        };
        let mut again = Recomputed::new();
        let stands =
            |answer: &Answer, again: &Recomputed| standing(&workshop, &first, 0, answer, again);
        assert_eq!(stands(&Answer::default(), &again), Standing::None);
        assert_eq!(stands(&answer, &again), Standing::Claimed);
        let computed = Computed::of(results, &first, model()).unwrap();
        again.insert(checksum(&first), Ok(Box::new(computed)));
        assert_eq!(stands(&answer, &again), Standing::Same);
        // Another number, and results of another experiment under this one's name.
        let mut forged = answer.clone();
        forged.digest.as_mut().unwrap().cells[0].value += 1.0;
        assert_eq!(stands(&forged, &again), Standing::Differs);
        // What is stronger left out, or another order.
        let mut forged = answer.clone();
        forged.digest.as_mut().unwrap().cells.remove(0);
        assert_eq!(stands(&forged, &again), Standing::Differs);
        let mut forged = answer.clone();
        forged.digest.as_mut().unwrap().cells.swap(0, 2);
        assert_eq!(stands(&forged, &again), Standing::Differs);
        let mut forged = answer.clone();
        forged.digest.as_mut().unwrap().runs = None;
        assert_eq!(stands(&forged, &again), Standing::Differs);
        answer.digest.as_mut().unwrap().of = "0".into();
        assert_eq!(stands(&answer, &again), Standing::Differs);
        again.insert(checksum(&first), Err("no".into()));
        assert_eq!(stands(&answer, &again), Standing::Failed("no".into()));
    }

    #[test]
    fn a_table_has_a_row_a_person_and_no_formulas() {
        let all = vec![Handed {
            of: workshop().checksum(),
            by: "=HYPERLINK(\"x\")".into(),
            answers: vec![
                Answer {
                    said: Some(Reply::Cells(vec![(3, 1), (0, 12)])),
                    ..Answer::default()
                },
                Answer {
                    said: Some(Reply::Text("a, \"b\"".into())),
                    ..Answer::default()
                },
            ],
        }];
        let table = csv(
            &workshop(),
            &Experiment::default(),
            &all,
            &Recomputed::new(),
            |s| format!("{s:?}"),
            "changed",
        )
        .unwrap();
        let mut lines = table.lines();
        assert_eq!(
            lines.next(),
            Some(
                "name,steps_done,points,of,step_1_answer,step_1_points,step_1_results,step_2_answer,step_2_points,step_2_results"
            )
        );
        assert_eq!(
            lines.next(),
            Some("\"'=HYPERLINK(\"\"x\"\")\",2,0,2,3:1 0:12,0,None,\"a, \"\"b\"\"\",,None")
        );
        assert_eq!(lines.next(), None);
    }
}
