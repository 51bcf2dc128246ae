//! `slipstream purge`: removes stored requests without delivering them.
//!
//! # Invariants
//! Nothing goes without `--yes`, and what goes is counted as purged.

use anyhow::{Context, Result, bail};
use slipstream_log::{SpoolError, Stage};

use crate::args::PurgeArgs;
use crate::exit::Exit;
use crate::process::owner::Place;
use crate::term::print;
use crate::term::totals::failed_in_processing;
use crate::term::units::{count, spell_bytes};

pub(crate) fn run(place: &Place, args: &PurgeArgs) -> Result<Exit> {
    place.become_owner()?;
    let Some(spool) = place.find()? else {
        print::out(&print::one_line(&format!("nothing stored yet in {}", place.path().display())))?;
        print::out("\n")?;
        return Ok(Exit::Success);
    };
    let asked = |stage: Stage| {
        args.states.is_empty() || args.states.iter().any(|s| Stage::from(*s) == stage)
    };
    if !args.yes {
        let status = spool.status()?;
        let failed = failed_in_processing(&status);
        for (stage, seen) in status.stages.into_iter().filter(|(stage, _)| asked(*stage)) {
            // What failed there goes with its log.
            let more = if stage == Stage::Processing { failed } else { 0 };
            print::out(&line(stage, seen.logs, seen.requests + more, seen.bytes))?;
        }
        stay(failed, &asked);
        bail!("nothing was removed; to remove this without delivering it, add --yes");
    }
    let failed = failed_in_processing(&spool.status()?);
    // A running worker refuses the first of these, before anything is gone; and what is
    // collected must not slip into ready behind us.
    let order = [Stage::Processing, Stage::Collecting, Stage::Ready, Stage::Failed];
    let mut ended = Exit::Success;
    for stage in order.into_iter().filter(|stage| asked(*stage)) {
        let gone = spool.purge(stage).map_err(|error| explain(error, stage))?;
        print::out(&line(stage, gone.logs, gone.requests, gone.bytes))?;
        for skipped in gone.skipped {
            print::complain(&format!("not removed: {}", skipped.why));
            ended = Exit::Error;
        }
    }
    stay(failed, &asked);
    Ok(ended)
}

/// Says that some of what failed is beyond `--state failed`.
fn stay(failed: u64, asked: &impl Fn(Stage) -> bool) {
    if failed > 0 && asked(Stage::Failed) && !asked(Stage::Processing) {
        let failed = count(failed, "failed request");
        print::complain(&format!(
            "not among these: {failed} still in processing/, since others in the same log wait; add --state processing to remove all in there, too"
        ));
    }
}

fn line(stage: Stage, logs: u64, requests: u64, bytes: u64) -> String {
    format!(
        "{:<10}  {} in {}, {}\n",
        stage.dir(),
        count(requests, "request"),
        count(logs, "log"),
        spell_bytes(bytes)
    )
}

fn explain(error: SpoolError, stage: Stage) -> anyhow::Error {
    let stage = stage.dir();
    let doing = match error {
        SpoolError::Busy { holder } => {
            let who = holder.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            return anyhow::anyhow!(
                "cannot purge {stage}: a worker is running{who}; wait until it ends, or name other states with --state"
            );
        }
        error => error,
    };
    let result: Result<(), _> = Err(doing);
    result.with_context(|| format!("cannot purge {stage}")).unwrap_err()
}
