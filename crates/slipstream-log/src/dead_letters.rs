//! Dead letters: requests that failed for good, and what an operator does about them.
//!
//! A filter chooses, a plan counts, and what is applied is what was chosen: all in one [`walk`].

pub(crate) mod act;
pub(crate) mod walk;
