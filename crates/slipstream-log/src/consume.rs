//! The worker's side: one worker claims logs, gives out their records, settles them, and finishes.

pub(crate) mod abandoned;
pub(crate) mod asked;
pub(crate) mod attempt_log;
pub(crate) mod backlog;
pub(crate) mod notify;
pub(crate) mod state_files;
pub(crate) mod worker_lock;
