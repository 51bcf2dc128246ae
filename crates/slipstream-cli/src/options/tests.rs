//! The page of the documents that lists the options, as the tables have them.

use std::fmt::Write as _;
use std::path::Path;

use slipstream_http::{OPTIONS, OptionRow, Redaction, Topic, ValueShape};

use super::curls::{IGNORED, REFUSED};
use super::http::HttpArgs;
use super::mysql::MysqlArgs;
use super::tcp::TcpArgs;
use super::{Group, Row, Table, mysql, tcp};

const INTRODUCTION: &str = "\
# Options of a request

This page follows from the tables of options (`slipstream-http/src/request/options/table.rs`,
`slipstream-cli/src/options`); a test compares. To write it anew:

    INSTA_UPDATE=always cargo test --workspace --bin slipstream -- options

An option of the command line goes behind `slipstream store`, a key into a line of a batch. None is
read from a settings file: each belongs to one request.

## HTTP: how it is sent

Each is absent from a stored request unless it is set. Times are seconds in a batch, milliseconds as
stored; certificates and keys are PEM in both, never a path. What a listing hides it shows as `***`;
of a URL it hides user, password and the values of the query.
";

const TOPICS: [(Topic, &str); 9] = [
    (Topic::Message, "Head and body"),
    (Topic::Credentials, "Credentials"),
    (Topic::Cookies, "Cookies"),
    (Topic::Redirects, "Redirects"),
    (Topic::Answer, "Version and answer"),
    (Topic::Proxy, "Proxy"),
    (Topic::Address, "Address"),
    (Topic::Tls, "TLS"),
    (Topic::Time, "Time-outs"),
];

/// How an option is spelt, for a cell of a table.
fn cell(spelt: &str) -> String {
    format!("`{}`", spelt.replacen(" --", ", --", 1).replace('|', "\\|"))
}

fn value(row: &OptionRow) -> String {
    match row.value {
        ValueShape::Flag => "true".to_owned(),
        ValueShape::Word(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        }
        ValueShape::List => "array of texts".to_owned(),
        ValueShape::Pem => "text; bytes as stored".to_owned(),
        ValueShape::Time => "seconds".to_owned(),
        ValueShape::Number => "number".to_owned(),
        _ => "text".to_owned(),
    }
}

fn shown(row: &OptionRow) -> &'static str {
    match row.redaction {
        Redaction::Hidden => "hidden",
        Redaction::MaskedUrl => "as a URL",
        Redaction::Size => "its size",
        _ => "yes",
    }
}

/// The options of HTTP, by what they are about.
fn sending(text: &mut String) {
    let rows = HttpArgs::rows();
    for (topic, title) in TOPICS {
        let _ = write!(
            text,
            "\n### {title}\n\n| option | in a batch | stored as | value | in listings | |\n|---|---|---|---|---|---|\n"
        );
        if topic == Topic::Message {
            text.push_str("| `-H 'NAME:'` | `\"headers\":{NAME:null}` | `without` | array of texts | yes | Leaves out a header that would be sent unasked |\n");
        }
        for row in OPTIONS.iter().filter(|row| row.topic == topic) {
            let spelt =
                rows.iter().filter(|said| said.key == row.name).map(|said| cell(said.spelt));
            let also = if row.name == "max_redirects" { "`location` (true), " } else { "" };
            let _ = writeln!(
                text,
                "| {} | {also}`{}` | `{}` | {} | {} | {} |",
                spelt.collect::<Vec<_>>().join("<br>"),
                row.name,
                row.stored,
                value(row),
                shown(row),
                row.about.trim().replace('|', "\\|")
            );
        }
    }
}

/// Options with the help that the command line gives.
fn helped(text: &mut String, rows: impl Iterator<Item = Row>) {
    text.push_str("\n| option | in a batch | |\n|---|---|---|\n");
    for row in rows.filter(|row| !row.is_hidden) {
        let key = if row.key.is_empty() { String::new() } else { format!("`{}`", row.key) };
        let help = row.help.replace('|', "\\|");
        let _ = writeln!(text, "| {} | {key} | {help} |", cell(row.spelt));
    }
}

fn too(text: &mut String, of: &str, all: &[&str]) {
    let all: Vec<_> = all.iter().map(|long| format!("`--{long}`")).collect();
    let _ = write!(text, "\nOf HTTP's options, these mean the same to {of}: {}.\n", all.join(", "));
}

fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    sending(&mut text);
    text.push_str("\n## HTTP: what is sent\n");
    let keys: Vec<_> = OPTIONS.iter().map(|row| row.name).collect();
    helped(&mut text, HttpArgs::rows().into_iter().filter(|row| !keys.contains(&row.key)));
    text.push_str("\n## TCP, TLS and Unix sockets\n");
    helped(&mut text, TcpArgs::rows().into_iter());
    too(&mut text, "a stream", &tcp::TOO);
    text.push_str("\n## MySQL and MariaDB\n");
    helped(&mut text, MysqlArgs::rows().into_iter());
    too(&mut text, "statements", &mysql::TOO);
    text.push_str(
        "\n## curl's options without a meaning here\n\nThey shape curl's own output or behaviour, or say what holds anyway. They are ignored, and named\nunder `-v`:\n\n",
    );
    let ignored: Vec<_> = IGNORED.iter().map(|spelt| cell(spelt)).collect();
    for line in ignored.chunks(5) {
        let _ = writeln!(text, "{},", line.join(", "));
    }
    text.truncate(text.trim_end_matches(",\n").len());
    text.push_str(
        ".\n\n## curl's options that are refused\n\n| options | why, and what to do |\n|---|---|\n",
    );
    for (advice, specs) in REFUSED {
        let specs: Vec<_> = specs.iter().map(|spelt| cell(spelt)).collect();
        let _ = writeln!(text, "| {} | {advice} |", specs.join(", "));
    }
    text
}

#[test]
fn the_page_of_the_options_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/options.md");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        std::fs::write(&path, page()).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let update = "INSTA_UPDATE=always cargo test --workspace --bin slipstream -- options";
    assert!(kept == page(), "docs/options.md is stale; write it anew: {update}");
}

#[test]
fn every_topic_and_every_option_is_on_the_page_once() {
    assert!(OPTIONS.iter().all(|row| TOPICS.iter().any(|(topic, _)| *topic == row.topic)));
    let page = page();
    for row in HttpArgs::rows().iter().filter(|row| !row.is_hidden) {
        assert_eq!(page.matches(&cell(row.spelt)).count(), 1, "{}", row.spelt);
        assert_eq!(row.group.heading().is_some(), matches!(row.group, Group::Sending(_)));
    }
}
