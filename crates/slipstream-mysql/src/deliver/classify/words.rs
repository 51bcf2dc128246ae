//! A server's words on one line, without what it repeats of a request's values.
//!
//! # Invariants
//! - Text in quotes is left out, unless the word before it says that it is a name.
//! - So is every value of the request, wherever it is.
//! - Rather too much is left out than too little.

use crate::request::param::Param;
use crate::request::{MysqlRequest, sql};

/// A statement that the server cannot parse.
pub(super) const SYNTAX: u16 = 1064;

/// How much is shown, in characters.
const SHOWN: usize = 300;

/// What follows one of these is a name, not a value.
const NAMES: [&str; 19] = [
    "column",
    "constraint",
    "database",
    "engine",
    "event",
    "field",
    "function",
    "in",
    "index",
    "key",
    "option",
    "partition",
    "procedure",
    "savepoint",
    "table",
    "to",
    "trigger",
    "user",
    "variable",
];

/// The shortest value that is looked for by itself: shorter values are parts of words.
const VALUE_MIN: usize = 4;

/// What may be shown of a message.
pub(super) fn shown(code: u16, message: &str, request: Option<&MysqlRequest>) -> String {
    let near = message.split_once("near '").filter(|_| code == SYNTAX);
    let near = near.and_then(|(before, rest)| Some((before, rest.rsplit_once("' at line ")?)));
    let mut text = match near {
        // A piece of the statement, which helps more than anything else.
        Some((before, (piece, line))) => {
            format!("{before}near '{}' at line {line}", sql::masked(piece))
        }
        None => without_quoted(message),
    };
    let statements = request.map(MysqlRequest::statements).unwrap_or_default();
    for param in statements.iter().flat_map(|statement| statement.params()) {
        if let Param::Text(value) | Param::Json(value) = param
            && value.len() >= VALUE_MIN
        {
            text = text.replace(value.as_str(), "***");
        }
    }
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(SHOWN).collect::<String>().trim_end_matches(['.', ' ']).to_owned()
}

fn without_quoted(message: &str) -> String {
    let (mut shown, mut rest) = (String::new(), message);
    // An apostrophe is not a quote.
    let opening = |text: &str| {
        let mut quotes = text.match_indices('\'').map(|(at, _)| at);
        quotes.find(|at| !text[..*at].ends_with(char::is_alphanumeric))
    };
    while let Some(open) = opening(rest) {
        let (before, inside) = (&rest[..open], &rest[open + 1..]);
        shown.push_str(before);
        let Some(close) = closing(inside) else {
            shown.push_str("'***'");
            return shown;
        };
        // An account is 'user'@'host'.
        let word = before.trim_end().rsplit(' ').next().unwrap_or_default().to_lowercase();
        let name = before == "@" || before.ends_with(' ') && NAMES.contains(&&*word);
        shown.push('\'');
        shown.push_str(if name { &inside[..close] } else { "***" });
        shown.push('\'');
        rest = &inside[close + 1..];
    }
    shown + rest
}

/// Where the quotes end. A quote in the middle of a word is a part of the value.
fn closing(text: &str) -> Option<usize> {
    let quotes = text.match_indices('\'').map(|(at, _)| at);
    let ends = |at: &usize| !text[at + 1..].starts_with(|c: char| c.is_alphanumeric() || c == '\'');
    quotes.into_iter().find(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_and_values_are_not() {
        let table = [
            (
                "Duplicate entry 'sesame' for key 'PRIMARY'",
                "Duplicate entry '***' for key 'PRIMARY'",
            ),
            (
                "Duplicate entry 'O'Sesame' for key 't.mail'",
                "Duplicate entry '***' for key 't.mail'",
            ),
            ("Unknown column 'a' in 'field list'", "Unknown column 'a' in 'field list'"),
            ("Table 'shop.t' doesn't exist", "Table 'shop.t' doesn't exist"),
            (
                "Incorrect integer value: 'sesame' for column `shop`.`t`.`a` at row 1",
                "Incorrect integer value: '***' for column `shop`.`t`.`a` at row 1",
            ),
            (
                "INSERT command denied to user 'app'@'localhost' for table `shop`.`t`",
                "INSERT command denied to user 'app'@'localhost' for table `shop`.`t`",
            ),
            ("an open 'sesame", "an open '***'"),
            ("two\nlines.", "two lines"),
        ];
        for (message, expected) in table {
            assert_eq!(shown(1062, message, None), expected);
        }
    }

    #[test]
    fn of_a_syntax_error_the_piece_of_the_statement_is_shown_without_its_values() {
        let table = [
            (
                "use near 'FROMM t\nWHERE a = 'sesame'' at line 1",
                "use near 'FROMM t WHERE a = '***'' at line 1",
            ),
            ("use near '' at line 1", "use near '' at line 1"),
            ("near 'sesame", "near '***'"),
            ("' at line near 'sesame", "'***'"),
        ];
        for (message, expected) in table {
            assert_eq!(shown(SYNTAX, message, None), expected);
        }
    }

    #[test]
    fn a_value_of_the_request_is_found_wherever_it_stands() {
        let request = MysqlRequest::new("").statement("", ["sesame".into(), "is".into()]);
        assert_eq!(shown(1062, "this is no sesame", Some(&request)), "this is no ***");
    }
}
