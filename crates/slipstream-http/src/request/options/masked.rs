//! What may be shown of options: every secret is shown as `***`, contents to their size.

use std::fmt;
use std::time::Duration;

use super::Options;
use crate::url::masked;

const LEFT_OUT: &str = "***";

impl Options {
    /// The options that are set, each with what may be shown of it. Names are those of a
    /// batch's line.
    pub fn masked(&self) -> Vec<(&'static str, String)> {
        let mut shown = Vec::new();
        let mut text = |name, value: Option<String>| shown.extend(value.map(|v| (name, v)));
        let secret = |value: &Option<String>| value.as_ref().map(|_| LEFT_OUT.to_owned());
        let yes = |set: bool| set.then(|| "true".to_owned());
        let list = |all: &[String]| (!all.is_empty()).then(|| all.join(" "));
        let size = |pem: &[u8]| (!pem.is_empty()).then(|| format!("{} bytes", pem.len()));
        let time = |ms: Option<u64>| ms.map(|ms| format!("{:?}", Duration::from_millis(ms)));
        text("without_headers", list(&self.without));
        text("user", secret(&self.user));
        text("password", secret(&self.password));
        text("auth", (self.auth != Default::default()).then(|| word(&self.auth)));
        text("bearer", secret(&self.bearer));
        text("aws_sigv4", self.aws_sigv4.clone());
        text("cookies", secret(&self.cookies));
        text("proxy", self.proxy.as_deref().map(masked));
        text("proxy_user", secret(&self.proxy_user));
        text("noproxy", self.noproxy.clone());
        text("proxy_auth", (self.proxy_auth != Default::default()).then(|| word(&self.proxy_auth)));
        text("proxy_headers", secret(&self.proxy_headers.first().cloned()));
        text("proxy_tunnel", yes(self.proxy_tunnel));
        text("jar", self.jar.as_ref().map(|jar| format!("{} cookies", jar.len())));
        text("request_target", self.request_target.as_deref().map(masked));
        text("ip_version", self.ip_version.as_ref().map(word));
        text("chunked", yes(self.chunked));
        text("tr_encoding", yes(self.tr_encoding));
        text("whole_answer", yes(self.whole_answer));
        text("location_trusted", yes(self.location_trusted));
        text("keep_method", yes(self.keep_method));
        text("redirected_as", self.redirected_as.as_ref().map(word));
        text("auto_referer", yes(self.auto_referer));
        text("cacert", size(&self.cacert));
        text("cert", size(&self.cert));
        text("key", secret(&Some(String::new()).filter(|_| !self.key.is_empty())));
        text("key_password", secret(&self.key_password));
        text("insecure", yes(self.insecure));
        text("unix_socket", self.unix_socket.clone());
        text("abstract_unix_socket", self.abstract_unix_socket.clone());
        text("resolve", list(&self.resolve));
        text("connect_to", list(&self.connect_to));
        text("http_version", self.version.as_ref().map(word));
        text("compressed", yes(self.compressed));
        text("max_redirects", self.follow.map(|most| most.to_string()));
        text("redirect_scheme", self.redirect_scheme.as_ref().map(word));
        text("post301", yes(self.post301));
        text("post302", yes(self.post302));
        text("post303", yes(self.post303));
        text("connect_timeout", time(self.connect_timeout));
        text("max_time", time(self.total_timeout));
        text("low_speed_limit", self.low_speed_limit.map(|limit| limit.to_string()));
        text("low_speed_time", time(self.low_speed_time));
        // A name, unless it was taken for the place of the secret itself.
        let named = |name: &String| name.starts_with("env:") || name.starts_with("file:");
        text("sign", self.sign.as_ref().map(|s| if named(s) { s } else { LEFT_OUT }.to_owned()));
        shown
    }
}

/// The word that a setting is stored as.
fn word(setting: &impl serde::Serialize) -> String {
    serde_json::to_string(setting).unwrap_or_default().trim_matches('"').to_owned()
}

/// Without secrets.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.masked()).finish()
    }
}
