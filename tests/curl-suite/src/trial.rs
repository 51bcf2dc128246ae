//! One test, through one program or the other: files, server, command line, and what arrived.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Verdict;
use super::case::{HAD, read};
use super::compare::Measure;
use super::markup::{Document, Fill, Part};
use super::server::Server;

/// How long a command may take.
const LIMIT: Duration = Duration::from_secs(30);
/// The exit code with which `store` refuses a command line.
const REFUSED: i32 = 2;
/// The arguments of `work`, besides what a request says. It makes one attempt, as curl does; where
/// a request wants more, the statuses that curl does not try again are final.
const WORK: [&str; 8] = [
    "--quiet",
    "--attempts=1",
    "--backoff=100ms",
    "--concurrency=1",
    "--connect-timeout=5s",
    "--request-timeout=10s",
    "--max-time=20s",
    "--retry=jitter=0,permanent=400+401+403+404+405+406+410+416+501+505",
];

/// What all tests share.
pub(crate) struct Bench {
    pub(crate) tests: PathBuf,
    slipstream: PathBuf,
    curl: OsString,
    features: Vec<String>,
    show: bool,
}

/// A test that is taken.
pub(crate) struct Trial<'b> {
    bench: &'b Bench,
    number: u32,
}

/// What a run came to.
enum Run {
    Refused(String),
    Done { arrived: Vec<String>, wanted: Vec<String>, note: String },
}

#[derive(Clone, Copy, PartialEq)]
enum Program {
    Curl,
    Slipstream,
}

fn curl() -> OsString {
    std::env::var_os("SLIPSTREAM_TEST_CURL").unwrap_or_else(|| "curl".into())
}

/// The first line of what the real curl says of itself.
pub(crate) fn curl_version() -> Result<String> {
    Ok(curl_says()?.lines().next().unwrap_or_default().to_owned())
}

