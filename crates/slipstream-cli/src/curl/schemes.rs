//! Which schemes `--proto` and `--proto-redir` allow, as curl reads their lists.
//!
//! # Non-goals
//! The schemes of other protocols: only http and https are spoken. A name that curl does not have is
//! refused, where curl goes on with a warning.

/// The schemes that curl may be built with.
const KNOWN: [&str; 36] = [
    "all", "dict", "file", "ftp", "ftps", "gopher", "gophers", "http", "https", "imap", "imaps",
    "ipfs", "ipns", "ldap", "ldaps", "mqtt", "mqtts", "pop3", "pop3s", "rtmp", "rtmpe", "rtmps",
    "rtmpt", "rtmpte", "rtmpts", "rtsp", "scp", "sftp", "smb", "smbs", "smtp", "smtps", "telnet",
    "tftp", "ws", "wss",
];

/// The schemes that a list allows, of the supported schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schemes {
    pub(crate) http: bool,
    pub(crate) https: bool,
}

impl Schemes {
    /// What is allowed without a list.
    pub(crate) const ALL: Self = Self { http: true, https: true };

    const NONE: Self = Self { http: false, https: false };

    /// What both lists allow.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { http: self.http && other.http, https: self.https && other.https }
    }

    /// Whether a URL of this scheme is allowed. What is neither http nor https is refused elsewhere.
    pub(crate) fn allow(self, scheme: &str) -> bool {
        match scheme {
            "http" => self.http,
            "https" => self.https,
            _ => true,
        }
    }

    fn set(&mut self, scheme: &str, allowed: bool) {
        match scheme {
            "all" => *self = if allowed { Self::ALL } else { Self::NONE },
            "http" => self.http = allowed,
            "https" => self.https = allowed,
            _ => {}
        }
    }
}

/// Reads a list: names between commas, `=` before a scheme that is allowed alone, `-` before a
/// denied scheme, `+` or nothing before a scheme that is allowed, too.
pub(crate) fn schemes(list: &str) -> Result<Schemes, String> {
    let expected = || {
        "expected http and https with a comma between, = before one to allow it alone, - to deny it, such as =https"
            .to_owned()
    };
    let mut schemes = Schemes::ALL;
    for item in list.split(',').filter(|item| !item.is_empty()) {
        let name = item.trim_start_matches(['=', '-', '+']);
        let sign = item[..item.len() - name.len()].chars().last().unwrap_or('+');
        let name = name.to_ascii_lowercase();
        if !KNOWN.contains(&&*name) {
            return Err(expected());
        }
        if sign == '=' {
            schemes = Schemes::NONE;
        }
        schemes.set(&name, sign != '-');
    }
    Ok(schemes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_allows_what_it_allows_to_curl() {
        let (none, all) = (Schemes::NONE, Schemes::ALL);
        let (http, https) = (Schemes { http: true, ..none }, Schemes { https: true, ..none });
        let table = [
            ("", Some(all)),
            ("=https", Some(https)),
            ("=HTTPS", Some(https)),
            ("=http,https", Some(all)),
            ("=http,=https", Some(https)),
            ("-http", Some(https)),
            ("-all,https", Some(https)),
            ("-all,+http", Some(http)),
            ("https", Some(all)),
            ("=https,-https", Some(none)),
            ("=ftp", Some(none)),
            ("=ftp,http", Some(http)),
            ("-ftp", Some(all)),
            ("=all,-https", Some(http)),
            // The last sign counts.
            ("-=http", Some(http)),
            ("=-http", Some(https)),
            ("=htps", None),
            ("-htps", None),
            ("=", None),
            ("https;http", None),
            ("1", None),
            ("\u{fc}", None),
        ];
        for (list, expected) in table {
            assert_eq!(schemes(list).ok(), expected, "{list}");
        }
    }
}
