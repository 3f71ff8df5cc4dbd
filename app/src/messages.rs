//! What the worker says, read from its messages.
//!
//! The form is that of [`Response`], which serde knows too. But what serde makes to
//! read an enum by its tag would double the code that reads all that is in it.

use patchbay_engine::experiment::tree::{field, read};
use patchbay_engine::experiment::{SteerUpdate, Update};
use patchbay_engine::protocol::Response;
use serde::de::Error as _;
use serde_json::{Error, Value};

/// Reads a message of the worker.
///
/// # Errors
/// What of it is not as it should be.
pub fn response(message: &Value) -> Result<Response, Error> {
    let of = message;
    let id = of["id"].as_u64().unwrap_or_default() as u32;
    Ok(match tag(of, "type") {
        "ready" => Response::Ready,
        "described" => Response::Described {
            id,
            offer: field(of, "offer")?,
        },
        "loading" => Response::Loading {
            id,
            progress: field(of, "progress")?,
            waiting: field(of, "waiting")?,
        },
        "loaded" => Response::Loaded {
            id,
            model: field(of, "model")?,
            backend: field(of, "backend")?,
            source: field(of, "source")?,
        },
        "kept" => Response::Kept {
            id,
            store: field(of, "store")?,
        },
        "update" => Response::Update {
            id,
            update: Box::new(update(&of["update"])?),
        },
        "wants" => Response::Wants { id },
        "done" => Response::Done {
            id,
            report: field(of, "report")?,
        },
        // Its bytes stay out of the text.
        "file" => Response::File {
            id,
            name: field(of, "name")?,
            bytes: Vec::new(),
        },
        "alive" => Response::Alive { id },
        "direction" => Response::Direction {
            id,
            direction: field(of, "direction")?,
        },
        "opened" => Response::Opened {
            id,
            text: field(of, "text")?,
        },
        "cancelled" => Response::Cancelled { id },
        "failed" => Response::Failed {
            id,
            failure: field(of, "failure")?,
        },
        other => return Err(unknown(other)),
    })
}

fn update(of: &Value) -> Result<Update, Error> {
    Ok(match tag(of, "kind") {
        "reading" => Update::Reading(read(of)?),
        "runs" => Update::Runs {
            clean: field(of, "clean")?,
            corrupted: field(of, "corrupted")?,
            metrics: field(of, "metrics")?,
        },
        "cell" => Update::Cell(read(of)?),
        "frames" => Update::Frames {
            frames: field(of, "frames")?,
        },
        "estimate" => Update::Estimate(read(of)?),
        "progress" => Update::Progress(read(of)?),
        "metrics" => Update::Metrics {
            metrics: field(of, "metrics")?,
        },
        "cells" => Update::Cells {
            cells: field(of, "cells")?,
        },
        "piece" => Update::Piece {
            cells: field(of, "cells")?,
        },
        "steer" => Update::Steer(steered(of)?),
        other => return Err(unknown(other)),
    })
}

fn steered(of: &Value) -> Result<SteerUpdate, Error> {
    Ok(match tag(of, "part") {
        "directions" => SteerUpdate::Directions {
            prompt: field(of, "prompt")?,
            directions: field(of, "directions")?,
        },
        "written" => SteerUpdate::Written {
            sample: field(of, "sample")?,
            steered: field(of, "steered")?,
            from: field(of, "from")?,
            tokens: field(of, "tokens")?,
        },
        "detector" => SteerUpdate::Detector(read(of)?),
        "map" => SteerUpdate::Map(read(of)?),
        "map_cells" => SteerUpdate::MapCells {
            cells: field(of, "cells")?,
        },
        other => return Err(unknown(other)),
    })
}

fn tag<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

