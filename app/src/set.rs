//! All pairs of an experiment as the rows of one table: the one that the editors show
//! first, then the further ones. What is written in a cell, and what is taken from it.

use patchbay_engine::experiment::{
    CellFault, CellRemark, Experiment, Field, Pair, Prompt, TokenRef, Tokens,
};

/// Clean, corrupted, answer, wrong answer.
pub const COLUMNS: [Field; 4] = [Field::Clean, Field::Corrupted, Field::Answer, Field::Wrong];

/// What stands between the tokens of a set.
const BETWEEN: &str = "|";

/// The texts of a row, and whether each is written as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub cells: [String; 4],
    /// A prompt that is given as token ids is shown, and not changed here.
    pub fixed: [bool; 2],
}

/// What was written as an answer: a token, or a set of them.
#[must_use]
pub fn tokens(text: &str) -> Tokens {
    let token = |text: &str| TokenRef::Text(text.into());
    match text.contains(BETWEEN) {
        true => {
            let parts = text.split(BETWEEN).filter(|t| !t.is_empty());
            Tokens::Any(parts.map(token).collect())
        }
        false => Tokens::One(token(text)),
    }
}

/// An answer as it is written. What its ids are called, where that is known, is told by
/// `named`.
#[must_use]
pub fn written(tokens: &Tokens, named: impl Fn(usize) -> Option<String>) -> String {
    let text = |(i, token): (usize, &TokenRef)| match token {
        TokenRef::Text(text) => text.clone(),
        TokenRef::Id(id) => named(i).unwrap_or_else(|| format!("#{id}")),
    };
    let texts: Vec<String> = tokens.list().iter().enumerate().map(text).collect();
    texts.join(BETWEEN)
}

/// Rows of the table.
#[must_use]
pub fn count(e: &Experiment) -> usize {
    e.pairs.len() + 1
}

/// A row, counted from 0; an empty one where there is none.
#[must_use]
pub fn row(e: &Experiment, row: usize) -> Row {
    let metric = e.metrics.first();
    let (clean, corrupted, answer, wrong) = match row.checked_sub(1) {
        None => (
            &e.clean,
            &e.corrupted,
            metric.map(|m| &m.answer),
            metric.and_then(|m| m.wrong.as_ref()),
        ),
        Some(i) => match e.pairs.get(i) {
            Some(p) => (&p.clean, &p.corrupted, p.answer.as_ref(), p.wrong.as_ref()),
            None => return Row::default(),
        },
    };
    let prompt = |prompt: &Prompt| match prompt {
        Prompt::Text(text) => text.clone(),
        Prompt::Tokens(ids) => {
            let ids: Vec<String> = ids.iter().map(|id| format!("#{id}")).collect();
            ids.join(" ")
        }
    };
    let of = |tokens: Option<&Tokens>| tokens.map(|t| written(t, |_| None)).unwrap_or_default();
    Row {
        fixed: [clean, corrupted].map(|p| matches!(p, Prompt::Tokens(_))),
        cells: [prompt(clean), prompt(corrupted), of(answer), of(wrong)],
    }
}

/// All pairs, the experiment's own first.
#[must_use]
pub fn pairs(e: &Experiment) -> Vec<Pair> {
    let metric = e.metrics.first();
    let first = Pair {
        clean: e.clean.clone(),
        corrupted: e.corrupted.clone(),
        answer: metric.map(|m| m.answer.clone()),
        wrong: metric.and_then(|m| m.wrong.clone()),
    };
    std::iter::once(first)
        .chain(e.pairs.iter().cloned())
        .collect()
}

/// Takes what is written in a cell. A row that there is not yet is added.
pub fn write(e: &mut Experiment, row: usize, column: usize, text: &str) {
    let Some(i) = row.checked_sub(1) else {
        match column {
            0 => e.clean = Prompt::Text(text.into()),
            1 => e.corrupted = Prompt::Text(text.into()),
            2 => e.metrics.iter_mut().for_each(|m| m.answer = tokens(text)),
            _ => e.metrics.iter_mut().for_each(|m| m.wrong = some(text)),
        }
        return;
    };
    if e.pairs.len() <= i {
        e.pairs.resize(i + 1, empty());
    }
    if let Some(pair) = e.pairs.get_mut(i) {
        match column {
            0 => pair.clean = Prompt::Text(text.into()),
            1 => pair.corrupted = Prompt::Text(text.into()),
            2 => pair.answer = some(text),
            _ => pair.wrong = some(text),
        }
    }
}

