//! The runs of this visit: what a finished one leaves in the list of them, and the list.

use crate::grid::{Column, Grid, Values};
use patchbay_engine::experiment::{Axis, Experiment, Frame, MetricReport, PlanReport, Room, link};
use serde::{Deserialize, Serialize};

/// Runs in the list at most, and characters of all of them.
pub const MOST: usize = 30;
const MOST_TOGETHER: usize = 1_500_000;

/// Characters of one run's experiment at most, and of its name and its first text.
const LONGEST: usize = 100_000;
pub const LONGEST_TEXT: usize = 120;

/// Cells of which a map is kept.
const MOST_CELLS: usize = 4_000;

/// A finished run, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// What was run, and nothing else of the experiment, as the end of a link.
    pub link: String,
    pub backend: String,
    /// What a person calls it.
    pub name: String,
    /// The first steered text; of a sweep the strongest cell in words.
    pub text: String,
    /// Which sweep the map is of, and which metric it shows.
    pub sweep: usize,
    pub shown: usize,
    /// The metric of both runs and of the strongest cell.
    pub clean: Option<f32>,
    pub corrupted: Option<f32>,
    pub strongest: Option<f32>,
    pub values: Values<f32>,
    pub rows: Option<Axis>,
    pub columns: Option<Axis>,
}

/// A run's experiment on the page. What the other room is set up for stays.
#[must_use]
pub fn opened(run: Experiment, before: Experiment) -> Experiment {
    match run.room {
        Room::Patching => {
            let mut steer = before.steer;
            if let Some(of_run) = run.steer {
                let steer = steer.get_or_insert_default();
                steer.directions = of_run.directions;
            }
            Experiment { steer, ..run }
        }
        Room::Steering => Experiment {
            model: run.model,
            bos: run.bos,
            room: run.room,
            steer: run.steer,
            ..before
        },
    }
}

impl Run {
    /// The experiment that was run; `None` where what was kept cannot be read.
    #[must_use]
    pub fn experiment(&self) -> Option<Experiment> {
        link::decode(&self.link).ok().flatten()
    }

    /// Takes the map of a finished sweep.
    pub fn take(&mut self, grid: &Grid) {
        (self.sweep, self.shown) = (grid.index, grid.shown);
        let finite = |value: f32| Some(value).filter(|v| v.is_finite());
        let metric = grid.metric();
        (self.clean, self.corrupted) = (finite(metric.clean), finite(metric.corrupted));
        let strongest = grid.strongest();
        self.strongest = strongest.and_then(|(row, column)| grid.value(row, column));
        if grid.rows.len() * grid.columns.len() <= MOST_CELLS {
            self.values = grid.values.get(grid.shown).cloned().unwrap_or_default();
            self.rows = Some(grid.frame.rows.clone());
            self.columns = Some(grid.frame.columns.clone());
        }
    }

    /// Its map, without the tokens at its positions.
    #[must_use]
    pub fn grid(&self, experiment: &Experiment) -> Option<Grid> {
        let sweep = experiment.sweeps.get(self.sweep)?.clone();
        let (rows, columns) = (self.rows.clone()?, self.columns.clone()?);
        let wide = |row: &Vec<_>| row.len() == columns.len();
        if self.values.len() != rows.len()
            || !self.values.iter().all(wide)
            || self.values.is_empty()
        {
            return None;
        }
        let side = |axis: &Axis| {
            let one = |label: String| Column {
                label,
                token: None,
                differs: false,
            };
            axis.labels().into_iter().map(one).collect()
        };
        let metric = MetricReport {
            clean: self.clean.unwrap_or(f32::NAN),
            corrupted: self.corrupted.unwrap_or(f32::NAN),
            advice: None,
        };
        // The one metric that is known stands for itself, among those that are not.
        let metrics = vec![metric; self.shown.min(experiment.metrics.len()) + 1];
        Some(Grid {
            experiment: experiment.clone(),
            index: self.sweep,
            frame: Frame {
                sweep,
                rows: rows.clone(),
                columns: columns.clone(),
            },
            rows: side(&rows),
            columns: side(&columns),
            shown: metrics.len() - 1,
            values: vec![self.values.clone(); metrics.len()],
            metrics,
            intervals: Vec::new(),
            estimates: Vec::new(),
            agreement: Vec::new(),
            estimated: false,
            plan: PlanReport::default(),
            seconds: Some(0.0),
            difference: false,
        })
    }

