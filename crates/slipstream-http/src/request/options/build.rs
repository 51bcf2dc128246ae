//! The setters that are not one for one with an option.

use super::{Options, REDIRECTS};

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves out a header that would be sent unasked: `Accept`, `User-Agent`, `Host`,
    /// `Content-Type`, `Idempotency-Key`. What curl's `-H 'Accept:'` does.
    #[must_use]
    pub fn without_header(mut self, name: impl Into<String>) -> Self {
        self.without.push(name.into());
        self
    }

    /// User and password, proven as [`Options::auth`] says. For
    /// [`Options::aws_sigv4`], access key and secret.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self.password = Some(password.into());
        self
    }

    /// Follows redirects, 50 at most. Credentials, and headers whose names speak of some,
    /// go along to the same scheme, host and port only.
    #[must_use]
    pub fn follow(self) -> Self {
        self.follow_at_most(REDIRECTS)
    }

    /// Follows so many redirects at most.
    #[must_use]
    pub fn follow_at_most(mut self, redirects: u32) -> Self {
        self.max_redirects = Some(redirects);
        self
    }

    /// Cookies that are sent where they belong, redirects included: lines of a cookie file as
    /// curl and browsers write it, or `Set-Cookie:` headers. Cookies that answers set are sent behind
    /// redirects, too. Each attempt begins with these.
    #[must_use]
    pub fn jar<L: Into<String>>(mut self, lines: impl IntoIterator<Item = L>) -> Self {
        self.jar = Some(lines.into_iter().map(Into::into).collect());
        self
    }
}
