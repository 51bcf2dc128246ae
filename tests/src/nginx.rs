//! A real nginx on a free loopback port, with its files in a temporary directory.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// A running nginx. It ends when this is dropped.
#[derive(Debug)]
pub struct Nginx {
    program: PathBuf,
    dir: tempfile::TempDir,
    port: u16,
}

/// A request as nginx wrote it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// What it answered.
    pub status: u16,
    /// The `Idempotency-Key`, or `-`.
    pub key: String,
    /// Which connection it came over.
    pub connection: u64,
    /// The version of HTTP, as `HTTP/1.1`.
    pub protocol: String,
    /// The name in the client's certificate, as `CN=me`, or `-`.
    pub client: String,
}

impl Nginx {
    /// Starts an nginx whose server block holds `locations`.
    ///
    /// # Panics
    /// When there is no nginx, or it does not take the configuration.
    pub fn start(locations: &str) -> Self {
        Self::start_as("", locations)
    }

    /// The same, listening in this way (`ssl http2`).
    ///
    /// # Panics
    /// When there is no nginx, or it does not take the configuration.
    pub fn start_as(how: &str, server: &str) -> Self {
        let program =
            std::env::var_os("SLIPSTREAM_TEST_NGINX").map_or_else(|| "nginx".into(), PathBuf::from);
        let dir = tempfile::tempdir().expect("a temporary directory");
        // Free now; no other program of a test machine asks for it in between.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let config = config(&dir.path().display().to_string(), port, how, server);
        std::fs::write(dir.path().join("nginx.conf"), config)
            .expect("the configuration is written");
        let nginx = Self { program, dir, port };
        // It returns when it listens.
        nginx.call(&[]);
        nginx
    }

    /// A URL of this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A URL of this server over TLS, by the name that its certificate has.
    pub fn secure_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// What it has answered so far, in order.
    ///
    /// # Panics
    /// When its log is not what its configuration says.
    pub fn hits(&self) -> Vec<Hit> {
        let log =
            std::fs::read_to_string(self.dir.path().join("access.log")).expect("its log is text");
        // A last line may still be being written.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole.lines().map(hit).collect()
    }

    /// Waits until it has answered so many requests.
    ///
    /// # Panics
    /// When it has not after a minute.
    pub fn wait_for(&self, requests: usize) {
        let since = Instant::now();
        while self.hits().len() < requests {
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "{} of {requests} requests",
                self.hits().len()
            );
            std::thread::yield_now();
        }
    }

    fn call(&self, more: &[&str]) {
        let config = self.dir.path().join("nginx.conf");
        let ran = Command::new(&self.program).arg("-c").arg(config).args(more).output();
        let ran = ran
            .unwrap_or_else(|error| panic!("no nginx ({error}); `cargo xtask setup` installs it"));
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.call(&["-s", "stop"]);
    }
}

fn config(dir: &str, port: u16, how: &str, server: &str) -> String {
    format!(
        "daemon on; pid {dir}/pid; error_log {dir}/error.log; worker_processes 1;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
         log_format hits '$request_method $request_uri $status $http_idempotency_key $connection $server_protocol $ssl_client_s_dn';\n\
         access_log {dir}/access.log hits;\n\
         client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;\n\
         uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi; keepalive_requests 1000000;\n\
         server {{ listen 127.0.0.1:{port} {how}; {server} }}\n\
         }}\n"
    )
}

fn hit(line: &str) -> Hit {
    let fields: Vec<&str> = line.split(' ').collect();
    let [method, path, status, key, connection, protocol, client] = fields[..] else {
        panic!("no line of ours: {line}");
    };
    Hit {
        method: method.to_owned(),
        path: path.to_owned(),
        status: status.parse().expect("a status"),
        key: key.to_owned(),
        connection: connection.parse().expect("a number"),
        protocol: protocol.to_owned(),
        client: client.to_owned(),
    }
}
