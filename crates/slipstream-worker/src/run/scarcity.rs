//! Shortage of descriptors: whether the process has any left.
//!
//! Not every failure for want of them says so: a resolver that cannot open its files reports a name
//! that does not exist.

use std::fs::File;

/// A look-up or a connection takes fewer.
const NEEDED: usize = 8;

/// Whether fewer descriptors can be opened than an attempt may need.
pub(crate) fn descriptors_are_scarce() -> bool {
    let mut held = Vec::with_capacity(NEEDED);
    (0..NEEDED).any(|_| match File::open("/") {
        Ok(file) => {
            held.push(file);
            false
        }
        Err(error) => {
            slipstream_core::Failure::shortage(error.raw_os_error().unwrap_or_default()).is_some()
        }
    })
}
