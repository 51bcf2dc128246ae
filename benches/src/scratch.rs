//! The directory in which a benchmark makes its spools.

use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A new directory below this one, or below the temporary directory. It goes when this is dropped.
pub(crate) fn dir(below: Option<&Path>) -> Result<TempDir> {
    let mut maker = tempfile::Builder::new();
    maker.prefix("slipstream-bench-");
    let made = below.map_or_else(|| maker.tempdir(), |below| maker.tempdir_in(below));
    made.context("could not make a directory to measure in; name one with --dir")
}
