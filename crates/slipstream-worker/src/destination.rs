//! Whose turn it is: the health of each destination, and its share of the slots.
//!
//! A slot is one request in flight; the run has `cap` of them. Guaranteed:
//!
//! - **A lone, quick destination gets every slot.** Its limit starts at an eighth of the cap
//!   and grows by one with each answer, so it doubles each round trip. From then on nothing is
//!   parked, and a request costs a few look-ups by name.
//! - **A failing destination gets few.** Each failure that it is to blame for halves its
//!   limit, down to `down_after`: as many requests must be exhausted in a row before it counts
//!   as down, and side by side they cost the time of one. After as many failures in a row, once
//!   its limit is cut below where it began, it *rests*: for nearly the back-off of that failure only
//!   requests that were tried before are begun. Then a few others are, before those that failed
//!   are tried again, so that some requests that always fail do not speak for all. A dead host
//!   costs a few requests their attempts, and no other request any.
//! - **A hanging destination leaves room.** A new one never gets past its first few slots,
//!   since nothing it answers raises its limit. One that worked, and then hangs, holds
//!   at most all but the *reserve*: an eighth of the slots is kept, as soon as the run has met a
//!   second destination, for those that hold fewer than the reserve themselves and answer
//!   promptly, or hold nothing yet. So newcomers get in while many slow ones share the rest.
//! - **However many hang, the next one is tried.** A destination from which nothing has come for
//!   [`SILENT`] does not count with one of its slots. And one that holds nothing, or holds few and
//!   answers promptly, may go beyond the cap, by twice as many as keep silent; so the number
//!   in flight trebles each [`SILENT`], up to `spare` more than the cap. With 100 slots and 1,500 spare
//!   ones, a new destination behind 1,000 that hang is tried within a second. With one
//!   slot nothing goes beyond it.
//! - **Few descriptors mean few in flight.** When an attempt could not be made for want of them, three
//!   quarters of what is in flight is the most for now; each round of answers adds one. When nothing is
//!   in flight, nothing is begun for a while that doubles, up to 4 s.
//! - **Memory is flat.** Claims whose destination has no slot are parked, at most `cap` for
//!   each, 16 `cap` and 16 MiB for all.
//!
//! What does not fit is the *surplus*. If its destination is prompt, room is a moment away:
//! the one claim is held, and nothing more is claimed until then, up to a second from the
//! last prompt answer, or much less (ten times what it usually takes) while others wait behind it. That keeps a healthy backlog in its order, with nothing written. If the
//! destination is slow, or failures have cut its limit below where it began, the surplus is
//! put back, so that what lies behind it is reached at once: to the end of the rest, or else
//! for a while that doubles, up to 16 s, as long as the park has not run empty in between. So a
//! backlog of a hundred thousand for one dead host is passed over a few times, not polled.
//!
//! A destination is taken to be *down* by its own recent record, never by the requests that are
//! at their last attempt alone: they come first after a kill, and may be those that always fail. So:
//! `down_after` requests in a row have used up their attempts by its fault; as many have failed at their first
//! attempt, and where there are none to try, [`DOUBT`] has passed; it has taken none for [`LATELY`]; and
//! what was in flight when all that was so has brought nothing better. For a host that hangs, that costs
//! the time of one attempt more than what the requests' own attempts take.
//!
//! [`DOUBT`]: health::DOUBT
//! [`LATELY`]: health::LATELY
//!
//! A destination that is *down* stays so for a while that doubles each time, in this run and the
//! next ones. What was stored before it was found to be down is failed untried; what came since
//! waits until the while is over. Then it is *half open*: one request at a time is tried, and if
//! that exhausts its attempts, it is down again.
//!
//! Absent on purpose: queues by destination. They would hold the backlog in memory; the
//! engine's order is kept among all that are prompt, and the others are passed over.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use slipstream_core::{Destination, Ticket, Timestamp, TryNow};

use self::health::{Bounds, Health, PATIENCE, Slots};
use crate::memory::Remembered;
use crate::subject::Subject;
use crate::trouble::Trouble;

