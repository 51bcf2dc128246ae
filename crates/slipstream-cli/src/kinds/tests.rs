use clap::CommandFactory;
use slipstream_http::OPTIONS;

use super::*;
use crate::args::Cli;
use crate::config::Config;

#[test]
fn a_url_s_scheme_tells_its_kind() {
    for (url, kind) in [
        ("http://h/", Kind::Http),
        ("h:80/x", Kind::Http),
        ("HTTPS://h", Kind::Http),
        ("tcp://h:1", Kind::Tcp),
        ("TLS://h:1", Kind::Tcp),
        ("unix:///run/x", Kind::Tcp),
        ("mysql://a@h/d", Kind::Mysql),
        ("tcp:h", Kind::Http),
        ("gopher://h", Kind::Http),
        ("", Kind::Http),
        ("h/?u=tcp://x", Kind::Http),
    ] {
        assert_eq!(Kind::of_url(url), kind, "{url}");
    }
}

#[test]
fn a_line_s_url_tells_its_kind_however_it_is_written() {
    for (line, kind) in [
        (r#"{"url":"http://h/","json":{"url":"tcp://h:1"}}"#, Kind::Http),
        (r#"{"url":"tcp://h:1","data":"http://h/"}"#, Kind::Tcp),
        (r#"{"data":"x","url":"Tcp:\/\/h:1"}"#, Kind::Tcp),
        (r#"{"url":"\u0074cp://h:1"}"#, Kind::Tcp),
        (r#"{"url":"tcp://h:1""#, Kind::Http),
        (r#"{"data":"tcp://h:1"}"#, Kind::Http),
    ] {
        assert_eq!(kind_of_line(line.as_bytes()), kind, "{line}");
    }
}

#[test]
fn every_option_that_a_kind_takes_is_one_and_means_something_to_a_kind() {
    // With the opposites of flags.
    let cli = Config::default().apply(Cli::command());
    let store = cli.find_subcommand("store").unwrap();
    let all: Vec<_> = store.get_arguments().filter_map(|arg| arg.get_long()).collect();
    for (option, of) in KINDS.iter().flat_map(|kind| {
        let (own, too) = kind.options();
        let own = own.iter().map(Row::long).collect::<Vec<_>>();
        own.into_iter().chain(too.iter().copied()).map(|option| (option, *kind))
    }) {
        assert!(all.contains(&option) && of.takes(option) && is_of_a_kind(option), "--{option}");
    }
    let keys: Vec<_> = OPTIONS.iter().map(|row| row.name).collect();
    for row in HttpArgs::rows() {
        let of_the_request = ["", "method", "headers", "body", "json"];
        assert!(keys.contains(&row.key) || of_the_request.contains(&row.key), "{}", row.spelt);
    }
    for arg in store.get_arguments().filter(|arg| !arg.is_global_set()) {
        let Some(long) = arg.get_long() else { continue };
        // What is about when it is sent, and not how, holds for every kind.
        let is_when = arg.get_help_heading().is_some_and(|heading| heading.starts_with("When"));
        assert!(!is_when || KINDS.iter().all(|kind| kind.takes(long)), "--{long}");
    }
}
