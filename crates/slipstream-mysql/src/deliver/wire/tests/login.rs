//! Logging in: which server is shown a proof of the password, and which gets the password itself.

use openssl::pkey::Private;
use openssl::rsa::{Padding, Rsa};
use openssl::sha::sha256;

use super::*;

/// Whether this is what the server would compute from the hash that it keeps.
fn proves(proof: &[u8]) -> bool {
    let stored = sha256(&sha256(b"sesame"));
    let mask = sha256(&[&stored[..], NONCE].concat());
    let once: Vec<u8> = proof.iter().zip(mask).map(|(a, b)| a ^ b).collect();
    sha256(&once) == stored
}

#[test]
fn a_server_that_remembers_the_user_is_shown_a_proof_by_sha2() {
    let (stream, playing) = server(|peer| {
        peer.greet("caching_sha2_password");
        let response = peer.hear();
        peer.say(2, &[1, 3]);
        peer.say(3, &OK);
        response
    });
    drop(open(stream));
    let response = playing.join().unwrap();
    let proof = &response[32 + 4 + 1..][..32];
    assert!(proves(proof), "{response:?}");
}

#[test]
fn over_a_socket_a_server_that_asks_for_the_password_gets_it() {
    let (stream, playing) = server(|peer| {
        peer.greet("caching_sha2_password");
        peer.hear();
        peer.say(2, &[1, 4]);
        let password = peer.hear();
        peer.say(4, &OK);
        password
    });
    drop(open(stream));
    assert_eq!(playing.join().unwrap(), b"sesame\0");
}

/// Has the client prove the password by another plugin, and asks for the password itself: what is
/// answered to that.
fn ask(peer: &mut Peer) -> Vec<u8> {
    peer.greet("mysql_native_password");
    peer.hear();
    peer.say(2, &[b"\xfecaching_sha2_password\0", &NONCE[..], &[0]].concat());
    assert!(proves(&peer.hear()));
    peer.say(4, &[1, 4]);
    peer.hear()
}

fn opened(key: &Rsa<Private>, sealed: &[u8]) -> Vec<u8> {
    let mut plain = vec![0; 256];
    let length = key.private_decrypt(sealed, &mut plain, Padding::PKCS1_OAEP).unwrap();
    plain[..length].iter().zip(NONCE).map(|(a, b)| a ^ b).collect()
}

#[test]
fn a_key_that_may_be_asked_for_over_loopback_seals_the_password() {
    let (stream, playing) = server(|peer| {
        assert_eq!(ask(peer), [2]);
        let key = Rsa::generate(2048).unwrap();
        peer.say(6, &[&[1], &*key.public_key_to_pem().unwrap()].concat());
        let sealed = peer.hear();
        peer.say(8, &OK);
        opened(&key, &sealed)
    });
    drop(Connection::open(stream, &over_tcp(true, &ServerKey::Asked)).unwrap());
    assert_eq!(playing.join().unwrap(), b"sesame\0");
}

#[test]
fn a_key_that_is_known_seals_the_password_wherever_the_server_is() {
    let key = Rsa::generate(2048).unwrap();
    let known = ServerKey::Known(key.public_key_to_pem().unwrap());
    for loopback in [true, false] {
        let (stream, playing) = server(|peer| {
            let sealed = ask(peer);
            peer.say(6, &OK);
            sealed
        });
        drop(Connection::open(stream, &over_tcp(loopback, &known)).unwrap());
        assert_eq!(opened(&key, &playing.join().unwrap()), b"sesame\0");
    }
    let none = ServerKey::Known(b"-----BEGIN PUBLIC KEY-----".to_vec());
    let (stream, playing) = server(ask);
    let error = expected_error(Connection::open(stream, &over_tcp(true, &none)));
    assert!(matches!(error, Error::Key), "{error:?}");
    assert!(playing.join().unwrap().is_empty());
}

#[test]
fn a_server_that_proved_nothing_does_not_get_the_password_and_its_key_is_not_asked_for() {
    for (loopback, key) in [
        (true, ServerKey::Unknown),
        (false, ServerKey::Unknown),
        // A man in the middle would give one.
        (false, ServerKey::Asked),
    ] {
        let (stream, playing) = server(ask);
        let error = expected_error(Connection::open(stream, &over_tcp(loopback, &key)));
        assert!(matches!(error, Error::Unprotected), "{error:?}");
        assert!(playing.join().unwrap().is_empty(), "{loopback} {key:?}");
    }
}

