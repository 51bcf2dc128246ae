//! URLs, hosts and addresses: a URL's parts, one spelling for a host, and which addresses may be
//! connected to.

pub(crate) mod address_gate;
pub(crate) mod host;
pub(crate) mod url;
