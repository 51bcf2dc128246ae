use clap::{ArgAction, CommandFactory};

use super::*;
use crate::args::Cli;

fn of(text: &str) -> Result<Config> {
    let settings = settings(&Cli::command(), text, Path::new("/etc/f.toml"))?;
    Ok(Config { settings: settings.into_iter().collect(), ..Config::default() })
}

fn refused(text: &str) -> String {
    format!("{:#}", of(text).map(|_| ()).expect_err(text))
}

#[test]
fn every_setting_is_an_option_that_takes_one_value_or_many_or_is_a_flag() {
    for (section, options) in SETTINGS {
        for option in options {
            let cli = Cli::command();
            let arg = argument(&cli, section, option);
            let action = arg.get_action();
            assert!(
                matches!(action, ArgAction::Set | ArgAction::Append | ArgAction::SetTrue),
                "{section} {option}: {action:?}"
            );
            let is_flag = FLAGS.contains(&(section, option));
            assert_eq!(matches!(action, ArgAction::SetTrue), is_flag, "{section} {option}");
        }
    }
}

#[test]
fn a_file_gives_way_to_the_command_line_and_wins_over_what_is_usual() {
    let config = of("
        log-format = 'json'
        [work]
        concurrency = 7
        quiet = true
        deny-private = false
        allow-host = ['a', 'b']
        proxy = 'http://p:1'
    ")
    .unwrap();
    let value = |words: &[&str], id: &str| {
        let matches = config.apply(Cli::command()).try_get_matches_from(words).unwrap();
        let (_, work) = matches.subcommand().unwrap();
        let raw = work.get_raw(id).unwrap();
        raw.map(|word| word.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let work = ["slipstream", "work"];
    assert_eq!(value(&work, "concurrency"), ["7"]);
    assert_eq!(value(&["slipstream", "work", "--concurrency=9"], "concurrency"), ["9"]);
    assert_eq!(value(&work, "quiet"), ["true"]);
    assert_eq!(value(&["slipstream", "work", "--no-quiet"], "quiet"), ["false"]);
    assert_eq!(value(&["slipstream", "work", "--no-quiet", "--quiet"], "quiet"), ["true"]);
    assert_eq!(value(&["slipstream", "work", "-q", "--no-quiet"], "quiet"), ["false"]);
    assert_eq!(value(&work, "deny_private"), ["false"]);
    assert_eq!(value(&["slipstream", "work", "--deny-private"], "deny_private"), ["true"]);
    assert_eq!(value(&work, "allow_host"), ["a", "b"]);
    assert_eq!(value(&["slipstream", "work", "--allow-host=c"], "allow_host"), ["c"]);
    assert_eq!(value(&work, "log_format"), ["json"]);
    assert_eq!(value(&["slipstream", "work", "--log-format=text"], "log_format"), ["text"]);
}

#[test]
fn a_file_with_an_unknown_key_is_refused_by_name() {
    for (text, error) in [
        ("dirr = '/a'", "unknown key 'dirr'; expected dir, log-format"),
        ("[worker]\na = 1", "unknown section [worker]; expected [store], [work], [status], [init]"),
        ("[purge]\nyes = true", "unknown section [purge]; expected [store]"),
        ("[store]\nbatch = 'x'", "unknown key 'batch' in [store]; expected durable, "),
        ("[work]\nmax_time = 1", "unknown key 'max_time' in [work]; expected attempts, "),
        ("[work]\nconcurrency = [1, 2]", "'concurrency' in [work] takes one value, and here are 2"),
        ("[work]\nconcurrency = []", "'concurrency' in [work] takes one value, and here are 0"),
        ("[work]\nquiet = 'yes'", "'quiet' in [work] is true or false, without quotation marks"),
        ("[work]\nmax-age = 1979-05-27", "'max-age' in [work] is neither a text nor a number"),
        ("dir = 'spool'", "'dir' is not an absolute path"),
        ("dir = ", "invalid TOML at line 1, column 7: "),
    ] {
        assert!(refused(text).starts_with(error), "{text}: {}", refused(text));
    }
}

#[test]
fn a_bad_value_is_blamed_on_its_file_unless_the_command_line_has_it() {
    let config = of("[work]\nconcurrency = 0").unwrap();
    let blamed = |words: &[&str]| {
        let error = config.apply(Cli::command()).try_get_matches_from(words).unwrap_err();
        config.blamed(&error).map(Path::to_owned)
    };
    assert_eq!(blamed(&["slipstream", "work"]), Some("/etc/f.toml".into()));
    assert_eq!(blamed(&["slipstream", "work", "--concurrency=x"]), None);
}
