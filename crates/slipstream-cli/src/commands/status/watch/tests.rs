//! What is drawn on a terminal of a certain size.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use slipstream_log::Settings;

use super::*;
use crate::commands::status::tests::status;

fn drawn(shown: &Shown, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let screen = Screen::plain();
    terminal.draw(|frame| render(frame, shown, &screen, 10, Path::new("/s"))).unwrap();
    let rows = terminal.backend().to_string();
    let rows = rows.lines().map(|line| line.trim_matches('"').trim_end());
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_goes_on_is_shown_above_the_picture_and_how_to_end_it_below() {
    let pace = Some(Pace { stored: 12_345.6, delivered: 0.25, failed: 0.0 });
    let every = Duration::from_secs(1);
    let seen = Some(SpoolStatus::new(status(5, 3, 0), Settings::default()));
    let shown = Shown { seen, pace, every };
    let expected = "\
/s at 2026-11-24T12:00:00Z
12,345 stored/s, 0.2 delivered/s, 0 failed/s
3 pending, 0 failed, 0 overwritten
no run has ended here yet
no worker runs

5 stored = 2 delivered + 3 pending + 0 failed + 0 set aside + 0 overwritten + 0
  expired + 0 purged
the counters add up

q ends it; every 1s";
    assert_eq!(drawn(&shown, 80, 11), expected);
    let small = drawn(&shown, 60, 4);
    assert_eq!(small.lines().last(), Some("q ends it; every 1s; there is more than fits"));
    assert_eq!(small.lines().nth(2), Some("3 pending, 0 failed, 0 overwritten"));
}

#[test]
fn a_spool_that_is_not_there_yet_is_waited_for() {
    let shown = Shown { seen: None, pace: None, every: Duration::from_secs(1) };
    let expected =
        "nothing stored yet in /s\n- stored/s, - delivered/s, - failed/s\nq ends it; every 1s";
    assert_eq!(drawn(&shown, 60, 3), expected);
}

#[test]
fn the_pace_is_what_came_in_the_time_between_and_never_below_none() {
    let totals = |stored, delivered, failed| {
        let mut totals = Totals::default();
        (totals.stored, totals.failed, totals.outcomes.delivered) = (stored, failed, delivered);
        totals
    };
    let took = Duration::from_secs(2);
    let pace = Pace::between(&totals(10, 4, 9), &totals(20, 5, 3), took);
    assert_eq!(pace, Pace { stored: 5.0, delivered: 0.5, failed: 0.0 });
    let pace = Pace::between(&totals(0, 0, 0), &totals(1, 0, 0), Duration::ZERO);
    assert_eq!(pace.stored, 1_000.0);
}

#[test]
fn q_escape_and_control_c_end_it_and_nothing_else_does() {
    for keys in [&b"q"[..], b"\x1b", b"\x03", b"xq"] {
        assert!(ends(keys), "{keys:?}");
    }
    // An arrow, and what is typed by mistake.
    for keys in [&b"\x1b[A"[..], b"\x1bOq", b"c", b"", b"Q"] {
        assert!(!ends(keys), "{keys:?}");
    }
}

#[test]
fn it_ends_when_its_terminal_does() {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    let (terminal, mut person) = UnixStream::pair().unwrap();
    let heard = |wait| listen(terminal.as_fd(), wait).unwrap();
    assert!(!heard(Duration::ZERO));
    person.write_all(b"x").unwrap();
    assert!(!heard(Duration::from_secs(60)));
    person.write_all(b"q").unwrap();
    assert!(heard(Duration::from_secs(60)));
    drop(person);
    assert!(heard(Duration::from_secs(60)));
}
