//! Who delivers requests of each kind, as `work` wants it: settings, and where secrets come from.
//!
//! Guaranteed: in a spool that others can write to, no request is signed with a secret that
//! whoever runs the worker did not allow. A signature tells no secret, but it lets somebody who
//! can ask for one find out a weak password. Private addresses are denied to all kinds alike.

use std::sync::Arc;

use anyhow::Result;
use slipstream_core::{AddressPolicy, SecretRef};
use slipstream_http::{HttpDriver, HttpOptions};
use slipstream_log::Spool;
use slipstream_mysql::{MysqlHandler, MysqlOptions};
use slipstream_tcp::{TcpHandler, TcpOptions};
use slipstream_worker::{Threads, Worker};

use crate::args::DeliveryArgs;

/// Threads for requests over streams: each waits for its peer most of the time.
const TCP_THREADS: usize = 32;

/// Threads for statements, and so connections to servers: what waits for one is executed together.
const MYSQL_THREADS: usize = 8;

/// The worker with everybody that delivers.
pub(crate) fn with_all(worker: Worker, args: &DeliveryArgs, spool: &Spool) -> Result<Worker> {
    let allowed = args.allow_secret.iter().map(|text| text.parse());
    let allowed: Arc<[SecretRef]> = allowed.collect::<Result<Vec<_>, _>>()?.into();
    let shared = spool.settings().group.is_some();
    let secrets = move |secret: &SecretRef| look_up(secret, shared, &allowed);
    let http = HttpDriver::new(http(args))?.secrets(secrets.clone());
    let tcp = TcpHandler::new(tcp(args)).secrets(secrets.clone());
    let tcp = Threads::new(tcp).threads(TCP_THREADS);
    let mysql = MysqlHandler::new(mysql(args)).secrets(secrets);
    let mysql = Threads::new(mysql).threads(MYSQL_THREADS);
    Ok(worker.driver(Box::new(http)).threads(tcp).threads(mysql))
}

fn http(args: &DeliveryArgs) -> HttpOptions {
    let mut options = HttpOptions::default();
    options.deny_private = args.deny_private;
    options.allow_hosts.clone_from(&args.allow_host);
    options.proxy.clone_from(&args.proxy);
    if let Some(time) = args.connect_timeout {
        options.connect_timeout = time;
    }
    if let Some(time) = args.request_timeout {
        options.total_timeout = time;
    }
    options
}

fn tcp(args: &DeliveryArgs) -> TcpOptions {
    let mut options = TcpOptions::default();
    options.addresses = addresses(args);
    if let Some(time) = args.connect_timeout {
        options.connect_timeout = time;
    }
    if let Some(time) = args.request_timeout {
        options.total_timeout = time;
    }
    options
}

fn mysql(args: &DeliveryArgs) -> MysqlOptions {
    let mut options = MysqlOptions::default();
    options.addresses = addresses(args);
    if let Some(time) = args.connect_timeout {
        options.connect_timeout = time;
    }
    if let Some(time) = args.request_timeout {
        options.total_timeout = time;
    }
    options
}

fn addresses(args: &DeliveryArgs) -> Option<AddressPolicy> {
    args.deny_private.then(|| AddressPolicy::public_and(&args.allow_host))
}

fn look_up(secret: &SecretRef, shared: bool, allowed: &[SecretRef]) -> Result<String, String> {
    if shared && !allowed.contains(secret) {
        return Err(format!(
            "the spool is shared, and its worker may not use it; run `slipstream work --allow-secret {secret}`"
        ));
    }
    match secret {
        SecretRef::Env(name) => std::env::var(name)
            .map_err(|_| format!("the worker's environment has no {name}; set it where it runs")),
        SecretRef::File(path) => std::fs::read_to_string(path).map_err(|error| {
            format!("{path} cannot be read: {}", error.to_string().to_lowercase())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_shared_spool_only_an_allowed_secret_is_looked_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret").display().to_string();
        std::fs::write(&path, "whsec_x").unwrap();
        let secret = SecretRef::File(path);
        assert_eq!(look_up(&secret, false, &[]).as_deref(), Ok("whsec_x"));
        assert!(look_up(&secret, true, &[]).unwrap_err().contains("--allow-secret file:/"));
        assert_eq!(look_up(&secret, true, std::slice::from_ref(&secret)).as_deref(), Ok("whsec_x"));
        let none = SecretRef::Env("SLIPSTREAM_NO_SUCH_NAME".into());
        assert!(look_up(&none, false, &[]).unwrap_err().contains("has no SLIPSTREAM_NO"));
    }
}
