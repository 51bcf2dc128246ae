//! The drivers of each kind, as `work` configures them: settings, and what the worker can do that
//! users who store may not.
//!
//! # Invariants
//! - In a spool that others can write to, no Unix socket is connected to and no secret is looked up
//!   that the worker's operator did not allow. A socket shows its peer which user the worker is. A
//!   signature reveals no secret, but it lets a user who can ask for one find out a weak password.
//!   A password is sent to the one server that it is allowed for, and the request does not say how
//!   that server proves who it is.
//! - Private addresses are denied to all kinds alike.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use slipstream_core::{AddressGate, Destination, Invalid, Request, SecretRef};
use slipstream_http::{HttpDriver, HttpOptions, Proxies};
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

/// Whose requests a worker performs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Requests of the user that the worker is started by, who may do whatever the worker can.
    Own,
    /// Requests of others, too.
    Shared,
}

impl Trust {
    /// A group can write to its spool, and its owner to any; `became_another` says whether this process
    /// has become that one.
    pub(crate) fn of(spool: &Spool, became_another: bool) -> Self {
        match became_another || spool.settings().group.is_some() {
            true => Self::Shared,
            false => Self::Own,
        }
    }
}

/// The worker with all drivers.
pub(crate) fn with_all(worker: Worker, args: &DeliveryArgs, trust: Trust) -> Result<Worker> {
    let secrets = Secrets::of(args, trust)?;
    let named = {
        let secrets = secrets.clone();
        move |secret: &SecretRef| secrets.look_up(secret, None)
    };
    let http = HttpDriver::new(http(args, trust)?)?.secrets(named.clone());
    let tcp = Threads::new(TcpHandler::new(tcp(args, trust)).secrets(named)).threads(TCP_THREADS);
    let told = move |secret: &SecretRef, to: &Destination| secrets.look_up(secret, Some(to));
    let mysql =
        Threads::new(MysqlHandler::new(mysql(args, trust)).secrets(told)).threads(MYSQL_THREADS);
    Ok(worker.driver(Box::new(http)).threads(tcp).threads(mysql))
}

fn http(args: &DeliveryArgs, trust: Trust) -> Result<HttpOptions, Invalid> {
    let mut options = HttpOptions::default();
    options.addresses = addresses(args, trust);
    through_proxies(&mut options, args.proxy.as_deref())?;
    times(args, &mut options.connect_timeout, &mut options.total_timeout);
    Ok(options)
}

/// The proxy that the operator names, none if that is empty, or those of the environment.
pub(crate) fn through_proxies(
    options: &mut HttpOptions,
    proxy: Option<&str>,
) -> Result<(), Invalid> {
    match proxy {
        None => options.environment = Proxies::of_environment(|name| std::env::var(name).ok())?,
        Some("") => {}
        Some(proxy) => options.proxy = Some(proxy.to_owned()),
    }
    Ok(())
}

fn tcp(args: &DeliveryArgs, trust: Trust) -> TcpOptions {
    let mut options = TcpOptions::default();
    options.addresses = addresses(args, trust);
    times(args, &mut options.connect_timeout, &mut options.total_timeout);
    options.idle_timeout = args.request_timeout.unwrap_or(options.idle_timeout);
    options
}

fn mysql(args: &DeliveryArgs, trust: Trust) -> MysqlOptions {
    let mut options = MysqlOptions::default();
    options.addresses = addresses(args, trust);
    options.guards_secrets = trust == Trust::Shared;
    times(args, &mut options.connect_timeout, &mut options.total_timeout);
    options.silent_timeout = args.request_timeout.unwrap_or(options.silent_timeout);
    options
}

/// The times that are given, in place of the usual ones.
fn times(args: &DeliveryArgs, connect: &mut Duration, total: &mut Duration) {
    *connect = args.connect_timeout.unwrap_or(*connect);
    *total = args.request_timeout.unwrap_or(*total);
}

fn addresses(args: &DeliveryArgs, trust: Trust) -> AddressGate {
    match trust {
        _ if args.deny_private => AddressGate::public_and(&args.allow_host),
        Trust::Shared => AddressGate::sockets_only_of(&args.allow_host),
        Trust::Own => AddressGate::default(),
    }
}

/// The secrets that requests may use in a spool that others can write to.
pub(crate) fn allowed_secrets(args: &DeliveryArgs) -> Result<Vec<SecretRef>> {
    args.allow_secret.iter().map(|text| Ok(allowed(text)?.0)).collect()
}