mod health;

/// What is parked may take so many bytes.
const PARK_BYTES: usize = 16 << 20;

/// Bodies in flight may take so many bytes, and the last one more. Those of [`SMALL`] requests that
/// go beyond the cap may take as many again.
const FLIGHT_BYTES: usize = 64 << 20;

/// What a request takes at most to be tried while others that hang hold all bytes.
const SMALL: usize = 64 << 10;

/// A destination from which nothing has come for so long keeps silent.
const SILENT: Duration = Duration::from_millis(250);

/// How often those that keep silent are counted while no slot is free.
const COUNT_EVERY: Duration = Duration::from_millis(50);

/// How long nothing is begun, at first and at most, when not one attempt can be made.
const SHORT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(4));

/// Idle destinations are forgotten when so many are known.
const MANY: usize = 10_000;

/// A claim that is ready to be tried.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) ticket: Ticket,
    pub(crate) subject: Subject,
    pub(crate) body: Vec<u8>,
    /// Attempts counted before.
    pub(crate) attempts: u32,
    /// Which driver performs it.
    pub(crate) seat: usize,
}

/// Where a claim goes.
#[derive(Debug)]
pub(crate) enum Place {
    /// It may be tried now.
    Start(Pending),
    /// It waits for its destination, in memory.
    Parked,
    /// There is no room, but there will be: offer it again when something has ended, or
    /// after this long.
    Hold(Pending, Duration),
    /// There is no room, or its destination is paused: it goes back for this long.
    PutBack(Pending, Duration),
    /// Its destination is down.
    Down(Pending),
}

/// What the end of an attempt says about the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It took the request.
    Delivered,
    /// It answered, and the request failed by its own fault.
    Refused,
    /// It failed.
    Failed {
        /// The back-off.
        wait: Duration,
        /// Whether it was the request's first attempt.
        first: bool,
    },
    /// Nothing: the attempt could not be made.
    NotMade,
}

/// All destinations of a run. Times are readings of the monotonic clock.
#[derive(Debug)]
pub(crate) struct Destinations {
    cap: usize,
    /// How many may be in flight beyond the cap while others keep silent.
    spare: usize,
    /// How many may be in flight for now: the cap and the spare ones, unless the worker ran short.
    most: usize,
    /// Answers since `most` was changed.
    answers: usize,
    /// When an attempt could not be made last.
    short_at: Option<Duration>,
    /// Until then nothing is begun, and how long that was.
    short: (Duration, Duration),
    reserve: usize,
    down_after: usize,
    /// How many destinations keep silent, and when they were counted.
    silent: usize,
    counted: Duration,
    known: HashMap<Destination, Health>,
    /// Those that were failing when an earlier run ended, and nothing more: since when, and how. They
    /// count as known when something is to go there.
    failing: HashMap<Destination, (Timestamp, String)>,
    forget_at: usize,
    /// Those with parked claims, next turn first.
    waiting: VecDeque<Destination>,
    in_flight: usize,
    in_flight_bytes: usize,
    parked: usize,
    parked_bytes: usize,
    down: usize,
}

impl Destinations {
    pub(crate) fn new(cap: usize, down_after: u32) -> Self {
        let cap = cap.max(1);
        let down_after = usize::try_from(down_after.max(1)).unwrap_or(usize::MAX);
        Self {
            cap,
            spare: 0,
            most: cap,
            answers: 0,
            short_at: None,
            short: (Duration::ZERO, Duration::ZERO),
            silent: 0,
            counted: Duration::ZERO,
            reserve: if cap == 1 { 0 } else { cap.div_ceil(8) },
            down_after,
            known: HashMap::new(),
            failing: HashMap::new(),
            forget_at: MANY,
            waiting: VecDeque::new(),
            in_flight: 0,
            in_flight_bytes: 0,
            parked: 0,
            parked_bytes: 0,
            down: 0,
        }
    }

