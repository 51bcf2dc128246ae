//! Arguments of `work` for what requests may do, and their time-outs.

use std::time::Duration;

use clap::Args;
use slipstream_core::{Invalid, check_allowed};

use crate::term::units::lasting;

/// What these options stand under.
const DELIVERY: &str = "What requests may do";

#[derive(Debug, Args)]
pub(crate) struct DeliveryArgs {
    /// Connect to public addresses only: not to this machine, private networks, or a cloud's
    /// metadata, whatever name leads there
    #[arg(long, help_heading = DELIVERY, env = "SLIPSTREAM_DENY_PRIVATE")]
    pub(crate) deny_private: bool,
    /// A host that is exempt from that: a name, an address, or unix:/PATH. In a spool that others can
    /// write to, no other Unix socket is connected to in any case. Repeatable
    #[arg(long, help_heading = DELIVERY, value_name = "HOST", value_parser = host)]
    pub(crate) allow_host: Vec<String>,
    /// A secret that requests may use, in a spool that others can write to (a group's, or another user's
    /// when root works it): env:NAME or file:/PATH; a password with the server that it is for:
    /// env:NAME@mysql://HOST:PORT. Repeatable. In a spool of one's own, all may be used
    #[arg(long, help_heading = DELIVERY, value_name = "SECRET")]
    pub(crate) allow_secret: Vec<String>,
    /// A proxy for all requests that name none, in place of http_proxy, https_proxy, all_proxy and no_proxy of
    /// the environment; '' for none
    #[arg(long, help_heading = DELIVERY, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// How long connecting may take, unless the request says [default: 10s]
    #[arg(long, help_heading = DELIVERY, value_name = "DURATION", value_parser = lasting)]
    pub(crate) connect_timeout: Option<Duration>,
    /// How long an attempt may take, unless the request says [default: 2m]
    #[arg(long, help_heading = DELIVERY, value_name = "DURATION", value_parser = lasting)]
    pub(crate) request_timeout: Option<Duration>,
}

fn host(text: &str) -> Result<String, Invalid> {
    check_allowed(text).map(|()| text.to_owned())
}
