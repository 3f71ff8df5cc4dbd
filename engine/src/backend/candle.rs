//! candle's errors in words.

use candle_core::Error;

/// What went wrong, and not the way there: where `RUST_BACKTRACE` is set, candle
/// puts that into its sentence.
pub(crate) fn said(error: &Error) -> String {
    match error {
        Error::WithBacktrace { inner, .. } => said(inner),
        Error::WithPath { inner, path } => format!("{}: {}", path.display(), said(inner)),
        Error::Context { inner, context } => format!("{context}: {}", said(inner)),
        other => other.to_string(),
    }
}

/// An argument of a sentence.
pub(crate) fn text<S: serde::Serializer>(error: &Error, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&said(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::backtrace::Backtrace;

    #[test]
    fn the_way_to_an_error_is_not_told() {
        let error = Error::WithBacktrace {
            inner: Box::new(Error::Msg("no room".into())),
            backtrace: Box::new(Backtrace::force_capture()),
        };
        assert!(error.to_string().lines().count() > 3);
        assert_eq!(said(&error), "no room");
        let error = error.context("the head").with_path("a/b");
        assert_eq!(said(&error), "a/b: the head: no room");
    }
}