    /// The same with so many more in flight while others keep silent; none if the cap is one.
    pub(crate) fn spare(mut self, spare: usize) -> Self {
        self.spare = if self.cap == 1 { 0 } else { spare };
        self.most = self.cap + self.spare;
        self
    }

    /// Whether nothing more can be begun, and for how long that is known to stay so if nothing ends.
    pub(crate) fn is_full(&mut self, now: Duration) -> Option<Duration> {
        if now < self.short.0 {
            return Some(self.short.0 - now);
        }
        self.count_silent(now);
        let slots = self.slots(0, now);
        if slots.free > 0 || slots.extra > 0 {
            return None;
        }
        let may_change = self.in_flight < self.most && self.spare > 0;
        Some(if may_change { COUNT_EVERY } else { Duration::MAX })
    }

    /// Finds a claim its place. A claim to start is not counted before [`Self::started`].
    pub(crate) fn place(&mut self, pending: Pending, now: Duration) -> Place {
        let destination = &pending.subject.destination;
        if !self.known.contains_key(destination) {
            self.meet(destination.clone());
        }
        self.count_silent(now);
        let slots = self.slots(pending.subject.size, now);
        let health = self.known.get_mut(destination).expect("it was met above");
        if let Some(down) = &health.down {
            if now < down.until && pending.subject.id.stored() <= down.at {
                return Place::Down(pending);
            }
            if now < down.until {
                let wait = down.until - now;
                return Place::PutBack(pending, wait);
            }
            health.half_open();
            self.down -= 1;
        }
        let slots = Slots { shared: self.is_shared(), ..slots };
        let health = self.known.get_mut(&pending.subject.destination).expect("it was met above");
        if let Some(wait) = health.closed_to(&pending, now) {
            return Place::PutBack(pending, wait);
        }
        if health.parked.is_empty() && health.may_start(slots) {
            return Place::Start(pending);
        }
        let (size, tried) = (size(&pending), pending.attempts > 0);
        let roomy = self.parked == 0
            || (health.parked.len() < self.cap
                && self.parked < 16 * self.cap
                && self.parked_bytes + size <= PARK_BYTES);
        if roomy || (tried && !health.parked.is_empty()) {
            if health.parked.is_empty() {
                self.waiting.push_back(destination.clone());
            }
            self.parked += 1;
            self.parked_bytes += size;
            if tried {
                health.parked.push_front(pending);
            } else {
                health.parked.push_back(pending);
            }
            if roomy {
                return Place::Parked;
            }
            // It took the place of the one that would have waited longest.
            let last = health.parked.pop_back().expect("one was added above");
            self.parked -= 1;
            self.parked_bytes -= self::size(&last);
            return health.turn_away(last, slots.shared, now);
        }
        health.turn_away(pending, slots.shared, now)
    }

    /// A parked claim whose destination has a slot now, each destination in its turn.
    pub(crate) fn next_parked(&mut self, now: Duration) -> Option<Pending> {
        for _ in 0..self.waiting.len() {
            if self.is_full(now).is_some() {
                return None;
            }
            let destination = self.waiting.pop_front()?;
            let first = self.known.get(&destination).and_then(|health| health.parked.front());
            let size = first.map_or(0, |first| first.subject.size);
            let slots = self.slots(size, now);
            let Some(health) = self.known.get_mut(&destination) else {
                continue;
            };
            if !health.may_start(slots) {
                self.waiting.push_back(destination);
                continue;
            }
            let Some(pending) = health.parked.pop_front() else {
                continue;
            };
            self.parked -= 1;
            self.parked_bytes -= self::size(&pending);
            if health.parked.is_empty() {
                health.shut_for = Duration::ZERO;
            } else {
                self.waiting.push_back(destination);
            }
            return Some(pending);
        }
        None
    }

    /// An attempt was begun.
    pub(crate) fn started(&mut self, destination: &Destination, size: usize, now: Duration) {
        if let Some(health) = self.known.get_mut(destination) {
            health.start(now);
            self.in_flight += 1;
            self.in_flight_bytes += size;
        }
    }

