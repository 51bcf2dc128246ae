//! The executor: one request, or work on a session, within its time.
//!
//! # Invariants
//! - Delivered means that the server said it is committed.
//! - An attempt ends in time, whatever the server does.
//! - A connection that broke while it was idle costs no attempt, as long as nothing of the request
//!   can have been executed.
//!
//! # Non-goals
//! Threads. The worker has them, and calls from any.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use openssl::ssl::SslConnector;
use slipstream_core::{
    Destination, Failure, Outcome, RecordId, Request, SecretRef, Timeout, bare_host,
};

use crate::deliver::endpoint::{Endpoint, LookUp};
use crate::deliver::options::MysqlOptions;
use crate::deliver::plain::Plain;
use crate::deliver::pool::Pool;
use crate::deliver::protection;
use crate::deliver::protection::{Protection, protection};
use crate::deliver::resolve;
use crate::deliver::session::Session;
use crate::deliver::sharing;
use crate::deliver::sharing::{Findings, Sharing};
use crate::deliver::trouble::Trouble;
use crate::deliver::wire::{Connection, Error, Login, ServerKey, Socket, Stream};
use crate::deliver::{classify, once, transaction};
use crate::request::MysqlRequest;

/// Most ways to set up TLS that are kept.
const CONNECTORS: usize = 16;

/// What executes requests: settings, and what outlives a request.
pub(crate) struct Executor {
    pub(crate) options: MysqlOptions,
    pub(crate) look_up: Box<LookUp>,
    pool: Pool,
    pub(crate) findings: Findings,
    /// By the authorities that they trust; none for connectors that trust every server.
    connectors: Mutex<HashMap<Option<Vec<u8>>, SslConnector>>,
}

/// Why work on a session came to nothing.
pub(crate) struct Broken {
    pub(crate) failure: Failure,
    /// Whether something may have been done all the same.
    pub(crate) may_stand: bool,
    /// Whether there was a connection at all.
    pub(crate) connected: bool,
}

impl Executor {
    /// An executor with these options, which finds no secret.
    pub(crate) fn new(options: MysqlOptions) -> Self {
        let nowhere =
            |_: &SecretRef, _: &Destination| Err("no secrets are looked up here".to_owned());
        Self {
            options,
            look_up: Box::new(nowhere),
            pool: Pool::default(),
            findings: Findings::default(),
            connectors: Mutex::default(),
        }
    }

    /// One attempt, and when it must have ended.
    pub(crate) fn single(
        &self,
        request: &MysqlRequest,
        id: RecordId,
        until: Instant,
    ) -> Result<(), Failure> {
        request.check().map_err(|error| Failure::permanent(error.to_string()))?;
        let endpoint = Endpoint::new(request, &self.options)?;
        let total = request.max_time.map_or(self.options.total_timeout, Timeout::duration);
        let until = until.min(after(total));
        let plains = sharing::all_plain(request);
        let sharing = match self.findings.sharing(&endpoint, plains.as_deref()) {
            // It is committed before the server could be asked.
            Sharing::Asked => Sharing::Tried,
            sharing => sharing,
        };
        let done = self.on_session(&endpoint, until, sharing, Some(request), |session| {
            if let Some(time) = request.max_time {
                session.allow(time.duration())?;
            }
            if request.once {
                once::ensure_table(session)?;
            }
            if sharing == Sharing::Tried {
                session.count_stored_code()?;
            }
            transaction::alone(session, request, id)?;
            if let (Sharing::Tried, Some(plains)) = (sharing, &plains) {
                self.find(session, &endpoint, plains);
            }
            if request.once {
                once::clear_up(session, &[id], self.options.once_kept);
            }
            Ok(())
        });
        done.map_err(|broken| broken.failure)
    }

    /// Notes whether stored code ran behind a request that was executed in a session of its own, which
    /// others may have if none did.
    fn find(&self, session: &mut Session, endpoint: &Endpoint, plains: &[Plain]) {
        match ran_others(session, endpoint, plains) {
            Ok(true) => self.findings.ran(endpoint, plains),
            Ok(false) => {
                self.findings.ran_none(endpoint, plains, &session.changed);
                session.shared = !self.pool.has(endpoint);
            }
            Err(error) => {
                session.broken |= !error.leaves_well();
                tracing::debug!(?error, "the server does not tell which stored code ran");
            }
        }
    }

