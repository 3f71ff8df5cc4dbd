//! Pairs of prompts from lines with gaps, and lists of what fills them.

use patchbay_engine::experiment::{Pair, Prompt, TokenRef, Tokens};
use patchbay_engine::order::order;
use patchbay_engine::text::unmarked;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Why a template makes no pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no line, or none with a gap.
    NoGap,
    /// There is no list of this name.
    NoList(String),
    /// The list of this name has fewer words than one line needs of it.
    TooFew {
        list: String,
        needed: usize,
        found: usize,
    },
    /// This line of the lists has no `name: word, word`.
    NotAList(String),
}

/// How often a new draw is tried before the lists count as used up.
const TRIES: usize = 40;

/// Up to `count` different pairs of `lines` in turn: each gap `{name}`, `{name2}`
/// ... takes another word of the list `name: word, word`.
///
/// # Errors
/// [`Fault`], where lines and lists do not fit.
pub fn fill(lines: &[Pair], lists: &str, count: usize) -> Result<Vec<Pair>, Fault> {
    let lists = read(lists)?;
    let mut needed: BTreeMap<String, usize> = BTreeMap::new();
    for pair in lines {
        for gap in texts(pair).flat_map(gaps) {
            let (list, which) = split(gap);
            let most = needed.entry(list.to_owned()).or_default();
            *most = (*most).max(which);
        }
    }
    if needed.is_empty() {
        return Err(Fault::NoGap);
    }
    for (list, needed) in &needed {
        let found = lists.get(list).ok_or(Fault::NoList(list.clone()))?.len();
        if found < *needed {
            return Err(Fault::TooFew {
                list: list.clone(),
                needed: *needed,
                found,
            });
        }
    }
    let mut pairs: Vec<Pair> = Vec::new();
    for i in 0..count * TRIES {
        if pairs.len() == count {
            break;
        }
        let line = &lines[pairs.len() % lines.len()];
        let pair = filled(line, &|gap| {
            let (list, which) = split(gap);
            let words = lists.get(list).map_or(&[][..], Vec::as_slice);
            drawn(words, list, i).get(which - 1).cloned()
        });
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    Ok(pairs)
}

/// The lists, by name.
fn read(text: &str) -> Result<BTreeMap<String, Vec<String>>, Fault> {
    let lines = unmarked(text).lines();
    let lines = lines.filter(|line| !line.trim().is_empty());
    let list = |line: &str| {
        let (name, words) = line
            .split_once(':')
            .ok_or_else(|| Fault::NotAList(line.to_owned()))?;
        let words = words.split(',').map(str::trim).filter(|w| !w.is_empty());
        Ok((name.trim().to_owned(), words.map(str::to_owned).collect()))
    };
    let mut lists = BTreeMap::new();
    for line in lines {
        let (name, words) = list(line)?;
        lists.insert(name, words);
    }
    Ok(lists)
}

/// The texts of a pair that may have gaps.
fn texts(pair: &Pair) -> impl Iterator<Item = &str> {
    let prompts = [&pair.clean, &pair.corrupted];
    let prompts = prompts.into_iter().filter_map(|prompt| match prompt {
        Prompt::Text(text) => Some(text.as_str()),
        Prompt::Tokens(_) => None,
    });
    let tokens = [&pair.answer, &pair.wrong];
    prompts.chain(tokens.into_iter().filter_map(|token| match token {
        Some(Tokens::One(TokenRef::Text(text))) => Some(text.as_str()),
        _ => None,
    }))
}

/// What stands between braces.
fn gaps(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split('{').skip(1);
    parts.filter_map(|part| part.split_once('}').map(|(gap, _)| gap))
}

/// A gap's list, and which of its words, counted from 1.
fn split(gap: &str) -> (&str, usize) {
    let name = gap.trim_end_matches(|c: char| c.is_ascii_digit());
    let which = gap[name.len()..].parse().unwrap_or(1);
    (name, which.max(1))
}

/// The words in an order that is the draw's own.
fn drawn(words: &[String], list: &str, draw: usize) -> Vec<String> {
    let key = |word: &String| {
        let mut hasher = DefaultHasher::new();
        (draw, list, word).hash(&mut hasher);
        hasher.finish()
    };
    let keys: Vec<u64> = words.iter().map(key).collect();
    let places = order(words.len(), &mut |a, b| keys[a].cmp(&keys[b]));
    places.into_iter().map(|at| words[at].clone()).collect()
}

/// A pair with its gaps filled.
fn filled(pair: &Pair, word: &dyn Fn(&str) -> Option<String>) -> Pair {
    let fill = |text: &str| {
        let mut parts = text.split('{');
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match part.split_once('}') {
                Some((gap, rest)) => {
                    whole.push_str(&word(gap).unwrap_or_default());
                    whole.push_str(rest);
                }
                None => {
                    whole.push('{');
                    whole.push_str(part);
                }
            }
        }
        whole
    };
    let prompt = |prompt: &Prompt| match prompt {
        Prompt::Text(text) => Prompt::Text(fill(text)),
        Prompt::Tokens(ids) => Prompt::Tokens(ids.clone()),
    };
    let token = |token: &Option<Tokens>| match token {
        Some(Tokens::One(TokenRef::Text(text))) => Some(Tokens::One(TokenRef::Text(fill(text)))),
        other => other.clone(),
    };
    Pair {
        clean: prompt(&pair.clean),
        corrupted: prompt(&pair.corrupted),
        answer: token(&pair.answer),
        wrong: token(&pair.wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    fn lines() -> Vec<Pair> {
        table::read("{name} saw {name2} at the {place},{name3} saw {name2}, {name2}, {name}\n{name} met {name2},{name2} met {name}").unwrap()
    }

    #[test]
    fn gaps_take_different_words_of_their_lists() {
        let pairs = fill(&lines(), "name: Ann, Bob, Cleo\nplace: park, zoo", 9).unwrap();
        assert_eq!(pairs.len(), 9);
        for (i, pair) in pairs.iter().enumerate() {
            let [clean, corrupted] = [&pair.clean, &pair.corrupted].map(|p| match p {
                Prompt::Text(text) => text.split(' ').collect::<Vec<_>>(),
                Prompt::Tokens(_) => Vec::new(),
            });
            assert_ne!(clean[0], clean[2], "{pair:?}");
            if i % 2 == 0 {
                assert!(["park", "zoo"].contains(&clean[5]));
                assert_eq!(corrupted[2], clean[2]);
                assert_ne!(corrupted[0], clean[0]);
                assert_eq!(pair.answer, Some(format!(" {}", clean[2]).as_str().into()));
            } else {
                assert_eq!((corrupted[0], corrupted[2]), (clean[2], clean[0]));
            }
            assert!(!pairs[..i].contains(pair));
        }
        // A file of Windows says the same.
        let marked = "\u{feff}name: Ann, Bob, Cleo\r\nplace: park, zoo\r\n";
        assert_eq!(fill(&lines(), marked, 9).as_ref(), Ok(&pairs));
        // The same each time, and no more than there are.
        let again = fill(&lines(), "name: Ann, Bob, Cleo\nplace: park, zoo", 9);
        assert_eq!(again, Ok(pairs));
        let few = fill(&lines()[1..], "name: Ann, Bob", 9).unwrap();
        assert_eq!(few.len(), 2);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let fault = |lists| fill(&lines(), lists, 3).unwrap_err();
        assert_eq!(fault("name: Ann, Bob, Cleo"), Fault::NoList("place".into()));
        let few = Fault::TooFew {
            list: "name".into(),
            needed: 3,
            found: 2,
        };
        assert_eq!(fault("name: Ann, Bob\nplace: x"), few);
        assert_eq!(fault("names"), Fault::NotAList("names".into()));
        let plain = table::read("a,b").unwrap();
        assert_eq!(fill(&plain, "", 3), Err(Fault::NoGap));
        assert_eq!(fill(&[], "", 3), Err(Fault::NoGap));
    }
}
