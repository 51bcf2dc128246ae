//! Text for people: output, traces, units, the progress of a run.

pub(crate) mod print;
pub(crate) mod progress;
pub(crate) mod shown;
pub(crate) mod totals;
pub(crate) mod trace;
pub(crate) mod units;
