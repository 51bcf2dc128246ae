//! What is said of other users' spools and files. These tests need root, and pass without it.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;

use super::Scene;
use super::status::{doctor, record_found};
use crate::owner::{NOBODY, give, is_root};
use crate::run::Ran;

/// A user that no machine has.
const STRANGER: u32 = 3_999_999_999;

impl Scene {
    /// Types a line as this user, of this group.
    fn types_as(&mut self, user: u32, group: u32, line: &str) {
        let ran = self.runs_as(user, group, line);
        self.record(&format!("{user}:{group}$ {line}"), &ran);
    }

    fn runs_as(&mut self, user: u32, group: u32, line: &str) -> Ran {
        let ran = self.command(line).uid(user).gid(group).output().unwrap();
        let ran = self.spool.tell(ran);
        self.named(ran)
    }
}

fn mode(path: &Path, bits: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(bits)).unwrap();
}

#[test]
fn a_spool_of_another_user() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::after(&["slipstream init --slots 1"]);
    mode(scene.spool.path().parent().unwrap(), 0o755);
    for line in ["slipstream store http://h/", "slipstream work", "slipstream status --check"] {
        scene.types_as(NOBODY, NOBODY, line);
    }
    give(&scene.spool.path(), STRANGER);
    scene.notes("it is given to a user without an account");
    for line in ["slipstream store http://h/", "slipstream work", "slipstream setup cron"] {
        scene.types(line);
    }
    give(&scene.spool.path(), NOBODY);
    scene.notes("it is given to user nobody");
    scene.types_all(&["slipstream store http://h/", "slipstream setup cron"]);
    scene.types_as(NOBODY, NOBODY, "slipstream setup cron --install");
    let closed = scene.spool.path().with_file_name("closed");
    std::fs::create_dir(&closed).unwrap();
    mode(&closed, 0o700);
    scene.types_as(NOBODY, NOBODY, "slipstream work --metrics HERE/closed/x.prom");
    mode(&scene.spool.path().join("ready"), 0o500);
    scene.notes("user nobody may not write to ready/");
    let line = "slipstream doctor";
    let ran = scene.runs_as(NOBODY, NOBODY, line);
    record_found(&mut scene, &format!("{NOBODY}:{NOBODY}$ {line}"), ran);
    scene.types("slipstream --dir HERE/none setup systemd");
    scene.is("others_spool");
}

#[test]
fn a_shared_spool() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::new();
    mode(scene.spool.path().parent().unwrap(), 0o755);
    scene.types(&format!("slipstream init --slots 1 --group {STRANGER}"));
    scene.types_as(NOBODY, NOBODY, "slipstream store http://h/");
    scene.types_all(&[
        "slipstream store --source a --sign-secret env:KEY http://127.0.0.1:40001/",
        "slipstream store --source a -d x unix:///nowhere/socket",
        "KEY=s3cret slipstream work --attempts 1 --concurrency 1",
    ]);
    scene.types("slipstream store --source a http://h/");
    scene.types_as(NOBODY, STRANGER, "slipstream retry-now h");
    std::fs::write(scene.spool.path().join("ready/notes.txt"), "").unwrap();
    chown(scene.spool.path().join("ready/notes.txt"), None, Some(NOBODY)).unwrap();
    scene.notes("a file of another group is put into ready/");
    doctor(&mut scene, "slipstream doctor");
    mode(&scene.spool.path(), 0o700);
    scene.notes("chmod 0700");
    scene.types("slipstream store --source a http://h/");
    mode(&scene.spool.path(), 0o2770);
    chown(scene.spool.path(), None, Some(NOBODY)).unwrap();
    scene.notes("its group is changed");
    scene.types("slipstream store --source a http://h/");
    scene.is("others_shared_spool");
}

#[test]
fn files_of_another_user() {
    if !is_root() {
        return;
    }
    let mut scene = Scene::after(&[
        "slipstream init --slots 1",
        "slipstream store --source a http://127.0.0.1:40001/404",
        "slipstream work --attempts 1 --quiet",
    ]);
    chown(scene.log("failed"), Some(STRANGER), None).unwrap();
    scene.notes("a log is given to another user");
    doctor(&mut scene, "slipstream doctor");
    scene.types_all(&[
        "slipstream check",
        "slipstream status",
        "slipstream failed list",
        "slipstream failed retry --all",
        "slipstream inspect HERE/spool/failed",
    ]);
    chown(scene.spool.path().join("failed"), Some(STRANGER), None).unwrap();
    scene.notes("so is failed/");
    scene.types_all(&["slipstream check", "slipstream failed list"]);
    chown(scene.spool.path().join("failed"), Some(0), None).unwrap();
    scene.notes("failed/ is open to every user");
    mode(&scene.spool.path().join("failed"), 0o777);
    scene.types_all(&["slipstream check", "slipstream failed list"]);
    std::fs::remove_dir_all(scene.spool.path().join("failed")).unwrap();
    std::os::unix::fs::symlink("/nowhere", scene.spool.path().join("failed")).unwrap();
    scene.notes("failed/ is a link");
    scene.types_all(&["slipstream check", "slipstream failed list", "slipstream work"]);
    scene.is("others_files");
}
