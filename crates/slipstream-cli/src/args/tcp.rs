//! How `store` says what goes over a stream, and what is expected of the peer.

use std::time::Duration;

use clap::Args;
use slipstream_tcp::{Framing, Until};

use crate::term::units::lasting;

/// What these options stand under.
const STREAM: &str = "For tcp://, tls:// and unix://";

#[derive(Debug, Args)]
pub(crate) struct TcpArgs {
    /// What is put around the data: none, line (a line feed behind it), crlf, or octets (its length
    /// before it, as syslog has it)
    #[arg(long, help_heading = STREAM, value_name = "FRAMING")]
    pub(crate) framing: Option<Framing>,
    /// The regular expression that the answer must match for the request to count as delivered; any
    /// other answer is a failure that is tried again
    #[arg(long, help_heading = STREAM, value_name = "REGEX", allow_hyphen_values = true)]
    pub(crate) expect: Option<String>,
    /// The one for those other answers that no further attempt would change
    #[arg(long, help_heading = STREAM, value_name = "REGEX", allow_hyphen_values = true)]
    pub(crate) fail_on: Option<String>,
    /// How far the answer is read: eof, line, or so many bytes [default: line, with --expect]
    #[arg(long, help_heading = STREAM, value_name = "END")]
    pub(crate) until: Option<Until>,
    /// Shut our side down before the answer is read, for peers that wait for the end
    #[arg(long, help_heading = STREAM)]
    pub(crate) half_close: bool,
    /// Let it go over one connection with others that go the same way, one behind the other: quicker
    /// by far for lines and counted messages
    #[arg(long, help_heading = STREAM)]
    pub(crate) share: bool,
    /// The name that the peer's certificate must have [default: the host's]
    #[arg(long, help_heading = STREAM, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    /// How long the peer may take nothing and send nothing [default: 30s]
    #[arg(long, help_heading = STREAM, value_name = "DURATION", value_parser = lasting)]
    pub(crate) idle_timeout: Option<Duration>,
}
