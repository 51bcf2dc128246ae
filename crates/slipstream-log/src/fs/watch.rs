//! Hearing of changes in a directory, by inotify.
//!
//! A watch tells once and is then forgotten by the kernel, so writers pay for it once and not with
//! every write. A thread waits for it; it ends with the watch.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::Watch;

/// Directories that are watched.
pub(super) struct DirWatch {
    shared: Arc<Shared>,
    paths: Vec<String>,
    // They are watched by their descriptors, so that nobody can put another in their place.
    _dirs: Vec<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    inotify: OwnedFd,
    over: AtomicBool,
}

impl DirWatch {
    /// A watch over these directories, not armed yet.
    pub(super) fn new(dirs: Vec<OwnedFd>, wake: Box<dyn Fn() + Send>) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC)?;
        let shared = Arc::new(Shared { inotify, over: AtomicBool::new(false) });
        let listener = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("slipstream-watch".to_owned())
            .spawn(move || listener.listen(&wake))?;
        let path = |dir: &OwnedFd| format!("/proc/self/fd/{}", dir.as_raw_fd());
        let paths = dirs.iter().map(path).collect();
        Ok(Self { shared, paths, _dirs: dirs, thread: Some(thread) })
    }
}

impl Watch for DirWatch {
    fn arm(&self) -> io::Result<()> {
        let changes = WatchFlags::MODIFY
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONESHOT;
        for path in &self.paths {
            inotify::add_watch(&self.shared.inotify, path, changes)?;
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
                // That a watch is forgotten is no news.
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
        self.shared.over.store(true, Ordering::SeqCst);
        // That a watch is removed is told, too, and ends the thread's wait.
        let inotify = &self.shared.inotify;
        let removed = self.paths.first().map(|path| {
            let watch = inotify::add_watch(inotify, path, WatchFlags::DELETE_SELF)?;
            inotify::remove_watch(inotify, watch)
        });
        if let (Some(Ok(())), Some(thread)) = (removed, self.thread.take()) {
            let _ = thread.join();
        }
    }
}
