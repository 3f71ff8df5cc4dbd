//! The heat map's colours: one diverging scale, blue towards the clean run and
//! orange towards the corrupted one. Blue and orange stay apart for readers
//! with any of the common colour-vision deficiencies, and lightness alone tells
//! how far a value is from the middle.

use std::fmt::Write as _;

/// A colour in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// Colours at no, half and full deviation.
struct Scale {
    neutral: Rgb,
    clean: [Rgb; 2],
    corrupted: [Rgb; 2],
}

const LIGHT: Scale = Scale {
    neutral: Rgb(0xf4, 0xf3, 0xef),
    clean: [Rgb(0x93, 0xbd, 0xe3), Rgb(0x14, 0x55, 0x9c)],
    corrupted: [Rgb(0xf3, 0xb4, 0x7a), Rgb(0xa8, 0x42, 0x00)],
};

const DARK: Scale = Scale {
    neutral: Rgb(0x25, 0x28, 0x2e),
    clean: [Rgb(0x2b, 0x62, 0x9e), Rgb(0x8f, 0xc7, 0xff)],
    corrupted: [Rgb(0x9a, 0x50, 0x17), Rgb(0xff, 0xbd, 0x7d)],
};

impl Rgb {
    fn mix(self, other: Self, t: f32) -> Self {
        let channel = |a: u8, b: u8| {
            let value = f32::from(a) + (f32::from(b) - f32::from(a)) * t;
            // Between two bytes, so it is one.
            value.round() as u8
        };
        Self(
            channel(self.0, other.0),
            channel(self.1, other.1),
            channel(self.2, other.2),
        )
    }

    /// Relative luminance, 0 to 1 (WCAG 2.2).
    fn luminance(self) -> f32 {
        let linear = |c: u8| {
            let c = f32::from(c) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Black or white, whichever is easier to read on this colour.
    fn ink(self) -> Self {
        // Where both have the same contrast: (l + 0.05)^2 = 1.05 * 0.05.
        if self.luminance() > 0.179 {
            Self(0, 0, 0)
        } else {
            Self(255, 255, 255)
        }
    }

    fn write(self, css: &mut String) {
        // Writing to a String cannot fail.
        let _ = write!(css, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2);
    }
}

impl Scale {
    fn at(&self, t: f32) -> Rgb {
        let t = t.clamp(-1.0, 1.0);
        let [half, full] = if t < 0.0 { self.corrupted } else { self.clean };
        let t = t.abs();
        if t < 0.5 {
            self.neutral.mix(half, t * 2.0)
        } else {
            half.mix(full, t * 2.0 - 1.0)
        }
    }
}

/// CSS colour of a cell, for light and dark pages: -1 is a full step towards
/// the corrupted run, 0 the unpatched run, 1 a full step towards the clean run.
#[must_use]
pub fn fill(t: f32) -> String {
    pair(LIGHT.at(t), DARK.at(t))
}

/// CSS colour of text on [`fill`].
#[must_use]
pub fn ink(t: f32) -> String {
    pair(LIGHT.at(t).ink(), DARK.at(t).ink())
}

/// The colour of [`fill`] on a light page, for files.
#[must_use]
pub fn light(t: f32) -> String {
    let mut css = String::new();
    LIGHT.at(t).write(&mut css);
    css
}

/// The colour of [`ink`] on a light page, for files.
#[must_use]
pub fn light_ink(t: f32) -> String {
    let mut css = String::new();
    LIGHT.at(t).ink().write(&mut css);
    css
}

fn pair(light: Rgb, dark: Rgb) -> String {
    let mut css = String::from("light-dark(");
    light.write(&mut css);
    css.push(',');
    dark.write(&mut css);
    css.push(')');
    css
}

/// How a value of a sweep becomes a colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The unpatched run's metric: the middle of the scale.
    pub centre: f32,
    /// Metric of a full colour towards the clean run.
    pub clean: f32,
    /// Metric of a full colour towards the corrupted run.
    pub corrupted: f32,
}

impl Range {
    /// A full colour is the distance between the two runs. Where no cell
    /// comes near that (one head does little), it is the largest deviation, and
    /// never less than 2 % of the distance, so that rounding shows no pattern.
    #[must_use]
    pub fn new(centre: f32, clean: f32, corrupted: f32, values: impl Iterator<Item = f32>) -> Self {
        let span = clean - corrupted;
        let largest = values
            .filter(|v| v.is_finite())
            .map(|v| (v - centre).abs())
            .fold(0.0f32, f32::max);
        let distance = span.abs();
        let step = if largest >= distance * 0.5 && distance > 1e-6 {
            distance
        } else if distance > 1e-6 {
            nice(largest).max(distance * 0.02)
        } else {
            nice(largest).max(1e-6)
        };
        let towards_clean = if span < 0.0 { -step } else { step };
        Self {
            centre,
            clean: centre + towards_clean,
            corrupted: centre - towards_clean,
        }
    }

