//! Masking: what may be shown of a request that another user stored, by a listing or an inspection.
//!
//! # Invariants
//! - No user of a URL, no value of a parameter, and nothing that is in a statement's quotes.
//! - A secret's name is shown, for the operator that has to set it.
//!
//! # Non-goals
//! Numbers in a statement are shown; a secret belongs into a parameter.

use std::fmt;

use slipstream_core::{Shown, without_user};

use crate::request::{MysqlRequest, Statement, Tls};

/// How much of a statement a listing shows, in characters.
const SHOWN: usize = 60;

impl MysqlRequest {
    /// The URL without its user.
    pub fn masked_url(&self) -> String {
        without_user(&self.url)
    }

    /// What is set beyond URL and statements, each with what may be shown of it. Names are those
    /// of a batch's line.
    pub fn masked_options(&self) -> Vec<(&'static str, String)> {
        let shown = Shown::new()
            .secret_name("password", self.password.as_deref())
            .text("defaults_file", self.defaults_file.as_ref())
            .text("tls", self.tls.map(Tls::word))
            .size("cacert", &self.cacert)
            .size("server_public_key", &self.server_public_key)
            .yes("get_server_public_key", self.get_server_public_key)
            .yes("once", self.once)
            .time("max_time", self.max_time);
        shown.into_iter().collect()
    }
}

impl Statement {
    /// Its text on one line, without what its quotes hold.
    pub fn masked(&self) -> String {
        crate::request::sql::masked(&self.query)
    }
}

/// What a listing shows: the first statement, and its destination.
impl fmt::Display for MysqlRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.statements.first().map(Statement::masked).unwrap_or_default();
        let mut shown: String = first.chars().take(SHOWN).collect();
        if first.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        write!(f, "{shown}")?;
        if self.statements.len() > 1 {
            write!(f, " (and {} more)", self.statements.len() - 1)?;
        }
        write!(f, " at {}", self.masked_url())
    }
}

/// Without values.
impl fmt::Debug for MysqlRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlRequest")
            .field("url", &self.masked_url())
            .field("statements", &self.statements)
            .field("options", &self.masked_options())
            .finish()
    }
}

/// Without values.
impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("query", &self.masked())
            .field("params", &self.params)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn nothing_that_is_shown_holds_a_value() {
        let request = MysqlRequest::new("mysql://sesame@db/shop")
            .statement("INSERT INTO t VALUES ('sesame', ?)", ["sesame".into()])
            .statement("UPDATE t SET a = ?", [b"sesame".to_vec().into()])
            .password("sesame")
            .cacert("sesame")
            .once(true);
        let shown = format!("{request} {request:?} {:?}", request.masked_options());
        assert!(!shown.contains("sesame"), "{shown}");
        assert_eq!(
            request.to_string(),
            "INSERT INTO t VALUES ('***', ?) (and 1 more) at mysql://***@db/shop"
        );
    }

    #[test]
    fn a_secret_is_shown_by_its_name() {
        let request = MysqlRequest::new("mysql://a@db/")
            .password("env:SHOP")
            .defaults_file("/etc/app.cnf")
            .tls(Tls::Insecure)
            .max_time(Duration::from_secs(2));
        let expected = [
            ("password", "env:SHOP"),
            ("defaults_file", "/etc/app.cnf"),
            ("tls", "insecure"),
            ("max_time", "2s"),
        ];
        assert_eq!(request.masked_options(), expected.map(|(name, v)| (name, v.to_owned())));
    }

    #[test]
    fn a_long_statement_is_cut_short_in_a_listing() {
        let request = MysqlRequest::new("mysql://db/").statement("SELECT ".repeat(100), []);
        assert!(request.to_string().chars().count() < 100, "{request}");
    }
}
