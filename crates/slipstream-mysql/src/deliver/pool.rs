//! Idle connections.
//!
//! # Invariants
//! - No session is handed out that the server has closed, as far as this side has noticed, nor a
//!   session that has waited for longer than it may.
//! - There are never more than a few.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::deliver::endpoint::Endpoint;
use crate::deliver::session::Session;

/// Most connections that are kept.
const KEPT: usize = 16;

/// Idle sessions, the most recently used at the end.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Vec<(Endpoint, Session)>>);

impl Pool {
    /// A session for this endpoint that is still good.
    pub(crate) fn take(&self, endpoint: &Endpoint, idle: Duration) -> Option<Session> {
        loop {
            let mut kept = self.kept();
            let at = kept.iter().rposition(|(to, _)| to == endpoint)?;
            let (_, mut session) = kept.remove(at);
            // Saying good-bye to a session may take a moment.
            drop(kept);
            if session.used.elapsed() < idle && session.connection.is_quiet() {
                return Some(session);
            }
        }
    }

    /// Whether there is a session for this endpoint.
    pub(crate) fn has(&self, endpoint: &Endpoint) -> bool {
        self.kept().iter().any(|(to, _)| to == endpoint)
    }

    /// Keeps a session for later.
    pub(crate) fn put(&self, endpoint: &Endpoint, mut session: Session) {
        session.used = Instant::now();
        let mut kept = self.kept();
        kept.push((endpoint.clone(), session));
        let oldest = (kept.len() > KEPT).then(|| kept.remove(0));
        drop(kept);
        drop(oldest);
    }

    /// Forgets the sessions for this endpoint: one of them was found dead.
    pub(crate) fn forget(&self, endpoint: &Endpoint) {
        let dead: Vec<_> = self.kept().extract_if(.., |(to, _)| to == endpoint).collect();
        drop(dead);
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(Endpoint, Session)>> {
        // Nothing that can panic runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
