//! The binary as its users meet it: what it prints, how it exits, what arrives at a server.
//!
//! Each test has a spool of its own, and a small server where something is delivered.
//!
//! # Non-goals
//! Waiting by the clock. What must be waited for is waited for itself.

mod batch;
mod beside;
mod bounds;
mod check;
mod config;
mod delivery_options;
mod doctor;
mod examples;
mod explain;
mod failed;
mod failed_choice;
mod failed_show;
mod follow;
mod grammars;
mod health;
mod hung;
mod init;
mod inspect;
mod kinds;
mod lengths;
mod limits;
mod messages;
mod metrics;
mod overdue;
mod owner;
mod pages;
mod parity;
mod paths;
mod ping;
mod proxies;
mod purge;
mod receiver;
mod retry_now;
mod run;
mod schema;
mod scrub;
mod setup;
mod shared;
mod status;
mod store;
mod strangers;
mod stuck;
mod trace;
mod transcripts;
mod trouble;
mod usage;
mod work;
