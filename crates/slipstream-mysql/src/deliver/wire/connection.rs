//! A connection that is logged in, and the commands that it takes.

use std::time::{Duration, Instant};

use super::channel::{Channel, Seen, Stream};
use super::error::{Error, Result};
use super::login::{Login, log_in};
use super::reader::Reader;
use super::value;
use crate::request::param::Param;

const QUIT: u8 = 0x01;
const QUERY: u8 = 0x03;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
const CLOSE: u8 = 0x19;
const RESET: u8 = 0x1f;

/// The server's status: a transaction is open,
pub(crate) const IN_TRANSACTION: u16 = 1;
/// and a further result follows.
const MORE_RESULTS: u16 = 8;

/// How long the end of a session is waited for.
const FAREWELL: Duration = Duration::from_secs(1);

/// Most rows that are summed up.
const SUMMED: usize = 100;

/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 64;

/// The server does not know the statement any more, or its tables have changed.
const FORGOTTEN: [u16; 2] = [1243, 1615];

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    channel: Channel,
    /// By their text, the statement that was used last at the end.
    statements: Vec<(String, Prepared)>,
    mariadb: bool,
    may_stand: bool,
    /// Rows that the last command changed.
    affected: u64,
    /// Whether good-bye was said.
    closed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Prepared {
    number: u32,
    params: usize,
}

impl Connection {
    /// Logs in over a connected socket.
    pub(crate) fn open(stream: Stream, login: &Login<'_>) -> Result<Self> {
        let mut channel = Channel::new(stream);
        let mariadb = log_in(&mut channel, login)?;
        let statements = Vec::new();
        Ok(Self { channel, statements, mariadb, may_stand: false, affected: 0, closed: false })
    }

    /// Whether the server is a MariaDB.
    pub(crate) fn is_mariadb(&self) -> bool {
        self.mariadb
    }

    /// Whatever follows must have ended by then.
    pub(crate) fn until(&mut self, deadline: Instant) {
        self.channel.until(deadline);
    }

    /// From now on it may be silent for so long.
    pub(crate) fn silence(&mut self, time: Duration) {
        self.channel.silence(time);
    }

