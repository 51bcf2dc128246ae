//! What keeps a run from going its way, and what that costs: workers that are killed, silent hosts,
//! few descriptors, records that say what is not so.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use slipstream_core::{DeliveryOptions, Destination, Engine, Record, RecordId, Source, Timestamp};

use crate::receiver::{PATIENCE, Receiver};
use crate::run::Spool;

/// Has workers begin an attempt of the request for `/held`, and kills each while it is in flight.
fn interrupt(spool: &Spool, receiver: &Receiver, times: usize) {
    for _ in 0..times {
        let mut worker =
            spool.command(["work"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let _held = receiver.wait_for_held();
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
}

#[test]
fn a_request_whose_worker_is_killed_again_and_again_is_delivered_after_all() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/held")]);
    interrupt(&spool, &receiver, 8);
    let worker = spool.command(["work", "--quiet"]).spawn().unwrap();
    drop(receiver.wait_for_held());
    assert!(worker.wait_with_output().unwrap().status.success());
    assert_eq!(spool.sums(), [1, 0, 0, 1]);
}

#[test]
fn a_request_that_ends_its_worker_each_time_is_given_up() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/held")]);
    interrupt(&spool, &receiver, 8 + 3);
    let ran = spool.run(["work", "--quiet"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("its worker ended during its last attempts"), "{ran:?}");
    assert_eq!(spool.sums(), [1, 0, 1, 0]);
}

/// The worker with so many descriptors.
fn work_with(spool: &Spool, descriptors: u32, args: &[&str]) -> Command {
    let work = spool.command(args);
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!("ulimit -n {descriptors}; exec \"$0\" \"$@\""));
    limited.arg(work.get_program()).args(work.get_args()).stdin(Stdio::null());
    for (name, value) in work.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

#[test]
fn a_host_is_tried_at_once_behind_more_that_are_silent_than_select_can_hold() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    // It takes connections, and never an answer's worth of trouble: under 1,100 addresses.
    let silent = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let urls = (0..1_100).map(|n| format!("http://127.0.{}.{}:{port}/", 1 + n / 250, 1 + n % 250));
    let lines = urls.chain([receiver.url("/held")]).map(|url| format!("{{\"url\":\"{url}\"}}\n"));
    let ran = spool.run_with(&["store", "--batch", "-"], lines.collect::<String>().as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let began = Instant::now();
    let mut worker = work_with(&spool, 4_096, &["work"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let held = receiver.wait_for_held();
    // A second, and what a busy machine adds. A silent one is given up after ten and more.
    let took = began.elapsed();
    worker.kill().unwrap();
    worker.wait().unwrap();
    drop(held);
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn few_descriptors_mean_few_in_flight_and_no_attempt_is_lost() {
    for descriptors in [64, 24] {
        let (spool, receiver) = (Spool::new(), Receiver::new());
        let lines = (0..200).map(|_| format!("{{\"url\":\"{}\"}}\n", receiver.url("/200")));
        spool.run_with(&["store", "--batch", "-"], lines.collect::<String>().as_bytes());
        let mut work = work_with(&spool, descriptors, &["work", "--quiet", "--attempts=1"]);
        let ran = spool.tell(work.output().unwrap());
        assert_eq!(ran.code, Some(0), "{descriptors}: {ran:?}");
        assert_eq!(spool.sums(), [200, 0, 0, 200], "{descriptors}: {ran:?}");
        assert_eq!(receiver.got().len(), 200, "{descriptors}");
    }
}

#[test]
fn a_record_that_names_the_destination_of_others_fails_alone() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/200")]);
    let engine = slipstream_log::Spool::open(spool.path()).unwrap();
    let forged: Vec<_> = (0..9)
        .map(|index| {
            let url = crate::receiver::dead_url();
            // A map of method and url, in MessagePack.
            let mut body = b"\x82\xa6method\xa3GET\xa3url\xd9".to_vec();
            body.push(u8::try_from(url.len()).unwrap());
            body.extend(url.as_bytes());
            Record {
                id: RecordId::new(Timestamp::from_millis(1_795_498_937_482), [index; 10]),
                kind: "http".to_owned(),
                destination: Destination::new(receiver.url("")),
                options: DeliveryOptions::default(),
                body,
            }
        })
        .collect();
    engine.store(&Source::named("forger"), &forged).unwrap();
    let began = Instant::now();
    let ran = spool.run(["work", "--quiet"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("names another destination"), "{ran:?}");
    assert_eq!(spool.sums(), [10, 0, 9, 1]);
    assert!(began.elapsed() < PATIENCE);
    // Nothing is counted against the destination that they named.
    spool.quietly(["store", &receiver.url("/200")]);
    assert_eq!(spool.run(["work", "--quiet"]).code, Some(0));
}
