//! A request's options as people write and read them: options, keys of a batch's line, and JSON.
//!
//! # Invariants
//! - What cannot be kept is refused by its name before anything is stored.
//! - Times count from the moment at which the request is stored, so each line of a slow batch has
//!   its own.

use std::time::Duration;

use serde::Serialize;
use slipstream_core::{Dedupe, DeliveryOptions, Invalid, RetryPolicy, Timestamp};

use crate::args::DeliveryOptionsArgs;
use crate::term::units::{duration, lasting, moment, rfc3339, spell};

/// The keys of a batch's line that are options.
pub(crate) const KEYS: [&str; 7] =
    ["delay", "at", "ttl", "dedupe", "dedupe_window", "order_key", "retry"];

/// How long a dedupe key counts by default.
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// DeliveryOptions as they are given, before it is known when the request is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    start: Option<Start>,
    ttl: Option<Duration>,
    dedupe: Option<String>,
    window: Option<Duration>,
    order: Option<String>,
    retry: Option<String>,
}

/// When a request may be sent.
#[derive(Debug, Clone, Copy)]
enum Start {
    In(Duration),
    At(Timestamp),
}

impl Given {
    /// What the command line gives.
    pub(crate) fn of(args: &DeliveryOptionsArgs) -> Self {
        let attempts = args.attempts.map(|attempts| format!("attempts={attempts}"));
        // What comes later wins.
        let mut retry: Vec<_> =
            args.retry.iter().cloned().chain(delay(args)).chain(attempts).collect();
        retry.extend(bound(args, &retry.join(",")));
        Self {
            start: args.delay.map(Start::In).or(args.at.map(Start::At)),
            ttl: args.ttl,
            dedupe: args.dedupe.clone(),
            window: args.dedupe_window,
            order: args.order_key.clone(),
            retry: (!retry.is_empty()).then(|| retry.join(",")),
        }
    }

    /// The same with what a line of a batch says, as JSON, under each of [`KEYS`].
    ///
    /// # Errors
    /// Which key says what cannot be kept, and what would be right.
    pub(crate) fn amended(&self, line: &[(String, &str)]) -> Result<Self, String> {
        let mut given = self.clone();
        for (at, (key, json)) in line.iter().enumerate() {
            let key = &**key;
            let named = |why| format!("the line's \"{key}\": {why}");
            if line[..at].iter().any(|(earlier, _)| earlier == key) {
                return Err(named("it is there twice; leave one out".to_owned()));
            }
            let text = || text(json).map_err(named);
            match key {
                "delay" if line.iter().any(|(other, _)| other == "at") => {
                    return Err(named("\"at\" is there, too; leave one out".to_owned()));
                }
                "delay" => given.start = Some(Start::In(duration(&bare(json)).map_err(named)?)),
                "at" => given.start = Some(Start::At(moment(&bare_moment(json)).map_err(named)?)),
                "ttl" => given.ttl = Some(lasting(&bare(json)).map_err(named)?),
                "dedupe" => given.dedupe = Some(text()?),
                "dedupe_window" => given.window = Some(lasting(&bare(json)).map_err(named)?),
                "order_key" => given.order = Some(text()?),
                "retry" => given.retry = Some(text()?),
                _ => return Err(named(format!("unknown key; expected {}", KEYS.join(", ")))),
            }
        }
        if given.dedupe.is_none() && line.iter().any(|(key, _)| key == "dedupe_window") {
            return Err("the line's \"dedupe_window\": there is no key; add \"dedupe\"".to_owned());
        }
        Ok(given)
    }

    /// Whether there is a window without a key for it.
    pub(crate) fn has_idle_window(&self) -> bool {
        self.window.is_some() && self.dedupe.is_none()
    }

    /// The options of a request that is stored now.
    ///
    /// # Errors
    /// When they cannot be kept.
    pub(crate) fn options(&self, now: Timestamp) -> Result<DeliveryOptions, Invalid> {
        let window = self.window.unwrap_or(WINDOW);
        let mut options = DeliveryOptions::new();
        options.not_before = self.start.map(|start| match start {
            Start::In(delay) => now.after(delay),
            Start::At(time) => time,
        });
        options.expires = self.ttl.map(|ttl| now.after(ttl));
        options.order = self.order.clone();
        options.dedupe = self.dedupe.clone().map(|key| Dedupe { key, window });
        options.retry = self.retry.clone();
        options.check()?;
        Ok(options)
    }
}

/// curl's constant wait, as a policy's; none means the usual ones to curl, too.
fn delay(args: &DeliveryOptionsArgs) -> Option<String> {
    let delay = args.retry_delay.filter(|delay| !delay.is_zero())?;
    Some(format!("base={},factor=1", spell(delay)))
}

/// As many attempts as begin within the time that retrying may take; none means any.
fn bound(args: &DeliveryOptionsArgs, retry: &str) -> Option<String> {
    let most = args.retry_max_time.filter(|most| !most.is_zero())?;
    // What is no policy is refused when the options are checked.
    let policy = RetryPolicy::default().amended(retry).ok()?;
    let within = policy.schedule().take_while(|step| step.earliest <= most).count();
    let attempts = within.clamp(1, policy.attempts.max(1) as usize);
    Some(format!("attempts={attempts}"))
}

fn text(json: &str) -> Result<String, String> {
    serde_json::from_str(json).map_err(|_| "expected a text, between quotation marks".to_owned())
}