fn unknown(tag: &str) -> Error {
    Error::custom(format_args!("the page knows no message {tag:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples;
    use crate::grid::tests::{cell, frame, metric, reading};
    use patchbay_engine::experiment::{
        BackendInfo, Capture, CaptureReport, Cell, CellReport, Choice, DetectorReport,
        DirectionReport, Estimate, Experiment, Field, Look, MapCell, MapReport, Mode, ModelInfo,
        PlanReport, Progress, Reading, Report, RunName, RunReport, Sample, Site, Stage,
        SteerReport, Sweep, SweepReport, Token, TokenScore, TopToken, Tried, Unsteered, Written,
    };
    use patchbay_engine::protocol::{Failure, FailureCode, Keeping, Offer, SourceInfo, Store};
    use patchbay_engine::sentence::{Said, Says};
    use std::collections::BTreeSet;

    fn token() -> Token {
        Token {
            id: 7,
            text: "\\xF0".into(),
            bytes: true,
            unseen: false,
        }
    }

    fn top() -> TopToken {
        TopToken {
            token: token(),
            logit: -1.5,
            probability: 0.25,
        }
    }

    fn run() -> RunReport {
        RunReport {
            top: vec![top()],
            metrics: vec![1.0, -2.5],
            continuation: vec![token()],
        }
    }

    fn patched() -> CellReport {
        CellReport {
            cell: Cell {
                sweep: 1,
                row: 2,
                column: 3,
            },
            run: run(),
            look: Some(Look::default()),
        }
    }

    fn written() -> Written {
        Written {
            token: token(),
            probability: 0.5,
            top: vec![top()],
            unsteered: Some(Unsteered {
                probability: 0.1,
                kl: 2.0,
                top: vec![top()],
            }),
        }
    }

    fn direction() -> DirectionReport {
        DirectionReport {
            promoted: vec![TokenScore {
                token: token(),
                score: 4.0,
            }],
            ..DirectionReport::default()
        }
    }

    fn map_cell() -> MapCell {
        MapCell {
            of: Tried::Random(3),
            layer: 1,
            coefficient: 0.5,
            cosine: 0.0,
            numbers: None,
            texts: vec!["x".into()],
        }
    }

    fn said(message: &str) -> Said {
        Said {
            message: message.into(),
            says: Says::new("tests.said", [("number", 2.into())]),
        }
    }

    fn model() -> (ModelInfo, BackendInfo) {
        let model = ModelInfo {
            name: "mini".into(),
            n_layer: 2,
            n_head: 3,
            n_embd: 6,
            n_positions: 8,
            n_vocab: 300,
            sha256: "00".into(),
            parameters: 1 << 40,
        };
        let backend = BackendInfo {
            name: "cpu".into(),
            device: "x".into(),
            reason: None,
            says: None,
            trial: None,
        };
        (model, backend)
    }

    fn report() -> Report {
        let sweep = Sweep::of(Site::Z, Mode::Noising);
        let (model, backend) = model();
        Report {
            engine: "0".into(),
            experiment: Experiment {
                steer: Some(examples::steering()),
                ..Experiment::default()
            },
            model,
            backend,
            reading: reading(),
            clean: run(),
            corrupted: run(),
            metrics: vec![metric()],
            circuit: None,
            sweeps: vec![SweepReport {
                frame: frame(sweep),
                values: vec![vec![vec![Some(1.0), None]]],
                intervals: vec![vec![vec![Some((0.5, 1.5)), None]]],
                pairs: Vec::new(),
                estimate: None,
                plan: PlanReport::default(),
                seconds: 0.5,
                engines: 3,
                device: None,
            }],
            cell: Some(patched()),
            captures: vec![CaptureReport {
                capture: Capture {
                    run: RunName::Corrupted,
                    site: Site::Q,
                    layer: Some(1),
                    positions: None,
                },
                shape: [1, 2],
                values: vec![0.5, -0.5],
            }],
            steer: Some(SteerReport {
                prompt: vec![token()],
                directions: vec![direction()],
                samples: vec![Sample {
                    unsteered: Vec::new(),
                    steered: vec![written()],
                }],
                ..SteerReport::default()
            }),
            device: None,
        }
    }

    /// One of each message that there is.
    fn all() -> Vec<Response> {
        let id = 5;
        let progress = Progress {
            stage: Stage::Sweep,
            done: 3,
            total: 9,
            seconds_left: Some(1.5),
        };
        let plan = PlanReport::default();
        let told = Reading {
            answer: Some(Choice {
                pieces: vec![token()],
                suggestion: Some(" a".into()),
            }),
            ..reading()
        };
        let updates = [
            Update::Reading(told),
            Update::Runs {
                clean: run(),
                corrupted: run(),
                metrics: vec![metric()],
            },
            Update::Cell(patched()),
            Update::Frames {
                frames: vec![frame(Sweep::of(Site::ResidPre, Mode::Denoising))],
            },
            Update::Estimate(Estimate { plan, seconds: 9.0 }),
            Update::Progress(progress),
            Update::Metrics {
                metrics: vec![metric()],
            },
            Update::Cells {
                cells: vec![cell(0, 1, 2.0)],
            },
            Update::Piece {
                cells: vec![(1, vec![0.5])],
            },
            Update::Steer(SteerUpdate::Directions {
                prompt: vec![token()],
                directions: vec![direction()],
            }),
            Update::Steer(SteerUpdate::Written {
                sample: 1,
                steered: true,
                from: 2,
                tokens: vec![written()],
            }),
            Update::Steer(SteerUpdate::Detector(DetectorReport::default())),
            Update::Steer(SteerUpdate::Map(MapReport {
                cells: vec![map_cell()],
                ..MapReport::default()
            })),
            Update::Steer(SteerUpdate::MapCells {
                cells: vec![map_cell()],
            }),
        ];
        let (model, backend) = model();
        let source = Box::new(SourceInfo {
            folder: "https://x.example/".into(),
            revision: None,
            published: Some("00".into()),
            kept: Keeping::NotKept,
            remarks: vec![said("a")],
        });
        let failure = Failure {
            code: FailureCode::Experiment,
            message: "no".into(),
            says: said("no").says,
            field: Some(Field::direction(2)),
        };
        let update = |update| Response::Update {
            id,
            update: Box::new(update),
        };
        let mut all = vec![
            Response::Ready,
            Response::Described {
                id,
                offer: Box::new(Offer {
                    bytes: Some(1 << 40),
                    ..Offer::default()
                }),
            },
            Response::Loading {
                id,
                progress,
                waiting: Some(said("for the network")),
            },
            Response::Loaded {
                id,
                model,
                backend,
                source,
            },
            Response::Kept {
                id,
                store: Store::default(),
            },
            Response::Wants { id },
            Response::Done {
                id,
                report: Box::new(report()),
            },
            Response::File {
                id,
                name: "x.npy".into(),
                bytes: Vec::new(),
            },
            Response::Alive { id },
            Response::Direction {
                id,
                direction: Box::new(examples::steering().directions.remove(0)),
            },
            Response::Opened {
                id,
                text: "{}".into(),
            },
            Response::Cancelled { id },
            Response::Failed { id, failure },
        ];
        all.extend(updates.map(update));
        all
    }

    /// A number for each kind: whoever adds one is led to the list above.
    fn kind(of: &Response) -> usize {
        match of {
            Response::Ready => 0,
            Response::Described { .. } => 1,
            Response::Loading { .. } => 2,
            Response::Loaded { .. } => 3,
            Response::Kept { .. } => 4,
            Response::Wants { .. } => 5,
            Response::Done { .. } => 6,
            Response::File { .. } => 7,
            Response::Alive { .. } => 8,
            Response::Direction { .. } => 9,
            Response::Opened { .. } => 10,
            Response::Cancelled { .. } => 11,
            Response::Failed { .. } => 12,
            Response::Update { .. } => 13,
        }
    }

    #[test]
    fn every_kind_of_message_is_read() {
        let kinds: BTreeSet<usize> = all().iter().map(kind).collect();
        assert_eq!(kinds, (0..=13).collect());
    }

    #[test]
    fn messages_are_read_as_they_are_written() {
        for message in all() {
            let value = serde_json::to_value(&message).unwrap();
            assert_eq!(response(&value).unwrap(), message);
            // And as serde itself reads them.
            assert_eq!(serde_json::from_value::<Response>(value).unwrap(), message);
        }
    }

    #[test]
    fn what_is_no_message_is_named() {
        for (message, said) in [
            (r#"{"type":"x","id":1}"#, "\"x\""),
            ("7", "\"\""),
            (r#"{"type":"update","id":1,"update":{"kind":"y"}}"#, "\"y\""),
            (r#"{"type":"done","id":1}"#, "null"),
            (r#"{"type":"loading","id":1,"progress":[]}"#, "sequence"),
        ] {
            let message = serde_json::from_str(message).unwrap();
            let error = response(&message).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
