//! Ctrl-C, noticed rather than obeyed at once, so that what was started is stopped and what was
//! made is removed. A second one ends the program where it is.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::hanging;

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on SIGINT, SIGTERM and SIGHUP only ask this program to end. Called again, it does nothing.
pub fn watch() -> Result<()> {
    if FLAG.set(Arc::default()).is_err() {
        return Ok(());
    }
    let asked = FLAG.get().expect("it was set above");
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the first signal finds the flag down and only raises it.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(asked))
            .and_then(|_| flag::register(signal, Arc::clone(asked)))
            .context("could not catch signals")?;
    }
    Ok(())
}

/// Whether such a signal has come.
pub fn asked() -> bool {
    FLAG.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// An error if such a signal has come.
pub fn check() -> Result<()> {
    if asked() {
        bail!("interrupted; everything that was started has been stopped");
    }
    Ok(())
}

/// A running program that ends, with all that it started, when this goes out of scope.
pub struct Running {
    /// It, for its input and output.
    pub child: Child,
    ended: bool,
}

impl Running {
    /// Starts it in a process group of its own: Ctrl-C in a terminal then reaches only
    /// us, and one signal to the group reaches all that it started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.process_group(0).spawn().with_context(|| {
            format!("could not start '{}'", command.get_program().to_string_lossy())
        })?;
        Ok(Self { child, ended: false })
    }

    /// Its end, if it has ended.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.ended |= status.is_some();
        Ok(status)
    }

    /// Asks it to end.
    pub fn ask_to_end(&self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It fails when it has ended by itself.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Waits for its end, or for Ctrl-C. Both cost at most a few milliseconds more.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait().context("could not wait")? {
                self.ended = true;
                return Ok(status);
            }
            check()?;
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for its end. What runs for longer than [`hanging::LIMIT`] is described and killed.
    pub fn wait_unless_hanging(&mut self) -> Result<ExitStatus> {
        let status =
            hanging::wait(&mut self.child, hanging::LIMIT, &mut |line| eprintln!("{line}"))
                .context("could not wait")?;
        self.ended = true;
        Ok(status)
    }

    /// Waits for its end with nothing between the end and the return: for measuring.
    pub fn wait_exactly(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        self.ended = true;
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It fails when all have ended, and then there is nothing to do.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}
