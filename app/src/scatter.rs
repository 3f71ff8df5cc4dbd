//! Pairs of values drawn against each other.

use crate::svg::escaped;
use std::fmt::Write as _;

/// A pair of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    pub across: f32,
    pub up: f32,
    /// What is told of it.
    pub told: String,
    /// Whether it stands out.
    pub marked: bool,
}

/// Dots that are drawn at most: more could not be told apart.
const MOST: usize = 4_000;

/// Side of the picture and of what is inside its axes, and where that begins.
const SIZE: f32 = 240.0;
const SIDE: f32 = 180.0;
const LEFT: f32 = 48.0;
const TOP: f32 = 8.0;

/// Dots on axes of one scale, with the diagonal on which both values are the same.
/// `written` writes a value, `said` the picture's title and what it shows, from its ends.
#[must_use]
pub fn scatter(
    dots: &[Dot],
    written: impl Fn(f32) -> String,
    [across, up]: [&str; 2],
    said: impl Fn(&str, &str) -> [String; 2],
) -> String {
    let finite = |d: &&Dot| d.across.is_finite() && d.up.is_finite();
    let drawn: Vec<&Dot> = dots.iter().filter(finite).take(MOST).collect();
    let all = || drawn.iter().flat_map(|d| [d.across, d.up]);
    let (low, high) = (
        all().fold(f32::INFINITY, f32::min),
        all().fold(f32::NEG_INFINITY, f32::max),
    );
    if low > high {
        return String::new();
    }
    // What is all the same stands in the middle.
    let share = |value: f32| match high > low {
        true => (value - low) / (high - low),
        false => 0.5,
    };
    let x = |value: f32| LEFT + SIDE * share(value);
    let y = |value: f32| TOP + SIDE * (1.0 - share(value));
    let (right, bottom, middle) = (LEFT + SIDE, TOP + SIDE, SIDE / 2.0);
    let ends = [written(low), written(high)].map(|end| escaped(&end));
    let [title, shows] = said(&ends[0], &ends[1]);
    // Writing to a String cannot fail.
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {SIZE} {SIZE}\" role=\"img\" aria-labelledby=\"scatter-title scatter-shows\">\
         <title id=\"scatter-title\">{}</title><desc id=\"scatter-shows\">{}</desc>\
         <rect class=\"frame\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{SIDE}\" height=\"{SIDE}\"/>\
         <line class=\"diagonal\" x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{right}\" y2=\"{TOP}\"/>",
        escaped(&title),
        escaped(&shows)
    );
    let [low, high] = ends;
    let (under, name) = (bottom + 14.0, bottom + 32.0);
    let near = LEFT - 5.0;
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"{under}\">{low}</text>\
         <text x=\"{right}\" y=\"{under}\" text-anchor=\"end\">{high}</text>\
         <text x=\"{near}\" y=\"{bottom}\" text-anchor=\"end\">{low}</text>\
         <text x=\"{near}\" y=\"{}\" text-anchor=\"end\">{high}</text>\
         <text x=\"{}\" y=\"{name}\" text-anchor=\"middle\">{}</text>\
         <text transform=\"translate(12 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        TOP + 9.0,
        LEFT + middle,
        escaped(across),
        TOP + middle,
        escaped(up)
    );
    for dot in drawn {
        let class = if dot.marked { "dot marked" } else { "dot" };
        let _ = write!(
            svg,
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}</title></circle>",
            x(dot.across),
            y(dot.up),
            escaped(&dot.told)
        );
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(across: f32, up: f32) -> Dot {
        Dot {
            across,
            up,
            told: "a < b".into(),
            marked: false,
        }
    }

    fn drawn(dots: &[Dot]) -> String {
        let said = |low: &str, high: &str| ["both".into(), format!("{low} to {high}")];
        scatter(dots, |v| format!("{v}"), ["across", "up"], said)
    }

    #[test]
    fn equal_values_are_on_the_diagonal_and_more_is_higher() {
        let svg = drawn(&[dot(0.0, 0.0), dot(2.0, 2.0), dot(1.0, 2.0)]);
        assert!(
            svg.contains("<desc id=\"scatter-shows\">0 to 2</desc>"),
            "{svg}"
        );
        // The corners at which the diagonal begins and ends, and above the middle.
        for at in [
            "cx=\"48.0\" cy=\"188.0\"",
            "cx=\"228.0\" cy=\"8.0\"",
            "cx=\"138.0\" cy=\"8.0\"",
        ] {
            assert!(svg.contains(at), "{at}: {svg}");
        }
        assert!(svg.contains("a &lt; b"));
    }

    #[test]
    fn what_is_no_number_is_not_drawn() {
        assert_eq!(drawn(&[]), "");
        assert_eq!(drawn(&[dot(f32::NAN, 1.0)]), "");
        let svg = drawn(&[dot(1.0, 1.0), dot(f32::INFINITY, 1.0)]);
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(svg.contains("cx=\"138.0\" cy=\"98.0\""), "{svg}");
    }
}
