//! Names for what differs from run to run: ports, processes, ids, logs, times, and ages of a few seconds.
//!
//! # Invariants
//! What has a name keeps it, so that two ids that should be one are seen to be two.
//! A time has no name unless it is about now, and an age none unless it is short: wrong ones show.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use regex::{Captures, Regex};

/// How far from now a time may be that is about now.
const ABOUT: Duration = Duration::from_secs(2 * 86_400);

/// What a pattern matches at once: a port of this machine, an id, a log's name, a time, a process.
const PATTERN: &str = concat!(
    r"(?-u)127\.0\.0\.1:(?<port>\d{5})\b",
    r"|(?<id>[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})",
    r"|(?<slot>s\d{3})-(?<log>\d{8}T\d{9}Z-[0-9a-f]{16})",
    r"|(?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)",
    r#"|(?<before>\bprocess |\bpid[": ]{1,2}|\bkill |-KILL |-p )(?<pid>\d+)\b"#,
    r#"|(?<key>"(?:began|ended|at|since|until)":)(?<millis>\d{13})\b"#,
);

/// Lengths of time, with the words around them, and what is shown in their place: `@` is one below a minute.
/// What a scene puts two hours or ten minutes into the past is seconds older when it is looked at, and what
/// is due in an hour or a day is due a little earlier.
const LENGTHS: [(&str, &str); 12] = [
    (r"\b(ended |begun |began )(?:just now|@ ago)", "${1}<1m ago"),
    (r"\b(stored |after |for |pause |in )@( ago|:|;| \()", "${1}<1m${2}"),
    (r"(the next attempt is in )@", "${1}<1m"),
    (r#"("(?:(?:oldest_)?age|silent)_seconds":)[0-5]?\d\b"#, "${1}<1m"),
    (r#"("elapsed":)\d{1,4}\b"#, "${1}<1m"),
    (r"(\bage=)@;", "${1}<1m;"),
    (r"(\bage=)72\d\ds;", "${1}2h;"),
    (r"(\[[#=.]{1,10}\][ \d\x1b\[m-]*[\dm-]) +@$", "${1}  <1m"),
    (r"(\[[#=.]{1,10}\][ \d\x1b\[m-]*[\dm-]) +2h( [0-5]?\ds)?$", "${1}  2h"),
    (r"\b(2h|10m) [0-5]?\ds\b", "${1}"),
    (r"\bin (59m [0-5]\ds|1h)\b", "in 1h"),
    (r"\bin 23h 59m\b", "in 1day"),
];

/// A length of time below a minute.
const SHORT: &str = r"(?:[0-5]?\ds(?: \d+ms)?(?: \d+us)?|\d{1,3}ms(?: \d+us)?)";

#[derive(Default)]
pub(super) struct Names {
    /// What each is called, and the other way round.
    named: HashMap<String, String>,
    meant: HashMap<String, String>,
    ids: usize,
    logs: usize,
}

impl Names {
    /// Calls the port of this URL `shown`.
    pub(super) fn port(&mut self, url: &str, shown: &str) {
        let port = url.rsplit_once(':').unwrap().1;
        self.name(port.to_owned(), shown.to_owned());
    }

    pub(super) fn process(&mut self, pid: u32, shown: &str) {
        self.name(pid.to_string(), shown.to_owned());
    }

    fn name(&mut self, is: String, shown: String) -> String {
        self.meant.insert(shown.clone(), is.clone());
        self.named.insert(is, shown.clone());
        shown
    }

    /// What is typed, with what is meant by the names in it.
    pub(super) fn meant(&self, line: &str) -> String {
        static NAMES: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"(?-u)\b(400\d\d|ID\d+)\b").unwrap());
        let meant = |found: &Captures<'_>| match self.meant.get(&found[0]) {
            Some(is) => is.clone(),
            None => found[0].to_owned(),
        };
        NAMES.replace_all(line, meant).into_owned()
    }

    /// What was printed, with names.
    pub(super) fn named(&mut self, text: &str) -> String {
        static DIFFERS: LazyLock<Regex> = LazyLock::new(|| Regex::new(PATTERN).unwrap());
        static SHOWN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
            let all = LENGTHS.map(|(pattern, shown)| (length(pattern), shown));
            all.into()
        });
        let now = SystemTime::now();
        let named = |found: &Captures<'_>| self.named_one(found, now);
        let mut text = DIFFERS.replace_all(text, named).into_owned();
        for (length, shown) in &*SHOWN {
            text = length.replace_all(&text, *shown).into_owned();
        }
        text
    }

    fn named_one(&mut self, found: &Captures<'_>, now: SystemTime) -> String {
        let all = found[0].to_owned();
        let known = |is: &str| self.named.get(is).cloned();
        if let Some(port) = found.name("port") {
            return known(port.as_str()).map_or(all, |shown| format!("127.0.0.1:{shown}"));
        }
        if let Some(pid) = found.name("pid") {
            return known(pid.as_str()).map_or(all, |shown| format!("{}{shown}", &found["before"]));
        }
        if let Some(log) = found.name("log") {
            let shown = known(log.as_str()).unwrap_or_else(|| {
                self.logs += 1;
                self.name(log.as_str().to_owned(), format!("LOG{}", self.logs))
            });
            return format!("{}-{shown}", &found["slot"]);
        }
        if found.name("id").is_some() {
            if !is_about(id_time(&all), now) {
                return all;
            }
            return known(&all).unwrap_or_else(|| {
                self.ids += 1;
                self.name(all, format!("ID{}", self.ids))
            });
        }
        if let Some(millis) = found.name("millis") {
            let since = Duration::from_millis(millis.as_str().parse().unwrap());
            let about = is_about(SystemTime::UNIX_EPOCH + since, now);
            return if about { format!("{}TIME", &found["key"]) } else { all };
        }
        let time = humantime::parse_rfc3339(&all);
        if time.is_ok_and(|time| is_about(time, now)) { "TIME".to_owned() } else { all }
    }
}

fn length(pattern: &str) -> Regex {
    Regex::new(&format!("(?m-u){}", pattern.replace('@', SHORT))).unwrap()
}

fn is_about(time: SystemTime, now: SystemTime) -> bool {
    now - ABOUT <= time && time <= now + ABOUT
}

/// When an id was made.
fn id_time(id: &str) -> SystemTime {
    let digits = id.replace('-', "");
    let millis = u64::from_str_radix(&digits[..12], 16).unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

#[test]
fn only_what_differs_from_run_to_run_has_a_name() {
    let mut names = Names::default();
    names.port("http://127.0.0.1:34567", "40001");
    names.process(17, "PID");
    let now = SystemTime::now();
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let (id, time) = (format!("{:012x}", since.as_millis()), humantime::format_rfc3339_millis(now));
    let id = format!("{}-{}-7000-8000-000000000001", &id[..8], &id[8..]);
    let kept = "\"wait_seconds\":10.0 http://127.0.0.1:9/ 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c stored 61s ago in 1h after 1m 5s: process 18 2020-01-01T00:00:00.000Z";
    assert_eq!(names.named(kept), kept);
    let text = format!("{id} {id} http://127.0.0.1:34567/ process 17 {time} stored 5s ago");
    let named = "ID1 ID1 http://127.0.0.1:40001/ process PID TIME stored <1m ago";
    assert_eq!(names.named(&text), named);
    assert_eq!(
        names.meant("show ID1 ID2 http://127.0.0.1:40001"),
        format!("show {id} ID2 http://127.0.0.1:34567")
    );
}
