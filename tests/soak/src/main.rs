//! `cargo xtask soak`: real processes under stress, and every request matched one by one.
//!
//! Writers store, a worker delivers, both are killed with SIGKILL at random moments and
//! started again; logs rotate fast, the disk may run full, the clock may step, an operator may purge
//! and retry, and several users may share the spool. In the end each id that was acknowledged must
//! have been delivered, or be in failed/, or have been overwritten or purged and counted.
//!
//! # Invariants
//! It fails on any loss, and then keeps the spool and prints the seed.
//!
//! # Non-goals
//! Power loss, which needs a file system that can be stopped.

mod account;
mod args;
mod crew;
mod database;
mod operator;
mod peers;
mod place;
mod plan;
mod progress;
mod users;
mod verdict;

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde_json::Value;
use slipstream_harness::interrupt::{self, Running};
use slipstream_harness::{exit, packages, project};
use slipstream_soak::chance::{Chance, mix};
use slipstream_soak::kinds::Kind;

use account::Books;
use args::Args;
use crew::Crew;
use operator::Operator;
use peers::Peers;
use place::Place;
use plan::{Plan, Programs};
use progress::Progress;
use users::Users;
use verdict::Verdict;

/// The most runs of the worker that the end may take. What then waits is an error.
const RUNS_MAX: usize = 20;
/// The program that is started and killed, of this crate.
const CREW: &str = "soak-crew";
/// The program that runs a database.
const DATABASE: &str = "soak_database";

#[derive(Parser)]
#[command(
    name = "cargo xtask soak",
    about = "Kill writers and worker again and again, then match every request"
)]
struct Cli {
    #[command(flatten)]
    args: Args,
    /// A row of short ones, with programs that were built for tests
    #[arg(long, hide = true, exclusive = true)]
    short: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    exit(if cli.short { short() } else { run(&cli.args) })
}

/// Soaks.
fn run(args: &Args) -> Result<()> {
    // Before the build, which may take minutes.
    users(args)?;
    let has_database = args.kinds.contains(&Kind::Mysql);
    packages::set_up(if has_database { packages::For::Tests } else { packages::For::Build })?;
    let profile: &[&str] = if args.dev { &[] } else { &["--release"] };
    let build = |what: &[&str], name| project::build(&[profile, what].concat(), name);
    let crew = build(&["-p", "slipstream-soak", "--bin", CREW], CREW)?;
    let slipstream = match args.engine_only {
        true => None,
        false => Some(build(&["-p", "slipstream-cli"], "slipstream")?),
    };
    let database = match has_database {
        true => Some(build(&["-p", "slipstream-tests", "--example", DATABASE], DATABASE)?),
        false => None,
    };
    interrupt::watch()?;
    soak_with(args, Programs { crew, slipstream, database })
}

/// What a test run has time for: about 80 s.
fn short() -> Result<()> {
    interrupt::watch()?;
    let crew = project::build(&["--workspace", "--all-targets"], CREW)?;
    let database = project::build(&["--workspace", "--all-targets"], DATABASE)?;
    let slipstream = env::var_os("SLIPSTREAM_TEST_BIN").map(PathBuf::from);
    let slipstream = slipstream.context("SLIPSTREAM_TEST_BIN names no binary to try")?;
    let mut lines = vec![
        "soak --minutes 0.13 --clock-steps --purge-ms 500 --retry-ms 150",
        "soak --minutes 0.07 --engine-only --no-overwrite --records-per-second 2000 --retry-ms 100",
        "soak --minutes 0.1 --reject --logs 2 --retry-ms 150",
        "soak --minutes 0.13 --kinds http,tcp,mysql --database-kill-ms 2500 --no-overwrite \
         --records-per-second 1500 --retry-ms 150",
    ];
    if rustix::process::geteuid().is_root() {
        lines.extend([
            "soak --minutes 0.1 --engine-only --rotate-ms 1 --enospc --disk-mib 4 --drain-full",
            "soak --minutes 0.1 --enospc --disk-mib 8 --drain-full --purge-ms 500 --retry-ms 150",
            "soak --minutes 0.1 --shared --purge-ms 500 --retry-ms 150",
        ]);
    }
    for line in lines {
        println!("\n$ cargo xtask {line}");
        let args = Cli::try_parse_from(line.split(' '))?.args;
        let programs = Programs {
            crew: crew.clone(),
            slipstream: (!args.engine_only).then(|| slipstream.clone()),
            database: args.kinds.contains(&Kind::Mysql).then(|| database.clone()),
        };
        soak_with(&args, programs)?;
    }
    Ok(())
}

fn users(args: &Args) -> Result<Option<Users>> {
    args.shared.then(Users::find).transpose()
}

fn soak_with(args: &Args, programs: Programs) -> Result<()> {
    let seed = args.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        mix(now.map_or(0, |now| now.as_nanos() as u64)) % 1_000_000
    });
    let users = users(args)?;
    let mut place = Place::make(args.dir.as_deref())?;
    let mut peers = match args.engine_only {
        true => Peers::default(),
        false => {
            let every = Duration::from_millis(args.database_kill_ms);
            let database = programs.database.as_deref().map(|program| (program, every));
            Peers::start(&args.kinds, seed, &place, database)?
        }
    };
    let plan = Plan::new(args, seed, programs, peers.words(), users);
    if let Some(bytes) = plan.disk() {
        place.mount(bytes)?;
    }
    if let Some(users) = users {
        place.give(users.writer)?;
    }
    println!(
        "{} writers, {} slots of {} logs, a kill every {} ms on average, seed {seed}",
        plan.writers,
        plan.slots,
        plan.logs,
        plan.kill.as_millis()
    );
    let done = play(&plan, &place, &mut peers);
    if done.is_err() && !interrupt::asked() {
        let kept = place.keep()?;
        eprintln!("kept in {}; --seed {seed} decides the same again", kept.display());
    }
    done
}

