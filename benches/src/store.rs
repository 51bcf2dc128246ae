//! Storing, beside bare system calls and beside the smallest program that could do it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use slipstream_harness::interrupt::{self, Running};
use slipstream_harness::project;

use super::programs;
use super::report::{Report, Row, Sample, median};
use super::scratch;

/// How to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each is measured, in turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only rows whose name contains this, and their floors
    #[arg(long, default_value = "", hide_default_value = true)]
    only: String,
    /// Where spools are made: the file system that is measured [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a row measures.
pub(super) enum Case {
    /// So many processes that store so many records between them.
    Loop { mode: &'static str, processes: usize, records: usize },
    /// A process for each of so many requests.
    Spawn { count: usize, words: Vec<String> },
}

/// Measures it.
pub(crate) fn run(args: &Args) -> Result<()> {
    eprintln!("building in release mode; the first time takes some minutes");
    let driver = project::build(
        &["--release", "-p", "slipstream-benches", "--bin", "store_bench"],
        "store_bench",
    )?;
    let binary = project::release_binary()?;
    let scratch = scratch::dir(args.dir.as_deref())?;

    let mut cases = loops();
    cases.extend(programs::rows(scratch.path(), &binary)?);
    let wanted = |row: &Row| row.name.contains(&args.only);
    let floors = cases
        .iter()
        .filter(|(row, _)| wanted(row))
        .filter_map(|(row, _)| row.floor.clone())
        .collect::<Vec<_>>();
    cases.retain(|(row, _)| wanted(row) || floors.contains(&row.name));
    if cases.is_empty() {
        bail!("no row has '{}' in its name; leave --only out to see them all", args.only);
    }

    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        for (row, case) in &mut cases {
            interrupt::check()?;
            let spool = scratch.path().join("spool");
            let sample = measure(&driver, case, &spool)
                .with_context(|| format!("could not measure '{}'", row.name))?;
            row.samples.push(sample);
            let _ = fs::remove_dir_all(&spool);
        }
    }
    let report = Report {
        title: format!(
            "Storing records of 300 bytes on {}, {} rounds",
            file_system(scratch.path())?,
            args.rounds
        ),
        rows: cases.into_iter().map(|(row, _)| row).collect(),
    };
    report.print(args.json)
}

/// The rows of long-lived programs: each floor, then ours beside it.
fn loops() -> Vec<(Row, Case)> {
    /// What is measured, by name and by the driver's name for it; its floor; with how
    /// many processes; how many records in all.
    type Line = (&'static str, &'static str, Option<&'static str>, &'static [usize], usize);
    const LOCK: &str = "floor: lock, write, unlock";
    const BATCH: &str = "floor: the same, 100 records a write";
    const SYNC: &str = "floor: write, fdatasync";
    const LINES: [Line; 9] = [
        ("bare write", "floor-write", None, &[1, 2, 8], 200_000),
        (LOCK, "floor-lock", None, &[1, 2, 8], 200_000),
        ("the same, opened and closed each time", "floor-open", Some(LOCK), &[1, 2, 8], 100_000),
        ("ours", "ours", Some(LOCK), &[1, 2, 8], 200_000),
        ("ours, through a collector", "ours-collector", Some(LOCK), &[1, 2, 8], 200_000),
        (BATCH, "floor-batch", None, &[1, 8], 800_000),
        ("ours, 100 records a call", "ours-batch", Some(BATCH), &[1, 8], 800_000),
        (SYNC, "floor-sync", None, &[1, 2, 8, 32], 3_200),
        ("ours, durable", "ours-durable", Some(SYNC), &[1, 2, 8, 32], 3_200),
    ];
    let named = |name: &str, processes: usize| match processes {
        1 => format!("{name}, 1 process"),
        _ => format!("{name}, {processes} processes"),
    };
    let mut cases = Vec::new();
    for (name, mode, floor, counts, records) in LINES {
        for processes in counts.iter().copied() {
            let floor = floor.map(|floor| named(floor, processes));
            cases.push((
                Row::new(named(name, processes), floor.as_deref()),
                Case::Loop { mode, processes, records },
            ));
        }
    }
    cases
}

fn measure(driver: &Path, case: &Case, spool: &Path) -> Result<Sample> {
    match case {
        Case::Loop { mode, processes, records } => {
            let share = (records / processes).to_string();
            let starts = (0..*processes).map(|_| {
                let mut command = Command::new(driver);
                command.arg(mode).arg(spool).arg(&share);
                command
            });
            together(starts, *records)
        }
        Case::Spawn { count, words } => {
            let mut command = Command::new(driver);
            command.args(["spawn", &count.to_string()]).args(words);
            together(std::iter::once(command), *count)
        }
    }
}

/// Starts drivers, lets them go at one moment, and waits for the last.
fn together(commands: impl Iterator<Item = Command>, requests: usize) -> Result<Sample> {
    let mut drivers = Vec::new();
    for mut command in commands {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = Running::start(&mut command)?;
        let output = running.child.stdout.take().context("no output")?;
        let input = running.child.stdin.take().context("no input")?;
        drivers.push((running, BufReader::new(output), input));
    }
    let mut line = String::new();
    for (_, output, _) in &mut drivers {
        line.clear();
        output.read_line(&mut line).context("could not read")?;
        if line.trim() != "ready" {
            bail!("the driver did not get ready; its message above says why");
        }
    }
    let start = Instant::now();
    for (_, _, input) in &mut drivers {
        input.write_all(b"go\n").context("could not start a driver")?;
    }
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for (_, output, _) in &mut drivers {
        line.clear();
        output.read_line(&mut line).context("could not read")?;
        let value: Value = serde_json::from_str(&line)
            .context("the driver stopped early; its message above says why")?;
        p50.extend(value["p50_us"].as_f64());
        p99.extend(value["p99_us"].as_f64());
    }
    let seconds = start.elapsed().as_secs_f64();
    for (running, ..) in &mut drivers {
        running.wait()?;
    }
    Ok(Sample {
        rate: requests as f64 / seconds,
        p50: median(&p50),
        // The worst process: a tail that only some have is a tail.
        p99: p99.iter().copied().reduce(f64::max),
        cpu: None,
    })
}

fn file_system(directory: &Path) -> Result<String> {
    let mut command = Command::new("stat");
    command.args(["--file-system", "--format=%T"]).arg(directory);
    Ok(project::output(&mut command)?.trim().to_owned())
}
