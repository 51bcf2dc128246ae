//! TLS settings: how the peer of a request is verified, as data, and the rules for certificates and
//! keys that are stored with a request.
//!
//! # Invariants
//! - The peer is verified unless a request explicitly says otherwise.
//! - Certificates are kept by value, never as a path, so a stored request never makes a worker read
//!   a file of the request's choosing.
//! - A key may be named instead, and is then looked up where the worker runs.
//!
//! # Non-goals
//! TLS itself; versions and ciphers; and whether a certificate is good, which it may be today and no
//! longer when it is shown.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;
use crate::net::host::host_of;
use crate::quote::quoted;
use crate::request::shown::Shown;
use crate::secret::SecretRef;

/// The mark of a certificate's PEM.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// The end of the mark of a key's, of whatever sort.
const KEY: &str = "PRIVATE KEY-----";

/// The identity that the peer must have, and our own.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    #[serde(skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    cacert: Vec<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    cert: Vec<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    key: Vec<u8>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    insecure: bool,
    #[serde(rename = "name", skip_serializing_if = "Option::is_none")]
    server_name: Option<String>,
}

/// How it is set.
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

    /// Our own certificate, as PEM, followed by the certificates between it and the authority. The
    /// key may be in it.
    #[must_use]
    pub fn cert(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.cert = pem.into();
        self
    }

    /// Its key: PEM, or `env:NAME` or `file:PATH` for a key that is looked up where the worker
    /// runs, and never stored.
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
}

/// What is set, for what delivers.
impl Tls {
    /// The certificates that the peer's must lead to; empty for the system's.
    pub fn trusted(&self) -> &[u8] {
        &self.cacert
    }

    /// Our own certificate, and the key that is stored with it; each empty if there is none.
    pub fn client(&self) -> (&[u8], &[u8]) {
        (&self.cert, &self.key)
    }

    /// Where the key is to be looked up, if it is not here.
    pub fn key_name(&self) -> Option<Result<SecretRef, Invalid>> {
        let text = std::str::from_utf8(&self.key).ok()?;
        (text.starts_with("env:") || text.starts_with("file:")).then(|| text.parse())
    }

    /// Whether any certificate will do.
    pub fn is_insecure(&self) -> bool {
        self.insecure
    }

    /// The name that the peer must have, if it is not the URL's host.
    pub fn name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Refuses what cannot be used, or contradicts itself.
    ///
    /// # Errors
    /// What is wrong, without showing a key.
    pub fn check(&self) -> Result<(), Invalid> {
        let refuse = |words: &str| Err(Invalid::new(words));
        let key = self.key_name().transpose()?;
        check_certificates(
            &self.cacert,
            &self.cert,
            if key.is_some() { None } else { Some(&self.key) },
        )?;
        let encrypted = |pem: &[u8]| {
            holds(pem, "BEGIN ENCRYPTED PRIVATE KEY") || holds(pem, "Proc-Type: 4,ENCRYPTED")
        };
        if encrypted(&self.key) || encrypted(&self.cert) {
            return refuse(
                "the client key has a passphrase; take it off with 'openssl pkey', or name the key as env:NAME or file:PATH",
            );
        }
        if self.insecure && !self.cacert.is_empty() {
            return refuse(
                "there are certificates to trust, and the peer is not to be verified; leave one out",
            );
        }
        if let Some(name) = &self.server_name {
            host_of(name).map_err(|error| {
                Invalid::new(format!("invalid server name {}: {error}", quoted(name)))
            })?;
        }
        Ok(())
    }

    /// The settings that differ from the defaults, each with what may be shown of it. Names are as
    /// in a batch's line.
    pub fn shown(&self) -> Shown {
        let key = self.key_name().and_then(Result::ok).map(|name| name.to_string());
        let shown = Shown::new().size("cacert", &self.cacert).size("cert", &self.cert);
        let shown = match key {
            Some(name) => shown.text("key", Some(name)),
            None => shown.secret("key", !self.key.is_empty()),
        };
        shown.yes("insecure", self.insecure).text("server_name", self.server_name.as_ref())
    }
}

/// Without secrets.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shown()).finish()
    }
}

/// Refuses certificates and a key that are not PEM, or of which one lacks the other. `key` is
/// `None` where it is kept elsewhere, and empty where there is none.
///
/// # Errors
/// What is wrong.
pub fn check_certificates(cacert: &[u8], cert: &[u8], key: Option<&[u8]>) -> Result<(), Invalid> {
    check_pem("certificates to trust", cacert, CERTIFICATE)?;
    check_pem("client certificate", cert, CERTIFICATE)?;
    check_pem("client key", key.unwrap_or_default(), KEY)?;
    let has_key = key.is_none_or(|key| !key.is_empty());
    let wrong = match () {
        () if cert.is_empty() && has_key => {
            "there is a client key and no client certificate; add the certificate"
        }
        () if !cert.is_empty() && !has_key && !holds(cert, KEY) => {
            "the client certificate has no key; add the key"
        }
        () => return Ok(()),
    };
    Err(Invalid::new(wrong))
}

/// Refuses bytes that are there and are not PEM that holds this mark, or that of another sort of the same:
/// a `TRUSTED CERTIFICATE` is a certificate.
///
/// # Errors
/// That they are not.
pub fn check_pem(what: &str, pem: &[u8], mark: &str) -> Result<(), Invalid> {
    if pem.is_empty() || holds(pem, mark.trim_start_matches("-----BEGIN")) {
        return Ok(());
    }
    Err(Invalid::new(format!(
        "invalid {what}; expected PEM, text that holds {mark}; convert it with openssl"
    )))
}

fn holds(pem: &[u8], mark: &str) -> bool {
    pem.windows(mark.len()).any(|part| part == mark.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_sort_of_certificate_or_key_is_pem_and_a_path_or_a_request_for_one_is_not() {
        let pem = |what: &str| format!("text\n-----BEGIN {what}-----\nMII\n");
        for (cert, key, fits) in [
            (pem("CERTIFICATE"), pem("RSA PRIVATE KEY"), true),
            (pem("TRUSTED CERTIFICATE"), pem("PRIVATE KEY"), true),
            (pem("CERTIFICATE REQUEST"), pem("PRIVATE KEY"), false),
            (pem("CERTIFICATE"), pem("PUBLIC KEY"), false),
            ("/etc/ssl/own.pem".to_owned(), pem("PRIVATE KEY"), false),
        ] {
            let checked = check_certificates(b"", cert.as_bytes(), Some(key.as_bytes()));
            assert_eq!(checked.is_ok(), fits, "{cert} {key}");
        }
    }
}
