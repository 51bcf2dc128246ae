//! What the worker can do that users who store in a shared spool may not: connect to Unix sockets
//! as its user, use its secrets, and whatever else its settings and environment give it.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::receiver::Receiver;
use crate::run::{Ran, Spool, assert_refused};

/// A spool that a group shares: one of ours, so that it takes no root.
fn shared() -> Spool {
    let spool = Spool::new();
    let gid = std::fs::metadata("/proc/self").unwrap().gid().to_string();
    assert_eq!(spool.run(["init", "--group", &gid]).code, Some(0));
    spool
}

/// Something that listens at a socket, greets with these bytes and counts connections.
fn listen(listener: UnixListener, greeting: &'static [u8]) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    // It ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
            let mut stream = stream.unwrap();
            let _ = stream.write_all(greeting).and_then(|()| stream.read(&mut [0; 4096]));
        }
    });
    count
}

/// Gives every request one attempt.
fn work(spool: &Spool, more: &[&str]) -> Ran {
    spool.run([&["work", "--attempts=1"], more].concat())
}

/// A way to a socket at this path, as the options of `store`.
fn ways(path: &str, option_file: &str) -> [Vec<String>; 5] {
    let (http, tcp) = (format!("--unix-socket={path}"), format!("unix://{path}"));
    let mysql = format!("mysql://root@localhost/?socket={path}");
    let file = format!("--defaults-file={option_file}");
    let to_owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    [
        to_owned(&[&http, "http://localhost/"]),
        to_owned(&[&http, "--location", "https://localhost/"]),
        to_owned(&["-d", "x", &tcp]),
        to_owned(&["--query=DO 1", &mysql]),
        to_owned(&["--query=DO 1", &file, "mysql://root@localhost/"]),
    ]
}

#[test]
fn no_socket_is_connected_to_in_a_shared_spool_unless_it_is_allowed() {
    for deny in [&[][..], &["--deny-private"]] {
        let spool = shared();
        let path = spool.path().with_file_name("s.sock").display().to_string();
        let came = listen(UnixListener::bind(&path).unwrap(), b"HTTP/1.0 200 OK\r\n\r\n");
        let option_file = spool.file("app.cnf", format!("[client]\nsocket={path}\n"));
        let option_file = option_file.to_str().unwrap();
        let ways = ways(&path, option_file);
        for way in &ways {
            spool.quietly([&["store".to_owned()], &way[..]].concat());
        }
        let secret = format!("--allow-secret=file:{option_file}@mysql://localhost:3306");
        let named = format!("unix:{path}");
        let others = [&secret, "--allow-host=unix:/run/other", "--allow-host=localhost"];
        let worked = work(&spool, &[deny, &others].concat());
        assert_eq!(came.load(Ordering::Relaxed), 0, "{deny:?}: {worked:?}");
        assert_eq!(spool.sums(), [5, 0, 5, 0]);
        let told = "slipstream work --allow-host unix:HERE/s.sock`";
        assert_eq!(worked.out.matches(told).count(), 5, "{worked:?}");

        assert_eq!(spool.run(["failed", "retry", "--all"]).code, Some(0));
        work(&spool, &[deny, &[&secret, "--allow-host", &named]].concat());
        assert_eq!(came.load(Ordering::Relaxed), 5, "{deny:?}");
    }
}

#[test]
fn in_a_spool_of_ones_own_sockets_are_connected_to_as_they_are_named() {
    let spool = Spool::new();
    let path = spool.path().with_file_name("s.sock").display().to_string();
    let came = listen(UnixListener::bind(&path).unwrap(), b"HTTP/1.0 200 OK\r\n\r\n");
    let option_file = spool.file("app.cnf", format!("[client]\nsocket={path}\n"));
    for way in &ways(&path, option_file.to_str().unwrap()) {
        spool.quietly([&["store".to_owned()], &way[..]].concat());
    }
    work(&spool, &[]);
    assert_eq!(came.load(Ordering::Relaxed), 5);
}

#[test]
fn a_socket_is_allowed_by_its_one_name_and_not_by_another_that_looks_like_it() {
    let spool = shared();
    let path = spool.path().with_file_name("s.sock").display().to_string();
    let came = listen(UnixListener::bind(&path).unwrap(), b"");
    let parent = spool.path().parent().unwrap().display().to_string();
    // A link that a member makes, and a file in the worker's directory that is called as a name is.
    std::os::unix::fs::symlink(&path, format!("{parent}/link.sock")).unwrap();
    std::os::unix::fs::symlink(&parent, format!("{parent}/dir")).unwrap();
    let spellings = [
        format!("{parent}/link.sock"),
        format!("{parent}/dir/s.sock"),
        format!("{parent}/spool/../s.sock"),
        format!("/proc/self/root{path}"),
        format!("{parent}/S.sock"),
    ];
    for path in &spellings {
        spool.quietly(["store", "-d", "x", &format!("unix://{path}")]);
        spool.quietly(["store", &format!("--unix-socket={path}"), "http://h/"]);
        let url = format!("mysql://root@localhost/?socket={path}");
        spool.quietly(["store", "--query=DO 1", &url]);
    }
    spool.quietly(["store", "--unix-socket=@name", "http://h/"]);
    spool.quietly(["store", "--unix-socket=s.sock", "http://h/"]);
    let allowed = ["--allow-host", &format!("unix:{path}"), "--allow-host=unix:@name"];
    let mut command = spool.command([&["work", "--attempts=1", "--quiet"], &allowed[..]].concat());
    let worked = command.current_dir(&parent).output().unwrap();
    assert_eq!(worked.status.code(), Some(1), "{worked:?}");
    assert_eq!(spool.sums(), [17, 0, 17, 0]);
    assert_eq!(came.load(Ordering::Relaxed), 0);
    // Slashes and dots that say nothing are the same name.
    spool.quietly(["store", "-d", "x", &format!("unix:///{parent}/.//s.sock")]);
    work(&spool, &allowed);
    assert_eq!(came.load(Ordering::Relaxed), 1);
}

