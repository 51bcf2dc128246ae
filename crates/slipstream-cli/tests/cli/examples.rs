//! Every example of the documents and the help texts is run: none may be refused.
//!
//! Each has a spool of its own, in which some requests have failed, and a directory with the files
//! that examples name. Paths outside it, hosts that would be connected to, and placeholders are
//! replaced.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::receiver::{Receiver, dead_url};
use crate::run::Spool;
use crate::transcripts::COMMANDS;

/// The documents whose examples a user copies.
const DOCUMENTS: [&str; 6] = [
    "README.md",
    "docs/guide.md",
    "docs/operations.md",
    "docs/rust.md",
    "docs/kinds.md",
    "docs/security.md",
];

/// Programs that examples start and that need not be there.
const STUBS: [(&str, &str); 4] = [
    ("sudo", "cat >/dev/null"),
    ("make-requests", r#"echo '{"url":"https://example.com/"}'"#),
    ("generate-requests", r#"echo '{"url":"https://example.com/"}'"#),
    ("jq", "cat >/dev/null"),
];

const FILES: [(&str, &str); 5] = [
    ("report.json", "{}"),
    ("requests.ndjson", "{\"url\":\"https://example.com/\"}\n"),
    ("me.jpg", "x"),
    ("doc.json", "{}"),
    ("s003.log", ""),
];

/// An example, and where it is.
#[derive(Debug)]
struct Example {
    from: String,
    line: String,
}

/// Refusals that are as they should be: of a pipe instead of a terminal, and of a purge that shows.
const AS_IT_SHOULD_BE: [&str; 2] = ["needs a terminal", "nothing was removed; to remove this"];

/// One line for each command that goes on in the next.
fn joined(text: &str) -> String {
    let mut lines = text.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

fn is_for_cron(line: &str) -> bool {
    line.starts_with("* * ")
}

fn is_command(line: &str) -> bool {
    let picture = line.contains("; then ");
    !picture && line.starts_with("slipstream ")
        || line.contains("| slipstream ")
        || line.starts_with("* * ")
}

/// The examples in a document's blocks and, within backticks, in its text.
fn of_document(name: &str) -> Vec<Example> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let text = joined(&text);
    let blocks = text.lines().filter(|line| line.starts_with("    ")).map(str::trim);
    let outside: Vec<_> = text.lines().filter(|line| !line.starts_with("    ")).collect();
    let outside = outside.join(" ");
    let inline =
        outside.split('`').skip(1).step_by(2).filter(|code| code.starts_with("slipstream "));
    // A command without arguments is a name.
    let inline = inline.filter(|code| !COMMANDS.contains(&code["slipstream ".len()..].trim()));
    let all = blocks.filter(|line| is_command(line)).chain(inline);
    all.map(|line| Example { from: name.to_owned(), line: line.to_owned() }).collect()
}

/// The examples of a command's help, without what is said of each behind it.
fn of_help(command: &str) -> Vec<Example> {
    let words: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
    let help = Spool::new().run(words).out;
    let Some((_, examples)) = help.split_once("Examples:\n") else { return Vec::new() };
    let examples = joined(examples);
    let lines = examples.lines().map(str::trim).filter(|line| is_command(line));
    let lines = lines.map(|line| line.split("  ").next().unwrap_or_default().to_owned());
    lines.map(|line| Example { from: format!("{command} --help"), line }).collect()
}

/// The command that a shell can run here.
fn runnable(line: &str, dir: &Path, id: &str, log: &str, url: &str) -> String {
    let command = line.trim_start_matches(['*', ' ']);
    let replaced = [
        ("* * * * *", ""),
        ("[--repair]", "--repair"),
        ("COMMAND", "store"),
        ("LOG...", "LOG"),
        (" POLICY ", " attempts=4 "),
        (" LOG", &*format!(" {log}")),
        ("/tmp/slipstream/failed/*.log", log),
        ("s003.log", log),
        (" ID", &*format!(" {id}")),
        ("019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c", id),
        ("/var/spool/slipstream", &*format!("{}/spool", dir.display())),
        ("/srv/", &*format!("{}/srv/", dir.display())),
        ("/usr/", &*format!("{}/usr/", dir.display())),
        ("/var/lib/", &*format!("{}/var/lib/", dir.display())),
        ("--dir DIR", &*format!("--dir {}/spool", dir.display())),
        ("--name NAME", "--name other"),
        ("--group slipstream", "--group 4242"),
        ("https://hc-ping.com", url),
        ("--install", &*format!("--install --root {}/root", dir.display())),
    ];
    let mut command = command.to_owned();
    for (from, to) in replaced {
        command = command.replace(from, to);
    }
    if !command.contains("--run-as") && !command.contains("--user") {
        command = command.replace("setup systemd", "setup systemd --run-as daemon");
    }
    if command.contains("--user") {
        let root = format!(" --root {}/root", dir.display());
        command = command.replace(&root, "");
    }
    if command.contains("--follow") && command.contains(" work ") || command.contains("--watch") {
        command = format!("timeout --preserve-status 0.3 {command}");
    }
    command
}

/// A spool in which requests have failed for every reason that an example asks for.
fn with_failed() -> (Spool, String, String) {
    let spool = Spool::new();
    assert_eq!(spool.run(["init", "--group=4242"]).code, Some(0));
    let id = spool.run(["store", "--print-id", "http://no-such-host.invalid/"]).out;
    spool.quietly(["store", "--unix-socket", "/run/app.sock", "http://app/"]);
    let dead = dead_url();
    for _ in 0..7 {
        spool.quietly(["store", &dead]);
    }
    assert_eq!(spool.run(["work", "--attempts=1", "--concurrency=1", "--quiet"]).code, Some(1));
    let log = spool.logs("failed").remove(0).display().to_string();
    (spool, id.trim_end().to_owned(), log)
}

fn all() -> Vec<Example> {
    let documents = DOCUMENTS.iter().flat_map(|name| of_document(name));
    documents.chain(COMMANDS.iter().flat_map(|command| of_help(command))).collect()
}

/// Runs one in a copy of the spool; what is wrong with it, if anything is.
fn wrong(
    example: &Example,
    (spool, id, log): &(Spool, String, String),
    url: &str,
) -> Option<String> {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path();
    let log = log.replace(spool.path().to_str().unwrap(), dir.join("spool").to_str().unwrap());
    if !example.line.contains(" init") {
        let copied =
            Command::new("cp").arg("-rp").arg(spool.path()).arg(dir.join("spool")).status();
        assert!(copied.unwrap().success());
    }
    for made in [
        "bin",
        "usr/bin",
        "usr/local/share/man/man1",
        "usr/share/bash-completion/completions",
        "var/lib/prometheus/node-exporter",
        "srv",
    ] {
        std::fs::create_dir_all(dir.join(made)).unwrap();
    }
    for (name, text) in FILES {
        std::fs::write(dir.join(name), text).unwrap();
    }
    for (name, text) in STUBS {
        let stub = dir.join("bin").join(name);
        std::fs::write(&stub, format!("#!/bin/sh\n{text}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&stub, mode).unwrap();
    }
    let program = PathBuf::from(env!("CARGO_BIN_EXE_slipstream"));
    for link in ["bin/slipstream", "usr/bin/slipstream"] {
        std::os::unix::fs::symlink(&program, dir.join(link)).unwrap();
    }
    let command = runnable(&example.line, dir, id, &log, url);
    // Cron's has no place of the user's own.
    let path = match is_for_cron(&example.line) {
        true => "/usr/bin:/bin".to_owned(),
        false => format!("{}/bin:/usr/bin:/bin", dir.display()),
    };
    let ran = Command::new("bash")
        .args(["-o", "pipefail", "-c", &command])
        .current_dir(dir)
        .env_clear()
        .env("PATH", path)
        .env("HOME", dir)
        .env("SHOP_PASSWORD", "x")
        .env("SLIPSTREAM_CONFIG", "")
        .env("SLIPSTREAM_DIR", dir.join("spool"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    let code = ran.status.code();
    let found_none = said.contains("no such failed requests") && example.line.contains("--error");
    let refused = AS_IT_SHOULD_BE.iter().any(|words| said.contains(words));
    let well = refused || matches!(code, Some(0 | 1)) && !said.contains("--help`") && !found_none;
    (!well).then(|| format!("{}: {}\n  {command}\n  {code:?} {said}", example.from, example.line))
}

#[test]
fn every_example_of_the_documents_and_the_help_texts_runs() {
    let (failed, receiver) = (with_failed(), Receiver::new());
    let all = all();
    let wrong: Vec<_> =
        all.iter().filter_map(|example| wrong(example, &failed, &receiver.url(""))).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    // If the documents are written otherwise one day, they are still to be found.
    assert!(all.len() > 100, "{}", all.len());
}

#[test]
fn every_error_that_an_example_asks_for_is_one_that_the_program_says() {
    let (spool, ..) = with_failed();
    let mut texts: Vec<_> = all()
        .iter()
        .filter_map(|example| example.line.split_once("--error '")?.1.split_once('\''))
        .map(|(text, _)| text.to_owned())
        .collect();
    texts.extend(["not tried".to_owned()]);
    texts.sort();
    texts.dedup();
    assert!(texts.len() >= 3, "{texts:?}");
    for text in texts {
        let listed = spool.run(["failed", "list", "--error", &text]);
        assert!(!listed.out.is_empty(), "{text}: {listed:?}");
    }
}

#[test]
fn every_line_of_a_batch_in_the_documents_is_stored() {
    let line_of = |line: &str| line.starts_with("{\"url\"").then(|| line.replace("\\|", "|"));
    let mut lines = Vec::new();
    for name in DOCUMENTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        lines.extend(text.lines().filter_map(|line| line_of(line.trim())));
        lines.extend(text.split('`').skip(1).step_by(2).filter_map(line_of));
    }
    // What is left out of a certificate cannot be stored.
    lines.retain(|line| !line.contains('…'));
    assert!(lines.len() >= 10, "{lines:#?}");
    let spool = Spool::new();
    let stored = spool.run_with(&["store", "--batch", "-"], lines.join("\n").as_bytes());
    assert_eq!((stored.code, &*stored.err), (Some(0), ""));
}
