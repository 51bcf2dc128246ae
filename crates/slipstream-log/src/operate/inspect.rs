//! Inspection of a log by its path, wherever it is, without working it.
//!
//! # Invariants
//! - Nothing is written, and nothing of the file is believed that its checksums do not cover.
//! - A path may lead anywhere, so what is no plain file is refused without waiting for it.
//! - The end of a log that is being appended to is looked up between two writes, so that a record
//!   which is just being written does not look like damage.
//!
//! # Non-goals
//! What the records mean, and which users may see them.

use std::fs::File as StdFile;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::format::frame::{FORMAT_VERSION, LOG_HEADER, LogHeader};
use crate::format::layout::{DAMAGED, SETTINGS_FILE};
use crate::format::log_name::LogName;
use crate::format::scan::{Item, Limits, Walk};
use crate::format::settings::Settings;
use crate::fs::{ReadFile, Stat};

/// How long to wait for a moment without a writer. Writes take microseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a log could not be inspected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The file system refused.
    #[error("cannot read {}", .path.display())]
    Io {
        /// What was to be read.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is no log, or nothing shows any more that it is one.
    #[error(
        "{} is not a log: it has neither a header of version {FORMAT_VERSION} nor a log's name",
        .path.display()
    )]
    NoLog {
        /// The file.
        path: PathBuf,
    },
    /// The file holds what was set aside of a log.
    #[error(
        "{} is not a log, but the unreadable bytes of one, each stretch after a line with its offset; look at it with a viewer of bytes such as `xxd`",
        .path.display()
    )]
    SetAside {
        /// The file.
        path: PathBuf,
    },
}

/// A log that is open to be read.
pub struct LogReader {
    path: PathBuf,
    file: ReadOnly,
    header: Option<LogHeader>,
    walk: Walk,
}

impl LogReader {
    /// Opens a log by its path, in a spool or copied elsewhere.
    ///
    /// # Errors
    /// When it cannot be read, or is no log.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InspectError> {
        let path = path.as_ref();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(DAMAGED) {
            return Err(InspectError::SetAside { path: path.to_owned() });
        }
        // On its way out, or in a copy, it may have more behind its name.
        let name = name.find(".log").and_then(|at| LogName::parse(&name[..at + ".log".len()]));
        let file = ReadOnly::open(path)
            .map_err(|source| InspectError::Io { path: path.to_owned(), source })?;
        let mut bytes = [0; LOG_HEADER as usize];
        let looked = file.read_at(&mut bytes, 0).and_then(|read| Ok((read, quiet_end(&file)?)));
        let (read, end) = match looked {
            Ok(looked) => looked,
            Err(source) => return Err(InspectError::Io { path: path.to_owned(), source }),
        };
        let header = LogHeader::parse(&bytes[..read]);
        // What the header no longer shows is in the name, too.
        let Some(salt) = header.map(|header| header.salt).or(name.map(|name| name.salt)) else {
            return Err(InspectError::NoLog { path: path.to_owned() });
        };
        let walk = Walk::new(salt, end, limits_at(path));
        Ok(Self { path: path.to_owned(), file, header, walk })
    }

    /// Its description of itself; none when that is damaged, and its name replaces it.
    pub fn header(&self) -> Option<LogHeader> {
        self.header
    }

    /// Where it ends, or where the longest log of its spool would. What is appended from now on is
    /// not read.
    pub fn end(&self) -> u64 {
        self.walk.end()
    }

    /// The next record or stretch of other bytes, none at the end.
    ///
    /// # Errors
    /// When the file cannot be read. It may be tried again.
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, InspectError> {
        self.walk
            .next(&self.file)
            .map_err(|source| InspectError::Io { path: self.path.clone(), source })
    }
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The limits of the spool that a log is in. A copy elsewhere may be of any spool.
fn limits_at(path: &Path) -> Limits {
    let settings = || {
        let beside = path.parent()?.parent()?.join(SETTINGS_FILE);
        let file = ReadOnly::open(&beside).ok()?;
        let mut bytes = vec![0; 64 * 1024];
        let read = file.read_at(&mut bytes, 0).ok()?;
        let settings: Settings = serde_json::from_slice(&bytes[..read]).ok()?;
        settings.check().is_ok().then(|| settings.limits())
    };
    settings().unwrap_or(Limits::WIDEST)
}

/// Where a log ends between two writes. Writers share its lock, so a moment alone with it will
/// do; where none is to be had, as on media that are read-only, there is no writer to wait for.
fn quiet_end(file: &ReadOnly) -> io::Result<u64> {
    let begun = Instant::now();
    while file.try_lock() == Err(Errno::WOULDBLOCK) && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_micros(100));
    }
    let stat = file.stat();
    file.unlock();
    Ok(stat?.len)
}

