//! Executing statements, beside the bare client library in a loop.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use slipstream_harness::interrupt::{self, Running};
use slipstream_harness::{packages, project};

use super::report::{Report, Row, Sample};

/// How to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each is measured, in turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Requests a round
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Measures it.
pub(crate) fn run(args: &Args) -> Result<()> {
    packages::set_up(packages::For::Tests)?;
    eprintln!("building in release mode; the first time takes some minutes");
    let example = ["--release", "-p", "slipstream-tests", "--example", "mysql_bench"];
    let floor = ["--release", "--manifest-path", "benches/bare-mysql/Cargo.toml"];
    let bare = project::build(&floor, "bare-mysql")?;
    let mut command = Command::new(project::build(&example, "mysql_bench")?);
    command.arg(bare).args([args.count, args.rounds].map(|n| n.to_string())).stdout(Stdio::piped());
    command.envs(packages::programs());
    let mut running = Running::start(&mut command)?;
    let output = running.child.stdout.take().context("the benchmark has no output")?;
    let mut settings = [("each commit synced", true), ("commits not synced", false)]
        .map(|(name, durable)| (durable, Rows::new(name)));
    for line in BufReader::new(output).lines() {
        interrupt::check()?;
        let line = line.context("could not read the benchmark's output")?;
        eprintln!("{line}");
        let value: Value = serde_json::from_str(&line).context("the result cannot be read")?;
        for (durable, rows) in &mut settings {
            if value["durable"] == *durable {
                rows.add(&value, args.count)?;
            }
        }
    }
    let status = running.wait_exactly().context("could not wait")?;
    ensure!(status.success(), "it failed ({status}); its message above says why");
    let report = Report {
        title: format!(
            "Executing {} INSERTs of 300 bytes, a request each, over 4 connections, {} rounds",
            args.count, args.rounds
        ),
        rows: settings
            .into_iter()
            .flat_map(|(_, rows)| [rows.bare, rows.work, rows.store])
            .collect(),
    };
    report.print(args.json)
}

/// What is measured with one setting of the server.
struct Rows {
    bare: Row,
    work: Row,
    store: Row,
}

impl Rows {
    fn new(setting: &str) -> Self {
        let floor = format!("floor: bare client loop, {setting}");
        Self {
            work: Row::new(format!("ours: work, {setting}"), Some(&floor)),
            store: Row::new(format!("ours: store, {setting}"), None),
            bare: Row::new(floor, None),
        }
    }

    fn add(&mut self, value: &Value, count: u32) -> Result<()> {
        let rows = [("bare", &mut self.bare), ("work", &mut self.work), ("store", &mut self.store)];
        for (name, row) in rows {
            let seconds = value[name].as_f64();
            let seconds = seconds.with_context(|| format!("the result lacks '{name}'"))?;
            row.samples.push(Sample { rate: f64::from(count) / seconds, ..Sample::default() });
        }
        Ok(())
    }
}
