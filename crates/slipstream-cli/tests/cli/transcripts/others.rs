//! What is said of other users' spools and files. These tests need root, and pass without it.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;

use super::Scene;
use super::status::doctor;
use crate::owner::{NOBODY, give, is_root};

/// A user that no machine has.
const STRANGER: u32 = 3_999_999_999;

impl Scene {
    /// Types a line as this user.
    fn types_as(&mut self, user: u32, line: &str) {
        let ran = self.command(line).uid(user).gid(user).output().unwrap();
        let ran = self.spool.tell(ran);
        let ran = self.named(ran);
        self.record(&format!("{user}$ {line}"), &ran);
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
        scene.types_as(NOBODY, line);
    }
    give(&scene.spool.path(), STRANGER);
    scene.notes("it is given to a user without an account");
    for line in ["slipstream store http://h/", "slipstream work", "slipstream setup cron"] {
        scene.types(line);
    }
    give(&scene.spool.path(), NOBODY);
    scene.notes("it is given to nobody");
    scene.types_all(&["slipstream store http://h/", "slipstream setup cron"]);
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
    scene.types_as(NOBODY, "slipstream store http://h/");
    scene.types_all(&[
        "slipstream store --source a --sign-secret env:KEY http://127.0.0.1:40001/",
        "slipstream store --source a -d x unix:///nowhere/socket",
        "KEY=s3cret slipstream work --attempts 1 --concurrency 1",
    ]);
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
    scene.notes("failed/ is open to every user");
    mode(&scene.spool.path().join("failed"), 0o777);
    scene.types_all(&["slipstream check", "slipstream failed list"]);
    std::fs::remove_dir_all(scene.spool.path().join("failed")).unwrap();
    std::os::unix::fs::symlink("/nowhere", scene.spool.path().join("failed")).unwrap();
    scene.notes("failed/ is a link");
    scene.types_all(&["slipstream check", "slipstream failed list", "slipstream work"]);
    scene.is("others_files");
}
