//! `slipstream purge`: removes stored requests without delivering them.
//!
//! # Invariants
//! Nothing goes without `--yes`, and what goes is counted as purged.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use slipstream_core::operator::{Operator, OperatorError, Stage, StageStatus};

use crate::args::PurgeArgs;
use crate::exit::Exit;
use crate::process::owner::Place;
use crate::term::print;
use crate::term::units::{count, spell_bytes};

pub(crate) fn run(place: &Place, args: &PurgeArgs) -> Result<Exit> {
    place.become_owner()?;
    let Some(spool) = place.find()? else {
        print::out(&print::one_line(&format!("nothing stored yet in {}", place.path().display())))?;
        print::out("\n")?;
        return Ok(Exit::Success);
    };
    purge(&spool, args)
}

fn purge(engine: &dyn Operator, args: &PurgeArgs) -> Result<Exit> {
    let status = engine.status(Duration::ZERO)?;
    let has = |stage: Stage| status.stages.iter().any(|(it, _)| *it == stage);
    let asked = |stage: Stage| match args.states.is_empty() {
        true => has(stage),
        false => args.states.iter().any(|state| Stage::from(*state) == stage),
    };
    let failed = status.failed_in_processing();
    if !args.yes {
        for (stage, seen) in status.stages.iter().filter(|(stage, _)| asked(*stage)) {
            let StageStatus { parts, requests, bytes, .. } = *seen;
            // What failed there goes with its log.
            let more = if *stage == Stage::Processing { failed } else { 0 };
            print::out(&line(*stage, parts, requests + more, bytes))?;
        }
        stay(failed, &asked);
        bail!("nothing was removed; to remove this without delivering it, add --yes");
    }
    // A running worker refuses the first of these, before anything is gone; and what is
    // collected must not slip into ready behind us.
    let order = [Stage::Processing, Stage::Collecting, Stage::Ready, Stage::Failed];
    let mut ended = Exit::Success;
    for stage in order.into_iter().filter(|stage| asked(*stage)) {
        let gone = engine.purge(stage).map_err(|error| explain(error, stage))?;
        print::out(&line(stage, gone.parts, gone.requests, gone.bytes))?;
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
        stage.name(),
        count(requests, "request"),
        count(logs, "log"),
        spell_bytes(bytes)
    )
}

fn explain(error: OperatorError, stage: Stage) -> anyhow::Error {
    let stage = stage.name();
    let doing = match error {
        OperatorError::Busy { holder } => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::PurgeState;
    use crate::commands::memory::Memory;

    #[test]
    fn a_stage_that_an_engine_does_not_have_is_refused_by_name() {
        let engine = Memory::default().with(1, "http://a:1", true, 3);
        let args = PurgeArgs { states: vec![PurgeState::Collecting], yes: true };
        let refused = format!("{:#}", purge(&engine, &args).err().unwrap());
        let words = "cannot purge collecting: memory has no stage collecting; name ready or failed";
        assert_eq!(refused, words);
        assert_eq!(engine.status(Duration::ZERO).unwrap().totals.failed, 1);
    }
}
