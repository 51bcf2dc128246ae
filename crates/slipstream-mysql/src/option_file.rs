//! What an option file says to clients: the section `[client]` of a my.cnf.
//!
//! Honoured are `user`, `password`, `socket` and `ssl-ca`, with dashes or underscores. Everything
//! else is passed over, whatever it is: host and port are the URL's, how the connection is
//! protected (`ssl`, `ssl-mode`, `ssl-verify-server-cert`, certificates of a client) is the request's, and
//! files that are included are not read.

/// What is honoured.
#[derive(Default, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct OptionFile {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) socket: Option<String>,
    pub(crate) ssl_ca: Option<String>,
}

impl OptionFile {
    /// Reads one. What is said twice counts as it was said last.
    pub(crate) fn of(text: &str) -> Self {
        let (mut file, mut inside) = (Self::default(), false);
        for line in text.lines().map(str::trim) {
            if let Some(section) = line.strip_prefix('[') {
                inside = section.split(']').next() == Some("client");
            } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
                let place = match &*name.trim().replace('_', "-") {
                    "user" => &mut file.user,
                    "password" => &mut file.password,
                    "socket" => &mut file.socket,
                    "ssl-ca" => &mut file.ssl_ca,
                    _ => continue,
                };
                *place = Some(value_of(value.trim()));
            }
        }
        file
    }
}

fn value_of(text: &str) -> String {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let inside = match quote.and_then(|quote| text[1..].split_once(quote)) {
        Some((inside, _)) => inside,
        // A comment may begin in the middle of a line.
        None => text.split('#').next().unwrap_or_default().trim_end(),
    };
    let (mut value, mut chars) = (String::new(), inside.chars());
    while let Some(c) = chars.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => value.push('\n'),
            Some('t') => value.push('\t'),
            Some('r') => value.push('\r'),
            Some('b') => value.push('\u{8}'),
            Some('s') => value.push(' '),
            Some('\\') | None => value.push('\\'),
            Some(other) => value.extend(['\\', other]),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_section_is_read_as_mysql_reads_it() {
        let text = "# a comment\nuser=nobody\n[mysqld]\nuser=mysql\n[client] # for all\nuser = app\n\
            password='a # \"b\\s'\nssl_ca=/etc/ca.pem # ours\n; more\nhost=elsewhere\n\
            socket=\"/run/a\\\\b.sock\"\nskip-ssl\n[client-server]\npassword=other\n";
        let file = OptionFile::of(text);
        assert_eq!(file.user.as_deref(), Some("app"));
        assert_eq!(file.password.as_deref(), Some("a # \"b "));
        assert_eq!(file.ssl_ca.as_deref(), Some("/etc/ca.pem"));
        assert_eq!(file.socket.as_deref(), Some("/run/a\\b.sock"));
    }

    #[test]
    fn an_odd_file_says_nothing() {
        for text in ["", "[client", "[client]\nuser", "[client]\n=x", "[client]\npasswords=x"] {
            assert_eq!(OptionFile::of(text), OptionFile::default(), "{text}");
        }
    }
}
