//! The kind `tcp`: where a request goes, and what is refused before it is stored.
//!
//! # Invariants
//! Every time-out is finite, and every expression compiles, in bounded memory.
//!
//! # Non-goals
//! Whether certificates and keys are good. A certificate that is good today may not be when it is
//! sent.

use regex::bytes::{Regex, RegexBuilder};
use slipstream_core::{Destination, Invalid, Request, Tls, quoted};

use crate::request::TcpRequest;
use crate::request::framing::REPLY_MAX;
use crate::request::framing::{Framing, Until};
use crate::url::Address;

/// Most bytes that a compiled expression may take.
const REGEX_MAX: usize = 1024 * 1024;

impl Request for TcpRequest {
    const KIND: &'static str = "tcp";

    fn destination(&self) -> Destination {
        // A URL that leads nowhere is never stored; what came in another way fails when it
        // is sent, and shares a destination with others of its sort.
        match Address::parse(&self.url) {
            Ok(address) => address.destination(),
            Err(_) => Destination::from_parts("tcp", "invalid", None),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        check(self)
    }
}

fn refuse(words: impl Into<String>) -> Result<(), Invalid> {
    Err(Invalid::new(words))
}

fn check(request: &TcpRequest) -> Result<(), Invalid> {
    let address = Address::parse(&request.url).map_err(|error| error.field("url"))?;
    if request.data.is_empty() {
        if request.framing == Framing::Octets {
            return refuse(
                "there is no data, and octet counting frames no empty message; give some",
            );
        }
        if request.reads().is_none() {
            return refuse(
                "there is no data and no answer is waited for, so nothing would be delivered; give one or the other",
            );
        }
    }
    if !address.is_tls() && request.tls != Tls::new() {
        return refuse(
            "there are settings for tls, and the url is not encrypted; write tls:// or leave them out",
        );
    }
    request.tls.check().map_err(|error| error.field("tls"))?;
    answer(request)?;
    if request.share && (request.framing == Framing::None || request.reads().is_some()) {
        return refuse(
            "to share a connection, a request needs a framing that tells it from the next one, and no answer to read; give it one, or let it have its own",
        );
    }
    for (what, time) in [
        ("time-out for connecting", request.connect_timeout),
        ("time-out", request.total_timeout),
        ("idle time-out", request.idle_timeout),
    ] {
        time.map_or(Ok(()), |time| time.check(what))?;
    }
    Ok(())
}

fn answer(request: &TcpRequest) -> Result<(), Invalid> {
    if let Some(Until::Bytes(count)) = request.until
        && !(1..=REPLY_MAX).contains(&count)
    {
        return refuse(format!(
            "an answer of {count} bytes is not waited for; write 1 to {REPLY_MAX}"
        ));
    }
    if request.fail_on.is_some() && request.expect.is_none() {
        return refuse(
            "there are answers that end the request and none that delivers it; say which one is expected, too",
        );
    }
    if request.half_close && request.reads().is_none() {
        return refuse(
            "without an answer to read our side is closed anyway; leave half_close out, or say what is expected",
        );
    }
    for text in [&request.expect, &request.fail_on].into_iter().flatten() {
        regex(text)?;
    }
    Ok(())
}

/// A regular expression of a request's. Answers are bytes, so classes and cases are ASCII's; and
/// Unicode's tables would cost each start of the program that stores.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn regex(text: &str) -> Result<Regex, Invalid> {
    RegexBuilder::new(text).unicode(false).size_limit(REGEX_MAX).build().map_err(|error| {
        let why = match &error {
            regex::Error::CompiledTooBig(_) => "it is too large; bound its repetitions".to_owned(),
            other => {
                // The expression, marked, over several lines; what is wrong is the last one.
                let text = other.to_string();
                let line = text.lines().last().unwrap_or_default();
                line.trim_start_matches("error: ").to_lowercase()
            }
        };
        Invalid::new(format!(
            "invalid expression {}: {why}; expected one such as '^OK', with ASCII's classes",
            quoted(text)
        ))
    })
}
