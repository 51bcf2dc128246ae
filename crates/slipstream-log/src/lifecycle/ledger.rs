//! The ledger: accounts of what was stored, and of what became of it once its log is gone.
//!
//! The truth about a log that exists is the log: each record in it says whether it is
//! settled. The ledger holds two kinds of entry for each log, both naming it: *stored*,
//! counted by reading the log when it is sealed, and *gone*, written before the log is
//! removed. Entries are absolute and the last one of a log counts, so a process that repeats
//! a step after a crash writes the same again and nothing is counted twice.
//!
//! Lock rules are those of a log: a process that appends shares the ledger's lock and looks whether
//! it is still the ledger; a process that replaces it by a shorter one holds the lock alone.
//!
//! It is read in pieces, and only as far as the entries of all logs that can be there would reach.
//! What makes it longer was not written by this engine: before the next entry it is written anew
//! without that.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use memchr::memrchr;

use crate::dir::files::{SpoolFiles, TRIES};
use crate::dir::locks::Held;
use crate::error::SpoolError;
use crate::format::layout::{LEDGER, log_path};
use crate::format::log_name::{LogName, Stage};
use crate::format::settings::LEDGER_LONG;
use crate::fs::{File, Lock, Open, Replace};
use crate::lifecycle::entries::{Account, Accounts, Counts, Entry, Sealed, render};
use crate::lifecycle::retiring_log::logs_there;
use crate::lifecycle::tally::Tally;

/// How much of it is read at once. No entry is longer; the sums of 999 slots take less than half.
const PIECE: usize = 256 * 1024;

/// How long its lock is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it is not waited for again, when that was in vain.
const HELD_FOR: Duration = Duration::from_secs(60);
/// For how long failed logs are counted that were not counted when they were sealed. What is left
/// then is counted by a later run.
const COUNT_FOR: Duration = Duration::from_secs(2);

/// The ledger of an opened spool. Its lock is the last that is taken.
pub(crate) struct Ledger {
    pub(crate) files: SpoolFiles,
    /// How long it was when it was shortened last.
    shortened_to: AtomicU64,
    /// Since when another process has had its lock.
    held_since: Mutex<Option<Instant>>,
}

impl Ledger {
    pub(crate) fn new(files: SpoolFiles) -> Self {
        Self { files, shortened_to: AtomicU64::new(0), held_since: Mutex::new(None) }
    }

    /// Reads the whole ledger.
    pub(crate) fn read(&self) -> Result<Accounts, SpoolError> {
        let mut accounts = Accounts::default();
        accounts.unread = self.lines(|lines| accounts.extend(lines))?;
        Ok(accounts)
    }

    /// What the ledger says of one log.
    pub(crate) fn account(&self, log: LogName) -> Result<Account, SpoolError> {
        let (mut accounts, name) = (Accounts::default(), log.to_string());
        self.lines(|lines| accounts.extend_by(lines, &name))?;
        Ok(accounts.logs.get(&log).copied().unwrap_or_default())
    }

    /// Shows the ledger's lines, some at a time, and returns how many bytes are not read.
    fn lines(&self, mut show: impl FnMut(&[u8])) -> Result<u64, SpoolError> {
        let failed = |doing| move |error| self.files.io(doing, LEDGER, error);
        let file = match self.files.fs.open(LEDGER, Open::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(failed("open")(error)),
        };
        let len = file.stat().map_err(failed("look at"))?.len;
        let end = len.min(self.files.settings.ledger_max());
        let mut piece = vec![0; PIECE.min(end as usize)];
        // Of the piece, the beginning of a line whose end was not read yet.
        let (mut at, mut kept) = (0, 0);
        while at < end {
            let most = (end - at).min((piece.len() - kept) as u64) as usize;
            let read = file.read_at(&mut piece[kept..kept + most], at).map_err(failed("read"))?;
            if read == 0 {
                // It was replaced by a shorter one, or cut.
                break;
            }
            (at, kept) = (at + read as u64, kept + read);
            let whole = memrchr(b'\n', &piece[..kept]).map_or(0, |last| last + 1);
            // No entry is as long as a piece: what is goes line by line all the same.
            let whole = if whole == 0 && kept == piece.len() { kept } else { whole };
            show(&piece[..whole]);
            piece.copy_within(whole..kept, 0);
            kept -= whole;
        }
        show(&piece[..kept]);
        Ok(len - end)
    }

