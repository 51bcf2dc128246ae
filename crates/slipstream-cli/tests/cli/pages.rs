//! `slipstream completions` and `slipstream man`.

use std::process::Command;

use crate::run::{Spool, assert_refused, ran};

#[test]
fn each_shell_gets_a_script_that_knows_the_commands() {
    let spool = Spool::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = spool.run(["completions", shell]);
        assert_eq!((script.code, &*script.err), (Some(0), ""), "{shell}");
        for word in ["store", "failed", "older-than"] {
            assert!(script.out.contains(word), "{shell}: {word}");
        }
        if shell == "bash" {
            let file = spool.file("script", &script.out);
            assert!(Command::new("bash").arg("-n").arg(file).status().unwrap().success());
        }
    }
    assert_refused(&spool.run(["completions", "cmd"]), "invalid value 'cmd'");
    assert!(!spool.path().exists());
}

#[test]
fn each_command_has_a_manual_page() {
    let spool = Spool::new();
    let to = spool.path().with_file_name("man/man1");
    assert_eq!(spool.run(["man", to.to_str().unwrap()]), ran(0, "", ""));
    for page in ["slipstream", "slipstream-store", "slipstream-work", "slipstream-failed-drop"] {
        let text = std::fs::read_to_string(to.join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".TH ") && text.contains(".SH SYNOPSIS"), "{page}: {text}");
    }
    let text = std::fs::read_to_string(to.join("slipstream-work.1")).unwrap();
    assert!(text.contains("Exit codes"), "{text}");
    let file = spool.file("file", "");
    assert_refused(&spool.run(["man", file.to_str().unwrap()]), "cannot write manual pages to");
}
