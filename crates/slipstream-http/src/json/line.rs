//! The keys of a line of JSON.

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;

use crate::json::headers::Headers;
use crate::request::{Auth, HttpVersion, IpVersion, RedirectScheme, RedirectedAs};

/// The line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    pub(super) url: String,
    pub(super) method: Option<String>,
    #[serde(default)]
    pub(super) headers: Headers,
    pub(super) body: Option<String>,
    pub(super) body_base64: Option<String>,
    // `"json":null` is a body of four characters, not the absence of one.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) json: Option<&'a RawValue>,

    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) auth: Option<Auth>,
    pub(super) bearer: Option<String>,
    pub(super) aws_sigv4: Option<String>,
    pub(super) cookies: Option<String>,
    pub(super) proxy: Option<String>,
    pub(super) proxy_user: Option<String>,
    pub(super) noproxy: Option<String>,
    pub(super) proxy_auth: Option<Auth>,
    #[serde(default)]
    pub(super) proxy_headers: Vec<String>,
    #[serde(default)]
    pub(super) proxy_tunnel: bool,
    pub(super) jar: Option<Vec<String>>,
    pub(super) request_target: Option<String>,
    pub(super) ip_version: Option<IpVersion>,
    #[serde(default)]
    pub(super) chunked: bool,
    #[serde(default)]
    pub(super) tr_encoding: bool,
    #[serde(default)]
    pub(super) whole_answer: bool,
    #[serde(default)]
    pub(super) location_trusted: bool,
    #[serde(default)]
    pub(super) keep_method: bool,
    pub(super) redirected_as: Option<RedirectedAs>,
    #[serde(default)]
    pub(super) auto_referer: bool,
    pub(super) cacert: Option<String>,
    pub(super) cert: Option<String>,
    pub(super) key: Option<String>,
    pub(super) key_password: Option<String>,
    #[serde(default)]
    pub(super) insecure: bool,
    pub(super) unix_socket: Option<String>,
    pub(super) abstract_unix_socket: Option<String>,
    #[serde(default)]
    pub(super) resolve: Vec<String>,
    #[serde(default)]
    pub(super) connect_to: Vec<String>,
    pub(super) http_version: Option<HttpVersion>,
    #[serde(default)]
    pub(super) compressed: bool,
    #[serde(default)]
    pub(super) location: bool,
    pub(super) max_redirects: Option<u32>,
    pub(super) redirect_scheme: Option<RedirectScheme>,
    #[serde(default)]
    pub(super) post301: bool,
    #[serde(default)]
    pub(super) post302: bool,
    #[serde(default)]
    pub(super) post303: bool,
    pub(super) connect_timeout: Option<f64>,
    pub(super) max_time: Option<f64>,
    pub(super) low_speed_limit: Option<u32>,
    pub(super) low_speed_time: Option<f64>,
    pub(super) sign: Option<String>,
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