    /// Does some work on a connection to this endpoint. Once, it is done again if a connection that
    /// was kept is lost and nothing can have taken effect.
    pub(crate) fn on_session<T>(
        &self,
        endpoint: &Endpoint,
        until: Instant,
        sharing: Sharing,
        request: Option<&MysqlRequest>,
        mut work: impl FnMut(&mut Session) -> Result<T, Trouble>,
    ) -> Result<T, Broken> {
        let mut again = false;
        let shared = sharing == Sharing::Shared;
        loop {
            let kept = if shared { self.pool.take(endpoint, self.options.idle) } else { None };
            let was_kept = kept.is_some();
            let mut session = match kept {
                Some(session) => session,
                None => self.open(endpoint, until).map_err(|failure| Broken {
                    failure,
                    may_stand: false,
                    connected: false,
                })?,
            };
            session.shared = shared;
            session.connection.until(until);
            session.connection.start();
            let trouble = match work(&mut session) {
                Ok(done) => {
                    self.keep(endpoint, session);
                    return Ok(done);
                }
                Err(trouble) => trouble,
            };
            let may_stand = session.connection.may_stand();
            if trouble.leaves_well() {
                self.keep(endpoint, session);
            } else if was_kept && trouble.is_lost() && !may_stand && !again {
                again = true;
                // Those beside it met the same end, most likely.
                self.pool.forget(endpoint);
                continue;
            }
            let failure = classify::trouble(&trouble, request, &endpoint.peer());
            return Err(Broken { failure, may_stand, connected: true });
        }
    }

    /// Keeps a session that others may have, and ends any other.
    fn keep(&self, endpoint: &Endpoint, session: Session) {
        match session.shared && !session.broken {
            true => self.pool.put(endpoint, session),
            false => session.end(),
        }
    }

    fn open(&self, endpoint: &Endpoint, until: Instant) -> Result<Session, Failure> {
        let options = &self.options;
        let until = until.min(after(options.connect_timeout));
        let left = || until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let account = endpoint.account(&*self.look_up, options)?;
        let policy = &options.addresses;
        let connected = match &account.socket {
            Some(path) => resolve::unix(path, policy, left())?,
            None => resolve::tcp(&endpoint.host, endpoint.port, policy, left())?,
        };
        let protection = protection(endpoint.tls, &account, &connected);
        let connector = match protection {
            Protection::None => None,
            Protection::Offered | Protection::Unverified => Some(self.connector(None)?),
            Protection::Verified => Some(self.connector(Some(account.cacert))?),
        };
        // A final dot is the resolver's business; no certificate has it.
        let name = bare_host(&endpoint.host).trim_end_matches('.');
        let login = Login {
            user: &account.user,
            password: &account.password,
            database: &endpoint.database,
            tls: connector.as_ref().map(|connector| (connector, name)),
            if_offered: protection == Protection::Offered,
            tells: protection == Protection::Verified
                || !account.guarded
                || account.server_key == ServerKey::Asked,
            unix: connected.unix,
            loopback: connected.loopback,
            key: &account.server_key,
        };
        let socket = Socket::new(connected.socket, options.silent_timeout, until);
        Connection::open(Stream::Plain(socket), &login)
            .and_then(|connection| {
                Session::new(connection, options, once::table(&endpoint.database))
            })
            .map_err(|error| {
                let peer = endpoint.peer();
                // Over loopback how tls is used is the request's word all the same.
                match account.guarded && (!login.loopback || matches!(error, Error::Unprotected)) {
                    true => classify::guarded(&error, &peer),
                    false => classify::error(&error, None, &peer),
                }
            })
    }

    /// What sets up TLS. `trusted` is PEM, empty for the system's authorities, or None for trust in
    /// any server that answers.
    fn connector(&self, trusted: Option<Vec<u8>>) -> Result<SslConnector, Failure> {
        let mut known = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = known.get(&trusted) {
            return Ok(connector.clone());
        }
        let connector = protection::connector(trusted.as_deref()).map_err(|error| {
            Failure::permanent(format!(
                "the certificates that vouch for the server cannot be read ({error}); give PEM"
            ))
        })?;
        // A request may bring authorities of its own, and there may be any number of authorities.
        if known.len() == CONNECTORS {
            known.clear();
        }
        known.insert(trusted, connector.clone());
        Ok(connector)
    }
}

/// Whether stored code ran behind these, or may another time.
fn ran_others(session: &mut Session, endpoint: &Endpoint, plains: &[Plain]) -> Result<bool, Error> {
    if session.ran_stored_code()? {
        return Ok(true);
    }
    for plain in plains {
        let Some(question) = sharing::about_the_table(plain, &endpoint.database) else {
            return Ok(true);
        };
        if session.connection.sum(&question)? != Some(0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// When so much time has gone by, or a year.
pub(crate) fn after(time: Duration) -> Instant {
    Instant::now() + time.min(Duration::from_secs(365 * 24 * 3600))
}

pub(crate) fn outcome(done: Result<(), Failure>) -> Outcome {
    done.map_or_else(Outcome::Failed, |()| Outcome::Delivered)
}
