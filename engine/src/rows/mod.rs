//! Rows over a base: what a forward pass is asked to compute, and the plan of
//! what it must compute for that. Host-side only; no tensor is touched here.
//!
//! A *row* is one token position of one *run*. A run is its tokens, its edits
//! and, optionally, a parent run that it continues or varies. The planner
//! derives which rows have to be computed in which layer:
//!
//! ```text
//! computed = forward reach of the edits  ∩  backward need of the readouts
//! ```
//!
//! Everything else is read from the parent's trace.

mod cost;
mod edit;
mod plan;
mod reach;
mod rounds;
mod seen_by;
mod slots;

pub use cost::Cost;
pub use edit::{Edit, Op, RowEdit, Source};
pub(crate) use plan::index;
pub use plan::{HookPlan, LayerPlan, Plan, RowId, Stage};
pub use reach::kept_for_entry;
pub use rounds::{EditRound, EditSource, rounds, rounds_back};
pub use seen_by::SeenBy;
pub use slots::{OWN_ROW, SlotPool, SlotTable, Trace};

use crate::experiment::{Site, Width};
use crate::sentence::{Says, Sentence};
use serde::Serialize;
use std::rc::Rc;

/// One run of the model, to be planned together with others.
#[derive(Clone, Debug)]
pub struct Run {
    /// Token ids of all positions, the parent's included.
    pub tokens: Rc<[u32]>,
    /// The run that this one continues (more tokens) or varies (edits). Its
    /// edits hold here too.
    pub parent: Option<Rc<Trace>>,
    /// Applied in this order where several meet at one site and position,
    /// after the parent's.
    pub edits: Vec<Edit>,
    /// Where to keep this run's activations, if it is to be a parent or a source.
    pub keep: Option<Rc<Trace>>,
    /// Positions whose logits are wanted.
    pub reads: Vec<usize>,
    /// Activations wanted as numbers: site, layer, position.
    pub captures: Vec<(Site, usize, usize)>,
}

impl Run {
    /// A plain run of a prompt: no parent, no edits, nothing kept or read yet.
    #[must_use]
    pub fn of(tokens: Rc<[u32]>) -> Self {
        Self {
            tokens,
            parent: None,
            edits: Vec::new(),
            keep: None,
            reads: Vec::new(),
            captures: Vec::new(),
        }
    }

    /// A run that varies or continues `parent`.
    #[must_use]
    pub fn over(parent: &Rc<Trace>) -> Self {
        Self {
            parent: Some(parent.clone()),
            ..Self::of(parent.tokens.clone())
        }
    }

    /// The same run, with `sites` kept at every layer. Call it last: which
    /// positions it has to compute itself follows from its tokens and edits.
    #[must_use]
    pub fn kept(mut self, pool: &SlotPool, sites: &[Site]) -> Self {
        let edited = self.edits.iter().map(|e| e.position);
        let old = self.parent.as_ref().map_or(0, |p| p.tokens.len());
        let from = edited.fold(old.min(self.tokens.len()), usize::min);
        self.keep = Some(Trace::reserve(
            pool,
            self.tokens.clone(),
            sites,
            self.parent.as_ref(),
            from,
            &self.edits,
        ));
        self
    }

    /// The edits that hold: the parent's, then its own; and how many are the parent's.
    fn all_edits(&self) -> (Vec<&Edit>, usize) {
        let inherited = self.parent.as_ref().map_or(&[][..], |p| &p.edits);
        let all = inherited.iter().chain(&self.edits).collect();
        (all, inherited.len())
    }
}

/// The sizes that the planner needs to know of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Blocks of attention and MLP; layers are counted from 0.
    pub n_layer: usize,
    /// Heads of each layer, which share its width evenly.
    pub n_head: usize,
    /// Width of the residual stream, `d_model` in TransformerLens.
    pub n_embd: usize,
    /// Width of the MLP's hidden layer, `d_mlp` in TransformerLens.
    pub n_inner: usize,
    /// Context length, in tokens.
    pub n_positions: usize,
    /// Tokens of the vocabulary; ids are counted from 0.
    pub n_vocab: usize,
}

impl Shape {
    /// Width of a head's vectors.
    #[must_use]
    pub fn d_head(&self) -> usize {
        self.n_embd / self.n_head
    }