    /// Notes how many records a log held when it was sealed.
    pub(crate) fn enter_stored(&self, log: LogName, sealed: Sealed) -> Result<(), SpoolError> {
        self.append_entries(&[Entry::Stored { log: log.to_string(), sealed }], false)
    }

    /// Notes what a log held and what became of it, so that a power loss cannot undo it: the log
    /// may be removed after this.
    pub(crate) fn enter_gone(&self, log: LogName, counts: &Counts) -> Result<(), SpoolError> {
        let (name, Counts { sealed, gone }) = (log.to_string(), *counts);
        let stored = Entry::Stored { log: name.clone(), sealed };
        self.append_entries(&[stored, Entry::Gone { log: name, gone }], true)
    }

    fn append_entries(&self, entries: &[Entry], sync: bool) -> Result<(), SpoolError> {
        let lines: String = entries.iter().map(render).collect();
        let failed = |doing| move |error| self.files.io(doing, LEDGER, error);
        let mut made_anew = false;
        for _ in 0..TRIES {
            let file = match self.files.fs.open(LEDGER, Open::Append) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.make()?;
                    continue;
                }
                Err(error) => return Err(failed("open")(error)),
            };
            let held = self.lock(&*file, Lock::Shared)?;
            if !self.files.is_at(&*file, LEDGER)? {
                continue;
            }
            let len = file.stat().map_err(failed("look at"))?.len;
            if len > self.files.settings.ledger_max() && !made_anew {
                // What is written behind that would not be read.
                tracing::warn!(len, "the ledger is longer than it can be; it is written anew");
                drop(held);
                self.rewrite(u64::MAX)?;
                made_anew = true;
                continue;
            }
            file.append(lines.as_bytes()).map_err(|error| failed("write")(error.error))?;
            if sync {
                file.sync().map_err(failed("sync"))?;
            }
            drop(held);
            return Ok(());
        }
        Err(self.files.contended(LEDGER))
    }

    /// Makes an empty ledger, unless another process just did.
    pub(crate) fn make(&self) -> Result<(), SpoolError> {
        self.put(&Accounts::default().render(), Replace::Never)
    }

    fn put(&self, text: &str, replace: Replace) -> Result<(), SpoolError> {
        let path = format!("{LEDGER}.new-{:016x}", self.files.fs.random());
        let failed = |doing, error| self.files.io(doing, &path, error);
        let file = self.files.fs.create(&path).map_err(|error| failed("make", error))?;
        let put = || {
            file.append(text.as_bytes()).map_err(|error| failed("write", error.error))?;
            // Before the old one goes.
            file.sync().map_err(|error| failed("sync", error))?;
            match self.files.fs.rename(&path, LEDGER, replace) {
                Ok(()) => Ok(()),
                // Another process made one.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let removed = self.files.fs.remove(&path);
                    removed.map_err(|error| failed("remove", error))
                }
                // A worker that starts clears away what looks abandoned. The process that needs it
                // makes it again.
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                Err(error) => Err(failed("rename", error)),
            }
        };
        put().inspect_err(|_| drop(self.files.fs.remove(&path)))
    }

    /// Folds the entries of logs that are gone into sums, once there are many. A ledger that
    /// cannot be shortened now is only long.
    pub(crate) fn shorten_if_long(&self) {
        if let Err(error) = self.shorten() {
            tracing::warn!(%error, "the ledger stays as long as it is");
        }
    }

    fn shorten(&self) -> Result<(), SpoolError> {
        let len = || self.files.fs.stat(LEDGER).map_or(0, |stat| stat.len);
        let (before, last) = (len(), self.shortened_to.load(Ordering::Relaxed));
        if before < last.saturating_mul(2).max(LEDGER_LONG) {
            return Ok(());
        }
        // Many logs may be there, and each keeps its entries: then there is little to gain, and it
        // is not looked for again before there is twice as much.
        self.rewrite(before / 4 * 3)?;
        self.shortened_to.store(len(), Ordering::Relaxed);
        Ok(())
    }

    /// Takes the ledger's lock. What could not be entered is entered later, so a lock that another
    /// process keeps is waited for once a minute, and not at each log.
    fn lock<'a>(&self, file: &'a dyn File, how: Lock) -> Result<Held<'a>, SpoolError> {
        let known = self.held_since().is_some_and(|since| since.elapsed() < HELD_FOR);
        let patience = if known { Duration::ZERO } else { PATIENCE };
        let held = self.files.lock_for(file, how, LEDGER, patience);
        match &held {
            Ok(_) => *self.held_since() = None,
            Err(SpoolError::Locked { .. }) if !known => {
                *self.held_since() = Some(Instant::now());
            }
            Err(_) => {}
        }
        held
    }

    /// Replaces the ledger by a ledger that holds the same in fewer entries, if that takes at most
    /// so many bytes.
    pub(crate) fn rewrite(&self, most: u64) -> Result<(), SpoolError> {
        let file = self
            .files
            .fs
            .open(LEDGER, Open::Read)
            .map_err(|error| self.files.io("open", LEDGER, error))?;
        let _held = self.lock(&*file, Lock::Exclusive)?;
        if !self.files.is_at(&*file, LEDGER)? {
            return Ok(());
        }
        let mut accounts = self.read()?;
        // A log's entries go only when the log has gone, or a process that repeats the last step of
        // its removal would enter it anew. What goes after this look goes next time.
        let there = logs_there(&self.files)?;
        accounts.folded = accounts.folded_without(&there);
        accounts.logs.retain(|log, account| there.contains(log) || account.gone.is_none());
        let text = accounts.render();
        if text.len() as u64 > most {
            return Ok(());
        }
        self.put(&text, Replace::Always)
    }

    fn held_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.held_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters what a sealed log holds. Call it with the log's lock.
    pub(crate) fn count_stored(
        &self,
        file: &dyn File,
        path: &str,
        name: LogName,
    ) -> Result<(), SpoolError> {
        let tally = Tally::of(&self.files, file, path, Some(name))?;
        self.enter_stored(name, tally.sealed())
    }

    /// Enters what a sealed log holds unless that was done. What keeps it from being entered now (a
    /// full disk, say) leaves that to when the log goes. Call it with the log's lock.
    pub(crate) fn count_if_not_yet(&self, file: &dyn File, path: &str, name: LogName) {
        let counted = match self.account(name) {
            Ok(Account { stored: Some(_), .. }) => Ok(()),
            Ok(_) => self.count_stored(file, path, name),
            Err(error) => Err(error),
        };
        if let Err(error) = counted {
            tracing::warn!(log = %name, %error, "claimed, but not counted yet");
        }
    }

    /// Enters the failed logs that could not be counted when they were sealed. They may stay where
    /// they are for long.
    pub(crate) fn count_failed(&self) -> Result<(), SpoolError> {
        let files = &self.files;
        let began = files.clock.elapsed();
        let accounts = self.read()?;
        let counted =
            |log: &LogName| accounts.logs.get(log).is_some_and(|account| account.stored.is_some());
        for log in files.logs_in(Stage::Failed)?.into_iter().filter(|log| !counted(log)) {
            if files.clock.elapsed() - began > COUNT_FOR {
                break;
            }
            let path = log_path(Stage::Failed, log);
            let Ok(Some(file)) = files.open_if_there(&path) else {
                continue;
            };
            let held = files.lock_if_free(&*file, &path);
            if matches!(held, Ok(Some(_))) && files.is_at(&*file, &path).unwrap_or(false) {
                self.count_if_not_yet(&*file, &path, log);
            }
        }
        Ok(())
    }
}
