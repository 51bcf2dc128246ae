//! `cargo xtask curl-suite DIR`: curl's own tests of plain HTTP, run through `store` and `work`.
//!
//! DIR is a checkout of curl; nothing of it is copied. Each test that the rule takes (`case`) is
//! served its answers from loopback, once to the real curl and once to `slipstream store` with the
//! same words and `slipstream work`; what arrived is compared with what the test wants.
//!
//! # Invariants
//! - A test counts as the same only if what arrived equals the test's text, or what the curl of this
//!   machine sent, up to what `compare` names. A command line that `store` refuses counts as refused,
//!   with its words. All else differs.
//! - Every test has a spool, a server and a folder of its own, and bounded time.
//!
//! # Non-goals
//! - What curl prints and writes to files.

mod case;
mod compare;
mod markup;
mod report;
mod server;
mod trial;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use clap::Parser;
use slipstream_harness::{exit, project};

use self::case::Selected;
use self::trial::{Bench, Trial};

/// Run curl's own tests of plain HTTP through `store` and `work`
#[derive(Parser)]
#[command(name = "cargo xtask curl-suite")]
struct Args {
    /// A checkout of curl, with its tests
    dir: PathBuf,
    /// Run these tests only: N,N
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    only: Vec<u32>,
    /// Fail if fewer than this many are the same, or any differs
    #[arg(long, value_name = "N")]
    least: Option<usize>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    /// Show what arrived and what should have, where it differs
    #[arg(long)]
    show: bool,
    /// How many tests run at once
    #[arg(long, default_value_t = 4, value_name = "N")]
    jobs: usize,
    /// The slipstream to try, in place of a debug build
    #[arg(long, env = "SLIPSTREAM_TEST_BIN", value_name = "FILE")]
    slipstream: Option<PathBuf>,
}

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What should have arrived did.
    Same,
    /// Something else arrived, or nothing.
    Differs(String),
    /// `store` took no such command line, for this reason.
    Refused(String),
    /// The rule does not take it, for this reason.
    NotApplicable(String),
}

/// A test and what became of it.
pub(crate) struct Outcome {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    /// Whether the real curl sent what the test wants.
    pub(crate) curl: bool,
}

fn main() -> ExitCode {
    exit(run(&Args::parse()))
}

/// Runs the tests of a checkout; fails when one differs, or too few are the same.
fn run(args: &Args) -> Result<()> {
    let outcomes = outcomes(args)?;
    report::print(args.json, &outcomes, &trial::curl_version()?);
    let same = outcomes.iter().filter(|it| it.verdict == Verdict::Same).count();
    let differ = outcomes.iter().filter(|it| matches!(it.verdict, Verdict::Differs(_))).count();
    if let Some(least) = args.least {
        if differ > 0 {
            bail!("{differ} tests differ; each must be the same, or be refused by name");
        }
        if same < least {
            bail!("{same} tests are the same, and at least {least} must be");
        }
    }
    Ok(())
}

fn outcomes(args: &Args) -> Result<Vec<Outcome>> {
    let tests = args.dir.join("tests");
    let numbers = numbers(&tests.join("data"))?;
    let slipstream = match &args.slipstream {
        Some(path) => path.clone(),
        None => project::build(&["-p", "slipstream-cli"], "slipstream")?,
    };
    let bench = Bench::new(tests, slipstream, args.show)?;
    let chosen: Vec<u32> = numbers
        .into_iter()
        .filter(|number| args.only.is_empty() || args.only.contains(number))
        .collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| {
                while let Some(number) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = one(&bench, *number);
                    done.lock().expect("no thread panics").push(outcome);
                }
            });
        }
    });
    let mut outcomes =
        done.into_inner().expect("no thread panics").into_iter().collect::<Result<Vec<_>>>()?;
    outcomes.sort_by_key(|outcome| outcome.number);
    Ok(outcomes)
}

fn one(bench: &Bench, number: u32) -> Result<Outcome> {
    let about = || format!("in curl's test {number}");
    match case::select(&bench.tests, number).with_context(about)? {
        Selected::No { name, why } => {
            let verdict = Verdict::NotApplicable(why);
            Ok(Outcome { number, name, verdict, curl: false })
        }
        Selected::Yes { name } => {
            let (verdict, curl) = Trial::new(bench, number).run().with_context(about)?;
            Ok(Outcome { number, name, verdict, curl })
        }
    }
}

/// The numbers of the tests in a folder.
fn numbers(data: &Path) -> Result<BTreeSet<u32>> {
    let entries = std::fs::read_dir(data).with_context(|| {
        format!("cannot read {}; name a checkout of curl that has its tests", data.display())
    })?;
    let mut numbers = BTreeSet::new();
    for entry in entries {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("test"));
        numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
    }
    if numbers.is_empty() {
        bail!("there are no tests in {}", data.display());
    }
    Ok(numbers)
}
