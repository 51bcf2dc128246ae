//! What a run promises, each promise as a test: with a backlog in memory, a driver that
//! follows a script, and a clock that moves when that driver waits.

mod backlog;
mod delivery_options;
mod destinations;
mod endings;
mod fakes;
mod keeping;
mod many;
mod members;
mod properties;
mod retries;
mod silent;
mod threads;
