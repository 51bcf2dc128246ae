//! What can be read from a statement without understanding SQL: its first words, and where its
//! quoted parts are.
//!
//! # Invariants
//! - It decides nothing that the server does not decide again.
//! - What takes a statement for something else than the server does (a quoting mode, a comment of
//!   MySQL's own) costs speed or a worse message, no correctness: whether a transaction is still
//!   open is read from the server's answers.
//!
//! # Non-goals
//! A parser.

/// What a statement does to the transaction that it is executed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Changes rows and nothing else, so a server rolls it back whole.
    Rows,
    /// Nothing, as far as the words show; but it may change the session.
    Session,
    /// Commits what went before it, and itself.
    Commits,
    /// Begins or ends a transaction: that is not for a statement to do.
    Control,
}

/// The effect of this statement.
pub(crate) fn effect(sql: &str) -> Effect {
    let mut words = Words(sql);
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let is = |word: &str, all: &[&str]| all.iter().any(|other| word.eq_ignore_ascii_case(other));
    match () {
        () if is(&first, &["insert", "update", "delete", "replace"]) => Effect::Rows,
        () if is(&first, &["begin", "commit", "rollback", "savepoint", "release", "xa"]) => {
            Effect::Control
        }
        () if is(&first, &["start"]) && is(&second, &["transaction"]) => Effect::Control,
        () if is(&first, &["lock", "unlock"]) => Effect::Control,
        () if is(&first, &["set"]) && is(&second, &["autocommit", "password"]) => Effect::Commits,
        () if is(&first, &["load"]) && is(&second, &["index"]) => Effect::Commits,
        // A temporary table is the session's own, and making it commits nothing.
        () if is(&first, &["create", "drop"]) && is(&second, &["temporary"]) => Effect::Session,
        () if is(&first, &COMMITS) => Effect::Commits,
        () => Effect::Session,
    }
}

/// First words of statements that commit.
const COMMITS: [&str; 21] = [
    "alter",
    "analyze",
    "cache",
    "change",
    "check",
    "create",
    "drop",
    "flush",
    "grant",
    "import",
    "install",
    "optimize",
    "purge",
    "rename",
    "repair",
    "reset",
    "revoke",
    "start",
    "stop",
    "truncate",
    "uninstall",
];

/// The words a statement begins with, without comments.
struct Words<'a>(&'a str);

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            // `/*! … */` and `/*M! … */` are no comments: the server executes what is inside.
            self.0 = self.0.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
            if let Some(inside) = self.0.strip_prefix("/*!").or(self.0.strip_prefix("/*M!")) {
                self.0 = inside.trim_start_matches(|c: char| c.is_ascii_digit());
            } else if let Some(comment) = self.0.strip_prefix("/*") {
                self.0 = comment.split_once("*/").map_or("", |(_, rest)| rest);
            } else if self.0.starts_with('#') || self.0.starts_with("--") {
                self.0 = self.0.split_once('\n').map_or("", |(_, rest)| rest);
            } else {
                break;
            }
        }
        let end = self.0.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (word, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.strip_prefix("*/").unwrap_or(rest);
        (!word.is_empty()).then(|| word.to_owned())
    }
}

/// Whether something follows a semicolon that is in no quotes and no comment: two statements in
/// one, most likely.
#[cfg(any(feature = "deliver", test))]
pub(crate) fn has_a_second(sql: &str) -> bool {
    let mut behind = false;
    for (piece, text) in pieces(sql) {
        match piece {
            Piece::Comment => {}
            Piece::Quoted if behind => return true,
            Piece::Quoted => {}
            Piece::Plain => {
                for c in text.chars() {
                    if behind && !c.is_whitespace() && c != ';' {
                        return true;
                    }
                    behind |= c == ';';
                }
            }
        }
    }
    false
}

