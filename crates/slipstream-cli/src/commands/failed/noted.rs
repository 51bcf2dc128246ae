//! The last notes of each request of a part: its last answer, its last attempt, and why none was
//! made after it.
//!
//! # Invariants
//! - The words are those of `failed show`, so that `--error` finds what is read there.
//! - One part's notes are in memory at a time, without the answers' bodies.

use std::collections::HashMap;

use slipstream_core::RecordId;
use slipstream_core::operator::Letter;
use slipstream_worker::Note;

use super::unread::Unread;

/// The beginning of a note without an attempt.
const NOT_TRIED: &str = "not tried";

/// How the line of a note reads, without its time.
pub(super) fn words(attempt: u32, reason: &str) -> String {
    match attempt {
        0 => format!("{NOT_TRIED}: {reason}"),
        attempt => format!("attempt {attempt}: {reason}"),
    }
}

/// What was noted last of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Last {
    /// The status of its last answer.
    pub(super) status: Option<u16>,
    /// The last attempt.
    tried: Option<(u32, String)>,
    /// Why it failed for good without another attempt.
    untried: Option<String>,
}

impl Last {
    fn add(&mut self, note: Note) {
        match note.attempt {
            0 => self.untried = Some(note.reason),
            attempt => {
                self.tried = Some((attempt, note.reason));
                self.untried = None;
                self.status = note.status.or(self.status);
            }
        }
    }

    /// Whether it failed for good without any attempt that was noted.
    pub(super) fn was_never_tried(&self) -> bool {
        self.tried.is_none()
    }

    /// Whether the last attempt, or why none was made after it, has this text, in lower case, in it.
    pub(super) fn says(&self, text: &str) -> bool {
        let tried = self.tried.as_ref().map(|(attempt, reason)| words(*attempt, reason));
        let untried = self.untried.as_ref().map(|reason| words(0, reason));
        [tried, untried].iter().flatten().any(|line| line.to_lowercase().contains(text))
    }

    /// Why it failed for good, in a line.
    pub(super) fn reason(&self) -> String {
        match (&self.untried, &self.tried) {
            (Some(why), None) => words(0, why),
            (Some(why), Some((_, reason))) => format!("{}; before that: {reason}", words(0, why)),
            (None, Some((_, reason))) => reason.clone(),
            (None, None) => String::new(),
        }
    }
}

/// The notes of the part that was looked at last.
#[derive(Default)]
pub(super) struct Noted {
    part: Option<String>,
    of: HashMap<RecordId, Last>,
    /// Notes that could not be read.
    pub(super) unread: Unread,
}

impl Noted {
    /// What was noted last of a request, if anything was.
    pub(super) fn last(&mut self, letter: &Letter<'_>, id: RecordId) -> Option<&Last> {
        if self.part.as_deref() != Some(letter.part) {
            (self.part, self.of) = (Some(letter.part.to_owned()), HashMap::new());
            let of = &mut self.of;
            let read = letter.each_note(|line| {
                let note = Note::parse(line).and_then(|note| Some((note.id.parse().ok()?, note)));
                if let Some((id, note)) = note {
                    // A later line is a newer one.
                    of.entry(id).or_default().add(note);
                }
            });
            if let Err(error) = read {
                self.unread.note(format!("{}.notes", letter.part), error);
            }
        }
        self.of.get(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(notes: &[(u32, &str, Option<u16>)]) -> Last {
        let mut last = Last::default();
        for (attempt, reason, status) in notes {
            let (id, reason) = (String::new(), (*reason).to_owned());
            last.add(Note { id, at: 7, attempt: *attempt, reason, status: *status, answer: None });
        }
        last
    }

    #[test]
    fn the_last_answer_is_kept_where_no_later_attempt_was_answered_or_made() {
        let down = last(&[(1, "500 X", Some(500)), (0, "its destination is down", None)]);
        assert_eq!((down.status, down.was_never_tried()), (Some(500), false));
        assert!(down.says("not tried: its dest") && down.says("attempt 1: 500 x"));
        assert_eq!(down.reason(), "not tried: its destination is down; before that: 500 X");
        let refused = last(&[(1, "500 X", Some(500)), (2, "connection refused", None)]);
        assert_eq!((refused.status, &*refused.reason()), (Some(500), "connection refused"));
        assert!(!refused.says("500"));
        let again = last(&[(0, "down", None), (1, "404 X", Some(404))]);
        assert_eq!((again.status, &*again.reason()), (Some(404), "404 X"));
        assert!(!again.says("not tried"));
        let never = last(&[(0, "down", None)]);
        assert!(never.was_never_tried() && never.status.is_none());
    }
}
