//! The two sets of prompts that a direction lies between.

use super::problem::{DirectionProblem, Side};
use crate::experiment::Field;
use crate::host::SessionError;

/// Prompts of one side at most: their activations are all held at once.
pub(crate) const MOST_PROMPTS: usize = 512;

/// Whether there are prompts on both sides, and not too many.
pub(crate) fn check_sides(
    field: Field,
    sides: [&[String]; 2],
    most: usize,
) -> Result<(), SessionError> {
    for (prompts, side) in sides.iter().zip([Side::Positive, Side::Negative]) {
        let found = prompts.len();
        if found == 0 {
            return Err(SessionError::of(
                field,
                DirectionProblem::NoPrompts { side },
            ));
        }
        if found > most {
            let problem = DirectionProblem::ManyPrompts { found, side, most };
            return Err(SessionError::of(field, problem));
        }
    }
    Ok(())
}