    /// An attempt has ended.
    pub(crate) fn ended(
        &mut self,
        destination: &Destination,
        size: usize,
        answer: Answer,
        took: Duration,
        now: Duration,
    ) {
        if let Some(health) = self.known.get_mut(destination) {
            let was_down = health.down.is_some();
            self.silent -= usize::from(std::mem::take(&mut health.silent));
            health.end(answer, took, now);
            self.in_flight -= 1;
            self.in_flight_bytes -= size;
            self.down -= usize::from(was_down && health.down.is_none());
            if answer != Answer::NotMade {
                self.well(now);
            }
        }
    }

    /// An attempt could not be made, and has ended: fewer are in flight from now on. How long its
    /// request waits, and how many may be in flight.
    pub(crate) fn short(&mut self, now: Duration) -> (Duration, usize) {
        if !self.was_short(now) {
            self.short_at = Some(now);
        }
        self.most = self.most.min(self.in_flight * 3 / 4).max(1);
        self.answers = 0;
        if now >= self.short.0 {
            self.short.1 = (self.short.1 * 2).clamp(SHORT.0, SHORT.1);
        }
        if self.in_flight == 0 {
            self.short.0 = now + self.short.1;
        }
        (self.short.1, self.most)
    }

    /// Whether an attempt could not be made a moment ago, so that others may have failed for the same.
    pub(crate) fn was_short(&self, now: Duration) -> bool {
        self.short_at.is_some_and(|at| now < at + PATIENCE)
    }

    /// An attempt was made.
    fn well(&mut self, now: Duration) {
        self.short = (now.min(self.short.0), Duration::ZERO);
        self.answers += 1;
        if self.answers >= self.most && self.most < self.cap + self.spare {
            self.answers = 0;
            self.most += 1;
        }
    }

    /// A request has used up its attempts by the destination's fault, and this is how. Whether that is
    /// down now, and was not before.
    pub(crate) fn exhausted(
        &mut self,
        destination: &Destination,
        why: &str,
        now: Duration,
        wall: Timestamp,
    ) -> bool {
        let Some(health) = self.known.get_mut(destination) else {
            return false;
        };
        health.keep_why(why, wall);
        health.exhausted = health.exhausted.saturating_add(1);
        self.judge(destination, now, wall)
    }

    /// Whether a destination of which an attempt has just failed is down now, and was not before.
    pub(crate) fn judge(
        &mut self,
        destination: &Destination,
        now: Duration,
        wall: Timestamp,
    ) -> bool {
        let Some(health) = self.known.get_mut(destination) else {
            return false;
        };
        if health.down.is_some() || !health.is_condemned(now) {
            return false;
        }
        health.go_down(now, wall);
        self.down += 1;
        true
    }

    /// Has these tried now: one that is down becomes half open, and no pause holds.
    pub(crate) fn try_now(&mut self, asked: &[TryNow]) {
        let concerned = |to: &Destination| asked.iter().any(|asked| asked.concerns(to));
        for (_, health) in self.known.iter_mut().filter(|(to, _)| concerned(to)) {
            self.down -= usize::from(health.down.is_some());
            health.try_now();
        }
    }

    /// Takes in what an earlier run remembered.
    pub(crate) fn recall(&mut self, all: Vec<Remembered>, now: Duration, wall: Timestamp) {
        for one in all {
            let destination = one.destination();
            if one.is_only_failing() {
                self.failing.insert(destination, (one.failing_at(wall), one.why));
                continue;
            }
            self.meet(destination.clone());
            if let Some(health) = self.known.get_mut(&destination) {
                health.recall(&one, now, wall);
                self.down += usize::from(health.down.is_some());
            }
        }
    }

    /// What the next run should know.
    pub(crate) fn remember(
        &self,
        now: Duration,
        wall: Timestamp,
    ) -> impl Iterator<Item = Remembered> {
        let known = self.known.iter();
        let known = known.filter_map(move |(to, health)| health.remember(to, now, wall));
        let failing = self.failing.iter();
        known.chain(failing.map(move |(to, (since, why))| {
            Remembered::new(to, wall).failing(*since, why.clone(), wall)
        }))
    }

