//! Proxies of the worker's environment, as curl takes them.

use std::process::Command;

use crate::parity::curl;
use crate::receiver::Receiver;
use crate::run::Spool;

/// Every variable that curl reads for it.
pub(crate) const VARIABLES: [&str; 8] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// Lists of hosts, and hosts that may be in them. Not networks of IPv6, and not entries that only a blank
/// separates: versions of curl differ there.
const LISTS: [&str; 24] = [
    "",
    "*",
    "**",
    "*,a.test",
    "a.test",
    ".a.test",
    "a.test.",
    "A.TEST",
    "test",
    ".",
    "..a.test",
    "b.test,a.test",
    "b.test , a.test",
    " ,,a.test",
    ",a.test",
    "*.a.test",
    "10.0.0.0/8",
    "10.1.2.3",
    "10.1.2.3/0",
    "10.0.0.0/33",
    "10.0.0.0/x",
    "fd00::1",
    "[fd00::1]",
    "a.test:80",
];
const HOSTS: [&str; 8] =
    ["a.test", "x.a.test", "xa.test", "a.test.", "10.1.2.3", "11.1.2.3", "[fd00::1]", "[fe00::1]"];

type Variables = &'static [(&'static str, &'static str)];
type Words = &'static [&'static str];

fn with(mut command: Command, variables: &[(&str, &str)]) -> Command {
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command
}

#[test]
fn a_host_is_reached_without_the_proxy_where_curl_reaches_it_so() {
    let mut wrong = Vec::new();
    for list in LISTS {
        for host in HOSTS {
            let url = format!("http://{host}/");
            // Nothing listens where it is without the proxy.
            let line = ["-g", "--connect-to", "::127.0.0.1:1", &url];
            let by_curl = {
                let proxy = Receiver::new();
                let variables = [("http_proxy", &*proxy.url("")), ("no_proxy", list)];
                with(curl(), &variables).args(["-o", "/dev/null"]).args(line).output().unwrap();
                !proxy.got().is_empty()
            };
            let ours = {
                let (spool, proxy) = (Spool::new(), Receiver::new());
                spool.quietly([&["store"], &line[..]].concat());
                let variables = [("http_proxy", &*proxy.url("")), ("no_proxy", list)];
                let work = spool.command(["work", "--attempts", "1"]);
                with(work, &variables).output().unwrap();
                !proxy.got().is_empty()
            };
            if by_curl != ours {
                wrong.push(format!("no_proxy={list:?} {host}: curl {by_curl}, ours {ours}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn requests_go_through_the_environments_proxy_unless_they_say_otherwise() {
    let table: &[(Variables, Words, Words, bool)] = &[
        (&[("http_proxy", "PROXY")], &[], &[], true),
        (&[("HTTP_PROXY", "PROXY")], &[], &[], false),
        (&[("https_proxy", "PROXY")], &[], &[], false),
        (&[("ALL_PROXY", "PROXY")], &[], &[], true),
        (&[("all_proxy", "PROXY"), ("NO_PROXY", "localhost")], &[], &[], false),
        (&[("http_proxy", "PROXY"), ("no_proxy", "localhost")], &["--noproxy", "other"], &[], true),
        (&[("http_proxy", "PROXY")], &["--noproxy", "localhost"], &[], false),
        (&[("http_proxy", "PROXY")], &["--compressed"], &[], true),
        (&[("http_proxy", "PROXY")], &[], &["--proxy", ""], false),
        (&[("http_proxy", "http://127.0.0.1:1")], &["-x", "PROXY"], &[], true),
        (&[("http_proxy", "http://127.0.0.1:1")], &[], &["--proxy", "PROXY"], true),
        // The proxy is the operator's, and what is around it is judged.
        (&[("http_proxy", "PROXY")], &[], &["--deny-private"], true),
    ];
    for (variables, options, work, proxied) in table {
        let (spool, proxy, direct) = (Spool::new(), Receiver::new(), Receiver::new());
        let address = proxy.url("");
        let filled = |word: &&str| word.replace("PROXY", &address);
        let url = direct.url("/x").replace("127.0.0.1", "localhost");
        let store: Vec<_> = options.iter().map(filled).chain([url]).collect();
        spool.quietly([&["store".to_owned()][..], &store].concat());
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, filled(value))).collect();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
        let work = ["work", "--attempts", "1"].iter().chain(*work).map(filled);
        let worked = with(spool.command(work), &variables).output().unwrap();
        let seen = (proxy.got().len(), direct.got().len());
        let expected = if *proxied { (1, 0) } else { (0, 1) };
        assert_eq!(seen, expected, "{variables:?} {options:?}: {worked:?}");
    }
}

#[test]
fn what_the_environment_names_may_not_lead_around_the_rules_for_addresses() {
    let (spool, proxy, direct) = (Spool::new(), Receiver::new(), Receiver::new());
    let address = proxy.url("");
    for (url, no_proxy) in [(direct.url("/"), "127.0.0.1"), (direct.url("/"), "")] {
        spool.quietly(["store", &url]);
        let variables = [("http_proxy", &*address), ("no_proxy", no_proxy)];
        let command = spool.command(["work", "--quiet", "--deny-private"]);
        let worked = with(command, &variables).output().unwrap();
        assert_eq!(worked.status.code(), Some(1), "{worked:?}");
        assert_eq!((proxy.got().len(), direct.got().len()), (0, 0), "{no_proxy}");
    }
}

#[test]
fn what_is_no_proxy_is_told_by_its_variable_before_the_run() {
    let spool = Spool::new();
    spool.quietly(["store", "http://127.0.0.1:1/"]);
    let variables = [("http_proxy", "ftp://me:sesame@p")];
    let worked = with(spool.command(["work"]), &variables).output().unwrap();
    let said = String::from_utf8(worked.stderr).unwrap();
    assert_eq!(worked.status.code(), Some(2), "{said}");
    assert!(said.contains("http_proxy") && !said.contains("sesame"), "{said}");
    assert_eq!(spool.sums(), [1, 1, 0, 0]);
}

#[test]
fn config_show_names_the_proxies_that_are_in_force() {
    let spool = Spool::new();
    let shown = |variables: &[(&str, &str)]| {
        let output = with(spool.command(["config"]), variables).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find(|line| line.starts_with("work.proxy")).unwrap().to_owned();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let both = [("http_proxy", "http://me:sesame@p:1"), ("HTTPS_PROXY", "q:2")];
    assert_eq!(shown(&both), "work.proxy http://***@p:1, q:2 http_proxy, HTTPS_PROXY");
    assert!(!shown(&[]).contains("_proxy"));
}