    /// Whether the server has neither closed the connection nor said anything by itself.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.channel.is_quiet()
    }

    /// Whether something that lasts may have been done since [`Connection::start`].
    pub(crate) fn may_stand(&self) -> bool {
        self.may_stand
    }

    /// From now on, what was done is not this one's concern.
    pub(crate) fn start(&mut self) {
        self.may_stand = false;
    }

    /// Executes this text. `lasting` when no rollback would undo it: what is not answered then
    /// may have been done. The server's status.
    pub(crate) fn query(&mut self, sql: &str, lasting: bool, limit: u64) -> Result<u16> {
        self.command(QUERY, sql.as_bytes())?;
        self.may_stand |= lasting;
        self.result(limit)
    }

    /// Prepares and executes a statement, the former once for each connection.
    pub(crate) fn execute(
        &mut self,
        sql: &str,
        params: &[Param],
        lasting: bool,
        limit: u64,
    ) -> Result<u16> {
        match self.execute_prepared(sql, params, lasting, limit) {
            Err(error) if FORGOTTEN.contains(&error.code()) => {
                self.statements.retain(|(known, _)| known != sql);
                self.execute_prepared(sql, params, lasting, limit)
            }
            other => other,
        }
    }

    /// How many rows the last command changed, if it returned none.
    pub(crate) fn affected(&self) -> u64 {
        self.affected
    }

    /// The sum of a result's second column, and None if there is no row.
    pub(crate) fn sum(&mut self, sql: &str) -> Result<Option<u64>> {
        const WRONG: Error = Error::Protocol("invalid number");
        self.command(QUERY, sql.as_bytes())?;
        let first = self.channel.receive()?;
        let columns = Reader(&first).length()?;
        if columns != 2 {
            return Err(Error::Protocol("a result has another number of columns than asked for"));
        }
        self.skip_definitions(columns)?;
        let mut sum = None;
        for _ in 0..SUMMED {
            let row = self.channel.receive()?;
            if row[0] == 0xfe && row.len() < 9 {
                return Ok(sum);
            }
            let mut reader = Reader(&row);
            let name = reader.length()?;
            reader.take(usize::try_from(name).map_err(|_| WRONG)?)?;
            let value = reader.length()?;
            let value = reader.take(usize::try_from(value).map_err(|_| WRONG)?)?;
            let value = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
            sum = Some(value.ok_or(WRONG)?.saturating_add(sum.unwrap_or(0)));
        }
        Err(Error::Protocol("a result has more rows than asked for"))
    }

    /// Ends the session, and waits for that: nothing that it held (locks, a transaction) is held
    /// behind it, and the server's side of the connection is closed before ours, so that ours keeps no port.
    pub(crate) fn close(mut self) {
        self.until(Instant::now() + FAREWELL);
        self.closed = true;
        let reset = self.command(RESET, &[]).and_then(|()| self.result(0));
        let well = reset.as_ref().map_or_else(Error::leaves_well, |_| true);
        if well && self.command(QUIT, &[]).is_ok() {
            self.channel.await_end();
        }
    }

    fn execute_prepared(
        &mut self,
        sql: &str,
        params: &[Param],
        lasting: bool,
        limit: u64,
    ) -> Result<u16> {
        let prepared = self.prepared(sql)?;
        if prepared.params != params.len() {
            return Err(Error::Params { wanted: prepared.params, given: params.len() });
        }
        let mut command = prepared.number.to_le_bytes().to_vec();
        value::write(&mut command, params);
        self.command(EXECUTE, &command)?;
        self.may_stand |= lasting;
        self.result(limit)
    }

    fn prepared(&mut self, sql: &str) -> Result<Prepared> {
        if let Some(at) = self.statements.iter().position(|(known, _)| known == sql) {
            self.statements[at..].rotate_left(1);
        } else {
            let prepared = self.prepare(sql)?;
            if self.statements.len() == STATEMENTS {
                let (_, oldest) = self.statements.remove(0);
                // It is not answered.
                self.command(CLOSE, &oldest.number.to_le_bytes())?;
            }
            self.statements.push((sql.to_owned(), prepared));
        }
        let last = self.statements.last().map(|(_, prepared)| *prepared);
        last.ok_or(Error::Protocol("no statement was prepared"))
    }

    fn prepare(&mut self, sql: &str) -> Result<Prepared> {
        self.command(PREPARE, sql.as_bytes())?;
        let answer = self.channel.receive()?;
        let mut reader = Reader(&answer);
        if reader.u8()? != 0 {
            return Err(Error::Protocol("a statement is not answered as one is"));
        }
        let number = reader.u32()?;
        let (columns, params) = (reader.u16()?, reader.u16()?);
        for count in [params, columns] {
            self.skip_definitions(count.into())?;
        }
        Ok(Prepared { number, params: params.into() })
    }

    /// Definitions and the packet behind them, none for none.
    fn skip_definitions(&mut self, count: u64) -> Result<u64> {
        let mut skipped = 0;
        for _ in 0..count {
            match self.channel.see()? {
                Seen::Skipped(bytes) => skipped += bytes,
                Seen::End(_) => return Err(Error::Protocol("a definition is missing")),
            }
        }
        match count {
            0 => Ok(0),
            _ => match self.channel.see()? {
                Seen::End(_) => Ok(skipped),
                Seen::Skipped(_) => Err(Error::Protocol("there are more definitions than said")),
            },
        }
    }

    fn command(&mut self, command: u8, argument: &[u8]) -> Result<()> {
        self.channel.begin();
        self.channel.send(&[&[command], argument].concat())
    }

    /// Reads all results of a command, and keeps nothing but the status.
    fn result(&mut self, limit: u64) -> Result<u16> {
        let mut taken = 0;
        self.affected = 0;
        loop {
            let first = self.channel.receive()?;
            let status = match first[0] {
                0 => {
                    let (affected, status) = ok(&first)?;
                    self.affected = affected;
                    status
                }
                0xfb => return Err(Error::Protocol("it asks for a file of this machine")),
                _ => self.rows(&first, &mut taken, limit)?,
            };
            if status & MORE_RESULTS == 0 {
                return Ok(status);
            }
            // An endless row of empty results is one, too.
            taken += 16;
            within(taken, limit)?;
        }
    }

    fn rows(&mut self, first: &[u8], taken: &mut u64, limit: u64) -> Result<u16> {
        let columns = Reader(first).length()?;
        if columns > u64::from(u16::MAX) {
            return Err(Error::Protocol("a result has more columns than there can be"));
        }
        *taken += self.skip_definitions(columns)?;
        loop {
            match self.channel.see()? {
                Seen::End(status) => return Ok(status),
                Seen::Skipped(bytes) => *taken += bytes + 4,
            }
            within(*taken, limit)?;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        // Servers count connections that end without it as failures. It fits into the socket's
        // buffer, or it is not read any more.
        self.channel.until(Instant::now() + Duration::from_millis(100));
        let _ = self.command(QUIT, &[]);
    }
}

fn within(taken: u64, limit: u64) -> Result<()> {
    if taken > limit { Err(Error::TooMuch(limit)) } else { Ok(()) }
}

/// How many rows were changed, and the status.
fn ok(payload: &[u8]) -> Result<(u64, u16)> {
    let mut reader = Reader(&payload[1..]);
    let (affected, _inserted) = (reader.length()?, reader.length()?);
    Ok((affected, reader.u16()?))
}
