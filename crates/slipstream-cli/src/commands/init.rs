//! `slipstream init`: makes a spool with settings of its own.
//!
//! # Invariants
//! - It never changes a spool that is there.
//! - Asking for the settings that it has is no error, so a set-up script can run this each time.
//! - Asking for others is one.

use anyhow::{Context, Result, anyhow, bail};
use clap::{CommandFactory, FromArgMatches};
use nix::unistd::{Gid, Group};
use slipstream_log::{OnFull, Settings, Spool};

use crate::args::usage;
use crate::args::{Cli, Command, InitArgs};
use crate::config::Config;
use crate::exit::Exit;
use crate::process::owner::Place;
use crate::term::print;
use crate::term::units::{spell, spell_bytes};

pub(crate) fn run(place: &Place, args: &InitArgs) -> Result<Exit> {
    let wanted = settings(args)?;
    place.become_owner()?;
    let before = place.find()?;
    let spool = match &before {
        Some(spool) => spool,
        None => &place.create(&wanted)?,
    };
    // A process that made one in between had settings, too.
    let found = spool.settings();
    let shown = print::one_line(&place.path().display().to_string());
    if found != &wanted {
        let differences: Vec<_> = lines(found)
            .into_iter()
            .zip(lines(&wanted))
            .filter(|(found, wanted)| found != wanted)
            .map(|((name, found), (_, wanted))| format!("{name} {found}, not {wanted}"))
            .collect();
        bail!(
            "{shown} is a spool already, with {}; its settings stay as they are: give another --dir, or drain and remove this one first",
            differences.join(", ")
        );
    }
    let said = match before {
        Some(_) => format!("{shown} is a spool with these settings already"),
        None => format!("made a spool in {shown}"),
    };
    let mut text = format!("{said}\n");
    for (name, value) in lines(found) {
        text.push_str(&format!("  {name:<10}  {value}\n"));
    }
    print::out(&text)?;
    Ok(Exit::Success)
}

/// The spool, made as the config files have it if it is not there.
pub(crate) fn open(place: &Place) -> Result<Spool> {
    if let Some(spool) = place.find()? {
        return Ok(spool);
    }
    let command = Cli::command();
    let config = Config::read(&command)?;
    let matches = config.apply(command).try_get_matches_from(["slipstream", "init"]);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = cli.map_err(|error| anyhow!(usage::one_line(&error, &config, "slipstream init")))?;
    let settings = match cli.command {
        Command::Init(args) => settings(&args)?,
        _ => Settings::default(),
    };
    place.create(&settings)
}

fn settings(args: &InitArgs) -> Result<Settings> {
    let defaults = Settings::default();
    let rotate_ms = match args.rotate {
        None => defaults.rotate_ms,
        Some(rotate) => {
            if rotate.subsec_nanos() % 1_000_000 != 0 {
                bail!(
                    "invalid value '{}' for '--rotate'; expected a whole number of milliseconds, such as 500ms",
                    spell(rotate)
                );
            }
            u64::try_from(rotate.as_millis())
                .context("--rotate is too long; write one such as 1h")?
        }
    };
    Ok(Settings {
        slots: args.slots.unwrap_or(defaults.slots),
        rotate_ms,
        logs: args.logs.unwrap_or(defaults.logs),
        on_full: args.on_full.map_or(defaults.on_full, Into::into),
        record_max: args.record_max.map_or(defaults.record_max, |size| size.as_u64()),
        log_max: args.log_max.map_or(defaults.log_max, |size| size.as_u64()),
        group: args.group.as_deref().map(group_id).transpose()?,
        network_fs: args.network_fs,
        ..defaults
    })
}

/// The group's number, by its name or the number itself.
fn group_id(group: &str) -> Result<u32> {
    // A name may be all digits; as for chown(1), it comes first.
    let named =
        Group::from_name(group).with_context(|| format!("cannot look up group '{group}'"))?;
    if let Some(named) = named {
        return Ok(named.gid.as_raw());
    }
    group.parse().ok().with_context(|| {
        format!("there is no group '{group}'; `getent group` lists those there are, `groupadd {group}` makes it")
    })
}

/// The settings by their options' names, in words.
fn lines(settings: &Settings) -> Vec<(&'static str, String)> {
    vec![
        ("slots", settings.slots.to_string()),
        ("rotate", spell(settings.rotate())),
        ("logs", settings.logs.to_string()),
        (
            "on-full",
            match settings.on_full {
                OnFull::Overwrite => "overwrite",
                OnFull::Reject => "reject",
            }
            .to_owned(),
        ),
        ("record-max", spell_bytes(settings.record_max)),
        ("log-max", spell_bytes(settings.log_max)),
        ("group", settings.group.map_or_else(|| "none".to_owned(), group_name)),
        ("network-fs", if settings.network_fs { "allowed" } else { "refused" }.to_owned()),
    ]
}

fn group_name(gid: u32) -> String {
    match Group::from_gid(Gid::from_raw(gid)) {
        Ok(Some(group)) => format!("{} ({gid})", group.name),
        _ => gid.to_string(),
    }
}
