//! Quotation of text from a request in a message: on one line, short, in quotes.

use std::fmt::Write as _;

/// How much of a text is shown, in characters.
const SHOWN: usize = 60;

/// The text in quotes: control characters escaped, the end cut off when it is long.
pub fn quoted(text: &str) -> String {
    let mut shown = String::from("'");
    for c in text.chars().take(SHOWN) {
        // A quote inside a text needs no escape to be read.
        if matches!(c, '\'' | '"') {
            shown.push(c);
        } else {
            write!(shown, "{}", c.escape_debug()).expect("writing to memory");
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown.push('\'');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_on_one_line_and_not_at_any_length() {
        assert_eq!(quoted("a\r\n\0b"), r"'a\r\n\0b'");
        assert_eq!(quoted(&"x".repeat(1_000)).chars().count(), SHOWN + 3);
    }
}
