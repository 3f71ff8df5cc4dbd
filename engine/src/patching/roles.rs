//! Positions that belong together by what they are in the sentence.

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
            Some(_) => Err(
                "positions are aligned both by hand and by role; choose one of the two.".to_owned(),
            ),
            None => by_role(&e.roles, self.tokenizer, clean, corrupted),
        };
        match found {
            Ok(positions) => {
                self.reading.roles.clone_from(&positions);
                positions
            }
            Err(message) => {
                self.problem(
                    Field::Alignment,
                    true,
                    format!("In the first pair, {message}"),
                );
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
) -> Result<Vec<(usize, usize)>, String> {
    let (names, others) = (names(tokenizer, clean), names(tokenizer, corrupted));
    let same = |i: usize, j: usize| names[i].text == names[j].text;
    let second = |i: &usize| (i + 1..names.len()).find(|j| same(*i, *j));
    let subject = (0..names.len()).find_map(|i| Some((i, second(&i)?)));
    let place = |role: &Role| -> Result<(usize, usize), String> {
        if *role == Role::End {
            return Ok((clean.len() - 1, corrupted.len() - 1));
        }
        let missing = |what: &str| {
            format!(
                "the role {} asks for {what}; its names are {}. Write another prompt, or align positions by hand.",
                role.name(),
                said(&names)
            )
        };
        let (s1, s2) =
            subject.ok_or_else(|| missing("a name that is twice in the clean prompt"))?;
        let which = match role {
            Role::S1 => s1,
            Role::S2 => s2,
            _ => (0..names.len())
                .find(|i| !same(*i, s1))
                .ok_or_else(|| missing("a second name in the clean prompt"))?,
        };
        let other = others.get(which).filter(|_| others.len() == names.len());
        let other = other.ok_or_else(|| {
            format!(
                "the clean prompt has the names {} and the corrupted one {}; roles need as many in both.",
                said(&names),
                said(&others)
            )
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

fn said(names: &[Name]) -> String {
    match names {
        [] => "none".into(),
        some => {
            let quoted: Vec<String> = some.iter().map(|n| format!("“{}”", n.text)).collect();
            quoted.join(", ")
        }
    }
}
