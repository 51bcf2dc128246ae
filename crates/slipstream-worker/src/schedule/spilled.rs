//! The records that were spilled, and are read again: by line, in the order of positions.
//!
//! A *line* is what waits for one thing: the requests of an order key, or the requests for which a
//! destination has no room. A *pass* reads on without a gap from a place where a line wants its
//! next record; every line that it comes by may take from it, so that many lines cost one reading,
//! not one each. When no line that it has come by wants more, or [`TAKES_MAX`] records were taken
//! from it, the next pass begins further on, and from the front when there is nothing further on:
//! so no line waits for ever.
//!
//! # Invariants
//! - A line that asks [`Spilled::may_take`] first takes its records in the order of their places,
//!   and leaves none out: only from a pass that began at or before its first record, until it
//!   refuses a record. A line that does not care may take any record that comes by, and takes it
//!   out of the line only if that says so.
//! - Of a line a few words are kept, however many records it has.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

/// Records that are taken from a pass before the lines are served that it does not come by.
const TAKES_MAX: usize = if cfg!(test) { 8 } else { 1024 };

/// Names a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Line {
    /// The requests of an order key, by its hash.
    Key(u64),
    /// The requests for which a destination had no room, by its number.
    To(u64),
    /// The requests that may end the worker, and are tried one at a time.
    Suspects,
}

/// The first and the last of all names.
const NAMES: (Line, Line) = (Line::Key(u64::MIN), Line::Suspects);

/// All lines of which something was spilled.
#[derive(Debug, Default)]
pub(crate) struct Spilled {
    ranges: HashMap<Line, Range>,
    /// The lines that want their next record, by where that may be, and may have it from this pass.
    wanting: BTreeSet<(From, Line)>,
    /// The lines that must wait for the next pass.
    later: BTreeSet<(From, Line)>,
    pass: Pass,
}

/// From this place on, but for that record itself if it is taken.
type From = (u128, bool);

/// Of one line: no record that was spilled is before `from`, or behind `to`.
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
    /// Records that lines have taken.
    taken: usize,
}

impl Spilled {
    /// Whether something of this line was spilled.
    pub(crate) fn has(&self, line: Line) -> bool {
        self.ranges.contains_key(&line)
    }

    /// The place before which nothing of this line was spilled; none when nothing was.
    pub(crate) fn first(&self, line: Line) -> Option<u128> {
        self.ranges.get(&line).map(|range| range.from.0)
    }

    /// A record is spilled.
    pub(crate) fn add(&mut self, line: Line, position: u128) {
        let number = self.pass.number;
        let fresh = Range { from: (position, false), to: position, refused: number };
        let before = *self.ranges.entry(line).or_insert(fresh);
        let range = Range {
            from: before.from.min(fresh.from),
            to: before.to.max(position),
            refused: number,
        };
        self.ranges.insert(line, range);
        let wanted = self.wanting.remove(&(before.from, line));
        if self.later.remove(&(before.from, line)) || wanted {
            self.later.insert((range.from, line));
        }
    }

    /// Whether a line may take the record at this position: nothing that precedes it was spilled.
    pub(crate) fn may_take(&self, line: Line, position: u128, in_pass: bool) -> bool {
        let Some(range) = self.ranges.get(&line) else { return true };
        let within = (position, false) >= range.from;
        let seen = in_pass && range.refused != self.pass.number && self.pass.began <= range.from;
        !within || seen
    }

    /// A line takes the record at this place.
    pub(crate) fn take(&mut self, line: Line, position: u128) {
        let Some(range) = self.ranges.get_mut(&line) else { return };
        let (before, after) = (range.from, (position, true));
        if after <= before {
            return;
        }
        range.from = after;
        self.pass.taken += 1;
        let over = range.to <= position;
        for set in [&mut self.wanting, &mut self.later] {
            if set.remove(&(before, line)) && !over {
                set.insert((after, line));
            }
        }
        if over {
            self.ranges.remove(&line);
        }
    }

    /// A line wants its next record, if something of it was spilled.
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

    /// Whether something is wanted.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.wanting.is_empty() || !self.later.is_empty()
    }

    /// Where to read on, if something is wanted.
    pub(crate) fn next(&mut self) -> Option<Bound<u128>> {
        let came_by = (self.pass.began, NAMES.0)..=(self.pass.at, NAMES.1);
        let goes_on = self.wanting.range(came_by).next().is_some();
        if !goes_on || self.pass.taken >= TAKES_MAX {
            self.wanting.append(&mut self.later);
            let ahead = (Bound::Excluded((self.pass.at, NAMES.1)), Bound::Unbounded);
            let ahead = self.wanting.range(ahead).next();
            let from = ahead.or_else(|| self.wanting.first())?.0;
            self.pass = Pass { number: self.pass.number + 1, began: from, at: from, taken: 0 };
        }
        let (position, taken) = self.pass.at;
        Some(if taken { Bound::Excluded(position) } else { Bound::Included(position) })
    }

    /// The pass has come to the record at this place.
    pub(crate) fn reached(&mut self, position: u128) {
        self.pass.at = (position, true);
    }

    /// The pass has come to the end: what it was to find is there no more. The lines of which nothing
    /// is left.
    pub(crate) fn ended(&mut self) -> Vec<Line> {
        let gone = self.wanting.split_off(&(self.pass.began, NAMES.0));
        let gone: Vec<_> = gone.into_iter().map(|(_, line)| line).collect();
        for line in &gone {
            self.ranges.remove(line);
        }
        self.pass.at = (u128::MAX, true);
        gone
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Reads on, and has the line at each place take its record, until it is the turn of another
    /// line than `line` or nothing is wanted. Returns how many records it took.
    fn take_all(spilled: &mut Spilled, over: &mut BTreeMap<u128, Line>, line: Line) -> usize {
        for taken in 0.. {
            let Some(from) = spilled.next() else { return taken };
            let Some((&position, &next)) = over.range((from, Bound::Unbounded)).next() else {
                spilled.ended();
                continue;
            };
            if next != line {
                return taken;
            }
            spilled.reached(position);
            assert!(spilled.may_take(next, position, true));
            spilled.take(next, position);
            over.remove(&position);
        }
        unreachable!("the backlog ends")
    }

    #[test]
    fn a_line_that_always_wants_more_does_not_keep_one_waiting_that_its_pass_does_not_come_by() {
        let (quick, other) = (Line::To(1), Line::To(2));
        let mut spilled = Spilled::default();
        let mut over: BTreeMap<_, _> = (0..5).map(|position| (position, other)).collect();
        over.extend((10..1_000).map(|position| (position, quick)));
        for (position, line) in &over {
            spilled.add(*line, *position);
        }
        spilled.want(quick);
        assert_eq!(take_all(&mut spilled, &mut over, quick), 990);
        over.extend((10..1_000).map(|position| (position, quick)));
        for (position, line) in &over {
            spilled.add(*line, *position);
        }
        spilled.want(quick);
        spilled.next();
        spilled.want(other);
        assert!(take_all(&mut spilled, &mut over, quick) <= TAKES_MAX);
        assert_eq!(take_all(&mut spilled, &mut over, other), 5);
    }
}