    /// The destinations that take no requests now.
    pub(crate) fn troubles(&self, now: Duration, wall: Timestamp) -> Vec<Trouble> {
        let known = self.known.iter().filter_map(|(to, health)| health.trouble(to, now, wall));
        let failing = self.failing.iter();
        known.chain(failing.map(|(to, (since, why))| Trouble::failing(to, *since, why))).collect()
    }

    /// A request was asked to wait for so long, with this answer. How long nothing is begun at its
    /// destination, if that is news.
    pub(crate) fn pause(
        &mut self,
        destination: &Destination,
        why: &str,
        asked: Duration,
        now: Duration,
        wall: Timestamp,
    ) -> Option<Duration> {
        let health = self.known.get_mut(destination)?;
        health.keep_why(why, wall);
        health.pause(asked, now)
    }

    /// What is parked for this destination and may not stay, since it is down, paused or at
    /// rest. Each is to be placed again.
    pub(crate) fn release(&mut self, destination: &Destination, now: Duration) -> Vec<Pending> {
        let Some(health) = self.known.get_mut(destination) else {
            return Vec::new();
        };
        let leaves = health.clear(now);
        self.parked -= leaves.len();
        self.parked_bytes -= leaves.iter().map(size).sum::<usize>();
        if health.parked.is_empty() && !leaves.is_empty() {
            self.waiting.retain(|waiting| waiting != destination);
        }
        leaves
    }

    /// Everything that is parked.
    pub(crate) fn release_all(&mut self) -> Vec<Pending> {
        self.parked = 0;
        self.parked_bytes = 0;
        let mut all = Vec::new();
        for destination in self.waiting.drain(..) {
            if let Some(health) = self.known.get_mut(&destination) {
                all.extend(health.parked.drain(..));
            }
        }
        all
    }

    /// The slots that are left for a request of this size.
    fn slots(&self, size: usize, now: Duration) -> Slots {
        let most = if now < self.short.0 { 0 } else { self.most };
        let left = most.saturating_sub(self.in_flight);
        let counted = self.in_flight - self.silent;
        let (mut free, mut extra) = (
            self.cap.saturating_sub(counted).min(left),
            (2 * self.silent).saturating_sub(counted).min(left),
        );
        if self.spare == 0 {
            extra = 0;
        }
        if self.in_flight_bytes >= FLIGHT_BYTES {
            free = 0;
            let fits = size <= SMALL && self.in_flight_bytes < 2 * FLIGHT_BYTES;
            extra = if fits { extra } else { 0 };
        }
        Slots { free, extra, reserve: self.reserve, shared: self.is_shared() }
    }

    fn is_shared(&self) -> bool {
        self.known.len() - self.down > 1 || self.silent > 0
    }

    /// Counts the destinations that keep silent, if that may free a slot.
    fn count_silent(&mut self, now: Duration) {
        let scarce = self.in_flight - self.silent + self.reserve >= self.cap;
        if self.spare == 0 || !scarce || now < self.counted + COUNT_EVERY {
            return;
        }
        self.counted = now;
        self.silent = 0;
        for health in self.known.values_mut() {
            health.silent = health.is_silent(now);
            self.silent += usize::from(health.silent);
        }
    }

    fn meet(&mut self, destination: Destination) {
        if self.known.len() >= self.forget_at {
            self.known.retain(|_, health| !health.is_idle());
            self.forget_at = MANY.max(2 * self.known.len());
        }
        let floor = self.down_after.min(self.cap);
        let bounds = Bounds {
            first: (self.cap / 8).max(floor),
            floor,
            cap: self.cap,
            down_after: self.down_after,
        };
        let mut health = Health::new(bounds);
        health.failing = self.failing.remove(&destination);
        self.known.insert(destination, health);
    }
}

/// What a parked claim takes, in bytes.
fn size(pending: &Pending) -> usize {
    size_of::<Pending>() + pending.subject.size
}

#[cfg(test)]
mod tests;
