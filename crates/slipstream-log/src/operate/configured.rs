//! The place of the spool when a program does not say: the command line's settings, for all
//! programs.
//!
//! # Invariants
//! - In this order: `SLIPSTREAM_DIR`, `dir` of the settings files (the user's own before the system's), and
//!   [`Spool::DEFAULT_DIR`].
//! - A file that is there and cannot be read or understood is an error: storing elsewhere than was meant
//!   would be worse.
//!
//! # Non-goals
//! The other settings. They are options of the command line, which reads them from the same files.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::error::SpoolError;
use crate::spool::Spool;
use crate::spool::builder::SpoolBuilder;

/// The system's settings file.
const SYSTEM: &str = "/etc/slipstream.toml";

/// Where a settings file was looked for, and what it says if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingsFile {
    /// The file.
    pub path: PathBuf,
    /// Its text; none if there is no such file.
    pub text: Option<String>,
}

/// The settings files, in the order in which later ones win: the system's and the user's own, or
/// the file that `SLIPSTREAM_CONFIG` names; none if that is empty.
///
/// # Errors
/// One is there and cannot be read.
pub fn settings_files() -> Result<Vec<SettingsFile>, SpoolError> {
    let own = match env::var_os("SLIPSTREAM_CONFIG") {
        Some(none) if none.is_empty() => return Ok(Vec::new()),
        own => own.map(PathBuf::from),
    };
    let must_be = own.is_some();
    let read = |path: PathBuf| match read(&path, must_be) {
        Ok(text) => Ok(SettingsFile { path, text }),
        Err(error) if !must_be && is_absent(&path, error.kind()) => {
            Ok(SettingsFile { path, text: None })
        }
        Err(source) => Err(SpoolError::SettingsFile { path, source }),
    };
    own.map_or_else(usual, |own| vec![own]).into_iter().map(read).collect()
}

/// The paths of the settings files: the system's, and the user's own.
fn usual() -> Vec<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let own = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    let own = own.map(|directory| directory.join("slipstream.toml"));
    [PathBuf::from(SYSTEM)].into_iter().chain(own).collect()
}

/// The text of a file. A file in a home is skipped if it is neither this user's nor root's: sudo
/// may keep the home of the calling user, whose settings are not for root.
fn read(path: &Path, must_be: bool) -> io::Result<Option<String>> {
    let believed = must_be || path == Path::new(SYSTEM);
    // A pipe that another user put there would keep this waiting.
    let flags = if believed { OFlags::empty() } else { OFlags::NONBLOCK };
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let owner = file.metadata()?.uid();
    if !believed && owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Ok(None);
    }
    io::read_to_string(file).map(Some)
}

/// Whether there is no file. A home that this process may not look into, such as the home of sudo's
/// caller, has none for it; the system's file is for all users, and must not be skipped.
fn is_absent(path: &Path, kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::NotFound | ErrorKind::NotADirectory => true,
        ErrorKind::PermissionDenied => path != Path::new(SYSTEM),
        _ => false,
    }
}

/// A spool's place, by the environment and the files.
#[derive(Debug, PartialEq, Eq)]
struct Configured {
    path: PathBuf,
    /// Whether an operator named it.
    named: bool,
    /// A file that says what a spool is made with.
    init: Option<PathBuf>,
}

impl Configured {
    fn spool(&self) -> SpoolBuilder {
        if self.named { Spool::builder().named() } else { Spool::builder() }
    }
}

