//! The small grammars of curl's command line, differentially: generated forms, .netrc and config
//! files go through curl and through `store` and `work`, and what arrives is compared.
//!
//! What `store` refuses by name counts as right; what it takes must arrive as curl sends it.
//! `SLIPSTREAM_GRAMMAR_CASES` sets how many of each are tried.

use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::parity::{Seen, curl, seen};
use crate::receiver::Receiver;
use crate::run::Spool;

/// A command line with files; NAME of a file is replaced by its path, URL by the receiver's.
#[derive(Debug, Clone)]
struct Line {
    args: Vec<String>,
    files: Vec<(&'static str, String)>,
}

impl Line {
    fn filled(&self, spool: &Spool, receiver: &Receiver) -> Vec<String> {
        let url = receiver.url("/");
        let fill = |text: &String| {
            let text = text.replace("URL", &url);
            self.files.iter().fold(text, |text, (name, content)| {
                let path = spool.file(name, content.replace("URL", &url));
                text.replace(name, path.to_str().unwrap())
            })
        };
        self.args.iter().map(fill).collect()
    }

    /// What curl sends, if it takes the line.
    fn of_curl(&self) -> Option<Vec<Seen>> {
        let (spool, receiver) = (Spool::new(), Receiver::new());
        let mut command: Command = curl();
        let ended = command.args(self.filled(&spool, &receiver)).stdin(Stdio::null()).output();
        ended.expect("curl is needed").status.success().then(|| seen(&receiver))
    }

    /// What is stored and delivered, unless it is refused.
    fn of_slipstream(&self) -> Option<Vec<Seen>> {
        let (spool, receiver) = (Spool::new(), Receiver::new());
        let args = self.filled(&spool, &receiver);
        let stored = spool.run(["store".to_owned()].into_iter().chain(args));
        if stored.code == Some(2) {
            return None;
        }
        assert_eq!(stored.code, Some(0), "{self:?}: {stored:?}");
        spool.quietly(["work", "--quiet", "--attempts", "1"]);
        Some(seen(&receiver))
    }
}

/// Tries random lines. At least a quarter of them must be taken by both, or nothing was compared.
fn compare(lines: impl Strategy<Value = Line>) {
    let cases = std::env::var("SLIPSTREAM_GRAMMAR_CASES").ok();
    let cases = cases.map_or(40, |cases| cases.parse().expect("a number"));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let compared = std::cell::Cell::new(0);
    // The same ones each time, unless more are asked for.
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, random)
        .run(&lines, |line| {
            if let (Some(curl), Some(ours)) = (line.of_curl(), line.of_slipstream()) {
                prop_assert_eq!(curl, ours, "left is curl's");
                compared.set(compared.get() + 1);
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(compared.get() * 4 >= cases, "only {} of {cases} were compared", compared.get());
}

/// Text of pieces, each of which means something to the grammar.
fn text(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(select(pieces), 0..=most).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_form_s_part_arrives_as_curl_sends_it() {
    const PIECES: &[&str] = &[
        "a",
        "b c",
        " ",
        "\t",
        "\"",
        "\"",
        "\\\"",
        "\\\\",
        "\\",
        ",",
        "=",
        ";type=text/x",
        ";type= a/b ",
        "; filename=c",
        ";filename=\"d e\"",
        ";headers=\"x-y: z\"",
        ";headers=x-q: r ",
        ";charset=u",
    ];
    let value = text(PIECES, 5).prop_map(|value| Line {
        args: ["-F", &format!("n={value}"), "-F", "last=1", "URL"].map(str::to_owned).to_vec(),
        files: Vec::new(),
    });
    compare(value);
}

#[test]
fn files_of_a_form_s_part_arrive_as_curl_sends_them() {
    const BEHIND: &[&str] = &[
        "",
        "",
        " ",
        ";type=text/x",
        ";type=text/x;charset=y",
        ";filename=c",
        ";filename=\"d,e\"",
        "; filename= \"f\\\"g\" ",
        ";headers=\"x-y: z\"",
    ];
    const NAMES: &[&str] = &["FILE", "\"FILE\"", " FILE ", "FILE2.png"];
    let one = (select(NAMES), select(BEHIND), select(BEHIND));
    let one = one.prop_map(|(name, first, second)| format!("{name}{first}{second}"));
    let files = prop::collection::vec(one, 1..4).prop_map(|files| Line {
        args: ["-F", &format!("n=@{}", files.join(",")), "URL"].map(str::to_owned).to_vec(),
        files: vec![("FILE2.png", "png".to_owned()), ("FILE", "x".to_owned())],
    });
    compare(files);
}

#[test]
fn a_netrc_file_says_to_both_the_same() {
    const WORDS: &[&str] = &[
        "a",
        "me",
        "\"super secret\"",
        "\"a\\\"b\"",
        "\"t\\tn\"",
        "a\"b",
        "\"\\\\\"",
        "machine",
        "pass:word",
    ];
    // Without a carriage return, which curl took for a word before 8.16.
    const BETWEEN: &[&str] = &[" ", " ", "\n", "\n  ", "\t", "\n# login no\n"];
    const BEFORE: &[&str] = &[
        "",
        "",
        "# machine 127.0.0.1 login no password no\n",
        "macdef init\nlogin no password no\n\n",
        "machine other login no password no\n",
        "machine other account x login no\n",
        "machine other\n",
        "port 7\n",
    ];
    const HOSTS: &[&str] = &["machine 127.0.0.1", "machine\n127.0.0.1", "default"];
    let entry = (
        prop::collection::vec(select(BEFORE), 0..3),
        select(HOSTS),
        (select(BETWEEN), select(BETWEEN), select(BETWEEN), select(BETWEEN)),
        (select(WORDS), select(WORDS)),
        select(&["", "\n", "\nmachine 127.0.0.1 login no password no\n", " account x\n"][..]),
    );
    let lines = entry.prop_map(|(before, host, (b1, b2, b3, b4), (user, password), behind)| {
        let before = before.concat();
        let entry = format!("{before}{host}{b1}login{b2}{user}{b3}password{b4}{password}{behind}");
        Line {
            args: ["--netrc-file", "NETRC", "URL"].map(str::to_owned).to_vec(),
            files: vec![("NETRC", entry)],
        }
    });
    compare(lines);
}

#[test]
fn a_config_file_says_to_both_the_same() {
    const VALUES: &[&str] = &[
        "x-a: 1",
        "\"x-a: 1 2\"",
        "\"x-a: \\\"q\\\"\\t\\\\n\" # no",
        "x-a:1",
        "x-a:#1",
        "x-a:1 # no",
        "'x-a:1'",
        "\"x-a: 1\"x",
        "\"x-a: 1",
        "\"x-a;\"",
        "\"x-é: ü\"",
    ];
    const OPTIONS: &[&str] =
        &["header", "--header", "-H", "header =", "header:", "  header  =  ", "-H="];
    const BETWEEN: &[&str] = &["\n", "\r\n", "\n\n# comment\n", "\n/ x\n", " \n"];
    let line = (select(OPTIONS), select(VALUES), select(BETWEEN));
    let line = line.prop_map(|(option, value, end)| format!("{option} {value}{end}"));
    let config = prop::collection::vec(line, 1..4).prop_map(|lines| Line {
        args: ["-K", "CONFIG"].map(str::to_owned).to_vec(),
        files: vec![("CONFIG", format!("{}url = URL\n", lines.concat()))],
    });
    compare(config);
}
