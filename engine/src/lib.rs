//! Patchbay's engine.
