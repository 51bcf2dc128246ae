//! A settings.json of any bytes: what passes its own check has bounds that do not overflow, and is
//! written and read back as the same.

use slipstream_log::Settings;

pub(crate) fn check(data: &[u8]) {
    let Ok(settings) = serde_json::from_slice::<Settings>(data) else { return };
    let limits = settings.limits();
    if settings.check().is_err() {
        return;
    }
    assert!((1..=999).contains(&settings.slots) && (1..=10_000).contains(&settings.logs));
    assert!(limits.record <= 1 << 30 && limits.log > limits.record);
    assert!(!settings.rotate().is_zero());
    let written = serde_json::to_vec(&settings).unwrap();
    assert_eq!(serde_json::from_slice::<Settings>(&written).unwrap(), settings);
}
