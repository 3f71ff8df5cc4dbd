use super::*;
use crate::grid::tests::{metric, model, reading};
use patchbay_engine::experiment::{BackendInfo, Cell, PlanReport, SweepReport};

fn run() -> RunReport {
    RunReport {
        top: Vec::new(),
        metric: Some(1.0),
        continuation: Vec::new(),
    }
}

fn report(experiment: &Experiment) -> Report {
    Report {
        engine: "0".into(),
        experiment: experiment.clone(),
        model: model(),
        backend: BackendInfo {
            name: "cpu".into(),
            device: String::new(),
            reason: None,
        },
        reading: reading(),
        clean: run(),
        corrupted: run(),
        metric: Some(metric()),
        sweep: experiment.sweep.as_ref().map(|s| SweepReport {
            site: s.site,
            values: vec![vec![Some(1.0); 2]; 2],
            plan: PlanReport::default(),
            seconds: 0.5,
            engines: 1,
            device: None,
        }),
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
            metric: Some(metric()),
        },
        Update::Estimate(Estimate {
            plan: PlanReport::default(),
            seconds: 9.0,
        }),
    ];
    for update in updates {
        results.update(job, &model(), update);
    }
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
        sweep: None,
        cell: experiment.cell.map(|cell| CellReport { cell, run: run() }),
        ..report(experiment)
    }
}

fn with_cell(experiment: &Experiment) -> Experiment {
    Experiment {
        cell: Some(Cell {
            layer: 1,
            column: 1,
        }),
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
        cells: vec![(0, 0, 2.0)],
    };
    results.update(&job, &model(), cells);
    assert_eq!(results.grid.as_ref().map(Grid::progress), Some((1, 4)));
    assert!(results.download(&experiment).is_none());
    results.finish(&job, &model(), report(&experiment));
    assert!(results.grid.as_ref().is_some_and(Grid::is_complete));
    assert_eq!(results.goal(&experiment, true), None);
    assert!(results.download(&experiment).is_some());
}

#[test]
fn a_preview_ends_with_the_estimate_and_keeps_the_older_sweep() {
    let first = Experiment::default();
    let mut results = Results::default();
    let job = job_for(Goal::Full, &first);
    begin(&mut results, &job);
    results.finish(&job, &model(), report(&first));

    let second = Experiment {
        bos: false,
        ..first.clone()
    };
    assert_eq!(results.goal(&second, false), Some(Goal::Preview));
    let job = job_for(Goal::Preview, &second);
    begin(&mut results, &job);
    assert_eq!(results.grid.as_ref().map(|g| &g.experiment), Some(&first));
    assert_eq!(results.estimate.map(|e| e.seconds), Some(9.0));
    results.finish(&job, &model(), preview(&second));
    assert_eq!(results.grid.as_ref().map(|g| &g.experiment), Some(&first));
    assert!(results.download(&second).is_some_and(|r| r.sweep.is_none()));
}

#[test]
fn choosing_a_cell_asks_for_that_cell_alone() {
    let experiment = Experiment::default();
    let mut results = Results::default();
    let job = job_for(Goal::Full, &experiment);
    results.finish(&job, &model(), report(&experiment));

    let chosen = with_cell(&experiment);
    assert_eq!(results.goal(&chosen, true), Some(Goal::Preview));
    let job = job_for(Goal::Preview, &chosen);
    begin(&mut results, &job);
    let update = Update::Cell(CellReport {
        cell: Cell {
            layer: 1,
            column: 1,
        },
        run: run(),
    });
    results.update(&job, &model(), update);
    results.finish(&job, &model(), preview(&chosen));
    assert!(results.grid.as_ref().is_some_and(Grid::is_complete));
    assert_eq!(results.goal(&chosen, true), None);
    let download = results.download(&chosen).unwrap();
    assert_eq!(download.experiment, chosen);
    assert!(download.cell.is_some() && download.sweep.is_some());
    assert!(results.download(&experiment).unwrap().cell.is_none());
}

#[test]
fn a_report_without_a_sweep_takes_the_old_one_away() {
    let experiment = Experiment::default();
    let mut results = Results::default();
    let job = job_for(Goal::Full, &experiment);
    results.finish(&job, &model(), report(&experiment));
    let bare = Experiment {
        sweep: None,
        ..experiment
    };
    let job = job_for(Goal::Full, &bare);
    results.finish(&job, &model(), report(&bare));
    assert!(results.grid.is_none() && results.estimate.is_none());
}
