//! A ledger of any bytes, as it is read for a spool's status, and by the spool's own check: neither
//! panics, whatever numbers it holds.
//!
//! When the first byte is odd, each line gets the checksum that makes it an entry. The spool is
//! a real one, since the ledger is not to be read in any other way; it is empty but for that.

use std::fs;
use std::time::Duration;

use slipstream_core::operator::Operator;
use slipstream_log::Spool;

thread_local! {
    static SPOOL: (tempfile::TempDir, Spool) = {
        let memory = tempfile::tempdir_in("/dev/shm");
        let dir = memory.or_else(|_| tempfile::tempdir()).unwrap();
        let spool = Spool::open(dir.path().join("spool")).unwrap();
        (dir, spool)
    };
}

pub(crate) fn check(data: &[u8]) {
    let Some((flags, bytes)) = data.split_first() else {
        return;
    };
    let ledger = if flags & 1 == 0 { bytes.to_vec() } else { entries(bytes) };
    SPOOL.with(|(_, spool)| {
        fs::write(spool.path().join("ledger"), ledger).unwrap();
        let status = spool.status(Duration::ZERO).unwrap();
        assert!(status.totals.pending == 0 && status.totals.failed == 0);
        let report = spool.check(false).unwrap();
        assert!(report.parts == 0 && report.records == 0);
    });
}

fn entries(lines: &[u8]) -> Vec<u8> {
    let mut ledger = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        ledger.extend(format!("\n{:08x} ", crc32c::crc32c(line)).bytes());
        ledger.extend(line);
        ledger.push(b'\n');
    }
    ledger
}
