//! A session: a connection that is set up, and what is known of its state.
//!
//! # Non-goals
//! Which requests may share a session (`sharing`), and cleaning one for another.

use std::time::{Duration, Instant};

use crate::deliver::options::MysqlOptions;
use crate::deliver::sharing::STORED_CODE;
use crate::deliver::trouble::Trouble;
use crate::deliver::wire::{Connection, Error};
use crate::request::Statement;

/// In seconds: no setting is for longer.
const DAY: u64 = 24 * 3600;

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
    pub(crate) entered: bool,
    pub(crate) used: Instant,
    /// Whether it is in no state to be used again.
    pub(crate) broken: bool,
}

impl Session {
    /// Sets up a new connection.
    pub(crate) fn new(
        connection: Connection,
        options: &MysqlOptions,
        once_table: String,
    ) -> Result<Self, Error> {
        let settings = settings(options, connection.is_mariadb());
        let mut session = Self {
            connection,
            limit: options.result_limit,
            shared: true,
            before: None,
            changed: Vec::new(),
            once_table,
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

    /// Whether stored code has run. A server that does not report it may have run any.
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
