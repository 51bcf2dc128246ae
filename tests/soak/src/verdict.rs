//! The verdict of a soak: the table, and what is wrong.
//!
//! A bound is as tight as it can be. Delivering, failing, retrying and refusing are reported id by
//! id. Overwriting and purging are not: the spool counts what it gives up, and keeps no ids. They
//! take what was acknowledged as well as what was only about to be, so they explain as many missing
//! ids as they counted, and no more; and since the spool's sum must hold, a loss can only hide
//! behind what was begun, never acknowledged, and not stored either. That number is reported.
//! Setting aside explains none: nothing here flips bits, so only what was never acknowledged is
//! torn.
use slipstream_soak::kinds::Kind;

use super::account::{Books, Sums};
use super::crew::Tally;
use super::operator::Done;
use super::plan::Plan;

/// The end of a soak.
pub(super) struct Verdict<'a> {
    pub(super) plan: &'a Plan,
    pub(super) books: &'a Books,
    pub(super) sums: &'a Sums,
    pub(super) tally: &'a Tally,
    pub(super) purges: Option<&'a Done>,
    pub(super) retries: Option<&'a Done>,
    pub(super) times_full: u64,
    /// How often the database was killed.
    pub(super) database_kills: u64,
}

impl Verdict<'_> {
    /// Acknowledged requests that nothing accounts for.
    pub(super) fn lost(&self) -> u64 {
        self.lost_of(self.sums)
    }

    /// The same of some of the requests. What was dead-lettered is not counted by kind, so it may have been
    /// any of them.
    fn lost_of(&self, sums: &Sums) -> u64 {
        sums.missing.saturating_sub(self.given_up()) + sums.never_received
    }

    /// Requests that were dead-lettered without being failed first, as the spool counts them.
    fn given_up(&self) -> u64 {
        self.books.accounts.overwritten + self.books.accounts.purged
    }

    /// The most requests that could be gone and yet make every sum come out.
    fn hidden(&self) -> u64 {
        let unstored = self.sums.intended.saturating_sub(self.books.accounts.stored);
        unstored.min(self.sums.missing)
    }

    /// Whether what the purges reported is what the spool counts; at most that, if one was cut off.
    fn purges_agree(&self) -> bool {
        let counted = self.books.accounts.purged;
        match self.purges {
            None => counted == 0,
            Some(Done { killed: 0, cut_short: 0, requests, .. }) => *requests == counted,
            Some(Done { requests, .. }) => *requests <= counted,
        }
    }

    /// Deliveries that a kill may have kept from being settled: of a worker, before it could write that
    /// down; of the database, before it could say that it had committed.
    fn in_flight(&self) -> u64 {
        (self.tally.workers_killed + self.database_kills) * self.plan.concurrency()
    }

    /// Everything that is wrong, in words.
    pub(super) fn wrongs(&self) -> Vec<String> {
        let Self { sums, books, .. } = self;
        let spool = &books.accounts;
        let in_flight = self.in_flight();
        let checks = [
            (
                self.lost() > 0,
                format!(
                    "{} acknowledged requests are gone; overwriting and purging explain {} of {}, \
                 and {} were settled but never received",
                    self.lost(),
                    self.given_up(),
                    sums.missing,
                    sums.never_received
                ),
            ),
            (!spool.balanced, format!("the spool's sum does not hold: {spool:?}")),
            (
                spool.pending > 0 || spool.removing > 0,
                format!(
                    "after the last run {} requests are pending and {} logs are being removed",
                    spool.pending, spool.removing
                ),
            ),
            (
                sums.duplicates > in_flight,
                format!(
                    "{} requests were delivered again; {} kills of a worker and {} of the database \
                 with {} in flight explain {in_flight}",
                    sums.duplicates,
                    self.tally.workers_killed,
                    self.database_kills,
                    self.plan.concurrency()
                ),
            ),
            (
                books.not_once > 0,
                format!("{} executions were to be exactly one and were not", books.not_once),
            ),
            (
                books.miscounted > 0,
                format!("{} transactions were executed in part", books.miscounted),
            ),
            (
                books.strangers > 0,
                format!("{} requests came out that were never stored", books.strangers),
            ),
            (
                spool.stored < sums.acknowledged || spool.stored > sums.intended,
                format!(
                    "the spool counts {} stored; {} were acknowledged and {} begun",
                    spool.stored, sums.acknowledged, sums.intended
                ),
            ),
            (
                spool.delivered > sums.delivered || sums.delivered > spool.delivered + in_flight,
                format!(
                    "the spool counts {} delivered and the receiver {}; {in_flight} may differ",
                    spool.delivered, sums.delivered
                ),
            ),
            (
                spool.failed != sums.left,
                format!("the spool counts {} failed, but holds {}", spool.failed, sums.left),
            ),
            (
                sums.left_though_delivered > in_flight,
                format!(
                    "{} requests are kept as failed though they were delivered",
                    sums.left_though_delivered
                ),
            ),
            (
                sums.refused_but_there > 0,
                format!(
                    "{} requests are there though storing them was refused",
                    sums.refused_but_there
                ),
            ),
            (
                !self.purges_agree(),
                format!("the spool counts {} purged; the purges: {:?}", spool.purged, self.purges),
            ),
            (
                spool.overwritten > 0 && self.plan.no_overwrite,
                format!("{} were overwritten though there was room", spool.overwritten),
            ),
            (spool.expired > 0, format!("{} expired, without being asked to", spool.expired)),
            (
                spool.spoiled > 0 && !self.plan.enospc,
                format!("{} entries of the spool's ledger cannot be read", spool.spoiled),
            ),
        ];
        let wrong = checks.into_iter().filter(|(wrong, _)| *wrong);
        wrong.map(|(_, words)| words).collect()
    }

    /// What it comes to.
    pub(super) fn print(&self) {
        let Self { sums, books, tally, .. } = self;
        let spool = &books.accounts;
        let rows = [
            ("stored (acknowledged)", sums.acknowledged),
            ("delivered", sums.delivered),
            ("duplicated", sums.duplicates),
            ("overwritten", spool.overwritten),
            ("purged", spool.purged),
            ("failed", spool.failed),
            ("set aside", spool.set_aside),
            ("LOST", self.lost()),
        ];
        println!();
        for (name, count) in rows {
            println!("{name:<22}{:>14}", thousands(count));
        }
        self.print_kinds();
        println!(
            "\nbegun {}, stored by the spool's own count {}, missing (acknowledged) {}, of which {} \
             could be lost unseen; turned down by receivers {}",
            thousands(sums.intended),
            thousands(spool.stored),
            thousands(sums.missing),
            thousands(self.hidden()),
            thousands(books.turned_down)
        );
        if sums.refused > 0 {
            println!("refused, since a slot or the disk was full: {}", thousands(sums.refused));
        }
        for (name, done) in [("purges", self.purges), ("retries", self.retries)] {
            let Some(done) = done else {
                continue;
            };
            println!(
                "{name}: {}, of which {} were killed; the others told of {} requests",
                thousands(done.errands),
                thousands(done.killed),
                thousands(done.requests)
            );
        }
        println!(
            "killed: {} writers, {} workers; asked to end: {} workers; runs of the worker: {}",
            thousands(tally.writers_killed),
            thousands(tally.workers_killed),
            thousands(tally.workers_asked),
            thousands(tally.runs)
        );
        if self.database_kills > 0 {
            println!("the database was killed {} times", thousands(self.database_kills));
        }
        if self.plan.enospc {
            println!(
                "the disk was full {} times; that ended {} runs early, and cut {} entries of the \
                 ledger short",
                self.times_full, tally.runs_cut_short, spool.spoiled
            );
        }
        println!("seed {}", self.plan.seed);
    }

    /// The same by kind, if there are several.
    fn print_kinds(&self) {
        let kinds: Vec<_> =
            Kind::ALL.into_iter().filter(|kind| self.plan.kinds.contains(kind)).collect();
        if kinds == [Kind::Http] {
            return;
        }
        let by_kind: Vec<_> = kinds.iter().map(|kind| self.books.sums_by(*kind)).collect();
        let row = |name: &str, cells: &mut dyn Iterator<Item = String>| {
            let cells: String = cells.map(|cell| format!("{cell:>14}")).collect();
            println!("{name:<22}{cells}");
        };
        println!();
        row("of these", &mut kinds.iter().map(|kind| kind.word().to_owned()));
        let count = |name: &str, of: &dyn Fn(&Sums) -> u64| {
            row(name, &mut by_kind.iter().map(|sums| thousands(of(sums))));
        };
        count("stored (acknowledged)", &|sums| sums.acknowledged);
        count("delivered", &|sums| sums.delivered);
        count("duplicated", &|sums| sums.duplicates);
        count("failed", &|sums| sums.left);
        count("missing", &|sums| sums.missing);
        count("LOST", &|sums| self.lost_of(sums));
        println!("executed more often than once: {}", thousands(self.books.not_once));
    }
}

/// 1234567 as 1,234,567.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
