//! How a log changes its stage, and the accounts of logs that are gone.
//!
//! The types stand on each other as locks are taken: [`rotation`] over [`retirement`] over [`ledger`].

pub(crate) mod damage;
pub(crate) mod entries;
pub(crate) mod ledger;
pub(crate) mod retirement;
pub(crate) mod retiring_log;
pub(crate) mod rotation;
pub(crate) mod tally;
