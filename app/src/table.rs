//! A table of prompt pairs as people paste it: comma or tab separated, one pair
//! a line: clean, corrupted, answer, wrong answer.

use crate::set;
use patchbay_engine::experiment::{Pair, Prompt, Tokens};
use patchbay_engine::text::unmarked;

/// Why a table is not one of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: u64,
    pub found: usize,
}

/// What spreadsheets take for the beginning of a formula (OWASP, “CSV Injection”).
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Whether a text would be a formula without the apostrophes in front of it.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

/// A text as it stands in a file for spreadsheets: what would be a formula has
/// an apostrophe in front, which they do not show. [`plain`] takes it off.
#[must_use]
pub fn cell(text: &str) -> String {
    match is_formula(text) {
        true => format!("'{text}"),
        false => text.into(),
    }
}

/// The text of a cell that [`cell`] wrote.
#[must_use]
pub fn plain(cell: &str) -> &str {
    let text = cell.strip_prefix('\'');
    text.filter(|_| is_formula(cell)).unwrap_or(cell)
}

/// Reads a table. A first line that says `clean` is taken for a heading.
///
/// # Errors
/// The first line that has not two, three or four columns.
pub fn read(text: &str) -> Result<Vec<Pair>, Fault> {
    let text = unmarked(text);
    let tabs = text.lines().next().is_some_and(|line| line.contains('\t'));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(if tabs { b'\t' } else { b',' })
        .from_reader(text.as_bytes());
    let mut pairs = Vec::new();
    for (i, record) in reader.records().enumerate() {
        let line = i as u64 + 1;
        let Ok(record) = record else {
            return Err(Fault { line, found: 0 });
        };
        if i == 0
            && record
                .get(0)
                .is_some_and(|cell| cell.trim().eq_ignore_ascii_case("clean"))
        {
            continue;
        }
        let (Some(clean), Some(corrupted), 2..=4) = (record.get(0), record.get(1), record.len())
        else {
            return Err(Fault {
                line: record.position().map_or(line, csv::Position::line),
                found: record.len(),
            });
        };
        let token = |i: usize| {
            let text = record.get(i).filter(|text| !text.is_empty())?;
            Some(set::tokens(plain(text)))
        };
        pairs.push(Pair {
            clean: Prompt::Text(plain(clean).into()),
            corrupted: Prompt::Text(plain(corrupted).into()),
            answer: token(2),
            wrong: token(3),
        });
    }
    Ok(pairs)
}

