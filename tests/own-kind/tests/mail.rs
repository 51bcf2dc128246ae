//! The mailer as its users run it, with a sendmail that writes down what it is given.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use slipstream_core::Engine;
use slipstream_core::operator::Operator;
use slipstream_log::Spool;

struct Mailer {
    dir: tempfile::TempDir,
}

impl Mailer {
    /// With a sendmail that is this shell script, run in a directory of its own.
    fn new(sendmail: &str) -> Self {
        let mailer = Self { dir: tempfile::tempdir().unwrap() };
        let script = format!("#!/bin/sh\ncd '{}'\n{sendmail}\n", mailer.dir.path().display());
        fs::write(mailer.path("sendmail"), script).unwrap();
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(mailer.path("sendmail"), executable).unwrap();
        mailer
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, word: &str, input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailer"))
            .arg(word)
            .env("MAILER_SPOOL", self.path("spool"))
            .env("SENDMAIL", self.path("sendmail"))
            .env("MAILER_RETRY", "attempts=3,base=1ms,rounds=1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn works(&self) -> String {
        String::from_utf8(self.run("work", "").stdout).unwrap()
    }

    /// Stored, delivered and failed requests; and the sum must hold.
    fn sums(&self) -> (u64, u64, u64) {
        let spool = Spool::open(self.path("spool")).unwrap();
        let totals = spool.status(Duration::ZERO).unwrap().totals;
        assert!(totals.balanced(), "{totals:?}");
        (totals.stored, totals.outcomes.delivered, totals.failed)
    }
}

const MAILS: &str = "\
{\"to\":\"a@example.com\",\"subject\":\"one\",\"text\":\"hello\"}
{\"to\":\"b@example.com\",\"subject\":\"two\"}
";

#[test]
fn stored_mail_is_handed_to_sendmail_with_its_id() {
    let mailer = Mailer::new("cat >\"mail-$3\"");
    let stored = mailer.run("store", MAILS);
    assert!(stored.status.success(), "{stored:?}");
    let id = String::from_utf8(stored.stdout).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(mailer.works(), "2 sent, 0 given up\n");
    let expected = format!("To: a@example.com\nSubject: one\nMessage-Id: <{id}@mailer>\n\nhello\n");
    assert_eq!(fs::read_to_string(mailer.path("mail-a@example.com")).unwrap(), expected);
    assert_eq!(mailer.sums(), (2, 2, 0));
}

#[test]
fn what_fails_for_now_is_tried_again_and_what_fails_for_good_is_not() {
    let mailer = Mailer::new(
        "echo x >>\"tries-$3\"; [ $3 = a@example.com ] || exit 67; [ $(wc -l <\"tries-$3\") = 3 ] || exit 75",
    );
    mailer.run("store", MAILS);
    assert_eq!(mailer.works(), "1 sent, 1 given up\n");
    let tries = |name: &str| fs::read_to_string(mailer.path(name)).unwrap().lines().count();
    assert_eq!((tries("tries-a@example.com"), tries("tries-b@example.com")), (3, 1));
    assert_eq!(mailer.sums(), (2, 1, 1));
}

#[test]
fn what_can_never_be_sent_is_refused_and_not_stored() {
    let mailer = Mailer::new("exit 1");
    for (line, words) in [
        (r#"{"to":"-oops","subject":"x"}"#, "is no address"),
        (r#"{"to":"a@b","subject":"x\ny"}"#, "line break"),
        (r#"{"to":"a@b","subjekt":"x"}"#, "unknown field"),
    ] {
        let refused = mailer.run("store", line);
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && error.contains(words), "{error}");
    }
    assert_eq!(mailer.sums(), (0, 0, 0));
    let backlog = Spool::open(mailer.path("spool")).unwrap().backlog();
    drop(backlog.expect("no worker has it"));
}
