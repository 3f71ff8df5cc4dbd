use super::*;
use crate::grid::tests::{cell, frame, metric, reading};
use patchbay_engine::experiment::{BackendInfo, Cell, ModelInfo, PlanReport, Prompt, SweepReport};

fn model() -> ModelInfo {
    ModelInfo {
        name: "mini".into(),
        n_layer: 2,
        n_head: 3,
        n_embd: 6,
        n_positions: 8,
        n_vocab: 300,
        sha256: String::new(),
        parameters: 1000,
    }
}

fn run() -> RunReport {
    RunReport {
        top: Vec::new(),
        metrics: vec![1.0],
        continuation: Vec::new(),
    }
}

fn report(experiment: &Experiment) -> Report {
    Report {
        circuit: None,
        engine: "0".into(),
        experiment: experiment.clone(),
        model: model(),
        backend: BackendInfo {
            name: "cpu".into(),
            device: String::new(),
            reason: None,
            says: None,
            trial: None,
        },
        reading: reading(),
        clean: run(),
        corrupted: run(),
        metrics: vec![metric()],
        sweeps: experiment
            .sweeps
            .iter()
            .map(|sweep| SweepReport {
                frame: frame(sweep.clone()),
                values: vec![vec![vec![Some(1.0); 2]; 2]],
                intervals: Vec::new(),
                pairs: Vec::new(),
                estimate: None,
                plan: PlanReport::default(),
                seconds: 0.5,
                engines: 1,
                device: None,
            })
            .collect(),
        cell: None,
        captures: Vec::new(),
        steer: None,
        device: None,
    }
}

fn begin(results: &mut Results, job: &Job) {
    let updates = [
        Update::Reading(reading()),
        Update::Runs {
            clean: run(),
            corrupted: run(),
            metrics: vec![metric()],
        },
        Update::Frames {
            frames: job.experiment.sweeps.iter().cloned().map(frame).collect(),
        },
        Update::Estimate(Estimate {
            plan: PlanReport::default(),
            seconds: 9.0,
        }),
    ];
    for update in updates {
        results.update(job, update);
    }
}

#[test]
fn an_older_map_keeps_what_its_0_and_1_are() {
    let experiment = Experiment::default();
    let mut results = Results::default();
    let job = job_for(Goal::Full, &experiment);
    begin(&mut results, &job);
    results.finish(&job, report(&experiment));
    let other = Experiment {
        clean: Prompt::Text("another".into()),
        ..experiment
    };
    let metrics = vec![MetricReport {
        clean: 77.0,
        ..metric()
    }];
    let job = job_for(Goal::Full, &other);
    let told = Update::Metrics { metrics };
    results.update(&job, told.clone());
    assert_eq!(results.grids[0].metric(), metric());
    assert_eq!(results.runs.as_ref().unwrap().metrics, [metric()]);
    // Of its own experiment they are.
    begin(&mut results, &job);
    results.update(&job, told);
    assert_eq!(results.grids[0].metric().clean, 77.0);
}

fn job_for(goal: Goal, experiment: &Experiment) -> Job {
    Job {
        id: 1,
        goal,
        experiment: experiment.clone(),
        progress: None,
    }
}

/// What a preview ends with.
fn preview(experiment: &Experiment) -> Report {
    Report {
        sweeps: Vec::new(),
        cell: experiment.cell.map(cell_report),
        ..report(experiment)
    }
}

const CHOSEN: Cell = Cell {
    sweep: 0,
    row: 1,
    column: 1,
};

fn cell_report(cell: Cell) -> CellReport {
    CellReport {
        cell,
        run: run(),
        look: None,
    }
}

fn with_cell(experiment: &Experiment) -> Experiment {
    Experiment {
        cell: Some(CHOSEN),
        ..experiment.clone()
    }
}

#[test]
fn a_full_job_fills_the_grid_and_leaves_a_report() {
    let experiment = Experiment::default();
    let mut results = Results::default();
    assert_eq!(results.goal(&experiment, true), Some(Goal::Full));
    let job = job_for(Goal::Full, &experiment);
    begin(&mut results, &job);
    let cells = Update::Cells {
        cells: vec![cell(0, 0, 2.0)],
    };
    results.update(&job, cells);
    assert_eq!(results.grids.first().map(Grid::progress), Some((1, 4)));
    assert!(results.download(&experiment).is_none());
    results.finish(&job, report(&experiment));
    assert!(results.grids.first().is_some_and(Grid::is_complete));
    assert_eq!(results.goal(&experiment, true), None);
    assert!(results.download(&experiment).is_some());
}