    /// Width of one row at a site, over all heads; `None` for `pattern`, whose
    /// width is the number of keys.
    #[must_use]
    pub fn width(&self, site: Site) -> Option<usize> {
        match site.width() {
            Width::Keys => None,
            Width::Inner => Some(self.n_inner),
            Width::Vocabulary => Some(self.n_vocab),
            Width::Embd => Some(self.n_embd),
        }
    }
}

/// Why a set of runs cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanError {
    /// A run has more tokens than the model has positions.
    #[error("a prompt has {found} tokens, but this model reads at most {expected}; shorten it")]
    TooLong {
        /// Tokens of the run.
        found: usize,
        /// Positions of the model.
        expected: usize,
    },
    /// A run has no tokens.
    #[error("a prompt has no tokens; write something, or switch BOS on")]
    Empty,
    /// An edit or a capture names a layer beyond the last.
    #[error("{site} was asked for at layer {layer}, but this model has layers 0 to {}", .n_layer - 1)]
    NoSuchLayer {
        /// The site named.
        site: Site,
        /// The layer named, from 0.
        layer: usize,
        /// How many there are.
        n_layer: usize,
    },
    /// An edit, a read or a capture names a position beyond the run's end, or beyond its
    /// source's.
    #[error(
        "{site} was asked for at position {position}, but the run has positions 0 to {}", .len - 1
    )]
    NoSuchPosition {
        /// The site named; `logits` of a read.
        site: Site,
        /// The position named, from 0.
        position: usize,
        /// How many there are.
        len: usize,
    },
    /// An edit names a head beyond the last.
    #[error("{site} was asked for at head {head}, but this model has heads 0 to {}", .n_head - 1)]
    NoSuchHead {
        /// The site named.
        site: Site,
        /// The head named, from 0.
        head: usize,
        /// How many there are.
        n_head: usize,
    },
    /// An edit names columns, or keys of a pattern, beyond the last, or none.
    #[error(
        "{site} was asked for at columns {first} to {}, but it has columns 0 to {} there", .first + .count - 1, .whole - 1
    )]
    NoSuchColumns {
        /// The site named.
        site: Site,
        /// The first of them, from 0.
        first: usize,
        /// How many.
        count: usize,
        /// How many there are: of the head, where one is named.
        whole: usize,
    },
    /// An edit names a head of what has none.
    #[error("{site} has no heads; leave the head out")]
    NotPerHead {
        /// The site named.
        site: Site,
    },
    /// An edit is none that the site can have.
    #[error("{site} cannot be edited in this way: {why}")]
    NotEditable {
        /// The site named.
        site: Site,
        /// What is in its way.
        why: NotEditable,
    },
    /// An edit brings a vector of another width than what it edits.
    #[error(
        "an edit at {site} brings a vector of width {found}, but the site has width {expected}; a vector fits only the model that it was made on"
    )]
    Width {
        /// The site named.
        site: Site,
        /// Numbers in the vector.
        found: usize,
        /// Columns that are edited.
        expected: usize,
    },
    /// A coefficient of an edit, or its vector, is infinite or not a number.
    #[error("an edit at {site} has a value that is not a finite number")]
    NotFinite {
        /// The site named.
        site: Site,
    },
    /// An edit takes its vector from a run that does not keep the site.
    #[error("{site} of the source run was not kept; it has to be asked for when that run is made")]
    NotKept {
        /// The site named.
        site: Site,
    },
    /// A run has another token than its parent at a position that both have.
    #[error(
        "a run differs from its parent's tokens at position {position}; a child continues or varies its parent"
    )]
    NotAChild {
        /// The first such position, from 0.
        position: usize,
    },
}

impl Sentence for PlanError {
    fn says(&self) -> Says {
        Says::of("plan", self)
    }
}

/// Why a site cannot be edited in some way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotEditable {
    /// The site is `logits`.
    #[error("they are what is read; edit ln_final, from which they are made")]
    IsRead,
    /// Some keys of a pattern are named, and no head.
    #[error("some keys of a pattern belong to one head; name the head")]
    SomeKeys,
    /// A vector is brought for a pattern, and no head is named.
    #[error("a vector of keys belongs to one head; name the head")]
    VectorOfKeys,
    /// A derivative is wanted through a cap, which has none where it begins to hold.
    #[error(
        "a cap has no derivative where it begins to hold; estimates need a push that adds, sets or scales"
    )]
    Bends,
    /// A projection is to be set along a vector of zeros.
    #[error("a direction of length zero has no projection")]
    NoLength,
}