fn play(plan: &Plan, place: &Place, peers: &mut Peers) -> Result<()> {
    let made = run_into(&mut plan.make(place), &place.file("output"))?;
    ensure!(made.success(), "could not make the spool ({made})");
    let mut clock = Chance::new(plan.seed, 2);
    let mut disk = Chance::new(plan.seed, 3);
    let offset = File::create(place.file("offset")).context("could not make the clock's file")?;
    if let Some(users) = plan.users {
        users.writer.give(&place.file("offset"))?;
    }
    let mut filler = place.filler();
    let mut progress = Progress::new();
    let mut crew = Crew::start(plan, place)?;
    let mut operator = Operator::new(plan, place);
    let start = Instant::now();
    let (mut step_due, mut look_due) = (start, start);
    while start.elapsed() < plan.time && crew.acknowledged() < plan.records {
        interrupt::check()?;
        crew.step()?;
        operator.step()?;
        peers.step()?;
        if let Some(filler) = &mut filler {
            filler.step(&mut disk)?;
        }
        let now = Instant::now();
        if plan.clock_steps && now >= step_due {
            step_due = now + clock.about(Duration::from_millis(300));
            let written = offset.write_all_at(&step(&mut clock).to_le_bytes(), 0);
            written.context("could not step the clock")?;
        }
        if now >= look_due {
            look_due = now + Duration::from_millis(200);
            crew.look()?;
            progress.show(&crew, peers.received());
        }
        thread::sleep(Duration::from_millis(1));
    }
    operator.end()?;
    peers.end()?;
    crew.end_writers()?;
    crew.look()?;
    if let Some(filler) = &mut filler {
        match plan.drain_full {
            true => filler.fill()?,
            false => filler.empty()?,
        }
    }
    progress.end();
    drain(plan, place, &mut crew)?;
    let books = open_books(plan, place, peers)?;
    let verdict = Verdict {
        plan,
        sums: &books.sums(),
        books: &books,
        tally: &crew.tally,
        purges: operator.purges(),
        retries: operator.retries(),
        times_full: filler.map_or(0, |filler| filler.times),
        database_kills: peers.kills(),
    };
    verdict.print();
    let wrongs = verdict.wrongs();
    if wrongs.is_empty() {
        return Ok(());
    }
    if verdict.lost() > 0 {
        let few: Vec<_> = books.missing().take(10).collect();
        eprintln!("some of the missing: {few:?}");
    }
    bail!("{}", wrongs.join("; "))
}

/// Runs the worker until nothing waits. A run may leave requests to the next one: requests that
/// were stored after their destination was found to be down.
fn drain(plan: &Plan, place: &Place, crew: &mut Crew<'_>) -> Result<()> {
    for _ in 0..RUNS_MAX {
        let output = place.file("output");
        if let Some(mut retry_now) = plan.retry_now(place) {
            let ended = run_into(&mut retry_now, &output)?;
            // On a full disk there may be no room for the wish before a run has made some.
            let well = ended.success() || plan.enospc;
            ensure!(well, "could not have everything tried now ({ended})");
        }
        crew.drain()?;
        let Some(mut status) = plan.status(place) else { return Ok(()) };
        run_into(&mut status, &output)?;
        let text = fs::read_to_string(&output).context("could not read the output")?;
        let json: Value = serde_json::from_str(&text).context("'status --json' is no JSON")?;
        if json["totals"]["pending"] == 0 {
            return Ok(());
        }
    }
    Ok(())
}

fn open_books(plan: &Plan, place: &Place, peers: &mut Peers) -> Result<Books> {
    let mut books = Books::new(&plan.kinds);
    for number in 0..plan.writers {
        books.intents(&place.file(&format!("intents-{number}")))?;
        books.acks(&place.file(&format!("acks-{number}")))?;
        books.refusals(&place.file(&format!("refused-{number}")))?;
    }
    peers.enter(&mut books, place)?;
    if plan.is_engine_only() {
        books.delivered(&place.file("delivered"))?;
    }
    let left = place.file("left");
    let read = run_into(&mut plan.left(place), &left)?;
    ensure!(read.success(), "could not read what is left in the spool ({read})");
    books.left(&left)?;
    if let Some(mut status) = plan.status(place) {
        let output = place.file("output");
        let ended = run_into(&mut status, &output)?;
        let text = fs::read_to_string(&output).context("could not read the output")?;
        let json: Value = serde_json::from_str(&text).context("'status --json' is no JSON")?;
        ensure!(
            ended.success() && json["balanced"] == true,
            "'slipstream status --json' ({ended}) says that the counters do not add up: {text}"
        );
        ensure!(
            json["totals"]["stored"] == books.accounts.stored,
            "'slipstream status --json' counts otherwise than the library: {text}"
        );
    }
    Ok(books)
}

/// Runs a short program to its end, its output in a file.
fn run_into(command: &mut Command, output: &Path) -> Result<ExitStatus> {
    let file = File::create(output).context("could not make a file for output")?;
    Running::start(command.stdout(file))?.wait()
}

/// By how many milliseconds the clock is wrong next: seconds, minutes or hours, or not at all.
fn step(chance: &mut Chance) -> i64 {
    let most = [1, 5_000, 300_000, 6 * 3_600_000][chance.below(4) as usize];
    let size = chance.below(most) as i64;
    if chance.one_in(2) { -size } else { size }
}
