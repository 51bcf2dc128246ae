//! The picture that `status` draws: what is wrong, the sums, the slots as strips, the destinations
//! that requests wait for.
//!
//! # Invariants
//! No more lines than slots, destinations and hints are asked for, and none wider than the screen
//! as long as numbers are below a million.

use std::time::Duration;

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use slipstream_core::operator::{AgeHistogram, Status, Waiting};
use slipstream_core::{LastRun, Timestamp};
use slipstream_http::masked_url;
use slipstream_log::{LogStatus, OverwrittenSum, SlotStatus, SpoolStatus};

use super::hints::hints;
use super::paint::{BAD, FAINT, GOOD, PLAIN, STRONG, Screen, WORSE, fitting, piece};
use super::table;
use crate::term::totals::Totals;
use crate::term::units::{self, count, rfc3339_seconds, spell, spell_bytes, thousands, whole};

/// Most places of a ring that are drawn one by one.
const PLACES: usize = 20;

/// The least room that a destination's name has.
const NAME: usize = 16;

/// The heads of the columns of ages.
const AGES: [&str; 7] = ["1m", "5m", "10m", "1h", "6h", "1d", "older"];

/// Draws what any engine reports; and the slots, if it is a spool. `top` slots and destinations
/// have a line each.
pub(super) fn draw(
    seen: &Status,
    spool: Option<&SpoolStatus>,
    screen: &Screen,
    top: usize,
) -> Vec<Line<'static>> {
    let head = format!("{} at {}", seen.place, rfc3339_seconds(seen.at));
    let mut lines = vec![Line::from(piece(fitting(&head, screen.width), STRONG)), sums(seen)];
    lines.push(Line::from(piece(last_run(seen), PLAIN)));
    lines.push(Line::from(match seen.worker.map(|worker| worker.pid) {
        None => piece("no worker runs", PLAIN),
        // What keeps it is shown below.
        _ if seen.hung_worker().is_some() => piece("no worker can run", BAD),
        Some(None) => piece("a worker runs", GOOD),
        Some(Some(pid)) => piece(format!("a worker runs (process {pid})"), GOOD),
    }));
    for hint in hints(seen) {
        lines.push(Line::default());
        lines.push(Line::from(vec![piece("! ", BAD), piece(hint.what, BAD)]));
        lines.push(Line::from(piece(format!("  {}", hint.to_do), STRONG)));
    }
    let waiting = waiting(seen, screen, top);
    let with_slots = spool.filter(|spool| !spool.slots.is_empty());
    if let Some(spool) = with_slots {
        lines.push(Line::default());
        lines.extend(slots(spool, screen, top));
    }
    if with_slots.is_some() || !waiting.is_empty() {
        lines.push(Line::default());
        lines.extend(waiting);
    }
    lines.push(Line::default());
    let balanced = seen.totals.balanced();
    for line in Totals::of(&seen.totals).to_string().lines() {
        lines.extend(wrapped(line, screen.width, if balanced { PLAIN } else { BAD }));
    }
    lines.extend(remarks(seen, spool).into_iter().map(|line| Line::from(piece(line, PLAIN))));
    lines
}

/// A long line as several, broken between words.
fn wrapped(line: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().expect("there is one");
        if last.is_empty() {
            last.push_str(word);
        } else if last.len() + 1 + word.len() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(format!("  {word}"));
        }
    }
    lines.into_iter().map(|line| Line::from(piece(line, style))).collect()
}

fn sums(seen: &Status) -> Line<'static> {
    let totals = &seen.totals;
    let number = |number: u64, word: &str, style| {
        let style = if number > 0 { style } else { PLAIN };
        piece(format!("{} {word}", thousands(number)), style)
    };
    let gap = || Span::styled(", ", PLAIN);
    Line::from(vec![
        number(totals.pending, "pending", STRONG),
        gap(),
        number(totals.failed, "failed", BAD),
        gap(),
        number(totals.outcomes.overwritten, "overwritten", BAD),
    ])
}

