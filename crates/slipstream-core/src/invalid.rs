//! Why a request is refused before it is stored.

/// A request that can never be delivered as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

impl Invalid {
    /// An error from words that say what is wrong and what would be right.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}
