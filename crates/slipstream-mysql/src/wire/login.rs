//! Logging in: the greeting, TLS, and a proof of the password.
//!
//! Guarantees: nothing is said before TLS is there, if there is to be any, but that it is wanted. The
//! password itself is sent over a socket, over TLS, or over loopback for the holder of a key alone.

use openssl::ssl::SslConnector;

use super::auth::{Plugin, sealed};
use super::channel::Channel;
use super::error::{Error, Result};
use super::handshake::{Greeting, Names, plugin};
use super::reader::Reader;

/// Packets that proving a password may take. Honest servers need four.
const LOGIN_PACKETS: usize = 8;

/// Who logs in, and how.
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) database: &'a str,
    /// TLS, and the name that the server is to prove.
    pub(crate) tls: Option<(&'a SslConnector, &'a str)>,
    /// Whether nobody can listen in: over a socket, or loopback.
    pub(crate) local: bool,
    /// Whether that is a Unix socket.
    pub(crate) unix: bool,
}

/// Logs in: whether the server is a MariaDB.
pub(super) fn log_in(channel: &mut Channel, login: &Login<'_>) -> Result<bool> {
    let greeting = Greeting::of(&channel.receive()?)?;
    let names = Names { user: login.user, database: login.database };
    if let Some((connector, name)) = login.tls {
        if !greeting.offers_tls() {
            return Err(Error::NoTls);
        }
        channel.send(&greeting.tls_request(login.database))?;
        channel.protect(connector, name)?;
    }
    let proof = greeting.first_plugin().proof(login.password, &greeting.nonce);
    channel.send(&greeting.response(&names, &proof, login.tls.is_some()))?;
    prove(channel, &greeting, login)?;
    Ok(greeting.mariadb)
}

/// Answers what the server asks until it is content.
fn prove(channel: &mut Channel, greeting: &Greeting, login: &Login<'_>) -> Result<()> {
    let (mut way, mut nonce) = (greeting.first_plugin(), greeting.nonce.clone());
    let mut asked_for_key = false;
    for _ in 0..LOGIN_PACKETS {
        let packet = channel.receive()?;
        match (packet[0], &packet[1..]) {
            (0, _) => return Ok(()),
            (0xfe, rest) => {
                let mut reader = Reader(rest);
                let name = reader.text();
                way = plugin(name)
                    .ok_or_else(|| Error::Plugin(String::from_utf8_lossy(name).into_owned()))?;
                nonce = reader.0.strip_suffix(&[0]).unwrap_or(reader.0).to_vec();
                channel.send(&way.proof(login.password, &nonce))?;
            }
            // The server remembers the user, and is content.
            (1, [3]) if way == Plugin::CachingSha2 => {}
            // It does not, and wants the password itself.
            (1, [4]) if way == Plugin::CachingSha2 => {
                if login.tls.is_some() || login.unix {
                    channel.send(&[login.password.as_bytes(), &[0]].concat())?;
                } else if login.local {
                    asked_for_key = true;
                    channel.send(&[2])?;
                } else {
                    // Whoever sits in between could give a key of its own.
                    return Err(Error::Unprotected);
                }
            }
            (1, key) if asked_for_key => {
                asked_for_key = false;
                let sealed = sealed(login.password, &nonce, key);
                channel.send(&sealed.ok_or(Error::Protocol("its key is none"))?)?;
            }
            _ => return Err(Error::Protocol("it asks for what nobody knows")),
        }
    }
    Err(Error::Protocol("it asks again and again who is there"))
}
