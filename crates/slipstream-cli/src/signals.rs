//! SIGTERM and SIGINT end a run in good order; a second SIGINT ends the program at once.
//!
//! What was in flight at that moment is tried again by the next run, as after any crash.

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use slipstream_worker::Stopper;

/// What a shell reports for a program that SIGINT ended.
const INTERRUPTED: i32 = 128 + SIGINT;

/// Stops the run when one of the signals comes.
pub(crate) fn stop_on(stopper: Stopper) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("cannot listen for signals")?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if signal == SIGINT && stopper.is_stopped() {
                // Without the exit handlers of libraries that the run is still using.
                signal_hook::low_level::exit(INTERRUPTED);
            }
            stopper.stop();
        }
    });
    Ok(())
}
