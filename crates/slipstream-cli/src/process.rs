//! This process: its user, its environment, its signals, the files that it writes.

pub(crate) mod environment;
pub(crate) mod owner;
pub(crate) mod replace;
pub(crate) mod signals;
