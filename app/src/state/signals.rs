//! What the page follows, and what follows from that.

use super::begun::opened_with;
use super::stored::{Kept, history_of, kept};
use crate::embed::is_embedded;
use crate::engine::Engine;
use crate::grid::Grid;
use crate::history::History;
use crate::link::{self, BrokenLink};
use crate::places::place;
use crate::preferences::{Preferences, preferences};
use crate::results::{Job, Patched, Results, Runs, Steered, akin};
use crate::workshop::{Covered, Work};
use leptos::prelude::*;
use patchbay_engine::experiment::link::Link;
use patchbay_engine::experiment::{
    BackendInfo, Cell, Digest, Experiment, Field, Mode, ModelInfo, Problem, Progress, Reading,
    Room, Show as Embed, Site, Sweep,
};
use patchbay_engine::protocol::{Failure, Offer, SourceInfo, Store};
use patchbay_engine::sentence::Said;
use patchbay_engine::source::{Named, Remote};
use std::collections::BTreeSet;
use std::ops::Deref;

/// Sweeps of models up to this size start by themselves.
const SMALL_MODEL: u64 = 20_000_000;

/// Where the engine is.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// The worker's code is being loaded.
    Starting,
    /// Finding out what the model would take.
    Describing,
    /// The model's host has to be agreed to before it is asked anything.
    Unasked { host: String },
    /// Nothing is fetched before a person agrees to it.
    Offered(Box<Offer>),
    /// With what was agreed to, where something had to be.
    Loading(Option<Box<Offer>>),
    Ready {
        model: ModelInfo,
        backend: BackendInfo,
        source: Box<SourceInfo>,
    },
    /// The model could not be loaded, or its device was lost.
    Failed(Failure),
    /// The worker stopped more than once in a row.
    Stopped,
}

/// Something to tell that is not about a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    Failure(Failure),
    /// The worker stopped and was started again.
    Restarted {
        reason: String,
    },
    /// A file that was dropped on the page is no experiment.
    File {
        message: String,
    },
}

/// Something that was typed and cannot be taken.
struct Refused {
    /// The id of its field.
    id: String,
    why: String,
    /// Whether the field sets a part of the experiment.
    counts: bool,
}

/// How far a load has got.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arriving {
    pub progress: Option<Progress>,
    /// Why nothing arrives just now.
    pub waiting: Option<Said>,
}

/// A file that the engine was asked to read or to write.
pub(super) struct Asked {
    pub(super) id: u32,
    pub(super) what: Wanted,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Download,
    /// The direction that it is read for.
    Direction(usize),
    /// The experiment of the link that was opened.
    Experiment,
}

/// The file that the opened link names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    pub remote: Remote,
    /// Since a person agreed.
    pub fetching: bool,
    /// Why it did not come.
    pub fault: Option<String>,
}

/// What the outside world knows and the page need not redraw for.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) engine: Option<Engine>,
    /// Whether the worker listens.
    pub(super) listening: bool,
    pub(super) next_id: u32,
    /// The step of loading that is awaited.
    pub(super) load: Option<u32>,
    /// What a person agreed to fetch, until it is there or is paused.
    pub(super) agreed: Option<Box<Offer>>,
    /// What was asked last, so that it is not asked twice.
    pub(super) asked: Option<(Experiment, crate::results::Goal)>,
    /// Looks after the worker since it last said something; `None` where nothing
    /// was awaited of it at the last one.
    pub(super) silent: Option<u32>,
    /// Whether something was sent since then.
    pub(super) unanswered: bool,
    /// Crashes since the last finished answer.
    pub(super) crashes: u32,
    /// Files that are being read or written.
    pub(super) files: Vec<Asked>,
    /// The experiment's number at the entry that the browser was sent to.
    pub(super) going: Option<u32>,
    /// Those that it was sent to and has not come to yet, the given up ones, too.
    pub(super) told: BTreeSet<u32>,
    /// Which visit of the page the browser's history is of.
    pub(super) visit: u64,
    /// Whether it was opened before in this tab, with an entry of its own.
    pub(super) reloaded: bool,
}

