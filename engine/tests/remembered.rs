//! What is not computed again: a chosen cell costs its own pass, a slider's move
//! what depends on it.
#![allow(clippy::unwrap_used)]

use crate::common::{Listener, love, session};
use patchbay_engine::backend::cpu::Cpu;
use patchbay_engine::experiment::{
    Cell, Experiment, MapReading, Mode, Report, Room, Site, SteerMap, Steered, Sweep,
};
use patchbay_engine::session::Session;

/// The passes that an experiment took, and its report.
fn passes(session: &mut Session<Cpu>, experiment: &Experiment, preview: bool) -> (usize, Report) {
    let before = session.passes();
    let host = Listener::default();
    let report = pollster::block_on(session.run(experiment, preview, &host)).unwrap();
    (session.passes() - before, report)
}

fn at(row: usize, column: usize) -> Option<Cell> {
    Some(Cell {
        sweep: 0,
        row,
        column,
    })
}

#[test]
fn another_cell_costs_its_own_pass_and_says_what_it_would_alone() {
    let mut warm = session("mini", Cpu);
    let z = Sweep::of(Site::Z, Mode::Denoising);
    let experiment = Experiment {
        sweeps: vec![z],
        ..Experiment::default()
    };
    passes(&mut warm, &experiment, false);
    for (i, cell) in [at(0, 0), at(1, 2), at(3, 1), at(2, 3)]
        .into_iter()
        .enumerate()
    {
        let chosen = Experiment {
            cell,
            ..experiment.clone()
        };
        let (again, report) = passes(&mut warm, &chosen, true);
        // The first look has its two runs seen from inside, and its heads taken out.
        let wanted = if i == 0 { 3 } else { 1 };
        assert_eq!(again, wanted, "cell {i}");
        let mut cold = session("mini", Cpu);
        let (_, alone) = passes(&mut cold, &chosen, true);
        assert_eq!(report.cell, alone.cell, "cell {i}");
    }
}

#[test]
fn what_the_runs_depend_on_makes_them_anew() {
    let mut session = session("mini", Cpu);
    let experiment = Experiment {
        sweeps: Vec::new(),
        ..Experiment::default()
    };
    let (first, _) = passes(&mut session, &experiment, false);
    assert_eq!(first, 1);
    assert_eq!(passes(&mut session, &experiment, false).0, 0);
    let steering = Experiment {
        steer: Some(love()),
        ..experiment.clone()
    };
    // The other room's settings are none of theirs, until its directions act.
    assert_eq!(passes(&mut session, &steering, false).0, 0);
    for (what, changed) in [
        (
            "BOS",
            Experiment {
                bos: false,
                ..experiment.clone()
            },
        ),
        (
            "steered",
            Experiment {
                steered: Some(Steered::Both),
                ..steering
            },
        ),
    ] {
        assert!(passes(&mut session, &changed, false).0 > 0, "{what}");
    }
    passes(&mut session, &experiment, false);
    session.forget();
    assert_eq!(passes(&mut session, &experiment, false).0, 1);
}

#[test]
fn a_finished_map_stays_when_the_other_room_changes() {
    let mut session = session("mini", Cpu);
    let experiment = Experiment {
        sweeps: vec![Sweep::of(Site::ResidPre, Mode::Denoising)],
        steer: Some(love()),
        ..Experiment::default()
    };
    let (first, swept) = passes(&mut session, &experiment, false);
    assert!(first > 1);
    let mut moved = experiment.clone();
    moved.steer.as_mut().unwrap().directions[0].coefficient *= 2.0;
    let (again, report) = passes(&mut session, &moved, false);
    assert_eq!(again, 0);
    assert_eq!(report.sweeps, swept.sweeps);
    // Where the directions act on a run, the map is of their strength.
    moved.steered = Some(Steered::Corrupted);
    assert!(passes(&mut session, &moved, false).0 > 1);
    moved.steer.as_mut().unwrap().directions[0].coefficient *= 2.0;
    assert!(passes(&mut session, &moved, false).0 > 1);
}

#[test]
fn a_slider_computes_the_steered_text_alone() {
    let mut session = session("mini", Cpu);
    let mut experiment = Experiment {
        room: Room::Steering,
        steer: Some(love()),
        ..Experiment::default()
    };
    let steer = experiment.steer.as_mut().unwrap();
    steer.sampling.samples = 1;
    steer.sampling.tokens = 4;
    steer.map = Some(SteerMap {
        coefficients: vec![2.0],
        layers: vec![1],
        reading: Some(MapReading {
            direction: 0,
            layer: Some(2),
        }),
        ..SteerMap::default()
    });
    let (first, _) = passes(&mut session, &experiment, false);
    let steer = experiment.steer.as_mut().unwrap();
    steer.directions[0].coefficient *= 1.5;
    let (again, report) = passes(&mut session, &experiment, true);
    // The steered prompt, and a row for each further token.
    assert_eq!(again, 4, "of {first} at first");
    let mut cold = crate::common::session("mini", Cpu);
    let (_, alone) = passes(&mut cold, &experiment, true);
    let (warm, cold) = (report.steer.unwrap(), alone.steer.unwrap());
    // Products of another number of rows may be rounded otherwise.
    for (warm, cold) in [
        (&warm.samples[0].steered, &cold.samples[0].steered),
        (&warm.samples[0].unsteered, &cold.samples[0].unsteered),
    ] {
        assert_eq!(warm.len(), cold.len());
        for (warm, cold) in warm.iter().zip(cold) {
            assert_eq!(warm.token, cold.token);
            assert!((warm.probability - cold.probability).abs() < 1e-5);
        }
    }
    assert_eq!(warm.directions, cold.directions);
}
