//! The reason that a request is refused before it is stored.

use std::fmt;

/// A request that can never be delivered as it is: what is wrong, and what would be right.
///
/// ```
/// use slipstream_core::Invalid;
///
/// let error = Invalid::new("a beep of no times; give 1 to 255").field("times");
/// assert_eq!(error.to_string(), "a beep of no times; give 1 to 255");
/// assert_eq!(error.reason(), "a beep of no times");
/// assert_eq!(error.hint(), Some("give 1 to 255"));
/// assert_eq!(error.field_name(), Some("times"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    field: Option<&'static str>,
    reason: String,
    hint: Option<String>,
}

/// The text between what is wrong and what to do.
const THEN: &str = "; ";

impl Invalid {
    /// An error from words that say what is wrong, and behind the first `"; "` what would be right.
    pub fn new(words: impl Into<String>) -> Self {
        let mut reason: String = words.into();
        let hint = reason.find(THEN).map(|at| {
            let hint = reason.split_off(at);
            hint[THEN.len()..].to_owned()
        });
        Self { field: None, reason, hint }
    }

    /// The same, about this field of the request. A field that is named already stays.
    #[must_use]
    pub fn field(mut self, name: &'static str) -> Self {
        self.field.get_or_insert(name);
        self
    }

    /// Which field of the request is wrong, as its builder names it; none when several contradict each
    /// other, or it is the request as a whole.
    pub fn field_name(&self) -> Option<&'static str> {
        self.field
    }

    /// What is wrong.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What would be right, or what to do.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.hint {
            Some(hint) => write!(f, "{THEN}{hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_innermost_field_is_the_one_that_is_named() {
        let error = Invalid::new("invalid port").field("port").field("url");
        assert_eq!((error.field_name(), error.hint()), (Some("port"), None));
    }

    proptest! {
        #[test]
        fn the_words_are_shown_as_they_were_given(words in "[a-z ;]{0,20}") {
            prop_assert_eq!(Invalid::new(words.clone()).to_string(), words);
        }
    }
}
