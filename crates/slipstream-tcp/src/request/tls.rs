//! How the peer of a request is verified, as data.
//!
//! # Invariants
//! - The peer is verified unless a request says otherwise in so many words.
//! - Certificates are kept by value, never as a path, so a stored request never makes a worker read
//!   a file of the request's choosing.
//! - A key may be named instead, and is then looked up where the worker runs.
//!
//! # Non-goals
//! Versions and ciphers (TLS 1.2 and later, as OpenSSL has them), and keys with a passphrase, which
//! would have to be stored beside them.

use serde::{Deserialize, Serialize};
use slipstream_core::{Invalid, SecretRef, host_of, quoted};

/// Who the peer must be, and who we are.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    #[serde(skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    pub(crate) cacert: Vec<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    pub(crate) cert: Vec<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    pub(crate) key: Vec<u8>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) insecure: bool,
    #[serde(rename = "name", skip_serializing_if = "Option::is_none")]
    pub(crate) server_name: Option<String>,
}

impl Tls {
    /// The system's certificates, the name in the URL, and no certificate of our own.
    pub fn new() -> Self {
        Self::default()
    }

    /// The certificates that the peer's must lead to, as PEM, in place of the system's.
    #[must_use]
    pub fn cacert(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.cacert = pem.into();
        self
    }

    /// Our own certificate, as PEM, with those between it and the authority behind it. The key may
    /// be in it.
    #[must_use]
    pub fn cert(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.cert = pem.into();
        self
    }

    /// Its key: PEM, or `env:NAME` or `file:PATH` for one that is looked up where the worker runs, and
    /// never stored.
    #[must_use]
    pub fn key(mut self, pem_or_name: impl Into<Vec<u8>>) -> Self {
        self.key = pem_or_name.into();
        self
    }

    /// Whether any certificate will do, so that an attacker in between can read and answer.
    #[must_use]
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// The name that is asked for and that the peer's certificate must have, in place of the URL's
    /// host: for a peer that is reached by its address or through a tunnel.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Where its key is to be looked up, if it is not here.
    pub(crate) fn key_name(&self) -> Option<Result<SecretRef, Invalid>> {
        let text = std::str::from_utf8(&self.key).ok()?;
        (text.starts_with("env:") || text.starts_with("file:")).then(|| text.parse())
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        let refuse = |words: String| Err(Invalid::new(words));
        let holds = |pem: &[u8], word: &str| pem.windows(word.len()).any(|w| w == word.as_bytes());
        let key = match self.key_name() {
            Some(named) => {
                named?;
                &[]
            }
            None => &self.key[..],
        };
        for (what, pem, word) in [
            ("certificates to trust", &self.cacert[..], "-----BEGIN CERTIFICATE-----"),
            ("client certificate", &self.cert, "-----BEGIN CERTIFICATE-----"),
            ("client key", key, "PRIVATE KEY-----"),
        ] {
            if !pem.is_empty() && !holds(pem, word) {
                return refuse(format!(
                    "the {what} must be PEM, text that holds {word}; convert it with openssl"
                ));
            }
        }
        if self.cert.is_empty() && !self.key.is_empty() {
            return refuse(
                "there is a client key and no client certificate; add the certificate".into(),
            );
        }
        if !self.cert.is_empty() && self.key.is_empty() && !holds(&self.cert, "PRIVATE KEY-----") {
            return refuse("the client certificate has no key; add the key".into());
        }
        let encrypted = |pem: &[u8]| {
            holds(pem, "BEGIN ENCRYPTED PRIVATE KEY") || holds(pem, "Proc-Type: 4,ENCRYPTED")
        };
        if encrypted(&self.key) || encrypted(&self.cert) {
            return refuse(
                "the client key has a passphrase; take it off with 'openssl pkey', or name the key as env:NAME or file:PATH".into(),
            );
        }
        if self.insecure && !self.cacert.is_empty() {
            return refuse(
                "there are certificates to trust, and the peer is not to be verified; leave one out".into(),
            );
        }
        if let Some(name) = &self.server_name {
            host_of(name).map_err(|error| {
                Invalid::new(format!("invalid server name {}: {error}", quoted(name)))
            })?;
        }
        Ok(())
    }
}
