//! The next record: what is due first, then what is read on, then what is claimed.

use std::cmp::Reverse;
use std::time::Duration;

use slipstream_core::{Claim, Next, TryNow};

use super::consumer::{Consumer, LOOK_EVERY, Out, WaitingRecord};
use super::found::Found;
use super::trouble::SKIP_FOR;
use crate::error::SpoolError;
use crate::format::frame::State;
use crate::format::layout::log_path;
use crate::format::log_name::{LogName, Stage};
use crate::format::scan::{Item, read_record, read_settlement};

/// For how long logs are read in search of the next record, before the run gets to see whether its
/// time is up, or it is to stop.
const CLAIM_FOR: Duration = Duration::from_millis(200);

impl Consumer {
    /// What is due, if anything is. A record that cannot go on for want of descriptors waits until
    /// what is in flight has given some back.
    pub(super) fn next_claim(&mut self) -> Result<Next, SpoolError> {
        let mut sheds = 0;
        loop {
            match self.next_step() {
                Err(error) if error.is_out_of_descriptors() => {
                    sheds += 1;
                    if sheds < 3 && self.open.shed() {
                        continue;
                    }
                    let now = self.rotation.files().clock.elapsed();
                    if self.waits_for_descriptors(now) {
                        self.short_since.get_or_insert(now);
                        return Ok(Next::Wait(LOOK_EVERY));
                    }
                    return Err(error);
                }
                other => {
                    self.short_since = None;
                    return other;
                }
            }
        }
    }

    fn next_step(&mut self) -> Result<Next, SpoolError> {
        let began = self.rotation.files().clock.elapsed();
        loop {
            let now = self.rotation.files().clock.elapsed();
            if now.saturating_sub(began) > CLAIM_FOR {
                // Logs without a record to give out can be many, and long.
                return Ok(Next::Wait(Duration::ZERO));
            }
            if let Some(asked) = self.listen_to_operators(now) {
                return Ok(Next::Asked(asked));
            }
            if self.waiting.peek().is_some_and(|Reverse(first)| first.due <= now) {
                if let Some(claim) = self.give_out_waiting(now)? {
                    return Ok(Next::Work(claim));
                }
                continue;
            }
            if let Some(log) = self.reading.as_ref().map(|(log, _)| *log) {
                if let Some(claim) = self.read_on(log)? {
                    return Ok(Next::Work(claim));
                }
                self.reading = None;
                self.finish_if_settled(log);
                continue;
            }
            if let Some((again, log)) = self.rereads.first().copied().filter(|(at, _)| *at <= now) {
                self.read_again(log, now)?;
                self.rereads.remove(&(again, log));
                continue;
            }
            if self.claim_next(now)? || self.asked.is_untold() {
                continue;
            }
            let waiting = self.waiting.peek().map(|Reverse(first)| first.due);
            let again = self.rereads.first().map(|(again, _)| *again);
            let held = (!self.held.is_empty()).then_some(now + LOOK_EVERY);
            return Ok(match waiting.into_iter().chain(again).chain(held).min() {
                Some(due) => Next::Wait(due.saturating_sub(now)),
                None => Next::Empty,
            });
        }
    }

    /// The next unsettled record of the log that is being read, none at its end.
    fn read_on(&mut self, name: LogName) -> Result<Option<Claim>, SpoolError> {
        let (wall, now) =
            (self.rotation.files().clock.now(), self.rotation.files().clock.elapsed());
        let Some(identity) = self.logs.get(&name).map(|log| log.identity) else {
            return Ok(None);
        };
        let patient = self.waits_for_descriptors(now);
        let file = match self.open.get(self.rotation.files(), name, identity) {
            Ok(file) => file,
            Err(error) if patient && error.is_out_of_descriptors() => return Err(error),
            Err(error) => {
                self.cannot_open(name, error);
                self.again_at(name, now + SKIP_FOR);
                return Ok(None);
            }
        };
        let (Some((_, walk)), Some(log)) = (&mut self.reading, self.logs.get_mut(&name)) else {
            return Ok(None);
        };
        loop {
            let item = match walk.next(file) {
                Ok(Some(item)) => item,
                Ok(None) => return Ok(None),
                Err(error) => {
                    // The disk gives no more of this log: it is kept with the failed ones,
                    // and the others go on.
                    log.failed = true;
                    let path = log_path(Stage::Processing, name);
                    let error = self.rotation.files().io("read on in", &path, error);
                    self.troubles.note_lasting(Found::claimed(name), now, error);
                    return Ok(None);
                }
            };
            let Item::Record { at, settlement, payload } = item else {
                if let Item::Damage(range) = item
                    && !std::mem::replace(&mut log.damaged, true)
                {
                    tracing::warn!(log = %name, ?range, "unreadable bytes are set aside");
                }
                continue;
            };
            log.failed |= settlement.state == State::Failed;
            if settlement.state != State::Pending || log.outstanding.contains(&at) {
                continue;
            }
            let again = at < log.read_to;
            let settlement = match again {
                true => match read_settlement(file, at) {
                    // It was settled after these bytes were read.
                    Ok(now) if now.state != State::Pending => continue,
                    Ok(now) => now,
                    Err(_) => settlement,
                },
                false => settlement,
            };
            let payload = payload.to_vec();
            log.outstanding.insert(at);
            log.read_to = log.read_to.max(at + 1);
            let early = !again || log.hurried;
            if again {
                self.is_remembered(name);
            }
            // What an earlier run deferred comes out, too, so that the worker sees it.
            let wait = settlement.remaining(wall);
            let out = Out { log: name, at, settlement, before: None };
            return Ok(Some(self.give_out(out, payload, wait, early)));
        }
    }