/// A secret, and the server that it is for. A proof of a secret does not reveal it; a password is
/// sent itself.
fn allowed(text: &str) -> Result<(SecretRef, Option<String>)> {
    let (secret, place) = match text.rsplit_once("@mysql://") {
        Some((secret, place)) => (secret, Some(place)),
        None => (text, None),
    };
    // A server that is written in another way would make a name that no secret has.
    if secret.starts_with("env:") && secret.contains('@') {
        bail!(
            "invalid value '{text}' for '--allow-secret'; expected env:NAME, file:/PATH, or one of these with @mysql://HOST:PORT behind it"
        );
    }
    Ok((secret.parse()?, place.map(server).transpose()?))
}

/// Which secrets may be used, and for which server.
#[derive(Clone)]
struct Secrets {
    trust: Trust,
    allowed: Arc<[(SecretRef, Option<String>)]>,
}

impl Secrets {
    fn of(args: &DeliveryArgs, trust: Trust) -> Result<Self> {
        let allowed = args.allow_secret.iter().map(|text| allowed(text));
        let allowed = allowed.collect::<Result<Vec<_>>>()?.into();
        Ok(Self { trust, allowed })
    }

    /// What a secret is. `told` is the server that it is sent to, if it is more than proven.
    fn look_up(&self, secret: &SecretRef, told: Option<&Destination>) -> Result<String, String> {
        let told = told.map(Destination::as_str);
        let is_allowed =
            self.allowed.iter().any(|(one, to)| one == secret && to.as_deref() == told);
        if self.trust == Trust::Shared && !is_allowed {
            let to = told.map(|to| format!("@{to}")).unwrap_or_default();
            return Err(format!(
                "others can write to the spool, and its worker uses no secret that is not allowed (allow-secret in [work] of the settings file); run `slipstream work --allow-secret {secret}{to}`"
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

/// The server that a secret may be sent to, as destinations are written. A server that is mistaken
/// for something else would never be met.
fn server(place: &str) -> Result<String> {
    if place.starts_with("unix:/") {
        return Ok(format!("mysql://{place}"));
    }
    // Like any URL; the user is the request's.
    let at = if place.contains('@') { "" } else { "any@" };
    let request = MysqlRequest::new(format!("mysql://{at}{place}")).statement("DO 1", []);
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
    fn a_server_that_is_not_written_as_a_url_is_refused_and_not_taken_for_a_name() {
        for text in ["env:KEY@nowhere:x", "env:KEY@db", "env:KEY@tcp://db:1@mysql://db"] {
            let error = allowed(text).unwrap_err().to_string();
            assert!(error.starts_with("invalid value 'env:KEY@"), "{error}");
        }
        assert!(allowed("env:KEY@mysql://db:x").unwrap_err().to_string().contains("HOST:PORT"));
        let (secret, place) = allowed("env:KEY@mysql://db").unwrap();
        assert_eq!(
            (secret.to_string().as_str(), place.as_deref()),
            ("env:KEY", Some("mysql://db:3306"))
        );
        assert_eq!(allowed("file:/a@b").unwrap().1, None);
    }

    #[test]
    fn in_a_shared_spool_only_an_allowed_secret_is_looked_up_and_told_only_to_whom_it_may() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret").display().to_string();
        std::fs::write(&path, "whsec_x").unwrap();
        let secret = SecretRef::File(path);
        let to = Destination::new("mysql://db:3306");
        let other = Destination::new("mysql://evil:3306");
        let found = |trust, allowed: &[(SecretRef, Option<String>)], told| {
            Secrets { trust, allowed: allowed.into() }.look_up(&secret, told)
        };
        assert_eq!(found(Trust::Own, &[], None).as_deref(), Ok("whsec_x"));
        assert_eq!(found(Trust::Own, &[], Some(&to)).as_deref(), Ok("whsec_x"));
        let proven = [(secret.clone(), None)];
        assert_eq!(found(Trust::Shared, &proven, None).as_deref(), Ok("whsec_x"));
        let error = found(Trust::Shared, &proven, Some(&to)).unwrap_err();
        assert!(error.contains("--allow-secret file:/") && error.ends_with("@mysql://db:3306`"));
        let bound = [(secret.clone(), Some("mysql://db:3306".to_owned()))];
        assert_eq!(found(Trust::Shared, &bound, Some(&to)).as_deref(), Ok("whsec_x"));
        assert!(found(Trust::Shared, &bound, Some(&other)).is_err());
        assert!(found(Trust::Shared, &bound, None).is_err());
        let none = SecretRef::Env("SLIPSTREAM_NO_SUCH_NAME".into());
        let lacking = Secrets { trust: Trust::Own, allowed: [].into() }.look_up(&none, None);
        assert!(lacking.unwrap_err().contains("has no SLIPSTREAM_NO"));
    }
}
