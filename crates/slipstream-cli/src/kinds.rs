//! The kinds of requests that this binary can do: which URL is of which, what may be said of each,
//! how they are shown, and their drivers.
//!
//! # Invariants
//! An option that means nothing to a request of its kind is refused by its name.
//!
//! # Non-goals
//! What a request of a kind is. That is its crate's.

mod deliver;
pub(crate) mod delivery_options;
pub(crate) mod late;
mod masked;
mod mysql;
mod tcp;

use std::sync::LazyLock;

use anyhow::{Result, bail};
use slipstream_core::{Aside, Invalid, Record, RecordId, Request, UrlParts};
use slipstream_http::HttpRequest;
use slipstream_mysql::MysqlRequest;
use slipstream_tcp::TcpRequest;

use crate::args::StoreArgs;
use crate::curl::request;
use crate::options::http::HttpArgs;
use crate::options::mysql::{self as mysql_options, MysqlArgs};
use crate::options::tcp::{self as tcp_options, TcpArgs};
use crate::options::{Row, Table};

pub(crate) use self::deliver::{Trust, allowed_secrets, through_proxies, with_all};
pub(crate) use self::masked::{Masked, one_line};

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Tcp,
    Mysql,
}

/// All of them, the usual one first.
pub(crate) const KINDS: [Kind; 3] = [Kind::Http, Kind::Tcp, Kind::Mysql];

/// The options of each, made once.
static ROWS: LazyLock<[Vec<Row>; 3]> =
    LazyLock::new(|| [HttpArgs::rows(), TcpArgs::rows(), MysqlArgs::rows()]);

impl Kind {
    /// Its name, as it is stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => HttpRequest::KIND,
            Self::Tcp => TcpRequest::KIND,
            Self::Mysql => MysqlRequest::KIND,
        }
    }

    /// What its URLs begin with.
    pub(crate) fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Http => &["http", "https"],
            Self::Tcp => &["tcp", "tls", "unix"],
            Self::Mysql => &["mysql"],
        }
    }

    /// What it does, and an example.
    pub(crate) fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::Http => (
                "a request over HTTP or HTTPS",
                "slipstream store -d 'order=17' https://example.com/orders",
            ),
            Self::Tcp => (
                "bytes over TCP, TLS or a Unix socket, and what is answered",
                "slipstream store --framing line -d 'shop.orders 1 1795498157' tcp://graphite:2003",
            ),
            Self::Mysql => (
                "a statement for MySQL or MariaDB, or several in one transaction",
                "slipstream store --query 'INSERT INTO visits (page) VALUES (?)' --param /home --password-env SHOP_PASSWORD mysql://app@db/shop",
            ),
        }
    }

    /// The kind that a URL's scheme says. Without a scheme, or with an unknown one, it is
    /// http, as to curl, which says what is wrong with it.
    fn of_url(url: &str) -> Self {
        let parts = UrlParts::of(url);
        let has = |kind: &Self| kind.schemes().iter().any(|known| parts.is_of(known));
        KINDS.into_iter().find(|kind| parts.is_absolute() && has(kind)).unwrap_or(Self::Http)
    }

    /// The options that only it has, and those of others that mean the same to it.
    fn options(self) -> (&'static [Row], &'static [&'static str]) {
        let [http, tcp, mysql] = &*ROWS;
        match self {
            Self::Http => (http, &[]),
            Self::Tcp => (tcp, &tcp_options::TOO),
            Self::Mysql => (mysql, &mysql_options::TOO),
        }
    }

    /// Whether an option means something to it.
    fn takes(self, option: &str) -> bool {
        let (own, too) = self.options();
        own.iter().any(|row| row.long() == option) || too.contains(&option) || !is_of_a_kind(option)
    }
}

/// Whether an option says what a request is; others say when, how often and for whom it is sent.
fn is_of_a_kind(option: &str) -> bool {
    KINDS.iter().any(|kind| kind.options().0.iter().any(|row| row.long() == option))
}

/// The scheme of a URL that none of the kinds has.
fn unknown_scheme(url: &str) -> Option<&str> {
    let parts = UrlParts::of(url);
    let mut known = KINDS.iter().flat_map(|kind| kind.schemes());
    let scheme = parts.scheme.filter(|_| parts.is_absolute())?;
    (!known.any(|known| parts.is_of(known))).then_some(scheme)
}

