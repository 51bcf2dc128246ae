//! `slipstream check`: what it finds, what it mends, and that it changes nothing unasked.

use std::path::PathBuf;

use crate::receiver::Receiver;
use crate::run::{Ran, Spool, assert_refused, ran};
use crate::scrub::scrub;

/// A spool with two failed requests in one log.
fn spool_with_failed(receiver: &Receiver) -> Spool {
    let spool = Spool::new();
    for path in ["/404", "/500"] {
        spool.quietly(["store", "--source=a", &receiver.url(path)]);
    }
    spool.run(["work", "--attempts=1"]);
    spool
}

fn failed_log(spool: &Spool) -> PathBuf {
    spool.logs("failed").remove(0)
}

/// The same with a flipped bit in the second request.
fn damaged_spool() -> Spool {
    let spool = spool_with_failed(&Receiver::new());
    let log = failed_log(&spool);
    let mut bytes = std::fs::read(&log).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    spool
}

fn scrubbed(ran: Ran) -> Ran {
    Ran { out: scrub(&ran.out), ..ran }
}

const SUM: &str = "\
2 stored = 0 delivered + 0 pending + 2 failed + 0 set aside + 0 overwritten + 0 expired + 0 purged
the counters add up
";
const SUM_WITH_DAMAGE: &str = "\
2 stored = 0 delivered + 0 pending + 1 failed + 1 set aside + 0 overwritten + 0 expired + 0 purged
the counters add up
";
const DAMAGE: &str = "failed/LOG: 136 bytes from 280 on are no records; a repair copies them to failed/, and the records around them are delivered";

#[test]
fn a_sound_spool_has_no_problems() {
    let spool = spool_with_failed(&Receiver::new());
    let expected = format!("1 log, 2 records, 416 B: no problems\n{SUM}");
    assert_eq!(spool.run(["check"]), ran(0, &expected, ""));
    let expected = "{\"logs\":1,\"records\":2,\"bytes\":416,\"findings\":[],\"leftovers\":[],\"totals\":{\"stored\":2,\"delivered\":0,\"pending\":0,\"failed\":2,\"set_aside\":0,\"overwritten\":0,\"expired\":0,\"purged\":0},\"balanced\":true}\n";
    assert_eq!(spool.run(["check", "--json"]), ran(0, expected, ""));
}

#[test]
fn damage_is_found_and_left_alone_until_a_repair_sets_it_aside() {
    let spool = damaged_spool();
    let found = format!("{DAMAGE}\n1 log, 1 record, 416 B: 1 problem\n{SUM_WITH_DAMAGE}");
    for _ in 0..2 {
        assert_eq!(scrubbed(spool.run(["check"])), ran(1, &found, ""));
    }
    let mended = format!(
        "{DAMAGE} (mended)\n1 log, 1 record, 416 B: 1 problem, 1 mended\n{SUM_WITH_DAMAGE}"
    );
    assert_eq!(scrubbed(spool.run(["check", "--repair"])), ran(0, &mended, ""));
    let clean = format!("1 log, 1 record, 416 B: no problems\n{SUM_WITH_DAMAGE}");
    assert_eq!(spool.run(["check"]), ran(0, &clean, ""));
}

#[test]
fn what_a_killed_process_leaves_is_said_and_is_no_problem() {
    let spool = spool_with_failed(&Receiver::new());
    let log = failed_log(&spool);
    let mut bytes = std::fs::read(&log).unwrap();
    // A third record, of which not all was written.
    let second = bytes.len() - 136;
    bytes.extend_from_within(second..second + 16);
    bytes.extend([0; 16]);
    bytes.extend_from_within(second + 32..second + 80);
    std::fs::write(&log, bytes).unwrap();
    std::fs::write(spool.path().join("collecting/s003.log.new-0123"), "").unwrap();
    let ledger = spool.path().join("ledger");
    let mut text = std::fs::read(&ledger).unwrap();
    text.extend(b"\n0badc0de {\"stored\":{\"lo");
    std::fs::write(ledger, text).unwrap();
    let said = "\
no problem: collecting/s003.log.new-0123: was being made when a process ended; the next worker, or a repair, removes it
no problem: failed/LOG: 80 bytes from 416 on are of writes that were cut short; nothing that was acknowledged was in them
no problem: ledger: 1 entries were cut short when a process ended; they are written again, and a repair leaves these out
";
    let expected = format!("{said}1 log, 2 records, 496 B: no problems\n{SUM}");
    assert_eq!(scrubbed(spool.run(["check"])), ran(0, &expected, ""));
    let json: serde_json::Value =
        serde_json::from_str(&spool.run(["check", "--json"]).out).unwrap();
    assert_eq!(json["findings"], serde_json::json!([]));
    assert_eq!(json["leftovers"].as_array().unwrap().len(), 3);
    let log = log.to_str().unwrap();
    let shown = spool.run(["inspect", log]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.out.ends_with("\"offset\":416,\"length\":80,\"torn\":true}\n"), "{shown:?}");
    assert_eq!(spool.run(["purge", "--yes"]).code, Some(0));
    assert_eq!(spool.status()["totals"]["set_aside"], 0);
}

