//! The progress of a run while it lasts: dots, a bar on a terminal, or nothing.
//!
//! # Invariants
//! - At most 80 columns, however large the backlog.
//! - What failed is remembered for the end, in a few lines, however many failed.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use slipstream_core::Settlement;
use slipstream_worker::{Event, Observer};

use crate::term::print;
use crate::term::units::{count, spell, thousands};

/// How the line begins, and how it ends.
pub(crate) const BEGIN: &str = "Processing Job: ";
pub(crate) const END: &str = "DONE";

/// Requests that have a dot of their own.
const SINGLE_DOTS: u64 = 40;
/// Most dots: with the words around them, 80 columns.
const MOST_DOTS: u64 = 60;
/// Most sorts of failure that are distinguished.
const MOST_SORTS: usize = 5;

/// What is shown while the run lasts.
pub(crate) enum Show {
    /// Nothing.
    Nothing,
    /// A line of dots. It holds how many are there.
    Dots(u64),
    /// A bar. It holds how many attempts are in flight.
    Bar(ProgressBar, u64),
}

/// Watches a run.
pub(crate) struct Progress {
    show: Show,
    done: u64,
    /// Whether it was said that the worker ran short of something.
    short: bool,
    failed: u64,
    sorts: BTreeMap<(String, String), u64>,
}

/// How many dots represent so many requests: one each at first, then one more each time the number
/// has doubled, since it is unknown how many will come.
pub(crate) fn dots(requests: u64) -> u64 {
    let doublings = (requests / SINGLE_DOTS).checked_ilog2().unwrap_or(0);
    (requests.min(SINGLE_DOTS) + u64::from(doublings)).min(MOST_DOTS)
}

/// A bar for a terminal, for as many requests as are waiting.
pub(crate) fn bar(waiting: u64) -> Show {
    let bar = ProgressBar::with_draw_target(Some(waiting), ProgressDrawTarget::stdout());
    let style = ProgressStyle::with_template("Processing Job: [{bar:24}] {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("=> "));
    Show::Bar(bar, 0)
}

impl Progress {
    pub(crate) fn new(show: Show) -> Self {
        if matches!(show, Show::Dots(_)) {
            write(BEGIN);
        }
        Self { show, done: 0, short: false, failed: 0, sorts: BTreeMap::new() }
    }

    /// Ends the line, with the word for a run that was carried out, or with none.
    pub(crate) fn finish(&mut self, carried_out: bool) {
        let end = if carried_out { END } else { "" };
        match &self.show {
            Show::Nothing => {}
            Show::Dots(_) => write(&format!("{end}\n")),
            Show::Bar(bar, _) => {
                bar.finish_and_clear();
                let dots = ".".repeat(dots(self.done) as usize);
                write(&format!("{BEGIN}{dots}{end}\n"));
            }
        }
    }

    /// What failed and why, the commonest first, a line each.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut sorts: Vec<_> = self.sorts.iter().collect();
        sorts.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
        let told: u64 = sorts.iter().map(|(_, number)| **number).sum();
        let mut lines: Vec<_> = sorts
            .into_iter()
            .map(|((destination, reason), number)| {
                print::one_line(&format!("{} to {destination}: {reason}", thousands(*number)))
            })
            .collect();
        if self.failed > told {
            lines.push(format!("{} for other reasons", thousands(self.failed - told)));
        }
        lines
    }

    fn remember(&mut self, destination: Option<&str>, reason: Option<&str>) {
        self.failed += 1;
        let sort = (
            destination.unwrap_or("an unreadable destination").to_owned(),
            reason.unwrap_or("no reason given").to_owned(),
        );
        if let Some(number) = self.sorts.get_mut(&sort) {
            *number += 1;
        } else if self.sorts.len() < MOST_SORTS {
            self.sorts.insert(sort, 1);
        }
    }

    fn draw(&mut self, waiting: Option<Duration>) {
        match &mut self.show {
            Show::Nothing => {}
            Show::Dots(shown) => {
                while *shown < dots(self.done) {
                    *shown += 1;
                    write(".");
                }
            }
            Show::Bar(bar, in_flight) => {
                let length = bar.length().unwrap_or(0).max(self.done + *in_flight);
                bar.set_length(length);
                bar.set_position(self.done);
                let failed = match self.failed {
                    0 => String::new(),
                    failed => format!(", {} failed", thousands(failed)),
                };
                let doing = match waiting {
                    // To the second; less would flicker.
                    Some(wait) => {
                        let wait = Duration::from_secs(wait.as_secs() + 1);
                        format!("nothing is due for {}; waiting", spell(wait))
                    }
                    None => format!("{in_flight} in flight, {:.0}/s", bar.per_sec()),
                };
                bar.set_message(format!(
                    "{}/{}{failed}, {doing}",
                    thousands(self.done),
                    thousands(length)
                ));
            }
        }
    }

    fn in_flight(&mut self, change: i64) {
        if let Show::Bar(_, in_flight) = &mut self.show {
            *in_flight = in_flight.saturating_add_signed(change);
        }
    }

    fn warn(&self, line: &str) {
        match &self.show {
            Show::Nothing => {}
            Show::Dots(_) => print::complain(line),
            Show::Bar(bar, _) => bar.suspend(|| print::complain(line)),
        }
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { .. } => self.in_flight(1),
            Event::AttemptFailed { .. } | Event::Interrupted { .. } => self.in_flight(-1),
            Event::Settled {
                destination,
                settlement,
                reason,
                ..
            } => match settlement {
                Settlement::Delivered => {
                    self.in_flight(-1);
                    self.done += 1;
                }
                Settlement::Failed => {
                    self.done += 1;
                    self.remember(destination.map(|to| to.as_str()), *reason);
                }
                Settlement::Expired => self.done += 1,
                Settlement::Retry { after: _ } | Settlement::Release { after: _ } | Settlement::Spill => {}
            },
            Event::Short { reason, .. } => {
                self.in_flight(-1);
                if !std::mem::replace(&mut self.short, true) {
                    self.warn(&format!("{reason}; no attempt is lost, and fewer are in flight now"));
                }
            }
            Event::BudgetWarning { spent, budget } => self.warn(&format!(
                "{} of this run's {} are spent and work is left; run it more often, or give it more --max-time",
                spell(Duration::from_secs(spent.as_secs())),
                spell(*budget)
            )),
            Event::Waiting { wait } => return self.draw(Some(*wait)),
            _ => return,
        }
        self.draw(None);
    }
}

/// Progress that cannot be written is no reason to deliver nothing.
fn write(text: &str) {
    let _ = print::out(text);
}

/// How many requests failed, for the end of a run.
pub(crate) fn failed(number: u64, of: u64) -> String {
    format!("{} of {} failed", thousands(number), count(of, "request"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_stand_for_one_request_each_and_then_for_ever_more() {
        let table = [
            (0, 0),
            (1, 1),
            (15, 15),
            (40, 40),
            (79, 40),
            (80, 41),
            (160, 42),
            (1_000, 44),
            (1_000_000, 54),
            (u64::MAX, 60),
        ];
        for (requests, expected) in table {
            assert_eq!(dots(requests), expected, "{requests}");
        }
        assert!(BEGIN.len() + dots(u64::MAX) as usize + END.len() <= 80);
    }
}