/// The records of the requests that a command line describes, in order. `given` are the options
/// that it has.
pub(crate) fn records(
    args: &StoreArgs,
    given: &[String],
    mut id: impl FnMut() -> RecordId,
) -> Result<Vec<Record>> {
    let urls: Vec<_> = args.url.iter().map(|url| url.to_string_lossy()).collect();
    if let Some(scheme) = urls.iter().find_map(|url| unknown_scheme(url)) {
        bail!("no request goes to {scheme}://; `slipstream kinds` lists where to");
    }
    let mut kinds = urls.iter().map(|url| Kind::of_url(url));
    let kind = kinds.next().unwrap_or(Kind::Http);
    if let Some(other) = kinds.find(|other| *other != kind) {
        bail!(
            "the urls are of two kinds, {} and {}; store them one by one",
            kind.name(),
            other.name()
        );
    }
    if let Some(option) = given.iter().find(|option| !kind.takes(option)) {
        let mut whose = KINDS.iter().filter(|kind| kind.takes(option));
        let whose = whose.next().map_or("no kind", |kind| kind.name());
        bail!(
            "'--{option}' means something to a request of kind {whose} and nothing to {}; leave it out",
            kind.name()
        );
    }
    match kind {
        Kind::Http => {
            all(request::all(&args.http, &args.url, args.options.retry.is_some())?, &mut id)
        }
        Kind::Tcp => all(tcp::requests(args)?, &mut id),
        Kind::Mysql => all(mysql::requests(args)?, &mut id),
    }
}

/// Refuses what would say something of the requests that the lines of a batch say themselves.
pub(crate) fn refuse_beside_batch(given: &[String]) -> Result<()> {
    match given.iter().find(|option| is_of_a_kind(option)) {
        Some(option) => bail!(
            "'--{option}' cannot be used with '--batch': each line says such things itself; leave it out"
        ),
        None => Ok(()),
    }
}

fn all<R: Request>(requests: Vec<R>, id: &mut dyn FnMut() -> RecordId) -> Result<Vec<Record>> {
    requests.iter().map(|request| Ok(Record::new(request, id())?)).collect()
}

/// The record of a batch's line, and what the line says under the keys `own`.
pub(crate) fn record_of_line<'a>(
    line: &'a [u8],
    own: &[&str],
    id: RecordId,
) -> Result<(Record, Aside<'a>), Invalid> {
    match kind_of_line(line) {
        Kind::Http => {
            let (request, aside) = slipstream_http::parse_line_beside(line, own)?;
            Ok((Record::new(&request, id)?, aside))
        }
        Kind::Tcp => {
            let (request, aside) = slipstream_tcp::parse_line_beside(line, own)?;
            Ok((Record::new(&request, id)?, aside))
        }
        Kind::Mysql => {
            let (request, aside) = slipstream_mysql::parse_line_beside(line, own)?;
            Ok((Record::new(&request, id)?, aside))
        }
    }
}

/// What the kind of a line is, by its URL. Most lines are http's, and need no second look.
fn kind_of_line(line: &[u8]) -> Kind {
    #[derive(serde::Deserialize)]
    struct Url<'a> {
        #[serde(borrow)]
        url: std::borrow::Cow<'a, str>,
    }

    // Case matters little to URLs, and a scheme's first letter distinguishes nothing.
    let ends_so = |begun: &[u8], scheme: &str| {
        let rest = &scheme.as_bytes()[1..];
        let end = begun.len().checked_sub(rest.len()).map(|at| &begun[at..]);
        end.is_some_and(|end| end.eq_ignore_ascii_case(rest))
    };
    let others = || KINDS[1..].iter().flat_map(|kind| kind.schemes());
    let colons = line.iter().enumerate().filter(|(_, byte)| **byte == b':');
    let mut begun = colons.map(|(at, _)| &line[..at]);
    if !begun.any(|begun| others().any(|scheme| ends_so(begun, scheme))) {
        return Kind::Http;
    }
    match serde_json::from_slice::<Url<'_>>(line) {
        Ok(Url { url }) => Kind::of_url(&url),
        Err(_) => Kind::Http,
    }
}

#[cfg(test)]
mod tests;
