//! A request as data: statements for one server, executed in one transaction, or not at all.
//!
//! # Invariants
//! - No password is stored, only where it is.
//! - A request that [`Request::check`] passes is executed whole or leaves nothing behind, as far as
//!   its tables are transactional.
//!
//! # Non-goals
//! Connecting, and anything of the protocol. Programs that only store requests do not pay for the
//! rest.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::{
    Destination, Invalid, Request, SecretRef, Timeout, check_certificates, check_pem,
};

use crate::request::param::Param;
use crate::request::sql::{Effect, effect};
use crate::url::Target;

pub(crate) mod masked;
pub(crate) mod param;
pub(crate) mod sql;

/// Most statements of one request.
const STATEMENTS_MAX: usize = 1_000;

/// Most parameters of a statement: what the protocol counts.
const PARAMS_MAX: usize = 65_535;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Tls {
    /// By TLS, and the server proves its name, wherever it is; but over loopback by TLS if the server
    /// offers it, and unverified, and over sockets without.
    #[default]
    Remote,
    /// By TLS everywhere but over sockets, and the server proves its name.
    Verify,
    /// By TLS everywhere but over sockets, with any server that answers.
    Insecure,
    /// Not at all.
    Off,
}

impl Tls {
    /// Its word, as a batch's line has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Verify => "verify",
            Self::Insecure => "insecure",
            Self::Off => "off",
        }
    }
}

/// A statement and its parameters.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    pub(crate) query: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) params: Vec<Param>,
}

impl Statement {
    /// A statement; each `?` in it is a placeholder for one of the parameters.
    pub fn new(query: impl Into<String>, params: impl Into<Vec<Param>>) -> Self {
        Self { query: query.into(), params: params.into() }
    }

    /// Its text as it was given, values included. To show it, use [`Statement::masked`].
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Its parameters. [`Param::masked`] is what to show of one.
    pub fn params(&self) -> &[Param] {
        &self.params
    }
}

/// One statement, or several that are executed in one transaction.
///
/// It may hold anything; what can never be delivered is refused by [`Request::check`], when it is
/// stored and again when it is executed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MysqlRequest {
    pub(crate) url: String,
    pub(crate) statements: Vec<Statement>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
    #[serde(default, rename = "defaults", skip_serializing_if = "Option::is_none")]
    pub(crate) defaults_file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls: Option<Tls>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    pub(crate) cacert: Vec<u8>,
    #[serde(
        default,
        rename = "serverkey",
        skip_serializing_if = "Vec::is_empty",
        with = "serde_bytes"
    )]
    pub(crate) server_public_key: Vec<u8>,
    #[serde(default, rename = "getkey", skip_serializing_if = "std::ops::Not::not")]
    pub(crate) get_server_public_key: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) once: bool,
    #[serde(default, rename = "total", skip_serializing_if = "Option::is_none")]
    pub(crate) max_time: Option<Timeout>,
}

