//! Standard output and standard error.
//!
//! # Invariants
//! A reader that went away is no error, and text from elsewhere (a path, a destination, a reason)
//! cannot move the cursor or begin a line of its own.

use std::fmt::Write as _;
use std::io::{self, BufWriter, StdoutLock, Write as _};

use anyhow::{Context, Result};
use serde::Serialize;

/// Writes to standard output.
///
/// # Errors
/// What kept it from being written, unless the reader is gone.
pub(crate) fn out(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    still_read(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())).map(drop)
}

/// Standard output for any number of lines.
pub(crate) struct Lines(BufWriter<StdoutLock<'static>>);

impl Lines {
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(64 << 10, io::stdout().lock()))
    }

    /// Writes text, and returns whether there is still a reader.
    ///
    /// # Errors
    /// What kept it from being written.
    pub(crate) fn put(&mut self, text: &str) -> Result<bool> {
        still_read(self.0.write_all(text.as_bytes()))
    }

    /// Writes what is left. Without this an error would go unnoticed.
    pub(crate) fn end(mut self) -> Result<()> {
        still_read(self.0.flush()).map(drop)
    }
}

fn still_read(written: io::Result<()>) -> Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}

/// A line of JSON. What could move the cursor is escaped in it, too: it is only ever in texts.
pub(crate) fn json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value).context("cannot write JSON")?;
    let mut line = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if is_unsafe(c) {
            write!(line, "\\u{:04x}", u32::from(c)).expect("writing to memory");
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    Ok(line)
}

/// Writes one line to standard error, the program's name before it.
pub(crate) fn complain(text: &str) {
    // Without a reader there is no way to report it either.
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

    #[test]
    fn json_reads_back_and_holds_no_control_character() {
        let text = "a\r\nb\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2028}ü\"";
        let line = super::json(&text).unwrap();
        assert_eq!(line, "\"a\\r\\nb\\u001b[2J\\u007f\\u009b\\u202e\\u2028ü\\\"\"\n");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }
}
