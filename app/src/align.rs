//! The two prompts, token by token, one under the other.

use patchbay_engine::experiment::{Reading, Token};

/// One position of both prompts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub position: usize,
    pub clean: Option<Token>,
    pub corrupted: Option<Token>,
    /// Whether the two tokens differ; one without a counterpart does.
    pub differs: bool,
    /// Whether this is the `<|endoftext|>` that the page puts in front.
    pub bos: bool,
}

/// Pairs the tokens by position: what a patch copies from and to.
#[must_use]
pub fn pairs(reading: &Reading) -> Vec<Pair> {
    (0..reading.clean.len().max(reading.corrupted.len()))
        .map(|position| {
            let clean = reading.clean.get(position).cloned();
            let corrupted = reading.corrupted.get(position).cloned();
            Pair {
                differs: clean.as_ref().map(|t| t.id) != corrupted.as_ref().map(|t| t.id),
                bos: reading.bos && position == 0,
                position,
                clean,
                corrupted,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(ids: &[u32]) -> Vec<Token> {
        ids.iter()
            .map(|&id| Token {
                id,
                text: id.to_string(),
                bytes: false,
                unseen: false,
            })
            .collect()
    }

    #[test]
    fn tokens_pair_by_position_and_the_rest_stands_alone() {
        let reading = Reading {
            clean: tokens(&[9, 1, 2, 3]),
            corrupted: tokens(&[9, 1, 5]),
            bos: true,
            ..Reading::default()
        };
        let pairs = pairs(&reading);
        let differing: Vec<_> = pairs
            .iter()
            .filter(|p| p.differs)
            .map(|p| p.position)
            .collect();
        assert_eq!(differing, [2, 3]);
        assert!(pairs[0].bos && !pairs[1].bos);
        assert!(pairs[3].corrupted.is_none());
    }
}
