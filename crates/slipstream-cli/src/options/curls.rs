//! curl's options that `store` does not parse: those that mean nothing for it, and those that it
//! cannot honour.
//!
//! # Non-goals
//! Those that it takes, which have a table for each kind.

use super::Table;
use super::http::HttpArgs;

/// They shape curl's own output or behaviour, or say what holds anyway: TLS is 1.2 at least,
/// certificates are PEM, and a worker tries again whatever failed.
pub(crate) const IGNORED: &[&str] = &[
    "-s --silent",
    "-S --show-error",
    "-f --fail",
    "--fail-with-body",
    "--fail-early",
    "-i --include",
    "--show-headers",
    "-N --no-buffer",
    "-# --progress-bar",
    "--progress-meter",
    "--out-null",
    "--remote-name-all",
    "-J --remote-header-name",
    "-R --remote-time",
    "--create-dirs",
    "--create-file-mode MODE",
    "--clobber",
    "--remove-on-error",
    "--xattr",
    "--max-filesize BYTES",
    "-w --write-out FORMAT",
    "-D --dump-header FILE",
    "--suppress-connect-headers",
    "--stderr FILE",
    "--trace FILE",
    "--trace-ascii FILE",
    "--trace-config WORDS",
    "--trace-time",
    "--trace-ids",
    "--libcurl FILE",
    "--styled-output",
    "--raw",
    "-Z --parallel",
    "--parallel-immediate",
    "--parallel-max N",
    "--parallel-max-host N",
    "--tcp-nodelay",
    "--tcp-fastopen",
    "--keepalive",
    "--keepalive-time SECONDS",
    "--keepalive-cnt N",
    "--sessionid",
    "--happy-eyeballs-timeout-ms MS",
    "--expect100-timeout SECONDS",
    "--retry-connrefused",
    "-q --disable",
    "--npn",
    "--random-file FILE",
    "--egd-file FILE",
    "--proxy-basic",
    "--socks5-basic",
    "--ssl-no-revoke",
    "--ssl-revoke-best-effort",
    "--ssl-auto-client-cert",
    "-1 --tlsv1",
    "--tlsv1.0",
    "--tlsv1.1",
    "--tlsv1.2",
];

/// What `store` takes, and that shapes curl's own output but for what it says to `-C`.
pub(crate) const OUTPUT: &[&str] = &["output", "output-dir", "remote-name"];

/// Options of HTTP's table that curl does not have.
const OURS: &[&str] = &["sign-secret"];

/// Options that curl has for its own tries.
const RETRIES: &[&str] = &["retry", "retry-delay", "retry-max-time"];

/// Whether an option of `store` is one of curl's.
pub(crate) fn is_curls(long: &str) -> bool {
    let mut rows = HttpArgs::rows().into_iter();
    let is_row = rows.any(|row| row.long() == long || row.alias == Some(long));
    (is_row && !OURS.contains(&long)) || RETRIES.contains(&long)
}

/// Options that are said of the command and not of a request: they hold on both sides of `--next`.
pub(crate) const OF_THE_COMMAND: &[&str] =
    &["batch", "dir", "durable", "log-format", "print-id", "source", "verbose", "warn-after"];

/// Of those that are refused, PEM is what holds anyway.
pub(crate) const PEM: &[&str] = &["cert-type", "key-type", "proxy-cert-type", "proxy-key-type"];

/// They are other spellings of `--proxy`.
pub(crate) const PROXIES: &[(&str, &str)] = &[
    ("socks4", "socks4://"),
    ("socks4a", "socks4a://"),
    ("socks5", "socks5://"),
    ("socks5-hostname", "socks5h://"),
];

