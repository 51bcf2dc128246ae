//! URLs, hosts and addresses: a URL's parts, one spelling for a host, and the addresses that may be
//! connected to.

pub(crate) mod address_gate;
pub(crate) mod host;
pub(crate) mod url;
