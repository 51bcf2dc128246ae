//! Which requests may share a session.
//!
//! # Invariants
//! A session is shared by requests that can neither tell nor change what state it is in: their
//! statements are plain (`plain`), and run no stored code, which the server's own counters tell. Any other
//! request has a session that was opened for it, and is closed behind it.
//!
//! What is done to a table is tried in such a session first, and what was found is believed for a
//! minute: triggers may be made meanwhile. Where it depends on the rows which triggers are run, a group asks again
//! before it commits.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::MysqlRequest;
use crate::endpoint::Endpoint;
use crate::plain::{Plain, plain};

/// How long a finding is believed.
const BELIEVED: Duration = Duration::from_secs(60);

/// Most findings that are kept.
const KEPT: usize = 4096;

/// What of a session's sums grows when stored code runs: a trigger, or a statement of one or of a function.
pub(crate) const STORED_CODE: &str = "SHOW SESSION STATUS WHERE Variable_name IN ('Executed_triggers', 'Com_select', 'Com_set_option', 'Com_do', 'Com_call_procedure')";

/// The sessions that a request may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// One that others had, and will have.
    Shared,
    /// One of its own, which others may have if no stored code ran.
    Tried,
    /// One of its own.
    Own,
}

/// The request's statements, if all are plain. One with a time of its own gives it to its session.
pub(crate) fn all_plain(request: &MysqlRequest) -> Option<Vec<Plain>> {
    if request.max_time.is_some() {
        return None;
    }
    request.statements().iter().map(|statement| plain(statement.query())).collect()
}

/// Whether stored code ran for what is done to which table, and when that was found.
#[derive(Default)]
pub(crate) struct Findings(Mutex<HashMap<(Endpoint, String), (bool, Instant)>>);

impl Findings {
    /// The sessions for a request with these statements.
    pub(crate) fn sharing(&self, endpoint: &Endpoint, plains: Option<&[Plain]>) -> Sharing {
        let Some(plains) = plains else { return Sharing::Own };
        let findings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sharing = Sharing::Shared;
        for Plain { subject, .. } in plains {
            match findings.get(&(endpoint.clone(), subject.clone())) {
                Some((true, at)) if at.elapsed() < BELIEVED => return Sharing::Own,
                Some((false, at)) if at.elapsed() < BELIEVED => {}
                _ => sharing = Sharing::Tried,
            }
        }
        sharing
    }

    /// Notes whether stored code ran for these.
    pub(crate) fn note(&self, endpoint: &Endpoint, plains: &[Plain], ran: bool) {
        let mut findings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if findings.len() >= KEPT {
            findings.clear();
        }
        for Plain { subject, .. } in plains {
            findings.insert((endpoint.clone(), subject.clone()), (ran, Instant::now()));
        }
    }
}
