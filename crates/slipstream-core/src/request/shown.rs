//! Settings of a request as a listing shows them: secrets left out, contents as their size.
//!
//! # Invariants
//! What is added as a secret does not come out again. The name of a secret does, for the operator
//! that has to set it.

use super::timeout::Timeout;

/// The text in place of something that was left out.
pub const LEFT_OUT: &str = "***";

/// The name of a secret, such as `env:KEY`, or the text in place of a secret that was left out:
/// text that is not such a name may be the secret itself, given in place of its name.
pub fn name_of_secret(text: &str) -> &str {
    if text.starts_with("env:") || text.starts_with("file:") { text } else { LEFT_OUT }
}

/// Names and values of what is set, in the order they were added; what is not set adds nothing.
///
/// ```
/// use slipstream_core::Shown;
///
/// let shown = Shown::new().text("user", Some("me")).secret("password", true).size("cert", &[0; 9]);
/// let pairs: Vec<_> = shown.into_iter().collect();
/// let text = |text: &str| text.to_owned();
/// assert_eq!(pairs, [("user", text("me")), ("password", text("***")), ("cert", text("9 bytes"))]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown(Vec<(&'static str, String)>);

impl Shown {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A value that may be shown.
    #[must_use]
    pub fn text(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.0.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// A value that may not be shown; `is_set` says whether there is one.
    #[must_use]
    pub fn secret(self, name: &'static str, is_set: bool) -> Self {
        self.text(name, is_set.then_some(LEFT_OUT))
    }

    /// Where a secret is, unless it was taken for the place of the secret itself.
    #[must_use]
    pub fn secret_name(self, name: &'static str, value: Option<&str>) -> Self {
        self.text(name, value.map(name_of_secret))
    }

    /// A switch.
    #[must_use]
    pub fn yes(self, name: &'static str, is_on: bool) -> Self {
        self.text(name, is_on.then_some("true"))
    }

    /// Bytes, of which their number is shown.
    #[must_use]
    pub fn size(self, name: &'static str, bytes: &[u8]) -> Self {
        self.text(name, (!bytes.is_empty()).then(|| format!("{} bytes", bytes.len())))
    }

    /// A time-out.
    #[must_use]
    pub fn time(self, name: &'static str, time: Option<Timeout>) -> Self {
        self.text(name, time)
    }

    /// The pairs of another.
    #[must_use]
    pub fn all(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }
}

impl IntoIterator for Shown {
    type Item = (&'static str, String);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
