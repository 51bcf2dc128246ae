//! The findings of a check.

use super::totals::Totals;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Checked {
    /// Parts that were read.
    pub parts: u64,
    /// Records in them, settled or not.
    pub records: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// What is wrong, in the order it was found. Empty when all is well.
    pub problems: Vec<Problem>,
    /// What a killed process or a power loss left in the normal course of things: nothing that was
    /// acknowledged, or a step that the next process finishes.
    pub leftovers: Vec<Problem>,
    /// The sums as they are now.
    pub totals: Totals,
}

/// One thing that is wrong, or was left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Where: the part's name.
    pub part: String,
    /// What, lower case, with what a repair does about it.
    pub what: String,
    /// Whether it was repaired.
    pub mended: bool,
}

impl Problem {
    /// A problem of a part, and whether it was repaired.
    pub fn new(part: impl Into<String>, what: impl Into<String>, mended: bool) -> Self {
        Self { part: part.into(), what: what.into(), mended }
    }
}
