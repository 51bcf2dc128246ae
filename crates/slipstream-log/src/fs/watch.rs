//! Notification of changes in a directory, and of its end, by inotify.
//!
//! A watch notifies once and is then forgotten by the kernel, so writers pay for it once and not
//! with every write. A thread waits for it; it ends with the watch.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::Watch;
use super::beneath::Root;

/// Directories that are watched.
pub(super) struct DirWatch {
    shared: Arc<Shared>,
    root: Arc<Root>,
    dirs: Vec<String>,
    /// The directories that the spool is in, up to the root.
    above: Vec<PathBuf>,
    thread: Option<JoinHandle<()>>,
    /// The process that has the thread.
    pid: u32,
}

struct Shared {
    inotify: OwnedFd,
    over: AtomicBool,
}

impl DirWatch {
    /// A watch over these directories of a spool, not armed yet.
    pub(super) fn new(
        root: Arc<Root>,
        path: &Path,
        dirs: &[&str],
        wake: Box<dyn Fn() + Send>,
    ) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC)?;
        let shared = Arc::new(Shared { inotify, over: AtomicBool::new(false) });
        let listener = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("slipstream-watch".to_owned())
            .spawn(move || listener.listen(&wake))?;
        let dirs = dirs.iter().map(|dir| (*dir).to_owned()).collect();
        let above = path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty());
        let above = above.map(Path::to_owned).collect();
        Ok(Self { shared, root, dirs, above, thread: Some(thread), pid: std::process::id() })
    }

    fn add(&self, dir: BorrowedFd<'_>, changes: WatchFlags) -> rustix::io::Result<i32> {
        // By its descriptor: at a path, another directory may have come in its place.
        let path = format!("/proc/self/fd/{}", dir.as_raw_fd());
        inotify::add_watch(&self.shared.inotify, path, changes)
    }
}

impl Watch for DirWatch {
    fn arm(&self) -> io::Result<()> {
        let gone = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONESHOT;
        let changes = gone | WatchFlags::MODIFY | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
        for dir in &self.dirs {
            // Each time anew: it may have been removed and made again.
            let fd = match self.root.dir(dir) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            let parts = match &**dir {
                "." => WatchFlags::CREATE | WatchFlags::DELETE,
                _ => WatchFlags::empty(),
            };
            self.add(fd.as_fd(), changes | parts)?;
        }
        for dir in &self.above {
            // Best effort: the worker looks at its path now and then all the same.
            let _ = inotify::add_watch(&self.shared.inotify, &**dir, gone | WatchFlags::ONLYDIR);
        }
        Ok(())
    }
}

impl Shared {
    fn listen(&self, wake: &(dyn Fn() + Send)) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let fd: BorrowedFd<'_> = self.inotify.as_fd();
        let mut events = inotify::Reader::new(fd, &mut buffer);
        while !self.over.load(Ordering::SeqCst) {
            match events.next() {
                // That a watch is forgotten is no change.
                Ok(event) if event.events().contains(ReadFlags::IGNORED) => {}
                Ok(_) => wake(),
                Err(Errno::INTR) => {}
                // Without events the worker still looks, only later.
                Err(error) => return tracing::error!(%error, "new requests are not noticed"),
            }
        }
    }
}

impl Drop for DirWatch {
    fn drop(&mut self) {
        // In a process that was forked off there is no thread, and the kernel's watches are shared.
        if self.pid != std::process::id() {
            return;
        }
        self.shared.over.store(true, Ordering::SeqCst);
        // That a watch is removed is notified, too, and ends the thread's wait.
        let watch = self.add(self.root.fd(), WatchFlags::DELETE_SELF);
        let removed = watch.and_then(|watch| inotify::remove_watch(&self.shared.inotify, watch));
        if let (Ok(()), Some(thread)) = (removed, self.thread.take()) {
            let _ = thread.join();
        }
    }
}
