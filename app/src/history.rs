//! The experiments that were on the page, in their order, and which of them is now.

use patchbay_engine::experiment::Experiment;
use patchbay_engine::order::order;

/// Changes that are kept at most, and bytes of their experiments as JSON.
const MOST: usize = 200;
const MOST_BYTES: usize = 4_000_000;

/// A pause after which typing in the same field is another change, in milliseconds.
const BURST: f64 = 1_000.0;

/// An experiment that was on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Later ones have higher numbers.
    pub number: u32,
    /// Where the browser's own history has it, where it does.
    pub place: Option<i32>,
    pub experiment: Experiment,
    /// Its size, once another one came after it.
    bytes: usize,
}

/// A field that is being typed in, and when it was last.
#[derive(Clone, Debug, PartialEq)]
struct Burst {
    field: String,
    last: f64,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There was none.
    Not,
    /// It belongs to the one before it, as the next letter does.
    Joined,
    Added,
}

/// Never empty, and `at` is one of its entries.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    entries: Vec<Entry>,
    at: usize,
    next: u32,
    burst: Option<Burst>,
}

impl History {
    #[must_use]
    pub fn new(experiment: Experiment, number: u32, place: Option<i32>) -> Self {
        Self {
            entries: vec![Entry {
                number,
                place,
                experiment,
                bytes: 0,
            }],
            at: 0,
            next: number.saturating_add(1),
            burst: None,
        }
    }

    /// The one that is on the page.
    #[must_use]
    pub fn now(&self) -> &Entry {
        &self.entries[self.at]
    }

    fn now_mut(&mut self) -> &mut Entry {
        &mut self.entries[self.at]
    }

    /// What undo (`-1`) or redo (`1`) leads to: the nearest that is another experiment.
    fn neighbour(&self, by: isize) -> Option<usize> {
        let mut at = self.at;
        loop {
            at = at.checked_add_signed(by)?;
            if self.entries.get(at)?.experiment != self.now().experiment {
                return Some(at);
            }
        }
    }

    /// The two experiments between which undo or redo goes, the earlier one first.
    #[must_use]
    pub fn across(&self, by: isize) -> Option<(&Experiment, &Experiment)> {
        let other = &self.entries[self.neighbour(by)?].experiment;
        let now = &self.now().experiment;
        Some(match by < 0 {
            true => (other, now),
            false => (now, other),
        })
    }

    /// Takes note of what is on the page now. `field` is the one that is typed in, if
    /// any, and `time` the clock's milliseconds.
    pub fn take(&mut self, experiment: &Experiment, field: Option<String>, time: f64) -> Taken {
        if self.now().experiment == *experiment {
            return Taken::Not;
        }
        let goes_on = |burst: &Burst| {
            Some(&burst.field) == field.as_ref() && (0.0..BURST).contains(&(time - burst.last))
        };
        let joins = self.burst.as_ref().is_some_and(goes_on);
        self.burst = field.map(|field| Burst { field, last: time });
        if joins {
            self.now_mut().experiment.clone_from(experiment);
            return Taken::Joined;
        }
        self.add(experiment.clone(), None);
        Taken::Added
    }

    /// What was undone is given up for a new experiment.
    pub fn add(&mut self, experiment: Experiment, place: Option<i32>) {
        self.entries.truncate(self.at + 1);
        let now = self.now_mut();
        now.bytes = now.experiment.to_json().len();
        self.entries.push(Entry {
            number: self.next,
            place,
            experiment,
            bytes: 0,
        });
        self.next = self.next.saturating_add(1);
        let bytes = |entries: &[Entry]| entries.iter().map(|e| e.bytes).sum::<usize>();
        // One is always left to go back to.
        while self.entries.len() > MOST
            || (self.entries.len() > 2 && bytes(&self.entries) > MOST_BYTES)
        {
            self.entries.remove(0);
        }
        self.at = self.entries.len() - 1;
    }