#[test]
fn an_abstract_socket_needs_its_name_too() {
    let spool = shared();
    let name = format!("slipstream-{}", spool.path().display()).replace('/', "-");
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let came = listen(listener, b"HTTP/1.0 200 OK\r\n\r\n");
    let option = format!("--abstract-unix-socket={name}");
    spool.quietly(["store", &option, "http://h/"]);
    let worked = work(&spool, &[&format!("--allow-host=unix:/{name}")]);
    assert!(worked.out.contains(&format!("--allow-host unix:@{name}`")), "{worked:?}");
    assert_eq!(came.load(Ordering::Relaxed), 0);
    assert_eq!(spool.run(["failed", "retry", "--all"]).code, Some(0));
    assert_eq!(work(&spool, &[&format!("--allow-host=unix:@{name}")]).code, Some(0));
    assert_eq!(came.load(Ordering::Relaxed), 1);
}

#[test]
fn a_path_that_no_request_can_have_is_not_allowed() {
    let spool = shared();
    for wrong in ["unix:run/a.sock", "unix:/run/../a.sock", "unix:"] {
        let refused = spool.run(["work", "--allow-host", wrong]);
        assert_eq!((refused.code, &*refused.out), (Some(2), ""), "{refused:?}");
        assert!(refused.err.contains("expected unix:/PATH"), "{refused:?}");
    }
    let config = spool.file("config.toml", "[work]\nallow-host = [\"unix:run/a.sock\"]\n");
    let refused = spool.command(["work"]).env("SLIPSTREAM_CONFIG", config).output().unwrap();
    assert_refused(&spool.tell(refused), "expected unix:/PATH");
}

/// The home of a user of curl, and what of it must reach no request.
#[test]
fn what_the_workers_own_files_say_to_curl_is_no_requests() {
    let receiver = Receiver::new();
    let spool = shared();
    let home = spool.file("home", "").with_file_name("home.d");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join(".netrc"), "machine 127.0.0.1 login worker password sesame\n")
        .unwrap();
    std::fs::write(home.join(".curlrc"), "user = worker:sesame\nheader = \"x-curlrc: yes\"\n")
        .unwrap();
    spool.quietly(["store", &receiver.url("/a")]);
    spool.quietly(["store", "--anyauth", "-u", "me:mine", &receiver.url("/401")]);
    let mut command = spool.command(["work", "--attempts=1", "--quiet"]);
    command.env("HOME", &home).env("CURL_HOME", &home).env("NETRC", home.join(".netrc"));
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    let got = receiver.got();
    assert_eq!(got.len(), 2, "{got:?}");
    for one in got {
        let sent = one.headers().iter().any(|(_, value)| value.contains("d29ya2VyOnNlc2FtZQ"));
        assert!(!sent && one.header("x-curlrc").is_none(), "{one:?}");
        assert!(one.header("authorization").is_none(), "{one:?}");
    }
}

#[test]
fn a_sockets_place_is_told_by_the_settings_file_too() {
    let spool = shared();
    let path = spool.path().with_file_name("s.sock").display().to_string();
    let came = listen(UnixListener::bind(&path).unwrap(), b"");
    let config = spool.file("config.toml", format!("[work]\nallow-host = [\"unix:{path}\"]\n"));
    spool.quietly(["store", "-d", "x", &format!("unix://{path}")]);
    let worked = spool.command(["work"]).env("SLIPSTREAM_CONFIG", config).output().unwrap();
    assert!(worked.status.code().is_some());
    assert_eq!(came.load(Ordering::Relaxed), 1);
}

/// Where a redirect leads may hold a token: it is neither noted nor traced.
#[test]
fn where_a_redirect_leads_is_noted_and_traced_without_what_it_may_hold() {
    let spool = Spool::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let location = "https://me:s3same@h.example:1/a;sid=s3same?token=s3same&s3same#s3same";
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}\r\nSet-Cookie: a=s3same\r\nConnection: close\r\n\r\n<a href=\"{location}\">"
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(answer.as_bytes()));
        }
    });
    spool.quietly(["store", &url]);
    spool.quietly(["store", "-L", "--max-redirs", "0", &url]);
    spool.quietly(["store", "-L", &url]);
    let worked = work(&spool, &["-vvv", "--deny-private", "--allow-host=127.0.0.1"]);
    assert!(!format!("{worked:?}").contains("s3same"), "{worked:?}");
    let listed = spool.run(["failed", "list"]).out;
    let mut shown = listed.clone();
    for id in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        shown += &spool.run(["failed", "show", id]).out;
        shown += &spool.run(["failed", "show", "--json", id]).out;
        shown += &spool.run(["failed", "show", "--show-secrets", id]).out;
    }
    assert!(!shown.contains("s3same"), "{shown}");
    assert!(shown.contains("Location: https://***@h.example:1/a;sid=***?token=***&***"), "{shown}");
    for entry in std::fs::read_dir(spool.path().join("failed")).unwrap() {
        let file = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!file.windows(6).any(|part| part == b"s3same"));
    }
}