/// What the last run did, or the current run has done so far.
fn last_run(seen: &Status) -> String {
    let Some(run) = &seen.last_run else {
        return "no run has ended here yet".to_owned();
    };
    let LastRun { began, ended, at, elapsed, .. } = run;
    let ago = |millis| match whole(seen.at.since(Timestamp::from_millis(millis))) {
        Duration::ZERO => "just now".to_owned(),
        age => format!("{} ago", units::ago(age)),
    };
    let did = [
        (run.delivered, "delivered"),
        (run.failed, "failed"),
        (run.expired, "expired"),
        (run.retried, "retried"),
    ];
    let did = did.iter().enumerate().filter(|(at, (number, _))| *at < 2 || *number > 0);
    let did: Vec<_> =
        did.map(|(_, (number, word))| format!("{} {word}", thousands(*number))).collect();
    let did = did.join(", ");
    if ended.is_none() {
        return format!("a run began {}: {did}, as of {}", ago(*began), ago(*at));
    }
    let ending = match run.ending.as_deref() {
        Some("drained") => "nothing was left",
        Some("waiting") => "the rest was due later",
        Some("budget") => "its time was up",
        Some("stopped") => "it was stopped",
        Some("broken") => "it broke off",
        _ => "it ended in some other way",
    };
    let took = Duration::from_millis(*elapsed);
    let took = if took < Duration::from_secs(1) { took } else { whole(took) };
    format!(
        "the last run ended {}, after {}: {did}; {ending}",
        ago(ended.unwrap_or(*at)),
        spell(took)
    )
}

/// Requests of a slot that are not settled.
fn there(slot: &SlotStatus) -> u64 {
    let logs = slot.ready.iter().chain(&slot.collecting).map(|log| log.requests);
    logs.sum::<u64>() + slot.processing.requests + slot.failed.requests
}

fn slots(spool: &SpoolStatus, screen: &Screen, top: usize) -> Vec<Line<'static>> {
    let (all, now) = (&spool.slots, spool.status.at);
    let logs = all.iter().flat_map(|slot| slot.ready.iter().chain(&slot.collecting));
    let largest = logs.map(|log| log.bytes).max().unwrap_or(0);
    // Full slots first, then slots with most in them.
    let mut order: Vec<_> = all.iter().collect();
    order.sort_by_key(|slot| {
        (slot.full_in.unwrap_or(Duration::MAX), std::cmp::Reverse(there(slot)), slot.slot)
    });
    let (shown, more) = order.split_at(top.min(order.len()));
    let mut shown = shown.to_vec();
    shown.sort_by_key(|slot| slot.slot);
    let head =
        ["slot", "oldest ready first", "ready", "collecting", "processing", "failed", "oldest"];
    let mut rows = vec![head.map(|name| piece(name, FAINT)).to_vec()];
    for slot in &shown {
        let style = if slot.full_in.is_some() { BAD } else { PLAIN };
        let strip = piece(ring(slot, spool.settings.logs as usize, largest, screen.places), style);
        rows.push(row(&slot.slot.to_string(), strip, &[slot], now));
    }
    if !more.is_empty() {
        rows.push(row("more", piece(count(more.len() as u64, "slot"), PLAIN), more, now));
    }
    table::lines(rows, &[1])
}

fn row(
    name: &str,
    strip: Span<'static>,
    slots: &[&SlotStatus],
    now: Timestamp,
) -> Vec<Span<'static>> {
    let sum = |of: fn(&SlotStatus) -> u64| slots.iter().map(|slot| of(slot)).sum::<u64>();
    let number = |number: u64, style| match number {
        0 => piece("-", FAINT),
        number => piece(thousands(number), style),
    };
    let waits = slots.iter().filter_map(|slot| {
        let begun = slot.ready.iter().chain(&slot.collecting).map(|log| now.since(log.begun));
        begun.chain(slot.processing.oldest_age).max()
    });
    let oldest = waits.max().map_or_else(|| piece("-", FAINT), |age| piece(units::ago(age), PLAIN));
    vec![
        piece(name, PLAIN),
        strip,
        number(sum(|it| it.ready.iter().map(|log| log.requests).sum()), PLAIN),
        number(sum(|it| it.collecting.map_or(0, |log| log.requests)), PLAIN),
        number(sum(|it| it.processing.requests), PLAIN),
        number(sum(|it| it.failed.requests), BAD),
        oldest,
    ]
}

