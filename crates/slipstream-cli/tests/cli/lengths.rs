//! Files of the spool that a user made longer than programs would: every command ends within
//! seconds and 512 MiB, and what is in the other files is delivered.

use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::receiver::Receiver;
use crate::run::Spool;

/// Far more than any of them takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A spool with something at every stage.
struct Prepared {
    spool: Spool,
    receiver: Receiver,
}

/// How a file is made longer.
#[derive(Clone, Copy, Debug)]
enum Grown {
    /// To eight terabytes that take no room.
    Sparse,
    /// By 4 MB of marks and what does not hold behind them.
    Garbage,
}

impl Prepared {
    fn new() -> Self {
        let (spool, receiver) = (Spool::new(), Receiver::new());
        spool.run(["init", "--slots=1"]);
        spool.quietly(["store", &receiver.url("/404")]);
        spool.run(["work", "--attempts=1", "--quiet"]);
        spool.quietly(["store", "--delay=1h", &receiver.url("/late")]);
        spool.quietly(["work", "--quiet", "--max-time=2s"]);
        spool.quietly(["store", "--dedupe=a", &receiver.url("/first")]);
        let logs = spool.logs("failed");
        let failed = logs.into_iter().find(|path| path.extension().is_some_and(|end| end == "log"));
        let failed = failed.unwrap();
        let name = failed.file_name().unwrap().to_str().unwrap().to_owned();
        // Other logs of the slot.
        let stem = &name[..name.len() - "0.log".len()];
        let mut digits =
            ['1', '2', '3'].into_iter().filter(|digit| !name.ends_with(&format!("{digit}.log")));
        let mut other = || format!("{stem}{}.log", digits.next().unwrap());
        for (path, like) in [
            (format!("failed/{name}.damaged"), None),
            (format!("removing/{}.done", other()), Some(&failed)),
            (format!("ready/{}", other()), Some(&failed)),
            ("worker.memory".to_owned(), None),
            ("worker.warned".to_owned(), None),
            ("ledger.new-1".to_owned(), None),
        ] {
            let path = spool.path().join(path);
            match like {
                Some(like) => drop(fs::copy(like, path).unwrap()),
                None => fs::write(path, "").unwrap(),
            }
        }
        Self { spool, receiver }
    }

    /// The files of the spool, beneath it.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        each_file(&self.spool.path(), &mut |path| {
            found.push(path.strip_prefix(self.spool.path()).unwrap().to_owned());
        });
        found.sort();
        found
    }
}

fn each_file(dir: &Path, look: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            each_file(&entry.path(), look);
        } else {
            look(&entry.path());
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn grow(path: &Path, how: Grown) {
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    match how {
        Grown::Sparse => file.set_len(8 << 40).unwrap(),
        Grown::Garbage => {
            let piece: Vec<u8> = (0..4096_u32)
                .flat_map(|n| [*b"\xC1REC", n.wrapping_mul(2_654_435_761).to_le_bytes()].concat())
                .collect();
            (0..128).for_each(|_| file.write_all(&piece).unwrap());
        }
    }
}

/// Runs a command in 512 MiB. Its exit code, and what it printed.
fn run(spool: &Path, args: &[&str]) -> (i32, String) {
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -v 524288; ulimit -c 0; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_slipstream"))
        .args(args)
        .env("SLIPSTREAM_DIR", spool)
        .env("SLIPSTREAM_CONFIG", "")
        .env_remove("SLIPSTREAM_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{args:?} did not end within {PATIENCE:?}");
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let code = output.status.code();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (code.unwrap_or_else(|| panic!("{args:?}: {}: {said}", output.status)), said)
}

#[test]
fn no_file_s_length_costs_memory_or_time_or_what_stands_in_the_others() {
    let prepared = Prepared::new();
    let parent = prepared.spool.path().parent().unwrap().to_owned();
    let place = parent.join("grown");
    let files = prepared.files();
    assert!(files.len() >= 14, "{files:?}");
    for file in &files {
        for how in [Grown::Sparse, Grown::Garbage] {
            let _ = fs::remove_dir_all(&place);
            copy(&prepared.spool.path(), &place);
            let path = place.join(file);
            grow(&path, how);
            let what = format!("{} {how:?}", file.display());
            // Nothing can be done without them, and that is said.
            let settings = file == Path::new("settings.json");
            let before = prepared.receiver.got().len();
            for args in [
                &["status"][..],
                &["check"],
                &["doctor"],
                &["failed", "list"],
                &["inspect", path.to_str().unwrap()],
                &["store", &prepared.receiver.url("/new")],
                &["store", "--dedupe=b", &prepared.receiver.url("/once")],
                &["work", "--quiet", "--attempts=1", "--max-time=20s"],
                &["check", "--repair"],
            ] {
                let (code, said) = run(&place, args);
                assert!(code <= 2, "{what}, {args:?}: {said}");
                if settings {
                    let why = "settings.json: it cannot be read";
                    let told = code != 0 && (said.contains(why) || args[0] == "inspect");
                    assert!(told, "{what}, {args:?}: {said}");
                } else if !matches!(args[0], "check" | "doctor" | "inspect" | "work") {
                    assert_eq!(code, 0, "{what}, {args:?}: {said}");
                }
            }
            let got = &prepared.receiver.got()[before..];
            for path in ["GET /new", "GET /once", "GET /first"] {
                let there = got.iter().any(|got| got.line == path);
                assert!(there || settings, "{what}: {path} is not among {got:?}");
            }
            let (code, said) = run(&place, &["status"]);
            assert!(settings || code == 0 && !said.contains("does not hold"), "{what}: {said}");
            assert_eq!(run(&place, &["purge", "--yes"]).0, if settings { 2 } else { 0 }, "{what}");
        }
    }
    fs::remove_dir_all(&place).unwrap();
}
