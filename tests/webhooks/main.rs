//! Signatures, held against the reference implementation of Standard Webhooks in Python.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use slipstream_tests::Program;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ANOTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A receiver that verifies. It ends when this is dropped.
struct Receiver {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: String,
}

impl Receiver {
    fn start() -> Self {
        let packages = std::env::var_os("SLIPSTREAM_TEST_PYTHONPATH")
            .expect("the Python package standardwebhooks; `cargo xtask test` installs it");
        let python = std::env::var_os("SLIPSTREAM_TEST_PYTHON");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/webhooks/receiver.py");
        let mut process = Command::new(python.unwrap_or_else(|| "python3".into()))
            .arg(script)
            .env("PYTHONPATH", packages)
            .env("HOOK_SECRET", SECRET)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().expect("it prints its port").unwrap();
        Self { process, lines, port }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("a line for each request").unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn every_attempt_is_signed_so_that_the_reference_implementation_believes_it() {
    let mut receiver = Receiver::start();
    let program = Program::new();
    let url = format!("http://127.0.0.1:{}/hook", receiver.port);
    let store = ["store", "--print-id", "--sign-secret", "env:HOOK_SECRET"];
    let words = ["--json", "{\"order\":17,\"for\":\"Zoë\"}", &*url];
    let id = program.well(store.iter().chain(&words).copied());
    let work = |secret: &str| {
        let mut command = program.command(["work", "--backoff=10ms"]);
        command.env("HOOK_SECRET", secret).output().unwrap()
    };
    let worked = work(SECRET);
    assert!(worked.status.success(), "{worked:?}");
    let seen = [receiver.line(), receiver.line()];
    assert_eq!(seen, [format!("503 {}", id.trim()), format!("204 {}", id.trim())]);
    assert_eq!(program.total("delivered"), 1);

    // And what is signed with another secret is not believed.
    program.well(store.iter().chain(&words).copied());
    assert_eq!(work(ANOTHER).status.code(), Some(1));
    assert!(receiver.line().starts_with("refused"), "it was believed");
    assert!(receiver.line().starts_with("400"));
}
