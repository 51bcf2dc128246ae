//! The line for cron.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use super::plan::{PURPOSE, Part, Plan};
use crate::args::SetupArgs;

/// The file for /etc/cron.d, whose lines name a user.
pub(super) fn part(plan: &Plan, args: &SetupArgs) -> Result<Part> {
    if args.user || args.follow {
        bail!(
            "cron has neither units of one's own nor a service that stays; leave --user and --follow out, or use systemd"
        );
    }
    let (times, command) = (times(args.every)?, command(plan));
    let text = format!("# {PURPOSE} {}.\n{times} {} {command}\n", plan.dir, plan.user);
    Ok(Part { path: Path::new("/etc/cron.d").join(&args.name), text })
}

/// The line for a user's own crontab.
pub(super) fn line(plan: &Plan, every: Duration) -> Result<String> {
    Ok(format!("{} {}\n", times(every)?, command(plan)))
}

/// When it runs. Cron knows minutes, and begins anew each hour and each day.
fn times(every: Duration) -> Result<String> {
    let minutes = every.as_secs() / 60;
    if every == Duration::from_secs(minutes * 60) {
        match minutes {
            1 => return Ok("* * * * *".to_owned()),
            2..60 if 60 % minutes == 0 => return Ok(format!("*/{minutes} * * * *")),
            60 => return Ok("0 * * * *".to_owned()),
            _ if minutes.is_multiple_of(60) && minutes < 1440 && 1440 % minutes == 0 => {
                return Ok(format!("0 */{} * * *", minutes / 60));
            }
            1440 => return Ok("0 0 * * *".to_owned()),
            _ => {}
        }
    }
    bail!(
        "cron cannot run something so often; choose minutes that divide an hour, such as 1m or 5m, or hours that divide a day"
    )
}

fn command(plan: &Plan) -> String {
    let command = format!("{} --dir {} work --quiet", quoted(&plan.program), quoted(&plan.dir));
    // cron takes a bare one for the end of a line.
    command.replace('%', "\\%")
}

/// For a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,=%".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_is_told_what_it_can_do_and_the_rest_is_refused() {
        for (minutes, expected) in [
            (1, Some("* * * * *")),
            (5, Some("*/5 * * * *")),
            (60, Some("0 * * * *")),
            (120, Some("0 */2 * * *")),
            (1440, Some("0 0 * * *")),
            (7, None),
            (90, None),
            (300, None),
            (2880, None),
        ] {
            let told = times(Duration::from_secs(minutes * 60)).ok();
            assert_eq!(told.as_deref(), expected, "{minutes}");
        }
        assert!(times(Duration::from_secs(90)).is_err());
    }

    #[test]
    fn a_path_means_the_same_to_cron_and_its_shell() {
        assert_eq!(quoted("/var/spool/slipstream"), "/var/spool/slipstream");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
        let plan = Plan { program: "/s".into(), dir: "/50%".into(), user: "me".into() };
        assert_eq!(command(&plan), r"/s --dir /50\% work --quiet");
    }
}
