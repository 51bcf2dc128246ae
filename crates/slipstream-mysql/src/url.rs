//! The URL of a request: `mysql://[user@]host[:port]/[database][?socket=/path]`.
//!
//! # Invariants
//! - No password is in what is stored: a URL that holds one is refused, and nothing that is said of
//!   it shows it.
//! - One server has one spelling here, so requests to it share limits.
//!
//! # Non-goals
//! Other settings in the query. They are the request's, by name.

use percent_encoding::percent_decode_str;
use slipstream_core::{Destination, Invalid, UrlParts, quoted, unsendable, without_user};

/// The port that servers listen on.
const PORT: u16 = 3306;

/// Longest path of a socket, in bytes: what the system takes.
const SOCKET_MAX: usize = 107;

/// What is wrong, mostly.
const EXAMPLE: &str = "expected one such as mysql://user@db.example.com/shop";

/// A URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The user to log in as there; empty when the URL does not say.
    pub(crate) user: String,
    /// Lower case; an IPv6 address in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whether the port is in the URL.
    pub(crate) port_given: bool,
    /// Empty when the URL names none.
    pub(crate) database: String,
    /// The socket to connect to instead of host and port.
    pub(crate) socket: Option<String>,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, without showing a password.
    pub(crate) fn parse(url: &str) -> Result<Self, Invalid> {
        let parts = UrlParts::of(url);
        if !parts.is_absolute() || !parts.is_of("mysql") {
            let shown = quoted(&without_user(url));
            return Err(Invalid::new(format!("invalid url {shown}; {EXAMPLE}")));
        }
        if unsendable(url).is_some() || parts.fragment.is_some() {
            return Err(Invalid::new(format!(
                "the url {} holds a space, a '#' or a control character; write it percent-encoded",
                quoted(&without_user(url))
            )));
        }
        let user = parts.user().unwrap_or_default();
        if user.contains(':') {
            return Err(Invalid::new(
                "the url holds a password, and it would be stored; leave it out and say where it is, as env:NAME or file:/PATH",
            ));
        }
        let path = parts.path.strip_prefix('/').unwrap_or_default();
        if path.contains('/') {
            return Err(Invalid::new(format!(
                "the url's path is more than a database's name; {EXAMPLE}"
            )));
        }
        let socket = parts.query.map(socket_of).transpose()?;
        let (host, port) = match parts.place() {
            // `mysql:///shop?socket=/run/mysqld/mysqld.sock`
            "" if socket.is_some() => ("localhost".to_owned(), None),
            _ => parts.host_and_port()?,
        };
        Ok(Self {
            user: decoded(user, "user")?,
            host,
            port: port.unwrap_or(PORT),
            port_given: port.is_some(),
            database: decoded(path, "database")?,
            socket,
        })
    }

    /// What its limits and pauses are counted by.
    pub(crate) fn destination(&self) -> Destination {
        match &self.socket {
            Some(path) => Destination::from_parts("mysql", &format!("unix:{path}"), None),
            None => Destination::from_parts("mysql", &self.host, Some(self.port)),
        }
    }
}

fn socket_of(query: &str) -> Result<String, Invalid> {
    let Some(path) = query.strip_prefix("socket=").filter(|path| !path.contains('&')) else {
        return Err(Invalid::new(
            "the url's query is more than a socket's path; write ?socket=/path, and what else there is to say beside the url",
        ));
    };
    let path = decoded(path, "socket")?;
    if !path.starts_with('/') || path.len() > SOCKET_MAX {
        return Err(Invalid::new(format!(
            "invalid socket {} in the url; expected an absolute path of at most {SOCKET_MAX} bytes",
            quoted(&path)
        )));
    }
    Ok(path)
}

/// Text without its percent-encoding.
fn decoded(text: &str, what: &str) -> Result<String, Invalid> {
    let wrong = || {
        Invalid::new(format!(
            "the url's {what} is not percent-encoded text; write %25 for a percent sign, and no %00"
        ))
    };
    let is_digits = |behind: &[u8]| behind.iter().all(u8::is_ascii_hexdigit);
    let mut encoded = text.split('%').skip(1).map(|behind| behind.as_bytes().get(..2));
    if !encoded.all(|digits| digits.is_some_and(is_digits)) {
        return Err(wrong());
    }
    let text = percent_decode_str(text).decode_utf8().map_err(|_| wrong())?;
    if text.contains(char::is_control) { Err(wrong()) } else { Ok(text.into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let table = [
            ("mysql://app@DB.example.com/shop", "app", "db.example.com", 3306, "shop"),
            ("mysql://db:3307", "", "db", 3307, ""),
            ("MySQL://db:3307", "", "db", 3307, ""),
            ("mysql://db/", "", "db", 3306, ""),
            ("mysql://a%40b@[::1]:1/%C3%BC", "a@b", "[::1]", 1, "ü"),
            ("mysql://a@127.0.0.1/x%2Fy", "a", "127.0.0.1", 3306, "x/y"),
        ];
        for (url, user, host, port, database) in table {
            let target = Target::parse(url).unwrap();
            let found = (&*target.user, &*target.host, target.port, &*target.database);
            assert_eq!(found, (user, host, port, database), "{url}");
            assert_eq!(target.destination().as_str(), format!("mysql://{host}:{port}"));
        }
        for url in ["mysql://a@localhost/d?socket=/run/a.sock", "mysql://a@/d?socket=%2Frun/a.sock"]
        {
            let target = Target::parse(url).unwrap();
            assert_eq!(target.socket.as_deref(), Some("/run/a.sock"));
            assert_eq!(target.destination().as_str(), "mysql://unix:/run/a.sock");
        }
    }

    #[test]
    fn a_url_with_a_password_is_refused_and_nothing_of_it_is_shown() {
        for url in [
            "mysql://app:sesame@db/shop",
            "mysql://app:sesame/@db/shop",
            "mysql://app:ses@me@db/shop",
            "http://app:sesame@db/shop",
            "mysql://app:sesame@db/a b",
            "mysql://app:sesame",
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(!error.contains("ses"), "{url}: {error}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for url in [
            "",
            "db/shop",
            "mysql://",
            "mysql://app@/shop",
            "mysql://db:0/",
            "mysql://db:x/",
            "mysql://db:65536/",
            "mysql://a..b/",
            "mysql://0x7f.1/",
            "mysql://127.1/",
            "mysql://d%62/",
            "mysql://db/shop/more",
            "mysql://db/%",
            "mysql://db/%00",
            "mysql://db/%ff",
            "mysql://db/shop#x",
            "mysql://db/shop?ssl=1",
            "mysql://db/shop?socket=run",
            "mysql://db/shop?socket=/a&tls=off",
            "mysql://::1/",
            "mysql://[::1/",
        ] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
