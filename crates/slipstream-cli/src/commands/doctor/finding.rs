//! Something that the doctor found.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Requests do not go out, or are lost, as it is now.
    Critical,
    /// They may not, or may be lost, some day.
    Warning,
}

/// Something that keeps requests from going out, or will.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) what: String,
    pub(super) why: &'static str,
    pub(super) to_do: String,
}

impl Finding {
    pub(super) fn critical(
        what: impl Into<String>,
        why: &'static str,
        to_do: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Critical, what: what.into(), why, to_do: to_do.into() }
    }

    pub(super) fn warning(
        what: impl Into<String>,
        why: &'static str,
        to_do: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::critical(what, why, to_do) }
    }
}
