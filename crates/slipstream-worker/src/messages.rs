//! Every error of this crate in one snapshot, so that wording can be reviewed.

use slipstream_core::RecordId;

use crate::report::observer::Doing;

#[test]
fn errors() {
    let id = RecordId::from_bytes([7; 16]);
    let all = [
        Doing::Following,
        Doing::Claiming,
        Doing::Beginning(id),
        Doing::Settling(Some(id)),
        Doing::Settling(None),
        Doing::Closing,
    ];
    insta::assert_snapshot!(all.map(|doing| format!("{doing:?}: {doing}")).join("\n"));
}
