//! Notification of changes, for a worker that stays: it is notified of new records as they come.
//!
//! # Invariants
//! - All that is stored after [`ChangeWatcher::listen`] causes one notification, until it is called
//!   again: so a thousand stores between two looks cost one wake-up.
//! - Nothing is polled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slipstream_core::Notifier;

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::log_name::Stage;
use crate::fs::Watch;

/// Notifies when there may be something new.
pub(crate) struct ChangeWatcher {
    watch: Box<dyn Watch>,
    came: Arc<AtomicBool>,
    path: std::path::PathBuf,
}

impl ChangeWatcher {
    /// Wakes `notifier` when something comes, from the next [`ChangeWatcher::listen`] on.
    pub(crate) fn watch(files: &SpoolFiles, notifier: Notifier) -> Result<Self, SpoolError> {
        // Until the first look, everything is new.
        let came = Arc::new(AtomicBool::new(true));
        let heard = Arc::clone(&came);
        let wake = move || {
            heard.store(true, Ordering::SeqCst);
            notifier.notify();
        };
        // Records come into collecting/; what is to be retried leaves failed/; what an operator
        // asks for is beside them.
        let dirs = [Stage::Collecting.name(), Stage::Failed.name(), "."];
        let watch = files.fs.watch(&files.path, &dirs, Box::new(wake));
        let watch = watch.map_err(|error| files.io("watch", Stage::Collecting.name(), error))?;
        Ok(Self { watch, came, path: files.path.join(Stage::Collecting.name()) })
    }

    /// Whether something came since it was listened for.
    pub(crate) fn came(&self) -> bool {
        self.came.load(Ordering::SeqCst)
    }

    /// Listens for what comes from now on. Call it before a look.
    pub(crate) fn listen(&self) -> Result<(), SpoolError> {
        self.came.store(false, Ordering::SeqCst);
        let armed = self.watch.arm();
        armed.map_err(|source| SpoolError::Io { doing: "watch", path: self.path.clone(), source })
    }
}
