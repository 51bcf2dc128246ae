//! Session sharing: which requests may share a session.
//!
//! # Invariants
//! A session is shared by requests that can neither read nor change what state it is in: their
//! statements are plain (`plain`), and run no stored code, which the server's own counters show.
//! Any other request has a session that was opened for it, and is closed behind it.
//!
//! What is done to a table is tried in such a session first, where it is asked, too, whether it is one, and what was found is believed for a
//! minute: triggers may be made meanwhile. Where it depends on the rows which triggers are run, and not all were found out, a
//! group asks again before it commits.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::deliver::endpoint::Endpoint;
use crate::deliver::plain::{Plain, plain};
use crate::request::MysqlRequest;

/// How long a finding is believed.
const BELIEVED: Duration = Duration::from_secs(60);

/// Most findings that are kept.
const KEPT: usize = 4096;

/// What of a session's sums grows when stored code runs: a trigger, or a statement of a trigger or
/// of a function. None of a group's own statements is among them.
pub(crate) const STORED_CODE: &str = "SHOW SESSION STATUS WHERE Variable_name IN ('Executed_triggers', 'Com_select', 'Com_set_option', 'Com_call_procedure')";

/// A question whose sum is 0 if this is about a table, and nothing is a function that it has for a
/// default: a function may read a sequence, and what a view calls may assign to a variable. None if
/// the name is too odd to ask for.
pub(crate) fn about_the_table(plain: &Plain, database: &str) -> Option<String> {
    let (database, table) = match &plain.table[..] {
        [table] => (database, table),
        [database, table] => (&**database, table),
        _ => return None,
    };
    if [database, table].iter().any(|name| name.contains(['\'', '\\', '\0'])) {
        return None;
    }
    Some(format!(
        "SELECT 'others', COUNT(*) = 0 OR COALESCE(SUM(t.table_type NOT IN ('BASE TABLE', 'SYSTEM VERSIONED') \
         OR c.column_default LIKE '%(%' AND c.column_default NOT LIKE 'current_timestamp(%'), 0) > 0 \
         FROM information_schema.tables t JOIN information_schema.columns c \
         ON c.table_schema = '{database}' AND c.table_name = '{table}' \
         WHERE t.table_schema = '{database}' AND t.table_name = '{table}'"
    ))
}

/// The sessions that a request may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// A session that others had, and will have.
    Shared,
    /// The same, if the server reports before it commits that no stored code ran.
    Asked,
    /// A session of its own, which others may have if no stored code ran.
    Tried,
    /// A session of its own.
    Own,
}

/// The request's statements, if all are plain. A request with a time of its own gives it to its
/// session.
pub(crate) fn all_plain(request: &MysqlRequest) -> Option<Vec<Plain>> {
    if request.max_time.is_some() {
        return None;
    }
    request.statements().iter().map(|statement| plain(statement.query())).collect()
}

/// Whether stored code ran for what is done to which table, and when that was found.
#[derive(Default)]
pub(crate) struct Findings(Mutex<Found>);

type Found = HashMap<(Endpoint, String), (bool, Instant)>;

impl Findings {
    /// The sessions for a request with these statements.
    pub(crate) fn sharing(&self, endpoint: &Endpoint, plains: Option<&[Plain]>) -> Sharing {
        let Some(plains) = plains else { return Sharing::Own };
        let findings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ran = |what: &str| {
            let found = findings.get(&(endpoint.clone(), what.to_owned()));
            found.filter(|(_, at)| at.elapsed() < BELIEVED).map(|(ran, _)| *ran)
        };
        let mut sharing = Sharing::Shared;
        for Plain { surely, perhaps, .. } in plains {
            match (ran(surely), perhaps.as_ref().map_or(Some(false), |what| ran(what))) {
                (Some(true), _) | (_, Some(true)) => return Sharing::Own,
                (None, _) => sharing = Sharing::Tried,
                (_, None) if sharing == Sharing::Shared => sharing = Sharing::Asked,
                _ => {}
            }
        }
        sharing
    }

    /// Notes that stored code ran behind these, or behind some that are executed with them. What is known
    /// to run none stays so.
    pub(crate) fn ran(&self, endpoint: &Endpoint, plains: &[Plain]) {
        let mut findings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for what in plains.iter().flat_map(|plain| [Some(&plain.surely), plain.perhaps.as_ref()]) {
            let Some(what) = what else { continue };
            let key = (endpoint.clone(), what.clone());
            let known = findings.get(&key).is_some_and(|(ran, at)| !ran && at.elapsed() < BELIEVED);
            if !known {
                note(&mut findings, key, true);
            }
        }
    }

    /// Notes that none ran behind these, which changed so many rows each.
    pub(crate) fn ran_none(&self, endpoint: &Endpoint, plains: &[Plain], rows: &[u64]) {
        let mut findings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (plain, rows) in plains.iter().zip(rows) {
            let (surely, perhaps) = plain.did(*rows);
            // What met no row says nothing of the next.
            let surely = surely.then_some(&plain.surely);
            for what in surely.into_iter().chain(plain.perhaps.as_ref().filter(|_| perhaps)) {
                note(&mut findings, (endpoint.clone(), what.clone()), false);
            }
        }
    }
}

fn note(findings: &mut Found, key: (Endpoint, String), ran: bool) {
    if findings.len() >= KEPT {
        findings.clear();
    }
    findings.insert(key, (ran, Instant::now()));
}
