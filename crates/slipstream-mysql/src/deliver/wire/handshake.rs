//! The packets of a connection's beginning.

use super::auth::Plugin;
use super::error::{Error, Result};
use super::reader::Reader;

const LONG_PASSWORD: u32 = 1;
const LONG_FLAG: u32 = 1 << 2;
const CONNECT_WITH_DATABASE: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
const TLS: u32 = 1 << 11;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
/// A procedure may return results, as text
const MULTI_RESULTS: u32 = 1 << 17;
/// or of a prepared statement. (That is not several statements in one, which is bit 16, nor the
/// reading of local files, bit 7: neither is set here.)
const PREPARED_MULTI_RESULTS: u32 = 1 << 18;
const PLUGIN_AUTH: u32 = 1 << 19;

/// What the server must be able to do: all have been since 2010.
const NEEDED: u32 = PROTOCOL_41 | SECURE_CONNECTION | TRANSACTIONS | PLUGIN_AUTH;

const WANTED: u32 = LONG_PASSWORD | LONG_FLAG | NEEDED | MULTI_RESULTS | PREPARED_MULTI_RESULTS;

/// utf8mb4_general_ci: every server since 2010 has it.
const CHARSET: u8 = 45;

/// How long what the server draws by chance is, in bytes.
const NONCE: usize = 20;

/// The longest packet that a server may send. It sends smaller packets all the same.
const LONGEST: u32 = 1 << 30;

/// What a server says first.
#[derive(Debug)]
pub(super) struct Greeting {
    capabilities: u32,
    pub(super) mariadb: bool,
    pub(super) nonce: Vec<u8>,
    /// None for a plugin that is not known here: the server will ask for another, or not.
    pub(super) plugin: Option<Plugin>,
}

impl Greeting {
    pub(super) fn parse(payload: &[u8]) -> Result<Self> {
        let mut reader = Reader(payload);
        if reader.u8()? != 10 {
            return Err(Error::Protocol("not protocol version 10"));
        }
        let mariadb = reader.text().windows(7).any(|part| part == b"MariaDB");
        let _thread = reader.u32()?;
        let mut nonce = reader.take(8)?.to_vec();
        reader.u8()?;
        let low = reader.u16()?;
        let _charset_and_status = reader.take(3)?;
        let capabilities = u32::from(low) | u32::from(reader.u16()?) << 16;
        if capabilities & NEEDED != NEEDED {
            return Err(Error::Protocol("it lacks what every server has had since 2010"));
        }
        let length = usize::from(reader.u8()?);
        reader.take(10)?;
        let rest = reader.take(length.saturating_sub(8).max(13))?;
        nonce.extend_from_slice(rest);
        Ok(Self { capabilities, mariadb, nonce: nonce_of(&nonce)?, plugin: plugin(reader.text()) })
    }

    pub(super) fn offers_tls(&self) -> bool {
        self.capabilities & TLS != 0
    }

    /// Asks for TLS.
    pub(super) fn tls_request(&self, database: &str) -> Vec<u8> {
        self.beginning(database, true)
    }

    /// The client's response to the greeting. `protected` once TLS has begun.
    pub(super) fn response(&self, login: &Names<'_>, proof: &[u8], protected: bool) -> Vec<u8> {
        let mut packet = self.beginning(login.database, protected);
        packet.extend_from_slice(login.user.as_bytes());
        packet.push(0);
        // Proofs have 0, 20 or 32 bytes.
        packet.push(proof.len() as u8);
        packet.extend_from_slice(proof);
        if !login.database.is_empty() {
            packet.extend_from_slice(login.database.as_bytes());
            packet.push(0);
        }
        packet.extend_from_slice(self.first_plugin().name().as_bytes());
        packet.push(0);
        packet
    }

    pub(super) fn first_plugin(&self) -> Plugin {
        self.plugin.unwrap_or(Plugin::Native)
    }

    fn beginning(&self, database: &str, tls: bool) -> Vec<u8> {
        let mut flags = WANTED & self.capabilities;
        if !database.is_empty() {
            flags |= CONNECT_WITH_DATABASE;
        }
        if tls {
            flags |= TLS;
        }
        let mut packet = flags.to_le_bytes().to_vec();
        packet.extend_from_slice(&LONGEST.to_le_bytes());
        packet.push(CHARSET);
        packet.extend_from_slice(&[0; 23]);
        packet
    }
}

/// The server's nonce, for a proof to be of use once: without the zero that ends it. Over a nonce
/// of another length, as none, a proof would be good for the server that chose it.
pub(super) fn nonce_of(bytes: &[u8]) -> Result<Vec<u8>> {
    let nonce = bytes.strip_suffix(&[0]).filter(|nonce| nonce.len() == NONCE).unwrap_or(bytes);
    if nonce.len() != NONCE {
        return Err(Error::Protocol("what is to be proven has another length than 20 bytes"));
    }
    Ok(nonce.to_vec())
}

/// The user, and the database to log in to.
pub(super) struct Names<'a> {
    pub(super) user: &'a str,
    pub(super) database: &'a str,
}

/// The plugin of this name, if it is known here.
pub(super) fn plugin(name: &[u8]) -> Option<Plugin> {
    Plugin::ALL.into_iter().find(|plugin| plugin.name().as_bytes() == name)
}
