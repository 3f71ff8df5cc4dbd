//! How fast bytes come, by what came lately: an average since the start would go on
//! promising an end when nothing comes any more.

use std::collections::VecDeque;

/// Milliseconds that count as lately.
const LATELY: f64 = 8_000.0;

/// Milliseconds of bytes that are remembered together.
const GRAIN: f64 = 250.0;

/// Milliseconds of a request before which its speed is a guess.
const EARLY: f64 = 1_000.0;

/// Milliseconds without a byte after which nothing is said to come.
const QUIET: f64 = 2_500.0;

/// What came of a request, by a clock in milliseconds.
#[derive(Default)]
pub struct Rate {
    /// When the request was made; `None` while there is none.
    begun: Option<f64>,
    /// When anything of it was heard last.
    heard: f64,
    /// Beginnings of stretches of [`GRAIN`], and the bytes that came in each.
    lately: VecDeque<(f64, u64)>,
}

impl Rate {
    /// A request is made.
    pub fn begin(&mut self, now: f64) {
        *self = Self {
            begun: Some(now),
            heard: now,
            ..Self::default()
        };
    }

    /// There is no request any more.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// Bytes have come; none of use, where it is 0.
    pub fn add(&mut self, now: f64, bytes: u64) {
        self.heard = now;
        match self.lately.back_mut() {
            Some((start, there)) if now - *start < GRAIN => *there += bytes,
            _ => self.lately.push_back((now, bytes)),
        }
        while self.lately.front().is_some_and(|(at, _)| now - at > LATELY) {
            self.lately.pop_front();
        }
    }

    /// Bytes a second; `None` where none come, or it is too early to say.
    #[allow(clippy::cast_precision_loss)] // an estimate
    pub fn per_second(&self, now: f64) -> Option<f64> {
        let since = (now - self.begun?).min(LATELY);
        let recent = self.lately.iter().filter(|(at, _)| now - at <= LATELY);
        let bytes: u64 = recent.map(|(_, bytes)| bytes).sum();
        let comes = since >= EARLY && bytes > 0 && self.silent(now).is_none();
        comes.then(|| bytes as f64 / since * 1000.0)
    }

    /// Milliseconds for which a request has brought nothing, where that is long.
    pub fn silent(&self, now: f64) -> Option<f64> {
        self.begun?;
        Some(now - self.heard).filter(|quiet| *quiet >= QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that brings so many bytes each 100 ms from 0 until then.
    fn bringing(bytes: u64, until: f64) -> Rate {
        let mut rate = Rate::default();
        rate.begin(0.0);
        let mut now = 0.0;
        while now < until {
            now += 100.0;
            rate.add(now, bytes);
        }
        rate
    }

    fn near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found / expected - 1.0).abs() < 0.05, "{found}, {expected}");
    }

    #[test]
    fn a_steady_rate_is_told_after_a_second() {
        let rate = bringing(1_000, 500.0);
        assert_eq!(rate.per_second(500.0), None);
        near(bringing(1_000, 1_000.0).per_second(1_000.0), 10_000.0);
        near(bringing(1_000, 60_000.0).per_second(60_000.0), 10_000.0);
    }

    #[test]
    fn what_came_long_ago_does_not_count() {
        let mut rate = bringing(1_000_000, 60_000.0);
        for i in 1..=100 {
            rate.add(60_000.0 + 100.0 * f64::from(i), 1_000);
        }
        near(rate.per_second(70_000.0), 10_000.0);
        assert!(rate.lately.len() <= 40);
    }

    #[test]
    fn in_a_stall_no_rate_is_told_but_for_how_long() {
        let rate = bringing(1_000_000, 10_000.0);
        near(rate.per_second(12_000.0), 7_500_000.0);
        assert_eq!(rate.silent(12_000.0), None);
        for seconds in [3.0, 20.0, 3600.0] {
            let now = 10_000.0 + 1000.0 * seconds;
            assert_eq!(rate.per_second(now), None);
            assert_eq!(rate.silent(now), Some(1000.0 * seconds));
        }
    }

    #[test]
    fn bytes_of_no_use_break_the_silence_and_are_no_rate() {
        let mut rate = Rate::default();
        rate.begin(0.0);
        assert_eq!(rate.silent(5_000.0), Some(5_000.0));
        rate.add(5_000.0, 0);
        assert_eq!(
            (rate.silent(6_000.0), rate.per_second(6_000.0)),
            (None, None)
        );
    }

    #[test]
    fn without_a_request_there_is_neither() {
        let mut rate = bringing(1_000, 5_000.0);
        rate.end();
        assert_eq!(
            (rate.silent(60_000.0), rate.per_second(5_100.0)),
            (None, None)
        );
        // And a new one counts for itself.
        rate.begin(60_000.0);
        assert_eq!(rate.per_second(62_000.0), None);
    }
}
