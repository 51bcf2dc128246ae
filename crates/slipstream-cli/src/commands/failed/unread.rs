//! Parts that a walk over dead letters skipped.

use std::collections::BTreeMap;

use slipstream_core::operator::Skipped;

use crate::exit::Exit;
use crate::term::print;

/// Parts that could not be read, and why. Each is reported once, at the end.
#[derive(Default)]
pub(super) struct Unread(pub(super) BTreeMap<String, String>);

impl Unread {
    pub(super) fn note(&mut self, part: impl Into<String>, error: impl Into<anyhow::Error>) {
        self.0.insert(part.into(), format!("{:#}", error.into()));
    }

    pub(super) fn add(&mut self, skipped: Vec<Skipped>) {
        self.0.extend(skipped.into_iter().map(|it| (it.part, it.why)));
    }

    /// Says which they are, and how the command ends that would else end like this.
    pub(super) fn say(&self, ended: Exit) -> Exit {
        for why in self.0.values() {
            print::complain(&format!("passed over: {why}"));
        }
        if self.0.is_empty() { ended } else { Exit::Error }
    }
}
