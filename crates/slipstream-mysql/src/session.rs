//! A connection that is set up, and requests that are executed over it.
//!
//! # Invariants
//! A request is executed in a transaction of its own or the one that is open, and what a statement
//! of it did to that is read from the server's answers.
//!
//! # Non-goals
//! Which requests may share a session (`sharing`), and cleaning one for another.

use std::time::{Duration, Instant};

use slipstream_core::RecordId;

use crate::once;
use crate::sharing::STORED_CODE;
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
    /// Stored code ran in a session that others share; it was undone.
    StoredCode,
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
            Self::Ended | Self::StoredCode | Self::NoTable { .. } => true,
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
    /// Whether another request may have it afterwards.
    pub(crate) shared: bool,
    /// What the server's count of stored code was before a request.
    before: Option<u64>,
    /// How many rows each statement of the request that was executed last changed.
    pub(crate) changed: Vec<u64>,
    /// The table that remembers requests, with its database.
    pub(crate) once_table: String,
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
    pub(crate) fn new(
        connection: Connection,
        options: &MysqlOptions,
        database: &str,
    ) -> Result<Self, Error> {
        let settings = settings(options, connection.is_mariadb());
        let mut session = Self {
            connection,
            limit: options.result_limit,
            shared: true,
            before: None,
            changed: Vec::new(),
            once_table: once::table(database),
            has_table: false,
            entered: false,
            used: Instant::now(),
            broken: false,
        };
        session.query(&settings)?;
        Ok(session)
    }

    /// Ends it. Nothing that it held is held behind that.
    pub(crate) fn end(self) {
        if !self.broken {
            self.connection.close();
        }
    }

    /// Has [`Session::ran_stored_code`] count from here, unless it does already.
    pub(crate) fn count_stored_code(&mut self) -> Result<(), Error> {
        if self.before.is_none() {
            self.before = self.connection.sum(STORED_CODE)?;
        }
        Ok(())
    }

    /// Whether stored code has run. A server that does not tell may have run any.
    pub(crate) fn ran_stored_code(&mut self) -> Result<bool, Error> {
        let now = self.connection.sum(STORED_CODE)?;
        Ok(now.is_none() || now != self.before)
    }

    /// Lets a statement take so long: the server may be silent for as long, and a MariaDB gives it up
    /// soon after we do. For a session that is the request's own.
    pub(crate) fn allow(&mut self, time: Duration) -> Result<(), Error> {
        self.connection.silence(time);
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

    /// Executes a request as a transaction of its own. If it is to be so once, the table that
    /// remembers it is there.
    pub(crate) fn alone(&mut self, request: &MysqlRequest, id: RecordId) -> Result<(), Trouble> {
        self.changed.clear();
        if let ([statement], false) = (request.statements(), request.once) {
            // A procedure may have begun a transaction and left it open: it would be rolled back
            // with the session, unnoticed.
            if self.execute(statement, true)? & IN_TRANSACTION != 0 {
                self.commit()?;
            }
            return Ok(());
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
        self.changed.clear();
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
        let done = match params.is_empty() {
            true => self.connection.query(query, for_good, self.limit),
            false => self.connection.execute(query, params, for_good, self.limit),
        };
        self.changed.push(self.connection.affected());
        done
    }
}

/// What every session begins with. The server gives up what it waits for before we do, and a
/// transaction that a dead machine left open does not keep its locks for hours. Nor does `IS NULL` find
/// the row that was inserted last.
fn settings(options: &MysqlOptions, mariadb: bool) -> String {
    let lock_wait = options.lock_wait.as_secs().clamp(1, DAY);
    let alone = options.total_timeout.saturating_add(options.idle).as_secs().clamp(60, DAY) * 2;
    let mut text = format!(
        "SET SESSION autocommit = 1, innodb_lock_wait_timeout = {lock_wait}, lock_wait_timeout = {lock_wait}, wait_timeout = {alone}, sql_auto_is_null = 0"
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