/// What was copied out of a table, cell by cell; `None` where it is one text. Lines of
/// prose are cells of one column, whatever commas they have.
#[must_use]
pub fn block(text: &str) -> Option<Vec<Vec<String>>> {
    let text = unmarked(text).trim_end_matches(['\r', '\n']);
    let tabs = text.contains('\t');
    if !tabs && !text.contains('\n') {
        return None;
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(if tabs { b'\t' } else { b',' })
        .from_reader(text.as_bytes());
    let records: Result<Vec<_>, _> = reader.records().collect();
    let records = records.ok()?;
    // A comma of prose has a space behind it; a prompt has none in front.
    let goes_on = |record: &csv::StringRecord| record.get(1).is_none_or(|c| c.starts_with(' '));
    if !tabs && records.iter().all(goes_on) {
        return Some(text.lines().map(|line| vec![plain(line).into()]).collect());
    }
    let cells = |record: &csv::StringRecord| record.iter().map(|c| plain(c).into()).collect();
    Some(records.iter().map(cells).collect())
}

/// Pairs as [`read`] reads them; a prompt of token ids is left out.
#[must_use]
pub fn write(pairs: &[Pair]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let text = |prompt: &Prompt| match prompt {
        Prompt::Text(text) => text.clone(),
        Prompt::Tokens(_) => String::new(),
    };
    let token = |tokens: &Option<Tokens>| {
        let written = tokens.as_ref().map(|tokens| set::written(tokens, |_| None));
        written.unwrap_or_default()
    };
    for pair in pairs {
        let row = [
            text(&pair.clean),
            text(&pair.corrupted),
            token(&pair.answer),
            token(&pair.wrong),
        ]
        .map(|text| cell(&text));
        if writer.write_record(row).is_err() {
            break;
        }
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A kind of task that pairs are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Indirect objects (Wang et al., 2022), the name that comes first in turn.
    Ioi,
    /// Spans of years (Hanna et al., 2023), against a year that excludes nothing.
    GreaterThan,
    /// A docstring's next argument (Heimersheim and Janiak, 2023).
    Docstring,
}

const NAMES: [&str; 10] = [
    "Mary", "John", "Alice", "Tom", "Sarah", "James", "Emily", "Paul", "Anna", "David",
];
const PLACES: [&str; 4] = ["store", "park", "school", "station"];
const THINGS: [&str; 4] = ["drink", "book", "ring", "bottle"];
const NOUNS: [&str; 5] = ["war", "trial", "strike", "project", "voyage"];
const ARGUMENTS: [&str; 9] = [
    "load", "size", "file", "last", "state", "shape", "port", "name", "path",
];

/// Centuries, where GPT-2 splits a year such as 1402 into “ 14” and “02”.
const CENTURIES: [usize; 4] = [12, 14, 16, 17];
/// A first year after which nearly any will do. “01” and “00” stand in no text that the
/// built-in model was trained on.
const EARLY: &str = "02";

/// `count` pairs of a task, always the same.
#[must_use]
pub fn made(task: Task, count: usize) -> Vec<Pair> {
    (0..count).map(|i| task.pair(i)).collect()
}

impl Task {
    fn pair(self, i: usize) -> Pair {
        let pair = |clean: String, corrupted: String, answer: &str, wrong: &str| Pair {
            clean: Prompt::Text(clean),
            corrupted: Prompt::Text(corrupted),
            answer: Some(answer.into()),
            wrong: Some(wrong.into()),
        };
        match self {
            Self::Ioi => {
                let n = NAMES.len();
                let (a, b) = (NAMES[(3 * i + 2) % n], NAMES[(3 * i + 5 + i / n) % n]);
                let (place, thing) = (PLACES[i % 4], THINGS[(i + i / 4) % 4]);
                // The giver's name comes second, then first: ABBA and BABA.
                let (first, second) = if i.is_multiple_of(2) { (a, b) } else { (b, a) };
                let text = |giver: &str| {
                    format!(
                        "When {first} and {second} went to the {place}, {giver} gave a {thing} to"
                    )
                };
                pair(text(b), text(a), &format!(" {a}"), &format!(" {b}"))
            }
            Self::GreaterThan => {
                let (noun, century) = (NOUNS[i % 5], CENTURIES[i % 4]);
                // Odd: 1280 and 1440 are one token of GPT-2.
                let year = 21 + 2 * ((7 * i) % 29);
                let text = |year: &str| {
                    format!("The {noun} lasted from the year {century}{year} to the year {century}")
                };
                let (above, below) = (year + 4, year - 4);
                pair(
                    text(&year.to_string()),
                    text(EARLY),
                    &format!("{above}"),
                    &format!("{below}"),
                )
            }
            Self::Docstring => {
                let n = ARGUMENTS.len();
                let argument = |k: usize| ARGUMENTS[(2 * i + k) % n];
                let [a, b, c, x] = [argument(0), argument(1), argument(2), argument(3)];
                let text = |third: &str| {
                    format!(
                        "def run(self, {a}, {b}, {third}):\n    \"\"\"water house\n\n    :param {a}: music power\n    :param {b}: paper river\n    :param"
                    )
                };
                pair(text(c), text(x), &format!(" {c}"), &format!(" {x}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_survives_writing() {
        for task in [Task::Ioi, Task::GreaterThan, Task::Docstring] {
            let pairs = made(task, 12);
            assert_eq!(read(&write(&pairs)).unwrap(), pairs);
            assert!(
                pairs
                    .iter()
                    .all(|p| p.clean != p.corrupted && p.answer != p.wrong)
            );
        }
    }

    /// The file that `tests/oracles/formulas.py` reads with Python's `csv`.
    #[test]
    fn no_cell_is_a_formula_and_each_is_read_back() {
        let texts = [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "\nx",
            "＝1",
            "'=1",
            "''=1",
            "'tis",
            "a=b",
            "=HYPERLINK(\"http://x\", \"y\")",
            "'",
        ];
        let pairs: Vec<_> = texts
            .iter()
            .map(|text| Pair {
                clean: Prompt::Text((*text).into()),
                corrupted: Prompt::Text(format!("{text}, too")),
                answer: Some((*text).into()),
                wrong: None,
            })
            .collect();
        let table = write(&pairs);
        assert_eq!(read(&table).unwrap(), pairs);
        assert_eq!(table, include_str!("../tests/formulas.csv"));
        let mut cells = csv::ReaderBuilder::new();
        for record in cells
            .has_headers(false)
            .from_reader(table.as_bytes())
            .records()
        {
            assert!(
                record
                    .unwrap()
                    .iter()
                    .all(|cell| !cell.starts_with(FORMULA))
            );
        }
    }

    #[test]
    fn pasted_tables_are_read_with_tabs_and_headings() {
        let pairs = read("clean\tcorrupted\tanswer\nA b\tC b\t x\n\"D, e\"\tF\t\n").unwrap();
        assert_eq!(pairs.len(), 2);
        assert_eq!(pairs[0].answer, Some(" x".into()));
        assert_eq!(
            (pairs[1].answer.clone(), pairs[1].wrong.clone()),
            (None, None)
        );
    }

    #[test]
    fn a_block_is_of_cells_and_prose_is_one_column() {
        assert_eq!(block("When Mary and John went, John gave"), None);
        assert_eq!(block("one line\n"), None);
        let cells = |text| block(text).unwrap();
        assert_eq!(cells("a\tb\t x"), [["a", "b", " x"]]);
        assert_eq!(
            cells("\"a, b\",c, x\r\nd,e, y\r\n"),
            [["a, b", "c", " x"], ["d", "e", " y"]]
        );
        assert_eq!(cells("a, b\nc, d, e\n"), [["a, b"], ["c, d, e"]]);
        assert_eq!(cells(" x\n y"), [[" x"], [" y"]]);
    }

    #[test]
    fn marks_and_line_ends_of_windows_are_no_part_of_a_pair() {
        let pairs = read("\u{feff}A b,C b, x\r\nD,E, y\r\n").unwrap();
        assert_eq!(pairs, read("A b,C b, x\nD,E, y\n").unwrap());
        assert_eq!(pairs[0].clean, Prompt::Text("A b".into()));
        assert_eq!(read("\u{feff}clean,corrupted\r\n"), Ok(Vec::new()));
    }

    #[test]
    fn a_wrong_number_of_columns_is_told_by_its_line() {
        assert_eq!(read("a,b\nc\n"), Err(Fault { line: 2, found: 1 }));
        assert_eq!(read("a,b,c,d,e"), Err(Fault { line: 1, found: 5 }));
    }
}
