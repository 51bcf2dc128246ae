//! Masking: what may be shown of a request. Data and keys are shown as their size.

use slipstream_core::{Shown, without_user};

use super::TcpRequest;
use crate::request::framing::Framing;
use crate::url::Address;

impl TcpRequest {
    /// The URL without what no URL of this kind may have: a user and a password.
    pub fn masked_url(&self) -> String {
        if Address::parse(&self.url).is_ok() {
            return self.url.clone();
        }
        without_user(&self.url)
    }

    /// What is set beyond URL and data, each with what may be shown of it. Names are those of a
    /// batch's line.
    pub fn masked(&self) -> Vec<(&'static str, String)> {
        let shown = Shown::new()
            .text("framing", (self.framing != Framing::None).then_some(self.framing))
            .text("until", self.until)
            .text("expect", self.expect.as_ref())
            .text("fail_on", self.fail_on.as_ref())
            .yes("half_close", self.half_close)
            .yes("share", self.share)
            .time("connect_timeout", self.connect_timeout)
            .time("max_time", self.total_timeout)
            .time("idle_timeout", self.idle_timeout);
        shown.all(self.tls.shown()).into_iter().collect()
    }
}
