//! An error and what caused it, as the one line that an operator reads.

use std::error::Error;
use std::fmt::Write;

/// The error's own words and those of each cause, with colons between.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    line
}
