//! Which statements are executed, and how the server is reached.

use std::ffi::OsString;
use std::path::PathBuf;

use slipstream_mysql::Tls;

use super::Group::Statement;
use super::pieces::Statements;
use super::{Given, Row, Table, Takes, Value, options};

/// What of an HTTP request's options means the same to statements.
pub(crate) const TOO: [&str; 2] = ["cacert", "max-time"];

/// When TLS is asked for, and what that means.
const WHEN: [(&str, &str); 4] = [
    ("remote", "Unless the server is on this machine"),
    ("verify", "Always but over sockets"),
    ("insecure", "The same, with any server that answers"),
    ("off", "Never"),
];

impl Value for Option<Tls> {
    const TAKES: Takes = Takes::Words(&WHEN);

    fn of(values: Option<Vec<OsString>>) -> Self {
        Some(match values?.pop()?.to_str()? {
            "verify" => Tls::Verify,
            "insecure" => Tls::Insecure,
            "off" => Tls::Off,
            _ => Tls::Remote,
        })
    }
}

options! {
    /// What only statements have.
    MysqlArgs after { statements: Statements } before {}

    password_env: Option<String> = Statement.row("--password-env NAME", "The environment's variable that has the password where the worker runs")
        .key("password");
    password_file: Option<PathBuf> = Statement.row("--password-file PATH", "The file that has it")
        .key("password").conflicts(&["password-env"]);
    defaults_file: Option<PathBuf> = Statement.row("--defaults-file PATH", "An option file, as my.cnf, that the worker reads: user, password, socket, ssl-ca, server-public-key-path and get-server-public-key of its client section")
        .key("defaults_file");
    tls: Option<Tls> = Statement.row("--tls WHEN", "When the server must prove its name by TLS: unless it is on this machine (where TLS is used if it is offered), always, never (but TLS all the same), or no TLS at all [default: remote]")
        .key("tls");
    server_public_key_path: Option<PathBuf> = Statement.row("--server-public-key-path FILE", "The server's RSA key as PEM, read now: what a password is sealed with where there is no TLS")
        .key("server_public_key");
    get_server_public_key: bool = Statement.row("--get-server-public-key", "Ask the server for that key, over loopback: any server that answers there can read the password")
        .key("get_server_public_key").conflicts(&["server-public-key-path"]);
    once: bool = Statement.row("--once", "Execute it exactly once, by a small table in its database")
        .key("once");
}
