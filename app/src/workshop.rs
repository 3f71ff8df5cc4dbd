//! A workshop as somebody works through it: which step is open, what was answered.

use patchbay_engine::experiment::link::{all_handed, handed};
use patchbay_engine::experiment::{Answer, Ask, Experiment, Handed, Points, Reply, Step, Workshop};

/// A workshop, and how far somebody has come with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    pub workshop: Workshop,
    /// What its link put on the page.
    pub first: Experiment,
    /// What is handed in: who, and an answer for each step that was done.
    pub handed: Handed,
    /// The answer to the open step, as far as it is made.
    pub draft: Option<Reply>,
    /// Whether it was given, and waits for what comes out. Not kept: after a reload nothing
    /// runs.
    pub awaited: bool,
    /// Whether the step that was done last is still looked at.
    pub lingers: bool,
    /// What was on the page when it was kept, until that is there again.
    pub left: Option<Experiment>,
}

/// What of the results is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Covered {
    Nothing,
    /// The map, and what is patched.
    Map,
    /// The runs, too.
    Runs,
}

/// The step that somebody is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// One that waits for its answer, counted from 0.
    Open(usize),
    /// One that was answered and shows what came out.
    Done(usize),
    /// Behind the last one.
    End,
}

impl Covered {
    /// Whether the map, and what is patched, is hidden.
    #[must_use]
    pub fn has_map(self) -> bool {
        self >= Self::Map
    }

    /// Whether the runs are, too.
    #[must_use]
    pub fn has_runs(self) -> bool {
        self >= Self::Runs
    }
}

impl Work {
    /// A workshop that nobody has begun.
    #[must_use]
    pub fn new(workshop: Workshop, first: Experiment) -> Self {
        let handed = Handed {
            of: workshop.checksum(),
            ..Handed::default()
        };
        Self {
            workshop,
            first,
            handed,
            draft: None,
            awaited: false,
            lingers: false,
            left: None,
        }
    }

    /// Where somebody is.
    #[must_use]
    pub fn at(&self) -> At {
        let done = self.handed.answers.len();
        match self.lingers && done > 0 {
            true => At::Done(done - 1),
            false if done < self.workshop.steps.len() => At::Open(done),
            false => At::End,
        }
    }

    /// The open step, while it waits for its answer.
    #[must_use]
    pub fn open(&self) -> Option<&Step> {
        match self.at() {
            At::Open(step) => self.workshop.steps.get(step),
            At::Done(_) | At::End => None,
        }
    }

    /// What is hidden, because the open step asks for a guess at it.
    #[must_use]
    pub fn covers(&self) -> Covered {
        match self.open().map(|step| &step.ask) {
            Some(ask) if ask.token().is_some() => Covered::Runs,
            Some(ask) if ask.foretells() => Covered::Map,
            Some(_) | None => Covered::Nothing,
        }
    }

    /// What belongs on the page where somebody goes on: what was there, or what the step
    /// begins with.
    pub fn goes_on(&mut self) -> Experiment {
        let left = self.left.take();
        left.unwrap_or_else(|| self.begins().clone())
    }

    /// What the step that somebody is at begins with.
    #[must_use]
    pub fn begins(&self) -> &Experiment {
        let step = match self.at() {
            At::Open(step) | At::Done(step) => step,
            At::End => self.workshop.steps.len(),
        };
        self.workshop.opens(step, &self.first)
    }

    /// Cells that can be marked; none where none are asked for.
    #[must_use]
    pub fn marks(&self) -> Option<usize> {
        self.open()?.ask.cells()
    }

    /// Those that are marked, or were.
    #[must_use]
    pub fn marked(&self) -> &[(usize, usize)] {
        let said = match self.at() {
            At::Open(_) => self.draft.as_ref(),
            At::Done(step) => self.handed.answers.get(step).and_then(|a| a.said.as_ref()),
            At::End => None,
        };
        match said {
            Some(Reply::Cells(cells)) => cells,
            Some(Reply::Token(_) | Reply::Choice(_) | Reply::Text(_)) | None => &[],
        }
    }

    /// Marks a cell, or no longer. One too many takes the place of the oldest.
    pub fn mark(&mut self, at: (usize, usize)) {
        let Some(most) = self.marks() else { return };
        let mut cells = self.marked().to_vec();
        let before = cells.len();
        cells.retain(|cell| *cell != at);
        if cells.len() == before {
            cells.push(at);
        }
        let over = cells.len().saturating_sub(most);
        cells.drain(..over);
        self.draft = (!cells.is_empty()).then_some(Reply::Cells(cells));
    }

