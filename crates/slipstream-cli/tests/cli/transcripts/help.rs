//! The help of each command, and what is said of a command line that is not valid.

use super::{Scene, transcript};

/// Each command, as it is typed.
pub(crate) const COMMANDS: [&str; 20] = [
    "",
    "store",
    "work",
    "status",
    "init",
    "purge",
    "failed",
    "failed list",
    "failed show",
    "failed retry",
    "failed drop",
    "retry-now",
    "check",
    "inspect",
    "doctor",
    "kinds",
    "config",
    "setup",
    "completions",
    "man",
];

/// The file of this command's help.
fn name(command: &str) -> String {
    let command = if command.is_empty() { "slipstream" } else { command };
    format!("help_{}", command.replace(' ', "_"))
}

/// The names of all files that are made here.
pub(super) fn names() -> impl Iterator<Item = String> {
    COMMANDS.iter().map(|command| name(command))
}

#[test]
fn help_is_short_or_long() {
    for command in COMMANDS {
        let mut scene = Scene::new();
        let line = format!("SLIPSTREAM_DIR=- slipstream {command} ").replace("  ", " ");
        let short = scene.types(&format!("{line}-h"));
        let long = scene.run(&format!("{line}--help"), None);
        match short == long {
            true => scene.notes("--help is the same"),
            false => scene.record(&format!("$ {line}--help"), &long),
        }
        scene.is(&name(command));
    }
}

#[test]
fn every_command_has_its_help_here() {
    let help = Scene::new().run("slipstream --help", None).out;
    let listed = help.split("\nCommands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    for line in listed.lines() {
        let command = line.split_whitespace().next().unwrap();
        assert!(COMMANDS.contains(&command), "{command}");
    }
}

#[test]
fn what_is_no_command_line_is_refused() {
    transcript(
        "usage",
        &[
            "SLIPSTREAM_DIR=- slipstream",
            "SLIPSTREAM_DIR=- slipstream failed",
            "slipstream deliver",
            "slipstream wrok",
            "slipstream failed lst",
            "slipstream store",
            "slipstream store --jsn 1 http://h/",
            "slipstream store --json",
            "slipstream store --batch - http://h/",
            "slipstream store --json 1 -F a=1 http://h/",
            "slipstream work --attempts 0",
            "slipstream work --attempts many",
            "slipstream work --concurrency 10001",
            "slipstream work --max-age 0",
            "slipstream work --backoff soon",
            "slipstream work --every 1m",
            "slipstream work --follow --max-time 1m",
            "slipstream work --allow-host 'a b'",
            "slipstream work --retry",
            "slipstream failed show 17",
            "slipstream failed retry",
            "slipstream failed retry --all 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c",
            "slipstream failed list --status gone",
            "slipstream purge --state lost",
            "slipstream status --interval 2s",
            "slipstream status --max-age 5m",
            "slipstream status --color red",
            "slipstream retry-now",
            "slipstream retry-now --all h",
            "slipstream inspect",
            "slipstream init --slots many",
            "slipstream init --record-max large",
            "slipstream setup",
            "slipstream setup windows",
            "slipstream setup cron --name a.b",
            "slipstream setup systemd --follow --every 1m",
            "slipstream config --json --sample",
            "slipstream completions cmd",
            "slipstream --log-format xml status",
            "SLIPSTREAM_RETRY=often slipstream work",
            "SLIPSTREAM_WARN_AFTER=soon slipstream store http://h/",
        ],
    );
}
