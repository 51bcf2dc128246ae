//! TLS: what a connection is to be verified by, and the handshake.
//!
//! # Invariants
//! - TLS 1.2 or later.
//! - The peer's certificate and its name are verified unless the request is insecure in so many
//!   words.
//! - The system's certificates are read once for each handler, which takes longer than a handshake.
//!
//! # Non-goals
//! Sessions that are resumed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{HandshakeError, SslConnector, SslMethod, SslStream, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509VerifyResult};
use slipstream_core::{Failure, FailureScope, SecretRef, Tls, bare_host};

use crate::deliver::classify;
use crate::deliver::classify::Stage;
use crate::deliver::wire::Wire;

/// Most settings that are kept ready. Beyond that there is no pattern to them.
const READY: usize = 32;

/// A way from a secret's name to its text, or to words that say why it cannot be had.
type LookUp = Box<dyn Fn(&SecretRef) -> Result<String, String> + Send + Sync>;

/// What handshakes are made with.
pub(crate) struct Sessions {
    look_up: LookUp,
    ready: Mutex<HashMap<Tls, SslConnector>>,
}

impl Sessions {
    pub(crate) fn new(
        look_up: impl Fn(&SecretRef) -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        Self { look_up: Box::new(look_up), ready: Mutex::default() }
    }

    /// Makes the handshake with this host.
    pub(crate) fn handshake(
        &self,
        tls: &Tls,
        host: &str,
        wire: Wire,
        peer: &str,
    ) -> Result<SslStream<Wire>, Failure> {
        let mut session = self.connector(tls)?.configure().map_err(|error| unusable(&error))?;
        session.set_verify_hostname(!tls.is_insecure());
        let name = tls.name().unwrap_or(host);
        // A final dot is the resolver's business; no certificate has it.
        let name = bare_host(name).trim_end_matches('.');
        session.connect(name, wire).map_err(|error| match error {
            HandshakeError::SetupFailure(error) => unusable(&error),
            HandshakeError::Failure(middle) | HandshakeError::WouldBlock(middle) => {
                let verified = middle.ssl().verify_result();
                if verified != X509VerifyResult::OK && !tls.is_insecure() {
                    return Failure::transient(
                        // A request that brings its own authorities, or another name, may be wrong.
                        match tls.trusted().is_empty() && tls.name().is_none() {
                            true => FailureScope::Destination,
                            false => FailureScope::Request,
                        },
                        format!(
                            "the certificate is not to be trusted: {} ({peer}); if it is, store the request with its authority as cacert, or with its server name",
                            verified.error_string().to_lowercase()
                        ),
                    );
                }
                let error = middle.into_error().into_io_error();
                let error = error.unwrap_or_else(std::io::Error::other);
                classify::failure(&error, Stage::Handshake, peer)
            }
        })
    }

    fn connector(&self, tls: &Tls) -> Result<SslConnector, Failure> {
        let lock = || self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = lock().get(tls) {
            return Ok(ready.clone());
        }
        // Not under the lock: a secret may be slow to come.
        let connector = self.prepare(tls)?;
        let mut ready = lock();
        if ready.len() >= READY {
            ready.clear();
        }
        ready.insert(tls.clone(), connector.clone());
        Ok(connector)
    }

    fn prepare(&self, tls: &Tls) -> Result<SslConnector, Failure> {
        let named;
        let key = match tls.key_name() {
            None => tls.client().1,
            Some(name) => {
                let name = name.map_err(|error| Failure::permanent(error.to_string()))?;
                named = (self.look_up)(&name).map_err(|why| {
                    let words = format!("the client key, {name}, cannot be used: {why}");
                    // It may be there later.
                    Failure::transient(FailureScope::Request, words)
                })?;
                named.as_bytes()
            }
        };
        connector(tls, key).map_err(|error| unusable(&error))
    }
}

fn connector(tls: &Tls, key: &[u8]) -> Result<SslConnector, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    if tls.is_insecure() {
        builder.set_verify(SslVerifyMode::NONE);
    } else if tls.trusted().is_empty() {
        let system = openssl_probe::probe();
        let (file, directory) = (system.cert_file.as_deref(), system.cert_dir.as_deref());
        if file.is_some() || directory.is_some() {
            builder.load_verify_locations(file, directory)?;
        }
    } else {
        let mut store = X509StoreBuilder::new()?;
        // What is given is trusted, not only if it signed itself: as curl has it.
        store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        for authority in X509::stack_from_pem(tls.trusted())? {
            store.add_cert(authority)?;
        }
        builder.set_cert_store(store.build());
    }
    let (cert, _) = tls.client();
    if !cert.is_empty() {
        let mut chain = X509::stack_from_pem(cert)?.into_iter();
        if let Some(own) = chain.next() {
            builder.set_certificate(&own)?;
        }
        for between in chain {
            builder.add_extra_chain_cert(between)?;
        }
        builder.set_private_key(&*private(if key.is_empty() { cert } else { key })?)?;
        builder.check_private_key()?;
    }
    Ok(builder.build())
}

/// A key without a passphrase. For a key with a passphrase, OpenSSL would ask on the terminal.
fn private(pem: &[u8]) -> Result<PKey<Private>, ErrorStack> {
    PKey::private_key_from_pem_passphrase(pem, b"")
}

fn unusable(error: &ErrorStack) -> Failure {
    Failure::permanent(format!(
        "openssl cannot use the request's certificates or key ({}); store it with others",
        classify::stack_words(error)
    ))
}
