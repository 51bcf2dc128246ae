//! `slipstream check`: the spool's fsck.
//!
//! # Invariants
//! - Without `--repair` nothing is changed.
//! - Each problem is a line, and the exit code shows whether any is left.
//! - What a killed process leaves in the normal course of things is a line, too, and no problem.
//! - The JSON's fields are a promise: fields may join, none changes.
//!
//! # Non-goals
//! What is looked at and how it is mended. That is the library's.

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use serde::Serialize;
use slipstream_core::operator::{Checked, Operator, OperatorError, Problem};

use crate::args::CheckArgs;
use crate::exit::Exit;
use crate::process::owner::Place;
use crate::term::print;
use crate::term::totals::Totals;
use crate::term::units::{count, spell_bytes, thousands};

#[derive(Default, Serialize)]
struct Report {
    logs: u64,
    records: u64,
    bytes: u64,
    findings: Vec<Finding>,
    leftovers: Vec<Finding>,
    totals: Totals,
    balanced: bool,
}

#[derive(Serialize)]
struct Finding {
    path: String,
    what: String,
    mended: bool,
}

pub(crate) fn run(place: &Place, args: &CheckArgs) -> Result<Exit> {
    place.become_owner()?;
    let Some(spool) = place.find()? else {
        let nothing = format!("nothing stored yet in {}", place.path().display());
        if args.json {
            print::complain(&nothing);
            print::out(&print::json(&Report { balanced: true, ..Report::default() })?)?;
        } else {
            print::out(&format!("{}\n", print::one_line(&nothing)))?;
        }
        return Ok(Exit::Success);
    };
    if args.repair {
        // Makes the directories that are gone.
        place.create(spool.settings())?;
    }
    let report = Report::of(check(&spool, args.repair)?);
    print::out(&if args.json { print::json(&report)? } else { report.to_string() })?;
    let left = report.findings.iter().any(|finding| !finding.mended);
    Ok(if left || !report.balanced { Exit::Incomplete } else { Exit::Success })
}

fn check(engine: &dyn Operator, repair: bool) -> Result<Checked> {
    // On a terminal only: some gigabytes take a while.
    let spinner = ProgressBar::new_spinner().with_message("reading every log");
    // Drawn once: what would turn it is a thread, which a limit may forbid.
    spinner.tick();
    let checked = engine.check(repair);
    spinner.finish_and_clear();
    match checked {
        Err(OperatorError::Busy { holder }) => {
            let who = holder.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            bail!("cannot repair {}: a worker is running{who}; wait until it ends", engine.place())
        }
        checked => checked.with_context(|| format!("cannot check {}", engine.place())),
    }
}

impl Report {
    fn of(report: Checked) -> Self {
        let lines = |found: Vec<Problem>| {
            let found = found.into_iter();
            found
                .map(|found| Finding { path: found.part, what: found.what, mended: found.mended })
                .collect()
        };
        Self {
            logs: report.parts,
            records: report.records,
            bytes: report.bytes,
            findings: lines(report.problems),
            leftovers: lines(report.leftovers),
            totals: Totals::of(&report.totals),
            balanced: report.totals.balanced(),
        }
    }
}

/// What a person reads.
impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (found, is) in [(&self.findings, ""), (&self.leftovers, "no problem: ")] {
            for Finding { path, what, mended } in found {
                let mended = if *mended { " (mended)" } else { "" };
                writeln!(f, "{}", print::one_line(&format!("{is}{path}: {what}{mended}")))?;
            }
        }
        let mended = self.findings.iter().filter(|finding| finding.mended).count() as u64;
        let problems = match (self.findings.len() as u64, mended) {
            (0, _) => "no problems".to_owned(),
            (all, 0) => count(all, "problem"),
            (all, mended) => format!("{}, {} mended", count(all, "problem"), thousands(mended)),
        };
        let (logs, records) = (count(self.logs, "log"), count(self.records, "record"));
        writeln!(f, "{logs}, {records}, {}: {problems}", spell_bytes(self.bytes))?;
        write!(f, "{}", self.totals)
    }
}
