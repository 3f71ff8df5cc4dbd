//! What the worker says, read from its messages.
//!
//! The form is that of [`Response`], which serde knows too. But what serde makes to
//! read an enum by its tag would double the code that reads all that is in it.

use patchbay_engine::experiment::tree::{field, read};
use patchbay_engine::experiment::{SteerUpdate, Update};
use patchbay_engine::worker::Response;
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
