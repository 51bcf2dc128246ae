//! Logging in: the greeting, TLS, and a proof of the password.
//!
//! # Invariants
//! - Nothing is said before TLS is there, if there is to be any, but that it is wanted.
//! - The password itself is sent over a socket, over TLS if that may be, or for the holder of a key
//!   that was given or asked for.
//! - What it is proven for is as long as the protocol says, so a proof is of use to no other login.

use openssl::ssl::SslConnector;

use super::auth::{Plugin, sealed};
use super::channel::Channel;
use super::error::{Error, Result};
use super::handshake::{Greeting, Names, nonce_of, plugin};
use super::reader::Reader;

/// Packets that proving a password may take. Honest servers need four.
const LOGIN_PACKETS: usize = 8;

/// The account to log in with, and how.
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) database: &'a str,
    /// TLS, and the name that the server is to prove.
    pub(crate) tls: Option<(&'a SslConnector, &'a str)>,
    /// Whether TLS is left out if the server does not offer it.
    pub(crate) if_offered: bool,
    /// Whether the password itself may be passed over that TLS.
    pub(crate) tells: bool,
    /// Whether the connection is a Unix socket.
    pub(crate) unix: bool,
    /// Whether it is over loopback.
    pub(crate) loopback: bool,
    pub(crate) key: &'a ServerKey,
}

/// The server's RSA key, by which a password is sealed where there is no TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerKey {
    Unknown,
    /// It may be asked for, over loopback.
    Asked,
    /// This one, as PEM.
    Known(Vec<u8>),
}

/// Logs in: whether the server is a MariaDB.
pub(super) fn log_in(channel: &mut Channel, login: &Login<'_>) -> Result<bool> {
    let greeting = Greeting::parse(&channel.receive()?)?;
    let names = Names { user: login.user, database: login.database };
    let tls = login.tls.filter(|_| greeting.offers_tls() || !login.if_offered);
    if let Some((connector, name)) = tls {
        if !greeting.offers_tls() {
            return Err(Error::NoTls);
        }
        channel.send(&greeting.tls_request(login.database))?;
        channel.protect(connector, name)?;
    }
    let proof = greeting.first_plugin().proof(login.password, &greeting.nonce);
    channel.send(&greeting.response(&names, &proof, tls.is_some()))?;
    prove(channel, &greeting, login, tls.is_some())?;
    Ok(greeting.mariadb)
}

/// Answers what the server asks until it is content.
fn prove(
    channel: &mut Channel,
    greeting: &Greeting,
    login: &Login<'_>,
    protected: bool,
) -> Result<()> {
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
                nonce = nonce_of(reader.0)?;
                channel.send(&way.proof(login.password, &nonce))?;
            }
            // The server remembers the user, and is content.
            (1, [3]) if way == Plugin::CachingSha2 => {}
            // It does not, and wants the password itself.
            (1, [4]) if way == Plugin::CachingSha2 => {
                if login.unix || protected && login.tells {
                    channel.send(&[login.password.as_bytes(), &[0]].concat())?;
                    continue;
                }
                // Within TLS no server takes it sealed.
                match login.key {
                    ServerKey::Known(pem) if !protected => {
                        let sealed = sealed(login.password, &nonce, pem);
                        channel.send(&sealed.ok_or(Error::Key)?)?;
                    }
                    ServerKey::Asked if login.loopback && !protected => {
                        asked_for_key = true;
                        channel.send(&[2])?;
                    }
                    // A server that answers in its place could give a key of its own.
                    _ => return Err(Error::Unprotected),
                }
            }
            (1, key) if asked_for_key => {
                asked_for_key = false;
                let sealed = sealed(login.password, &nonce, key);
                channel.send(&sealed.ok_or(Error::Protocol("invalid public key"))?)?;
            }
            _ => return Err(Error::Protocol("unknown authentication request")),
        }
    }
    Err(Error::Protocol("it asks again and again who is there"))
}
