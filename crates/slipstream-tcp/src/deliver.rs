//! Delivery over TCP, TLS and Unix sockets: the handler, its connections, and what an end means.

pub(crate) mod acked;
pub(crate) mod answer;
pub(crate) mod channel;
pub(crate) mod classify;
pub(crate) mod connect;
pub(crate) mod handler;
pub(crate) mod options;
pub(crate) mod session;
pub(crate) mod wire;