fn configured(
    variable: Option<OsString>,
    files: &[SettingsFile],
) -> Result<Configured, SpoolError> {
    let mut found = Configured { path: Spool::DEFAULT_DIR.into(), named: false, init: None };
    for SettingsFile { path: file, text } in files {
        let refuse = |why: String| SpoolError::Settings { path: file.clone(), why };
        let Some(text) = text else { continue };
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| refuse(error.message().replace('\n', " ")))?;
        match table.get("dir") {
            None => {}
            Some(toml::Value::String(dir)) if dir.starts_with('/') => {
                (found.path, found.named) = (dir.into(), true);
            }
            Some(_) => return Err(refuse("invalid 'dir'; expected an absolute path".to_owned())),
        }
        if table.contains_key("init") {
            found.init = Some(file.clone());
        }
    }
    match variable {
        Some(dir) if dir.is_empty() => Err(SpoolError::Settings {
            path: "SLIPSTREAM_DIR".into(),
            why: "it is empty; expected a directory".to_owned(),
        }),
        Some(dir) => Ok(Configured { path: dir.into(), named: true, ..found }),
        None => Ok(found),
    }
}

impl Spool {
    /// Opens the spool that the command line uses, too, unless an option names another: the spool
    /// that `SLIPSTREAM_DIR` names, or else `dir` in `~/.config/slipstream.toml` or
    /// /etc/slipstream.toml, or else [`Spool::DEFAULT_DIR`]. It is made if it is not there, with
    /// the default settings; where a settings file says what a spool is made with,
    /// `slipstream init` has to make the spool.
    ///
    /// # Errors
    /// As for [`Spool::open`], and when a settings file cannot be read or understood.
    pub fn open_configured() -> Result<Self, SpoolError> {
        let place = configured(env::var_os("SLIPSTREAM_DIR"), &settings_files()?)?;
        if let Some(spool) = place.spool().find(&place.path)? {
            return Ok(spool);
        }
        if let Some(file) = &place.init {
            return Err(SpoolError::Unsafe {
                path: place.path.clone(),
                why: format!(
                    "holds no spool yet, and {} says what one is made with; run `slipstream init`",
                    file.display()
                ),
            });
        }
        place.spool().open(&place.path)
    }

    /// The same, if it is there.
    ///
    /// # Errors
    /// As for [`Spool::open_configured`].
    pub fn find_configured() -> Result<Option<Self>, SpoolError> {
        let place = configured(env::var_os("SLIPSTREAM_DIR"), &settings_files()?)?;
        place.spool().find(&place.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: Option<&str>) -> SettingsFile {
        SettingsFile { path: path.into(), text: text.map(str::to_owned) }
    }

    fn found(variable: Option<&str>, files: &[SettingsFile]) -> (String, bool, Option<PathBuf>) {
        let Configured { path, named, init } =
            configured(variable.map(OsString::from), files).unwrap();
        (path.display().to_string(), named, init)
    }

    #[test]
    fn the_environment_wins_over_files_and_later_files_over_earlier_ones() {
        let system =
            file("/etc/s", Some("# x\ndir = \"/a\"\n[init]\ngroup = \"g\"\n[work]\nquiet = true"));
        let own = file("/own", Some("dir = '/b'"));
        let none = file("/none", None);
        let init = Some(PathBuf::from("/etc/s"));
        assert_eq!(found(None, &[]), ("/tmp/slipstream".to_owned(), false, None));
        assert_eq!(
            found(None, std::slice::from_ref(&none)),
            ("/tmp/slipstream".to_owned(), false, None)
        );
        assert_eq!(found(None, &[system.clone(), none]), ("/a".to_owned(), true, init.clone()));
        assert_eq!(found(None, &[system.clone(), own]), ("/b".to_owned(), true, init.clone()));
        assert_eq!(found(Some("c"), &[system]), ("c".to_owned(), true, init));
    }

    #[test]
    fn what_cannot_be_understood_is_an_error() {
        for (text, words) in [
            ("dir = ", "/f: "),
            ("dir = 7", "/f: invalid 'dir'; expected an absolute path"),
            ("dir = \"spool\"", "/f: invalid 'dir'; expected an absolute path"),
        ] {
            let error = configured(None, &[file("/f", Some(text))]).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
        let error = configured(Some(OsString::new()), &[]).unwrap_err().to_string();
        assert_eq!(error, "SLIPSTREAM_DIR: it is empty; expected a directory");
    }
}