fn curl_says() -> Result<String> {
    let output = Command::new(curl()).arg("--version").output();
    let output = output.context("curl is needed; name one by SLIPSTREAM_TEST_CURL")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Bench {
    pub(crate) fn new(tests: PathBuf, slipstream: PathBuf, show: bool) -> Result<Self> {
        let said = curl_says()?;
        let features = said.lines().find_map(|line| line.strip_prefix("Features: "));
        let features = features.unwrap_or_default().split(' ').chain(HAD).map(str::to_owned);
        let absolute = |path: PathBuf| {
            path.canonicalize().with_context(|| format!("cannot find {}", path.display()))
        };
        Ok(Self {
            tests: absolute(tests)?,
            slipstream: absolute(slipstream)?,
            curl: curl(),
            features: features.collect(),
            show,
        })
    }
}

impl<'b> Trial<'b> {
    pub(crate) fn new(bench: &'b Bench, number: u32) -> Self {
        Self { bench, number }
    }

    /// What became of it, and whether the real curl sent what is wanted.
    pub(crate) fn run(&self) -> Result<(Verdict, bool)> {
        let Run::Done { arrived: of_curl, wanted, .. } = self.once(Program::Curl)? else {
            return Ok((Verdict::Differs("curl cannot be run".to_owned()), false));
        };
        let curl = of_curl == wanted;
        let verdict = match self.once(Program::Slipstream)? {
            Run::Refused(why) => Verdict::Refused(why),
            Run::Done { arrived, wanted, .. } if arrived == wanted || arrived == of_curl => {
                Verdict::Same
            }
            Run::Done { arrived, wanted, note } => {
                let shown = match self.bench.show {
                    true => format!("\n  wanted {wanted:#?}\n  arrived {arrived:#?}\n  {note}"),
                    false => first_difference(&wanted, &arrived),
                };
                Verdict::Differs(shown)
            }
        };
        Ok((verdict, curl))
    }

    fn once(&self, program: Program) -> Result<Run> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let dir = folder.path();
        std::fs::create_dir(dir.join("log"))?;
        let mut server = Server::bind()?;
        let document = || -> Result<Document> {
            Ok(Document::filled(
                &read(&self.bench.tests, self.number)?,
                &self.fill(dir, program, server.port())?,
            ))
        };
        let (document, served) = (document()?, document()?);
        for name in ["file", "file1", "file2", "file3", "file4"] {
            if let Some(part) = document.part("client", name) {
                write(dir, &part)?;
            }
        }
        let stdin = document.part("client", "stdin").unwrap_or_default().text();
        std::fs::write(dir.join("stdin"), stdin)?;
        let command = document.part("client", "command").unwrap_or_default();
        let words = String::from_utf8_lossy(&command.lines.concat()).replace('\n', " ");
        let output = self.output(&document, &command);
        server.start(served, self.number);
        let mut note = String::new();
        match program {
            Program::Curl => {
                let words =
                    format!("{} -q -s {output} {words}", quoted(Path::new(&self.bench.curl)));
                self.shell(dir, &document, &words)?;
            }
            Program::Slipstream => {
                let begun = quoted(&self.bench.slipstream);
                let (status, said) =
                    self.shell(dir, &document, &format!("{begun} store {output} {words}"))?;
                if status.and_then(|status| status.code()) == Some(REFUSED) {
                    return Ok(Run::Refused(said.lines().last().unwrap_or_default().to_owned()));
                }
                let work = format!("{begun} work {}", WORK.join(" "));
                let (_, worked) = self.shell(dir, &document, &work)?;
                note = format!("{said}{worked}");
            }
        }
        let arrived = server.stop();
        let measure = Measure::of(&document)?;
        Ok(Run::Done { arrived: measure.arrived(&arrived), wanted: measure.wanted(), note })
    }

    /// Where curl's own runner has the answer written, which `-C -` uses.
    fn output(&self, document: &Document, command: &Part) -> String {
        let says = |word| command.attribute("option").is_some_and(|option| option.contains(word));
        let printed = document.part("verify", "stdout").is_some() && !says("force-output");
        match says("no-output") || printed {
            true => String::new(),
            false => format!("--output log/curl{}.out", self.number),
        }
    }

    fn fill(&self, dir: &Path, program: Program, port: u16) -> Result<Fill> {
        // Of a port that was just let go of, nothing listens.
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let (here, port) = (dir.display().to_string(), port.to_string());
        let text = str::to_owned;
        let tests = self.bench.tests.display().to_string();
        Ok(Fill {
            variables: vec![
                ("NOLISTENPORT", silent.to_string()),
                ("PROXYPORT", port.clone()),
                ("HTTPPORT", port),
                ("CLIENTIP", text("127.0.0.1")),
                ("HOSTIP", text("127.0.0.1")),
                ("HOST6IP", text("[::1]")),
                ("LOGDIR", text("log")),
                ("FILE_PWD", here.clone()),
                ("PWD", here),
                ("SRCDIR", tests),
                ("TESTNUMBER", self.number.to_string()),
                ("VERSION", text("8")),
                ("VERNUM", text("8")),
                ("DEV_NULL", text("/dev/null")),
                ("USER", text("root")),
            ],
            features: match program {
                Program::Curl => self.bench.features.clone(),
                Program::Slipstream => HAD.map(str::to_owned).to_vec(),
            },
            folder: self.bench.tests.clone(),
        })
    }

    /// Runs a command line of the shell's in the test's folder. What it says is returned; no status, if it
    /// had to be ended.
    fn shell(
        &self,
        dir: &Path,
        document: &Document,
        words: &str,
    ) -> Result<(Option<ExitStatus>, String)> {
        let said = dir.join("said");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("exec {words}")]).current_dir(dir).process_group(0);
        command.env("HOME", dir).env("SLIPSTREAM_DIR", dir.join("spool"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.to_ascii_lowercase().ends_with("_proxy") || name.starts_with("SLIPSTREAM_TEST")
            {
                command.env_remove(name);
            }
        }
        for set in document.words("client", "setenv") {
            match set.split_once('=') {
                Some((name, value)) => command.env(name, value.trim_matches('"')),
                None => command.env_remove(set),
            };
        }
        command.stdin(File::open(dir.join("stdin"))?).stdout(Stdio::null());
        let mut child = command.stderr(File::create(&said)?).spawn().context("cannot start sh")?;
        let until = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if Instant::now() > until {
                child.kill()?;
                child.wait()?;
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Ok((status, String::from_utf8_lossy(&std::fs::read(&said)?).into_owned()))
    }
}

fn write(dir: &Path, part: &Part) -> Result<()> {
    let Some(name) = part.attribute("name") else { return Ok(()) };
    let path = dir.join(name);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, part.text()).with_context(|| format!("cannot write {}", path.display()))
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

fn first_difference(wanted: &[String], arrived: &[String]) -> String {
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or("nothing".to_owned());
    let length = wanted.len().max(arrived.len());
    let at = (0..length).find(|at| wanted.get(*at) != arrived.get(*at)).unwrap_or(0);
    format!("wanted {}, got {}", line(wanted, at), line(arrived, at))
}
