//! `slipstream work --metrics`: what Prometheus reads.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::receiver::Receiver;
use crate::run::{Spool, ran};

/// The values by name and labels.
fn read(path: &Path) -> Vec<(String, f64)> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut described = Vec::new();
    let mut values = Vec::new();
    for line in text.lines() {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["#", "HELP", name, ..] => described.push(name.to_owned()),
            ["#", "TYPE", name, "gauge" | "counter"] => assert_eq!(described.last().unwrap(), name),
            [name, value] => {
                let (name, labels) = name.split_once('{').unwrap();
                assert_eq!(described.last().unwrap(), name);
                let labels = labels.trim_end_matches('}').split_once(',').unwrap_or_default().1;
                let name = name.strip_prefix("slipstream_").unwrap();
                values.push((format!("{name} {labels}").trim().to_owned(), value.parse().unwrap()));
            }
            _ => panic!("{line}"),
        }
    }
    described.sort();
    described.dedup();
    assert_eq!(described.len(), text.matches("# HELP").count());
    values
}

fn value(values: &[(String, f64)], name: &str) -> f64 {
    values.iter().find(|(is, _)| is == name).unwrap_or_else(|| panic!("{name} in {values:?}")).1
}

#[test]
fn the_run_and_the_spool_are_told_and_nothing_else_is_left() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    for path in ["/", "/404", "/503"] {
        spool.quietly(["store", &receiver.url(path)]);
    }
    let file = spool.file("slipstream.prom", "what stood there before");
    let args = ["work", "--quiet", "--attempts=2", "--backoff=1ms", "--metrics"];
    let worked = spool.run(args.iter().map(|arg| arg.as_ref()).chain([file.as_os_str()]));
    assert_eq!(worked.code, Some(1));
    let values = read(&file);
    for (name, expected) in [
        ("last_run_requests outcome=\"delivered\"", 1.0),
        ("last_run_requests outcome=\"failed\"", 2.0),
        ("last_run_requests outcome=\"expired\"", 0.0),
        ("last_run_retried", 2.0),
        ("last_run_ending ending=\"drained\"", 1.0),
        ("last_run_ending ending=\"broken\"", 0.0),
        ("pending_requests", 0.0),
        ("failed_requests", 2.0),
        ("stored_requests_total", 3.0),
        ("delivered_requests_total", 1.0),
        ("overwritten_requests_total", 0.0),
        ("purged_requests_total", 0.0),
        ("set_aside_requests_total", 0.0),
        ("oldest_age_seconds stage=\"ready\"", 0.0),
        ("balanced", 1.0),
    ] {
        assert_eq!(value(&values, name), expected, "{name}");
    }
    // What the spool keeps of the run is the same.
    let run = &spool.status()["last_run"];
    for name in ["delivered", "failed", "expired"] {
        let told = value(&values, &format!("last_run_requests outcome=\"{name}\""));
        assert_eq!(run[name].as_f64(), Some(told), "{name}");
    }
    assert_eq!(run["retried"].as_f64(), Some(value(&values, "last_run_retried")));
    let [start, end, lasted] = ["start_timestamp", "end_timestamp", "duration"]
        .map(|name| value(&values, &format!("last_run_{name}_seconds")));
    assert!(start > 1.7e9 && end >= start && lasted > 0.0, "{start} {end} {lasted}");
    let mut beside: Vec<_> = std::fs::read_dir(file.parent().unwrap()).unwrap().collect();
    beside.retain(|entry| entry.as_ref().unwrap().path() != spool.path());
    assert_eq!(beside.len(), 1, "{beside:?}");
}

#[test]
fn a_run_that_could_not_be_carried_out_is_told_too() {
    let spool = Spool::new();
    let file = spool.file("slipstream.prom", "");
    let option = format!("--metrics={}", file.display());
    std::fs::write(spool.path(), "no directory").unwrap();
    assert_eq!(spool.run(["work", &option]).code, Some(2));
    assert_eq!(value(&read(&file), "last_run_ending ending=\"broken\""), 1.0);
    std::fs::remove_file(spool.path()).unwrap();
    assert_eq!(spool.run(["work", "--quiet", &option]), ran(0, "", ""));
    assert_eq!(value(&read(&file), "last_run_ending ending=\"drained\""), 1.0);
}

#[test]
fn a_file_that_cannot_be_written_is_said_and_shows_in_the_exit_code() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    let path = spool.path().with_file_name("none").join("x.prom");
    let worked = spool.run(["work", "--quiet", &format!("--metrics={}", path.display())]);
    let line = "slipstream: cannot write the metrics to HERE/none/x.prom: No such file or directory (os error 2)\n";
    assert_eq!(worked, ran(1, "", line));
    assert_eq!(spool.sums(), [1, 0, 0, 1]);
}

#[test]
fn a_collector_of_metrics_may_read_the_file_whatever_the_umask() {
    let spool = Spool::new();
    let path = spool.path().with_file_name("x.prom");
    let mut masked = Command::new("sh");
    masked.args(["-c", "umask 077; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_slipstream")]);
    masked.args(["work", "--quiet", "--metrics"]).arg(&path);
    masked.env("SLIPSTREAM_DIR", spool.path()).env("SLIPSTREAM_CONFIG", "");
    assert_eq!(spool.tell(masked.output().unwrap()), ran(0, "", ""));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
}
