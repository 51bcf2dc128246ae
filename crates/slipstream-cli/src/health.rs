//! Findings about a spool, in the words that several commands share.
//!
//! # Non-goals
//! What is wrong. [`Status::findings`](slipstream_core::operator::Status::findings) reports that.

use std::time::Duration;

use slipstream_core::operator::{Blocked, Holder};
use slipstream_core::{LastRun, Timestamp};
use slipstream_http::masked_url;

use crate::term::units::{ago, count, whole};

/// How long envelopes are read for.
pub(crate) const READ_FOR: Duration = Duration::from_secs(1);

/// Most destinations that are named.
pub(crate) const NAMED: usize = 5;

/// What has the worker's lock and reports nothing, in words.
pub(crate) fn hangs(hung: &Holder) -> String {
    let who = match hung.pid {
        Some(pid) => format!("process {pid}"),
        None => "a process".to_owned(),
    };
    let silent = ago(hung.silent);
    format!("{who} holds worker.lock, and no worker has begun or reported for {silent}")
}

/// What to do about it. Ending it loses nothing: the next run goes on where it was.
pub(crate) fn end_it(hung: &Holder) -> String {
    match hung.pid {
        Some(pid) => format!("ps -o pid,user,stat,args -p {pid}; then kill {pid} (if stopped: kill -KILL {pid}): the next run goes on where it was"),
        None => "`fuser -v` on worker.lock as root tells which; end it: the next run goes on where it was".to_owned(),
    }
}

/// When a worker was there last, in words.
pub(crate) fn last_seen(last_run: Option<&LastRun>, now: Timestamp) -> String {
    match last_run {
        None => "none has ever finished a run here".to_owned(),
        Some(run) => {
            let ago = ago(now.since(run.seen()));
            let seen = if run.ended.is_some() { "ended" } else { "was seen" };
            format!("the last one {seen} {ago} ago")
        }
    }
}

/// Which requests wait for a destination, since when, why, and when it is tried again.
pub(crate) fn waits(blocked: &Blocked, now: Timestamp) -> String {
    let wait = match blocked.pending {
        Some(1) => "1 request waits".to_owned(),
        Some(pending) => format!("{} wait", count(pending, "request")),
        None => "requests wait".to_owned(),
    };
    let age = ago(now.since(blocked.since));
    let state = match &*blocked.state {
        "paused" => format!("which asked for a pause {age} ago"),
        state => format!("{state} for {age}"),
    };
    let why = if blocked.why.is_empty() { String::new() } else { format!(" ({})", blocked.why) };
    let next = match whole(blocked.next.since(now)) {
        left if left.is_zero() => "the next run tries it".to_owned(),
        left => format!("the next attempt is in {}", ago(left)),
    };
    format!("{wait} for {}, {state}{why}; {next}", masked_url(&blocked.destination))
}

/// What to do about it.
pub(crate) fn have_it_tried(blocked: &Blocked) -> String {
    let destination = masked_url(&blocked.destination);
    // The way that it goes follows a space.
    let place = destination.split(' ').next().unwrap_or_default();
    format!("slipstream retry-now {place}, when it takes requests again")
}

#[cfg(test)]
mod tests {
    use slipstream_core::operator::Waiting;
    use slipstream_core::{Destination, Trouble};

    use super::*;
    use crate::commands::status::tests::status;

    const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);

    fn told(state: &str, until: u64, pending: u64, due: Timestamp) -> Vec<String> {
        let since = Timestamp::from_millis(NOON.as_millis() - 300_000);
        let to = Destination::new("http://a:1");
        let until = NOON.after(Duration::from_millis(until));
        let trouble = Trouble::new(&to, state, since, "refused").until(until);
        let mut each = Waiting::new("http://a:1");
        each.pending[0] = pending;
        each.first_due = Some(due);
        let mut seen = status(pending, pending, 0);
        seen.last_run = Some(LastRun::default().with_troubles(vec![trouble]));
        seen.destinations.each = vec![each];
        seen.blocked().iter().map(|blocked| waits(blocked, NOON)).collect()
    }

    #[test]
    fn what_waits_is_told_with_since_when_why_and_the_next_attempt() {
        let (now, due) = (Timestamp::default(), NOON.after(Duration::from_secs(86_400)));
        let line = "2 requests wait for http://a:1, down for 5m (refused); the next attempt is in ";
        assert_eq!(told("down", 60_000, 2, now), [format!("{line}1m")]);
        assert_eq!(told("down", 60_000, 2, due), [format!("{line}1day")]);
        let line = "1 request waits for http://a:1, which asked for a pause 5m ago (refused); the next run tries it";
        assert_eq!(told("paused", 0, 1, now), [line]);
    }
}