    /// How far a full colour is from the middle, in the metric's unit.
    #[must_use]
    pub fn step(&self) -> f32 {
        (self.clean - self.centre).abs()
    }

    /// The scale with another step, where it can have one.
    #[must_use]
    pub fn of_step(self, step: f32) -> Self {
        if !step.is_finite() || step <= 0.0 {
            return self;
        }
        let step = step.copysign(self.clean - self.centre);
        Self {
            centre: self.centre,
            clean: self.centre + step,
            corrupted: self.centre - step,
        }
    }

    /// Position on the scale, -1 to 1; 0 where the value is not a number.
    #[must_use]
    pub fn place(&self, value: f32) -> f32 {
        let t = (value - self.centre) / (self.clean - self.centre);
        if t.is_finite() {
            t.clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `x`.
fn nice(x: f32) -> f32 {
    if x <= 0.0 || !x.is_finite() {
        return 0.0;
    }
    let power = 10f32.powf(x.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|m| m * power >= x)
        .unwrap_or(10.0);
    step * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> impl Iterator<Item = f32> {
        (-100..=100u8 as i16).map(|i| f32::from(i) / 100.0)
    }

    #[test]
    fn numbers_can_be_read_on_every_cell() {
        for scale in [LIGHT, DARK] {
            for t in steps() {
                let (fill, ink) = (scale.at(t).luminance(), scale.at(t).ink().luminance());
                let contrast = (fill.max(ink) + 0.05) / (fill.min(ink) + 0.05);
                assert!(contrast >= 4.5, "contrast {contrast} at {t}");
            }
        }
    }

    #[test]
    fn lightness_alone_tells_the_distance() {
        for (scale, sign) in [(LIGHT, -1.0f32), (DARK, 1.0)] {
            for side in [-1.0, 1.0] {
                let mut last = scale.at(0.0).luminance();
                for i in 1..=50u8 {
                    let next = scale.at(side * f32::from(i) / 50.0).luminance();
                    assert!((next - last) * sign > 0.0, "at {i}/50 of {side}");
                    last = next;
                }
            }
        }
    }

    #[test]
    fn a_full_colour_is_the_other_run() {
        // Denoising: the middle is the corrupted run.
        let range = Range::new(1.0, 5.0, 1.0, [1.0, 5.2, 3.0].into_iter());
        assert_eq!((range.clean, range.corrupted), (5.0, -3.0));
        assert_eq!(range.place(5.0), 1.0);
        assert_eq!(range.place(5.2), 1.0);
        assert_eq!(range.place(1.0), 0.0);
        assert_eq!(range.place(3.0), 0.5);
        // Noising: the middle is the clean run.
        let range = Range::new(5.0, 5.0, 1.0, [1.0, 5.0].into_iter());
        assert_eq!(range.place(1.0), -1.0);
    }

    #[test]
    fn a_metric_that_falls_keeps_blue_for_clean() {
        let range = Range::new(2.0, -2.0, 2.0, [-2.0].into_iter());
        assert_eq!(range.place(-2.0), 1.0);
        assert_eq!(range.place(4.0), -0.5);
    }

    #[test]
    fn another_step_keeps_the_middle_and_the_way() {
        let falling = Range::new(2.0, -2.0, 2.0, [-2.0].into_iter());
        assert_eq!(falling.step(), 4.0);
        assert_eq!(falling.of_step(8.0).place(-2.0), 0.5);
        assert_eq!(falling.of_step(0.0), falling);
        assert_eq!(falling.of_step(f32::NAN), falling);
    }

    #[test]
    fn small_effects_are_stretched_and_rounding_is_not() {
        let range = Range::new(0.0, 4.0, 0.0, [0.3, -0.1].into_iter());
        assert!((range.clean - 0.5).abs() < 1e-6);
        let range = Range::new(0.0, 4.0, 0.0, [1e-6].into_iter());
        assert!((range.clean - 0.08).abs() < 1e-6);
        let flat = Range::new(1.0, 1.0, 1.0, [1.0].into_iter());
        assert_eq!(flat.place(1.0), 0.0);
        assert_eq!(flat.place(f32::NAN), 0.0);
    }
}