impl MysqlRequest {
    /// A request to this server, `mysql://user@host[:port]/[database]`, which does nothing yet. A
    /// socket is named as `mysql://user@localhost/database?socket=/run/mysqld/mysqld.sock`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            statements: Vec::new(),
            password: None,
            defaults_file: None,
            tls: None,
            cacert: Vec::new(),
            server_public_key: Vec::new(),
            get_server_public_key: false,
            once: false,
            max_time: None,
        }
    }

    /// The same with one statement more. Several are executed in one transaction, in this order.
    #[must_use]
    pub fn statement(mut self, query: impl Into<String>, params: impl Into<Vec<Param>>) -> Self {
        self.statements.push(Statement::new(query, params));
        self
    }

    /// The same with a password that is looked up where the worker runs: `env:NAME` or
    /// `file:/PATH`. Never the password itself.
    #[must_use]
    pub fn password(mut self, name: impl Into<String>) -> Self {
        self.password = Some(name.into());
        self
    }

    /// The same with an option file, by its absolute path, which is read where the worker runs. Of
    /// its section `[client]`, `user`, `password`, `socket`, `ssl-ca`, `server-public-key-path` and
    /// `get-server-public-key` are honoured, where the request says nothing else.
    #[must_use]
    pub fn defaults_file(mut self, path: impl Into<String>) -> Self {
        self.defaults_file = Some(path.into());
        self
    }

    /// The same, protected like this.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The same with the authorities that vouch for the server, as PEM, instead of the worker's.
    #[must_use]
    pub fn cacert(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.cacert = pem.into();
        self
    }

    /// The same with the server's RSA key, as PEM. A server that wants the password itself, over a
    /// connection without TLS, gets it for the holder of this key alone.
    #[must_use]
    pub fn server_public_key(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.server_public_key = pem.into();
        self
    }

    /// The same, which asks the server for that key, over loopback: any server that answers there can read
    /// the password.
    #[must_use]
    pub fn get_server_public_key(mut self, get: bool) -> Self {
        self.get_server_public_key = get;
        self
    }

    /// The same, executed exactly once: its id is entered into the table `slipstream_once` of the
    /// URL's database in the same transaction, and a repeat finds it there.
    #[must_use]
    pub fn once(mut self, once: bool) -> Self {
        self.once = once;
        self
    }

    /// The same, given up for this attempt after such a time, during which the server may be silent.
    #[must_use]
    pub fn max_time(mut self, time: Duration) -> Self {
        self.max_time = Some(time.into());
        self
    }

    /// The URL as it was given. To show it, use [`MysqlRequest::masked_url`].
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its statements in their order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Whether it changes rows and nothing else, so that a rollback undoes all of it.
    #[cfg(feature = "deliver")]
    pub(crate) fn rows_only(&self) -> bool {
        self.statements.iter().all(|statement| effect(&statement.query) == Effect::Rows)
    }

    /// Whether its statements have the same text, and may take the same time.
    #[cfg(feature = "deliver")]
    pub(crate) fn executes_as(&self, other: &Self) -> bool {
        let mut both = self.statements.iter().zip(&other.statements);
        self.max_time == other.max_time
            && self.statements.len() == other.statements.len()
            && both.all(|(one, other)| one.query == other.query)
    }

    /// Whether it goes to the same server, as the same user and in the same way.
    #[cfg(feature = "deliver")]
    pub(crate) fn goes_as(&self, other: &Self) -> bool {
        self.url == other.url
            && self.password == other.password
            && self.defaults_file == other.defaults_file
            && self.tls == other.tls
            && self.cacert == other.cacert
            && self.server_public_key == other.server_public_key
            && self.get_server_public_key == other.get_server_public_key
    }

    fn check_secret(&self) -> Result<(), Invalid> {
        if let Some(name) = &self.password {
            name.parse::<SecretRef>()?;
        }
        if let Some(path) = &self.defaults_file
            && format!("file:{path}").parse::<SecretRef>().is_err()
        {
            return Err(Invalid::new(
                "the option file is read where the worker runs; name it by its absolute path",
            ));
        }
        Ok(())
    }

    fn check_statement(&self, statement: &Statement) -> Result<(), Invalid> {
        let Statement { query, params } = statement;
        if query.trim().is_empty() {
            return Err(Invalid::new(
                "a statement is empty; write one such as INSERT INTO t VALUES (?)",
            ));
        }
        let marks = query.bytes().filter(|b| *b == b'?').count();
        if params.len() > marks || params.len() > PARAMS_MAX {
            return Err(Invalid::new(format!(
                "a statement has {} parameters for {marks} question marks; give as many as there are, at most {PARAMS_MAX}",
                params.len()
            )));
        }
        params.iter().try_for_each(Param::check)?;
        let first = query.split_whitespace().next().unwrap_or_default().to_uppercase();
        match effect(query) {
            Effect::Control => Err(Invalid::new(format!(
                "transactions are begun and ended for the request, and no lock outlives it; leave {} out",
                slipstream_core::quoted(&first)
            ))),
            Effect::Commits if self.statements.len() > 1 => Err(Invalid::new(format!(
                "a statement commits what went before it ({}), so the transaction would not be one; store it as a request of its own",
                slipstream_core::quoted(&first)
            ))),
            Effect::Commits if self.once => Err(Invalid::new(format!(
                "a statement commits by itself ({}), so it cannot be executed exactly once; store it without that",
                slipstream_core::quoted(&first)
            ))),
            _ => Ok(()),
        }
    }
}

impl Request for MysqlRequest {
    const KIND: &'static str = "mysql";

    fn destination(&self) -> Destination {
        // A URL that leads nowhere is never stored; what came in another way fails when
        // it is executed, and shares a destination with others of its sort.
        match Target::parse(&self.url) {
            Ok(target) => target.destination(),
            Err(_) => Destination::from_parts("mysql", "invalid", None),
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        let target = Target::parse(&self.url).map_err(|error| error.field("url"))?;
        if target.user.is_empty() && self.defaults_file.is_none() {
            return Err(Invalid::new(
                "the url names no user, and there is no option file to do so; write mysql://user@host/database",
            ));
        }
        if self.once && target.database.is_empty() {
            return Err(Invalid::new(
                "to be executed exactly once a request needs a database that remembers it; name one in the url",
            ));
        }
        if self.statements.is_empty() || self.statements.len() > STATEMENTS_MAX {
            return Err(Invalid::new(format!(
                "the request has {} statements; give 1 to {STATEMENTS_MAX}",
                self.statements.len()
            )));
        }
        self.max_time.map_or(Ok(()), |time| time.check("time-out"))?;
        check_certificates(&self.cacert, &[], Some(&[]))?;
        let key = &self.server_public_key;
        check_pem("public key of the server", key, "-----BEGIN PUBLIC KEY-----")?;
        self.check_secret()?;
        self.statements.iter().try_for_each(|statement| self.check_statement(statement))
    }
}

#[cfg(test)]
mod tests;