    /// Its map by itself, for where nothing newer can be run: without a time that it took,
    /// so that nothing takes it for a whole one of this page.
    #[must_use]
    pub fn old_map(&self) -> Option<Grid> {
        let experiment = self.experiment()?;
        let mut map = self.grid(&experiment)?;
        // Of the other metrics no value is kept.
        let metrics = &mut map.experiment.metrics;
        if self.shown < metrics.len() {
            metrics.swap(0, self.shown);
        }
        metrics.truncate(1);
        map.metrics.truncate(1);
        map.values.truncate(1);
        (map.shown, map.seconds) = (0, None);
        experiment.room.is_patching().then_some(map)
    }

    /// About as many characters as it takes in the browser's storage.
    fn size(&self) -> usize {
        let cells: usize = self.values.iter().map(Vec::len).sum();
        let sides = [&self.rows, &self.columns].into_iter().flatten();
        let labels: usize = sides.flat_map(Axis::labels).map(|l| l.len() + 3).sum();
        self.link.len() + self.text.len() + self.name.len() + 12 * cells + labels + 200
    }

    /// Which of its experiment's maps it keeps: the sweep, and the metric shown.
    #[must_use]
    pub fn map(&self) -> (usize, usize) {
        (self.sweep, self.shown)
    }

    fn is_same_as(&self, other: &Self) -> bool {
        (&self.link, &self.backend, self.map()) == (&other.link, &other.backend, other.map())
    }
}

/// Puts a finished run first. One that was run before moves there and keeps its name.
/// Where there are too many, the oldest goes that has no name.
/// `false` where its experiment is too large to be kept.
pub fn add(runs: &mut Vec<Run>, mut run: Run) -> bool {
    if run.link.len() > LONGEST {
        return false;
    }
    if let Some(at) = runs.iter().position(|r| r.is_same_as(&run)) {
        run.name = runs.remove(at).name;
    }
    runs.insert(0, run);
    let together = |runs: &[Run]| runs.iter().map(Run::size).sum::<usize>();
    while runs.len() > 1 && (runs.len() > MOST || together(runs) > MOST_TOGETHER) {
        let unnamed = runs.iter().rposition(|r| r.name.is_empty());
        let oldest = unnamed.filter(|at| *at > 0);
        runs.remove(oldest.unwrap_or(runs.len() - 1));
    }
    true
}

