//! A real MariaDB on a free loopback port, with its data in a temporary directory.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server, with a database `shop` and a user `app` who may do anything in there, without
/// a password. It ends when this is dropped.
#[derive(Debug)]
pub struct MariaDb {
    child: Option<Child>,
    dir: tempfile::TempDir,
    port: u16,
    options: Vec<String>,
}

impl MariaDb {
    /// Starts a server with these options, as `--ssl-ca=/path`.
    ///
    /// # Panics
    /// When there is no MariaDB, or it does not start.
    pub fn start(options: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        // Free now; no other program of a test machine asks for it in between.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut server = Self { child: None, dir, port, options };
        server.install();
        server.run();
        server.sql(
            "CREATE DATABASE shop; DROP USER IF EXISTS ''@'localhost'; CREATE USER app@'%'; \
             GRANT ALL ON shop.* TO app@'%'; FLUSH PRIVILEGES",
        );
        server
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of its database, for `app`.
    pub fn url(&self) -> String {
        format!("mysql://app@127.0.0.1:{}/shop", self.port)
    }

    /// The path of its socket.
    pub fn socket(&self) -> String {
        self.dir.path().join("s").display().to_string()
    }

    /// What these statements print when root executes them over the socket, in the database.
    ///
    /// # Panics
    /// When one fails.
    pub fn sql(&self, statements: &str) -> String {
        let ran = self.client().args(["-e", statements]).output().expect("the client runs");
        assert!(ran.status.success(), "{statements}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).expect("it prints text").trim_end().to_owned()
    }

    /// The number that this query returns.
    ///
    /// # Panics
    /// When the result is not a number.
    pub fn number(&self, query: &str) -> u64 {
        let text = self.sql(&format!("USE shop; {query}"));
        text.parse().unwrap_or_else(|_| panic!("{query} is no number but {text:?}"))
    }

    /// One of the sums that the server keeps.
    ///
    /// # Panics
    /// When there is no status variable of the name.
    pub fn status(&self, name: &str) -> u64 {
        let status = self.sql(&format!("SHOW GLOBAL STATUS LIKE '{name}'"));
        let value = status.split_whitespace().nth(1).expect("a name and a value");
        value.parse().expect("a number")
    }

    /// A session of root's, which stays open.
    pub fn session(&self) -> MariaDbSession {
        let child = self.client().arg("-n").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("the client runs");
        let input = child.stdin.take().expect("it is a pipe");
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut session = MariaDbSession { child, input, output };
        session.sql("USE shop");
        session
    }

    /// Waits until this query returns a number other than 0.
    ///
    /// # Panics
    /// When it has not after a minute.
    pub fn wait_for(&self, query: &str) {
        let since = Instant::now();
        while self.number(query) == 0 {
            assert!(since.elapsed() < Duration::from_secs(60), "never: {query}");
        }
    }

    /// Kills it, as a power loss would, and starts it again on the same data.
    pub fn restart(&mut self) {
        self.kill();
        self.run();
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// Starts it again.
    ///
    /// # Panics
    /// When it does not start.
    pub fn run(&mut self) {
        let mut command = Command::new(program("SLIPSTREAM_TEST_MARIADBD", "mariadbd"));
        command
            .args(self.settings())
            .arg(format!("--socket={}", self.socket()))
            .arg(format!("--port={}", self.port))
            .args(["--bind-address=127.0.0.1", "--performance-schema=OFF", "--skip-name-resolve"])
            .arg(format!("--pid-file={}/pid", self.dir.path().display()))
            .arg(format!("--log-error={}/log", self.dir.path().display()))
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap_or_else(|error| missing("mariadbd", &error)));
        let since = Instant::now();
        let answers = || {
            let asked = self.client().args(["-e", "DO 1"]).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        };
        while !answers() {
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "mariadbd does not answer: {}",
                log()
            );
        }
    }

    fn install(&self) {
        let mut command =
            Command::new(program("SLIPSTREAM_TEST_MARIADB_INSTALL", "mariadb-install-db"));
        command
            .args(self.settings())
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg("--skip-name-resolve");
        let ran = command.output();
        let ran = ran.unwrap_or_else(|error| missing("mariadb-install-db", &error));
        let said = [ran.stdout, ran.stderr].concat();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&said));
    }

    /// What installing and running need: small, and as the user who runs the tests.
    fn settings(&self) -> Vec<String> {
        // The owner of a directory of ours is us.
        let us =
            std::os::unix::fs::MetadataExt::uid(&self.dir.path().metadata().expect("it is there"));
        let root = if us == 0 { "--user=root" } else { "--skip-symbolic-links" };
        let mut settings = vec![
            "--no-defaults".to_owned(),
            root.to_owned(),
            format!("--datadir={}/data", self.dir.path().display()),
            // Each clears away what it takes for its own there when it starts.
            format!("--tmpdir={}", self.dir.path().display()),
        ];
        let small = [
            "--innodb-log-file-size=4M",
            "--innodb-buffer-pool-size=16M",
            // What a test kills is the server, never the machine.
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-flush-method=nosync",
            // The system gives out only so much of it, and many start at once.
            "--innodb-use-native-aio=OFF",
        ];
        settings.extend(small.map(str::to_owned));
        settings
    }

    fn client(&self) -> Command {
        let mut command = Command::new(program("SLIPSTREAM_TEST_MARIADB", "mariadb"));
        command.args(["--no-defaults", "--batch", "--skip-column-names", "--user=root"]);
        command.arg(format!("--socket={}", self.socket())).stdin(Stdio::null());
        command
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An open session.
#[derive(Debug)]
pub struct MariaDbSession {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl MariaDbSession {
    /// Executes a statement that returns nothing, to its end.
    ///
    /// # Panics
    /// When the session has ended.
    pub fn sql(&mut self, statement: &str) {
        self.begin(statement);
        self.end();
    }

    /// Sends a statement, and does not wait for it.
    ///
    /// # Panics
    /// When the session has ended.
    pub fn begin(&mut self, statement: &str) {
        writeln!(self.input, "{statement};\nSELECT 'done';").expect("it takes statements");
    }

    /// Waits for the end of what was sent.
    ///
    /// # Panics
    /// When the session has ended.
    pub fn end(&mut self) {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it prints text");
        assert_eq!(line, "done\n", "the session has ended");
    }
}

impl Drop for MariaDbSession {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn program(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| name.into(), PathBuf::from)
}

fn missing(name: &str, error: &std::io::Error) -> ! {
    panic!("no {name} ({error}); `cargo xtask setup` installs it")
}
