//! What is probably to be mended in the table of pairs, cell by cell.
//!
//! Whether an answer lacks the space in front is not guessed from its text: “43” is right
//! after “17”, and “ Mary” after “to”. The clean run is asked which of the two is likelier.

use super::bases::{Bases, Group};
use super::problem::PatchingProblem;
use super::setup::{Reader, Setup};
use super::spaces::{Spaceless, Twin};
use crate::experiment::{
    CellFault, CellRemark, Choice, Field, Problem, Prompt, Reading, TokenRef, Tokens,
};

/// Pairs, or tokens of a set, that one sentence names.
const NAMED: usize = 10;

impl Reader<'_> {
    /// Looks at a prompt of a pair; 0 is the experiment's own.
    pub(crate) fn look_at_prompt(
        &mut self,
        pair: usize,
        field: Field,
        prompt: &Prompt,
        ids: &[u32],
    ) {
        if ids.iter().any(|id| self.tokenizer.token(*id).unseen) {
            self.remark(pair, field, CellFault::Unseen, None);
        }
        if matches!(prompt, Prompt::Text(text) if text.ends_with(' ')) {
            self.remark(pair, field, CellFault::EndsInSpace, None);
        }
    }

    /// Looks at how an answer of a pair was read; `one` where it can be used.
    pub(crate) fn look_at_answer(&mut self, pair: usize, field: Field, choice: &Choice, one: bool) {
        if !one {
            let instead = choice.suggestion.as_deref().map(Tokens::from);
            self.remark(pair, field, CellFault::NotOneToken, instead);
        } else if choice.pieces.iter().any(|piece| piece.unseen) {
            self.remark(pair, field, CellFault::Unseen, None);
        }
    }

    /// Takes note of an answer some of whose tokens there are with a space in front, too:
    /// its `twins`, token by token.
    pub(crate) fn note_spaceless(&mut self, field: Field, tokens: &Tokens, twins: &[Option<Twin>]) {
        // Each metric reads the answers again.
        let known = self.spaceless.iter().any(|s| s.field == field);
        if known || twins.iter().all(Option::is_none) {
            return;
        }
        let list = tokens.list().iter().zip(twins);
        let mut list = list.map(|(token, twin)| match twin {
            Some(twin) => TokenRef::Text(twin.text.clone()),
            None => token.clone(),
        });
        let instead = match tokens {
            Tokens::One(one) => Tokens::One(list.next().unwrap_or_else(|| one.clone())),
            Tokens::Any(_) => Tokens::Any(list.collect()),
        };
        let there = || twins.iter().flatten();
        self.spaceless.push(Spaceless {
            pair: self.pair,
            field,
            written: there().map(|twin| twin.written).collect(),
            spaced: there().map(|twin| twin.spaced).collect(),
            instead,
        });
    }

    fn remark(&mut self, pair: usize, field: Field, fault: CellFault, instead: Option<Tokens>) {
        let remark = CellRemark {
            pair,
            field,
            fault,
            instead,
        };
        // Each metric reads the answers again: of a pair, what was told last is the same.
        let mut last = self
            .reading
            .cells
            .iter()
            .rev()
            .take_while(|c| c.pair == pair);
        if !last.any(|told| *told == remark) {
            self.reading.cells.push(remark);
        }
    }
}

/// Tells which answers lack the space in front, by the clean runs that are there. Where
/// most of these find it lacking it is so in all: pairs of a set are written alike.
/// Whether any does.
pub(crate) fn miss_spaces(reading: &mut Reading, setup: &Setup, group: &Group) -> bool {
    let likelier = |of: &Spaceless, bases: &Bases| {
        let weight = |set: &[u32]| group.wishes.log_probability(set, &bases.clean.logits);
        weight(&of.spaced) > weight(&of.written)
    };
    let (mut lacking, mut all, mut asked) = (Vec::new(), Vec::new(), 0);
    for (i, case) in setup.cases.iter().enumerate() {
        // Draws of noise have one clean run.
        if case.noise.as_ref().is_some_and(|noise| noise.draw > 0) {
            continue;
        }
        all.extend(case.spaceless.iter());
        if let Some(bases) = group.bases.get(i) {
            asked += case.spaceless.len();
            lacking.extend(case.spaceless.iter().filter(|s| likelier(s, bases)));
        }
    }
    if 2 * lacking.len() > asked {
        lacking = all;
    }
    let any = !lacking.is_empty();
    let mut pairs = Vec::new();
    for Spaceless {
        pair,
        field,
        instead,
        ..
    } in lacking
    {
        reading.cells.push(CellRemark {
            pair: *pair,
            field: *field,
            fault: CellFault::NoSpace,
            instead: Some(instead.clone()),
        });
        if *pair > 0 {
            pairs.push(*pair);
            continue;
        }
        let choice = match field {
            Field::Answer => &mut reading.answer,
            _ => &mut reading.wrong,
        };
        if let (Tokens::One(TokenRef::Text(text)), Some(choice)) = (instead, choice) {
            choice.suggestion = Some(text.clone());
        }
        tell(reading, *field, &own(instead));
    }
    // Its answer and its wrong one stand one after the other.
    pairs.dedup();
    if !pairs.is_empty() {
        tell(reading, Field::Pairs, &of_pairs(&pairs));
    }
    any
}

fn tell(reading: &mut Reading, field: Field, problem: &PatchingProblem) {
    reading.problems.push(Problem::of(field, false, problem));
}

fn own(instead: &Tokens) -> PatchingProblem {
    let name = |token: &TokenRef| match token {
        TokenRef::Text(text) => text.clone(),
        TokenRef::Id(id) => format!("#{id}"),
    };
    match instead {
        Tokens::One(one) => PatchingProblem::NoSpaceInFront { spaced: name(one) },
        Tokens::Any(all) => PatchingProblem::NoSpacesInFront {
            spaced: all.iter().take(NAMED).map(name).collect(),
            more: all.len().saturating_sub(NAMED),
        },
    }
}

/// `pairs` count from 1, after the experiment's own.
fn of_pairs(pairs: &[usize]) -> PatchingProblem {
    PatchingProblem::NoSpacesInPairs {
        numbers: pairs.iter().take(NAMED).map(|p| p + 1).collect(),
        more: pairs.len().saturating_sub(NAMED),
    }
}
