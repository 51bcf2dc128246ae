//! The scheduler: the health of each destination, and its share of the slots.
//!
//! A slot is one request in flight; the run has `cap` of them.
//!
//! # Invariants
//!
//! - **A lone, quick destination gets every slot.** Its limit starts at an eighth of the cap
//!   and grows by one with each answer, so it doubles each round trip. From then on nothing is
//!   parked, and a request costs a few look-ups by name.
//! - **A failing destination gets few.** Each failure by its own fault halves its
//!   limit, down to `down_after`: as many requests must be exhausted in a row before it counts
//!   as down, and side by side they cost the time of one. After as many failures in a row, once
//!   its limit is cut below where it began, it *cools down*: for nearly the back-off of that failure only
//!   requests that were tried before are begun. Then a few others are, before those that failed
//!   are tried again, so that some requests that always fail do not speak for all. A dead host
//!   costs a few requests their attempts, and no other request any.
//! - **A hanging destination leaves room.** A new destination never gets past its first few slots,
//!   since nothing it answers raises its limit. A destination that worked, and then hangs, holds at
//!   most all but the *reserve*: an eighth of the slots is kept, as soon as the run has met a
//!   second destination, or has something behind an overflow to read, for destinations that hold
//!   fewer than the reserve themselves and answer promptly, or hold nothing yet. So newcomers get
//!   in while many slow destinations share the rest.
//! - **However many hang, the next one is tried.** A destination from which nothing has come for
//!   [`SILENT`](activity::SILENT) does not count with one of its slots. And a destination that
//!   holds nothing, or holds few and answers promptly, may go beyond the cap, by twice as many as
//!   keep silent; so the number in flight trebles each [`SILENT`](activity::SILENT), up to `spare`
//!   more than the cap. With 100 slots and 1,500 spare ones, a new destination behind 1,000 that
//!   hang is tried within a second. With one slot nothing goes beyond it.
//! - **Few descriptors mean few in flight.** When an attempt could not be made for want of them, three
//!   quarters of what is in flight is the most for now; each round of answers adds one. When nothing is
//!   in flight, nothing is begun for a while that doubles, up to 4 s.
//! - **Memory is flat.** Claims whose destination has no slot are parked, at most `cap` for
//!   each, 16 `cap` and 16 MiB for all. Of the overflow nothing is kept but where it begins and ends.
//!
//! # Overflow
//!
//! What does not fit is the *overflow*. If its destination is prompt, room is a moment away:
//! the one claim is held, and nothing more is claimed until then, up to a second from the
//! last prompt answer, or much less (ten times what it usually takes) while others wait behind it. That
//! keeps a healthy backlog in its order, with nothing read twice. If the
//! destination is slow, cooling down or paused, or failures have cut its limit below where it began, the overflow is
//! *spilled*, so that what lies behind it is reached at once; and it is read again, from its beginning, when
//! the destination wants it: when half of its park is free, or its cool-down or pause is over. So a slow
//! destination is not kept waiting, and a backlog of a hundred thousand for a dead host is read as
//! often as there is room for some of it. While a destination has an overflow, what comes new
//! for it goes behind that.
//!
//! A destination that is *down* (see [`circuit_breaker`]) has what was stored before failed untried; what came
//! since waits until it is half open.
//!
//! # Non-goals
//!
//! Queues by destination. They would hold the backlog in memory; the
//! engine's order is kept among all that are prompt, and the others are spilled.

mod activity;
mod admission;
mod circuit_breaker;
mod cooldown;
mod destinations;
mod health;
mod limiter;
pub(crate) mod order_keys;
mod overflow;
mod pause;
mod pending;
mod slots;
pub(crate) mod spilled;
#[cfg(test)]
mod tests;

pub(crate) use admission::{Admission, Coming};
pub(crate) use destinations::Destinations;
pub(crate) use health::Answer;
pub(crate) use pending::Pending;
