//! How a request is sent, beyond what it says: credentials, proxy, TLS, address, time-outs,
//! redirects, signature. The names follow curl's options.
//!
//! # Invariants
//! - Everything that sending needs is in here by value (certificates as their text, never as a
//!   path), so a stored request never makes a worker read a file of the request's choosing.
//! - The one exception is the signature's secret, which is named and looked up by the program that runs the
//!   worker.
//! - What is stored is small: a field at its default is not written.
//! - Neither `Debug` nor [`Options::masked`] shows a secret.
//!
//! # Non-goals
//! Whatever concerns the spool or the worker (delays, order, attempts).

use std::fmt;

use serde::{Deserialize, Deserializer};
use slipstream_core::UrlParts;

mod build;
mod declare;
mod shape;
mod table;
mod value;
mod words;

pub(crate) use table::Line;
pub use table::{OPTIONS, OptionRow, Options};
pub use value::{OptionValue, Redaction, Topic, ValueShape};
pub use words::{Auth, HttpVersion, IpVersion, RedirectScheme, RedirectedAs};

/// Redirects that are followed at most unless a request says how many: curl's default.
pub(crate) const REDIRECTS: u32 = 50;

impl Options {
    /// The way that is gone in place of the usual one. Requests that go another way are a destination
    /// of their own: that there is no answer says nothing about the host that the URL names.
    pub(crate) fn via(&self) -> Option<String> {
        if let Some(path) = &self.unix_socket {
            return Some(format!("unix:{path}"));
        }
        if let Some(name) = &self.abstract_unix_socket {
            return Some(format!("unix:@{name}"));
        }
        let proxy = self.proxy.as_ref().map(|proxy| {
            // Without the user and password that may be in it.
            UrlParts::guessed(proxy).place().to_owned()
        });
        let past = self.noproxy.as_ref().map(|hosts| format!("not {hosts}"));
        // All of them, for any may lead where no server answers.
        let entries = self.connect_to.iter().chain(&self.resolve);
        let entries = entries.map(|entry| entry.trim_start_matches(':').to_owned());
        let tunnel = (self.proxy_tunnel && proxy.is_some()).then(|| "tunnel".to_owned());
        let ip = self.ip_version.map(|ip| match ip {
            IpVersion::V4 => "ipv4".to_owned(),
            IpVersion::V6 => "ipv6".to_owned(),
        });
        let all: Vec<_> =
            proxy.into_iter().chain(past).chain(tunnel).chain(ip).chain(entries).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// Nothing, if they are the defaults.
    pub(super) fn or_none(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    /// How many bytes they put into the request's head, roughly.
    pub(super) fn head_len(&self) -> usize {
        let texts = [&self.user, &self.password, &self.bearer, &self.cookies, &self.proxy_user];
        let lists = [Some(&self.without), Some(&self.proxy_headers), self.jar.as_ref()];
        let lists = lists.into_iter().flatten().flatten().map(String::len);
        let target = self.request_target.as_ref();
        texts.into_iter().flatten().chain(target).map(String::len).chain(lists).sum()
    }
}

/// What another program stored may spell the defaults out.
pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<Options>>, D::Error> {
    Ok(Option::<Options>::deserialize(from)?.and_then(Options::or_none))
}

/// Without secrets.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.masked()).finish()
    }
}

#[cfg(test)]
pub(crate) mod tests;
