//! The results as files.

use crate::download::{beside, download};
use crate::format;
use crate::grid::{Column, Grid};
use crate::table::cell;
use patchbay_engine::experiment::{DetectorReport, MapReport, Report, Token, Tried};
use wasm_bindgen_futures::spawn_local;

/// A sweep, one row a cell and metric: where it is in the grid, its token where
/// it is a position, the raw metric, the normalised one (0 is the corrupted run,
/// 1 the clean run), of several pairs its 95 % interval, and what 1 and 0 are: the metric
/// of the clean and of the corrupted run, over all pairs. Where there is an estimate, its raw
/// metric stands last, of cells that were not patched, too.
///
/// # Errors
/// [`csv::Error`] where a row cannot be written.
pub fn csv(grid: &Grid) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let (row_name, column_name) = (grid.frame.rows.kind(), grid.frame.columns.kind());
    let mut head = vec![
        "site",
        "mode",
        "metric",
        row_name.name(),
        column_name.name(),
        "token",
        "value",
        "normalised",
        "normalised_low",
        "normalised_high",
        "clean",
        "corrupted",
    ];
    if !grid.estimates.is_empty() {
        head.push("estimate");
    }
    writer.write_record(head)?;
    let (site, mode) = (name(&grid.sweep().site), name(&grid.sweep().mode));
    let mut shown = grid.clone();
    // Of either map: both are in the file.
    shown.estimated = false;
    for metric in 0..grid.metrics.len() {
        shown.shown = metric;
        for (row, column, _) in shown.cells() {
            let (value, estimate) = (shown.patched(row, column), shown.estimate(row, column));
            if value.or(estimate).is_none() {
                continue;
            }
            let text = |n: Option<f32>| n.map(|n| n.to_string()).unwrap_or_default();
            let label = |side: &[Column], i: usize| side.get(i).map(|c| c.label.clone());
            // As the page shows it: a space in front is not seen in a spreadsheet.
            let token = grid.columns.get(column).and_then(|c| c.token.as_deref());
            let token = token.map(format::token).unwrap_or_default();
            let interval = shown.interval(row, column);
            let mut line = vec![
                site.clone(),
                mode.clone(),
                name(&shown.kind()),
                label(&grid.rows, row).unwrap_or_default(),
                label(&grid.columns, column).unwrap_or_default(),
                cell(&token),
                text(value),
                text(value.and_then(|v| shown.scaled(v))),
                text(interval.map(|i| i.0)),
                text(interval.map(|i| i.1)),
                shown.metric().clean.to_string(),
                shown.metric().corrupted.to_string(),
            ];
            if !grid.estimates.is_empty() {
                line.push(text(estimate));
            }
            writer.write_record(line)?;
        }
    }
    let bytes = writer.into_inner().map_err(|e| e.into_error())?;
    // Only text was written.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A map of the steering room, one row a cell: effects and costs.
///
/// # Errors
/// [`csv::Error`] where a row cannot be written.
pub fn map_csv(map: &MapReport) -> Result<String, csv::Error> {
    let head = "of,layer,coefficient,cosine,words,target,reading,perplexity,kl,distinct_2,in_band";
    let mut rows = vec![head.split(',').map(str::to_owned).collect()];
    for c in &map.cells {
        let n = c.numbers.unwrap_or_default();
        let m = n.measures;
        // Where there are no numbers, none are written.
        let all = [
            n.effects(),
            [Some(m.perplexity), Some(m.kl), Some(m.distinct_2)],
        ]
        .concat();
        let all = all.into_iter().map(|x| x.filter(|_| c.numbers.is_some()));
        let mut row = vec![
            match c.of {
                Tried::Random(seed) => format!("random {seed}"),
                of => name(&of),
            },
            c.layer.to_string(),
            c.coefficient.to_string(),
            c.cosine.to_string(),
        ];
        row.extend(all.map(|x| x.map(|x| x.to_string()).unwrap_or_default()));
        row.push(map.in_band(c).to_string());
        rows.push(row);
    }
    table(&rows)
}

/// A detector's held-out prompts with their scores.
///
/// # Errors
/// [`csv::Error`] where a row cannot be written.
pub fn detector_csv(report: &DetectorReport, threshold: f32) -> Result<String, csv::Error> {
    let head = ["positive", "prompt", "score", "detected"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    for p in &report.prompts {
        rows.push(vec![
            p.positive.to_string(),
            cell(&Token::joined(&p.tokens)),
            p.score().to_string(),
            (p.score() >= threshold).to_string(),
        ]);
    }
    table(&rows)
}

/// Rows as CSV.
///
/// # Errors
/// [`csv::Error`] where a row cannot be written.
pub fn table(rows: &[Vec<String>]) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|e| e.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The whole report: experiment, model, backend, tokens, runs and sweep.
///
/// # Errors
/// [`serde_json::Error`] where a value has no form in JSON.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string(report)
}

