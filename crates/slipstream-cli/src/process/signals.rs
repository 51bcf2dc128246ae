//! SIGTERM and SIGINT end a run in good order; a second SIGINT ends the program at once. SIGXFSZ ends
//! nothing.
//!
//! What was in flight at that moment is tried again by the next run, as after any crash.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use slipstream_worker::Stopper;

/// Whether a signal has come.
static CAME: AtomicBool = AtomicBool::new(false);

/// What a shell reports for a program that SIGINT ended.
const INTERRUPTED: i32 = 128 + SIGINT;

/// Stops the run when one of the signals comes.
pub(crate) fn stop_on(stopper: Stopper) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("cannot listen for signals")?;
    let thread = std::thread::Builder::new().name("slipstream-signals".to_owned());
    let spawned = thread.spawn(move || {
        for signal in signals.forever() {
            CAME.store(true, Ordering::SeqCst);
            if signal == SIGINT && stopper.is_stopped() {
                // Without the exit handlers of libraries that the run is still using.
                signal_hook::low_level::exit(INTERRUPTED);
            }
            stopper.stop();
        }
    });
    spawned.context("cannot start the thread that listens for signals (see `ulimit -u`)").map(drop)
}

/// Whether one has come since the first run began.
pub(crate) fn came() -> bool {
    CAME.load(Ordering::SeqCst)
}

/// Has a write beyond the limit of a file's size (`ulimit -f`) fail, as on a full disk, and not end
/// the program. A program that this one starts would have the default again.
pub(crate) fn fail_beyond_the_size_limit() {
    // That there is a handler is enough; nothing reads the flag.
    if let Err(error) = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))) {
        tracing::debug!(%error, "a write beyond the limit of a file's size ends the program");
    }
}
