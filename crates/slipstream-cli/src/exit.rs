//! The end of a command, and its exit code.

use std::process::ExitCode;

/// How a command ended that could be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well.
    Success,
    /// Something was not delivered, stored or accounted for.
    Incomplete,
    /// Some of it could not be carried out, and that was said.
    Error,
    /// With the exit code of a monitoring plugin.
    Code(u8),
}

/// The exit code of a command that could not be carried out.
const COULD_NOT: u8 = 2;

/// The same for the process, where there is no command to tell of.
pub(crate) fn could_not() -> ExitCode {
    ExitCode::from(COULD_NOT)
}

/// The exit code of a command that ended so.
pub(crate) fn code(ended: &anyhow::Result<Exit>) -> u8 {
    match ended {
        Ok(Exit::Success) => 0,
        Ok(Exit::Incomplete) => 1,
        Ok(Exit::Error) | Err(_) => COULD_NOT,
        Ok(Exit::Code(code)) => *code,
    }
}
