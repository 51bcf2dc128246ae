//! Transcripts of the binary, kept as files: what was typed, standard output, standard error (behind
//! `! `) and the exit code in brackets. A reviewer reads them where words change.
//!
//! # Invariants
//! A transcript is the same on every machine, at every time, for root and for others.
//! What differs between runs is named in one place, `Names`; nothing else is hidden.
//! Every file belongs to a test.

mod broken;
mod failed;
pub(crate) use self::help::COMMANDS;

mod help;
mod names;
mod operate;
mod others;
mod status;
mod store;
mod store_http;
mod store_kinds;
mod work;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use self::names::Names;
use crate::receiver::{Receiver, dead_url};
use crate::run::{Ran, Spool};

/// Where the files are, wherever the test runs.
const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/transcripts");

/// A spool, a server, and what was typed and printed so far.
pub(crate) struct Scene {
    pub(crate) spool: Spool,
    pub(crate) server: Receiver,
    names: Names,
    transcript: String,
}

impl Scene {
    /// A scene in which `http://127.0.0.1:40001` is a server, and nothing listens at port 40009.
    pub(crate) fn new() -> Self {
        // Long paths are shortened where they are shown.
        let (spool, server) = (Spool::below("/tmp"), Receiver::new());
        let mut names = Names::default();
        names.port(&server.url(""), "40001");
        names.port(dead_url().trim_end_matches('/'), "40009");
        Self { spool, server, names, transcript: String::new() }
    }

    /// The same, after what need not be read was typed.
    pub(crate) fn after(lines: &[&str]) -> Self {
        let mut scene = Self::new();
        lines.iter().for_each(|line| drop(scene.run(line, None)));
        scene
    }

    /// Types a line, as into a shell: words, some between single quotes, variables before them.
    pub(crate) fn types(&mut self, line: &str) -> Ran {
        let ran = self.run(line, None);
        self.record(&format!("$ {line}"), &ran);
        ran
    }

    /// Types lines, one after the other.
    pub(crate) fn types_all(&mut self, lines: &[&str]) {
        lines.iter().for_each(|line| drop(self.types(line)));
    }

    /// Types a line with this as its standard input.
    pub(crate) fn types_with(&mut self, line: &str, input: &str) -> Ran {
        let ran = self.run(line, Some(input));
        self.record(&format!("$ {line} <<END\n{input}END"), &ran);
        ran
    }

    /// Types a line that goes on in the background. Its process is called PID.
    pub(crate) fn starts(&mut self, line: &str) -> Started {
        let mut command = self.command(line);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        self.names.process(child.id(), "PID");
        writeln!(self.transcript, "$ {line} &\n").unwrap();
        Started { line: line.to_owned(), child }
    }

    /// Sends a signal to a command that was started.
    pub(crate) fn signals(&mut self, started: &Started, name: &str) {
        let pid = started.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
        writeln!(self.transcript, "$ kill -s {name} PID\n").unwrap();
    }

    /// Waits for a command that was started, and records what it said.
    pub(crate) fn ends(&mut self, started: Started) {
        let ran = self.spool.tell(started.child.wait_with_output().unwrap());
        let ran = self.named(ran);
        self.record(&format!("$ wait # for {}", started.line), &ran);
    }

    /// Records what was done meanwhile by other means.
    pub(crate) fn notes(&mut self, what: &str) {
        writeln!(self.transcript, "# {what}\n").unwrap();
    }

    /// Writes a file beside the spool: `HERE/NAME` in what is typed.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        self.spool.file(name, content)
    }

    /// The only log at this stage.
    #[track_caller]
    pub(crate) fn log(&self, stage: &str) -> PathBuf {
        let mut logs = self.spool.logs(stage);
        assert_eq!(logs.len(), 1, "{logs:?}");
        logs.remove(0)
    }

    /// Compares with the file of this name. `INSTA_UPDATE=always` writes it.
    #[track_caller]
    pub(crate) fn is(self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(DIR);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.transcript));
    }

    fn run(&mut self, line: &str, input: Option<&str>) -> Ran {
        let mut command = self.command(line);
        let ran = match input {
            Some(input) => self.spool.feed(command, input.as_bytes()),
            None => self.spool.tell(command.output().unwrap()),
        };
        self.named(ran)
    }

    fn command(&self, line: &str) -> Command {
        let here = self.spool.path();
        let here = here.parent().and_then(Path::to_str).unwrap();
        let line = self.names.meant(line).replace("HERE", here);
        let words = words(&line);
        let program = words.iter().position(|word| word == "slipstream").unwrap();
        let mut command = self.spool.command(&words[program + 1..]);
        command.env("COLUMNS", "100").env("HOME", "/nowhere").env_remove("XDG_CONFIG_HOME");
        for variable in &words[..program] {
            let (name, value) = variable.split_once('=').unwrap();
            match value {
                "-" => command.env_remove(name),
                _ => command.env(name, value),
            };
        }
        command
    }

    fn named(&mut self, ran: Ran) -> Ran {
        let mut named = |text: String| {
            self.names.named(&text.replace(env!("CARGO_BIN_EXE_slipstream"), "PROGRAM"))
        };
        let (out, err) = (named(ran.out), named(ran.err));
        Ran { code: ran.code, out, err }
    }

    fn record(&mut self, typed: &str, ran: &Ran) {
        let mut text = format!("{typed}\n{}", ran.out).trim_end().to_owned();
        for line in ran.err.lines() {
            write!(text, "\n! {line}").unwrap();
        }
        // What a terminal would obey, a reviewer must see.
        for c in text.chars() {
            match c {
                '\n' => self.transcript.push(c),
                c if c.is_control() => self.transcript.extend(c.escape_default()),
                c => self.transcript.push(c),
            }
        }
        writeln!(self.transcript, "\n[{}]\n", ran.code.unwrap()).unwrap();
    }
}

/// A command that runs in the background.
pub(crate) struct Started {
    line: String,
    child: Child,
}

/// The words of a line; single quotes keep blanks in one.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None, false);
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_with(String::new);
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_with(String::new).push(c),
        }
    }
    assert!(!quoted, "{line}");
    words.extend(word);
    words
}

/// A transcript of these lines alone, each with nothing before it.
#[track_caller]
fn transcript(name: &str, lines: &[&str]) {
    let mut scene = Scene::new();
    scene.types_all(lines);
    scene.is(name);
}

#[test]
fn every_file_belongs_to_a_test() {
    let of = |extension| {
        let paths = std::fs::read_dir(DIR).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(move |path| path.extension() == Some(OsStr::new(extension)))
    };
    let tests: String = of("rs").map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for path in of("snap") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let told = tests.contains(&format!("\"{name}\"")) || help::names().any(|is| is == name);
        assert!(told, "no test writes {}", path.display());
    }
}
