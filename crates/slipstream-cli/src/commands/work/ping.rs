//! `work --ping`: notifies a watcher such as healthchecks.io that a run begins, and how it ended.
//!
//! # Invariants
//! - A watcher that does not answer costs ten seconds at each end of the run and one line on
//!   standard error, and changes no exit code.
//! - Its URL is a secret, and is not shown.
//!
//! # Non-goals
//! A second attempt. The next run pings anew, and a watcher allows for a missing ping.

use std::time::Duration;

use anyhow::{Result, anyhow};
use slipstream_core::{
    Attempt, Clock, Driver, Job, Outcome, Record, RecordId, Request, SystemClock, Ticket, UrlParts,
};
use slipstream_http::{HttpDriver, HttpOptions, HttpRequest};

use crate::term::print;

/// How long a ping may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The watcher that is notified.
pub(crate) struct Ping {
    url: String,
    proxy: Option<String>,
}

impl Ping {
    /// A watcher at this URL. What could never be asked is refused before the run.
    pub(crate) fn new(url: &str, proxy: Option<&str>) -> Result<Self> {
        HttpRequest::get(url).check().map_err(|error| anyhow!("cannot ping: {error}"))?;
        Ok(Self { url: url.to_owned(), proxy: proxy.map(str::to_owned) })
    }

    /// Notifies it that the run begins. libcurl must have been started.
    pub(crate) fn begins(&self) {
        self.tell(&at(&self.url, Some("start")));
    }

    /// Sends it the exit code that the run ends with.
    pub(crate) fn ended(&self, code: u8) {
        let code = (code > 0).then(|| code.to_string());
        self.tell(&at(&self.url, code.as_deref()));
    }

    fn tell(&self, url: &str) {
        if let Err(error) = self.get(url) {
            print::complain(&format!("cannot ping: {error:#}; the run is not affected"));
        }
    }

    fn get(&self, url: &str) -> Result<()> {
        let mut options = HttpOptions::default();
        (options.connect_timeout, options.total_timeout) = (PATIENCE, PATIENCE);
        crate::kinds::through_proxies(&mut options, self.proxy.as_deref())?;
        let mut driver = HttpDriver::new(options)?;
        let clock = SystemClock::new();
        let id = RecordId::generate(clock.now());
        let body = Record::new(&HttpRequest::get(url), id)?.body;
        driver.start(Job::new(Ticket(0), Attempt::new(id, 1), body));
        let mut done = Vec::new();
        while done.is_empty() {
            driver.poll(PATIENCE, &mut done);
        }
        match done.swap_remove(0).outcome {
            Outcome::Delivered => Ok(()),
            Outcome::Failed(failure) => Err(anyhow!(failure.reason)),
        }
    }
}

/// The URL with a word more in its path.
fn at(url: &str, word: Option<&str>) -> String {
    let Some(word) = word else {
        return url.to_owned();
    };
    let parts = UrlParts::of(url);
    let path = format!("{}/{word}", parts.path.trim_end_matches('/'));
    UrlParts { path: &path, ..parts }.to_string()
}

#[cfg(test)]
mod tests {
    use super::at;

    #[test]
    fn the_word_goes_behind_the_path_and_before_the_query() {
        for (url, expected) in [
            ("https://a/uuid", "https://a/uuid/start"),
            ("https://a/uuid/", "https://a/uuid/start"),
            ("https://a/key/slug?create=1", "https://a/key/slug/start?create=1"),
        ] {
            assert_eq!(at(url, Some("start")), expected);
            assert_eq!(at(url, None), url);
        }
    }
}
