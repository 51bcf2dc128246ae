//! `slipstream setup`: what runs the worker.

use std::path::PathBuf;
use std::process::Command;

use crate::run::{Ran, Spool, assert_refused, ran};

const PROGRAM: &str = env!("CARGO_BIN_EXE_slipstream");

fn setup(spool: &Spool, args: &[&str]) -> Ran {
    let told = spool.run([&["setup"], args].concat());
    let out = told.out.replace(PROGRAM, "PROGRAM");
    Ran { out, ..told }
}

/// An account other than root's, if there is one.
fn a_user() -> Option<String> {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let names = accounts.lines().map(|line| line.split(':').next().unwrap().to_owned());
    names.into_iter().find(|name| name == "daemon")
}

#[test]
fn a_crontab_line_is_printed_and_nothing_written() {
    let spool = Spool::new();
    let line = "* * * * * PROGRAM --dir SPOOL work --quiet\n";
    assert_eq!(setup(&spool, &["cron"]), ran(0, line, ""));
    let line = "*/5 * * * * PROGRAM --dir SPOOL work --quiet\n";
    assert_eq!(setup(&spool, &["cron", "--every=5m"]), ran(0, line, ""));
    assert_refused(&setup(&spool, &["cron", "--every=7m"]), "cron cannot run something so often");
    assert_refused(&setup(&spool, &["cron", "--follow"]), "or use systemd");
    assert!(!spool.path().exists());
}

#[test]
fn what_is_installed_is_said_and_what_to_run_next() {
    let (spool, Some(name)) = (Spool::new(), a_user()) else { return };
    let root = spool.path().with_file_name("root");
    let install = |args: &[&str]| {
        let to = ["--install", "--run-as", &name, "--root", root.to_str().unwrap()];
        setup(&spool, &[args, &to].concat())
    };
    let init = format!("next: slipstream --dir SPOOL init    (as {name})\n");
    let out = format!("wrote HERE/root/etc/cron.d/slipstream\n{init}");
    assert_eq!(install(&["cron"]), ran(0, &out, ""));
    let line =
        format!("* * * * * {name} {PROGRAM} --dir {} work --quiet\n", spool.path().display());
    let text = std::fs::read_to_string(root.join("etc/cron.d/slipstream")).unwrap();
    assert!(text.ends_with(&line), "{text}");
    let units = "HERE/root/etc/systemd/system/slipstream";
    let next = "next: systemctl --root=HERE/root enable slipstream.timer slipstream.path\n";
    let out =
        format!("wrote {units}.service\nwrote {units}.timer\nwrote {units}.path\n{init}{next}");
    assert_eq!(install(&["systemd"]), ran(0, &out, ""));
    let unknown = setup(&spool, &["systemd", "--run-as=no-such-user"]);
    assert_refused(&unknown, "there is no user 'no-such-user'");
}

#[test]
fn a_second_spool_takes_no_worker_from_the_first() {
    let (spool, Some(name)) = (Spool::new(), a_user()) else { return };
    let root = spool.path().with_file_name("root");
    let to = ["--install", "--run-as", &name, "--root", root.to_str().unwrap()];
    let install = |dir: &str, args: &[&str]| setup(&spool, &[&["--dir", dir], args, &to].concat());
    let packaged = root.join("lib/systemd/system");
    std::fs::create_dir_all(&packaged).unwrap();
    for (by, first) in
        [("cron", "etc/cron.d/slipstream"), ("systemd", "etc/systemd/system/slipstream.service")]
    {
        assert_eq!(install("/srv/a", &[by]).code, Some(0));
        assert_refused(
            &install("/srv/b", &[by]),
            &format!("{first} is there for another spool ('Delivers what is stored in /srv/a"),
        );
        assert_eq!(install("/srv/b", &[by, "--name=b"]).code, Some(0));
        // The first may be made anew.
        assert_eq!(install("/srv/a", &[by, "--every=5m"]).code, Some(0));
    }
    assert!(root.join("etc/cron.d/b").exists());
    let told = install("/srv/b", &["systemd", "--name=b"]).out;
    assert!(told.ends_with("enable b.timer b.path\n"), "{told}");
    assert!(root.join("etc/systemd/system/b.path").exists());
    std::fs::rename(root.join("etc/systemd/system/b.service"), packaged.join("c.service")).unwrap();
    assert_refused(
        &install("/srv/a", &["systemd", "--name=c"]),
        "lib/systemd/system/c.service is there",
    );
    assert_refused(
        &install("/srv/a", &["cron", "--name=a.b"]),
        "expected letters, digits, - and _",
    );
}

