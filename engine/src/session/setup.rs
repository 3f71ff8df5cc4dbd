//! An experiment as the tokenizer reads it: parsed once, here, into token ids
//! that fit the model, with every problem told by the field that it is about.

use super::SessionError;
use super::prompt::{PromptError, token_ids};
use crate::experiment::{
    Choice, Experiment, MAX_PROMPT_BYTES, MetricKind, Problem, Prompt, Reading, Sweep, TokenRef,
};
use crate::model::{Config, Tokenizer};
use std::rc::Rc;

/// What can be run of an experiment.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub clean: Rc<[u32]>,
    pub corrupted: Rc<[u32]>,
    /// The metric's tokens, where they are usable.
    pub metric: Option<MetricTokens>,
    /// The sweep, where it can be run.
    pub sweep: Option<Sweep>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct MetricTokens {
    pub kind: MetricKind,
    pub answer: u32,
    /// The answer again where the metric needs no second token.
    pub wrong: u32,
}

impl Setup {
    /// Reads `experiment`. The reading is for people and always there; the
    /// setup is not where a prompt itself cannot be run.
    pub fn read(
        tokenizer: &Tokenizer,
        config: &Config,
        experiment: &Experiment,
    ) -> (Reading, Result<Self, SessionError>) {
        let mut reader = Reader {
            tokenizer,
            config,
            reading: Reading::default(),
        };
        let setup = reader.setup(experiment);
        (reader.reading, setup)
    }
}

struct Reader<'a> {
    tokenizer: &'a Tokenizer,
    config: &'a Config,
    reading: Reading,
}

