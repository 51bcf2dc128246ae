//! Group commit: requests of one endpoint in one transaction, each settled by itself.
//!
//! Only requests that change rows and nothing else are committed together, for only these can be
//! undone alone: a failed statement by the server, several by a savepoint; and only requests that
//! may share a session (`sharing`).
//!
//! # Invariants
//! - A request that fails is undone alone, and the others are committed.
//! - Where the whole transaction came to nothing, for certain, its requests are executed one by one
//!   within the same attempt.
//! - Where it is unknown whether it was committed, all of them have failed for now.
//!
//! # Non-goals
//! Grouping beyond what waits at the moment. Nothing waits for a group to fill.

use std::time::{Duration, Instant};

use slipstream_core::{Attempt, Failure, FailureScope, Outcome, RecordId, Request};

use crate::deliver::endpoint::Endpoint;
use crate::deliver::executor::{Broken, Executor, after, outcome};
use crate::deliver::plain::Plain;
use crate::deliver::session::Session;
use crate::deliver::sharing;
use crate::deliver::sharing::Sharing;
use crate::deliver::trouble::Trouble;
use crate::deliver::wire::IN_TRANSACTION;
use crate::deliver::{classify, once, transaction};
use crate::request::MysqlRequest;

/// A lock wait time-out: the request has taken a while, with locks held.
const LOCK_WAIT: u16 = 1205;

/// How long a group may take before it is committed as far as it came.
const LONG: Duration = Duration::from_secs(2);

/// Whether a request may be committed together with others, as far as its text shows.
pub(crate) fn fits(request: &MysqlRequest) -> bool {
    sharing::all_plain(request).is_some()
}

/// A request that is not settled yet.
struct Member<'a> {
    at: usize,
    request: &'a MysqlRequest,
    id: RecordId,
    /// Its statements, if it may be committed together with others.
    plains: Option<Vec<Plain>>,
    /// Whether the server is asked before it is.
    asked: bool,
}

/// Makes one attempt of each: outcomes in their order, of the first at least. It stops early when that
/// takes long, if all of them go one way and may be committed together.
pub(crate) fn perform(executor: &Executor, requests: &[(MysqlRequest, Attempt)]) -> Vec<Outcome> {
    let mut settled = vec![None; requests.len()];
    let mut parts: Vec<(Endpoint, Vec<Member<'_>>)> = Vec::new();
    for (at, (request, attempt)) in requests.iter().enumerate() {
        let checked = request.check().map_err(|error| Failure::permanent(error.to_string()));
        match checked.and_then(|()| Endpoint::new(request, &executor.options)) {
            Ok(endpoint) => {
                let plains = sharing::all_plain(request);
                let member = Member { at, request, id: attempt.id, plains, asked: false };
                match parts.iter_mut().find(|(other, _)| *other == endpoint) {
                    Some((_, members)) => members.push(member),
                    None => parts.push((endpoint, vec![member])),
                }
            }
            Err(failure) => settled[at] = Some(Outcome::Failed(failure)),
        }
    }
    let alike = match &*parts {
        [(_, members)] if members.len() == requests.len() => {
            members.iter().all(|member| member.plains.is_some())
        }
        _ => false,
    };
    let long = after(if alike { LONG } else { Duration::MAX });
    for (endpoint, members) in parts {
        let until = after(executor.options.total_timeout.saturating_mul(2));
        let settled = &mut settled;
        Part { executor, endpoint, until, long, down: None, settled }.perform(members);
    }
    settled.into_iter().map_while(|one| one).collect()
}

/// The requests of one endpoint.
struct Part<'a> {
    executor: &'a Executor,
    endpoint: Endpoint,
    until: Instant,
    /// When it has taken long.
    long: Instant,
    /// The failure of the last request, if the fault is the server's.
    down: Option<Failure>,
    settled: &'a mut [Option<Outcome>],
}