#[test]
fn a_server_that_gives_its_key_unasked_gets_nothing_for_it() {
    let (stream, playing) = server(|peer| {
        peer.greet("caching_sha2_password");
        peer.hear();
        let key = Rsa::generate(2048).unwrap();
        peer.say(2, &[&[1], &*key.public_key_to_pem().unwrap()].concat());
        peer.hear()
    });
    let error = expected_error(Connection::open(stream, &over_tcp(true, &ServerKey::Asked)));
    assert!(matches!(error, Error::Protocol(_)), "{error:?}");
    assert!(playing.join().unwrap().is_empty());
}

#[test]
fn a_proof_is_made_for_twenty_bytes_and_no_other_number() {
    for length in [0, 1, 8, 19, 21, 22, 32, 254] {
        let (stream, playing) = server(move |peer| {
            peer.greet("mysql_native_password");
            peer.hear();
            let nonce = vec![b'n'; length];
            peer.say(2, &[b"\xfecaching_sha2_password\0", &nonce[..]].concat());
            peer.hear()
        });
        let error = expected_error(Connection::open(stream, &login()));
        assert!(matches!(error, Error::Protocol(_)), "{length}: {error:?}");
        assert!(playing.join().unwrap().is_empty(), "{length}");
    }
    for length in [0, 8, 9, 13, 20, 22, 40, 255] {
        let (stream, playing) = server(move |peer| {
            peer.greet_with(&vec![b'n'; length]);
            peer.hear()
        });
        let error = expected_error(Connection::open(stream, &login()));
        assert!(matches!(error, Error::Protocol(_)), "{length}: {error:?}");
        assert!(playing.join().unwrap().is_empty(), "{length}");
    }
    // With the zero behind it or without.
    for end in [&[][..], &[0]] {
        let (stream, playing) = server(move |peer| {
            peer.greet("mysql_native_password");
            peer.hear();
            peer.say(2, &[b"\xfecaching_sha2_password\0", &NONCE[..], end].concat());
            let proof = peer.hear();
            peer.say(4, &OK);
            proof
        });
        drop(open(stream));
        assert!(proves(&playing.join().unwrap()));
    }
}

#[test]
fn tls_is_left_out_where_it_is_not_offered_only_if_that_may_be() {
    let connector = openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls_client());
    let connector = connector.unwrap().build();
    let unencrypted = |peer: &mut Peer| {
        peer.greet_without_tls();
        let response = peer.hear();
        peer.say(2, &OK);
        response
    };
    let wanted = |if_offered| Login {
        tls: Some((&connector, "db")),
        if_offered,
        ..over_tcp(true, &ServerKey::Unknown)
    };
    let (stream, playing) = server(unencrypted);
    drop(Connection::open(stream, &wanted(true)).unwrap());
    assert!(playing.join().unwrap().windows(5).any(|part| part == b"app\0\x14"));
    let (stream, playing) = server(unencrypted);
    let error = expected_error(Connection::open(stream, &wanted(false)));
    assert!(matches!(error, Error::NoTls), "{error:?}");
    assert!(playing.join().unwrap().is_empty());
    // Where it is offered, nothing is said without it: what comes is the wish for it, without a name.
    let (stream, playing) = server(|peer| {
        peer.greet("mysql_native_password");
        peer.hear()
    });
    let error = expected_error(Connection::open(stream, &wanted(true)));
    assert!(matches!(error, Error::Tls(_) | Error::Lost(_)), "{error:?}");
    assert_eq!(playing.join().unwrap().len(), 32);
}

#[test]
fn a_way_to_log_in_that_is_not_known_is_named_and_gets_no_answer() {
    let names = [
        "mysql_clear_password",
        "dialog",
        "sha256_password",
        "client_ed25519",
        "auth_gssapi_client",
        "authentication_ldap_sasl_client",
        // As a server that is older than twenty years asks for a hash that is worth the password.
        "mysql_old_password",
        "",
    ];
    for name in names {
        let (stream, playing) = server(move |peer| {
            peer.greet("mysql_native_password");
            peer.hear();
            let nonce = if name.is_empty() { &[][..] } else { &NONCE[..] };
            peer.say(2, &[b"\xfe", name.as_bytes(), b"\0", nonce].concat());
            peer.hear()
        });
        let error = expected_error(Connection::open(stream, &login()));
        assert!(matches!(&error, Error::Plugin(asked) if asked == name), "{error:?}");
        assert!(playing.join().unwrap().is_empty(), "{name}");
    }
}
