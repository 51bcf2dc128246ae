//! What goes over a stream, and what is expected of the peer.

use std::ffi::OsString;
use std::time::Duration;

use slipstream_tcp::{Framing, Until};

use super::Group::Stream;
use super::{Given, Row, Table, Takes, Value, options, parsed};
use crate::term::units::lasting;

parsed! {
    Framing, |text| text.parse().map_err(|error| format!("{error}"));
    Until, |text| text.parse().map_err(|error| format!("{error}"));
    Duration, lasting;
}

/// What of an HTTP request's options means the same to a stream.
pub(crate) const TOO: [&str; 9] = [
    "cacert",
    "cert",
    "connect-timeout",
    "data",
    "data-binary",
    "data-raw",
    "insecure",
    "key",
    "max-time",
];

options! {
    /// What only a stream has.
    TcpArgs after {} before {}

    framing: Option<Framing> = Stream.row("--framing FRAMING", "What is put around the data: none, line (a line feed behind it), crlf, or octets (its length before it, as syslog has it)")
        .key("framing");
    expect: Option<String> = Stream.row("--expect REGEX", "The regular expression that the answer must match for the request to count as delivered; any other answer is a failure that is tried again")
        .key("expect");
    fail_on: Option<String> = Stream.row("--fail-on REGEX", "The one for those other answers that no further attempt would change")
        .key("fail_on");
    until: Option<Until> = Stream.row("--until END", "How far the answer is read: eof, line, or so many bytes [default: line, with --expect]")
        .key("until");
    half_close: bool = Stream.row("--half-close", "Shut our side down before the answer is read, for peers that wait for the end")
        .key("half_close");
    share: bool = Stream.row("--share", "Let it go over one connection with others that go the same way, one behind the other: quicker by far for lines and counted messages")
        .key("share");
    server_name: Option<String> = Stream.row("--server-name NAME", "The name that the peer's certificate must have [default: the host's]")
        .key("server_name");
    idle_timeout: Option<Duration> = Stream.row("--idle-timeout DURATION", "How long the peer may take nothing and send nothing [default: 30s]")
        .key("idle_timeout");
}
