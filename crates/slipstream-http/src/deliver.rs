//! Delivery of HTTP requests over libcurl: the driver, and the rules that it follows.

pub(crate) mod answer;
pub(crate) mod classify;
pub(crate) mod configure;
pub(crate) mod driver;
pub(crate) mod head;
pub(crate) mod jar;
pub(crate) mod options;
pub(crate) mod outcome;
pub(crate) mod policy;
pub(crate) mod proxies;
pub(crate) mod raw;
pub(crate) mod redirect;
pub(crate) mod redirect_chain;
pub(crate) mod retry_after;
pub(crate) mod route;
pub(crate) mod signature;
pub(crate) mod times;
pub(crate) mod transfer;
