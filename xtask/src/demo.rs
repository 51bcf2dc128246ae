//! `cargo xtask demo`: the whole story on loopback, with the real binary.
//!
//! # Invariants
//! - It fails unless the receiver got each of the 1,000 requests exactly once.
//! - It leaves nothing behind, however it ends.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use slipstream_harness::interrupt::{self, Running};
use slipstream_harness::receiver::{Receiver, Taken};
use slipstream_harness::{packages, project};

/// How to show it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Use the unoptimised build that the tests use: slower, but perhaps built already
    #[arg(long)]
    dev: bool,
}

const SHELLS: u32 = 4;
const EACH: u32 = 120;
const ALONE: u32 = 25;
const TOTAL: u32 = 1_000;

/// What each shell runs: a process for each request, as a script or a cron job would.
const SCRIPT: &str = r#"
n=$1
while [ "$n" -lt "$2" ]; do
    "$SLIPSTREAM" store -d "{\"n\":$n}" "$URL" || exit 1
    n=$((n + 1))
done"#;

/// Shows it.
pub(crate) fn run(args: &Args) -> Result<()> {
    packages::set_up(packages::For::Build)?;
    println!("Building slipstream. The first time this compiles OpenSSL and libcurl from source,");
    println!("so that nothing depends on what the machine has: about 3 minutes on two cores.");
    let profile: &[&str] = if args.dev { &[] } else { &["--release"] };
    let binary = project::build(&[profile, &["-p", "slipstream-cli"]].concat(), "slipstream")?;

    interrupt::watch()?;
    // In this order: programs end first (each where it is used), the receiver then, the
    // directory last.
    let scratch = tempfile::Builder::new()
        .prefix("slipstream-demo-")
        .tempdir()
        .context("could not make a temporary directory")?;
    let receiver = Receiver::start_keeping()?;
    let stage = Stage {
        binary,
        spool: scratch.path().join("spool"),
        output: scratch.path().join("output"),
        url: receiver.url("/orders"),
    };
    let took = stage.play(&receiver);
    drop(receiver);
    scratch.close().context("could not remove the temporary directory")?;
    println!("\nOne 'slipstream store', from start to exit: {}.", millis(took?));
    println!("Nothing is left running, and nothing is left on disk.");
    Ok(())
}

struct Stage {
    binary: PathBuf,
    spool: PathBuf,
    output: PathBuf,
    url: String,
}

impl Stage {
    /// Plays it all; returns how long one store took.
    fn play(&self, receiver: &Receiver) -> Result<Duration> {
        println!("\n1. A small receiver listens on {}.", self.url);
        println!("\n2. Programs store {TOTAL} requests. None of them waits for the receiver.");
        self.shells()?;
        self.batch()?;
        let took = self.alone()?;

        println!("\n3. They wait on disk; nothing runs. $ slipstream status");
        self.show(&["status"])?;
        let early = receiver.counts().kept().len();
        ensure!(early == 0, "the receiver already got {early} requests, before any worker ran");

        println!("\n4. One worker delivers them all and exits. $ slipstream work");
        let start = Instant::now();
        self.show(&["work"])?;
        println!("   in {}", millis(start.elapsed()));

        println!("\n5. What the receiver got:");
        verify(&receiver.counts().kept())?;

        println!("\n6. $ slipstream status");
        self.show(&["status"])?;
        self.verify_status()?;
        Ok(took)
    }

    fn shells(&self) -> Result<()> {
        let start = Instant::now();
        let mut shells = Vec::new();
        for shell in 0..SHELLS {
            let mut command = self.command("sh");
            command
                .args(["-c", SCRIPT, "sh"])
                .args([shell * EACH, (shell + 1) * EACH].map(|n| n.to_string()))
                .env("SLIPSTREAM", &self.binary)
                .env("URL", &self.url);
            shells.push(Running::start(&mut command)?);
        }
        for shell in &mut shells {
            stored(shell.wait()?)?;
        }
        println!(
            "   {SHELLS} shells at once, each {EACH} times: slipstream store -d '{{\"n\":17}}' URL   ({})",
            millis(start.elapsed())
        );
        Ok(())
    }

