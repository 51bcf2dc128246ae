//! `status --watch`: the picture again and again, and what is stored, delivered and failed
//! meanwhile.
//!
//! # Invariants
//! - The terminal is as it was when this ends, by a key, a signal or a panic.
//! - It ends when the terminal does.
//! - Looking at a large spool takes no more than a fifth of the time.
//!
//! # Non-goals
//! Control. It shows; other commands change things. And crossterm's events: its reader never comes
//! back from a terminal that is gone.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::Frame;
use ratatui::crossterm;
use ratatui::layout::{Constraint, Layout};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use slipstream_core::operator::Totals;
use slipstream_core::{Clock, SystemClock};
use slipstream_log::SpoolStatus;

use super::paint::{BAD, FAINT, GOOD, PLAIN, STRONG, Screen, WORSE, piece};
use super::picture;
use crate::args::PictureArgs;
use crate::exit::Exit;
use crate::process::owner::Place;
use crate::term::units::{spell, thousands};

/// How long envelopes are read for, each time.
const READ_FOR: Duration = Duration::from_millis(200);
/// How many times as long as looking took is waited until the next look.
const REST: u32 = 4;
/// How soon a signal is noticed.
const LISTEN: Duration = Duration::from_millis(100);

/// What is shown.
struct Shown {
    /// None while there is no spool.
    seen: Option<SpoolStatus>,
    pace: Option<Pace>,
    every: Duration,
}

/// How much went on between two looks.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pace {
    stored: f64,
    delivered: f64,
    failed: f64,
}

impl Pace {
    fn between(before: &Totals, after: &Totals, took: Duration) -> Self {
        let seconds = took.as_secs_f64().max(1e-3);
        // A retry, or a look while something moves, may have less than before.
        let rate = |before: u64, after: u64| after.saturating_sub(before) as f64 / seconds;
        Self {
            stored: rate(before.stored, after.stored),
            delivered: rate(before.outcomes.delivered, after.outcomes.delivered),
            failed: rate(before.failed, after.failed),
        }
    }
}

pub(super) fn run(place: &Place, args: &PictureArgs) -> Result<Exit> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        bail!("--watch needs a terminal; use `slipstream status`, or --json for a program");
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .context("cannot listen for signals")?;
    }
    // Restores the terminal when this panics, too.
    let mut terminal = ratatui::try_init().context("cannot take the terminal over")?;
    let clock = SystemClock::new();
    let mut before: Option<(Totals, Duration)> = None;
    let ended = loop {
        let began = clock.elapsed();
        let seen = match place
            .find_anew()
            .and_then(|spool| spool.map(|spool| Ok(spool.spool_status(READ_FOR)?)).transpose())
        {
            Ok(seen) => seen,
            Err(error) => break Err(error),
        };
        let now = clock.elapsed();
        let totals = seen.as_ref().map(|seen| seen.status.totals);
        let pace = before.zip(totals).map(|((totals, then), after)| {
            Pace::between(&totals, &after, now.saturating_sub(then))
        });
        before = totals.map(|totals| (totals, now));
        let every = args.interval.max((now - began) * REST);
        let shown = Shown { seen, pace, every };
        let until = began.saturating_add(every);
        match attend(&mut terminal, &shown, args, place.path(), || {
            (stop.load(Ordering::Relaxed), until.saturating_sub(clock.elapsed()))
        }) {
            Ok(true) => {}
            Ok(false) => break Ok(Exit::Success),
            Err(error) => break Err(error),
        }
    };
    // Of a terminal that is gone nothing needs to be restored, and there is no reader.
    let _ = terminal.show_cursor();
    let _ = ratatui::try_restore();
    std::mem::forget(terminal);
    ended
}

/// Shows it until the time for the next look has come. False when it is to end.
fn attend(
    terminal: &mut ratatui::DefaultTerminal,
    shown: &Shown,
    args: &PictureArgs,
    dir: &Path,
    mut left: impl FnMut() -> (bool, Duration),
) -> Result<bool> {
    let draw = |terminal: &mut ratatui::DefaultTerminal| {
        let screen = Screen::terminal();
        let drawn = terminal.draw(|frame| render(frame, shown, &screen, args.top, dir));
        drawn.map(drop).context("cannot draw on the terminal")
    };
    draw(terminal)?;
    let mut size = crossterm::terminal::size().ok();
    loop {
        let (stopped, left) = left();
        if stopped {
            return Ok(false);
        }
        if left.is_zero() {
            return Ok(true);
        }
        let heard = listen(std::io::stdin().as_fd(), left.min(LISTEN));
        if heard.context("cannot read from the terminal")? {
            return Ok(false);
        }
        let now = crossterm::terminal::size().ok();
        if now != size {
            size = now;
            draw(terminal)?;
        }
    }
}

/// Waits so long for a key that ends it, or for the end of the terminal.
fn listen(terminal: BorrowedFd<'_>, wait: Duration) -> io::Result<bool> {
    // Rounded up, or the last part of a millisecond would be spent in a busy loop.
    let wait = PollTimeout::try_from(wait + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(terminal, PollFlags::POLLIN)], wait) {
        Ok(0) | Err(Errno::EINTR) => return Ok(false),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    let mut keys = [0; 64];
    match nix::unistd::read(terminal, &mut keys) {
        // The user who sat there is gone.
        Ok(0) | Err(Errno::EIO) => Ok(true),
        Ok(read) => Ok(ends(&keys[..read])),
        Err(Errno::EINTR | Errno::EAGAIN) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether these keys end it: q, control and c, or escape, which alone is no beginning of another.
fn ends(keys: &[u8]) -> bool {
    const ESCAPE: u8 = 0x1b;
    const CONTROL_C: u8 = 0x03;
    keys == [ESCAPE]
        || (keys.first() != Some(&ESCAPE)
            && keys.iter().any(|key| matches!(*key, b'q' | CONTROL_C)))
}

fn render(frame: &mut Frame<'_>, shown: &Shown, screen: &Screen, top: usize, dir: &Path) {
    let [body, foot] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
    let mut lines = match &shown.seen {
        Some(seen) => picture::draw(&seen.status, Some(seen), screen, top),
        None => vec![Line::from(piece(format!("nothing stored yet in {}", dir.display()), PLAIN))],
    };
    lines.insert(1, pace(shown.pace));
    let cut = lines.len() > usize::from(body.height);
    frame.render_widget(Paragraph::new(lines), body);
    let every = spell(shown.every);
    let more = if cut { "; there is more than fits" } else { "" };
    let text = format!("q ends it; every {every}{more}");
    frame.render_widget(Line::from(piece(text, if cut { WORSE } else { FAINT })), foot);
}

fn pace(pace: Option<Pace>) -> Line<'static> {
    let number = |rate: Option<f64>, word: &str, style| {
        let text = match rate {
            None => "-".to_owned(),
            Some(rate) if rate > 0.0 && rate < 10.0 => format!("{rate:.1}"),
            Some(rate) => thousands(rate as u64),
        };
        let style = if rate.is_some_and(|rate| rate > 0.0) { style } else { PLAIN };
        piece(format!("{text} {word}/s"), style)
    };
    let gap = || Span::styled(", ", PLAIN);
    Line::from(vec![
        number(pace.map(|it| it.stored), "stored", STRONG),
        gap(),
        number(pace.map(|it| it.delivered), "delivered", GOOD),
        gap(),
        number(pace.map(|it| it.failed), "failed", BAD),
    ])
}

#[cfg(test)]
mod tests;
