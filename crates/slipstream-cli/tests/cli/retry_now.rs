//! `slipstream retry-now`: what waits for a destination is tried without waiting any longer.

use std::process::Stdio;
use std::time::Instant;

use crate::receiver::{PATIENCE, Receiver};
use crate::run::{Spool, assert_refused, ran};

/// A place for a server that is to come.
fn place() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

/// Answers one request after another with 200, until the test's process ends.
fn answer(listener: std::net::TcpListener) {
    use std::io::{Read, Write};
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
}

/// A spool with a request that waits for a day, since nothing answered at its destination.
fn spool_that_waits() -> (Spool, String, std::net::SocketAddr) {
    let (listener, url) = place();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let spool = Spool::new();
    spool.quietly(["store", "--retry=rounds=10,every=1d", &url]);
    spool.run(["work", "--quiet", "--retry=attempts=1"]);
    assert_eq!(spool.sums(), [1, 1, 0, 0]);
    (spool, url, address)
}

#[test]
fn without_a_worker_the_next_run_tries_it() {
    let (spool, url, address) = spool_that_waits();
    answer(std::net::TcpListener::bind(address).unwrap());
    // The destination is well, and nothing is due.
    spool.run(["work", "--quiet"]);
    assert_eq!(spool.sums(), [1, 1, 0, 0]);
    let to = url.trim_end_matches('/');
    let out = format!("1 request for {to}: the next run tries them first: `slipstream work`\n");
    assert_eq!(spool.run(["retry-now", "127.0.0.1"]), ran(0, &out, ""));
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    assert_eq!(spool.sums(), [1, 0, 0, 1]);
    assert_eq!(
        spool.run(["retry-now", "--all"]),
        ran(1, "nothing waits that could be tried\n", "")
    );
}

#[test]
fn a_worker_that_stays_tries_it_at_once() {
    let (spool, url, address) = spool_that_waits();
    let mut follow = spool.command(["work", "--follow"]);
    let mut worker = follow.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while spool.status()["worker"]["running"] != true {
        assert!(Instant::now() < deadline);
    }
    answer(std::net::TcpListener::bind(address).unwrap());
    let told = spool.run(["retry-now", &url]);
    assert!(told.out.ends_with(": the worker that runs tries them now\n"), "{told:?}");
    while spool.sums() != [1, 0, 0, 1] {
        assert!(Instant::now() < deadline, "{}", spool.run(["status"]).out);
    }
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[test]
fn status_and_doctor_name_the_command_that_has_it_tried() {
    let (spool, url, address) = spool_that_waits();
    let command = format!("retry-now {}, when", url.trim_end_matches('/'));
    for look in ["status", "doctor"] {
        let told = spool.run([look]).out;
        assert!(told.contains(&command), "{told}");
    }
    answer(std::net::TcpListener::bind(address).unwrap());
    assert_eq!(spool.run(["retry-now", url.trim_end_matches('/')]).code, Some(0));
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    assert_eq!(spool.sums(), [1, 0, 0, 1]);
}

#[test]
fn a_host_that_nothing_waits_for_is_said_and_nothing_is_asked() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let none =
        "slipstream: no requests wait for 'example.com'; `slipstream status` shows for whom\n";
    let nothing = "nothing waits that could be tried\n";
    assert_eq!(spool.run(["retry-now", "example.com"]), ran(1, nothing, none));
    spool.quietly(["store", &receiver.url("/")]);
    assert_eq!(spool.run(["retry-now", "example.com"]), ran(1, nothing, none));
    let json = spool.run(["retry-now", "--json", "example.com"]);
    let line = "{\"requests\":0,\"destinations\":[],\"worker_running\":false,\"missing\":[\"example.com\"]}\n";
    assert_eq!((json.code, &*json.out), (Some(1), line));
    assert_refused(&spool.run(["retry-now"]), "<HOST|--all>; see `slipstream retry-now --help`");
    assert_refused(&spool.run(["retry-now", "--all", "example.com"]), "cannot be used with");
}

#[test]
fn another_user_than_the_workers_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    const GROUP: u32 = 4_242;
    let spool = Spool::new();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(spool.path().parent().unwrap(), open).unwrap();
    assert_eq!(spool.run(["init", "--group", &GROUP.to_string()]).code, Some(0));
    spool.run(["work", "--quiet"]);
    let mut member = spool.command(["retry-now", "--all"]);
    let told = spool.tell(member.uid(65_534).gid(GROUP).output().unwrap());
    assert_refused(&told, "runs as root, and other users cannot ask it; run this as root");
}
