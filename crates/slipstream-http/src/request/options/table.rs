//! The table of options: each is declared here and nowhere else.
//!
//! A row reads: what it does; the shape of its value, its name (the key in a line of a batch), its
//! key in a stored request, what it is about; and how a command line spells it, with the help, where
//! the value there is the value here. Behind the name may stand the setter's name in parentheses, if
//! it is another (`-` if it is written by hand), and `with` a key that only a batch's line has. At the end
//! may stand `must`, with what a value has to pass, and what is said of one that does not.
//!
//! # Invariants
//! The order is the order of stored fields. New rows go to the end; what is stored under a key never
//! changes.

use std::time::Duration;

use serde_json::value::RawValue;
use slipstream_core::Invalid;

use super::declare::{options, said, setter};
use super::shape::{
    Choice, Flag, Jar, List, Number, Pem, Secret, SecretList, SecretName, SecretPem, Shape, Text,
    Time, Url, Word, is_default, passes,
};
use super::value::{OptionValue, Redaction, Topic, ValueShape};
use super::words::{Auth, HttpVersion, IpVersion, RedirectScheme, RedirectedAs};
use crate::request::line_headers::{Headers, present};

options! {
    /// The user, whose password is proven as `auth` says; for `aws_sigv4`, the access key.
    Secret user (-) = "user", Credentials;

    /// Its password; for `aws_sigv4`, the secret.
    Secret password (-) = "pass", Credentials;

    /// How user and password are proven.
    Choice<Auth> auth = "auth", Credentials;

    /// `Authorization: Bearer TOKEN`.
    Secret bearer = "bearer", Credentials,
        "--oauth2-bearer TOKEN", "A bearer token"
        must |token| token != &Some(String::new()),
            "the bearer token is empty; leave it out or give one";

    /// Signs as AWS wants it, version 4: `provider1[:provider2[:region[:service]]]`, such as
    /// `aws:amz:eu-central-1:sqs`. The signature is made when the request is sent.
    Text aws_sigv4 = "sigv4", Credentials,
        "--aws-sigv4 PROVIDER", "Sign as AWS wants it, with --user as the keys: aws:amz:REGION:SERVICE"
        must |parts| parts.iter().all(|it| !it.is_empty() && it.split(':').count() <= 4),
            "invalid provider of the aws signature; expected one such as aws:amz:eu-central-1:sqs";

    /// The text of a `Cookie` header: `a=1; b=2`.
    Secret cookies = "cookie", Cookies;

    /// The proxy, in place of the driver's: `[http|https|socks4|socks4a|socks5|socks5h://]host[:port]`.
    Url proxy = "proxy", Proxy;

    /// `user:password` for the proxy.
    Secret proxy_user = "proxyuser", Proxy,
        "-U --proxy-user USER:PASSWORD", "User and password for the proxy";

    /// Hosts that are reached without the proxy, separated by commas; `*` is all.
    Text noproxy = "noproxy", Proxy;

    /// How user and password for the proxy are proven.
    Choice<Auth> proxy_auth = "proxyauth", Proxy;

    /// A header for the proxy: `name: value`.
    SecretList proxy_headers (proxy_header) = "proxyheaders", Proxy;

    /// Whether an HTTP proxy is asked for a tunnel (CONNECT), as for https.
    Flag proxy_tunnel = "tunnel", Proxy;

    /// Cookies that are sent where they belong, redirects included: lines of a cookie file as
    /// curl and browsers write it, or `Set-Cookie:` headers. Cookies that answers set are sent behind
    /// redirects, too. Each attempt begins with these.
    Jar jar (-) = "jar", Cookies;

    /// What stands in the request line, in place of the URL's path and query.
    Url request_target = "target", Message,
        "--request-target TARGET", "What stands in the request line in place of the URL's path and query"
        must |target| target.iter().all(|it| !it.is_empty() && !it.contains(|c: char| c.is_control() || c == ' ')),
            "the request target is empty, or holds a space or a control character; write it percent-encoded";

    /// The version of the Internet Protocol that names are looked up for.
    Word<IpVersion> ip_version = "ip", Address;

    /// Whether the body is sent in chunks, without its length in the head.
    Flag chunked = "chunked", Message;

    /// Whether to ask for an answer that is compressed for the transfer.
    Flag tr_encoding = "te", Answer,
        "--tr-encoding", "Ask for an answer that is compressed for the transfer";

    /// Whether an answer that breaks off is a failure even if its status is one of success.
    Flag whole_answer = "whole", Answer,
        "--retry-all-errors", "Count an answer that breaks off as a failure, whatever its status";

    /// Whether credentials go along to wherever a redirect leads. What is signed with a secret of the
    /// worker's never does.
    Flag location_trusted = "trusted", Redirects,
        "--location-trusted", "Follow redirects; credentials go along to any host, but for --sign-secret's";

    /// Whether the method stays the same behind every redirect: what curl's `-X` does.
    Flag keep_method = "keepmethod", Redirects;

    /// What it counts as where it is redirected, in place of what its method says.
    Word<RedirectedAs> redirected_as = "redirectedas", Redirects;

    /// Whether a redirect is followed with a `Referer` that says where it came from.
    Flag auto_referer = "autoreferer", Redirects;

    /// The certificates that a server's must lead to, as PEM, in place of the system's.
    Pem cacert = "cacert", Tls,
        "--cacert FILE", "Certificates (PEM) to trust instead of the system's. The file is read now, as the next two are";

    /// The client's certificate, as PEM. The key may be in it.
    Pem cert = "cert", Tls,
        "-E --cert FILE[:PASSPHRASE]", "The client's certificate (PEM), and its key's passphrase";

    /// The key of the client's certificate, as PEM.
    SecretPem key = "key", Tls,
        "--key FILE", "Its key (PEM), unless that is in the same file";

    /// The passphrase of that key.
    Secret key_password = "keypass", Tls,
        "--pass PASSPHRASE", "The passphrase of that key";

    /// Whether any certificate will do, so that an attacker in between can read and answer.
    Flag insecure = "insecure", Tls,
        "-k --insecure", "Do not verify the server's certificate";

    /// Connects to this Unix socket, whatever host the URL names.
    Text unix_socket = "unix", Address;

    /// Connects to this Unix socket without a file, by its name without the leading NUL.
    Text abstract_unix_socket = "abstract", Address,
        "--abstract-unix-socket NAME", "Connect to this abstract one";

    /// An address in place of a lookup: `host:port:address[,address]`. Of several
    /// addresses, each attempt takes the next one. `*` stands for any host.
    List resolve = "resolve", Address;

    /// Another host and port to connect to: `host:port:to-host:to-port`. What is left empty
    /// stands for any, or for the same. The first that fits is taken.
    List connect_to = "connectto", Address,
        "--connect-to ENTRY", "Another host and port to connect to: HOST:PORT:TO-HOST:TO-PORT. Repeatable";

    /// The version of HTTP. Without it, HTTP/2 where TLS offers it, otherwise HTTP/1.1.
    Word<HttpVersion> http_version (version) = "http", Answer;

    /// Whether to ask for a compressed answer.
    Flag compressed = "compressed", Answer,
        "--compressed", "Ask for a compressed answer";

    /// The most redirects that are followed; without it, none is.
    Number max_redirects (-) with location = "follow", Redirects;

    /// Follows redirects to this scheme alone. One that leads to the other fails the attempt.
    Word<RedirectScheme> redirect_scheme = "onlyto", Redirects;

    /// Whether a POST stays one behind a 301; otherwise a GET is made of it.
    Flag post301 = "post301", Redirects,
        "--post301", "Keep a POST a POST behind a 301";

    /// The same for a 302.
    Flag post302 = "post302", Redirects,
        "--post302", "The same behind a 302";

    /// The same for a 303.
    Flag post303 = "post303", Redirects,
        "--post303", "The same behind a 303";

    /// In place of the driver's `connect_timeout`.
    Time connect_timeout = "connect", Time,
        "--connect-timeout SECONDS", "How long connecting may take, in seconds [default: the worker's, 10]";

    /// In place of the driver's `total_timeout`. All
    /// redirects of an attempt share it.
    Time max_time (total_timeout) = "total", Time,
        "-m --max-time SECONDS", "How long an attempt may take, in seconds; 0 is the default [default: the worker's, 120]";

    /// In place of the driver's `low_speed_limit`.
    Number low_speed_limit = "slow", Time,
        "-Y --speed-limit BYTES", "Bytes a second that count as progress";

    /// In place of the driver's `low_speed_time`, in
    /// whole seconds.
    Time low_speed_time = "slowfor", Time,
        "-y --speed-time SECONDS", "How long it may be slower, in seconds";

    /// Signs each attempt as a Standard Webhook with the secret of this name: `env:NAME` or
    /// `file:PATH`, looked up where the worker runs. The secret itself is never stored.
    SecretName sign = "sign", Credentials,
        "--sign-secret SECRET", "Sign each attempt as a Standard Webhook with the secret in the worker's environment (env:NAME) or file system (file:PATH); it is not stored";

    /// The keys that a server may have, besides a good certificate: each as `sha256//` and the base64 of
    /// its SHA-256, with `;` between. With `insecure`, the key alone counts.
    Text pinnedpubkey = "pin", Tls,
        "--pinnedpubkey HASHES", "The keys that the server may have: sha256//HASH, several with ; between"
        must |pins| pins.iter().flat_map(|pins| pins.split(';')).all(|pin| {
            let is_base64 = |byte| u8::is_ascii_alphanumeric(&byte) || b"+/=".contains(&byte);
            pin.starts_with("sha256//") && pin.len() == 52 && pin.bytes().all(is_base64)
        }),
            "invalid pin of the server's key; expected sha256// and 44 characters of base64, and ; between several";
}
