//! A real proxy, tinyproxy, on a free loopback port.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running proxy. It ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    address: SocketAddr,
    // It holds the configuration and the log.
    dir: tempfile::TempDir,
}

impl Proxy {
    /// Starts a proxy that asks for this user and password.
    ///
    /// # Panics
    /// When there is no tinyproxy, or it does not take the configuration.
    pub fn start(user: &str, password: &str) -> Self {
        let program = std::env::var_os("SLIPSTREAM_TEST_TINYPROXY")
            .map_or_else(|| "tinyproxy".into(), PathBuf::from);
        let dir = tempfile::tempdir().expect("a temporary directory");
        // Free now; no other program of a test machine asks for it in between.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let config = dir.path().join("tinyproxy.conf");
        let text = format!(
            "Listen 127.0.0.1\nPort {}\nTimeout 60\nMaxClients 100\nAllow 127.0.0.1\n\
             LogFile \"{}\"\nLogLevel Connect\nBasicAuth {user} {password}\n",
            address.port(),
            dir.path().join("log").display()
        );
        std::fs::write(&config, text).expect("the configuration is written");
        let child = Command::new(program)
            .args(["-d", "-c"])
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("no tinyproxy ({error}); `cargo xtask setup` installs it")
            });
        let mut proxy = Self { child, address, dir };
        proxy.wait();
        proxy
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it wrote down: one line and more for each connection.
    ///
    /// # Panics
    /// When there is no log.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.dir.path().join("log")).expect("it writes a log");
        String::from_utf8_lossy(&log).into_owned()
    }

    fn wait(&mut self) {
        let since = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Ok(Some(ended)) = self.child.try_wait() {
                panic!("tinyproxy ended: {ended}");
            }
            assert!(since.elapsed() < Duration::from_secs(60), "tinyproxy does not listen");
            std::thread::yield_now();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
