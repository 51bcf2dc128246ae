//! An operator's actions on a spool: status, check, inspect, purge.

pub(crate) mod check;
pub(crate) mod configured;
pub(crate) mod forecast;
pub(crate) mod inspect;
pub(crate) mod pending;
pub(crate) mod purge;
pub(crate) mod slots;
pub(crate) mod staleness;
pub(crate) mod status;
pub(crate) mod survey;