    /// Corrects what is on the page, which no person did: it cannot be undone.
    pub fn correct(&mut self, experiment: Experiment) {
        self.now_mut().experiment = experiment;
    }

    /// Undoes (`-1`) or does again (`1`).
    pub fn step(&mut self, by: isize) -> Option<Experiment> {
        self.at = self.neighbour(by)?;
        self.burst = None;
        Some(self.now().experiment.clone())
    }

    /// Goes where the browser went, if that is still known.
    pub fn visit(&mut self, number: u32, place: i32) -> Option<Experiment> {
        self.at = self.entries.iter().position(|e| e.number == number)?;
        self.burst = None;
        self.now_mut().place = Some(place);
        Some(self.now().experiment.clone())
    }

    /// Goes where the browser went, and learns what was there.
    pub fn learn(&mut self, number: u32, place: i32, experiment: Experiment) {
        let at = self.entries.partition_point(|e| e.number < number);
        let entry = Entry {
            number,
            place: Some(place),
            bytes: experiment.to_json().len(),
            experiment,
        };
        self.entries.insert(at, entry);
        self.next = self.next.max(number.saturating_add(1));
        self.at = at;
        self.burst = None;
        if self.entries.len() > MOST {
            // The one that is farthest from here.
            let last = self.entries.len() - 1;
            let first_goes = at > last - at;
            self.entries.remove(if first_goes { 0 } else { last });
            self.at -= usize::from(first_goes);
        }
    }

    /// The browser has the one on the page at this place, and none after it.
    pub fn put(&mut self, place: i32) {
        for entry in &mut self.entries {
            entry.place = entry.place.filter(|p| *p < place);
        }
        self.now_mut().place = Some(place);
    }

    /// The browser has none but the one on the page.
    pub fn alone(&mut self, place: Option<i32>) {
        for entry in &mut self.entries {
            entry.place = None;
        }
        self.now_mut().place = place;
    }

    /// Whether the browser has something that was undone here.
    #[must_use]
    pub fn leads_on(&self) -> bool {
        self.entries[self.at + 1..]
            .iter()
            .any(|e| e.place.is_some())
    }

    /// The place after all that the browser has.
    #[must_use]
    pub fn end(&self) -> i32 {
        let places = self.entries.iter().filter_map(|e| e.place);
        places.max().map_or(0, |last| last.saturating_add(1))
    }

    /// All entries but those that have no place, for the next time the page is opened,
    /// as lines of up to so many bytes in all; the nearest to the one on the page first.
    #[must_use]
    pub fn write(&self, link: impl Fn(&Experiment) -> String, most: usize) -> String {
        let far = |i: usize| i.abs_diff(self.at);
        let near = order(self.entries.len(), &mut |a, b| far(a).cmp(&far(b)));
        let mut lines = String::new();
        for entry in near.into_iter().filter_map(|i| self.entries.get(i)) {
            let Some(place) = entry.place else { continue };
            let line = format!("{} {place} {}\n", entry.number, link(&entry.experiment));
            if lines.len() + line.len() > most {
                break;
            }
            lines.push_str(&line);
        }
        lines
    }

    /// Takes in what was written, around the one that is on the page; what of it cannot
    /// be read is left out.
    pub fn read(&mut self, lines: &str, experiment: impl Fn(&str) -> Option<Experiment>) {
        let (number, place) = (self.now().number, self.now().place);
        for line in lines.lines().take(MOST) {
            let mut parts = line.splitn(3, ' ');
            let mut part = || parts.next();
            let (Some(n), Some(p), Some(link)) = (part(), part(), part()) else {
                continue;
            };
            let (Ok(n), Ok(p)) = (n.parse::<u32>(), p.parse::<i32>()) else {
                continue;
            };
            let known = self.entries.iter().any(|e| e.number == n);
            if let Some(experiment) = experiment(link).filter(|_| !known) {
                self.learn(n, p, experiment);
            }
        }
        if let Some(place) = place {
            self.visit(number, place);
        }
    }
}

#[cfg(test)]
#[path = "history/tests.rs"]
mod tests;
