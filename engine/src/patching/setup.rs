//! An experiment as the tokenizer reads it: parsed once, here, into token ids
//! that fit the model, with every problem told by the field that it is about.

use super::metric::MetricTokens;
use super::problem::{Answer, PatchingProblem};
use super::spaces::{Spaceless, Twin};
use crate::directions::Push;
use crate::experiment::{
    Choice, Corruption, Experiment, Field, Metric, Problem, Prompt, Reading, Role, Sweep, TokenRef,
    Tokens,
};
use crate::host::{Host, SessionError, Task};
use crate::lab::bos_off;
use crate::lab::prompt::{PromptError, token_ids};
use crate::model::{Config, Tokenizer};
use crate::sentence::{Sentence, Stop};
use std::collections::HashSet;
use std::rc::Rc;

/// What can be run of an experiment.
#[derive(Clone)]
pub(crate) struct Setup {
    /// The pairs of prompts, or the draws of noise of each; never empty.
    pub cases: Vec<Case>,
    /// How many metrics each case has; 0 where one of them is not usable.
    pub metrics: usize,
    /// The sweeps; empty where one of them cannot be run.
    pub sweeps: Vec<Sweep>,
    /// The prompt that a sweep brings activations of, by sweep.
    pub brought: Vec<Option<Rc<[u32]>>>,
    /// What aligned positions are called, where they are roles.
    pub roles: Vec<Role>,
    /// The directions that act on its runs.
    pub push: Option<Push>,
}

/// One pair of prompts, or one draw of noise.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub clean: Rc<[u32]>,
    pub corrupted: Rc<[u32]>,
    /// Positions that belong together, clean then corrupted, ascending.
    pub aligned: Rc<[(usize, usize)]>,
    pub metrics: Rc<[MetricTokens]>,
    /// The noise on the embeddings of the corrupted run.
    pub noise: Option<Noise>,
    /// Its own answers that there are with a space in front, too.
    pub spaceless: Rc<[Spaceless]>,
}

/// One draw of noise.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    pub positions: Rc<[usize]>,
    /// Standard deviations of the embedding matrix's entries.
    pub sigma: f32,
    pub seed: u64,
    pub draw: usize,
}

impl Setup {
    /// Reads `experiment`, of which `told` is known to be odd. The reading is for
    /// people and always there; the setup is not where a prompt itself cannot be run.
    pub async fn read(
        tokenizer: &Tokenizer,
        config: &Config,
        experiment: &Experiment,
        told: Vec<Problem>,
        task: Task<'_, impl Host>,
    ) -> (Reading, Result<Self, SessionError>) {
        let mut reader = Reader {
            tokenizer,
            config,
            reading: Reading {
                problems: told,
                ..Reading::default()
            },
            pair: 0,
            spaceless: Vec::new(),
        };
        let setup = reader.setup(experiment, task).await;
        (reader.reading, setup)
    }
}

pub(crate) struct Reader<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) config: &'a Config,
    pub(crate) reading: Reading,
    /// The pair that is read; 0 is the experiment's own.
    pub(crate) pair: usize,
    /// Of that pair.
    pub(crate) spaceless: Vec<Spaceless>,
}

