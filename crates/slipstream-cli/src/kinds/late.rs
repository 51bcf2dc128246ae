//! Starts libcurl when it is needed, and not with the program.
//!
//! The curl crate starts libcurl, and TLS with it, before `main`: half a millisecond that every
//! stored request would pay for and never use. So the linker is configured (build.rs) to lead that
//! call here; it is deferred until a worker asks for it.
//!
//! # Invariants
//! libcurl is started once, from the main thread while it is alone, with the flags that the curl
//! crate asked for. [`start`] comes before the first driver.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_long};
use std::sync::Mutex;

use anyhow::{Result, ensure};

/// libcurl's word for success.
const OK: c_int = 0;

static CALL: Mutex<Call> = Mutex::new(Call::NotYet);

enum Call {
    /// It was not asked for.
    NotYet,
    /// It was asked for with these flags.
    PutOff(c_long),
    /// From now on calls go through.
    Through,
}

unsafe extern "C" {
    /// `curl_global_init` itself, by the name that the linker gives it.
    #[link_name = "__real_curl_global_init"]
    fn real(flags: c_long) -> c_int;
}

/// The `curl_global_init` that all other code calls.
#[unsafe(export_name = "__wrap_curl_global_init")]
extern "C" fn wrapped(flags: c_long) -> c_int {
    let Ok(mut call) = CALL.lock() else {
        return OK;
    };
    if let Call::Through = *call {
        // SAFETY: the caller keeps the function's own contract, as it would without us.
        return unsafe { real(flags) };
    }
    *call = Call::PutOff(flags);
    OK
}

/// Starts libcurl if it was deferred. Call it from the main thread, before there is another.
pub(crate) fn start() -> Result<()> {
    let Ok(mut call) = CALL.lock() else {
        return Ok(());
    };
    if let Call::PutOff(flags) = std::mem::replace(&mut *call, Call::Through) {
        // SAFETY: no other thread is running, which is all that libcurl asks for.
        let answer = unsafe { real(flags) };
        ensure!(answer == OK, "libcurl does not start (its error {answer})");
    }
    Ok(())
}
