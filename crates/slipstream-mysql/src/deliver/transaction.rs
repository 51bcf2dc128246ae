//! Transactions: a request is executed in its own transaction, or within the open one.
//!
//! # Invariants
//! What a statement did to the transaction is read from the server's answers.

use slipstream_core::RecordId;

use crate::deliver::once;
use crate::deliver::session::Session;
use crate::deliver::trouble::Trouble;
use crate::deliver::wire::IN_TRANSACTION;
use crate::request::MysqlRequest;

/// Executes a request as a transaction of its own. If it is to be so once, the table that
/// remembers it is there.
pub(crate) fn alone(
    session: &mut Session,
    request: &MysqlRequest,
    id: RecordId,
) -> Result<(), Trouble> {
    session.changed.clear();
    if let ([statement], false) = (request.statements(), request.once) {
        // A procedure may have begun a transaction and left it open: it would be rolled back
        // with the session, unnoticed.
        if session.execute(statement, true)? & IN_TRANSACTION != 0 {
            session.commit()?;
        }
        return Ok(());
    }
    session.query("START TRANSACTION")?;
    match inside(session, request, id) {
        Ok(()) => session.commit(),
        Err(trouble) => {
            session.broken |= trouble.leaves_well() && session.query("ROLLBACK").is_err();
            // What only changes rows was rolled back, its id too.
            if session.entered && trouble.leaves_well() && !session.broken && !request.rows_only() {
                once::forget(session, id);
            }
            Err(trouble)
        }
    }
}

/// Executes a request within the transaction that is open. If it was executed before, it
/// is not again.
pub(crate) fn inside(
    session: &mut Session,
    request: &MysqlRequest,
    id: RecordId,
) -> Result<(), Trouble> {
    session.entered = false;
    if request.once {
        if !once::enter(session, id)? {
            return Ok(());
        }
        session.entered = true;
    }
    session.changed.clear();
    for statement in request.statements() {
        if session.execute(statement, false)? & IN_TRANSACTION == 0 {
            return Err(Trouble::Ended);
        }
    }
    Ok(())
}
