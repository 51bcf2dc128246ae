//! Strangers who were first at the default place, or who exchange directories while root runs. These
//! tests need root, and pass without it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use crate::owner::{NOBODY, is_root, owners};
use crate::run::Spool;

/// Runs commands, a line each, where /tmp is new and $PLACE was executed; prints the exit code and
/// the words of each on a line. Nothing of what is there may change. `as` runs a command as a user
/// in group 65534.
const SCRIPT: &str = r#"
exec 9<"$SLIPSTREAM"
mount -t tmpfs -o mode=1777 none /tmp || exit 97
# It may have been built below /tmp.
cp /proc/self/fd/9 /tmp/binary && chmod 755 /tmp/binary && exec 9<&- && SLIPSTREAM=/tmp/binary || exit 96
as() { user=$1; shift; setpriv --reuid="$user" --regid="$user" --groups="$user,65534" "$@"; }
cd /tmp
mkdir -m 700 roots && echo precious >roots/letter
eval "$PLACE" || exit 98
look() {
    find slipstream roots -exec stat -c '%n %i %u %g %a %h %s %y %z' {} + | sort
    find slipstream roots -type f -exec cat {} +
}
before=$(look)
while read -r line; do
    said=$(eval "timeout 60 $line" </dev/null 2>&1)
    echo "$? $(echo "$said" | tr '\n' ' ')"
    [ -n "$CHANGES" ] || [ "$(look)" = "$before" ] || { echo "99 '$line' changed something"; exit 99; }
done
"#;

/// Runs it, and says how each command ended.
fn alone(place: &str, changes: bool, commands: &[String]) -> Vec<(i32, String)> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT]);
    command.env("PLACE", place).env("CHANGES", if changes { "yes" } else { "" });
    command.env("SLIPSTREAM", env!("CARGO_BIN_EXE_slipstream")).env("SLIPSTREAM_CONFIG", "");
    for name in ["SLIPSTREAM_DIR", "SLIPSTREAM_LOG", "SLIPSTREAM_RETRY", "SLIPSTREAM_WARN_AFTER"] {
        command.env_remove(name);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let text = commands.join("\n") + "\n";
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{place}: {text}");
    let line = |line: &str| {
        let (code, words) = line.split_once(' ').unwrap();
        (code.parse().unwrap(), words.to_owned())
    };
    text.lines().map(line).collect()
}

/// What root may find at the default place, and what is reported then.
const PLACES: [(&str, &str); 7] = [
    ("install -d -m 700 -o 65534 -g 65534 slipstream", "belongs to user nobody (65534)"),
    ("install -d -m 2770 -o 65534 -g 65534 slipstream", "belongs to user nobody (65534)"),
    ("as 65534 $SLIPSTREAM init >&2", "belongs to user nobody (65534)"),
    (
        "as 65534 $SLIPSTREAM init --group 65534 >&2 && as 65534 $SLIPSTREAM store http://h/",
        "belongs to user nobody (65534)",
    ),
    ("as 65534 ln -s roots slipstream", "is a file or a symbolic link"),
    ("as 65534 touch slipstream", "is a file or a symbolic link"),
    ("as 65534 mkfifo slipstream", "is a file or a symbolic link"),
];

/// Every command that has to do with the spool.
const REFUSED: [&str; 22] = [
    "store -u me:s3cret http://127.0.0.1:9/",
    "store --durable --dedupe key http://127.0.0.1:9/",
    "store --batch -",
    "work",
    "work --follow",
    "status",
    "status --json",
    "status --check",
    "init",
    "init --group 65534",
    "purge",
    "purge --yes",
    "failed list",
    "failed retry --all",
    "failed drop --all",
    "failed show 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c",
    "retry-now --all",
    "check",
    "check --repair",
    "doctor",
    "setup cron",
    "setup systemd",
];

/// Commands that have nothing to do with the spool, and a command that names its own.
const OTHERS: [&str; 5] =
    ["kinds", "config", "completions bash", "man /tmp/pages", "inspect /tmp/slipstream"];

