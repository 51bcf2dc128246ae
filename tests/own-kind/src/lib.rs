//! A kind of requests of one's own: mail, stored now and handed to sendmail later.
//!
//! A program that sends mail waits for the mail server, and fails when that is down. A program that
//! stores it does neither.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use slipstream_core::{
    Aside, Attempt, Destination, Failure, FailureScope, Handler, Invalid, Outcome, Request, quoted,
    read_line,
};

/// What is stored: plain data. A field that joins later needs a serde default, so that what an
/// older program stored is still read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The recipient: one address.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// What it says.
    #[serde(default)]
    pub text: String,
}

impl Request for Mail {
    // Never changes: it is in every record.
    const KIND: &'static str = "mail";

    // Failures and pauses are counted by it. All mail goes through one program, but it is the
    // recipient's domain that is slow or down.
    fn destination(&self) -> Destination {
        let domain = self.to.rsplit_once('@').map_or("", |(_, domain)| domain);
        Destination::new(format!("mail://{domain}"))
    }

    // What can never work is refused before it is stored.
    fn check(&self) -> Result<(), Invalid> {
        let to = &self.to;
        let has_domain = to
            .rsplit_once('@')
            .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty());
        if !has_domain || to.starts_with('-') || to.contains(char::is_whitespace) {
            return Err(Invalid::new(format!(
                "{} is no address; write one such as me@example.com",
                quoted(to)
            )));
        }
        if self.subject.contains(['\r', '\n']) {
            return Err(Invalid::new("the subject has a line break; leave it out"));
        }
        Ok(())
    }
}

impl Mail {
    /// The mail that a line of JSON describes: `{"to":"me@example.com","subject":"hi"}`.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn of_line(line: &[u8]) -> Result<Self, Invalid> {
        let (mail, _): (Self, Aside<'_>) =
            read_line(line, &[], r#"{"to":"me@example.com","subject":"hi"}"#)?;
        Ok(mail)
    }
}

/// Hands mail to a program that takes it as sendmail does.
pub struct Sendmail {
    /// Usually `/usr/sbin/sendmail`.
    pub program: PathBuf,
}

/// What sendmail ends with when trying again may help (EX_TEMPFAIL of sysexits.h).
const TEMPORARY: i32 = 75;

impl Handler for Sendmail {
    type Request = Mail;

    // Called on a few threads at once. It must end by itself; sendmail queues, and does.
    fn perform(&self, mail: &Mail, attempt: &Attempt) -> Outcome {
        match self.send(mail, attempt) {
            Ok(()) => Outcome::Delivered,
            Err(failure) => Outcome::Failed(failure),
        }
    }
}

impl Sendmail {
    fn send(&self, mail: &Mail, attempt: &Attempt) -> Result<(), Failure> {
        // This machine's fault alone: another attempt may find it mended. Blaming the
        // destination has the others for it wait, too.
        let broken = |error: std::io::Error| {
            Failure::transient(
                FailureScope::Destination,
                format!("{}: {error}", self.program.display()),
            )
        };
        let mut child = Command::new(&self.program)
            .args(["-i", "--", &mail.to])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(broken)?;
        // The same id on every attempt: a receiver that gets it twice can recognise that.
        let message = format!(
            "To: {}\nSubject: {}\nMessage-Id: <{}@mailer>\n\n{}\n",
            mail.to, mail.subject, attempt.id, mail.text
        );
        let written = child.stdin.take().map(|mut stdin| stdin.write_all(message.as_bytes()));
        let ended = child.wait_with_output().map_err(broken)?;
        if ended.status.success() {
            // It may not have read all of it, and then it has not taken the mail.
            return written.unwrap_or(Ok(())).map_err(broken);
        }
        let code = ended.status.code();
        let reason = match code {
            Some(code) => format!("sendmail ended with {code}"),
            None => "sendmail was killed".to_owned(),
        };
        let failure = match code {
            Some(TEMPORARY) | None => Failure::transient(FailureScope::Destination, reason),
            Some(_) => Failure::permanent(reason),
        };
        // For the operator, in `slipstream failed show`.
        let answer: String = String::from_utf8_lossy(&ended.stderr).chars().take(1_000).collect();
        let mut failure = failure.answer(answer);
        failure.status = code.and_then(|code| u16::try_from(code).ok());
        Err(failure)
    }
}
