//! A worker without a network: delivering is appending the id to a file.
//!
//! It keeps as many requests in flight as configured and settles them in any order, so that a kill
//! leaves many of them delivered but not settled. Some requests need more attempts, some never
//! succeed: their ids show which.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use slipstream_core::{Backlog, BacklogError, Claim, Engine, Next, Record, Settlement, Ticket};
use slipstream_log::Spool;
use slipstream_soak::chance::{Chance, mix};
use slipstream_soak::ids::Name;

use crate::{Result, stop_flag};

#[derive(clap::Args)]
pub(crate) struct Args {
    dir: PathBuf,
    /// Where the ids of what was delivered go
    #[arg(long)]
    delivered: PathBuf,
    #[arg(long)]
    seed: u64,
    /// How many are in flight at once
    #[arg(long)]
    concurrency: usize,
    /// How long new ones are taken
    #[arg(long)]
    max_ms: u64,
}

const ATTEMPTS: u32 = 3;
const BACKOFF: Duration = Duration::from_millis(10);

pub(crate) fn run(args: &Args) -> Result<()> {
    let stop = stop_flag()?;
    let mut delivered = OpenOptions::new().append(true).create(true).open(&args.delivered)?;
    let mut chance = Chance::new(args.seed, 0);
    let mut backlog = match Spool::open(&args.dir)?.backlog() {
        // As the delivered worker does: a purge of processing/ has the worker's lock, too.
        Err(BacklogError::Busy { .. }) => return Ok(()),
        other => other?,
    };
    let mut flying: Vec<(Ticket, Settlement)> = Vec::new();
    let start = Instant::now();
    loop {
        let over = stop.load(Relaxed) || start.elapsed() > Duration::from_millis(args.max_ms);
        let next = match over {
            true => Next::Empty,
            false => backlog.next()?,
        };
        let idle = match next {
            Next::Work(claim) => {
                let (ticket, verdict) = attempt(&mut *backlog, claim, args.seed, &mut delivered)?;
                flying.push((ticket, verdict));
                None
            }
            // Nothing is remembered here of a destination.
            Next::Asked(_) => None,
            Next::Wait(wait) => Some(wait),
            Next::Empty if flying.is_empty() => break,
            Next::Empty => Some(Duration::ZERO),
        };
        if flying.len() >= args.concurrency || (idle.is_some() && !flying.is_empty()) {
            let (ticket, verdict) = flying.swap_remove(chance.below(flying.len() as u64) as usize);
            backlog.settle(ticket, verdict)?;
        } else if let Some(wait) = idle {
            thread::sleep(wait.min(Duration::from_millis(20)));
        }
    }
    Ok(backlog.close()?)
}

fn attempt(
    backlog: &mut dyn Backlog,
    claim: Claim,
    seed: u64,
    delivered: &mut impl Write,
) -> Result<(Ticket, Settlement)> {
    let ticket = claim.ticket;
    let record = Record::decode(&claim.payload)?;
    if claim.attempts >= ATTEMPTS {
        return Ok((ticket, Settlement::Failed));
    }
    let attempts = backlog.begin(ticket)?;
    let name = Name::of(record.id.as_bytes()).ok_or("a request that the soak did not store")?;
    let lot = mix(seed ^ mix(u64::from(name.life) << 32 | u64::from(name.number))) % 1000;
    // Two in a thousand never succeed, fifteen not at once.
    if lot < 2 || (lot < 17 && attempts < ATTEMPTS) {
        return Ok(match attempts < ATTEMPTS {
            true => (ticket, Settlement::Retry { after: BACKOFF }),
            false => (ticket, Settlement::Failed),
        });
    }
    delivered.write_all(record.id.as_bytes())?;
    Ok((ticket, Settlement::Delivered))
}