#[test]
fn the_units_of_a_package_are_hidden_by_none_but_a_service_that_stays_and_that_is_said() {
    let (spool, Some(name)) = (Spool::new(), a_user()) else { return };
    let root = spool.path().with_file_name("root");
    let packaged = root.join("lib/systemd/system");
    std::fs::create_dir_all(&packaged).unwrap();
    let to = ["systemd", "--install", "--run-as", &name, "--root", root.to_str().unwrap()];
    let unit = format!("Description=Delivers what is stored in {}\n", spool.path().display());
    std::fs::write(packaged.join("slipstream.service"), unit).unwrap();
    let refused = setup(&spool, &to);
    assert_refused(&refused, "lib/systemd/system/slipstream.service is there, from a package");
    assert!(refused.err.contains("`systemctl enable --now slipstream.timer slipstream.path`"));
    assert!(!root.join("etc/systemd/system").exists());
    let stays = setup(&spool, &[&to[..], &["--follow"]].concat());
    let note = "note: HERE/root/etc/systemd/system/slipstream.service hides HERE/root/lib/systemd/system/slipstream.service, and stays when";
    assert!(stays.code == Some(0) && stays.out.contains(note), "{stays:?}");
    // A unit of another name hides nothing.
    let other = setup(&spool, &[&to[..], &["--name=other"]].concat());
    assert!(other.code == Some(0) && !other.out.contains("note:"), "{other:?}");
}

#[test]
fn the_package_has_the_units_that_setup_prints() {
    let spool = Spool::new();
    let words = ["--dir=/var/spool/slipstream", "setup", "systemd", "--run-as=slipstream"];
    let printed = spool.run([&words[..], &["--program=/usr/bin/slipstream"]].concat());
    let unit = |name: &str| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("debian").join(name);
        format!("# /etc/systemd/system/{name}\n{}\n", std::fs::read_to_string(path).unwrap())
    };
    let units = ["slipstream.service", "slipstream.timer", "slipstream.path"].map(unit).concat();
    assert_eq!(printed, ran(0, &units, ""));
    let relative = setup(&spool, &["systemd", "--run-as=x", "--program=slipstream"]);
    assert_refused(&relative, "'slipstream' for '--program'; expected an absolute path");
}

/// Units for the machine and for a user, with a timer and without.
fn all_units(spool: &Spool, name: &str) -> Vec<(bool, PathBuf)> {
    let mut units = Vec::new();
    for (sort, args) in [("timer", &[][..]), ("follow", &["--follow"])] {
        let root = spool.path().with_file_name(sort);
        let to = ["systemd", "--install", "--run-as", name, "--root", root.to_str().unwrap()];
        assert_eq!(setup(spool, &[&to[..], args].concat()).code, Some(0));
        units.push((false, root.join("etc/systemd/system")));
        let config = spool.path().with_file_name(format!("config-{sort}"));
        let mut own = spool.command([&["setup", "systemd", "--install", "--user"], args].concat());
        let own = spool.tell(own.env("XDG_CONFIG_HOME", &config).output().unwrap());
        assert!(own.code == Some(0) && own.out.contains("next: loginctl enable-linger"), "{own:?}");
        units.push((true, config.join("systemd/user")));
    }
    units
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let (spool, Some(name)) = (Spool::new(), a_user()) else { return };
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return;
    }
    for (own, dir) in all_units(&spool, &name) {
        let units: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
        let mut verify = Command::new("systemd-analyze");
        verify.arg(if own { "--user" } else { "--system" }).args(["--man=no", "verify"]);
        let verified = verify.args(&units).env("XDG_RUNTIME_DIR", &dir).output().unwrap();
        let said = String::from_utf8_lossy(&verified.stderr);
        // Of other units of the machine it may say what it likes.
        let ours: Vec<_> = said.lines().filter(|line| line.contains("slipstream")).collect();
        assert_eq!(ours, [""; 0], "{units:?}");
    }
}

#[test]
fn a_spool_below_tmp_is_not_hidden_from_its_worker() {
    let (spool, Some(name)) = (Spool::new(), a_user()) else { return };
    for (dir, private) in [("/tmp/slipstream", "no"), ("/var/spool/s 1%", "yes")] {
        let told = setup(&spool, &["--dir", dir, "systemd", "--run-as", &name]).out;
        assert!(told.contains(&format!("\nPrivateTmp={private}\n")), "{told}");
    }
    let told = setup(&spool, &["--dir", "/var/spool/s 1%", "systemd", "--run-as", &name]).out;
    assert!(told.contains("PROGRAM --dir \"/var/spool/s 1%%\" work --quiet\n"), "{told}");
    assert!(told.contains("\nReadWritePaths=\"-/var/spool/s 1%%\"\n"), "{told}");
}
