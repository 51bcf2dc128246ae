//! How `store` says the rarer things about what is sent: curl's options, with curl's names and meanings.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::curl::schemes::{Schemes, schemes};

/// What the options that shape the connection stand under.
const SENDING: &str = "How it is sent (as curl's)";

#[derive(Debug, Args)]
pub(crate) struct CurlArgs {
    /// Take cookies that an answer sets along to where it redirects. The file is not written: curl
    /// writes what an answer set, and none is there yet
    #[arg(short = 'c', long, help_heading = SENDING, value_name = "FILE")]
    pub(crate) cookie_jar: Option<PathBuf>,
    /// Leave out the cookies of a file that end with a session
    #[arg(short = 'j', long, help_heading = SENDING)]
    pub(crate) junk_session_cookies: bool,
    /// Ask for it unless it still has the tag in this file, which is read now
    #[arg(long, help_heading = SENDING, value_name = "FILE")]
    pub(crate) etag_compare: Option<PathBuf>,
    /// Accepted, and not written: no answer is there yet to take a tag from
    #[arg(long, help_heading = SENDING, value_name = "FILE")]
    pub(crate) etag_save: Option<PathBuf>,
    /// Ask for what is behind this offset, or upload that; - for the size of --output's file, now
    #[arg(short = 'C', long, help_heading = SENDING, value_name = "OFFSET", conflicts_with = "range")]
    pub(crate) continue_at: Option<String>,
    /// Look up IPv4 addresses only
    #[arg(short = '4', long, help_heading = SENDING, overrides_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Look up IPv6 addresses only
    #[arg(short = '6', long, help_heading = SENDING, overrides_with = "ipv4")]
    pub(crate) ipv6: bool,
    /// What stands in the request line in place of the URL's path and query
    #[arg(long, help_heading = SENDING, value_name = "TARGET")]
    pub(crate) request_target: Option<String>,
    /// Follow redirects; credentials go along to any host, but for --sign-secret's
    #[arg(long, help_heading = SENDING)]
    pub(crate) location_trusted: bool,
    /// Follow redirects; a method of -X stays only where the status says so
    #[arg(long, help_heading = SENDING)]
    pub(crate) follow: bool,
    /// A header for the proxy: 'Name: value'. Repeatable
    #[arg(long, help_heading = SENDING, value_name = "HEADER", allow_hyphen_values = true)]
    pub(crate) proxy_header: Vec<OsString>,
    /// Ask the proxy for a tunnel, as for https
    #[arg(short = 'p', long, help_heading = SENDING)]
    pub(crate) proxytunnel: bool,
    /// Prove user and password for the proxy by HTTP digest
    #[arg(long, help_heading = SENDING, conflicts_with = "proxy_anyauth")]
    pub(crate) proxy_digest: bool,
    /// Prove them by the best way that the proxy offers
    #[arg(long, help_heading = SENDING)]
    pub(crate) proxy_anyauth: bool,
    /// As --netrc, where there is an entry for the host
    #[arg(long, help_heading = SENDING)]
    pub(crate) netrc_optional: bool,
    /// Ask for an answer that is compressed for the transfer
    #[arg(long, help_heading = SENDING)]
    pub(crate) tr_encoding: bool,
    /// Count an answer that breaks off as a failure, whatever its status
    #[arg(long, help_heading = SENDING)]
    pub(crate) retry_all_errors: bool,
    /// Put a backslash before quotation marks in names of a form, in place of percent-encoding them
    #[arg(long)]
    pub(crate) form_escape: bool,
    /// The scheme of a URL that has none: http or https
    #[arg(long, value_name = "SCHEME", value_parser = ["http", "https"], hide_possible_values = true)]
    pub(crate) proto_default: Option<String>,
    /// The schemes that a URL may have, redirects' too: '=https' for that one alone, -http for all but that
    /// one
    #[arg(
        long,
        help_heading = SENDING,
        value_name = "LIST",
        value_parser = schemes,
        allow_hyphen_values = true
    )]
    pub(crate) proto: Option<Schemes>,
    /// Those that redirects may lead to
    #[arg(
        long,
        help_heading = SENDING,
        value_name = "LIST",
        value_parser = schemes,
        allow_hyphen_values = true
    )]
    pub(crate) proto_redir: Option<Schemes>,
    /// For -C alone; nothing is written.
    #[arg(short = 'o', long, value_name = "FILE", hide = true)]
    pub(crate) output: Vec<OsString>,
    #[arg(short = 'O', long, hide = true)]
    pub(crate) remote_name: bool,
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) output_dir: Option<PathBuf>,
}

impl CurlArgs {
    /// Whether redirects are followed.
    pub(crate) fn follows(&self) -> bool {
        self.follow || self.location_trusted
    }

    /// What a URL may be.
    pub(crate) fn schemes(&self) -> Schemes {
        self.proto.unwrap_or(Schemes::ALL)
    }

    /// What a redirect may lead to.
    pub(crate) fn schemes_of_redirects(&self) -> Schemes {
        self.schemes().and(self.proto_redir.unwrap_or(Schemes::ALL))
    }
}
