use std::path::Path;

use clap::CommandFactory;

use super::*;
use crate::args::Cli;
use crate::options::curls::{IGNORED, REFUSED};
use crate::options::spelt;

fn read(words: &[&str]) -> Result<Plain> {
    let words = ["slipstream"].iter().chain(words).map(OsString::from);
    plain(&Cli::command(), words)
}

#[test]
fn options_are_called_by_their_long_names_and_the_rest_stays_as_it_is() {
    let table: &[(&str, &[&str])] = &[
        ("store -d=1 -XPUT u", &["store", "--data==1", "--request=PUT", "u"]),
        ("store -kLd -x u", &["store", "--insecure", "--location", "--data=-x", "u"]),
        ("store --data-ascii x --json=1 u", &["store", "--data=x", "--json=1", "u"]),
        ("store --url u --url=v", &["store", "u", "v"]),
        ("store -L --no-location u", &["store", "u"]),
        ("store --socks5-hostname h:1 u", &["store", "--proxy=socks5h://h:1", "u"]),
        ("store -sSfo out -N --no-keepalive -- -s", &["store", "--output=out", "--", "-s"]),
        ("store --cert-type pem -v u", &["store", "--verbose", "u"]),
        ("store --jsn -kW u", &["store", "--jsn", "--insecure", "-W", "u"]),
        // As far as a name is the only one of curl's.
        ("store --jso 1 --sil --insec u", &["store", "--json=1", "--insecure", "u"]),
        ("store --data-b 1 --da 2 u", &["store", "--data-binary=1", "--da", "2", "u"]),
        ("store --variable a=1 --expand-data x{{a}} u", &["store", "--data=x1", "u"]),
        ("store --dura u", &["store", "--dura", "u"]),
        ("--dir store store -s", &["--dir", "store", "store"]),
        ("work -s", &["work", "-s"]),
        ("-v", &["-v"]),
    ];
    for (given, expected) in table {
        let given: Vec<_> = given.split(' ').collect();
        assert_eq!(read(&given).unwrap().lines()[0].words[1..], **expected, "{given:?}");
    }
}

#[test]
fn behind_next_another_command_line_begins() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config");
    std::fs::write(&config, "next\nurl = c\nnext\nurl = d\n").unwrap();
    let plain = read(&[
        "store",
        "-dx",
        "--source",
        "s",
        "a",
        "--next",
        "-k",
        "b",
        "--durable",
        "-:",
        "-K",
        config.to_str().unwrap(),
    ]);
    let lines = plain.unwrap().lines();
    let words: Vec<_> = lines.iter().map(|line| line.words[1..].join(OsStr::new(" "))).collect();
    let both = "store --source=s --durable";
    let expected = ["--data=x a", "--insecure b", "c", "d"].map(|own| format!("{both} {own}"));
    assert_eq!(words, expected.map(OsString::from));
    assert_eq!(lines[1].given, ["source", "durable", "insecure"]);
    assert!(read(&["store", "--next", "a"]).is_err());
}

#[test]
fn urls_are_read_from_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("urls");
    std::fs::write(&file, "# two\nhttp://a/\r\n\n http://b/ \n").unwrap();
    let plain = read(&["store", "--url", &format!("@{}", file.display())]).unwrap();
    assert_eq!(plain.lines()[0].words[2..], ["http://a/", "http://b/"]);
}

#[test]
fn what_is_left_out_is_named_once() {
    let plain =
        read(&["store", "-sS", "-o", "x", "--no-buffer", "--silent", "--no-buffer"]).unwrap();
    assert_eq!(plain.ignored, ["--silent", "--show-error", "--output", "--no-buffer"]);
}

#[test]
fn every_refused_option_says_what_to_do_instead() {
    let mut rows = String::new();
    for (_, specs) in REFUSED {
        for spec in *specs {
            let (_, long, value) = spelt(spec);
            let value = if value.is_some() { "=x" } else { "" };
            let refused = read(&["store", &format!("--{long}{value}"), "http://h/"]).unwrap_err();
            rows += &format!("{refused}\n");
        }
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/curl/command_line/refused.txt");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        std::fs::write(&kept, &rows).unwrap();
    }
    assert_eq!(rows, std::fs::read_to_string(kept).unwrap());
}

#[test]
fn no_option_stands_in_two_tables() {
    let refused = REFUSED.iter().flat_map(|(_, specs)| *specs);
    let mut seen = Vec::new();
    for (short, long, _) in IGNORED.iter().chain(refused).map(|spec| spelt(spec)) {
        let long = format!("--{long}");
        let short = short.map(|letter| format!("-{letter}"));
        for name in short.into_iter().chain([long]) {
            assert!(!seen.contains(&name), "{name} is there twice");
            let cli = Cli::command();
            let store = cli.find_subcommand("store").unwrap();
            let parsed = store.get_arguments().any(|arg| {
                arg.get_long().is_some_and(|long| name == format!("--{long}"))
                    || arg.get_short().is_some_and(|short| name == format!("-{short}"))
            });
            assert!(!parsed, "{name} is parsed");
            seen.push(name);
        }
    }
}

#[test]
fn a_config_file_stands_in_its_place_and_may_name_others() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let inner = file("inner", "data = -b\nsilent\n");
    let outer = file("outer", &format!("-H \"x-a: 1\"\nconfig = {inner}\nurl = \"http://h/\"\n"));
    let plain = read(&["store", "-da", "-sK", &outer, "-dc"]).unwrap();
    let expected = ["store", "--data=a", "--header=x-a: 1", "--data=-b", "http://h/", "--data=c"];
    assert_eq!(plain.lines()[0].words[1..], expected);
    assert_eq!(plain.ignored, ["--silent"]);

    let lines = ["silent = no", "data", "http3", "insecure yes"];
    for (line, words) in
        lines.iter().zip(["takes no value", "has no value", "--http2", "takes no value"])
    {
        let bad = file("bad", &format!("# a comment\n{line}\n"));
        let error = format!("{:#}", read(&["store", "-K", &bad]).unwrap_err());
        assert!(error.contains("bad', line 2: ") && error.contains(words), "{line}: {error}");
    }
    let itself = dir.path().join("itself").display().to_string();
    file("itself", &format!("config = {itself}"));
    let error = format!("{:#}", read(&["store", "-K", &itself]).unwrap_err());
    assert!(error.ends_with("is named by 16 others; leave its name out there"), "{error}");
}
