//! A sweep's pieces, shared out among engines, and what the others found.

use futures_channel::oneshot;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};

/// What was found of a piece's items: their numbers in the sweep, and their metrics.
pub type Cells = Vec<(usize, Vec<f32>)>;

/// What the engine that owns the sweep does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// It does this piece.
    Do(u64),
    /// Another engine has done this one.
    Done {
        /// Its number, as it was laid out.
        piece: u64,
        /// What was found at it.
        cells: Cells,
    },
    /// Nothing is left and nothing is awaited.
    Over,
}

/// The pieces of one sweep at a time. Engines are known by number; the owner has none.
#[derive(Debug, Default)]
pub struct Crew {
    left: RefCell<VecDeque<u64>>,
    open: Cell<bool>,
    /// The piece that each of the others is at.
    out: RefCell<HashMap<usize, u64>>,
    found: RefCell<VecDeque<(u64, Cells)>>,
    /// Engines that did a piece.
    hands: RefCell<Vec<usize>>,
    wake: RefCell<Option<oneshot::Sender<()>>>,
}

impl Crew {
    /// Lays out pieces; engines that had a part in the ones before still count.
    pub fn open(&self, pieces: impl IntoIterator<Item = u64>) {
        let hands = self.hands.take();
        self.close();
        self.hands.replace(hands);
        self.left.borrow_mut().extend(pieces);
        self.open.set(true);
    }

    /// Forgets what is left, and whatever the others still find.
    pub fn close(&self) {
        self.open.set(false);
        self.left.borrow_mut().clear();
        self.out.borrow_mut().clear();
        self.found.borrow_mut().clear();
        self.hands.borrow_mut().clear();
        self.wake();
    }

    /// Whether a sweep has laid out its pieces.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.get()
    }

    /// A piece for another engine; `None` when none is left.
    pub fn take(&self, who: usize) -> Option<u64> {
        let piece = self.left.borrow_mut().pop_front()?;
        self.out.borrow_mut().insert(who, piece);
        Some(piece)
    }

    /// What another engine found at its piece.
    pub fn deliver(&self, who: usize, cells: Cells) {
        if let Some(piece) = self.out.borrow_mut().remove(&who) {
            self.found.borrow_mut().push_back((piece, cells));
            let mut hands = self.hands.borrow_mut();
            if !hands.contains(&who) {
                hands.push(who);
            }
        }
        self.wake();
    }

    /// Another engine will not do its piece: it is left again.
    pub fn lose(&self, who: usize) {
        if let Some(piece) = self.out.borrow_mut().remove(&who) {
            self.left.borrow_mut().push_front(piece);
        }
        self.wake();
    }

    /// Engines that have had a part in the sweep, the owner included.
    #[must_use]
    pub fn hands(&self) -> usize {
        1 + self.hands.borrow().len()
    }

    /// What the owner does next; waits for the others when nothing else is left.
    pub async fn turn(&self) -> Turn {
        loop {
            if let Some((piece, cells)) = self.found.borrow_mut().pop_front() {
                return Turn::Done { piece, cells };
            }
            if let Some(piece) = self.left.borrow_mut().pop_front() {
                return Turn::Do(piece);
            }
            if self.out.borrow().is_empty() {
                return Turn::Over;
            }
            let (wake, woken) = oneshot::channel();
            self.wake.replace(Some(wake));
            // A dropped sender wakes as well.
            let _ = woken.await;
        }
    }

    fn wake(&self) {
        if let Some(wake) = self.wake.take() {
            let _ = wake.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn now(crew: &Crew) -> Option<Turn> {
        match pin!(crew.turn()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    #[test]
    fn every_piece_is_done_once() {
        let crew = Crew::default();
        crew.open(0..4);
        assert_eq!(now(&crew), Some(Turn::Do(0)));
        assert_eq!(crew.take(1), Some(1));
        assert_eq!(crew.take(2), Some(2));
        assert_eq!(now(&crew), Some(Turn::Do(3)));
        assert_eq!(now(&crew), None, "the others are still at it");
        crew.deliver(1, vec![(0, vec![0.5])]);
        let done = |piece, cells| Some(Turn::Done { piece, cells });
        assert_eq!(now(&crew), done(1, vec![(0, vec![0.5])]));
        assert_eq!(crew.hands(), 2);
        crew.lose(2);
        assert_eq!(now(&crew), Some(Turn::Do(2)));
        assert_eq!(now(&crew), Some(Turn::Over));
        assert_eq!(crew.take(1), None);
    }

    #[test]
    fn what_comes_too_late_is_forgotten() {
        let crew = Crew::default();
        crew.open(0..1);
        assert_eq!(crew.take(1), Some(0));
        crew.close();
        crew.deliver(1, vec![(0, vec![1.0])]);
        crew.open(0..1);
        crew.lose(1);
        assert_eq!(now(&crew), Some(Turn::Do(0)));
        assert_eq!(now(&crew), Some(Turn::Over));
    }

    #[test]
    fn whoever_waits_is_woken() {
        let crew = Crew::default();
        crew.open(0..1);
        assert_eq!(crew.take(1), Some(0));
        let mut turn = pin!(crew.turn());
        let mut context = Context::from_waker(Waker::noop());
        assert!(turn.as_mut().poll(&mut context).is_pending());
        crew.lose(1);
        assert_eq!(turn.poll(&mut context), Poll::Ready(Turn::Do(0)));
    }
}