#[test]
fn json_tells_each_finding_and_whether_it_was_mended() {
    let spool = damaged_spool();
    for (args, code, mended) in
        [(&["check", "--json"][..], 1, false), (&["check", "--json", "--repair"], 0, true)]
    {
        let ran = scrubbed(spool.run(args));
        assert_eq!(ran.code, Some(code), "{ran:?}");
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let (path, what) = DAMAGE.split_once(": ").unwrap();
        let finding = serde_json::json!({"path": path, "what": what, "mended": mended});
        assert_eq!(report["findings"], serde_json::json!([finding]));
        assert_eq!(report["totals"]["set_aside"], 1);
        assert_eq!(report["balanced"], true);
    }
}

#[test]
fn a_log_that_was_taken_away_by_hand_is_counted_by_a_repair() {
    let spool = spool_with_failed(&Receiver::new());
    std::fs::remove_file(failed_log(&spool)).unwrap();
    let found = scrubbed(spool.run(["check"]));
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(
        found.out.contains("the counters do NOT add up: stored 2, accounted for 0\n"),
        "{found:?}"
    );
    assert_eq!(spool.run(["check", "--repair"]).code, Some(0));
    assert_eq!(spool.status()["totals"]["purged"], 2);
}

#[test]
fn a_name_in_the_spool_cannot_write_to_the_terminal() {
    let spool = Spool::new();
    spool.run(["init"]);
    std::fs::write(spool.path().join("ready/\u{1b}[2J\n\u{9b}"), "").unwrap();
    let text = spool.run(["check"]);
    let line = "ready/\\u{1b}[2J\\n\\u{9b}: not a log; move it out of the spool\n";
    assert_eq!(text.code, Some(1), "{text:?}");
    assert!(text.out.starts_with(line), "{text:?}");
    let json = spool.run(["check", "--json"]);
    assert!(json.out.contains(r#""path":"ready/\u001b[2J\n\u009b""#), "{json:?}");
}

#[test]
fn nothing_is_repaired_while_a_worker_runs() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/held")]);
    let mut worker = spool.command(["work", "--quiet"]).spawn().unwrap();
    let held = receiver.wait_for_held();
    let words = format!("cannot repair SPOOL: a worker is running (pid {})", worker.id());
    assert_refused(&spool.run(["check", "--repair"]), &words);
    assert_eq!(spool.run(["check"]).code, Some(0));
    drop(held);
    assert!(worker.wait().unwrap().success());
}

#[test]
fn no_spool_has_no_problems() {
    let spool = Spool::new();
    let words = "nothing stored yet in SPOOL\n";
    assert_eq!(spool.run(["check"]), ran(0, words, ""));
    let json = spool.run(["check", "--json", "--repair"]);
    assert_eq!((json.code, json.err), (Some(0), format!("slipstream: {words}")));
    assert!(json.out.starts_with(r#"{"logs":0,"#) && json.out.ends_with("\"balanced\":true}\n"));
    assert!(!spool.path().exists());
}

#[test]
fn a_spool_that_cannot_be_read_is_an_error() {
    let spool = Spool::new();
    std::fs::write(spool.path(), "a file").unwrap();
    assert_refused(&spool.run(["check"]), "SPOOL is a file");
}