impl Reader<'_> {
    fn setup(&mut self, e: &Experiment) -> Result<Setup, SessionError> {
        let clean = self.prompt("clean", &e.clean, e.bos);
        let corrupted = self.prompt("corrupted", &e.corrupted, e.bos);
        // Both are read before either is refused, so that the page shows both.
        let (clean, corrupted) = (clean?, corrupted?);
        self.reading.clean = self.tokenizer.tokens(&clean);
        self.reading.corrupted = self.tokenizer.tokens(&corrupted);
        self.note_unseen("clean", &self.reading.clean.clone());
        self.note_unseen("corrupted", &self.reading.corrupted.clone());
        if clean.len() == corrupted.len() {
            self.reading.differing = (0..clean.len())
                .filter(|p| clean[*p] != corrupted[*p])
                .collect();
        }
        let metric = self.metric(e);
        let sweep = e
            .sweep
            .clone()
            .filter(|_| self.can_sweep(e, &clean, &corrupted, metric.is_some()));
        Ok(Setup {
            clean: clean.into(),
            corrupted: corrupted.into(),
            metric,
            sweep,
        })
    }

    fn problem(&mut self, field: &str, fatal: bool, message: impl Into<String>) {
        self.reading.problems.push(Problem {
            field: field.into(),
            message: message.into(),
            fatal,
        });
    }

    fn refuse<T>(&mut self, field: &str, message: String) -> Result<T, SessionError> {
        self.problem(field, true, message.clone());
        Err(SessionError::of(field, message))
    }

    fn prompt(
        &mut self,
        field: &str,
        prompt: &Prompt,
        bos: bool,
    ) -> Result<Vec<u32>, SessionError> {
        let ids = token_ids(self.tokenizer, self.config.shape.n_positions, prompt, bos);
        if let Prompt::Text(text) = prompt
            && text.ends_with(' ')
            && !matches!(ids, Err(PromptError::TooLarge { .. }))
        {
            self.problem(field, false, format!(
                "The {field} prompt ends with a space. This model's words bring their own space in front, so the next word is read better without it."
            ));
        }
        ids.or_else(|e| self.refuse(field, format!("The {field} prompt{e}")))
    }

    fn note_unseen(&mut self, field: &str, tokens: &[crate::experiment::Token]) {
        let mut words: Vec<String> = Vec::new();
        for token in tokens.iter().filter(|t| t.unseen) {
            let word = format!("“{}”", token.text);
            if !words.contains(&word) {
                words.push(word);
            }
        }
        if !words.is_empty() {
            self.problem(field, false, format!(
                "New to this small model: {}. It never met these pieces in training, so what it predicts after them means little.",
                words.join(", ")
            ));
        }
    }

    fn metric(&mut self, e: &Experiment) -> Option<MetricTokens> {
        let answer = self.choice("answer", &e.metric.answer, e);
        let wrong = e.metric.wrong.as_ref().map(|w| self.choice("wrong", w, e));
        self.reading.answer = Some(answer.0);
        let kind = e.metric.kind;
        let answer_id = answer.1;
        let wrong_id = match wrong {
            None => {
                if kind == MetricKind::LogitDifference {
                    self.problem("wrong", true, "The logit difference compares the answer with a second token; choose a wrong answer, or take the probability.");
                    return None;
                }
                answer_id
            }
            Some((choice, id)) => {
                self.reading.wrong = Some(choice);
                match kind {
                    MetricKind::LogitDifference => id,
                    // Not needed: a half-written wrong answer keeps nothing from running.
                    _ => answer_id,
                }
            }
        };
        let (answer, wrong) = (answer_id?, wrong_id?);
        if kind == MetricKind::LogitDifference && answer == wrong {
            self.problem("wrong", false, "The answer and the wrong answer are the same token, so their difference is always 0.");
        }
        Some(MetricTokens {
            kind,
            answer,
            wrong,
        })
    }

    /// A metric's token: how it was read, and its id if it is one token.
    fn choice(&mut self, field: &str, token: &TokenRef, e: &Experiment) -> (Choice, Option<u32>) {
        let text = match token {
            TokenRef::Id(id) => {
                if let Err(error) = self.tokenizer.check(*id) {
                    self.problem(field, true, format!("{error}."));
                    return (
                        Choice {
                            pieces: Vec::new(),
                            suggestion: None,
                        },
                        None,
                    );
                }
                let pieces = vec![self.tokenizer.token(*id)];
                return (
                    Choice {
                        pieces,
                        suggestion: None,
                    },
                    Some(*id),
                );
            }
            TokenRef::Text(text) => text,
        };
        let encode = |text: &str| self.tokenizer.encode(text, false).unwrap_or_default();
        let ids = if text.len() > MAX_PROMPT_BYTES {
            Vec::new()
        } else {
            encode(text)
        };
        let pieces = self.tokenizer.tokens(&ids);
        // After a word, the next word's token starts with a space.
        let after_word = matches!(&e.clean, Prompt::Text(t) if !t.ends_with(char::is_whitespace) && !t.is_empty());
        let spaced = match after_word && !text.starts_with(char::is_whitespace) {
            true => format!(" {text}"),
            false => text.clone(),
        };
        let suggestion = match (ids.as_slice(), encode(&spaced).as_slice()) {
            ([_], [_]) if spaced != *text => Some(spaced),
            ([] | [_], _) => None,
            (_, found) => found.first().map(|id| self.tokenizer.token(*id).text),
        };
        let id = match ids.as_slice() {
            [id] => Some(*id),
            _ => None,
        };
        let name = if field == "answer" {
            "answer"
        } else {
            "wrong answer"
        };
        let split = || {
            pieces
                .iter()
                .map(|p| format!("“{}”", p.text))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let message = match (ids.len(), &suggestion) {
            (0, _) => Some(format!(
                "Choose the {name}: one token, usually a word with a space in front."
            )),
            (1, Some(s)) => Some(format!(
                "“{text}” has no space in front; after a word the token is “{s}”."
            )),
            (1, None) => None,
            (n, Some(s)) => Some(format!(
                "“{text}” is {n} tokens here ({}), but the {name} is one token; take “{s}”.",
                split()
            )),
            (n, None) => Some(format!(
                "“{text}” is {n} tokens here ({}), but the {name} is one token.",
                split()
            )),
        };
        if let Some(message) = message {
            self.problem(field, id.is_none(), message);
        }
        (Choice { pieces, suggestion }, id)
    }

    fn can_sweep(
        &mut self,
        e: &Experiment,
        clean: &[u32],
        corrupted: &[u32],
        metric: bool,
    ) -> bool {
        if clean.len() != corrupted.len() {
            let at = clean
                .iter()
                .zip(corrupted)
                .position(|(a, b)| a != b)
                .unwrap_or(clean.len().min(corrupted.len()));
            self.problem("sweep", true, format!(
                "The clean prompt has {} tokens and the corrupted one {}; patching copies position by position, so they need the same number. They first differ at position {at}.",
                clean.len(), corrupted.len()
            ));
            return false;
        }
        if let Some(sweep) = &e.sweep
            && !crate::experiment::Site::SWEPT.contains(&sweep.site)
        {
            let names = crate::experiment::Site::SWEPT.map(|s| s.name()).join(", ");
            self.problem(
                "sweep",
                true,
                format!("{} cannot be swept; take one of {names}.", sweep.site),
            );
            return false;
        }
        if clean == corrupted {
            self.problem(
                "corrupted",
                false,
                "Both prompts are the same, so patching one with the other changes nothing.",
            );
        }
        // The metric's own problem has been told.
        metric
    }
}
