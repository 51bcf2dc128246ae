//! Parts that the soak and its crew share: names of requests, their kinds, and chance that can be
//! repeated.

pub mod chance;
pub mod ids;
pub mod kinds;
