//! The worker's side: claim, give out, settle, finish.

pub(crate) mod backlog;
pub(crate) mod state_files;
pub(crate) mod worker_lock;