/// A text, or what else is there: a number of seconds, say.
fn bare(json: &str) -> String {
    text(json).unwrap_or_else(|_| json.to_owned())
}

/// The same for a time: a number is seconds since 1970.
fn bare_moment(json: &str) -> String {
    text(json).unwrap_or_else(|_| format!("@{json}"))
}

/// DeliveryOptions for JSON, each only if it is there.
#[derive(Serialize)]
pub(crate) struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dedupe: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dedupe_window: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<String>,
}

impl Shown {
    /// `None` when no option differs from the default.
    pub(crate) fn of(options: &DeliveryOptions) -> Option<Self> {
        (*options != DeliveryOptions::default()).then(|| Self {
            not_before: options.not_before.map(rfc3339),
            expires: options.expires.map(rfc3339),
            dedupe: options.dedupe.as_ref().map(|dedupe| dedupe.key.clone()),
            dedupe_window: options.dedupe.as_ref().map(|dedupe| spell(dedupe.window)),
            order_key: options.order.clone(),
            retry: options.retry.clone(),
        })
    }

    /// Each that is there, for people.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let window = self.dedupe_window.as_deref().unwrap_or_default();
        let dedupe = self.dedupe.as_ref().map(|key| format!("{key} (for {window})"));
        [
            ("not before", self.not_before.clone()),
            ("expires", self.expires.clone()),
            ("dedupe", dedupe),
            ("order key", self.order_key.clone()),
            ("retry", self.retry.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn amended(given: &Given, line: &[(&str, &'static str)]) -> Result<DeliveryOptions, String> {
        let line: Vec<_> = line.iter().map(|(key, json)| ((*key).to_owned(), *json)).collect();
        given.amended(&line)?.options(NOW).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_says_its_terms_and_the_command_line_those_of_the_others() {
        let given = Given {
            start: Some(Start::In(Duration::from_secs(60))),
            dedupe: Some("default".to_owned()),
            window: Some(Duration::from_secs(7)),
            ..Given::default()
        };
        let (at, secs) = (Timestamp::from_millis, Duration::from_secs);
        let plain = DeliveryOptions::new().not_before(at(1_060_000)).dedupe("default", secs(7));
        assert_eq!(amended(&given, &[]), Ok(plain.clone()));
        let line =
            [("at", "2000"), ("dedupe", "\"own\""), ("ttl", "\"1h\""), ("order_key", "\"k\"")];
        let expected = DeliveryOptions::new()
            .not_before(at(2_000_000))
            .dedupe("own", secs(7))
            .expires(at(4_600_000))
            .order("k");
        assert_eq!(amended(&given, &line), Ok(expected));
        let line = [("delay", "5"), ("dedupe_window", "\"1m\""), ("retry", "\"attempts=9\"")];
        let expected =
            plain.not_before(at(1_005_000)).dedupe("default", secs(60)).retry("attempts=9");
        assert_eq!(amended(&given, &line), Ok(expected));
    }

    #[test]
    fn curl_s_retries_become_a_policy() {
        use clap::Parser;

        use crate::args::{Cli, Command};

        let table: &[(&[&str], Option<&str>)] = &[
            (&["--retry=3"], Some("attempts=4")),
            (&["--retry=3", "--retry-delay=5"], Some("attempts=4,base=5s,factor=1")),
            (&["--retry=3", "--retry-delay=0", "--retry-max-time=0"], Some("attempts=4")),
            (&["--retry-delay=0.5"], Some("base=500ms,factor=1")),
            // After 0, 2, 6 and 14 seconds.
            (&["--retry=9", "--retry-max-time=10"], Some("attempts=10,attempts=3")),
            (&["--retry=1", "--retry-max-time=10"], Some("attempts=2,attempts=2")),
            (&[], None),
        ];
        for (words, expected) in table {
            let words = [&["slipstream", "store", "http://h/"], *words].concat();
            let Command::Store(args) = Cli::parse_from(words).command else { panic!() };
            assert_eq!(Given::of(&args.options).retry.as_deref(), *expected, "{expected:?}");
        }
    }

    #[test]
    fn what_a_line_cannot_mean_is_refused_by_its_name() {
        let table: &[(&[(&str, &str)], &str)] = &[
            (&[("delay", "\"soon\"")], "the line's \"delay\": expected a duration such as"),
            (&[("delay", "[5]")], "the line's \"delay\": expected a duration such as"),
            (&[("delay", "null")], "expected a duration such as"),
            (&[("at", "\"noon\"")], "the line's \"at\": expected a time such as 2026-"),
            (&[("at", "1.5")], "expected a time such as 2026-"),
            (&[("ttl", "0")], "the line's \"ttl\": expected a duration above zero"),
            (&[("dedupe", "17")], "the line's \"dedupe\": expected a text"),
            (&[("dedupe", "\"\"")], "invalid dedupe key of 0 bytes"),
            (&[("dedupe_window", "5")], "add \"dedupe\""),
            (&[("order_key", "{}")], "the line's \"order_key\": expected a text"),
            (&[("retry", "\"often\"")], "invalid retry policy 'often'"),
            (&[("delay", "1"), ("at", "1")], "\"at\" is there, too"),
            (&[("ttl", "1"), ("ttl", "2")], "the line's \"ttl\": it is there twice"),
            (&[("delay", "60"), ("ttl", "60")], "expires before it may be sent"),
        ];
        for (line, words) in table {
            let error = amended(&Given::default(), line).unwrap_err();
            assert!(error.contains(words), "{line:?}: {error}");
        }
    }
}
