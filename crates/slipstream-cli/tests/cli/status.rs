//! `slipstream status`: for people and for programs.

use serde_json::json;

use crate::receiver::Receiver;
use crate::run::{Spool, assert_refused, ran};
use crate::schema::assert_holds;

#[test]
fn no_spool_is_a_note_and_in_json_all_zeros() {
    let spool = Spool::new();
    let note = "slipstream: nothing stored yet in SPOOL\n";
    assert_eq!(spool.run(["status"]), ran(0, "", note));
    let told = spool.run(["status", "--json"]);
    assert_eq!((told.code, &*told.err), (Some(0), note));
    let json = assert_holds("status", &told.out);
    let zeros = json!({"logs": 0, "requests": 0, "bytes": 0, "oldest_age_seconds": null});
    for state in ["collecting", "ready", "processing", "failed"] {
        assert_eq!(json["states"][state], zeros);
    }
    assert_eq!((&json["balanced"], &json["settings"]), (&json!(true), &json!(null)));
    assert!(!spool.path().exists());
}

#[test]
fn json_tells_where_everything_is() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    spool.quietly(["store", &receiver.url("/404")]);
    spool.run(["work", "--attempts=1"]);
    spool.quietly(["store", &receiver.url("/")]);
    let status = assert_holds("status", &spool.run(["status", "--json"]).out);
    let states = &status["states"];
    for (state, logs, requests) in
        [("collecting", 1, 1), ("ready", 0, 0), ("processing", 0, 0), ("failed", 1, 1)]
    {
        assert_eq!(states[state]["logs"], logs, "{status}");
        assert_eq!(states[state]["requests"], requests, "{status}");
        assert_eq!(states[state]["bytes"].as_u64() > Some(0), logs > 0);
        assert_eq!(states[state]["oldest_age_seconds"].is_u64(), logs > 0);
    }
    let totals = json!({
        "stored": 3, "delivered": 1, "pending": 1, "failed": 1,
        "set_aside": 0, "overwritten": 0, "expired": 0, "purged": 0
    });
    assert_eq!(status["totals"], totals);
}

#[test]
fn what_was_stored_drives_no_terminal_and_colors_are_had_where_they_are_wanted() {
    let spool = Spool::new();
    let line = b"{\"url\":\"http://u:s3cret@h/\",\"order_key\":\"\\u001b[2J\"}\n";
    assert_eq!(spool.run_with(&["store", "--batch", "-"], line).code, Some(0));
    let plain = spool.run(["status", "--color=never"]);
    assert!(!plain.out.contains('\u{1b}') && !plain.out.contains("s3cret"), "{plain:?}");
    assert!(!spool.run(["status"]).out.contains('\u{1b}'));
    let colored = spool.run(["status", "--color=always"]).out;
    assert!(colored.contains("\u{1b}[1m1 pending\u{1b}[0m, 0 failed"), "{colored}");
}

#[test]
fn only_so_many_destinations_have_a_line_and_the_rest_is_summed() {
    let spool = Spool::new();
    let urls = ["a", "b", "b", "c"].map(|host| format!("http://{host}/"));
    spool.quietly(["store"].into_iter().chain(urls.iter().map(String::as_str)));
    let json = assert_holds("status", &spool.run(["status", "--json", "--top=1"]).out);
    let first = json!([{
        "destination": "http://b:80", "pending": [2, 0, 0, 0, 0, 0, 0], "failed": [0, 0, 0, 0, 0, 0, 0]
    }]);
    assert_eq!(json["destinations"], first);
    assert_eq!(json["other_destinations"]["pending"][0], 2);
    assert!(spool.run(["status", "--top=1"]).out.contains("\n2 others "));
}

#[test]
fn to_watch_it_needs_a_terminal() {
    let spool = Spool::new();
    let told = spool.run(["status", "--watch"]);
    assert_refused(
        &told,
        "--watch needs a terminal; use `slipstream status`, or --json for a program",
    );
    assert_refused(&spool.run(["status", "--watch", "--json"]), "cannot be used with");
    assert_refused(&spool.run(["status", "--interval=2s"]), "--watch");
}

#[test]
fn a_run_shows_whatever_it_found_and_however_it_ended() {
    let spool = Spool::new();
    spool.run(["init"]);
    assert_eq!(spool.status()["last_run"], json!(null));
    spool.run(["work"]);
    let run = &assert_holds("status", &spool.run(["status", "--json"]).out)["last_run"];
    assert_eq!((&run["ending"], &run["delivered"]), (&json!("drained"), &json!(0)));
    spool.quietly(["store", "--delay=1h", "http://127.0.0.1:9/"]);
    spool.run(["work"]);
    assert_eq!(spool.status()["last_run"]["ending"], "waiting");
    let mode = std::fs::metadata(spool.path().join("worker.run")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
}

#[test]
fn a_log_that_was_taken_away_by_hand_shows_in_the_sum_and_the_exit_code() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/404")]);
    spool.run(["work", "--attempts=1"]);
    for log in std::fs::read_dir(spool.path().join("failed")).unwrap() {
        std::fs::remove_file(log.unwrap().path()).unwrap();
    }
    let status = spool.run(["status"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    let words = "\nthe counters do NOT add up: stored 1, accounted for 0\n";
    assert!(status.out.contains(words), "{status:?}");
    let json = spool.run(["status", "--json"]);
    assert_eq!(json.code, Some(1));
    assert!(json.out.contains(r#""balanced":false"#), "{json:?}");
}

#[test]
fn a_spool_that_cannot_be_read_is_an_error() {
    let spool = Spool::new();
    std::fs::write(spool.path(), "a file").unwrap();
    assert_refused(&spool.run(["status"]), "SPOOL is a file");
}
