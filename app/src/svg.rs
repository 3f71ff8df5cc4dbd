//! Heat maps as SVG: small ones beside each other, and files.

use crate::colour::{self, Range};
use crate::format;
use crate::grid::{Column, Grid};
use std::fmt::Write as _;

/// Text in SVG. XML has no place for control characters, however written.
pub fn escaped(text: &str) -> String {
    format::seen(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// Squares by their places on the colour scale, -1 to 1, each with what is told of it.
#[must_use]
pub fn squares(places: &[Vec<Option<f32>>], told: impl Fn(usize, usize) -> String) -> String {
    let (rows, columns) = (places.len(), places.first().map_or(0, Vec::len));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {columns} {rows}\" preserveAspectRatio=\"none\" shape-rendering=\"crispEdges\" aria-hidden=\"true\">"
    );
    for (row, cells) in places.iter().enumerate() {
        for (column, place) in cells.iter().enumerate() {
            let Some(place) = place else { continue };
            let told = told(row, column);
            // Writing to a String cannot fail.
            let _ = write!(
                svg,
                "<rect x=\"{column}\" y=\"{row}\" width=\"1\" height=\"1\" fill=\"{}\"><title>{}</title></rect>",
                colour::fill(*place),
                escaped(&told)
            );
        }
    }
    svg + "</svg>"
}

/// A grid's places on its colour scale.
#[must_use]
pub fn places(grid: &Grid) -> Vec<Vec<Option<f32>>> {
    let range = grid.range();
    let row = |row: usize| {
        let place = |column: usize| grid.value(row, column).map(|v| range.place(v));
        (0..grid.columns.len()).map(place).collect()
    };
    (0..grid.rows.len()).map(row).collect()
}

/// A grid beside another one: as wide as its table, each number with what is told of it;
/// `marked` is the cell that is pointed at in either.
#[must_use]
pub fn beside(
    grid: &Grid,
    range: &Range,
    marked: Option<(usize, usize)>,
    shown: impl Fn((usize, usize)) -> (String, String),
) -> String {
    const LEFT: usize = 50;
    let (rows, columns) = (grid.rows.len(), grid.columns.len());
    let (width, height) = (LEFT + 38 * columns, 26 * rows);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" aria-hidden=\"true\">"
    );
    // Writing to a String cannot fail.
    for (row, head) in grid.rows.iter().enumerate() {
        let y = 26 * row + 17;
        let _ = write!(
            svg,
            "<text class=\"head\" x=\"{}\" y=\"{y}\" text-anchor=\"end\">{}</text>",
            LEFT - 8,
            escaped(&head.label)
        );
        for column in 0..columns {
            let Some(value) = grid.value(row, column) else {
                continue;
            };
            let (x, y) = (LEFT + 38 * column, 26 * row);
            let place = range.place(value);
            let class = if marked == Some((row, column)) {
                " class=\"marked\""
            } else {
                ""
            };
            let (number, told) = shown((row, column));
            let _ = write!(
                svg,
                "<g{class} data-cell=\"{row}-{column}\"><rect x=\"{x}\" y=\"{y}\" width=\"36\" height=\"24\" rx=\"3\" fill=\"{}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"{}\">{}</text><title>{}</title></g>",
                colour::fill(place),
                x + 18,
                y + 16,
                colour::ink(place),
                escaped(&number),
                escaped(&told)
            );
        }
    }
    svg + "</svg>"
}

/// One head's attention: from each token (row) to those before it (columns), with both
/// written out, and each weight where it is pointed at.
#[must_use]
pub fn attention(
    tokens: &[String],
    pattern: &[Vec<f32>],
    told: impl Fn(usize, usize) -> String,
) -> String {
    const SIDE: usize = 12;
    const LABEL: usize = 64;
    let size = LABEL + SIDE * pattern.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" width=\"{size}\" height=\"{size}\" aria-hidden=\"true\">"
    );
    for (row, weights) in pattern.iter().enumerate() {
        let (near, middle) = (LABEL - 4, LABEL + SIDE * row + 9);
        let token = escaped(&format::shortened(
            tokens.get(row).map_or("", String::as_str),
            9,
        ));
        let _ = write!(
            svg,
            "<text x=\"{near}\" y=\"{middle}\" text-anchor=\"end\">{token}</text><text transform=\"translate({middle} {near}) rotate(-90)\">{token}</text>"
        );
        for (key, weight) in weights.iter().enumerate().take(row + 1) {
            let _ = write!(
                svg,
                "<rect x=\"{}\" y=\"{}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"{}\"><title>{}</title></rect>",
                LABEL + SIDE * key,
                LABEL + SIDE * row,
                colour::fill(*weight),
                escaped(&told(row, key))
            );
        }
    }
    svg + "</svg>"
}

const CELL: (usize, usize) = (44, 24);
const LEFT: usize = 110;
const TOP: usize = 110;

/// A grid as a picture that stands alone: title, axes, colours and numbers.
#[must_use]
pub fn file(grid: &Grid, title: &str) -> String {
    let (width, height) = (
        LEFT + CELL.0 * grid.columns.len() + 20,
        TOP + CELL.1 * grid.rows.len() + 20,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"11\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/><text x=\"10\" y=\"18\" font-size=\"13\">{}</text>",
        escaped(title)
    );
    let name = |side: &Column| match &side.token {
        Some(token) => format!("{} {}", side.label, format::token(token)),
        None => side.label.clone(),
    };
    for (i, column) in grid.columns.iter().enumerate() {
        let x = LEFT + i * CELL.0 + CELL.0 / 2;
        let y = TOP - 6;
        let _ = write!(
            svg,
            "<text transform=\"translate({x} {y}) rotate(-60)\">{}</text>",
            escaped(&name(column))
        );
    }
    for (row, side) in grid.rows.iter().enumerate() {
        let y = TOP + row * CELL.1;
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 6,
            y + 16,
            escaped(&name(side))
        );
        for column in 0..grid.columns.len() {
            let Some(value) = grid.value(row, column) else {
                continue;
            };
            let place = grid.range().place(value);
            let shown = grid.normalised(row, column).unwrap_or(value);
            let x = LEFT + column * CELL.0;
            let _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"{}\">{}</text>",
                CELL.0 - 1,
                CELL.1 - 1,
                colour::light(place),
                x + CELL.0 / 2,
                y + 16,
                colour::light_ink(place),
                format::number(shown, 2)
            );
        }
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::tests::{cell, grid};
    use patchbay_engine::experiment::{Mode, Site};

    #[test]
    fn a_picture_holds_the_numbers_and_no_markup_of_tokens() {
        let mut grid = grid(Site::ResidPre, Mode::Denoising);
        grid.enter(&[cell(0, 1, 1.0)]);
        grid.columns[0].token = Some("<b>&".into());
        let svg = file(&grid, "a < b");
        assert!(svg.contains("&lt;b>&amp;") && svg.contains("a &lt; b"));
        assert!(svg.contains(">0.50<"));
        grid.columns[0].token = Some("\u{1}\u{b}\u{202e}\u{ffff}".into());
        let svg = self::file(&grid, "\u{0}");
        assert!(svg.contains("␁␋⟨202E⟩⟨FFFF⟩") && svg.contains(">␀<"));
        assert!(!svg.contains(format::is_unseen));
        let small = squares(&places(&grid), |_, _| String::new());
        assert_eq!(small.matches("<rect").count(), 1);
    }
}