    /// Whether the draft is an answer to the open step.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        let Some(step) = self.open() else {
            return false;
        };
        match (&step.ask, &self.draft) {
            (Ask::Nothing | Ask::Run, _) => true,
            (Ask::Cells { .. }, Some(Reply::Cells(cells))) => !cells.is_empty(),
            (Ask::Token { .. }, Some(Reply::Token(text)))
            | (Ask::Words { .. }, Some(Reply::Text(text))) => !text.trim().is_empty(),
            (Ask::Choice { choices, .. }, Some(Reply::Choice(at))) => *at < choices.len(),
            (Ask::Cells { .. } | Ask::Token { .. } | Ask::Choice { .. } | Ask::Words { .. }, _) => {
                false
            }
        }
    }

    /// Whether the open step waits for what comes out.
    #[must_use]
    pub fn wants_run(&self) -> bool {
        self.open().is_some_and(|step| step.ask.wants_run())
    }

    /// Takes the draft as the answer, with what came out.
    pub fn answer(&mut self, came: Answer) {
        let Some(step) = self.open() else { return };
        // To read on there is nothing to look at.
        self.lingers = !step.ask.is_nothing();
        self.awaited = false;
        self.handed.answers.push(Answer {
            said: self.draft.take(),
            ..came
        });
    }

    /// Goes on from the step that was done; what the next one puts on the page.
    pub fn next(&mut self) -> Option<Experiment> {
        self.lingers = false;
        self.open()?.experiment.clone()
    }

    /// Points so far.
    #[must_use]
    pub fn points(&self) -> Points {
        self.workshop.points(&self.handed)
    }

    /// All of it, and what is on the page, for [`Self::resume`].
    #[must_use]
    pub fn keep(&self, now: &Experiment) -> String {
        let draft = Handed {
            answers: vec![Answer {
                said: self.draft.clone(),
                experiment: Some(now.clone()),
                ..Answer::default()
            }],
            ..Handed::default()
        };
        let lingers = u8::from(self.lingers);
        format!("{lingers} {} {}", handed(&self.handed), handed(&draft))
    }

    /// Goes on where somebody was, from what was kept or handed in; whether it was of this
    /// workshop.
    pub fn resume(&mut self, kept: &str) -> bool {
        let mut all = all_handed(kept).map_while(|(_, handed)| handed.ok());
        let fits =
            |h: &Handed| h.of == self.handed.of && h.answers.len() <= self.workshop.steps.len();
        let Some(handed) = all.next().filter(fits) else {
            return false;
        };
        self.handed = handed;
        self.awaited = false;
        let open = all
            .next()
            .and_then(|mut d| d.answers.pop())
            .unwrap_or_default();
        (self.draft, self.left) = (open.said, open.experiment);
        self.lingers = kept.starts_with('1') && !self.handed.answers.is_empty();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchbay_engine::experiment::{Digest, DigestCell, RunName};

    fn work() -> Work {
        let step = |ask| Step {
            says: "Now.".into(),
            ask,
            experiment: None,
        };
        let other = Experiment {
            bos: false,
            ..Experiment::default()
        };
        let workshop = Workshop {
            title: "W".into(),
            steps: vec![
                step(Ask::Nothing),
                step(Ask::Cells { most: 2 }),
                Step {
                    experiment: Some(other),
                    ..step(Ask::Token {
                        run: RunName::Clean,
                    })
                },
            ],
        };
        Work::new(workshop, Experiment::default())
    }

    #[test]
    fn steps_open_one_after_another() {
        let mut work = work();
        assert_eq!(work.at(), At::Open(0));
        assert!(work.covers() == Covered::Nothing && work.is_answered());
        work.answer(Answer::default());
        // There was nothing to look at.
        assert_eq!(work.at(), At::Open(1));
        assert!(work.covers() == Covered::Map && !work.is_answered() && work.wants_run());
        work.mark((1, 1));
        work.mark((2, 2));
        work.mark((3, 3));
        assert_eq!(work.marked(), [(2, 2), (3, 3)], "the oldest gives way");
        work.mark((3, 3));
        assert_eq!(work.marked(), [(2, 2)]);
        assert!(work.is_answered());
        work.answer(Answer {
            digest: Some(Digest {
                cells: vec![DigestCell {
                    row: 2,
                    column: 2,
                    value: 1.0,
                }],
                ..Digest::default()
            }),
            ..Answer::default()
        });
        assert_eq!(work.at(), At::Done(1));
        assert_eq!(work.covers(), Covered::Nothing);
        assert_eq!(work.marked(), [(2, 2)]);
        assert_eq!((work.points().made, work.points().of), (1, 3));
        assert!(work.begins().bos);
        assert_eq!(work.next().map(|e| e.bos), Some(false));
        assert!(!work.begins().bos);
        work.draft = Some(Reply::Token(" the".into()));
        work.answer(Answer::default());
        assert_eq!(work.at(), At::Done(2));
        assert_eq!(work.next(), None);
        assert_eq!(work.at(), At::End);
        assert_eq!(work.covers(), Covered::Nothing);
    }

    #[test]
    fn an_answer_waits_for_its_own_step_alone() {
        let waiting = || {
            let mut work = work();
            work.answer(Answer::default());
            work.mark((1, 1));
            work.awaited = true;
            work
        };
        let mut one = waiting();
        one.answer(Answer::default());
        assert!(!one.awaited, "it came");
        let mut one = waiting();
        let now = Experiment::default();
        let kept = one.keep(&now);
        assert!(!one.resume("junk") && one.awaited, "nothing was resumed");
        assert!(one.resume(&kept) && !one.awaited);
        assert_eq!(one.marked(), [(1, 1)], "the draft is there again");
        assert!(!Work::new(one.workshop, now).awaited);
    }

    #[test]
    fn what_was_begun_goes_on_where_it_was() {
        let mut one = work();
        one.handed.by = "Zoë".into();
        one.answer(Answer::default());
        one.mark((0, 7));
        let mut other = work();
        let now = Experiment {
            bos: false,
            ..Experiment::default()
        };
        assert!(other.resume(&one.keep(&now)));
        assert_eq!(other.goes_on(), now);
        assert_eq!(other, one);
        one.answer(Answer::default());
        assert!(other.resume(&one.keep(&now)));
        assert_eq!(other.at(), At::Done(1));
        // What was handed in is enough.
        assert!(other.resume(&handed(&one.handed)));
        assert_eq!(other.at(), At::Open(2));
        // That of another workshop, or of nothing, changes nothing.
        // As its step begins.
        assert!(!other.goes_on().bos);
        let before = other.clone();
        let mut third = work();
        third.workshop.title = "X".into();
        let third = Work::new(third.workshop, Experiment::default());
        for kept in [third.keep(&now), String::new(), "1 handed1=zzz".into()] {
            assert!(!other.resume(&kept), "{kept}");
        }
        assert_eq!(other, before);
    }
}