impl Reader<'_> {
    async fn setup(
        &mut self,
        e: &Experiment,
        task: Task<'_, impl Host>,
    ) -> Result<Setup, SessionError> {
        self.reading.bos = e.bos && self.tokenizer.bos().is_some();
        self.reading.problems.extend(bos_off(self.tokenizer, e));
        let clean = self.prompt(Field::Clean, &e.clean, e.bos);
        let corrupted = match e.corruption {
            Corruption::Prompt => self.prompt(Field::Corrupted, &e.corrupted, e.bos),
            Corruption::Noise(_) => clean.as_ref().map_or_else(
                |_| {
                    let problem = PatchingProblem::NoCleanPrompt;
                    Err(SessionError::of(Field::Clean, problem))
                },
                |clean| Ok(clean.clone()),
            ),
        };
        // Both are read before either is refused, so that the page shows both.
        let (clean, corrupted) = (clean?, corrupted?);
        self.reading.clean = self.tokenizer.tokens(&clean);
        self.reading.corrupted = self.tokenizer.tokens(&corrupted);
        self.note_unseen(Field::Clean, &self.reading.clean.clone());
        self.note_unseen(Field::Corrupted, &self.reading.corrupted.clone());
        self.look_at_prompt(0, Field::Clean, &e.clean, &clean);
        self.look_at_prompt(0, Field::Corrupted, &e.corrupted, &corrupted);
        let aligned = self.align(e, &clean, &corrupted);
        self.reading.differing = aligned
            .iter()
            .filter(|(a, b)| clean[*a] != corrupted[*b])
            .map(|(a, _)| *a)
            .collect();
        let metrics = self.metrics(e, task).await?;
        let first = Case {
            clean: clean.into(),
            corrupted: corrupted.into(),
            aligned: aligned.into(),
            metrics: metrics.clone().unwrap_or_default().into(),
            noise: None,
            spaceless: std::mem::take(&mut self.spaceless).into(),
        };
        let metrics_of = metrics.as_ref().map_or(0, Vec::len);
        let mut cases = vec![first];
        let pairs = self.pairs(e, &mut cases, task).await?;
        let cases = self.draws(e, cases);
        self.reading.cases = (cases.len() > 1).then_some(cases.len());
        let brought = self.brought(e);
        let usable = pairs && metrics.is_some() && brought.is_some();
        // Each problem is told, whatever else is wrong.
        let sweeps = self.can_sweep(e, &cases) && usable;
        Ok(Setup {
            metrics: metrics_of,
            sweeps: match sweeps {
                true => e.sweeps.clone(),
                false => Vec::new(),
            },
            brought: brought.unwrap_or_default(),
            roles: e.roles.clone(),
            push: None,
            cases,
        })
    }

    pub(crate) fn problem(&mut self, field: Field, fatal: bool, sentence: &dyn Sentence) {
        let problem = Problem::of(field, fatal, sentence);
        self.reading.problems.push(problem);
    }

    fn prompt(
        &mut self,
        field: Field,
        prompt: &Prompt,
        bos: bool,
    ) -> Result<Vec<u32>, SessionError> {
        let ids = token_ids(self.tokenizer, self.config.shape.n_positions, prompt, bos);
        if let Prompt::Text(text) = prompt
            && text.ends_with(' ')
            && !matches!(ids, Err(PromptError::TooLarge { .. }))
        {
            self.problem(field, false, &PatchingProblem::EndsWithSpace { field });
        }
        ids.map_err(|fault| {
            let problem = PatchingProblem::Prompt { field, fault };
            self.problem(field, true, &problem);
            SessionError::of(field, problem)
        })
    }

    fn note_unseen(&mut self, field: Field, tokens: &[crate::experiment::Token]) {
        let mut pieces: Vec<String> = Vec::new();
        for token in tokens.iter().filter(|t| t.unseen) {
            if !pieces.contains(&token.text) {
                pieces.push(token.text.clone());
            }
        }
        if !pieces.is_empty() {
            self.problem(field, false, &PatchingProblem::Unseen { pieces });
        }
    }

    /// All metrics of the first pair, where all of them are usable.
    async fn metrics(
        &mut self,
        e: &Experiment,
        task: Task<'_, impl Host>,
    ) -> Result<Option<Vec<MetricTokens>>, SessionError> {
        if e.metrics.is_empty() {
            self.problem(Field::Metrics, true, &PatchingProblem::NoMetric);
            return Ok(None);
        }
        let mut read = Vec::new();
        for (i, metric) in e.metrics.iter().enumerate() {
            read.push(self.metric(e, i, metric));
            task.host.breathe().await?;
        }
        Ok(read.into_iter().collect())
    }

    fn metric(&mut self, e: &Experiment, i: usize, metric: &Metric) -> Option<MetricTokens> {
        // One with the same tokens as the first has told its problems.
        let again = i > 0 && e.metrics[0].answer == metric.answer;
        let (choice, answers) = self.choices(Field::Answer, &metric.answer, &e.clean, again);
        let wrong = metric.wrong.as_ref().map(|w| {
            let again = i > 0 && e.metrics[0].wrong.as_ref() == Some(w);
            self.choices(Field::Wrong, w, &e.clean, again)
        });
        let (wrong_choice, wrongs) = match wrong {
            Some((choice, ids)) => (Some(choice), ids),
            None => (None, Some(Vec::new())),
        };
        if i == 0 {
            self.reading.answer = Some(choice);
            self.reading.wrong = wrong_choice;
        }
        let kind = metric.kind;
        if !kind.compares() {
            // Not needed: a half-written wrong answer keeps nothing from running.
            return answers.map(|answers| MetricTokens {
                kind,
                answers,
                wrongs: Vec::new(),
            });
        }
        let (answers, wrongs) = (answers?, wrongs?);
        if wrongs.is_empty() {
            self.problem(Field::Wrong, true, &PatchingProblem::NoWrongAnswer);
            return None;
        }
        if answers == wrongs {
            self.problem(Field::Wrong, false, &PatchingProblem::SameAnswers);
        }
        Some(MetricTokens {
            kind,
            answers,
            wrongs,
        })
    }

    /// A metric's tokens, all of which have to be usable; what is wrong with
    /// them is told unless it was told before.
    pub(crate) fn choices(
        &mut self,
        field: Field,
        tokens: &Tokens,
        clean: &Prompt,
        again: bool,
    ) -> (Choice, Option<Vec<u32>>) {
        let told = self.reading.problems.len();
        let mut whole = Choice {
            pieces: Vec::new(),
            suggestion: None,
        };
        let (mut ids, mut twins) = (Vec::new(), Vec::new());
        let list = tokens.list();
        for token in list {
            let (choice, id, twin) = self.choice(field, token, clean);
            twins.push(twin);
            whole.pieces.extend(choice.pieces);
            if list.len() == 1 {
                whole.suggestion = choice.suggestion;
            }
            ids.push(id);
        }
        if list.is_empty() {
            self.problem(field, true, &PatchingProblem::NoTokens);
            ids.push(None);
        }
        let mut ids: Option<Vec<u32>> = ids.into_iter().collect();
        if let Some(ids) = &mut ids
            && let Some(id) = take_once(ids)
        {
            let text = self.tokenizer.token(id).text;
            self.problem(field, false, &PatchingProblem::TokenTwice { text });
        }
        if again {
            self.reading.problems.truncate(told);
        } else if ids.is_some() {
            self.note_spaceless(field, tokens, &twins);
        }
        self.look_at_answer(self.pair, field, &whole, ids.is_some());
        (whole, ids)
    }

    /// A metric's token: how it was read, its id if it is one token, and the one token
    /// that it is with a space in front, where it stands after a word and has none.
    fn choice(
        &mut self,
        field: Field,
        token: &TokenRef,
        clean: &Prompt,
    ) -> (Choice, Option<u32>, Option<Twin>) {
        let found = match token {
            TokenRef::Id(id) => self.tokenizer.check(*id).map(|()| vec![*id]),
            TokenRef::Text(text) => self.tokenizer.named(text),
        };
        let ids = match found {
            Ok(ids) => ids,
            Err(error) => {
                self.problem(field, true, &Stop(error));
                let (pieces, suggestion) = (Vec::new(), None);
                return (Choice { pieces, suggestion }, None, None);
            }
        };
        let pieces = self.tokenizer.tokens(&ids);
        let encode = |text: &str| self.tokenizer.encode(text, false).unwrap_or_default();
        let text = match token {
            TokenRef::Text(text) if ids.len() != 1 || encode(text) == ids => text,
            // By its id, which needs no suggestion.
            _ => {
                let suggestion = None;
                return (Choice { pieces, suggestion }, ids.first().copied(), None);
            }
        };
        // After a word, the next word's token starts with a space.
        let after_word =
            matches!(clean, Prompt::Text(t) if !t.ends_with(char::is_whitespace) && !t.is_empty());
        let spaced = match after_word && !text.starts_with(char::is_whitespace) {
            true => format!(" {text}"),
            false => text.clone(),
        };
        let found = encode(&spaced);
        // Which of the two is meant is told by the clean run.
        let twin = match (ids.as_slice(), found.as_slice()) {
            ([written], [twin]) if spaced != *text => Some(Twin {
                written: *written,
                spaced: *twin,
                text: spaced,
            }),
            _ => None,
        };
        let suggestion = match ids.as_slice() {
            [] | [_] => None,
            // Offered by its text, so only where that is read as the token again.
            _ => found
                .first()
                .and_then(|id| match self.tokenizer.reference(*id) {
                    // Nobody means the space before what is no token.
                    TokenRef::Text(text) => Some(text).filter(|t| !t.trim().is_empty()),
                    TokenRef::Id(_) => None,
                }),
        };
        let id = match ids.as_slice() {
            [id] => Some(*id),
            _ => None,
        };
        let answer = match field == Field::Answer {
            true => Answer::Right,
            false => Answer::Wrong,
        };
        let text = text.clone();
        let split = || pieces.iter().map(|p| p.text.clone()).collect();
        let problem = match (ids.len(), suggestion.clone()) {
            (0, _) => Some(PatchingProblem::NoAnswer { answer }),
            (1, _) => None,
            (_, Some(suggestion)) => Some(PatchingProblem::SeveralTokens {
                text,
                pieces: split(),
                answer,
                suggestion,
            }),
            (_, None) => Some(PatchingProblem::OnlySeveralTokens {
                text,
                pieces: split(),
                answer,
            }),
        };
        if let Some(problem) = problem {
            self.problem(field, id.is_none(), &problem);
        }
        (Choice { pieces, suggestion }, id, twin)
    }
}

/// Leaves what is named twice standing once; the first that is.
fn take_once(ids: &mut Vec<u32>) -> Option<u32> {
    let (mut seen, mut again) = (HashSet::new(), None);
    ids.retain(|id| {
        let first = seen.insert(*id);
        if !first {
            again.get_or_insert(*id);
        }
        first
    });
    again
}
