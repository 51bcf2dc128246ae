//! Who delivers requests of each kind, as `work` wants it: settings, and where secrets come from.
//!
//! Guaranteed: in a spool that others can write to, no request is signed with a secret that
//! whoever runs the worker did not allow. A signature tells no secret, but it lets somebody who
//! can ask for one find out a weak password. A password is told to the one server that it is allowed
//! for. Private addresses are denied to all kinds alike.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use slipstream_core::{AddressPolicy, Destination, Request, SecretRef};
use slipstream_http::{HttpDriver, HttpOptions};
use slipstream_log::Spool;
use slipstream_mysql::{MysqlHandler, MysqlOptions, MysqlRequest};
use slipstream_tcp::{TcpHandler, TcpOptions};
use slipstream_worker::{Threads, Worker};

use crate::args::DeliveryArgs;

/// Threads for requests over streams, half of them for one peer: each waits most of the time.
const TCP_THREADS: usize = 64;

/// Threads for statements, and so connections, half of them to one server: what waits for one is
/// executed together.
const MYSQL_THREADS: usize = 16;

/// The worker with everybody that delivers.
pub(crate) fn with_all(worker: Worker, args: &DeliveryArgs, spool: &Spool) -> Result<Worker> {
    let secrets = Secrets::of(args, spool)?;
    let named = {
        let secrets = secrets.clone();
        move |secret: &SecretRef| secrets.look_up(secret, None)
    };
    let http = HttpDriver::new(http(args))?.secrets(named.clone());
    let tcp = Threads::new(TcpHandler::new(tcp(args)).secrets(named)).threads(TCP_THREADS);
    let told = move |secret: &SecretRef, to: &Destination| secrets.look_up(secret, Some(to));
    let mysql = Threads::new(MysqlHandler::new(mysql(args)).secrets(told)).threads(MYSQL_THREADS);
    Ok(worker.driver(Box::new(http)).threads(tcp).threads(mysql))
}

fn http(args: &DeliveryArgs) -> HttpOptions {
    let mut options = HttpOptions::default();
    options.deny_private = args.deny_private;
    options.allow_hosts.clone_from(&args.allow_host);
    options.proxy.clone_from(&args.proxy);
    times(args, &mut options.connect_timeout, &mut options.total_timeout);
    options
}

fn tcp(args: &DeliveryArgs) -> TcpOptions {
    let mut options = TcpOptions::default();
    options.addresses = addresses(args);
    times(args, &mut options.connect_timeout, &mut options.total_timeout);
    options.idle_timeout = args.request_timeout.unwrap_or(options.idle_timeout);
    options
}

fn mysql(args: &DeliveryArgs) -> MysqlOptions {
    let mut options = MysqlOptions::default();
    options.addresses = addresses(args);
    times(args, &mut options.connect_timeout, &mut options.total_timeout);
    options.silent_timeout = args.request_timeout.unwrap_or(options.silent_timeout);
    options
}

/// The times that are given, in place of the usual ones.
fn times(args: &DeliveryArgs, connect: &mut Duration, total: &mut Duration) {
    *connect = args.connect_timeout.unwrap_or(*connect);
    *total = args.request_timeout.unwrap_or(*total);
}

fn addresses(args: &DeliveryArgs) -> Option<AddressPolicy> {
    args.deny_private.then(|| AddressPolicy::public_and(&args.allow_host))
}

/// Which secrets may be used, and for whom.
#[derive(Clone)]
struct Secrets {
    shared: bool,
    allowed: Arc<[(SecretRef, Option<String>)]>,
}

impl Secrets {
    fn of(args: &DeliveryArgs, spool: &Spool) -> Result<Self> {
        let allowed = args.allow_secret.iter().map(|text| {
            // What a secret is proven by tells nobody what it is; a password is told.
            let (secret, to) = match text.rsplit_once("@mysql://") {
                Some((secret, place)) => (secret, Some(server(place)?)),
                None => (&**text, None),
            };
            Ok((secret.parse()?, to))
        });
        let allowed = allowed.collect::<Result<Vec<_>>>()?.into();
        Ok(Self { shared: spool.settings().group.is_some(), allowed })
    }