/// The handle to everything; copied freely. There is one state as long as the page
/// lives, so a reference does: closures that each copied all signals would make
/// the page a good deal larger.
#[derive(Clone, Copy)]
pub struct State(&'static Signals);

impl Deref for State {
    type Target = Signals;

    fn deref(&self) -> &Signals {
        self.0
    }
}

pub struct Signals {
    pub experiment: RwSignal<Experiment>,
    /// What was on the page before, and what was undone.
    pub history: RwSignal<History>,
    pub broken_link: RwSignal<Option<BrokenLink>>,
    /// What the link leads to, until a person agreed to fetch it and it is there.
    pub behind: RwSignal<Option<Behind>>,
    /// The results that came with the link that was opened last.
    pub author: RwSignal<Option<Digest>>,
    /// Whether the page is embedded in another one.
    pub embedded: bool,
    /// What of it is shown, where whoever embedded it or made a workshop of it says so.
    pub show: RwSignal<Option<Embed>>,
    /// The workshop that the link is one of, and how far somebody has come with it.
    pub work: RwSignal<Option<Work>>,
    pub preferences: Signal<Preferences>,
    pub set_preferences: WriteSignal<Preferences>,
    pub status: RwSignal<Status>,
    pub arriving: RwSignal<Arriving>,
    /// The models kept in this browser, as the engine told last.
    pub store: RwSignal<Option<Store>>,
    pub notice: RwSignal<Option<Notice>>,
    /// Whether the menu of models was opened.
    pub menu: RwSignal<bool>,
    /// What was typed and cannot be taken.
    refused: RwSignal<Vec<Refused>>,
    /// The fields beside which problems are told now.
    pub places: RwSignal<Vec<Field>>,
    pub job: RwSignal<Option<Job>>,
    pub results: RwSignal<Results>,
    /// Which of the sweeps is looked at and set up.
    pub active: RwSignal<usize>,
    /// Which of the metrics is shown.
    pub shown: RwSignal<usize>,
    /// Whether estimates are shown, where there are any, and not what was patched.
    pub estimated: RwSignal<bool>,
    /// Whether a person agreed to fetch encoders of dictionaries.
    pub encoders: RwSignal<bool>,
    /// A map that others are compared with, and whether they are.
    pub pinned: RwSignal<Option<Grid>>,
    pub compares: RwSignal<bool>,
    /// The runs that were finished, the last one first.
    pub runs: Kept,
    pub derived: Derived,
    pub(super) wire: StoredValue<Wire, LocalStorage>,
}

/// What follows from the rest.
#[derive(Clone, Copy)]
pub struct Derived {
    /// Whether results have to wait for a model that does not come with the page.
    pub awaits: Memo<bool>,
    /// What is hidden, because a workshop asks for a guess at it.
    pub covered: Memo<Covered>,
    /// How the model that is open read the prompts.
    pub reading: Memo<Option<Reading>>,
    pub runs: Memo<Option<Runs>>,
    pub grid: Memo<Option<Grid>>,
    /// The patched run of the cell that the experiment names.
    pub patched: Memo<Option<Patched>>,
    /// Whether the two runs belong to an older experiment.
    pub runs_stale: Memo<bool>,
    /// Whether the chosen cell's run belongs to an older experiment.
    pub patched_stale: Memo<bool>,
    /// Whether what the steering room was told is of what is on the page, or of an older
    /// setting of that.
    pub steered_akin: Memo<bool>,
    /// Whether what the steering room shows belongs to an older experiment, or
    /// was not written to its end.
    pub steered_stale: Memo<bool>,
    /// Whether the heat map belongs to an older experiment.
    pub stale: Memo<bool>,
    pub busy: Memo<bool>,
}

impl Behind {
    pub(super) fn of(remote: Remote) -> Self {
        Self {
            remote,
            fetching: false,
            fault: None,
        }
    }
}

impl State {
    /// The state for the page's address, with the engine starting.
    #[must_use]
    pub fn new() -> Self {
        let (opened, broken_link) = match link::read() {
            Ok(link) => (link.unwrap_or_default(), None),
            Err(broken) => (Link::default(), Some(broken)),
        };
        let (behind, broken_link) = match link::behind() {
            Ok(remote) => (remote.map(Behind::of), broken_link),
            Err(broken) => (None, Some(broken)),
        };
        let Link {
            experiment,
            digest,
            show,
            workshop,
        } = opened;
        let embedded = is_embedded();
        let show = show.or_else(|| embedded.then(Embed::default));
        let (work, experiment) = opened_with(workshop, experiment);
        let work = RwSignal::new(work);
        let covered =
            Memo::new(move |_| work.with(|w| w.as_ref().map_or(Covered::Nothing, Work::covers)));
        let reloaded = link::note().is_some();
        let (history, visit) = history_of(experiment.clone());
        let experiment = RwSignal::new(experiment);
        let (preferences, set_preferences) = preferences();
        let status = RwSignal::new(Status::Starting);
        let results = RwSignal::new(Results::default());
        let job = RwSignal::new(None);
        let refused = RwSignal::<Vec<_>>::default();
        let chosen = experiment.with_untracked(|e| e.cell.map_or(0, |c| c.sweep));
        let (active, shown) = (RwSignal::new(chosen), RwSignal::new(0));
        let estimated = RwSignal::new(false);
        let (pinned, compares) = (RwSignal::new(None::<Grid>), RwSignal::new(false));
        // The sweep that is looked at, less the pinned one where they are compared.
        let looked_at = Memo::new(move |_| {
            let grid: Grid = results.with(|r: &Results| {
                let mut grid = r.grids.get(active.get()).or(r.grids.first())?.clone();
                grid.shown = shown.get().min(grid.metrics.len().saturating_sub(1));
                grid.estimated = estimated.get() && !grid.estimates.is_empty();
                Some(grid)
            })?;
            if covered.get().has_map() {
                return Some(grid.blank());
            }
            let difference = pinned.with(|p| grid.minus(p.as_ref().filter(|_| compares.get())?));
            Some(difference.unwrap_or(grid))
        });
        let state = Self(Box::leak(Box::new(Signals {
            experiment,
            history: RwSignal::new(history),
            runs: kept(),
            broken_link: RwSignal::new(broken_link),
            behind: RwSignal::new(behind),
            author: RwSignal::new(digest),
            embedded,
            show: RwSignal::new(show),
            work,
            preferences,
            set_preferences,
            status,
            arriving: RwSignal::new(Arriving::default()),
            store: RwSignal::new(None),
            notice: RwSignal::new(None),
            menu: RwSignal::new(false),
            refused,
            places: RwSignal::default(),
            job,
            results,
            active,
            shown,
            estimated,
            encoders: RwSignal::new(false),
            pinned,
            compares,
            derived: Derived::new(
                experiment, status, results, job, looked_at, refused, covered,
            ),
            wire: StoredValue::new_local(Wire {
                visit,
                reloaded,
                ..Wire::default()
            }),
        })));
        state.watch();
        state.keep_history();
        state.keep_embed();
        state.keep_work();
        state.watch_worker();
        state.start();
        state
    }

    /// The engine's remarks on a field of the experiment.
    #[must_use]
    pub fn problems(self, field: Field) -> Vec<Problem> {
        let place = place(field, self.room());
        let mut problems = self.all_problems();
        problems.retain(|p| self.place_of(p.field) == place);
        problems
    }

    /// The remarks that no part of the page that is shown now has a place for.
    #[must_use]
    pub fn unplaced(self) -> Vec<Problem> {
        let mut problems = self.all_problems();
        problems.retain(|p| self.place_of(p.field).is_none());
        problems
    }

    /// The field beside which a remark on this one is shown now.
    fn place_of(self, field: Field) -> Option<Field> {
        let place = place(field, self.room())?;
        self.places.with(|p| p.contains(&place)).then_some(place)
    }

    /// All remarks on the experiment: how it was read, in the patching room, and
    /// what it failed for.
    fn all_problems(self) -> Vec<Problem> {
        let read = match self.room().is_patching() {
            true => self
                .derived
                .reading
                .with(|r| r.as_ref().map(|r| r.problems.clone())),
            false => self.results.with(|r| {
                let report = r.steering.as_ref()?;
                // What was wrong with an older experiment is not wrong with this one.
                let same = self
                    .experiment
                    .with(|e| report.experiment.steering_only() == e.steering_only());
                let report = same.then_some(report)?;
                Some(report.reading.problems.clone())
            }),
        };
        let mut problems = read.unwrap_or_default();
        if let Some(Notice::Failure(failure)) = self.notice.get()
            && let Some(field) = failure.field
            && problems.iter().all(|p| p.message != failure.message)
        {
            problems.push(Problem {
                field,
                message: failure.message,
                says: failure.says,
                fatal: true,
            });
        }
        problems
    }

    /// Whether what is set in a part of the experiment keeps it from running.
    #[must_use]
    pub fn is_invalid(self, field: Field) -> bool {
        let room = self.room();
        let problems = self.all_problems();
        let of = |p: &Problem| p.field == field || place(p.field, room) == Some(field);
        problems.iter().any(|p| p.fatal && of(p))
    }

    /// Whether something that is set keeps the experiment from running.
    #[must_use]
    pub fn is_barred(self) -> bool {
        self.refused.with(|r| r.iter().any(|r| r.counts))
            || self.all_problems().iter().any(|p| p.fatal)
    }

    /// Why what was typed in the field of this id is not taken.
    #[must_use]
    pub fn refusal(self, id: &str) -> Option<String> {
        let of = |refused: &Vec<Refused>| {
            let one = refused.iter().find(|r| r.id == id)?;
            Some(one.why.clone())
        };
        self.refused.with(of)
    }

    /// Takes note of why what was typed in a field is not taken, or of that it is.
    /// `counts` where the field sets a part of the experiment.
    pub fn refuse(self, id: &str, why: Option<String>, counts: bool) {
        let there = self
            .refused
            .with_untracked(|r| r.iter().any(|r| r.id == id));
        if there || why.is_some() {
            self.refused.update(|refused| {
                refused.retain(|r| r.id != id);
                refused.extend(why.map(|why| Refused {
                    id: id.to_owned(),
                    why,
                    counts,
                }));
            });
        }
    }

    /// The loaded model.
    #[must_use]
    pub fn model(self) -> Option<ModelInfo> {
        self.status.with(|status| match status {
            Status::Ready { model, .. } => Some(model.clone()),
            _ => None,
        })
    }

    /// Where the numbers are computed.
    #[must_use]
    pub fn backend(self) -> Option<BackendInfo> {
        self.status.with(|status| match status {
            Status::Ready { backend, .. } => Some(backend.clone()),
            _ => None,
        })
    }

    /// Whether sweeps start by themselves.
    #[must_use]
    pub fn is_automatic(self) -> bool {
        self.preferences
            .with(|p| p.automatic)
            .unwrap_or_else(|| self.model().is_none_or(|m| m.parameters <= SMALL_MODEL))
    }

    /// The sweep wanted, or the one that the page offers first.
    #[must_use]
    pub fn sweep(self) -> Sweep {
        let active = self.active.get();
        let sweep = self.experiment.with(|e| e.sweeps.get(active).cloned());
        sweep.unwrap_or(Sweep::of(Site::ResidPre, Mode::Denoising))
    }

    /// A cell of the sweep that is looked at.
    #[must_use]
    pub fn cell(self, row: usize, column: usize) -> Cell {
        let grid = self.derived.grid;
        Cell {
            sweep: grid.with_untracked(|g| g.as_ref().map_or(0, |g| g.index)),
            row,
            column,
        }
    }
}

/// Whether a model comes with the page. Names that cannot be read come from nowhere.
#[must_use]
pub fn is_bundled(name: &str) -> bool {
    matches!(Named::parse(name), Ok(Named::Bundled(_)))
}

impl Derived {
    fn new(
        experiment: RwSignal<Experiment>,
        status: RwSignal<Status>,
        results: RwSignal<Results>,
        job: RwSignal<Option<Job>>,
        grid: Memo<Option<Grid>>,
        refused: RwSignal<Vec<Refused>>,
        covered: Memo<Covered>,
    ) -> Self {
        let awaits = Memo::new(move |_| match *status.read() {
            Status::Describing | Status::Unasked { .. } | Status::Offered(_) => true,
            Status::Loading(_) => experiment.with(|e| !is_bundled(&e.model)),
            Status::Starting | Status::Ready { .. } | Status::Failed(_) | Status::Stopped => false,
        });
        let runs = Memo::new(move |_| {
            let hidden = covered.get().has_runs();
            results.with(|r| r.runs.clone().filter(|_| !hidden))
        });
        // What is typed now and cannot be taken is what the results are not of.
        let differs = move |of: Option<&Experiment>| {
            let refused = refused.with(|r| r.iter().any(|r| r.counts));
            let older = |of: &Experiment| match of.room {
                Room::Patching => experiment.with(|e| of.sweeps_only() != e.sweeps_only()),
                Room::Steering => experiment.with(|e| of.steering_only() != e.steering_only()),
            };
            of.is_some_and(|of| refused || older(of))
        };
        let steered_akin = Memo::new(move |_| {
            let of = |s: &Steered| experiment.with(|e| akin(&s.experiment, e));
            results.with(|r| r.steered.as_ref().is_some_and(of))
        });
        Self {
            awaits,
            covered,
            reading: Memo::new(move |_| {
                // The tokens of another model are none of the one that is awaited.
                results.with(|r| r.reading.clone().filter(|_| !awaits.get()))
            }),
            runs,
            grid,
            patched: Memo::new(move |_| {
                if covered.get().has_map() {
                    return None;
                }
                let cell = experiment.with(|e| e.cell)?;
                results.with(|r| r.patched.clone().filter(|p| p.report.cell == cell))
            }),
            runs_stale: Memo::new(move |_| {
                runs.with(|r| differs(r.as_ref().map(|r| &r.experiment)))
            }),
            patched_stale: Memo::new(move |_| {
                results.with(|r| differs(r.patched.as_ref().map(|p| &p.experiment)))
            }),
            steered_akin,
            steered_stale: Memo::new(move |_| {
                // Texts that are not written to their end are partly older ones.
                let busy = job.with(Option::is_some);
                results.with(|r| {
                    let steered = r.steered.as_ref();
                    let steered = steered.filter(|_| steered_akin.get());
                    steered.is_some_and(|s| !s.complete && !busy)
                        || differs(steered.map(|s| &s.experiment))
                })
            }),
            stale: Memo::new(move |_| grid.with(|g| differs(g.as_ref().map(|g| &g.experiment)))),
            busy: Memo::new(move |_| job.with(Option::is_some)),
        }
    }
}

/// The state, from any component below the root.
#[must_use]
pub fn use_state() -> State {
    expect_context()
}
