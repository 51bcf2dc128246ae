//! `mailer store` stores the mails that standard input has as lines of JSON; `mailer work`, from
//! cron, hands them to sendmail.

use std::env;
use std::error::Error;
use std::io::stdin;
use std::process::ExitCode;

use mailer::{Mail, Sendmail};
use slipstream_core::{Collector, Engine, RetryPolicy};
use slipstream_log::Spool;
use slipstream_worker::Worker;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let dir = env::var("MAILER_SPOOL").unwrap_or_else(|_| "/var/spool/mailer".to_owned());
    match env::args().nth(1).as_deref() {
        Some("store") => store(&dir),
        Some("work") => work(&dir),
        _ => Err("say `mailer store < MAILS`, or `mailer work`".into()),
    }
}

fn store(dir: &str) -> Result<ExitCode, Box<dyn Error>> {
    let collector = Collector::new(Spool::open(dir)?);
    for line in stdin().lines() {
        let stored = collector.store(&Mail::of_line(line?.as_bytes())?)?;
        println!("{}", stored.id);
    }
    Ok(ExitCode::SUCCESS)
}

fn work(dir: &str) -> Result<ExitCode, Box<dyn Error>> {
    let program = env::var("SENDMAIL").unwrap_or_else(|_| "/usr/sbin/sendmail".to_owned());
    let policy = env::var("MAILER_RETRY").unwrap_or_else(|_| "rounds=4,every=1h".to_owned());
    let spool = Spool::open(dir)?;
    let worker = Worker::new(spool.backlog()?)
        .handler(Sendmail { program: program.into() })
        .policy(RetryPolicy::default().amended(&policy)?);
    let summary = worker.run(&mut ())?;
    println!("{} sent, {} given up", summary.delivered, summary.failed);
    Ok(if summary.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