impl Part<'_> {
    fn perform(&mut self, members: Vec<Member<'_>>) {
        let (mut group, mut single) = self.divide(members);
        if !single.is_empty() && !group.is_empty() {
            // What is done out of turn cannot be left half done.
            self.long = after(Duration::MAX);
        }
        while group.len() > 1 && Instant::now() < self.until.min(self.long) {
            if !self.commit(&group) {
                break;
            }
            group.retain(|member| self.settled[member.at].is_none());
        }
        group.append(&mut single);
        self.one_by_one(&group);
    }

    /// The requests that may be committed together, and the requests that have a session each. The
    /// first with what was not tried yet is executed to find out.
    fn divide<'a>(&mut self, members: Vec<Member<'a>>) -> (Vec<Member<'a>>, Vec<Member<'a>>) {
        let (mut group, mut single) = (Vec::new(), Vec::new());
        for mut member in members {
            let mut found = self.sharing(&member);
            if found == Sharing::Tried && self.down.is_none() {
                self.one_by_one(std::slice::from_ref(&member));
                if self.settled[member.at].is_some() {
                    if self.settled[..member.at].iter().any(Option::is_none) {
                        self.long = after(Duration::MAX);
                    }
                    continue;
                }
                found = self.sharing(&member);
            }
            member.asked = found == Sharing::Asked;
            match found {
                Sharing::Shared | Sharing::Asked => group.push(member),
                Sharing::Tried | Sharing::Own => single.push(member),
            }
        }
        (group, single)
    }

    fn sharing(&self, member: &Member<'_>) -> Sharing {
        self.executor.findings.sharing(&self.endpoint, member.plains.as_deref())
    }

    /// Executes these in one transaction, up to the first that had to wait: whether to go on
    /// like this with what is not settled then.
    fn commit(&mut self, members: &[Member<'_>]) -> bool {
        let until = self.until.min(after(self.executor.options.total_timeout));
        let mut failed = None;
        let (executor, endpoint, long) = (self.executor, &self.endpoint, self.long);
        let done = executor.on_session(endpoint, until, Sharing::Shared, None, |session| {
            failed = None;
            let done = transaction(session, members, &mut failed, (executor, endpoint), long);
            if let Err(Trouble::StoredCode) = done {
                session.shared = false;
                let asked = members.iter().filter(|member| member.asked);
                for plains in asked.filter_map(|member| member.plains.as_deref()) {
                    executor.findings.ran(endpoint, plains);
                }
            }
            done.inspect(|results| {
                let entered: Vec<_> = members
                    .iter()
                    .zip(results)
                    .filter(|(member, result)| member.request.once && result.is_ok())
                    .map(|(member, _)| member.id)
                    .collect();
                once::clear_up(session, &entered, executor.options.once_kept);
            })
        });
        match done {
            Ok(results) => {
                for (member, result) in members.iter().zip(results) {
                    self.settled[member.at] = Some(outcome(result));
                }
                true
            }
            Err(Broken { failure, may_stand: true, .. })
            | Err(Broken { failure, connected: false, .. }) => {
                for member in members {
                    self.settled[member.at] = Some(Outcome::Failed(failure.clone()));
                }
                false
            }
            Err(Broken { failure, .. }) => {
                // It would end the same way for itself.
                if let Some(at) = failed {
                    self.settled[at] = Some(Outcome::Failed(failure));
                }
                false
            }
        }
    }

    fn one_by_one(&mut self, members: &[Member<'_>]) {
        for member in members {
            if self.settled[member.at].is_some() {
                continue;
            }
            // What has an outcome already cannot follow what has none.
            let rest = &self.settled[member.at..];
            if member.at > 0 && Instant::now() >= self.long && rest.iter().all(Option::is_none) {
                return;
            }
            let done = match &self.down {
                Some(failure) => Err(Failure::clone(failure)),
                None if Instant::now() >= self.until => Err(Failure::transient(
                    FailureScope::Request,
                    "those before it took all the time that there was",
                )),
                None => self.executor.single(member.request, member.id, self.until),
            };
            // What gets no answer is not asked again for each of them.
            if let Err(failure) = &done
                && failure.scope == FailureScope::Destination
            {
                self.down = Some(failure.clone());
            }
            self.settled[member.at] = Some(outcome(done));
        }
    }
}

/// Results of the first so many members, committed. An error means that nothing of it is, unless
/// the connection says otherwise; `failed` is the place of the member whose fault that is.
fn transaction(
    session: &mut Session,
    members: &[Member<'_>],
    failed: &mut Option<usize>,
    (executor, endpoint): (&Executor, &Endpoint),
    long: Instant,
) -> Result<Vec<Result<(), Failure>>, Trouble> {
    if members.iter().any(|member| member.request.once) {
        once::ensure_table(session)?;
    }
    let asks = members.iter().any(|member| member.asked);
    if asks {
        session.count_stored_code()?;
    }
    session.query("START TRANSACTION")?;
    let mut results = Vec::with_capacity(members.len());
    let mut changed = Vec::new();
    for member in members {
        let Member { at, request, id, .. } = member;
        if !results.is_empty() && Instant::now() >= long {
            break;
        }
        let several = request.once || request.statements().len() > 1;
        if several {
            session.query("SAVEPOINT slipstream")?;
        }
        let Err(trouble) = transaction::inside(session, request, *id) else {
            if let Some(plains) = member.plains.as_deref().filter(|_| member.asked) {
                changed.push((plains, session.changed.clone()));
            }
            results.push(Ok(()));
            continue;
        };
        if !trouble.leaves_well() || matches!(trouble, Trouble::Ended) {
            *failed = Some(*at);
            return Err(trouble);
        }
        // A server may have rolled back more than the statement: for a deadlock, everything. What
        // follows would then be committed by itself, and the rest be lost.
        let undo =
            if several { "ROLLBACK TO SAVEPOINT slipstream" } else { "SAVEPOINT slipstream" };
        match session.query(undo) {
            Ok(status) if status & IN_TRANSACTION != 0 => {}
            Err(error) if !error.leaves_well() => {
                // The statement took the connection with it.
                session.broken = true;
                *failed = Some(*at);
                return Err(trouble);
            }
            _ => {
                session.broken |= session.query("ROLLBACK").is_err();
                return Err(trouble);
            }
        }
        results.push(Err(classify::trouble(&trouble, Some(request), &endpoint.peer())));
        if matches!(&trouble, Trouble::Wire(error) if error.code() == LOCK_WAIT) {
            break;
        }
    }
    if asks && session.ran_stored_code()? {
        session.broken |= session.query("ROLLBACK").is_err();
        return Err(Trouble::StoredCode);
    }
    session.commit()?;
    for (plains, rows) in changed {
        executor.findings.ran_none(endpoint, plains, &rows);
    }
    Ok(results)
}
