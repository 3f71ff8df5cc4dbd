//! The two sets of prompts that a direction lies between.

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
    for (side, name) in sides.iter().zip(["positive", "negative"]) {
        let found = side.len();
        if found == 0 {
            return Err(SessionError::of(
                field,
                format!(
                    "There are no {name} prompts; a direction lies between two sets, so write at least one a side."
                ),
            ));
        }
        if found > most {
            return Err(SessionError::of(
                field,
                format!(
                    "There are {found} {name} prompts, but at most {most} are read; take fewer."
                ),
            ));
        }
    }
    Ok(())
}
