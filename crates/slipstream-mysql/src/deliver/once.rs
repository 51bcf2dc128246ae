//! Requests that are executed exactly once: their ids, in a table of the database.
//!
//! The table is named with its database, wherever a statement has led the session meanwhile.
//!
//! [`MysqlOptions::once_kept`]: crate::MysqlOptions::once_kept
//!
//! # Invariants
//! - An id is entered in the transaction that does the rest, so either both are committed or
//!   neither.
//! - A second request with the same id finds it there, or waits for the first to end.
//! - The table grows with what is executed within [`MysqlOptions::once_kept`], no further: each
//!   entry removes two that are older, on average.
//!
//! # Non-goals
//! A way to distinguish an id that was removed from an id that was never there.

use std::time::Duration;

use slipstream_core::RecordId;

use crate::deliver::session::Session;
use crate::deliver::trouble::Trouble;
use crate::deliver::wire::Error;
use crate::request::Statement;
use crate::request::param::Param;

/// The table of this database, as statements name it.
pub(crate) fn table(database: &str) -> String {
    format!("`{}`.slipstream_once", database.replace('`', "``"))
}

/// What makes the table of this name.
pub(crate) fn making(table: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (id BINARY(16) NOT NULL PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, KEY at (at)) ENGINE=InnoDB"
    )
}

const NO_SUCH_TABLE: u16 = 1146;
const DUPLICATE: u16 = 1062;

/// One in so many entries clears up, and removes at most twice as many.
const CLEARS: u8 = 32;

/// Makes the table if it is not there. That commits whatever is open, so nothing may be.
pub(crate) fn ensure_table(session: &mut Session) -> Result<(), Trouble> {
    if session.has_table {
        return Ok(());
    }
    let table = session.once_table.clone();
    // It is not one of the statements that are counted for stored code.
    match session.query(&format!("SHOW CREATE TABLE {table}")) {
        Err(error) if error.code() == NO_SUCH_TABLE => match session.query(&making(&table)) {
            Err(Error::Server { code, message }) => {
                return Err(Trouble::NoTable { code, message });
            }
            made => made?,
        },
        seen => seen?,
    };
    session.has_table = true;
    Ok(())
}

/// Enters this id: whether it was not there.
pub(crate) fn enter(session: &mut Session, id: RecordId) -> Result<bool, Trouble> {
    let id = Param::Bytes(id.as_bytes().to_vec());
    let insert = format!("INSERT INTO {} (id) VALUES (?)", session.once_table);
    let insert = Statement::new(insert, [id]);
    match session.execute(&insert, false) {
        Err(error) if error.code() == DUPLICATE => Ok(false),
        entered => Ok(entered.map(|_| true)?),
    }
}

/// Forgets the id of an attempt that failed. The rollback has done so, unless a statement had ended
/// the transaction, as a procedure does that begins one of its own: then the id is still in the
/// table, and the next attempt would be taken for done.
pub(crate) fn forget(session: &mut Session, id: RecordId) {
    let id = Param::Bytes(id.as_bytes().to_vec());
    let delete = format!("DELETE FROM {} WHERE id = ?", session.once_table);
    let delete = Statement::new(delete, [id]);
    if let Err(error) = session.execute(&delete, false) {
        session.broken |= !error.leaves_well();
        tracing::debug!(?error, "the id of a failed attempt was not removed");
    }
}

/// Removes a few that are too old, now and then: behind a commit, so that no request waits for it, and
/// whether it succeeds or not.
pub(crate) fn clear_up(session: &mut Session, entered: &[RecordId], kept: Duration) {
    // The last byte of an id is chance.
    let turns = entered.iter().filter(|id| id.as_bytes()[15] % CLEARS == 0).count();
    if turns == 0 {
        return;
    }
    let most = turns * usize::from(CLEARS) * 2;
    let delete = format!(
        "DELETE FROM {} WHERE at < NOW() - INTERVAL {} SECOND ORDER BY at LIMIT {most}",
        session.once_table,
        kept.as_secs()
    );
    if let Err(error) = session.query(&delete) {
        session.broken |= !error.leaves_well();
        tracing::debug!(?error, "old ids were not removed");
    }
}