/// A library for Python that computes an experiment again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    TransformerLens,
    Nnsight,
}

impl Library {
    /// The script for it, beside the page.
    const fn script(self) -> &'static str {
        match self {
            Self::TransformerLens => "transformer_lens.py",
            Self::Nnsight => "nnsight.py",
        }
    }

    /// What the script is called where it is saved: of the library's own name Python would
    /// take it for the library.
    pub const fn file(self) -> &'static str {
        match self {
            Self::TransformerLens => "patchbay-transformer-lens.py",
            Self::Nnsight => "patchbay-nnsight.py",
        }
    }
}

/// Offers the script that computes a report's experiment again. It lies beside the page;
/// the report takes a line of it.
pub fn script(library: Library, report: String) {
    spawn_local(async move {
        if let Some(text) = beside(library.script()).await {
            let text = with_report(&text, &report);
            download(library.file(), "text/x-python", text.as_bytes());
        }
    });
}

/// The script's line that the report takes.
const PLACE: &str = "REPORT = {}";

fn with_report(script: &str, report: &str) -> String {
    // What cannot be seen, or turns the direction of writing, could hide what
    // the script does; in a string of Python's it is the same as its number.
    let seen = |c: char| match format::is_unseen(c) {
        true => format!("\\U{:08x}", u32::from(c)),
        false => String::from(c),
    };
    let report: String = report.chars().map(seen).collect();
    let line = |line: &str| match line.starts_with(PLACE) {
        true => format!("REPORT = {report}\n"),
        false => format!("{line}\n"),
    };
    script.lines().map(line).collect()
}

/// The name that a value has in links and files.
fn name<T: serde::Serialize>(value: &T) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    text.trim_matches('"').into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::tests::{cell, grid};
    use patchbay_engine::experiment::{Mode, Site};

    #[test]
    fn a_row_per_cell_with_quotes_where_needed() {
        let mut grid = grid(Site::ResidPre, Mode::Denoising);
        grid.enter(&[cell(0, 0, -1.0), cell(1, 1, 1.0)]);
        assert_eq!(
            csv(&grid).unwrap(),
            "site,mode,metric,layer,position,token,value,normalised,normalised_low,normalised_high,clean,corrupted\n\
             resid_pre,denoising,logit_difference,0,0,When,-1,0,,,3,-1\n\
             resid_pre,denoising,logit_difference,1,1,\"·\"\"Bob\"\"\",1,0.5,,,3,-1\n"
        );
    }

    #[test]
    fn an_estimate_is_a_column_of_its_own() {
        let mut grid = grid(Site::Z, Mode::Noising);
        grid.enter(&[cell(0, 0, 3.0)]);
        grid.estimates = vec![vec![vec![Some(2.5), Some(-1.0), None], vec![None; 3]]];
        for estimated in [false, true] {
            grid.estimated = estimated;
            let csv = csv(&grid).unwrap();
            let lines: Vec<&str> = csv.lines().collect();
            assert_eq!(
                lines,
                [
                    "site,mode,metric,layer,head,token,value,normalised,normalised_low,normalised_high,clean,corrupted,estimate",
                    "z,noising,logit_difference,0,0,,3,1,,,3,-1,2.5",
                    "z,noising,logit_difference,0,1,,,,,,3,-1,-1",
                ]
            );
        }
    }

    #[test]
    fn the_report_takes_its_line_of_the_script() {
        for script in [
            include_str!("../../www/transformer_lens.py"),
            include_str!("../../www/nnsight.py"),
        ] {
            let filled = with_report(script, "[1]");
            assert_eq!(filled.lines().filter(|l| *l == "REPORT = [1]").count(), 1);
            assert_eq!(filled.lines().count(), script.lines().count());
        }
    }

    #[test]
    fn nothing_unseen_gets_into_the_script() {
        let filled = with_report("REPORT = {}", "{\"a\": \"x\u{202e}y\u{7f}é\u{e0001}\"}");
        assert_eq!(
            filled,
            "REPORT = {\"a\": \"x\\U0000202ey\\U0000007fé\\U000e0001\"}\n"
        );
    }

    #[test]
    fn what_would_be_a_formula_is_none() {
        let mut grid = grid(Site::ResidPre, Mode::Denoising);
        grid.columns[0].token = Some("=cmd|'/c calc'!A1".into());
        grid.enter(&[cell(0, 0, -1.0)]);
        let csv = csv(&grid).unwrap();
        assert!(csv.contains(",'=cmd|'/c·calc'!A1,-1,"), "{csv}");
    }

    #[test]
    fn heads_have_no_token() {
        let mut grid = grid(Site::Z, Mode::Noising);
        grid.enter(&[cell(1, 2, 3.0)]);
        assert_eq!(
            csv(&grid).unwrap(),
            "site,mode,metric,layer,head,token,value,normalised,normalised_low,normalised_high,clean,corrupted\nz,noising,logit_difference,1,2,,3,1,,,3,-1\n"
        );
    }
}
