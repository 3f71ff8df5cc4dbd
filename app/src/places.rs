//! Which part of the page tells what is wrong with which part of the experiment.

use patchbay_engine::experiment::{DirectionField, Field, Room, SweepField};

/// The field beside which a room tells what is wrong with `field`: the one that
/// its `Problems` is of. `None` where the room has no such place; it is then
/// told at the top of the page, as is what has a place that is not shown now.
#[must_use]
pub fn place(field: Field, room: Room) -> Option<Field> {
    use Field::{
        Alignment, Answer, Bos, Captures, Cell, Clean, Corrupted, Corruption, Detector, Direction,
        Directions, Experiment, Generate, Map, Metric, Metrics, Model, NoiseSeed, Pair, Pairs,
        Roles, Sampling, SamplingSeed, Steer, SteerPrompt, Steered, Sweep, SweepAt, Sweeps,
        Version, Words, Wrong,
    };
    let (of, at) = match field {
        Clean | Corrupted | Pairs | Answer | Wrong | Captures => (Room::Patching, field),
        Corruption | NoiseSeed => (Room::Patching, Corruption),
        Alignment | Roles => (Room::Patching, Alignment),
        Pair(_) => (Room::Patching, Pairs),
        Metrics | Metric(_) => (Room::Patching, Metrics),
        Sweep | Sweeps | SweepAt(_, SweepField::Whole) => (Room::Patching, Sweep),
        SweepAt(_, SweepField::Bring) => (Room::Patching, SweepAt(0, SweepField::Bring)),
        Steered => (Room::Patching, Steered),
        // Its switch stands in both rooms.
        Bos => (room, Bos),
        Directions | Direction(..) if room.is_patching() => (Room::Patching, Steered),
        SteerPrompt | Words | Sampling | Map | Detector => (Room::Steering, field),
        SamplingSeed => (Room::Steering, Sampling),
        Directions => (Room::Steering, Directions),
        Direction(i, _) => (Room::Steering, Direction(i, DirectionField::Whole)),
        Experiment | Version | Model | Field::Circuit | Cell | Generate | Field::Room | Steer => {
            return None;
        }
    };
    (of == room).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told at the top of the page, whichever room is shown: no part of
    /// a room is about it.
    const AT_THE_TOP: [Field; 8] = [
        Field::Experiment,
        Field::Version,
        Field::Model,
        Field::Circuit,
        Field::Cell,
        Field::Generate,
        Field::Room,
        Field::Steer,
    ];

    #[test]
    fn each_field_has_one_place() {
        for field in Field::all() {
            let places = [Room::Patching, Room::Steering].map(|room| place(field, room));
            assert_eq!(
                places.iter().all(Option::is_none),
                AT_THE_TOP.contains(&field),
                "{field}"
            );
            for (room, at) in [Room::Patching, Room::Steering].into_iter().zip(places) {
                // A place is of itself.
                assert_eq!(at, at.and_then(|at| place(at, room)), "{field}");
            }
        }
    }

    #[test]
    fn a_direction_is_told_of_in_both_rooms() {
        let field = Field::Direction(2, DirectionField::Coefficient);
        assert_eq!(place(field, Room::Steering), Some(Field::direction(2)));
        assert_eq!(place(field, Room::Patching), Some(Field::Steered));
    }
}
