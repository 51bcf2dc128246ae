//! How a handler connects, and how long it waits.
//!
//! # Non-goals
//! The account to log in with: it is the request's, and its password the program's to look up.

use std::time::Duration;

use slipstream_core::AddressGate;

use crate::request::Tls;

/// Settings of a `MysqlHandler`. The defaults are what the `slipstream` binary uses.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MysqlOptions {
    /// Longest wait for a name's address, a connection, TLS and the login together. 10 s.
    pub connect_timeout: Duration,
    /// Longest silence of a server that is to answer. 30 s. A MariaDB is asked to give a
    /// statement up shortly before.
    pub silent_timeout: Duration,
    /// Longest time for one attempt in all, unless the request has its own. 60 s.
    pub total_timeout: Duration,
    /// Longest wait for a lock that another session holds, in whole seconds. 5 s.
    pub lock_wait: Duration,
    /// Most bytes of a result, which is read and thrown away. 16 MiB.
    pub result_limit: u64,
    /// Most requests that are committed together. 50.
    pub max_batch: usize,
    /// How connections are protected, unless the request says it.
    pub tls: Tls,
    /// The authorities that vouch for servers, as PEM, unless the request brings its own. The
    /// system's unless configured otherwise.
    pub cacert: Vec<u8>,
    /// Whether requests are of others than the operator of the handler. Then a password that is
    /// looked up is proven to a server elsewhere only over TLS that `cacert` or an option file's
    /// authorities verify, and is itself passed only to a server that proved its identity or whose
    /// key the option file names or has asked for, whatever the request says of it. Off unless
    /// configured otherwise.
    pub guards_secrets: bool,
    /// What may be connected to. Everything, unless configured otherwise.
    pub addresses: AddressGate,
    /// How long an idle connection is kept. A minute.
    pub idle: Duration,
    /// How long it is remembered that a request was executed which is to be so once. 30 days: longer
    /// than any attempt is made after the first, or it may be executed again.
    pub once_kept: Duration,
}

impl Default for MysqlOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            silent_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(60),
            lock_wait: Duration::from_secs(5),
            result_limit: 16 * 1024 * 1024,
            max_batch: 50,
            tls: Tls::default(),
            cacert: Vec::new(),
            guards_secrets: false,
            addresses: AddressGate::default(),
            idle: Duration::from_secs(60),
            once_kept: Duration::from_secs(30 * 24 * 3600),
        }
    }
}
