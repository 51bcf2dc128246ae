//! The environment of a worker that has become another user: what is left of it.
//!
//! # Invariants
//! - Of the caller's variables only those are left that say how to speak to people, where programs
//!   and authorities are, and the secrets that requests were allowed to use. Neither a request nor a
//!   library (resolver, libcurl, OpenSSL) finds another.
//! - It is cleared while this process has one thread.
//!
//! # Non-goals
//! The memory that the kernel put the variables into at first. `/proc/PID/environ` shows it to root
//! alone, since a process that changed its user is not for another user to look into.

#![allow(unsafe_code)]

use std::ffi::{OsStr, OsString};

use anyhow::{Result, ensure};
use slipstream_core::SecretRef;

/// What is left, beside everything that begins with `LC_`.
const KEPT: [&str; 10] = [
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Removes every other variable but those of these secrets. Call it before any thread is started.
pub(crate) fn clear<'a>(secrets: impl Iterator<Item = &'a SecretRef>) -> Result<()> {
    let secrets: Vec<_> = secrets.collect();
    let names: Vec<_> = std::env::vars_os().map(|(name, _)| name).collect();
    if let Ok(threads) = std::fs::read_dir("/proc/self/task") {
        ensure!(threads.count() == 1, "the environment cannot be cleared beside other threads");
    }
    for name in names.iter().filter(|name| !is_kept(name, &secrets)) {
        // SAFETY: nothing reads the environment meanwhile, for this is the only thread.
        unsafe { std::env::remove_var(name) };
    }
    Ok(())
}

fn is_kept(name: &OsString, secrets: &[&SecretRef]) -> bool {
    // No such name can be removed, nor asked for.
    let odd = name.is_empty() || name.as_encoded_bytes().contains(&b'=');
    let locale = name.as_encoded_bytes().starts_with(b"LC_");
    let allowed =
        |secret: &&SecretRef| matches!(secret, SecretRef::Env(its) if OsStr::new(its) == name);
    odd || locale || KEPT.iter().any(|kept| name == kept) || secrets.iter().any(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_left_if_it_is_on_the_list_or_an_allowed_secret() {
        let secrets =
            [SecretRef::Env("HOOK".to_owned()), SecretRef::File("/LD_LIBRARY_PATH".to_owned())];
        let secrets: Vec<_> = secrets.iter().collect();
        for (name, kept) in [
            ("PATH", true),
            ("LC_TIME", true),
            ("SSL_CERT_FILE", true),
            ("HOOK", true),
            ("HOOK2", false),
            ("hook", false),
            ("HOME", false),
            ("AWS_SECRET_ACCESS_KEY", false),
            ("SLIPSTREAM_PASSWORD", false),
            ("SSLKEYLOGFILE", false),
            ("OPENSSL_CONF", false),
            ("http_proxy", false),
            ("HOSTALIASES", false),
            ("LD_LIBRARY_PATH", false),
        ] {
            assert_eq!(is_kept(&name.into(), &secrets), kept, "{name}");
        }
    }
}
