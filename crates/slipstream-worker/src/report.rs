//! What a run reports: events and a summary to the program, files to the operator and the next run.

pub(crate) mod destination_state;
pub(crate) mod note;
pub(crate) mod observer;
pub(crate) mod run_file;
