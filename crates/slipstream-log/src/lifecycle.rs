//! A log's changes of stage, and the accounts of logs that are gone.
//!
//! The types depend on each other in lock order: [`rotation`] over [`retirement`] over [`ledger`].

pub(crate) mod damage;
pub(crate) mod entries;
pub(crate) mod ledger;
pub(crate) mod retirement;
pub(crate) mod retiring_log;
pub(crate) mod rotation;
pub(crate) mod tally;
