//! A process for each request: the smallest that there can be, ours, and what it costs to start a
//! process that loads libcurl and TLS, which ours must not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use slipstream_harness::packages;

use super::report::Row;
use super::store::Case;

/// The smallest program that stores: what a process for each request costs at least.
const SMALLEST: &str = r#"
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
static char record[300];
int main(int count, char **words) {
    int file = open(words[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || flock(file, LOCK_EX)) return 1;
    return write(file, record, sizeof record) != sizeof record || close(file);
}
"#;

/// The rows of a process for each request.
pub(super) fn rows(scratch: &Path, binary: &Path) -> Result<Vec<(Row, Case)>> {
    const FLOOR: &str = "floor: smallest program, a process each";
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let spool = text(&scratch.join("spool"));
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let data = "x".repeat(160);
    let ours = [&text(binary), "--dir", &spool, "store", "-d", &data, "http://127.0.0.1:9/orders"];
    let case = |count, words| Case::Spawn { count, words };
    let smallest = [&text(&smallest(scratch)?), &text(&scratch.join("records")) as &str];
    let mut cases = vec![
        (Row::new(FLOOR, None), case(300, words(&smallest))),
        (
            Row::new("/bin/true, a process each", Some(FLOOR)).by_p50(),
            case(300, words(&["/bin/true"])),
        ),
        (Row::new("ours, a process each", Some(FLOOR)).by_p50(), case(300, words(&ours))),
    ];
    if let Some(curl) = packages::find("curl") {
        cases.push((
            Row::new("curl --version, a process each", Some(FLOOR)).by_p50(),
            case(40, words(&[&text(&curl), "--version"])),
        ));
    }
    Ok(cases)
}

/// Compiles the smallest program, statically if the machine can.
fn smallest(scratch: &Path) -> Result<PathBuf> {
    let (source, program) = (scratch.join("smallest.c"), scratch.join("smallest"));
    fs::write(&source, SMALLEST).context("could not write the smallest program")?;
    for options in [&["-O2", "-static"][..], &["-O2"]] {
        let compiled = Command::new("cc")
            .args(options)
            .arg("-o")
            .args([&program, &source])
            .stderr(Stdio::null())
            .status()
            .context("could not start cc; install a C compiler")?;
        if compiled.success() {
            if options.len() == 1 {
                eprintln!("no static C library here: the floor is a dynamic program, so slower");
            }
            return Ok(program);
        }
    }
    bail!("cc could not compile the smallest program; install libc6-dev")
}
