//! What this process is to the system: whose it is, its environment, its signals, the files that it
//! writes.

pub(crate) mod environment;
pub(crate) mod owner;
pub(crate) mod replace;
pub(crate) mod signals;
