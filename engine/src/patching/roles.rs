//! Positions that belong together by what they are in the sentence.

use super::problem::{PatchingProblem, RoleFault};
use super::setup::Reader;
use crate::experiment::{Experiment, Field, Role};
use crate::model::Tokenizer;

impl Reader<'_> {
    /// The roles' positions in the first pair; empty, with the reason told,
    /// where they cannot be found.
    pub(crate) fn roles_of_first(
        &mut self,
        e: &Experiment,
        clean: &[u32],
        corrupted: &[u32],
    ) -> Vec<(usize, usize)> {
        let found = match &e.alignment {
            Some(_) => Err(RoleFault::ByHandToo),
            None => by_role(&e.roles, self.tokenizer, clean, corrupted),
        };
        match found {
            Ok(positions) => {
                self.reading.roles.clone_from(&positions);
                positions
            }
            Err(fault) => {
                let problem = PatchingProblem::RolesOfFirst { fault };
                self.problem(Field::Alignment, true, &problem);
                Vec::new()
            }
        }
    }
}

/// Where each role is in a pair of prompts, clean then corrupted.
///
/// The subject is the name that the clean prompt has twice. The corrupted
/// prompt's names play the same parts in the same order, whichever they are.
pub(crate) fn by_role(
    roles: &[Role],
    tokenizer: &Tokenizer,
    clean: &[u32],
    corrupted: &[u32],
) -> Result<Vec<(usize, usize)>, RoleFault> {
    let (names, others) = (names(tokenizer, clean), names(tokenizer, corrupted));
    let same = |i: usize, j: usize| names[i].text == names[j].text;
    let second = |i: &usize| (i + 1..names.len()).find(|j| same(*i, *j));
    let subject = (0..names.len()).find_map(|i| Some((i, second(&i)?)));
    let place = |role: &Role| -> Result<(usize, usize), RoleFault> {
        let role = *role;
        let twice = || {
            subject.ok_or_else(|| RoleFault::NoNameTwice {
                role,
                names: texts(&names),
            })
        };
        let which = match role {
            Role::End => return Ok((clean.len() - 1, corrupted.len() - 1)),
            Role::S1 => twice()?.0,
            Role::S2 => twice()?.1,
            Role::Io => {
                let (s1, _) = twice()?;
                let another = (0..names.len()).find(|i| !same(*i, s1));
                another.ok_or_else(|| RoleFault::NoSecondName {
                    role,
                    names: texts(&names),
                })?
            }
        };
        let other = others.get(which).filter(|_| others.len() == names.len());
        let other = other.ok_or_else(|| RoleFault::UnevenNames {
            clean: texts(&names),
            corrupted: texts(&others),
        })?;
        Ok((names[which].last, other.last))
    };
    roles.iter().map(place).collect()
}

/// A name as it stands in a prompt.
struct Name {
    text: String,
    /// Position of its last token.
    last: usize,
}

/// The names of a prompt: words with a space and a capital letter in front,
/// unless they begin a sentence.
fn names(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    let mut sentence_ended = false;
    for (position, id) in ids.iter().enumerate() {
        let text = tokenizer.token(*id).text;
        let goes_on = text.chars().all(char::is_alphanumeric) && !text.is_empty();
        let begins = text.strip_prefix(' ').and_then(|word| word.chars().next());
        match names.last_mut() {
            // A word of several tokens.
            Some(name) if goes_on && name.last + 1 == position => {
                name.text.push_str(&text);
                name.last = position;
            }
            _ if begins.is_some_and(char::is_uppercase) && !sentence_ended => names.push(Name {
                text: text.trim_start().to_owned(),
                last: position,
            }),
            _ => {}
        }
        sentence_ended = text.ends_with(['.', '!', '?']);
    }
    names
}

fn texts(names: &[Name]) -> Vec<String> {
    names.iter().map(|name| name.text.clone()).collect()
}
