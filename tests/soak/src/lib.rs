//! What the soak and its crew both know: names of requests, their kinds, and chance that can be repeated.

pub mod chance;
pub mod ids;
pub mod kinds;