/// A plain file anywhere, which nothing is ever written to.
struct ReadOnly(StdFile);

impl ReadOnly {
    fn open(path: &Path) -> io::Result<Self> {
        // A device does something when it is opened; this only looks at what it is.
        let there = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&there)?.st_mode);
        if kind != FileType::RegularFile {
            let why = "not a regular file; name a log";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        // The same file, whatever is in its place by now.
        let same = format!("/proc/self/fd/{}", there.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = rustix::fs::open(same, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOENT => io::Error::other("it cannot be opened safely without /proc"),
            error => error.into(),
        })?;
        let file = StdFile::from(file);
        Ok(Self(file))
    }

    /// Takes the file's lock alone, if that is possible at once.
    fn try_lock(&self) -> Result<(), Errno> {
        rustix::fs::flock(&self.0, FlockOperation::NonBlockingLockExclusive)
    }

    fn unlock(&self) {
        // Fails only for what is not a descriptor.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

impl ReadFile for ReadOnly {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.0.read_at(&mut bytes[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn stat(&self) -> io::Result<Stat> {
        use std::os::unix::fs::MetadataExt;

        let metadata = self.0.metadata()?;
        Ok(Stat { identity: (metadata.dev(), metadata.ino()), len: metadata.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::frame::{Frames, State};

    fn golden(stage: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1").join(stage)
    }

    fn states(mut log: LogReader) -> Vec<State> {
        let mut states = Vec::new();
        while let Some(item) = log.next_item().unwrap() {
            let Item::Record { settlement, .. } = item else { panic!("{item:?}") };
            states.push(settlement.state);
        }
        states
    }

    #[test]
    fn a_log_is_read_wherever_it_stands_and_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(golden("failed"), &link).unwrap();
        for path in [golden("failed"), link] {
            let log = LogReader::open(path).unwrap();
            assert_eq!(log.header().unwrap().slot, 0);
            assert!(states(log).contains(&State::Failed));
        }
    }

    #[test]
    fn the_name_stands_in_for_a_header_that_is_gone_and_without_either_it_is_no_log() {
        let name = LogName::of(&LogReader::open(golden("failed")).unwrap().header().unwrap());
        let whole = states(LogReader::open(golden("failed")).unwrap());
        let mut bytes = std::fs::read(golden("failed")).unwrap();
        bytes[..LOG_HEADER as usize].fill(0);
        let dir = tempfile::tempdir().unwrap();
        for text in [name.to_string(), format!("{name}.done")] {
            std::fs::write(dir.path().join(&text), &bytes).unwrap();
            let log = LogReader::open(dir.path().join(&text)).unwrap();
            assert_eq!(log.header(), None);
            assert_eq!(states(log), whole);
        }
        std::fs::write(dir.path().join("copy"), &bytes).unwrap();
        let refused = LogReader::open(dir.path().join("copy")).unwrap_err();
        assert!(matches!(refused, InspectError::NoLog { .. }), "{refused}");
        let refused = LogReader::open(dir.path().join(format!("{name}.damaged"))).unwrap_err();
        assert!(matches!(refused, InspectError::SetAside { .. }), "{refused}");
    }

    #[test]
    fn what_is_no_plain_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, Mode::RWXU, 0).unwrap();
        for path in [&pipe, dir.path()] {
            let Err(InspectError::Io { source, .. }) = LogReader::open(path) else { panic!() };
            assert_eq!(source.to_string(), "not a regular file; name a log");
        }
    }

    #[test]
    fn a_record_that_is_just_being_written_is_waited_for() {
        let header = LogReader::open(golden("collecting")).unwrap().header().unwrap();
        let path = tempfile::tempdir().unwrap().keep().join("log");
        std::fs::write(&path, header.encode()).unwrap();
        let mut frames = Frames::with_capacity(64);
        frames.push(|bytes| bytes.extend_from_slice(b"payload"));
        frames.seal(header.salt);
        let frame = frames.bytes_at(LOG_HEADER);
        let writer = ReadOnly(StdFile::options().append(true).read(true).open(&path).unwrap());
        rustix::fs::flock(&writer.0, FlockOperation::LockShared).unwrap();
        let write = |bytes| std::io::Write::write_all(&mut &writer.0, bytes).unwrap();
        write(&frame[..20]);
        let (begun, begins) = std::sync::mpsc::channel();
        let open = path.clone();
        let reader = std::thread::spawn(move || {
            begun.send(()).unwrap();
            states(LogReader::open(open).unwrap())
        });
        begins.recv().unwrap();
        write(&frame[20..]);
        writer.unlock();
        assert_eq!(reader.join().unwrap(), [State::Pending]);
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
