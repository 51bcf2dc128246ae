//! Any real server that is one process: on a free loopback port, with its files in a temporary directory.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    may_run: bool,
    program: OsString,
    args: Vec<String>,
    address: SocketAddr,
    dir: tempfile::TempDir,
}

impl Daemon {
    /// Starts the program that this variable names, or of this name, with the arguments that are
    /// made for its directory and port, and waits until it listens: on the port, or on the Unix
    /// socket `socket` in its directory.
    ///
    /// # Panics
    /// When there is no such program, or it ends.
    pub fn start(variable: &str, name: &str, args: impl FnOnce(&Path, u16) -> Vec<String>) -> Self {
        let program = std::env::var_os(variable).unwrap_or_else(|| name.into());
        let dir = tempfile::tempdir().expect("a temporary directory");
        // Free now; no other program of a test machine asks for it in between.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let args = args(dir.path(), address.port());
        let child = spawn(&program, &args);
        let mut daemon = Self { child, may_run: true, program, args, address, dir };
        daemon.wait();
        daemon
    }

    /// A server of socat's: what it listens to, and what it connects that with.
    ///
    /// # Panics
    /// When there is no socat, or it does not take that.
    pub fn socat(addresses: impl FnOnce(&Path, u16) -> [String; 2]) -> Self {
        Self::start("SLIPSTREAM_TEST_SOCAT", "socat", |dir, port| addresses(dir, port).into())
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A file in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a file in its directory holds by now; nothing if there is none.
    pub fn file(&self, name: &str) -> String {
        let content = std::fs::read(self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&content).into_owned()
    }

    /// Waits until a file in its directory is as it should be, and returns it.
    ///
    /// # Panics
    /// When it is not after half a minute.
    pub fn file_once(&self, name: &str, complete: impl Fn(&str) -> bool) -> String {
        let since = Instant::now();
        loop {
            let content = self.file(name);
            if complete(&content) {
                return content;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "{name} holds {content:?}");
            std::thread::yield_now();
        }
    }

    /// Kills it, at whatever it is, and what it has started; once.
    pub fn kill(&mut self) {
        // Later, its number may be another process's.
        if !std::mem::take(&mut self.may_run) {
            return;
        }
        let group = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        drop(self.child.wait());
    }

    /// Starts it again, with the same port and directory.
    ///
    /// # Panics
    /// When it ends.
    pub fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.program, &self.args);
        self.may_run = true;
        self.wait();
    }

    fn wait(&mut self) {
        let since = Instant::now();
        let socket = self.path("socket");
        while !socket.exists() && !listens(self.address.port()) {
            if let Ok(Some(ended)) = self.child.try_wait() {
                panic!("{} ended: {ended}", self.program.display());
            }
            assert!(since.elapsed() < Duration::from_secs(60), "it does not listen");
            std::thread::yield_now();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether there is a listener on this port, as the kernel reports it. A connection would be work
/// for the server.
fn listens(port: u16) -> bool {
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("Linux lists its sockets");
    // Local address, remote address, state: 0A is LISTEN.
    let local = format!(":{port:04X}");
    sockets.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        matches!(fields[..], [_, at, _, "0A", ..] if at.ends_with(&local))
    })
}

fn spawn(program: &OsString, args: &[String]) -> Child {
    let mut command = Command::new(program);
    // A group of its own, so that what it starts can be ended with it.
    command.args(args).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| {
        panic!("no {} ({error}); `cargo xtask setup` installs it", program.display())
    })
}