fn some(text: &str) -> Option<Tokens> {
    (!text.is_empty()).then(|| tokens(text))
}

fn empty() -> Pair {
    Pair {
        clean: Prompt::Text(String::new()),
        corrupted: Prompt::Text(String::new()),
        answer: None,
        wrong: None,
    }
}

/// Adds an empty row.
pub fn add(e: &mut Experiment) {
    e.pairs.push(empty());
}

/// Removes a row. Where it is the first, the next one is what the editors show.
pub fn remove(e: &mut Experiment, row: usize) {
    match row.checked_sub(1) {
        Some(i) if i < e.pairs.len() => drop(e.pairs.remove(i)),
        None if !e.pairs.is_empty() => {
            let mut pairs = std::mem::take(&mut e.pairs);
            // What it has not of its own it had of the first.
            let next = &mut pairs[0];
            let first = e.metrics.first();
            if next.answer.is_none() {
                next.answer = first.map(|m| m.answer.clone());
            }
            if next.wrong.is_none() {
                next.wrong = first.and_then(|m| m.wrong.clone());
            }
            put(e, pairs);
        }
        Some(_) | None => {}
    }
}

/// Puts a set in the place of the one that is there.
pub fn put(e: &mut Experiment, pairs: Vec<Pair>) {
    let mut pairs = pairs.into_iter();
    let Some(first) = pairs.next() else {
        return;
    };
    (e.clean, e.corrupted) = (first.clean, first.corrupted);
    for metric in &mut e.metrics {
        // An answer of the set before would be measured as if it were one of this.
        metric.answer = first.answer.clone().unwrap_or_else(|| tokens(""));
        metric.wrong.clone_from(&first.wrong);
    }
    e.pairs = pairs.collect();
    (e.alignment, e.cell) = (None, None);
}

/// Writes a block of cells from a cell on.
pub fn fill(e: &mut Experiment, (row, column): (usize, usize), block: &[Vec<String>]) {
    for (i, texts) in block.iter().enumerate() {
        for (j, text) in texts.iter().enumerate() {
            if column + j < COLUMNS.len() {
                write(e, row + i, column + j, text);
            }
        }
    }
    (e.alignment, e.cell) = (None, None);
}

/// What stands in a cell where a remark is followed; `None` where it is not about what
/// stands there now, or where it says not what to write.
#[must_use]
pub fn mended(e: &Experiment, remark: &CellRemark) -> Option<String> {
    let column = COLUMNS.iter().position(|c| *c == remark.field)?;
    let now = &row(e, remark.pair).cells[column];
    match remark.fault {
        CellFault::NoSpace | CellFault::NotOneToken => {
            let instead = written(remark.instead.as_ref()?, |_| None);
            let bare = |text: &str| -> Vec<String> {
                let parts = text.split(BETWEEN);
                parts.map(|part| part.trim_start().to_owned()).collect()
            };
            (instead != *now && bare(&instead) == bare(now)).then_some(instead)
        }
        CellFault::EndsInSpace => {
            let trimmed = now.trim_end_matches(' ');
            (trimmed.len() < now.len()).then(|| trimmed.to_owned())
        }
        CellFault::Unseen => None,
    }
}

