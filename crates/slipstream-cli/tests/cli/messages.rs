//! What `store` says of values that its options cannot have, once the command line has been read.

use crate::run::Spool;

/// What an option's value is called where the option is not.
const CALLED: &[(&str, &str)] = &[
    ("request", "method"),
    ("form", "a form's part"),
    ("form-string", "a form's part"),
    ("upload-file", "the file"),
    ("request-target", "the request target"),
    ("oauth2-bearer", "the bearer token"),
    ("netrc-file", "the .netrc file"),
    ("aws-sigv4", "aws signature"),
    ("proxy", "proxy"),
    ("proxy-user", "a user for the proxy"),
    ("abstract-unix-socket", "unix socket"),
    ("resolve", "in place of a lookup"),
    ("connect-to", "host to connect to"),
    ("cacert", "the certificates' file"),
    ("pinnedpubkey", "pin of the server's key"),
    ("cert", "the certificate's file"),
    ("sign-secret", "secret"),
    ("dedupe", "dedupe key"),
    ("order-key", "order key"),
    ("key", "--cert"),
    ("pass", "--cert"),
    ("fail-on", "answers that end the request"),
    ("server-name", "settings for tls"),
    ("query", "a statement"),
    ("password-env", "secret"),
];

/// What libraries say of a text that they cannot read.
const BARE: &[&str] = &["invalid digit", "cannot parse", "float", "number too", "relative URL"];

/// What goes before what can be done.
const HELPS: &[&str] = &[
    "expected ",
    "write ",
    "leave ",
    "give ",
    "add ",
    "say ",
    "No such file",
    "value is required",
    "were not provided",
    "cannot be used with",
];

/// The options of `store` that take a value.
fn options(spool: &Spool) -> Vec<String> {
    let help = spool.run(["store", "--help"]).out;
    let named = help.lines().filter_map(|line| line.trim_start().split_once("--"));
    let named = named.filter(|(short, _)| short.is_empty() || short.starts_with('-'));
    let taking = named.filter_map(|(_, rest)| rest.split_once(" <"));
    taking.map(|(name, _)| name.to_owned()).filter(|name| !name.contains(' ')).collect()
}

#[test]
fn a_value_that_an_option_cannot_have_is_refused_by_name_with_what_to_do() {
    let spool = Spool::new();
    let options = options(&spool);
    assert!(options.len() > 60, "{options:?}");
    let (mut refused, mut wrong) = (0, Vec::new());
    for option in options.iter().filter(|name| !matches!(&***name, "dir" | "log-format")) {
        for value in ["", "teapot", "\u{fc}"] {
            for url in ["http://127.0.0.1:1/", "tcp://127.0.0.1:1", "mysql://u@127.0.0.1/d"] {
                // What is of no meaning to a kind is refused for that.
                let more: &[&str] = match &url[..2] {
                    "ht" => &[],
                    "tc" if matches!(
                        &**option,
                        "expect" | "fail-on" | "framing" | "until" | "server-name"
                    ) =>
                    {
                        &["-d", "x"]
                    }
                    "my" if matches!(
                        &**option,
                        "query" | "password-env" | "password-file" | "defaults-file" | "tls"
                    ) =>
                    {
                        &["--query", "x"]
                    }
                    _ => continue,
                };
                let given = format!("--{option}");
                let ran = spool.run([&["store", &given, value], more, &[url]].concat());
                if ran.code == Some(0) {
                    continue;
                }
                let called = CALLED.iter().find(|(name, _)| name == option);
                let names = ran.err.contains(&given)
                    || called.is_some_and(|(_, called)| ran.err.contains(called));
                let helps = HELPS.iter().any(|words| ran.err.contains(words));
                let bare = BARE.iter().any(|words| ran.err.contains(words));
                refused += 1;
                if bare || !names || !helps || ran.code != Some(2) {
                    wrong.push(format!("{given} {value:?} {url}: {}", ran.err));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    assert!(refused > 100, "{refused}");
}
