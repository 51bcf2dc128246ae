//! Every message of this crate in one snapshot, so that wording can be reviewed.

use std::error::Error;
use std::io;
use std::time::Duration;

use crate::{InspectError, Settings, SpoolError};

/// A line for each variant of each error, its cause behind it.
#[test]
fn errors() {
    let path = || "/spool/ready/x.log".into();
    let source = || io::Error::from_raw_os_error(13);
    let errors: [&dyn Error; 18] = [
        &SpoolError::Io { doing: "open", path: path(), source: source() },
        &SpoolError::ReadOnly { doing: "open", path: path() },
        &SpoolError::Gone { spool: "/spool".into(), dir: "ready".to_owned() },
        &SpoolError::Moved { path: "/spool".into() },
        &SpoolError::Unsafe { path: "/spool".into(), why: "is what is wrong".to_owned() },
        &SpoolError::Settings { path: "/spool".into(), why: "what is wrong".to_owned() },
        &SpoolError::SettingsFile { path: "/etc/slipstream.toml".into(), source: source() },
        &SpoolError::Locked { path: path(), waited: Duration::from_secs(10) },
        &SpoolError::Full { path: "/spool".into(), slot: 3, logs: 10 },
        &SpoolError::Contended { path: path() },
        &SpoolError::Taken { path: path() },
        &SpoolError::Several { others: 2, source: Box::new(SpoolError::Taken { path: path() }) },
        &SpoolError::Busy { holder: None },
        &SpoolError::Busy { holder: Some(7) },
        &SpoolError::Forked { opened_by: 7 },
        &InspectError::Io { path: path(), source: source() },
        &InspectError::NoLog { path: path() },
        &InspectError::SetAside { path: path() },
    ];
    let line = |error: &&dyn Error| {
        let debug = format!("{error:?}");
        let name = debug.split([' ', '(', '{']).next().unwrap();
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{name}: {error}{cause}\n")
    };
    insta::assert_snapshot!(errors.iter().map(line).collect::<String>());
}

/// Settings that no spool can have.
#[test]
fn settings() {
    let usual = Settings::default;
    let all = [
        Settings { format: 99, ..usual() },
        Settings { slots: 0, ..usual() },
        Settings { logs: 0, ..usual() },
        Settings { rotate_ms: 0, ..usual() },
        Settings { rotate_ms: u64::MAX, ..usual() },
        Settings { record_max: 0, ..usual() },
        Settings { log_max: 1, ..usual() },
        Settings { log_max: u64::MAX, ..usual() },
    ];
    insta::assert_snapshot!(all.map(|settings| settings.check().unwrap_err()).join("\n"));
}
