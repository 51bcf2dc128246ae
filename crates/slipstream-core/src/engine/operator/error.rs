//! The error of an operator's action on an engine.

use std::error::Error;

/// Why an operator was not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// A worker has it.
    #[error("a worker is running{}", .holder.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Busy {
        /// Its process id, if it is known.
        holder: Option<u32>,
    },
    /// This engine has nothing of the kind.
    #[error("{0}")]
    Unsupported(String),
    /// The engine failed.
    #[error(transparent)]
    Engine(Box<dyn Error + Send + Sync>),
}