    fn batch(&self) -> Result<()> {
        let first = SHELLS * EACH;
        let mut lines = String::new();
        for n in first..TOTAL - ALONE {
            let body = format!("{{\"n\":{n}}}");
            let line = serde_json::json!({"url": self.url, "method": "POST", "body": body});
            writeln!(lines, "{line}")?;
        }
        let file = self.output.with_file_name("batch");
        fs::write(&file, lines).context("could not write the batch")?;
        let start = Instant::now();
        let mut command = self.command(&self.binary);
        command
            .args(["store", "--batch", "-"])
            .stdin(File::open(&file).context("could not open the batch")?);
        stored(Running::start(&mut command)?.wait()?)?;
        println!(
            "   {} lines of JSON at once: slipstream store --batch -   ({})",
            TOTAL - ALONE - first,
            millis(start.elapsed())
        );
        Ok(())
    }

    fn alone(&self) -> Result<Duration> {
        let mut times = Vec::new();
        for n in TOTAL - ALONE..TOTAL {
            interrupt::check()?;
            let mut command = self.command(&self.binary);
            command.args(["store", "-d", &format!("{{\"n\":{n}}}"), &self.url]);
            let start = Instant::now();
            let status = Running::start(&mut command)?.wait_exactly()?;
            times.push(start.elapsed());
            stored(status)?;
        }
        times.sort();
        let median = times[times.len() / 2];
        println!("   {ALONE} more, one after another: {} each (median)", millis(median));
        Ok(median)
    }

    /// Runs slipstream and shows what it prints, set in.
    fn show(&self, words: &[&str]) -> Result<()> {
        let (status, text) = self.capture(words)?;
        for line in text.lines() {
            println!("   {line}");
        }
        ensure!(status.success(), "'slipstream {}' failed ({status})", words.join(" "));
        Ok(())
    }

    fn capture(&self, words: &[&str]) -> Result<(ExitStatus, String)> {
        // By a file, which takes any amount without a reader.
        let file = File::create(&self.output).context("could not make a file for output")?;
        let mut command = self.command(&self.binary);
        command.args(words).stdout(file);
        let status = Running::start(&mut command)?.wait()?;
        let text = fs::read_to_string(&self.output).context("could not read the output")?;
        Ok((status, text))
    }

    fn verify_status(&self) -> Result<()> {
        let (_, text) = self.capture(&["status", "--json"])?;
        let status: Value = serde_json::from_str(&text).context("'status --json' is no JSON")?;
        let totals = &status["totals"];
        ensure!(
            totals["stored"] == TOTAL && totals["delivered"] == TOTAL && totals["pending"] == 0,
            "the spool says {totals}, not {TOTAL} stored and delivered"
        );
        ensure!(status["balanced"] == true, "the spool's accounts do not balance: {totals}");
        Ok(())
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("SLIPSTREAM_DIR", &self.spool)
            .env("SLIPSTREAM_CONFIG", "")
            .current_dir(self.spool.parent().unwrap_or(Path::new("/")))
            .stdin(Stdio::null());
        command
    }
}

/// Shows what was received and checks that it is each request once.
fn verify(taken: &[Taken]) -> Result<()> {
    let keys = taken.iter().filter_map(|taken| taken.key.as_deref()).collect::<BTreeSet<_>>();
    let bodies = taken.iter().map(|taken| taken.body.as_str()).collect::<BTreeSet<_>>();
    println!(
        "   {} requests, {} distinct Idempotency-Keys; the first three:",
        taken.len(),
        keys.len()
    );
    for first in taken.iter().take(3) {
        let key = first.key.as_deref().unwrap_or("none");
        println!("   {}   {}   Idempotency-Key: {key}", first.line, first.body);
    }
    let wanted = (0..TOTAL).map(|n| format!("{{\"n\":{n}}}")).collect::<Vec<_>>();
    let lost = wanted.iter().filter(|body| !bodies.contains(body.as_str())).count();
    ensure!(lost == 0, "{lost} of {TOTAL} requests did not arrive");
    ensure!(
        taken.len() == wanted.len() && keys.len() == wanted.len(),
        "each of {TOTAL} requests should have come once, under a key of its own"
    );
    Ok(())
}

fn stored(status: ExitStatus) -> Result<()> {
    ensure!(status.success(), "storing failed ({status}); its message above says why");
    Ok(())
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    if millis < 100.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}
