//! What may be shown of a request: data and keys are shown as their size.

use std::fmt;
use std::time::Duration;

use slipstream_core::without_user;

use super::TcpRequest;
use crate::request::framing::Framing;
use crate::request::tls::Tls;
use crate::url::Address;

const LEFT_OUT: &str = "***";

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
        let mut shown = Vec::new();
        let mut text = |name, value: Option<String>| shown.extend(value.map(|v| (name, v)));
        let yes = |set: bool| set.then(|| "true".to_owned());
        let time = |ms: Option<u64>| ms.map(|ms| format!("{:?}", Duration::from_millis(ms)));
        text("framing", (self.framing != Framing::None).then(|| self.framing.to_string()));
        text("until", self.until.map(|until| until.to_string()));
        text("expect", self.expect.clone());
        text("fail_on", self.fail_on.clone());
        text("half_close", yes(self.half_close));
        text("share", yes(self.share));
        text("connect_timeout", time(self.connect_timeout));
        text("max_time", time(self.total_timeout));
        text("idle_timeout", time(self.idle_timeout));
        shown.extend(self.tls.masked());
        shown
    }
}

impl Tls {
    /// The settings that differ from the defaults, as [`TcpRequest::masked`].
    pub fn masked(&self) -> Vec<(&'static str, String)> {
        let size = |pem: &[u8]| (!pem.is_empty()).then(|| format!("{} bytes", pem.len()));
        let key = match self.key_name() {
            Some(Ok(name)) => Some(name.to_string()),
            _ => (!self.key.is_empty()).then(|| LEFT_OUT.to_owned()),
        };
        let all = [
            ("cacert", size(&self.cacert)),
            ("cert", size(&self.cert)),
            ("key", key),
            ("insecure", self.insecure.then(|| "true".to_owned())),
            ("server_name", self.server_name.clone()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Without secrets.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.masked()).finish()
    }
}
