//! The note of an attempt: its outcome, as a line that is kept beside the request for the operator.

use serde::{Deserialize, Serialize};

/// Longest answer that a note keeps, in bytes.
const ANSWER_MAX: usize = 4 * 1024;

/// One attempt that failed, or why none was made. Lines are JSON; unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The request's id.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Which attempt, 1 for the first; 0 when the request was never tried.
    pub attempt: u32,
    /// What happened, lower case.
    pub reason: String,
    /// What the destination answered, in its own numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The beginning of its answer. As it came: not fit for a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl Note {
    /// The line, without its end.
    pub(crate) fn line(mut self) -> String {
        if let Some(answer) = &mut self.answer {
            let mut ends = (0..=ANSWER_MAX.min(answer.len())).rev();
            answer.truncate(ends.find(|end| answer.is_char_boundary(*end)).unwrap_or(0));
        }
        serde_json::to_string(&self).expect("numbers and text are JSON")
    }

    /// The note that this line holds, if it holds one.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_one_line_that_reads_back_and_keeps_no_more_than_the_beginning_of_an_answer() {
        let note = Note {
            id: "019".to_owned(),
            at: 7,
            attempt: 2,
            reason: "503 Service Unavailable".to_owned(),
            status: Some(503),
            answer: Some(format!("retry-after: 9\n\n{}", "ü".repeat(9_000))),
        };
        let line = note.clone().line();
        assert!(!line.contains('\n') && line.len() < 5_000);
        let read = Note::parse(&line).unwrap();
        assert!(read.answer.as_ref().unwrap().starts_with("retry-after: 9\n\nüü"));
        assert_eq!(Note { answer: None, ..read }, Note { answer: None, ..note });
    }
}
