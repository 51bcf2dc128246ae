//! A worker.run of any bytes: it describes a run or none, and the same when it is read again.

use slipstream_worker::LastRun;

pub(crate) fn check(data: &[u8]) {
    let Some(run) = LastRun::read(data) else { return };
    let again = LastRun::read(data).unwrap();
    assert_eq!(format!("{run:?}"), format!("{again:?}"));
    // Nothing but JSON describes a run.
    assert!(serde_json::from_slice::<serde_json::Value>(data).is_ok());
}
