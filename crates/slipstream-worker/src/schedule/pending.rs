//! A claim that waits for a slot of its destination.

use slipstream_core::Ticket;

use crate::subject::Subject;

/// What is parked may take so many bytes.
pub(super) const PARK_BYTES: usize = 16 << 20;

/// A claim that is ready to be tried.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) ticket: Ticket,
    pub(crate) subject: Subject,
    pub(crate) body: Vec<u8>,
    /// Attempts counted before.
    pub(crate) attempts: u32,
    /// Which driver performs it.
    pub(crate) driver: usize,
    /// Its position in the backlog.
    pub(crate) position: u128,
}

impl Pending {
    /// What it takes while it is parked, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.subject.size
    }
}
