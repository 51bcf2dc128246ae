//! How a log changes its stage, and the accounts of logs that are gone.

pub(crate) mod ledger;
pub(crate) mod retirement;
pub(crate) mod rotation;
pub(crate) mod tally;
