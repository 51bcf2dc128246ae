//! What an option file says to clients: the section `[client]` of a my.cnf.
//!
//! Honoured are `user`, `password`, `socket`, `ssl-ca`, `get-server-public-key` and
//! `server-public-key-path`, with dashes or underscores. Everything
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
    pub(crate) server_public_key_path: Option<String>,
    pub(crate) get_server_public_key: bool,
}

impl OptionFile {
    /// Reads one. What is said twice counts as it was said last.
    pub(crate) fn parse(text: &str) -> Self {
        let (mut file, mut inside) = (Self::default(), false);
        for line in text.lines().map(str::trim) {
            if line.starts_with(['#', ';', '!']) {
                continue;
            }
            let line = without_comment(line);
            if let Some(section) = line.strip_prefix('[') {
                inside = section.split(']').next().map(str::trim_end) == Some("client");
            } else if inside {
                let (name, value) = match line.split_once('=') {
                    Some((name, value)) => (name.trim(), Some(value_of(value.trim()))),
                    None => (line.trim_end(), None),
                };
                let name = name.replace('_', "-");
                if name == "get-server-public-key" {
                    file.get_server_public_key = value.is_none_or(|value| is_on(&value));
                    continue;
                }
                let place = match &*name {
                    "user" => &mut file.user,
                    "password" => &mut file.password,
                    "socket" => &mut file.socket,
                    "ssl-ca" => &mut file.ssl_ca,
                    "server-public-key-path" => &mut file.server_public_key_path,
                    _ => continue,
                };
                *place = value.or(place.take());
            }
        }
        file
    }
}

/// Whether a flag's value says yes. Rather not than what was not meant.
fn is_on(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("on") || value.eq_ignore_ascii_case("true")
}

/// A line up to a `#` that is outside of quotes. A quote may be anywhere, and a backslash takes the
/// meaning from a quote within quotes.
fn without_comment(line: &str) -> &str {
    let (mut quote, mut escaped) = (None, false);
    for (at, letter) in line.char_indices() {
        match letter {
            '\'' | '"' if !escaped => match quote {
                None => quote = Some(letter),
                Some(open) if open == letter => quote = None,
                Some(_) => {}
            },
            '#' if quote.is_none() => return &line[..at],
            _ => {}
        }
        escaped = quote.is_some() && letter == '\\' && !escaped;
    }
    line
}

/// A value without the quotes around it, its escapes replaced. A value that only begins or only
/// ends with a quote keeps it.
fn value_of(text: &str) -> String {
    let within = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    let inside = within('"').or_else(|| within('\'')).unwrap_or(text);
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
            Some(itself @ ('"' | '\'' | '\\')) => value.push(itself),
            None => value.push('\\'),
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
        let file = OptionFile::parse(text);
        assert_eq!(file.user.as_deref(), Some("app"));
        assert_eq!(file.password.as_deref(), Some("a # \"b "));
        assert_eq!(file.ssl_ca.as_deref(), Some("/etc/ca.pem"));
        assert_eq!(file.socket.as_deref(), Some("/run/a\\b.sock"));
    }

    #[test]
    fn a_servers_key_is_asked_for_only_where_the_file_says_so() {
        for (line, asked) in [
            ("get-server-public-key", true),
            ("get_server_public_key # yes", true),
            ("get-server-public-key=1", true),
            ("get-server-public-key = ON", true),
            ("get-server-public-key=0", false),
            ("get-server-public-key=", false),
            ("get-server-public-key=maybe", false),
            ("skip-get-server-public-key", false),
            ("get-server-public-key\nget-server-public-key=off", false),
            ("[mysql]\nget-server-public-key", false),
            ("server-public-key-path=/k.pem", false),
        ] {
            let file = OptionFile::parse(&format!("[client]\n{line}\n"));
            assert_eq!(file.get_server_public_key, asked, "{line}");
        }
        let file = OptionFile::parse("[client]\nserver_public_key_path = \"/k.pem\"\n");
        assert_eq!(file.server_public_key_path.as_deref(), Some("/k.pem"));
    }

    #[test]
    fn no_other_file_is_read() {
        for line in ["!include /etc/other.cnf", "!includedir /etc/my.cnf.d", "!include=/x"] {
            let file = OptionFile::parse(&format!("{line}\n[client]\n{line}\n"));
            assert_eq!(file, OptionFile::default(), "{line}");
        }
    }

    #[test]
    fn an_odd_file_says_nothing() {
        for text in ["", "[client", "[client]\nuser", "[client]\n=x", "[client]\npasswords=x"] {
            assert_eq!(OptionFile::parse(text), OptionFile::default(), "{text}");
        }
    }
    #[test]
    fn quotes_escapes_and_comments_of_a_value_are_read_as_the_client_reads_them() {
        let table = [
            (r#""a\"b\\c#d e""#, r#"a"b\c#d e"#),
            (r#"'a"b'"#, r#"a"b"#),
            ("a b # c", "a b"),
            ("a#b", "a"),
            (r#""a#b" # c"#, "a#b"),
            (r#"a"b#c"d # e"#, r#"a"b#c"d"#),
            (r#""a"#, r#""a"#),
            (r#"a""#, r#"a""#),
            (r#""a" b"#, r#""a" b"#),
            (r"a\sb\tc\x\", "a b\tc\\x\\"),
            ("''", ""),
            ("\"", "\""),
        ];
        for (text, expected) in table {
            let file = OptionFile::parse(&format!("[client]\npassword = {text} \n"));
            assert_eq!(file.password.as_deref(), Some(expected), "{text}");
        }
    }
}
