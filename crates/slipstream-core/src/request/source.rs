//! The source of a request: it decides the slot that its record goes to.

use std::fmt;

/// The name of the program that stores. Equal sources share a slot and so keep their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source(Vec<u8>);

impl Source {
    /// A source by a name of your choice: a site, a tenant, a job.
    pub fn named(name: impl AsRef<[u8]>) -> Self {
        Self(name.as_ref().to_vec())
    }

    /// This process: what a long-lived program uses unless configured otherwise.
    pub fn process() -> Self {
        Self(format!("pid:{}", std::process::id()).into_bytes())
    }

    /// The process that started this one: what the command line uses, so that all that
    /// one script stores stays together and in order.
    pub fn parent() -> Self {
        Self(format!("pid:{}", std::os::unix::process::parent_id()).into_bytes())
    }

    /// The bytes that are hashed to find the slot.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}
