//! Store and work against a real nginx.

mod sending;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use slipstream_tests::{Nginx, Program};

fn batch(program: &Program, url: &str, requests: usize) {
    let lines: String = (0..requests)
        .map(|n| format!("{{\"url\":\"{url}{n}\",\"method\":\"POST\",\"body\":\"order={n}\"}}\n"))
        .collect();
    let file = program.file("batch", &lines);
    program.well(["store", "--batch", &file.display().to_string()]);
}

#[test]
fn what_several_processes_stored_arrives_once_each_over_connections_that_are_kept() {
    let nginx = Nginx::start("location / { return 200; }");
    let program = Program::new();
    let mut ids = BTreeSet::new();
    for round in 0..20 {
        let store = |n: usize| {
            let url = nginx.url(&format!("/order/{round}/{n}"));
            let mut command = program.command(["store", "--print-id", "-d", "x=1", &url]);
            command.stdout(Stdio::piped()).spawn().unwrap()
        };
        let stores: Vec<_> = (0..5).map(store).collect();
        for child in stores {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            ids.insert(String::from_utf8(output.stdout).unwrap().trim().to_owned());
        }
    }
    assert_eq!(
        program.well(["work", "--concurrency", "10"]).lines().last().map(|l| l.ends_with("DONE")),
        Some(true)
    );
    let hits = nginx.hits();
    assert_eq!(hits.len(), 100);
    assert_eq!(hits.iter().map(|hit| hit.key.clone()).collect::<BTreeSet<_>>(), ids);
    let connections: BTreeSet<_> = hits.iter().map(|hit| hit.connection).collect();
    assert!(connections.len() <= 10, "{} connections for 100 requests", connections.len());
    assert_eq!((program.total("delivered"), program.total("pending")), (100, 0));
}

#[test]
fn a_worker_killed_in_the_middle_costs_at_most_one_repeat_for_each_request_in_flight() {
    let nginx = Nginx::start("location / { return 200; }");
    let program = Program::new();
    batch(&program, &nginx.url("/n/"), 20_000);
    let mut worker = program.command(["work", "--quiet", "--concurrency", "8"]).spawn().unwrap();
    nginx.wait_for(500);
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert!(program.total("pending") > 0, "it was too quick to be killed in the middle");
    program.well(["work"]);
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for hit in nginx.hits() {
        *times.entry(hit.key).or_default() += 1;
    }
    assert_eq!(times.len(), 20_000);
    let repeats = times.values().filter(|times| **times > 1).count();
    assert!(repeats <= 8 && times.values().all(|times| *times <= 2), "{repeats} repeats");
    assert_eq!(program.total("delivered"), 20_000);
}

#[test]
fn of_workers_started_at_once_one_works_and_the_others_leave_with_success() {
    let nginx = Nginx::start("location / { return 200; }");
    let program = Program::new();
    batch(&program, &nginx.url("/n/"), 2_000);
    let start = |_| program.command(["work"]).stdout(Stdio::piped()).spawn().unwrap();
    let workers: Vec<_> = (0..10).map(start).collect();
    let mut worked = 0;
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let out = String::from_utf8(output.stdout).unwrap();
        worked += usize::from(out.starts_with("Processing Job: ") && out.contains("..."));
        assert!(
            out.starts_with("Processing Job: ") || out.contains("another worker is running"),
            "{out}"
        );
    }
    assert_eq!(worked, 1);
    assert_eq!(nginx.hits().len(), 2_000);
    assert_eq!(program.total("delivered"), 2_000);
}

#[test]
fn a_request_that_is_refused_three_times_fails_with_one_key_and_the_others_arrive() {
    let nginx = Nginx::start("location / { return 200; } location /full { return 503; }");
    let program = Program::new();
    program.well(["store", "-d", "a=1", &nginx.url("/full")]);
    program.well(["store", "-d", "b=1", &nginx.url("/well")]);
    let worked = program.run(["work", "--backoff", "10ms"]);
    assert_eq!(worked.status.code(), Some(1), "{worked:?}");
    let hits = nginx.hits();
    let full: Vec<_> = hits.iter().filter(|hit| hit.path == "/full").collect();
    assert_eq!(full.len(), 3);
    assert!(full.iter().all(|hit| hit.status == 503 && hit.key == full[0].key), "{full:?}");
    assert_eq!(hits.iter().filter(|hit| hit.path == "/well").count(), 1);
    assert_eq!((program.total("delivered"), program.total("failed")), (1, 1));
}

#[test]
fn a_server_that_asks_for_a_pause_gets_it_across_runs_and_others_do_not_wait() {
    let busy = Nginx::start("location / { add_header Retry-After 3600 always; return 503; }");
    let well = Nginx::start("location / { return 200; }");
    let program = Program::new();
    for n in 0..5 {
        program.well(["store", "-d", "x", &busy.url(&format!("/{n}"))]);
        program.well(["store", "-d", "x", &well.url(&format!("/{n}"))]);
    }
    let worked = program.well(["work"]);
    assert!(worked.contains("5 deferred to the next run; the first is due in"), "{worked}");
    assert_eq!((program.total("delivered"), program.total("pending")), (5, 5));
    let asked = busy.hits().len();
    assert!((1..=5).contains(&asked), "{asked} requests");
    // The next run does not ask again, not even for what was stored since.
    program.well(["store", "-d", "x", &busy.url("/later")]);
    program.well(["work"]);
    assert_eq!((busy.hits().len(), program.total("pending")), (asked, 6));
}