    /// What a secret is. `told` is whom it is told, if it is more than proven.
    fn look_up(&self, secret: &SecretRef, told: Option<&Destination>) -> Result<String, String> {
        let told = told.map(Destination::as_str);
        let is_allowed =
            self.allowed.iter().any(|(one, to)| one == secret && to.as_deref() == told);
        if self.shared && !is_allowed {
            let to = told.map(|to| format!("@{to}")).unwrap_or_default();
            return Err(format!(
                "the spool is shared, and its worker may not use it; run `slipstream work --allow-secret {secret}{to}`"
            ));
        }
        match secret {
            SecretRef::Env(name) => std::env::var(name).map_err(|_| {
                format!("the worker's environment has no {name}; set it where it runs")
            }),
            SecretRef::File(path) => std::fs::read_to_string(path).map_err(|error| {
                format!("{path} cannot be read: {}", error.to_string().to_lowercase())
            }),
        }
    }
}

/// The server that a secret may be told, as destinations are written. One that is mistaken for
/// something else would never be met.
fn server(place: &str) -> Result<String> {
    if place.starts_with("unix:/") {
        return Ok(format!("mysql://{place}"));
    }
    // Like any URL; whom to be there is the request's.
    let request = MysqlRequest::new(format!("mysql://anybody@{place}")).statement("DO 1", []);
    request.check().context("--allow-secret names no server; write env:NAME@mysql://HOST:PORT")?;
    Ok(request.destination().as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_that_a_secret_may_be_told_is_written_as_requests_have_it() {
        let table = [
            ("db:3307", "mysql://db:3307"),
            ("DB.example.com", "mysql://db.example.com:3306"),
            ("app@db/shop", "mysql://db:3306"),
            ("unix:/run/mysqld.sock", "mysql://unix:/run/mysqld.sock"),
        ];
        for (place, expected) in table {
            assert_eq!(server(place).unwrap(), expected);
        }
        for place in ["", "db:0", "db:port", "a b"] {
            let error = server(place).unwrap_err().to_string();
            assert!(error.contains("HOST:PORT"), "{place}: {error}");
        }
    }

    #[test]
    fn in_a_shared_spool_only_an_allowed_secret_is_looked_up_and_told_only_to_whom_it_may() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret").display().to_string();
        std::fs::write(&path, "whsec_x").unwrap();
        let secret = SecretRef::File(path);
        let to = Destination::new("mysql://db:3306");
        let other = Destination::new("mysql://evil:3306");
        let found = |shared, allowed: &[(SecretRef, Option<String>)], told| {
            Secrets { shared, allowed: allowed.into() }.look_up(&secret, told)
        };
        assert_eq!(found(false, &[], None).as_deref(), Ok("whsec_x"));
        assert_eq!(found(false, &[], Some(&to)).as_deref(), Ok("whsec_x"));
        let proven = [(secret.clone(), None)];
        assert_eq!(found(true, &proven, None).as_deref(), Ok("whsec_x"));
        let error = found(true, &proven, Some(&to)).unwrap_err();
        assert!(error.contains("--allow-secret file:/") && error.ends_with("@mysql://db:3306`"));
        let bound = [(secret.clone(), Some("mysql://db:3306".to_owned()))];
        assert_eq!(found(true, &bound, Some(&to)).as_deref(), Ok("whsec_x"));
        assert!(found(true, &bound, Some(&other)).is_err());
        assert!(found(true, &bound, None).is_err());
        let none = SecretRef::Env("SLIPSTREAM_NO_SUCH_NAME".into());
        let lacking = Secrets { shared: false, allowed: [].into() }.look_up(&none, None);
        assert!(lacking.unwrap_err().contains("has no SLIPSTREAM_NO"));
    }
}
