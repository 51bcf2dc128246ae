//! Forecast: when the oldest log of a slot must be evicted if no worker comes. Pure.
//!
//! # Non-goals
//! Certainty. How fast a slot fills is guessed from its newest logs.

use std::time::Duration;

use slipstream_core::Timestamp;
use slipstream_core::operator::NearlyFull;

use crate::format::settings::{OnFull, Settings};
use crate::operate::slots::SlotStatus;

/// How many of the newest logs show how fast a slot fills.
const NEWEST: usize = 4;

/// The slot that is full first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forecast {
    /// The slot.
    pub slot: u16,
    /// When.
    pub wait: Duration,
    /// Requests in the log that is evicted.
    pub requests: u64,
}

impl Forecast {
    /// The same, as any engine reports it.
    pub(crate) fn nearly_full(self, on_full: OnFull) -> NearlyFull {
        let overwrites = (on_full == OnFull::Overwrite).then_some(self.requests);
        NearlyFull::new(format!("slot {}", self.slot), self.wait, overwrites)
    }
}

/// The slot whose oldest log must be evicted first if no worker comes; none while that is not near.
pub(crate) fn forecast(slots: &[SlotStatus]) -> Option<Forecast> {
    let near = slots.iter().filter_map(|slot| {
        let requests = slot.ready.first().map_or(0, |oldest| oldest.requests);
        slot.full_in.map(|wait| Forecast { slot: slot.slot, wait, requests })
    });
    near.min_by_key(|forecast| forecast.wait)
}

/// When a slot is full beyond the last of its places; none while it is not half full, or nothing
/// comes that would fill it.
pub(crate) fn full_in(settings: &Settings, slot: &SlotStatus, now: Timestamp) -> Option<Duration> {
    let (places, ready) = (settings.logs as usize, slot.ready.len());
    if ready == 0 || ready * 2 < places {
        return None;
    }
    let all = slot.ready.iter().chain(&slot.collecting).map(|log| log.begun);
    let newest: Vec<_> = all.rev().take(NEWEST).collect();
    let (last, first) = (newest[0], *newest.last()?);
    let quiet = now.since(last);
    if newest.len() < 2 || quiet > settings.rotate() * 2 {
        return None;
    }
    // As fast as of late, but slower if the newest log has been open for longer than that.
    let between = last.since(first) / (newest.len() - 1) as u32;
    let between = between.max(quiet).max(Duration::from_millis(1));
    let next = match slot.collecting {
        Some(_) => between.saturating_sub(quiet),
        None => between,
    };
    let more = u32::try_from(places.saturating_sub(ready)).unwrap_or(u32::MAX);
    Some(next.saturating_add(between.saturating_mul(more)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operate::slots::LogStatus;

    const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(NOON.as_millis().saturating_add_signed(seconds * 1_000))
    }

    /// When a slot of ten is full whose logs were begun so many seconds before noon.
    fn forecast(ready: &[i64], collecting: Option<i64>) -> Option<u64> {
        let log = |before: &i64| LogStatus { begun: at(-before), ..LogStatus::default() };
        let slot = SlotStatus {
            ready: ready.iter().map(log).collect(),
            collecting: collecting.as_ref().map(log),
            ..SlotStatus::default()
        };
        full_in(&Settings::default(), &slot, NOON).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_slot_is_full_when_as_many_logs_have_come_as_it_has_places_left_and_one() {
        // Ten wait: the next that is sealed overwrites.
        let ten = [630, 570, 510, 450, 390, 330, 270, 210, 150, 90];
        assert_eq!(forecast(&ten, Some(30)), Some(30));
        assert_eq!(forecast(&ten[2..], Some(30)), Some(30 + 2 * 60));
        assert_eq!(forecast(&ten[5..], Some(30)), Some(30 + 5 * 60));
        // A worker has just taken the log that was being collected.
        assert_eq!(forecast(&ten[5..], None), Some(90 + 5 * 90));
    }

    #[test]
    fn nothing_is_said_of_a_slot_that_is_not_half_full_or_that_is_not_stored_into() {
        assert_eq!(forecast(&[], Some(5)), None);
        assert_eq!(forecast(&[270, 210, 150, 90], Some(30)), None);
        assert_eq!(forecast(&[630, 570, 510, 450, 390, 330], Some(121)), None);
        assert_eq!(forecast(&[930, 870, 810, 750, 690, 630], None), None);
    }

    #[test]
    fn a_slot_that_fills_faster_or_slower_is_full_sooner_or_later() {
        // By size, every two seconds.
        assert_eq!(forecast(&[19, 17, 15, 13, 11, 9, 7, 5, 3], Some(1)), Some(1 + 2));
        // And then it has been a minute.
        assert_eq!(forecast(&[78, 76, 74, 72, 70, 68, 66, 64, 62], Some(60)), Some(60));
        // One in ten minutes.
        assert_eq!(forecast(&[3000, 2400, 1800, 1200, 600], Some(0)), Some(600 + 5 * 600));
    }

    #[test]
    fn a_clock_that_stood_still_or_was_set_back_is_no_reason_to_fail() {
        assert_eq!(forecast(&[-60; 9], Some(-60)), Some(0));
    }
}
