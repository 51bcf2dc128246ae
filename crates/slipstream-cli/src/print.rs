//! Where output goes.
//!
//! Guaranteed: a reader that went away is no error, and text from elsewhere (a path, a
//! destination, a reason) cannot move the cursor or begin a line of its own.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anyhow::{Context, Result};

/// Writes to standard output.
///
/// # Errors
/// What kept it from being written, unless nobody reads any more.
pub(crate) fn out(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}

/// Writes one line to standard error, the program's name before it.
pub(crate) fn complain(text: &str) {
    // With nobody to read it there is nobody to tell either.
    let _ = writeln!(io::stderr(), "slipstream: {}", one_line(text));
}

/// The text with its control characters escaped.
pub(crate) fn one_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            write!(shown, "{}", c.escape_default()).expect("writing to memory");
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Control characters, and what turns the direction of text around.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(
            super::one_line("a\r\nb\u{1b}[2J\u{9b}\u{202e}ü"),
            "a\\r\\nb\\u{1b}[2J\\u{9b}\\u{202e}ü"
        );
    }
}