#[test]
fn root_is_kept_out_of_what_a_stranger_made_at_the_default_place_by_every_command() {
    if !is_root() {
        return;
    }
    let help = Command::new(env!("CARGO_BIN_EXE_slipstream")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let all: BTreeSet<_> =
        commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let tried = REFUSED.iter().chain(&OTHERS).filter_map(|it| it.split(' ').next());
    assert_eq!(tried.collect::<BTreeSet<_>>(), all, "each command is tried");
    let line = |it: &&str| format!("$SLIPSTREAM {it}");
    let lines: Vec<_> = REFUSED.iter().chain(&OTHERS).map(line).collect();
    for (place, words) in PLACES {
        let ended = alone(place, false, &lines);
        assert_eq!(ended.len(), lines.len());
        for (command, (code, said)) in REFUSED.iter().zip(&ended) {
            assert!([1, 2, 3].contains(code), "{place}: {command}: {code} {said}");
            assert!(said.contains(words), "{place}: {command}: {said}");
            assert!(said.contains("--dir") || said.contains("name the directory"), "{said}");
        }
    }
}

#[test]
fn a_members_dedupe_key_keeps_no_other_members_request_out() {
    if !is_root() {
        return;
    }
    let store = |user: u32| {
        format!(
            "setpriv --reuid={user} --regid={user} --groups={user},65534 \
             $SLIPSTREAM store --dir /tmp/slipstream --dedupe key http://127.0.0.1:9/"
        )
    };
    let owner = "setpriv --reuid=65534 --regid=65534 --groups=65534";
    let status = format!("{owner} $SLIPSTREAM status --dir /tmp/slipstream");
    let commands = [store(1), store(2), store(1), store(2), status];
    let ended = alone("as 65534 $SLIPSTREAM init --group 65534 >&2", true, &commands);
    let codes: Vec<_> = ended.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [0; 5], "{ended:?}");
    assert!(ended[4].1.contains("2 pending, 0 failed"), "{ended:?}");
}

#[test]
fn another_users_shared_spool_at_the_default_place_is_used_if_it_was_named() {
    if !is_root() {
        return;
    }
    let place = "as 65534 $SLIPSTREAM init --group 65534 >&2; \
        echo 'dir = \"/tmp/slipstream\"' >named.toml";
    let ways = [
        ("$SLIPSTREAM", ""),
        ("$SLIPSTREAM", "--dir /tmp/slipstream"),
        ("env SLIPSTREAM_DIR=/tmp/slipstream $SLIPSTREAM", ""),
        ("env SLIPSTREAM_CONFIG=/tmp/named.toml $SLIPSTREAM", ""),
    ];
    let member = "--reuid=1 --regid=1 --groups=1,65534";
    let (owner, root) = ("--reuid=65534 --regid=65534 --groups=65534", "--reuid=0");
    // The user, the command, and how it ends if the spool was not named, and if it was.
    let table = [
        // A member of the group stores there, and sees it.
        (member, "store http://127.0.0.1:9/", "any user could have made it", ""),
        (member, "status", "any user could have made it", ""),
        (member, "check", "any user could have made it", ""),
        // Root puts nothing into it, and does the rest as its owner.
        (root, "store -u me:s3cret http://h/", "root puts nothing", "root puts nothing"),
        (root, "store --batch -", "root puts nothing", "root puts nothing"),
        (root, "purge --yes", "any user could have made it", ""),
        (root, "work", "any user could have made it", ""),
        (root, "status", "any user could have made it", ""),
        (root, "init --group 65534", "any user could have made it", ""),
        (root, "check --repair", "any user could have made it", ""),
        // The owner need not name it.
        (owner, "store http://127.0.0.1:9/", "", ""),
    ];
    let cases = table.iter().flat_map(|row| ways.iter().map(move |way| (row, way)));
    let line =
        |((user, command, _, _), (program, dir)): (&(&str, &str, &str, &str), &(&str, &str))| {
            format!("setpriv {user} {program} {command} {dir}")
        };
    let mut lines: Vec<_> = cases.clone().map(|(row, way)| line((row, way))).collect();
    lines.push("find slipstream -user 0".to_owned());
    let ended = alone(place, true, &lines);
    assert_eq!(ended.len(), lines.len());
    assert_eq!(ended.last().unwrap().1, " ", "nothing is root's");
    for ((row, way), (code, said)) in cases.zip(&ended) {
        let words = if way == &ways[0] { row.2 } else { row.3 };
        let expected = if words.is_empty() { 0 } else { 2 };
        assert!(*code == expected && said.contains(words), "{row:?} {way:?}: {code} {said}");
    }
}

