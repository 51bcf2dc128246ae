//! A connection that is set up, and requests that are executed over it.
//!
//! Guarantees: a request is executed in a transaction of its own or the one that is open, and what a
//! statement of it did to that is read from the server's answers. Nothing of a session that a
//! statement may have changed is left for the next request.

use std::time::{Duration, Instant};

use slipstream_core::RecordId;

use crate::once;
use crate::sql::{Effect, effect};
use crate::wire::{Connection, Error, IN_TRANSACTION};
use crate::{MysqlOptions, MysqlRequest, Statement};

/// In seconds: no setting is for longer.
const DAY: u64 = 24 * 3600;

/// Why a request was not executed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The server, or the way there.
    Wire(Error),
    /// The same while a transaction was committed: it may be, or not.
    Commit(Error),
    /// A statement ended the transaction that it was to be a part of.
    Ended,
    /// The table that remembers requests is not there and cannot be made: what the server says.
    NoTable { code: u16, message: String },
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Wire(error)
    }
}

impl Trouble {
    /// Whether the connection can be used after it.
    pub(crate) fn leaves_well(&self) -> bool {
        match self {
            Self::Wire(error) | Self::Commit(error) => error.leaves_well(),
            Self::Ended | Self::NoTable { .. } => true,
        }
    }

    /// Whether the connection was cut, by whomever.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Wire(Error::Lost(_)))
    }
}

/// A connection, and what is known of its session.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    limit: u64,
    /// How long the server may be silent.
    silence: Duration,
    settings: String,
    /// Whether a statement may have changed the session.
    spoilt: bool,
    /// Whether the table that remembers requests was seen.
    pub(crate) has_table: bool,
    /// Whether the request that was executed last had its id entered by this attempt.
    entered: bool,
    pub(crate) used: Instant,
    /// Whether it is in no state to be used again.
    pub(crate) broken: bool,
}

impl Session {
    /// Sets up a new connection.
    pub(crate) fn new(connection: Connection, options: &MysqlOptions) -> Result<Self, Error> {
        let settings = settings(options, connection.is_mariadb());
        let mut session = Self {
            connection,
            limit: options.result_limit,
            silence: options.silent_timeout,
            settings,
            spoilt: false,
            has_table: false,
            entered: false,
            used: Instant::now(),
            broken: false,
        };
        session.query(&session.settings.clone())?;
        Ok(session)
    }

    /// Makes it as good as new, if need be.
    pub(crate) fn clean(&mut self) -> Result<(), Error> {
        if self.spoilt {
            self.connection.silence(self.silence);
            self.connection.reset()?;
            self.query(&self.settings.clone())?;
            self.spoilt = false;
            self.has_table = false;
        }
        Ok(())
    }

    /// Lets what comes before the session is cleaned take so long: the server may be silent for as
    /// long, and a MariaDB gives a statement up soon after we do.
    pub(crate) fn allow(&mut self, time: Duration) -> Result<(), Error> {
        self.connection.silence(time);
        self.spoilt = true;
        if self.connection.is_mariadb() {
            let most = seconds(time.saturating_add(Duration::from_secs(1)));
            self.query(&format!("SET SESSION max_statement_time = {most:.3}"))?;
        }
        Ok(())
    }

    /// Executes something of our own.
    pub(crate) fn query(&mut self, sql: &str) -> Result<u16, Error> {
        self.connection.query(sql, false, self.limit)
    }

    /// Commits what is open.
    pub(crate) fn commit(&mut self) -> Result<(), Trouble> {
        self.connection.query("COMMIT", true, self.limit).map_err(Trouble::Commit)?;
        Ok(())
    }

    /// Executes a request as a transaction of its own.
    pub(crate) fn alone(&mut self, request: &MysqlRequest, id: RecordId) -> Result<(), Trouble> {
        if let ([statement], false) = (request.statements(), request.once) {
            // A procedure may have begun a transaction and left it open: it would be rolled back
            // with the session, and nobody would know.
            if self.execute(statement, true)? & IN_TRANSACTION != 0 {
                self.commit()?;
            }
            return Ok(());
        }
        if request.once {
            once::ensure_table(self)?;
        }
        self.query("START TRANSACTION")?;
        match self.inside(request, id) {
            Ok(()) => self.commit(),
            Err(trouble) => {
                self.broken |= trouble.leaves_well() && self.query("ROLLBACK").is_err();
                // What only changes rows was rolled back, its id too.
                if self.entered && trouble.leaves_well() && !self.broken && !request.rows_only() {
                    once::forget(self, id);
                }
                Err(trouble)
            }
        }
    }

    /// Executes a request within the transaction that is open. If it was executed before, it
    /// is not again.
    pub(crate) fn inside(&mut self, request: &MysqlRequest, id: RecordId) -> Result<(), Trouble> {
        self.entered = false;
        if request.once {
            if !once::enter(self, id)? {
                return Ok(());
            }
            self.entered = true;
        }
        for statement in request.statements() {
            if self.execute(statement, false)? & IN_TRANSACTION == 0 {
                return Err(Trouble::Ended);
            }
        }
        Ok(())
    }

    /// Executes a statement; `for_good` when no rollback would undo it. The server's status.
    pub(crate) fn execute(&mut self, statement: &Statement, for_good: bool) -> Result<u16, Error> {
        let Statement { query, params } = statement;
        self.spoilt |= effect(query) != Effect::Rows;
        if params.is_empty() {
            self.connection.query(query, for_good, self.limit)
        } else {
            self.connection.execute(query, params, for_good, self.limit)
        }
    }
}

/// What every session begins with. The server gives up what it waits for before we do, and a
/// transaction that a dead machine left open does not keep its locks for hours.
fn settings(options: &MysqlOptions, mariadb: bool) -> String {
    let lock_wait = options.lock_wait.as_secs().clamp(1, DAY);
    let alone = options.total_timeout.saturating_add(options.idle).as_secs().clamp(60, DAY) * 2;
    let mut text = format!(
        "SET SESSION autocommit = 1, innodb_lock_wait_timeout = {lock_wait}, lock_wait_timeout = {lock_wait}, wait_timeout = {alone}"
    );
    if mariadb {
        let most = seconds(options.silent_timeout) * 0.9;
        text.push_str(&format!(", max_statement_time = {most:.3}"));
    }
    text
}

/// As settings want them, and no more than a day.
fn seconds(time: Duration) -> f64 {
    time.as_secs_f64().min(DAY as f64)
}
