//! Parameters as the protocol writes them.

use crate::request::param::Param;

/// Adds what follows a statement's number in the command that executes it.
pub(super) fn write(packet: &mut Vec<u8>, params: &[Param]) {
    // No cursor; executed once.
    packet.push(0);
    packet.extend_from_slice(&1u32.to_le_bytes());
    if params.is_empty() {
        return;
    }
    let nulls = packet.len();
    packet.resize(nulls + params.len().div_ceil(8), 0);
    packet.push(1);
    for (at, param) in params.iter().enumerate() {
        let (kind, unsigned) = kind(param);
        packet.extend_from_slice(&[kind, if unsigned { 0x80 } else { 0 }]);
        if matches!(param, Param::Null) {
            packet[nulls + at / 8] |= 1 << (at % 8);
        }
    }
    for param in params {
        match param {
            Param::Null => {}
            Param::Bool(truth) => packet.push(u8::from(*truth)),
            Param::Int(number) => packet.extend_from_slice(&number.to_le_bytes()),
            Param::UInt(number) => packet.extend_from_slice(&number.to_le_bytes()),
            Param::Float(number) => packet.extend_from_slice(&number.to_le_bytes()),
            Param::Text(text) | Param::Json(text) => counted(packet, text.as_bytes()),
            Param::Bytes(bytes) => counted(packet, bytes),
        }
    }
}

/// The type's number, and whether it has no sign.
fn kind(param: &Param) -> (u8, bool) {
    match param {
        Param::Null => (6, false),
        Param::Bool(_) => (1, false),
        Param::Int(_) => (8, false),
        Param::UInt(_) => (8, true),
        Param::Float(_) => (5, false),
        Param::Text(_) | Param::Json(_) => (253, false),
        // A blob has no character set: it is taken as it is.
        Param::Bytes(_) => (252, false),
    }
}

fn counted(packet: &mut Vec<u8>, bytes: &[u8]) {
    let length = (bytes.len() as u64).to_le_bytes();
    match bytes.len() {
        0..=0xfa => packet.push(length[0]),
        0xfb..=0xffff => {
            packet.push(0xfc);
            packet.extend_from_slice(&length[..2]);
        }
        0x1_0000..=0xff_ffff => {
            packet.push(0xfd);
            packet.extend_from_slice(&length[..3]);
        }
        _ => {
            packet.push(0xfe);
            packet.extend_from_slice(&length);
        }
    }
    packet.extend_from_slice(bytes);
}
