//! Prints what a spool still holds: a line for each record (stage, state, id), then its accounts as
//! a line of JSON. Records are read the way the worker reads them.

use std::io::{BufWriter, Write, stdout};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use slipstream_core::Record;
use slipstream_core::operator::Stage;
use slipstream_log::Spool;
use slipstream_log::frame::{LOG_HEADER, LogHeader, State};
use slipstream_log::fs::disk::{Access, Disk};
use slipstream_log::fs::{Fs, Open};
use slipstream_log::walk::{Item, Limits, Walk};

use crate::Result;

pub(crate) fn run(dir: &Path) -> Result<()> {
    let spool = Spool::find(dir)?.ok_or("there is no spool")?;
    let mut out = BufWriter::new(stdout().lock());
    let root: OwnedFd = std::fs::File::open(dir)?.into();
    let us = rustix::process::geteuid().as_raw();
    let disk = Disk::new(root, spool.settings().group.map_or(Access::Owner(us), Access::Group));
    let mut removing = 0;
    for stage in Stage::ALL.map(Stage::name).into_iter().chain(["removing"]) {
        for name in disk.list(stage)? {
            removing += u64::from(stage == "removing");
            if name.ends_with(".log") {
                print_log(&disk, stage, &name, &mut out)?;
            }
        }
    }
    let seen = spool.spool_status(Duration::ZERO)?;
    let totals = &seen.status.totals;
    let accounts = serde_json::json!({
        "stored": totals.stored,
        "pending": totals.pending,
        "failed": totals.failed,
        "delivered": totals.outcomes.delivered,
        "expired": totals.outcomes.expired,
        "set_aside": totals.outcomes.set_aside,
        "overwritten": totals.outcomes.overwritten,
        "purged": totals.outcomes.purged,
        "balanced": totals.balanced(),
        "spoiled_entries": seen.spoiled_entries,
        "removing": removing,
    });
    writeln!(out, "{accounts}")?;
    Ok(out.flush()?)
}

fn print_log(disk: &Disk, stage: &str, name: &str, out: &mut impl Write) -> Result<()> {
    let file = disk.open(&format!("{stage}/{name}"), Open::Read)?;
    let mut header = [0; LOG_HEADER as usize];
    file.read_at(&mut header, 0)?;
    let header =
        LogHeader::parse(&header).ok_or_else(|| format!("{stage}/{name} has no header"))?;
    let mut walk = Walk::new(header.salt, file.stat()?.len, Limits::WIDEST);
    while let Some(item) = walk.next(&*file)? {
        let Item::Record { settlement, payload, .. } = item else {
            continue;
        };
        let state = match settlement.state {
            State::Pending => "pending",
            State::Delivered => "delivered",
            State::Failed => "failed",
            State::Expired => "expired",
            State::Dropped => "dropped",
        };
        writeln!(out, "{stage} {state} {}", Record::decode(payload)?.id)?;
    }
    Ok(())
}
