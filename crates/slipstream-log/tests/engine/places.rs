//! Directories and files that are not as they should be, and the settings that a spool keeps.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::time::Duration;

use slipstream_core::operator::Operator;
use slipstream_log::{Settings, Spool, SpoolDir};

use crate::bench::Bench;

#[test]
fn a_spool_keeps_the_settings_it_was_made_with() {
    let bench = Bench::with(Settings { slots: 3, ..Settings::default() });
    let again = Spool::builder().settings(Settings::default()).open(bench.path()).unwrap();
    assert_eq!(again.settings().slots, 3);
}

#[test]
fn a_directory_that_is_not_safe_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str, mode: u32| {
        let path = dir.path().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let refusal = |path: &std::path::Path| Spool::open(path).unwrap_err().to_string();
    assert!(refusal(&make("open", 0o755)).contains("name a directory of its own"));
    assert!(refusal(&make("group", 0o770)).contains("name a directory of its own"));
    let loosened = dir.path().join("loosened");
    Spool::open(&loosened).unwrap();
    for (mode, remedy) in [(0o755, "run `chmod o= "), (0o770, "chmod g=")] {
        std::fs::set_permissions(&loosened, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(refusal(&loosened).contains(remedy), "{}", refusal(&loosened));
    }
    let foreign = make("foreign", 0o700);
    std::fs::write(foreign.join("letter.txt"), "dear").unwrap();
    assert!(refusal(&foreign).contains("'letter.txt'"));
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(make("target", 0o700), &link).unwrap();
    for spelt in ["link", "link/", "link//", "link/.", "link/./"] {
        assert!(refusal(&dir.path().join(spelt)).contains("symbolic link"), "{spelt}");
    }
    assert!(
        std::fs::read_dir(dir.path().join("target")).unwrap().next().is_none(),
        "touched behind the link"
    );
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(refusal(&file).contains("is a file"));
}

#[test]
fn what_is_no_plain_file_of_ours_in_the_place_of_a_log_is_refused() {
    let mut bench = Bench::new();
    let log = bench.path().join("collecting/s011.log");
    let outside = bench.dir.path().join("outside");
    std::fs::write(&outside, "precious").unwrap();
    std::os::unix::fs::symlink(&outside, &log).unwrap();
    assert!(bench.store().is_err());
    std::fs::remove_file(&log).unwrap();
    std::fs::hard_link(&outside, &log).unwrap();
    assert!(format!("{:?}", bench.store().unwrap_err()).contains("hard link"));
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "precious");
    std::fs::remove_file(&log).unwrap();
    bench.store().unwrap();
    let mode = std::fs::metadata(&log).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_spool_that_lost_its_settings_says_so_and_one_that_lost_directories_is_mended_by_making_it() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    for name in ["ready", "failed", "removing", "processing"] {
        std::fs::remove_dir(bench.path().join(name)).unwrap();
    }
    let refused = bench.other().status(Duration::ZERO).unwrap_err().to_string();
    let path = bench.path();
    let repair = format!("`slipstream --dir {} check --repair` makes it again", path.display());
    assert_eq!(refused, format!("{} is gone; {repair}", path.join("ready").display()));
    let dir = SpoolDir::open(bench.path()).unwrap().unwrap();
    dir.create(bench.spool.settings()).unwrap();
    assert_eq!(bench.totals().pending, 1);
    std::fs::remove_file(bench.path().join("settings.json")).unwrap();
    let refused = Spool::open(bench.path()).unwrap_err().to_string();
    assert!(refused.contains("it is gone, and the spool holds logs"), "{refused}");
    assert!(Spool::find(bench.path()).is_err());
}

#[test]
fn root_opens_no_spool_of_another_user_shared_or_not() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    for group in [None, Some(4_242)] {
        let bench = Bench::with(Settings { group, ..Settings::default() });
        let dir = SpoolDir::open(bench.path()).unwrap().unwrap().named();
        assert!(dir.find().unwrap().is_some());
        chown(bench.path(), Some(65_534), group).unwrap();
        // By the path, and by a descriptor that was opened before.
        let by_path = Spool::open(bench.path()).map(drop);
        for refused in [by_path, dir.find().map(drop), dir.create(&Settings::default()).map(drop)] {
            let words = refused.unwrap_err().to_string();
            assert!(words.contains("root puts nothing into another user's spool"), "{words}");
        }
        assert_eq!(dir.owner().unwrap(), 65_534);
    }
}

#[test]
fn a_spool_is_used_through_the_directory_that_was_opened() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let dir = SpoolDir::open(bench.path()).unwrap().unwrap();
    let away = bench.dir.path().join("away");
    std::fs::rename(bench.path(), &away).unwrap();
    let three = Settings { slots: 3, ..Settings::default() };
    Spool::builder().settings(three).open(bench.path()).unwrap();
    let found = dir.find().unwrap().unwrap();
    assert_eq!(found.settings().slots, Settings::default().slots);
    assert_eq!(found.status(Duration::ZERO).unwrap().totals.pending, 1);
    assert!(SpoolDir::open(bench.dir.path().join("nothing")).unwrap().is_none());
}