/// Follows all remarks of some faults that say what to write.
pub fn mend(e: &mut Experiment, remarks: &[CellRemark], faults: &[CellFault]) {
    for remark in remarks.iter().filter(|r| faults.contains(&r.fault)) {
        let column = COLUMNS.iter().position(|c| *c == remark.field);
        if let (Some(text), Some(column)) = (mended(e, remark), column) {
            write(e, remark.pair, column, &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str) -> Pair {
        Pair {
            clean: Prompt::Text(format!("{name} clean")),
            corrupted: Prompt::Text(format!("{name} corrupted")),
            answer: Some(format!(" {name}").as_str().into()),
            wrong: Some(" no".into()),
        }
    }

    fn set() -> Experiment {
        let mut e = Experiment::default();
        put(&mut e, ["a", "b", "c"].map(pair).to_vec());
        e
    }

    #[test]
    fn a_set_replaces_what_was_there() {
        let e = set();
        assert_eq!((count(&e), e.clean.clone()), (3, pair("a").clean));
        assert_eq!(row(&e, 0).cells, ["a clean", "a corrupted", " a", " no"]);
        assert_eq!(row(&e, 2).cells, ["c clean", "c corrupted", " c", " no"]);
        assert_eq!(row(&e, 3), Row::default());
        assert_eq!(pairs(&e), ["a", "b", "c"].map(pair));
        // No answer of the set before is one of this.
        let mut e = set();
        let bare = Pair {
            answer: None,
            wrong: None,
            ..pair("d")
        };
        put(&mut e, vec![bare]);
        assert_eq!(row(&e, 0).cells[2..], ["", ""]);
    }

    #[test]
    fn cells_are_written_and_read_back() {
        let mut e = set();
        for (at, (i, column)) in [(0, 2), (1, 0), (2, 3), (4, 1)].into_iter().enumerate() {
            let text = format!(" x{at}| y");
            write(&mut e, i, column, &text);
            assert_eq!(row(&e, i).cells[column], text);
        }
        assert_eq!(count(&e), 5);
        assert_eq!(row(&e, 3), row(&e, 9));
    }

    #[test]
    fn the_next_pair_follows_the_first_one() {
        let mut e = set();
        e.pairs[0].answer = None;
        remove(&mut e, 0);
        assert_eq!(row(&e, 0).cells, ["b clean", "b corrupted", " a", " no"]);
        remove(&mut e, 1);
        assert_eq!(count(&e), 1);
        remove(&mut e, 0);
        remove(&mut e, 7);
        assert_eq!(count(&e), 1);
    }

    #[test]
    fn a_block_is_written_from_a_cell_on() {
        let mut e = set();
        let block = [
            vec![" p".to_owned(), " q".into(), "beyond".into()],
            vec![" r".into()],
        ];
        fill(&mut e, (2, 2), &block);
        assert_eq!(count(&e), 4);
        assert_eq!(row(&e, 2).cells[2..], [" p", " q"]);
        assert_eq!(row(&e, 3).cells[2..], [" r", ""]);
    }

    #[test]
    fn spaces_are_put_in_where_they_lack_and_nowhere_else() {
        let mut e = set();
        write(&mut e, 0, 2, "a");
        write(&mut e, 1, 3, "x|y");
        write(&mut e, 2, 0, "ends ");
        let remark = |pair, field, fault, instead: Option<&str>| CellRemark {
            pair,
            field,
            fault,
            instead: instead.map(tokens),
        };
        let remarks = [
            remark(0, Field::Answer, CellFault::NoSpace, Some(" a")),
            remark(1, Field::Wrong, CellFault::NoSpace, Some(" x| y")),
            // Of what stood there before.
            remark(1, Field::Answer, CellFault::NoSpace, Some(" other")),
            // A part of what stands there is not what is meant.
            remark(2, Field::Answer, CellFault::NotOneToken, Some(" ce")),
            remark(2, Field::Clean, CellFault::EndsInSpace, None),
            remark(9, Field::Clean, CellFault::EndsInSpace, None),
        ];
        let spaces = [CellFault::NoSpace, CellFault::NotOneToken];
        mend(&mut e, &remarks, &spaces);
        assert_eq!(row(&e, 0).cells[2], " a");
        assert_eq!(row(&e, 1).cells[2..], [" b", " x| y"]);
        assert_eq!(row(&e, 2).cells, ["ends ", "c corrupted", " c", " no"]);
        mend(&mut e, &remarks, &[CellFault::EndsInSpace]);
        assert_eq!((row(&e, 2).cells[0].as_str(), count(&e)), ("ends", 3));
    }
}
