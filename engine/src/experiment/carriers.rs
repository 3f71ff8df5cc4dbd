//! From steered text to the patching room: which activations carry what directions do?

use super::{
    Direction, Experiment, Metric, MetricKind, Mode, Positions, Prompt, Room, Site, Steer,
    SteerReport, Steered, Sweep, Token, Tokens, TopToken, Written,
};
use crate::order::sorted;

/// Tokens that are offered at most.
const OFFERED: usize = 12;

/// Words that say little of what a text is about.
const LITTLE: [&str; 48] = [
    "about", "also", "and", "are", "because", "been", "but", "could", "did", "does", "each", "for",
    "from", "had", "has", "have", "her", "him", "his", "how", "into", "its", "just", "not", "one",
    "our", "out", "she", "than", "that", "the", "their", "them", "then", "there", "they", "this",
    "very", "was", "were", "what", "when", "which", "who", "will", "with", "would", "you",
];

/// Where directions raise a token most, and what else would come there.
#[derive(Clone, Debug, PartialEq)]
pub struct Carriers {
    /// The prompt with what was written up to there.
    pub prompt: Prompt,
    /// The token that is raised, which would come next.
    pub token: Token,
    /// By how much its probability is raised.
    pub raised: f32,
    /// The token, by its name.
    pub answer: Tokens,
    /// The likeliest other one without the directions.
    pub wrong: Tokens,
}

/// How well a token says what a text is about: 0 says most.
fn says(token: &Token, words: &[String]) -> usize {
    let word = token.text.trim().to_lowercase();
    let counted = words.iter().any(|w| w.trim().to_lowercase() == word);
    let whole = token.text.starts_with(' ') && word.chars().all(char::is_alphabetic);
    match counted {
        true => 0,
        false if whole && word.len() > 2 && !LITTLE.contains(&word.as_str()) => 1,
        false => 2,
    }
}

impl SteerReport {
    /// The tokens that the directions of `steer`, which this is the report of, raise, each
    /// where it is raised most: first the words that are counted, then other words, and of
    /// each kind those that are raised most.
    // As `Experiment::from_json`: compiled with whoever calls it.
    #[must_use]
    #[inline]
    pub fn carriers(&self, steer: &Steer) -> Vec<Carriers> {
        // Those that act on some positions only would act elsewhere in a longer prompt.
        let everywhere = |d: &Direction| d.positions == Positions::All;
        let within = match steer.directions.iter().all(everywhere) {
            true => usize::MAX,
            false => 1,
        };
        let places = self.samples.iter().flat_map(|s| {
            let some = s.steered.iter().enumerate().take(within);
            some.map(move |(i, w)| (&s.steered[..i], w))
        });
        let mut found: Vec<(usize, Carriers)> = Vec::new();
        for (before, at) in places {
            for (token, raised, other) in raised(at) {
                let known = found.iter_mut().find(|(_, c)| c.token.id == token.token.id);
                if known.as_ref().is_some_and(|(_, c)| c.raised >= raised) {
                    continue;
                }
                let name = |t: &TopToken| Tokens::One(t.token.reference());
                let here = Carriers {
                    prompt: extended(&steer.prompt, &self.prompt, before),
                    token: token.token.clone(),
                    raised,
                    answer: name(token),
                    wrong: name(other),
                };
                match known {
                    Some((_, known)) => *known = here,
                    None => found.push((says(&token.token, &steer.words), here)),
                }
            }
        }
        let found = sorted(&found, |(a, one), (b, other)| {
            a.cmp(b).then_with(|| other.raised.total_cmp(&one.raised))
        });
        let found = found.into_iter().map(|(_, carriers)| carriers);
        found.take(OFFERED).collect()
    }
}

/// The tokens that directions raise at a place, by how much, each with the likeliest other
/// one without them.
fn raised(at: &Written) -> impl Iterator<Item = (&TopToken, f32, &TopToken)> {
    let without = at.unsteered.as_ref().map_or(&[][..], |u| &u.top);
    at.top.iter().filter_map(move |token| {
        let then = without.iter().find(|u| u.token.id == token.token.id);
        let raised = token.probability - then.map_or(0.0, |u| u.probability);
        let other = without.iter().find(|u| u.token.id != token.token.id)?;
        (raised > 0.0).then_some((token, raised, other))
    })
}

impl Carriers {
    /// The patching room set up to find what carries the effect of an experiment's
    /// directions: the steered run of the prompt is clean, the unsteered one corrupted.
    #[must_use]
    #[inline]
    pub fn experiment(self, of: &Experiment) -> Experiment {
        Experiment {
            model: of.model.clone(),
            bos: of.bos,
            clean: self.prompt.clone(),
            corrupted: self.prompt,
            metrics: vec![Metric {
                kind: MetricKind::LogitDifference,
                answer: self.answer,
                wrong: Some(self.wrong),
            }],
            sweeps: [Site::ResidPost, Site::Z, Site::MlpOut]
                .map(|site| Sweep::of(site, Mode::Denoising))
                .to_vec(),
            steer: of.steer.clone(),
            steered: Some(Steered::Clean),
            room: Room::Patching,
            ..Experiment::default()
        }
    }
}

