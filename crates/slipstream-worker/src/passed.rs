//! What was passed over, and is read again when its turn has come: by line, in the order of places.
//!
//! A *line* is the requests of an order key. A *pass* reads on without a gap from a place where a line
//! wants its next record; every line that it comes by may take from it, so that many lines cost one
//! reading, not one each. When no line that it has come by wants more, the next pass begins further on,
//! and from the front when there is nothing further on: so none waits for ever.
//!
//! # Invariants
//! - A line takes its records in the order of their places, and leaves none out: only from a pass that began
//!   at or before its first one, until it refuses one.
//! - Of a line a few words are kept, however many records it has.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

/// Names a line: the hash of its order key.
pub(crate) type Line = u64;

/// All lines of which something was passed over.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    ranges: HashMap<Line, Range>,
    /// The lines that want their next record, by where that may be, and may have it from this pass.
    wanting: BTreeSet<(From, Line)>,
    /// Those that must wait for the next pass.
    later: BTreeSet<(From, Line)>,
    pass: Pass,
}

/// From this place on, but for that record itself if it is taken.
type From = (u128, bool);

/// Of one line: no record that was passed over is before `from`, or behind `to`.
#[derive(Debug, Clone, Copy)]
struct Range {
    from: From,
    to: u128,
    /// The pass in which a record was refused last.
    refused: u64,
}

#[derive(Debug, Default)]
struct Pass {
    number: u64,
    began: From,
    at: From,
}

impl Passed {
    /// Whether something of this line was passed over.
    pub(crate) fn has(&self, line: Line) -> bool {
        self.ranges.contains_key(&line)
    }

    /// The place before which nothing of this line was passed over; none when nothing was.
    pub(crate) fn first(&self, line: Line) -> Option<u128> {
        self.ranges.get(&line).map(|range| range.from.0)
    }

    /// A record is passed over.
    pub(crate) fn add(&mut self, line: Line, place: u128) {
        let number = self.pass.number;
        let fresh = Range { from: (place, false), to: place, refused: number };
        let before = *self.ranges.entry(line).or_insert(fresh);
        let range =
            Range { from: before.from.min(fresh.from), to: before.to.max(place), refused: number };
        self.ranges.insert(line, range);
        let wanted = self.wanting.remove(&(before.from, line));
        if self.later.remove(&(before.from, line)) || wanted {
            self.later.insert((range.from, line));
        }
    }

    /// Whether a line may take the record at this place: nothing that stands before it was passed over.
    pub(crate) fn may_take(&self, line: Line, place: u128, in_pass: bool) -> bool {
        let Some(range) = self.ranges.get(&line) else { return true };
        let within = (place, false) >= range.from;
        let seen = in_pass && range.refused != self.pass.number && self.pass.began <= range.from;
        !within || seen
    }

    /// A line takes the record at this place.
    pub(crate) fn take(&mut self, line: Line, place: u128) {
        let Some(range) = self.ranges.get_mut(&line) else { return };
        let (before, after) = (range.from, (place, true));
        if after <= before {
            return;
        }
        range.from = after;
        let over = range.to <= place;
        for set in [&mut self.wanting, &mut self.later] {
            if set.remove(&(before, line)) && !over {
                set.insert((after, line));
            }
        }
        if over {
            self.ranges.remove(&line);
        }
    }

    /// A line wants its next record, if something of it was passed over.
    pub(crate) fn want(&mut self, line: Line) {
        let Some(range) = self.ranges.get(&line) else { return };
        let next = range.refused == self.pass.number;
        let set = if next { &mut self.later } else { &mut self.wanting };
        set.insert((range.from, line));
    }

    /// A line wants none for now.
    pub(crate) fn want_not(&mut self, line: Line) {
        let Some(range) = self.ranges.get(&line) else { return };
        self.wanting.remove(&(range.from, line));
        self.later.remove(&(range.from, line));
    }

    /// Where to read on, if something is wanted.
    pub(crate) fn next(&mut self) -> Option<Bound<u128>> {
        let mut goes_on =
            self.wanting.range((self.pass.began, Line::MIN)..=(self.pass.at, Line::MAX));
        if goes_on.next().is_none() {
            self.wanting.append(&mut self.later);
            let ahead = self.wanting.range((self.pass.at, Line::MIN)..).next();
            let from = ahead.or_else(|| self.wanting.first())?.0;
            self.pass = Pass { number: self.pass.number + 1, began: from, at: from };
        }
        let (place, taken) = self.pass.at;
        Some(if taken { Bound::Excluded(place) } else { Bound::Included(place) })
    }

    /// The pass has come to the record at this place.
    pub(crate) fn reached(&mut self, place: u128) {
        self.pass.at = (place, true);
    }

    /// The pass has come to the end: what it was to find is there no more. The lines of which nothing
    /// is left.
    pub(crate) fn ended(&mut self) -> Vec<Line> {
        let gone = self.wanting.split_off(&(self.pass.began, Line::MIN));
        let gone: Vec<_> = gone.into_iter().map(|(_, line)| line).collect();
        for line in &gone {
            self.ranges.remove(line);
        }
        self.pass.at = (u128::MAX, true);
        gone
    }
}