/// What to do instead, and of which options that is true.
pub(crate) const REFUSED: &[(&str, &[&str])] = &[
    (
        "what earlier answers said of the host is not looked at; leave it out, and write https",
        &["--hsts FILE", "--alt-svc FILE"],
    ),
    (
        "the worker speaks HTTP/1 and HTTP/2; use --http2, or leave it out",
        &["--http3", "--http3-only", "--proxy-http2", "--no-alpn"],
    ),
    (
        "an answer of http/0.9 has no status that would say whether the request was taken; leave it out",
        &["--http0.9"],
    ),
    (
        "the worker can prove who it is by --basic, --digest, --oauth2-bearer and --aws-sigv4; use one of these",
        &[
            "--negotiate",
            "--ntlm",
            "--ntlm-wb",
            "--delegation LEVEL",
            "--service-name NAME",
            "--krb LEVEL",
            "--login-options OPTIONS",
            "--sasl-authzid NAME",
            "--sasl-ir",
            "--tlsauthtype TYPE",
            "--tlsuser NAME",
            "--tlspassword TEXT",
        ],
    ),
    (
        "certificates and keys are PEM; convert it with openssl, and leave the option out",
        &["--cert-type TYPE", "--key-type TYPE", "--engine NAME"],
    ),
    (
        "what is trusted is said by --cacert FILE, or by the worker's system; use that",
        &["--capath DIR", "--ca-native", "--crlfile FILE", "--cert-status"],
    ),
    (
        "the worker speaks TLS 1.2 and above, with OpenSSL's own choices; leave it out",
        &[
            "--ciphers LIST",
            "--tls13-ciphers LIST",
            "--curves LIST",
            "--sigalgs LIST",
            "--tls-max VERSION",
            "--tlsv1.3",
            "-2 --sslv2",
            "-3 --sslv3",
            "--ssl-allow-beast",
            "--tls-earlydata",
            "--false-start",
            "--ech CONFIG",
        ],
    ),
    (
        "the worker's system decides how a host is found and reached; name an address by --resolve or --connect-to",
        &[
            "--interface NAME",
            "--local-port RANGE",
            "--dns-servers ADDRESSES",
            "--dns-interface NAME",
            "--dns-ipv4-addr ADDRESS",
            "--dns-ipv6-addr ADDRESS",
            "--doh-url URL",
            "--doh-cert-status",
            "--doh-insecure",
            "--ip-tos VALUE",
            "--vlan-priority VALUE",
            "--mptcp",
            "--haproxy-protocol",
            "--haproxy-clientip ADDRESS",
        ],
    ),
    (
        "this cannot be said to a proxy; leave it out",
        &[
            "--proxy1.0 HOST",
            "--preproxy URL",
            "--proxy-negotiate",
            "--proxy-ntlm",
            "--proxy-service-name NAME",
            "--socks5-gssapi",
            "--socks5-gssapi-nec",
            "--socks5-gssapi-service NAME",
            "--proxy-insecure",
            "--proxy-ca-native",
            "--proxy-cacert FILE",
            "--proxy-capath DIR",
            "--proxy-cert FILE",
            "--proxy-cert-type TYPE",
            "--proxy-ciphers LIST",
            "--proxy-crlfile FILE",
            "--proxy-key FILE",
            "--proxy-key-type TYPE",
            "--proxy-pass TEXT",
            "--proxy-pinnedpubkey HASHES",
            "--proxy-ssl-allow-beast",
            "--proxy-ssl-auto-client-cert",
            "--proxy-tls13-ciphers LIST",
            "--proxy-tlsauthtype TYPE",
            "--proxy-tlspassword TEXT",
            "--proxy-tlsuser NAME",
            "--proxy-tlsv1",
        ],
    ),
    (
        "write the scheme into the url; only http and https are spoken",
        &["--disallow-username-in-url", "--ipfs-gateway URL"],
    ),
    (
        "the worker decides how fast it sends; use its --concurrency, or -m for a time-out",
        &["--limit-rate SPEED", "--rate RATE"],
    ),
    ("an answer is only kept in part; leave it out", &["--ignore-content-length"]),
    ("write the text as it is to be sent", &["--crlf", "-B --use-ascii"]),
    ("files that are here already say nothing; leave it out", &["--skip-existing", "--metalink"]),
    (
        "it is for other protocols, and only http and https are spoken; leave it out",
        &[
            "-a --append",
            "-l --list-only",
            "-P --ftp-port ADDRESS",
            "-Q --quote COMMAND",
            "--ftp-account DATA",
            "--ftp-alternative-to-user COMMAND",
            "--ftp-create-dirs",
            "--ftp-method METHOD",
            "--ftp-pasv",
            "--ftp-pret",
            "--ftp-skip-pasv-ip",
            "--ftp-ssl-ccc",
            "--ftp-ssl-ccc-mode MODE",
            "--ftp-ssl-control",
            "--disable-eprt",
            "--disable-epsv",
            "--ssl",
            "--ssl-reqd",
            "--mail-auth ADDRESS",
            "--mail-from ADDRESS",
            "--mail-rcpt ADDRESS",
            "--mail-rcpt-allowfails",
            "--upload-flags FLAGS",
            "--tftp-blksize VALUE",
            "--tftp-no-options",
            "-t --telnet-option OPTION",
            "--compressed-ssh",
            "--hostpubmd5 MD5",
            "--hostpubsha256 SHA256",
            "--knownhosts FILE",
            "--pubkey FILE",
        ],
    ),
];
