//! Units for systemd: a service with a timer, and a path unit that waits for what is stored; or a
//! service that stays.
//!
//! # Invariants
//! - The worker sees the spool that others see, and can write nothing else.
//! - A user's own units have only what needs no right that a user has not.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::plan::{PURPOSE, Part, Plan};
use crate::args::SetupArgs;
use crate::term::units::spell;

/// What any service manager can do for a process that gains no rights.
const HARDENING: &str = "\
NoNewPrivileges=yes
UMask=0077
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
";

/// How it is stopped: with time to release what is not answered, and to close what it had open.
const STOP: &str = "\
# What is in flight has 8 s to be answered (`work --stop-timeout`).
KillMode=mixed
TimeoutStopSec=30
";

/// What takes the machine's own.
const SYSTEM_HARDENING: &str = "\
CapabilityBoundingSet=
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictNamespaces=yes
ProtectHome=read-only
ProtectSystem=strict
";

pub(super) fn parts(plan: &Plan, args: &SetupArgs) -> Result<Vec<Part>> {
    let to = match args.user {
        false => PathBuf::from("/etc/systemd/system"),
        true => config()?.join("systemd/user"),
    };
    if plan.user == "root" && !args.user {
        bail!(
            "the worker would run as root; name another user with --run-as, and have that user make the spool"
        );
    }
    let named = |kind: &str| to.join(format!("{}.{kind}", args.name));
    let service = Part { path: named("service"), text: service(plan, args) };
    let timer = Part { path: named("timer"), text: timer(plan, args) };
    let path = Part { path: named("path"), text: path(plan) };
    Ok(if args.follow { vec![service] } else { vec![service, timer, path] })
}

/// The units to enable.
pub(super) fn units(args: &SetupArgs) -> String {
    let name = &args.name;
    match args.follow {
        true => format!("{name}.service"),
        false => format!("{name}.timer {name}.path"),
    }
}

/// What to run when they are written.
pub(super) fn next(args: &SetupArgs) -> String {
    let user = if args.user { " --user" } else { "" };
    // Retries and what is delayed come due without anything being stored: the timer is for those.
    let units = units(args);
    if let Some(root) = &args.root {
        return format!("next: systemctl --root={} enable {units}\n", root.display());
    }
    let mut next = format!("next: systemctl{user} daemon-reload\n");
    next.push_str(&format!("next: systemctl{user} enable --now {units}\n"));
    if args.user {
        next.push_str(
            "next: loginctl enable-linger    (or it runs only while you are logged in)\n",
        );
    }
    next
}

fn config() -> Result<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".config")))
        .context("cannot tell where your units go; set HOME")
}

fn service(plan: &Plan, args: &SetupArgs) -> String {
    let Plan { program, dir, user } = plan;
    let (raw, quoted_dir) = (dir.replace('%', "%%"), quoted(dir));
    let mut text =
        format!("[Unit]\nDescription={PURPOSE} {raw}\nDocumentation=man:slipstream-work(1)\n");
    if !args.user {
        text.push_str("After=network-online.target\nWants=network-online.target\n");
    }
    if !args.follow {
        // Five starts in ten seconds would else be too many, and the path unit given up for good.
        text.push_str("StartLimitIntervalSec=30\nStartLimitBurst=60\n");
    }
    text.push_str("\n[Service]\n");
    if !args.user {
        text.push_str(&format!("User={user}\n"));
    }
    // A $ would be taken for a variable.
    let command = format!("{} --dir {quoted_dir}", quoted(program)).replace('$', "$$");
    if args.follow {
        text.push_str(&format!(
            "ExecStart={command} work --follow\nRestart=always\nRestartSec=10\n"
        ));
        text.push_str(STOP);
    } else {
        text.push_str(&format!("Type=oneshot\nExecStart={command} work --quiet\n"));
        text.push_str("# 1 says that requests failed for good: `slipstream failed list`.\n");
        text.push_str("TimeoutStartSec=15min\n");
        text.push_str(STOP);
        text.push_str(
            "# The path unit waits for this, so that it starts no more than a run a second.\n",
        );
        text.push_str("ExecStopPost=/bin/sleep 1\n");
    }
    text.push_str(HARDENING);
    if !args.user {
        text.push_str(SYSTEM_HARDENING);
        let tmp = dir.starts_with("/tmp/") || dir.starts_with("/var/tmp/");
        if tmp {
            text.push_str("# With a /tmp of its own it would not see the spool.\n");
        }
        text.push_str(&format!("PrivateTmp={}\n", if tmp { "no" } else { "yes" }));
        // A unit with a condition would not be tried again by its timer; so it starts without a spool.
        text.push_str(&format!("ReadWritePaths={}\n", quoted(&format!("-{dir}"))));
    }
    if args.follow {
        let target = if args.user { "default.target" } else { "multi-user.target" };
        text.push_str(&format!("\n[Install]\nWantedBy={target}\n"));
    }
    text
}

fn timer(plan: &Plan, args: &SetupArgs) -> String {
    let (dir, every) = (plan.dir.replace('%', "%%"), spell(args.every));
    format!(
        "[Unit]\nDescription=Runs the worker of {dir}\n\n[Timer]\nOnBootSec=1min\nOnUnitInactiveSec={every}\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n"
    )
}

/// What starts the worker when something is stored, and again when something was while it ran: a
/// change that comes then is missed, but what it left is there. A run leaves no log.
fn path(plan: &Plan) -> String {
    let dir = plan.dir.replace('%', "%%");
    // Any other file would have the worker started for ever. A pattern takes a path's own brackets
    // for its own, and cannot be configured not to.
    let waits = match dir.contains(['*', '?', '[', '\\']) {
        true => format!("DirectoryNotEmpty={dir}/collecting"),
        false => format!("PathExistsGlob={dir}/collecting/s*.log"),
    };
    format!(
        "[Unit]\nDescription=Starts the worker of {dir} when something is stored\n\n[Path]\n{waits}\n\n[Install]\nWantedBy=paths.target\n"
    )
}

/// For a unit's words.
fn quoted(text: &str) -> String {
    let text = text.replace('%', "%%");
    if text.contains(|c: char| c.is_whitespace() || "\"'\\;".contains(c)) {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        text
    }
}