/// The statement on one line, with `***` in place of what its quotes hold: such values may be
/// secrets. Names in backticks stay.
pub(crate) fn masked(sql: &str) -> String {
    let mut shown = String::with_capacity(sql.len());
    for (piece, text) in pieces(sql) {
        match piece {
            Piece::Quoted => shown.push_str("'***'"),
            // A comment may hold anything.
            Piece::Comment => shown.push(' '),
            Piece::Plain => shown.push_str(text),
        }
    }
    let words = shown.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[derive(Clone, Copy)]
enum Piece {
    Plain,
    Quoted,
    Comment,
}

/// The statement in pieces, as a server in its usual mode takes it apart.
fn pieces(sql: &str) -> impl Iterator<Item = (Piece, &str)> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        let (piece, length) = match rest.bytes().next()? {
            quote @ (b'\'' | b'"') => (Piece::Quoted, quoted_length(rest, quote)),
            b'#' => (Piece::Comment, line_length(rest)),
            b'-' if rest.starts_with("-- ") => (Piece::Comment, line_length(rest)),
            b'/' if rest.starts_with("/*") && !rest.starts_with("/*!") => {
                (Piece::Comment, rest[2..].find("*/").map_or(rest.len(), |at| at + 4))
            }
            first => {
                let skip = usize::from(matches!(first, b'-' | b'/'));
                let end = rest[skip..].find(['\'', '"', '#', '-', '/']);
                (Piece::Plain, end.map_or(rest.len(), |at| at + skip))
            }
        };
        let (text, behind) = rest.split_at(length);
        rest = behind;
        Some((piece, text))
    })
}

fn line_length(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |at| at + 1)
}

/// Up to the closing quote, if there is one. A doubled quote begins a piece of its own, which
/// comes to the same.
fn quoted_length(text: &str, quote: u8) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if byte == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_words_tell_what_a_statement_does_to_a_transaction() {
        let table = [
            ("insert into t values (?)", Effect::Rows),
            (" \n/* why */ -- so\n# and\nUPDATE t SET a = 1", Effect::Rows),
            ("/*!40000 DELETE */ FROM t", Effect::Rows),
            ("REPLACE t VALUES (1)", Effect::Rows),
            ("select 1", Effect::Session),
            ("(SELECT 1)", Effect::Session),
            ("CALL p(?)", Effect::Session),
            ("SET @a = 1", Effect::Session),
            ("set autocommit = 1", Effect::Commits),
            ("WITH x AS (SELECT 1) DELETE FROM t", Effect::Session),
            ("CREATE TEMPORARY TABLE t (a INT)", Effect::Session),
            ("CREATE TABLE t (a INT)", Effect::Commits),
            ("/*M!100000 CREATE TABLE */ t (a INT)", Effect::Commits),
            ("drop table t", Effect::Commits),
            ("TRUNCATE t", Effect::Commits),
            ("START SLAVE", Effect::Commits),
            ("START  TRANSACTION", Effect::Control),
            ("BEGIN", Effect::Control),
            ("commit;", Effect::Control),
            ("LOCK TABLES t WRITE", Effect::Control),
            ("", Effect::Session),
        ];
        for (sql, expected) in table {
            assert_eq!(effect(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_second_statement_is_told_from_a_semicolon_in_quotes() {
        let table = [
            ("INSERT INTO t VALUES (1); DROP TABLE t", true),
            ("SELECT 1;'x'", true),
            ("SELECT 1 ; ; \n", false),
            ("SELECT ';x'", false),
            ("SELECT 'it''s;x', \"a;\\\";b\"", false),
            ("SELECT 1 -- ; x", false),
            ("SELECT 1; /* x */ # y", false),
        ];
        for (sql, expected) in table {
            assert_eq!(has_a_second(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_shown_statement_is_one_line_without_what_its_quotes_hold() {
        let sql = "INSERT INTO `t` -- sesame\n VALUES ('ses''ame', \"ses\\\"ame\", 5-3, ?)";
        assert_eq!(masked(sql), "INSERT INTO `t` VALUES ('***''***', '***', 5-3, ?)");
        assert_eq!(masked("SELECT 'ses\name"), "SELECT '***'");
    }

    proptest! {
        #[test]
        fn any_text_can_be_looked_at(sql in "[-/*!M#'\"\\\\;a-c\n (é]*") {
            let _ = (effect(&sql), has_a_second(&sql));
            let shown = masked(&sql);
            prop_assert!(!shown.contains('\n'));
        }
    }
}