/// The beginning of a text, as long as the list shows it.
#[must_use]
pub fn short(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::steering;
    use crate::grid::tests::{cell, grid};
    use patchbay_engine::experiment::{MetricKind, Mode, Prompt, Site, Steered};

    fn run(text: &str) -> Run {
        Run {
            link: text.into(),
            backend: "cpu".into(),
            ..Run::default()
        }
    }

    fn links(runs: &[Run]) -> Vec<&str> {
        runs.iter().map(|r| r.link.as_str()).collect()
    }

    #[test]
    fn the_same_run_is_listed_once_and_keeps_its_name() {
        let mut runs = Vec::new();
        for text in ["a", "b"] {
            assert!(add(&mut runs, run(text)));
        }
        runs[1].name = "first".into();
        add(&mut runs, run("a"));
        assert_eq!(links(&runs), ["a", "b"]);
        assert_eq!(runs[0].name, "first");
        let elsewhere = Run {
            backend: "webgpu".into(),
            ..run("a")
        };
        add(&mut runs, elsewhere);
        assert_eq!(links(&runs), ["a", "a", "b"]);
        // Another map of the same experiment does not take the first one's place.
        for (sweep, shown) in [(1, 0), (0, 1), (1, 0)] {
            let map = Run {
                sweep,
                shown,
                ..run("b")
            };
            add(&mut runs, map);
        }
        let maps: Vec<_> = runs.iter().map(Run::map).collect();
        assert_eq!(links(&runs), ["b", "b", "a", "a", "b"]);
        assert_eq!(maps[..2], [(1, 0), (0, 1)]);
    }

    #[test]
    fn the_oldest_goes_and_what_has_a_name_stays() {
        let mut runs = Vec::new();
        add(&mut runs, run("named"));
        runs[0].name = "kept".into();
        for i in 0..MOST + 5 {
            add(&mut runs, run(&i.to_string()));
        }
        assert_eq!(runs.len(), MOST);
        assert_eq!(runs.last().map(|r| r.link.as_str()), Some("named"));
        // One that is too large changes nothing.
        assert!(!add(&mut runs, run(&"x".repeat(LONGEST + 1))));
        assert_eq!(runs.len(), MOST);
        for i in 0..MOST {
            add(&mut runs, run(&format!("{i}{}", "x".repeat(LONGEST - 10))));
        }
        let together: usize = runs.iter().map(Run::size).sum();
        assert!(together <= MOST_TOGETHER && runs.len() >= 14);
        // Where all have names, the oldest goes all the same.
        let mut named: Vec<Run> = (0..MOST).map(|i| run(&format!("n{i}"))).collect();
        for one in &mut named {
            one.name = "name".into();
        }
        add(&mut named, run("new"));
        assert_eq!((named.len(), named[0].link.as_str()), (MOST, "new"));
    }

    #[test]
    fn a_kept_map_can_be_compared_with_one_that_is_run() {
        let mut whole = grid(Site::ResidPre, Mode::Denoising);
        for row in 0..whole.rows.len() {
            for column in 0..whole.columns.len() {
                whole.enter(&[cell(row, column, (row + column) as f32)]);
            }
        }
        whole.seconds = Some(1.0);
        let mut kept = Run {
            link: link::encode(&whole.experiment),
            ..Run::default()
        };
        kept.take(&whole);
        let text = serde_json::to_string(&kept).unwrap();
        let kept: Run = serde_json::from_str(&text).unwrap();
        let again = kept.grid(&kept.experiment().unwrap()).unwrap();
        assert_eq!(again.strongest(), whole.strongest());
        assert!(again.is_like(&whole));
        let difference = whole.minus(&again).unwrap();
        assert!(difference.cells().all(|(_, _, v)| v == Some(0.0)));
        // What somebody else wrote there.
        let odd = Run {
            values: vec![vec![None], vec![]],
            ..kept.clone()
        };
        assert_eq!(odd.grid(&whole.experiment), None);
        let none = Run {
            sweep: 9,
            ..kept.clone()
        };
        assert_eq!(none.grid(&whole.experiment), None);
        assert_eq!(run("v1=x").experiment(), None);
        let nan = Run {
            clean: None,
            shown: usize::MAX,
            ..kept
        };
        assert!(nan.grid(&whole.experiment).unwrap().metric().clean.is_nan());
    }

    #[test]
    fn an_old_map_is_none_that_was_run_here() {
        let mut whole = grid(Site::ResidPre, Mode::Denoising);
        whole.enter(&[cell(0, 1, 2.0)]);
        whole.seconds = Some(1.0);
        let mut experiment = whole.experiment.clone();
        let mut second = experiment.metrics[0].clone();
        second.kind = MetricKind::Rank;
        experiment.metrics.push(second);
        let mut kept = Run {
            link: link::encode(&experiment),
            ..Run::default()
        };
        kept.take(&whole);
        kept.shown = 1;
        let old = kept.old_map().unwrap();
        assert_eq!((old.value(0, 1), old.value(0, 0)), (Some(2.0), None));
        assert_eq!(old.kind(), MetricKind::Rank);
        assert_eq!(old.metric(), whole.metric());
        assert!(!old.is_complete() && old.experiment != experiment);
        let steered = Experiment {
            room: Room::Steering,
            ..experiment
        };
        let steered = Run {
            link: link::encode(&steered),
            ..kept
        };
        assert_eq!(steered.old_map(), None);
    }

    #[test]
    fn what_the_other_room_is_set_up_for_stays() {
        let before = Experiment {
            clean: Prompt::Text("mine".into()),
            steer: Some(steering()),
            ..Experiment::default()
        };
        let patching = Experiment::default().of_run();
        let now = opened(patching.clone(), before.clone());
        assert_eq!(now.steer, before.steer);
        assert_eq!(now.of_run(), patching);
        let mut steer = steering();
        steer.words.clear();
        let run = Experiment {
            room: Room::Steering,
            steer: Some(steer),
            ..Experiment::default()
        }
        .of_run();
        let now = opened(run.clone(), before.clone());
        assert_eq!((&now.clean, now.room), (&before.clean, Room::Steering));
        assert_eq!(now.of_run(), run);
        // Directions that act on the patching room's runs are a part of those.
        let mut steered = Experiment {
            steered: Some(Steered::Clean),
            ..before.clone()
        };
        steered.steer.as_mut().unwrap().directions.clear();
        let run = steered.of_run();
        let now = opened(run.clone(), before);
        assert_eq!(now.of_run(), run);
        assert!(!now.steer.unwrap().words.is_empty());
    }
}