/// A slot's places: waiting logs, the oldest first, by their size, and free places.
fn ring(slot: &SlotStatus, places: usize, largest: u64, [full, half, free]: [char; 3]) -> String {
    let mut strip = String::from("[");
    if places.max(slot.ready.len()) <= PLACES {
        let place = |log: &LogStatus| if log.bytes * 2 >= largest { full } else { half };
        strip.extend(slot.ready.iter().map(place));
        strip.extend((slot.ready.len()..places).map(|_| free));
    } else {
        // Each represents several, then.
        let places = places.max(slot.ready.len());
        for at in 0..PLACES {
            let (from, to) = (at * places / PLACES, (at + 1) * places / PLACES);
            let taken = slot.ready.len().clamp(from, to) - from;
            strip.push(if taken == 0 {
                free
            } else if from + taken == to {
                full
            } else {
                half
            });
        }
    }
    strip.push(']');
    strip
}

/// Destinations by the ages of what waits for them.
fn waiting(seen: &Status, screen: &Screen, top: usize) -> Vec<Line<'static>> {
    let found = &seen.destinations;
    let (first, rest, more) = found.first(top);
    let head = ["destination", "pending"].iter().chain(&AGES).chain(&["failed"]);
    let mut rows = vec![head.map(|name| piece(name, FAINT)).collect::<Vec<_>>()];
    rows.extend(first.iter().map(|each| destination(&masked_url(&each.destination), each)));
    if rest.total() > 0 {
        let more =
            if found.others.total() > 0 { "others".into() } else { format!("{more} others") };
        rows.push(destination(&more, &rest));
    }
    let taken = table::width(rows.iter().map(|row| &row[1..]));
    let room = screen.width.saturating_sub(taken).max(NAME);
    for row in &mut rows {
        row[0].content = fitting(&row[0].content, room).into();
    }
    let mut lines = if rows.len() > 1 { table::lines(rows, &[0]) } else { Vec::new() };
    if found.skipped > 0 {
        let skipped = count(found.skipped, "request");
        let line =
            format!("{skipped} more, to whom was not looked up in time; --all looks at every one");
        lines.push(Line::from(piece(line, WORSE)));
    }
    if found.unreadable > 0 {
        let line = format!("{} whose envelope cannot be read", count(found.unreadable, "request"));
        lines.push(Line::from(piece(line, WORSE)));
    }
    lines
}

fn destination(name: &str, waiting: &Waiting) -> Vec<Span<'static>> {
    let number = |number: u64, style| match number {
        0 => piece("-", FAINT),
        number => piece(short(number), style),
    };
    let sum = |by_age: &AgeHistogram| by_age.iter().sum::<u64>();
    let mut row = vec![piece(name, PLAIN), number(sum(&waiting.pending), STRONG)];
    row.extend(waiting.pending.iter().enumerate().map(|(column, requests)| {
        // What is older than an hour should have gone out, or failed for good.
        number(*requests, if column > 3 { WORSE } else { PLAIN })
    }));
    row.push(number(sum(&waiting.failed), BAD));
    row
}

/// A number in five characters: `9999`, `12k`, `3.4M`.
fn short(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{}k", number / 1_000),
        1_000_000..10_000_000 => format!("{}.{}M", number / 1_000_000, number / 100_000 % 10),
        _ => format!("{}M", number / 1_000_000),
    }
}

/// What is only worth a line when there is something.
fn remarks(seen: &Status, spool: Option<&SpoolStatus>) -> Vec<String> {
    let mut lines = Vec::new();
    let waiting = seen.failed_in_processing();
    if waiting > 0 {
        lines.push(format!(
            "{} still in processing/, since others in the same log wait",
            count(waiting, "failed request")
        ));
    }
    let Some(spool) = spool else { return lines };
    for (slot, gone) in &spool.overwritten {
        let OverwrittenSum { logs, requests, bytes, .. } = gone;
        lines.push(format!(
            "overwritten in slot {slot}: {} in {} ({})",
            count(*requests, "request"),
            count(*logs, "log"),
            spell_bytes(*bytes)
        ));
    }
    if spool.spoiled_entries > 0 {
        lines.push(format!(
            "{} of the ledger cannot be read; the counters may be too low",
            match spool.spoiled_entries {
                1 => "1 entry".to_owned(),
                many => format!("{} entries", thousands(many)),
            }
        ));
    }
    lines
}

#[cfg(test)]
mod tests;