#[test]
fn a_preview_ends_with_the_estimate_and_keeps_the_older_sweep() {
    let first = Experiment::default();
    let mut results = Results::default();
    let job = job_for(Goal::Full, &first);
    begin(&mut results, &job);
    results.finish(&job, report(&first));

    let second = Experiment {
        bos: false,
        ..first.clone()
    };
    assert_eq!(results.goal(&second, false), Some(Goal::Preview));
    let job = job_for(Goal::Preview, &second);
    begin(&mut results, &job);
    assert_eq!(results.grids.first().map(|g| &g.experiment), Some(&first));
    assert_eq!(results.estimate.map(|e| e.seconds), Some(9.0));
    results.finish(&job, preview(&second));
    assert_eq!(results.grids.first().map(|g| &g.experiment), Some(&first));
    assert!(
        results
            .download(&second)
            .is_some_and(|r| r.sweeps.is_empty())
    );
}

#[test]
fn choosing_a_cell_asks_for_that_cell_alone() {
    let experiment = Experiment::default();
    let mut results = Results::default();
    let job = job_for(Goal::Full, &experiment);
    results.finish(&job, report(&experiment));

    let chosen = with_cell(&experiment);
    assert_eq!(results.goal(&chosen, true), Some(Goal::Preview));
    let job = job_for(Goal::Preview, &chosen);
    begin(&mut results, &job);
    let update = Update::Cell(cell_report(CHOSEN));
    results.update(&job, update);
    results.finish(&job, preview(&chosen));
    assert!(results.grids.first().is_some_and(Grid::is_complete));
    assert_eq!(results.goal(&chosen, true), None);
    let download = results.download(&chosen).unwrap();
    assert_eq!(download.experiment, chosen);
    assert!(download.cell.is_some() && !download.sweeps.is_empty());
    assert!(results.download(&experiment).unwrap().cell.is_none());
}

#[test]
fn a_report_without_a_sweep_takes_the_old_one_away() {
    let experiment = Experiment::default();
    let mut results = Results::default();
    let job = job_for(Goal::Full, &experiment);
    results.finish(&job, report(&experiment));
    let bare = Experiment {
        sweeps: Vec::new(),
        ..experiment
    };
    let job = job_for(Goal::Full, &bare);
    results.finish(&job, report(&bare));
    assert!(results.grids.is_empty() && results.estimate.is_none());
}

fn steering(file: &str) -> Experiment {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../www/experiments");
    let text = std::fs::read_to_string(format!("{folder}/{file}.json")).unwrap();
    Experiment::from_json(&text).unwrap()
}

#[test]
fn no_fact_of_an_example_stands_under_another() {
    let weddings = steering("weddings");
    for other in ["gpt2-honesty", "gpt2-weddings", "hate-to-love", "formal"] {
        assert!(!akin(&weddings, &steering(other)), "{other}");
    }
    // A strength, a word of the prompt or of the source is another experiment of the same.
    let mut other = weddings.clone();
    let steer = other.steer.as_mut().unwrap();
    steer.directions[0].coefficient = 9.0;
    steer.prompt = Prompt::Text("Once".into());
    assert!(akin(&weddings, &other));
}

#[test]
fn the_last_map_stays_while_the_prompts_cannot_be_patched() {
    let experiment = Experiment::default();
    let mut results = Results::default();
    let job = job_for(Goal::Full, &experiment);
    results.finish(&job, report(&experiment));
    let unmatched = Experiment {
        bos: false,
        ..experiment.clone()
    };
    let job = job_for(Goal::Full, &unmatched);
    results.finish(&job, preview(&unmatched));
    assert_eq!(
        results.grids.first().map(|g| &g.experiment),
        Some(&experiment)
    );
    assert!(
        results
            .download(&unmatched)
            .is_some_and(|r| r.sweeps.is_empty())
    );
    assert!(results.estimate.is_none());
}
