//! The protection of a connection before anything is proven over it.
//!
//! # Invariants
//! A guarded password goes to another machine over verified TLS alone, whatever the request says.
//!
//! # Non-goals
//! What is sent to the server over it: `wire::login`.

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;

use crate::deliver::endpoint::Account;
use crate::deliver::resolve::Connected;
use crate::deliver::wire::ServerKey;
use crate::request::Tls;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    None,
    /// By TLS with any server that answers, if that is offered.
    Offered,
    /// By TLS with any server that answers.
    Unverified,
    Verified,
}

pub(crate) fn protection(tls: Tls, account: &Account, connected: &Connected) -> Protection {
    match tls {
        _ if connected.unix => Protection::None,
        _ if account.guarded && !connected.loopback => Protection::Verified,
        // The user that stored a request which names another's password does not say how it is
        // passed.
        Tls::Off if account.guarded => Protection::Offered,
        Tls::Off => Protection::None,
        // A key that is known proves more than a certificate that is not looked at.
        Tls::Remote if connected.loopback => match account.server_key {
            ServerKey::Known(_) => Protection::None,
            _ => Protection::Offered,
        },
        Tls::Insecure => Protection::Unverified,
        Tls::Remote | Tls::Verify => Protection::Verified,
    }
}

/// What sets up TLS that trusts these authorities: PEM, empty for the system's, or None for trust in
/// any server that answers.
pub(crate) fn connector(trusted: Option<&[u8]>) -> Result<SslConnector, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    match trusted {
        None => builder.set_verify(SslVerifyMode::NONE),
        Some([]) => {
            let system = openssl_probe::probe();
            builder
                .load_verify_locations(system.cert_file.as_deref(), system.cert_dir.as_deref())?;
        }
        Some(pem) => {
            // Instead of the system's, which the builder would trust, too.
            let mut store = X509StoreBuilder::new()?;
            // What is given is trusted, not only if it signed itself: as for the other kinds.
            store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
            builder.set_cert_store(store.build());
            let all = X509::stack_from_pem(pem)?;
            for one in all {
                builder.cert_store_mut().add_cert(one)?;
            }
        }
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::options::MysqlOptions;

    #[test]
    fn over_the_network_a_server_proves_its_name_unless_told_otherwise() {
        let place = |unix, loopback| {
            let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
            Connected { socket: socket.unwrap(), unix, loopback }
        };
        let (remote, loopback, unix) =
            (place(false, false), place(false, true), place(true, false));
        let account = |guarded, server_key| Account {
            user: "app".into(),
            password: "sesame".into(),
            socket: None,
            cacert: Vec::new(),
            server_key,
            guarded,
        };
        use Protection as P;
        let table = [
            (Tls::default(), [P::Verified, P::Offered, P::None]),
            (Tls::Verify, [P::Verified, P::Verified, P::None]),
            (Tls::Insecure, [P::Unverified, P::Unverified, P::None]),
            (Tls::Off, [P::None, P::None, P::None]),
        ];
        for (tls, expected) in table {
            let found = |account: Account| {
                [&remote, &loopback, &unix].map(|place| protection(tls, &account, place))
            };
            assert_eq!(found(account(false, ServerKey::Unknown)), expected, "{tls:?}");
            // A guarded password is proven to no server elsewhere that is not verified.
            let [_, near, socket] = expected;
            let near = if tls == Tls::Off { P::Offered } else { near };
            assert_eq!(found(account(true, ServerKey::Unknown)), [P::Verified, near, socket]);
        }
        let known = account(true, ServerKey::Known(b"PEM".to_vec()));
        assert_eq!(protection(Tls::default(), &known, &loopback), P::None);
        assert_eq!(MysqlOptions::default().tls, Tls::Remote);
    }
}