/// A worker that rests behind each look at the file system, so that others do something meanwhile.
fn slowly(dir: &Path) -> Command {
    const LOOKS: &str = "?open,?openat,?openat2,?statx,?fstat,?newfstatat";
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={LOOKS}")]);
    command.args(["-e", &format!("inject={LOOKS}:delay_exit=300")]);
    command.arg(env!("CARGO_BIN_EXE_slipstream")).arg("--dir").arg(dir).arg("work");
    command.env("SLIPSTREAM_CONFIG", "");
    command
}

#[test]
fn root_works_as_the_owner_however_often_a_spool_is_exchanged_meanwhile() {
    if !is_root() {
        return;
    }
    let init = |home: &Path, name: &str, uid: u32| {
        let dir = home.join(name);
        std::os::unix::fs::chown(home, Some(uid), Some(uid)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipstream"));
        command.arg("--dir").arg(&dir).args(["init", "--group", &uid.to_string()]);
        command.env("SLIPSTREAM_CONFIG", "").uid(uid).gid(uid);
        assert!(command.output().unwrap().status.success());
    };
    for other in ["file", "link", "anothers"] {
        let spool = Spool::new();
        let path = spool.path();
        let home = path.parent().unwrap();
        std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o755)).unwrap();
        init(home, "spool", NOBODY);
        let bait = home.join("bait");
        match other {
            "file" => std::fs::write(&bait, "").unwrap(),
            "link" => std::os::unix::fs::symlink("/root", &bait).unwrap(),
            _ => init(home, "bait", 1),
        }
        let over = AtomicBool::new(false);
        let mut codes = BTreeSet::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let flags = RenameFlags::RENAME_EXCHANGE;
                    renameat2(AT_FDCWD, &path, AT_FDCWD, &bait, flags).unwrap();
                }
            });
            for _ in 0..25 {
                codes.extend(slowly(&path).output().unwrap().status.code());
            }
            over.store(true, Ordering::Relaxed);
        });
        assert!(codes.contains(&0), "{other}: {codes:?}");
        // Each tree has files of its own user only.
        for tree in [path, bait] {
            if !tree.symlink_metadata().unwrap().is_dir() {
                continue;
            }
            let found: BTreeSet<_> = owners(&tree).into_iter().collect();
            assert!(found.len() == 1 && !found.contains(&0), "{other}: {found:?}");
        }
    }
}

#[test]
fn the_settings_in_another_users_home_are_passed_over_and_a_pipe_there_is_not_waited_for() {
    if !is_root() {
        return;
    }
    let place = "mkdir -p home/.config && chown -R 65534 home; ln -s roots slipstream";
    let file = "home/.config/slipstream.toml";
    let text = |owner: u32| {
        format!("rm -f {file}; echo 'dir = \"/tmp/theirs\"' >{file}; chown {owner} {file}")
    };
    let dir = "env -u SLIPSTREAM_CONFIG HOME=/tmp/home $SLIPSTREAM config | grep -w dir".to_owned();
    let made = |command: &str| format!("sh -c '{}'", command.replace('\'', "'\\''"));
    let pipe = format!("rm {file}; mkfifo {file}; chown 65534 {file}");
    let lines = [made(&text(65_534)), dir.clone(), made(&pipe), dir.clone(), made(&text(0)), dir];
    let ended = alone(place, true, &lines);
    for (at, expected) in [(1, "/tmp/slipstream"), (3, "/tmp/slipstream"), (5, "/tmp/theirs")] {
        let (code, said) = &ended[at];
        assert!(*code == 0 && said.contains(expected), "{at}: {code} {said}");
    }
}