    /// Gives out the first of the waiting records.
    fn give_out_waiting(&mut self, now: Duration) -> Result<Option<Claim>, SpoolError> {
        let Some(Reverse(WaitingRecord { log: name, at, early, .. })) = self.waiting.pop() else {
            return Ok(None);
        };
        let patient = self.waits_for_descriptors(now);
        let Some(log) = self.logs.get(&name) else {
            return Ok(None);
        };
        let file = match self.open.get(self.rotation.files(), name, log.identity) {
            Ok(file) => file,
            Err(error) if patient && error.is_out_of_descriptors() => {
                self.waiting.push(Reverse(WaitingRecord { due: now, log: name, at, early }));
                return Err(error);
            }
            Err(error) => {
                self.waiting.push(Reverse(WaitingRecord {
                    due: now + SKIP_FOR,
                    log: name,
                    at,
                    early,
                }));
                self.cannot_open(name, error);
                return Ok(None);
            }
        };
        match read_record(file, log.salt, at, self.rotation.files().settings.limits()) {
            Ok(Some((settlement, payload))) => {
                let out = Out { log: name, at, settlement, before: None };
                let wait = match early {
                    true => settlement.remaining(self.rotation.files().clock.now()),
                    false => Duration::ZERO,
                };
                Ok(Some(self.give_out(out, payload, wait, early)))
            }
            Ok(None) => {
                // Damaged since it was read first: the process that removes the log sets it aside.
                tracing::warn!(log = %name, at, "a record can no longer be read");
                self.is_settled(name, at);
                Ok(None)
            }
            Err(error) => {
                let error = self.rotation.files().io(
                    "read a request in",
                    &log_path(Stage::Processing, name),
                    error,
                );
                self.troubles.note(Found::claimed(name), now, error);
                self.waiting.push(Reverse(WaitingRecord {
                    due: now + SKIP_FOR,
                    log: name,
                    at,
                    early,
                }));
                Ok(None)
            }
        }
    }

    fn read_again(&mut self, name: LogName, now: Duration) -> Result<(), SpoolError> {
        let Some(identity) = self.logs.get(&name).map(|log| log.identity) else {
            return Ok(());
        };
        let patient = self.waits_for_descriptors(now);
        let path = log_path(Stage::Processing, name);
        let file = self.open.get(self.rotation.files(), name, identity);
        let walk = file.and_then(|file| self.rotation.files().walk(file, &path, Some(name)));
        match walk {
            Ok(walk) => {
                self.reading = Some((name, walk));
                if let Some(log) = self.logs.get_mut(&name) {
                    log.again = None;
                }
                Ok(())
            }
            Err(error) if patient && error.is_out_of_descriptors() => Err(error),
            Err(error) => {
                self.cannot_open(name, error);
                self.again_at(name, now + SKIP_FOR);
                Ok(())
            }
        }
    }

    /// What operators asked for since this was called last. Everything that waits comes out once,
    /// since only the worker can match it with what was asked.
    fn listen_to_operators(&mut self, now: Duration) -> Option<Vec<TryNow>> {
        let untold = self.asked.take(self.rotation.files(), now);
        if untold.is_empty() {
            return None;
        }
        self.waiting = std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|Reverse(mut waiting)| {
                waiting.early |= waiting.due > now;
                waiting.due = waiting.due.min(now);
                Reverse(waiting)
            })
            .collect();
        for (_, name) in std::mem::take(&mut self.rereads) {
            if let Some(log) = self.logs.get_mut(&name) {
                log.hurried = true;
                log.again = Some(now);
                self.rereads.insert((now, name));
            }
        }
        Some(untold)
    }
}