/// A prompt, which is `tokens`, with what was written after it: by ids where that
/// has parts of characters, which are not read again as they were.
fn extended(prompt: &Prompt, tokens: &[Token], written: &[Written]) -> Prompt {
    match prompt {
        Prompt::Text(text) if written.iter().all(|w| !w.token.bytes) => {
            let written = written.iter().map(|w| w.token.text.as_str());
            Prompt::Text(std::iter::once(text.as_str()).chain(written).collect())
        }
        Prompt::Text(_) | Prompt::Tokens(_) => {
            let all = tokens.iter().chain(written.iter().map(|w| &w.token));
            Prompt::Tokens(all.map(|t| t.id).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Operator, Sample, Source, Unit, Unsteered};

    fn top(id: u32, probability: f32) -> TopToken {
        let token = Token {
            id,
            text: format!(" t{id}"),
            bytes: id > 90,
            unseen: false,
        };
        TopToken {
            token,
            logit: 0.0,
            probability,
        }
    }

    /// A token that was written, with what came likeliest there with and without
    /// directions.
    fn written(id: u32, kl: f32, with: &[(u32, f32)], without: &[(u32, f32)]) -> Written {
        let tops = |list: &[(u32, f32)]| list.iter().map(|(id, p)| top(*id, *p)).collect();
        Written {
            token: top(id, 0.0).token,
            probability: 0.5,
            top: tops(with),
            unsteered: Some(Unsteered {
                probability: 0.1,
                kl,
                top: tops(without),
            }),
        }
    }

    fn report(steered: Vec<Written>) -> SteerReport {
        SteerReport {
            prompt: vec![top(7, 0.0).token],
            samples: vec![Sample {
                unsteered: Vec::new(),
                steered,
            }],
            ..SteerReport::default()
        }
    }

    fn steer(positions: Positions) -> Steer {
        Steer {
            prompt: Prompt::Text(" t7".into()),
            directions: vec![Direction {
                name: "any".into(),
                source: Source::Random { seed: 0 },
                site: Site::ResidPre,
                layers: vec![0],
                from: None,
                positions,
                operator: Operator::Add,
                coefficient: 1.0,
                unit: Unit::Absolute,
            }],
            ..Steer::default()
        }
    }

    #[test]
    fn the_change_is_sought_where_it_is_largest() {
        let first = written(1, 0.2, &[(1, 0.6), (2, 0.3)], &[(2, 0.5), (1, 0.4)]);
        let second = written(3, 0.9, &[(4, 0.5), (3, 0.4)], &[(4, 0.5), (5, 0.2)]);
        let report = report(vec![first, second]);
        let tokens = |id: u32| Tokens::One(top(id, 0.0).token.reference());
        let found = report.carriers(&steer(Positions::All)).remove(0);
        // What is likely with and without them is not what they raise.
        assert_eq!(found.prompt, Prompt::Text(" t7 t1".into()));
        assert_eq!((found.answer, found.wrong), (tokens(3), tokens(4)));
        // In a longer prompt, directions at the last position would act elsewhere.
        let found = report.carriers(&steer(Positions::Last)).remove(0);
        assert_eq!(found.prompt, Prompt::Text(" t7".into()));
        assert_eq!((found.answer, found.wrong), (tokens(1), tokens(2)));
    }

    #[test]
    fn words_come_before_full_stops() {
        let token = |id: u32, text: &str, probability: f32| {
            let mut top = top(id, probability);
            top.token.text = text.into();
            top
        };
        let mut at = written(1, 0.5, &[], &[(9, 0.9)]);
        at.top = vec![
            token(1, ".", 0.6),
            token(2, " the", 0.5),
            token(3, " flowers", 0.1),
            token(4, "ness", 0.3),
            token(5, " rose", 0.2),
            token(6, " Wedding", 0.05),
        ];
        let mut steer = steer(Positions::All);
        steer.words = vec!["wedding".into()];
        let found = report(vec![at]).carriers(&steer);
        let texts: Vec<&str> = found.iter().map(|c| c.token.text.as_str()).collect();
        assert_eq!(
            texts,
            [" Wedding", " rose", " flowers", ".", " the", "ness"]
        );
    }

    #[test]
    fn parts_of_characters_make_a_prompt_of_ids() {
        let part = written(95, 0.1, &[(1, 0.6)], &[(1, 0.5), (2, 0.4)]);
        let then = written(3, 0.9, &[(3, 0.6)], &[(4, 0.5)]);
        let found = report(vec![part, then]).carriers(&steer(Positions::All));
        assert_eq!(found[0].prompt, Prompt::Tokens(vec![7, 95]));
    }

    #[test]
    fn what_raises_nothing_has_no_carriers() {
        let same = written(1, 0.0, &[(1, 0.6), (2, 0.3)], &[(1, 0.6), (2, 0.3)]);
        assert_eq!(report(vec![same]).carriers(&steer(Positions::All)), []);
        assert_eq!(report(Vec::new()).carriers(&steer(Positions::All)), []);
    }

    #[test]
    fn the_patching_room_is_set_up_on_the_same_prompt_twice() {
        let of = Experiment {
            model: "gpt2".into(),
            bos: false,
            room: Room::Steering,
            steer: Some(steer(Positions::All)),
            ..Experiment::default()
        };
        let carriers = Carriers {
            prompt: Prompt::Text("I".into()),
            token: top(1, 0.0).token,
            raised: 0.5,
            answer: " a".into(),
            wrong: " b".into(),
        };
        let made = carriers.experiment(&of);
        assert_eq!(
            (made.clean.clone(), made.room),
            (made.corrupted.clone(), Room::Patching)
        );
        assert_eq!((made.steered, made.bos), (Some(Steered::Clean), false));
        assert_eq!((made.model, made.steer), (of.model, of.steer));
    }
}
