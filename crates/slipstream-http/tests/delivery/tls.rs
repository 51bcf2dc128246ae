//! Certificates of our own making, both ways, and what a request without them meets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode};
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509NameBuilder};
use slipstream_core::{FailureScope, Outcome, Request};
use slipstream_http::{HttpRequest, Options};

use crate::server::{Reply, Server};
use crate::{driver, failure, send, send_with};

/// A certificate and its key.
struct Pair {
    cert: X509,
    key: PKey<Private>,
}

impl Pair {
    /// One of this name that `by` signed; that signed itself, without one.
    fn new(name: &str, by: Option<&Pair>) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut subject = X509NameBuilder::new().unwrap();
        subject.append_entry_by_text("CN", name).unwrap();
        let subject = subject.build();
        let mut cert = X509::builder().unwrap();
        cert.set_version(2).unwrap();
        let serial = BigNum::from_u32(name.len() as u32).unwrap().to_asn1_integer().unwrap();
        cert.set_serial_number(&serial).unwrap();
        cert.set_subject_name(&subject).unwrap();
        cert.set_issuer_name(by.map_or(&*subject, |ca| ca.cert.subject_name())).unwrap();
        cert.set_pubkey(&key).unwrap();
        cert.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        cert.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
        if by.is_none() {
            cert.append_extension(BasicConstraints::new().critical().ca().build().unwrap())
                .unwrap();
        }
        let names = SubjectAlternativeName::new()
            .dns(name)
            .build(&cert.x509v3_context(by.map(|ca| &*ca.cert), None))
            .unwrap();
        cert.append_extension(names).unwrap();
        cert.sign(by.map_or(&key, |ca| &ca.key), MessageDigest::sha256()).unwrap();
        Self { cert: cert.build(), key }
    }

    fn cert(&self) -> Vec<u8> {
        self.cert.to_pem().unwrap()
    }

    fn key(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }
}

/// A server for `localhost` that answers 200, and keeps connections open. It reports the name in
/// the client's certificate.
struct TlsServer {
    address: SocketAddr,
    clients: Receiver<Option<String>>,
}

impl TlsServer {
    fn new(pair: &Pair, clients_by: Option<&Pair>) -> Self {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_private_key(&pair.key).unwrap();
        acceptor.set_certificate(&pair.cert).unwrap();
        acceptor.set_session_id_context(b"test").unwrap();
        if let Some(ca) = clients_by {
            let mut store = X509StoreBuilder::new().unwrap();
            store.add_cert(ca.cert.clone()).unwrap();
            acceptor.set_verify_cert_store(store.build()).unwrap();
            acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        }
        let acceptor = acceptor.build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, clients) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (acceptor, tell) = (acceptor.clone(), tell.clone());
                thread::spawn(move || serve(&acceptor, stream.unwrap(), &tell));
            }
        });
        Self { address, clients }
    }

    fn request(&self, options: Options) -> HttpRequest {
        let url = format!("https://localhost:{}/", self.address.port());
        HttpRequest::get(url).options(options)
    }
}

/// Until the client closes, or the test has ended.
fn serve(acceptor: &SslAcceptor, stream: TcpStream, tell: &Sender<Option<String>>) -> Option<()> {
    let mut stream = acceptor.accept(stream).ok()?;
    let name = stream.ssl().peer_certificate().and_then(|cert| {
        let entry = cert.subject_name().entries().next()?.data().to_string().ok()?;
        Some(entry.to_string())
    });
    // Its requests come in one piece each.
    while stream.read(&mut [0; 4096]).ok()? > 0 {
        tell.send(name.clone()).ok()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
    None
}

#[test]
fn only_the_certificates_of_the_request_count() {
    let ca = Pair::new("ca", None);
    let other = Pair::new("another", None);
    let server = TlsServer::new(&Pair::new("localhost", Some(&ca)), None);
    let mut driver = driver();
    let trusting = Options::new().cacert(ca.cert());
    assert_eq!(send_with(&mut driver, &server.request(trusting.clone())), Outcome::Delivered);
    assert_eq!(server.clients.recv().unwrap(), None);
    // Neither the trust nor a session of it is left for a request that does not have it.
    for options in [Options::new(), Options::new().cacert(other.cert())] {
        let failed = failure(send_with(&mut driver, &server.request(options)));
        assert!(failed.transient && failed.reason.contains("certificate"), "{failed:?}");
    }
    assert_eq!(
        send_with(&mut driver, &server.request(Options::new().insecure(true))),
        Outcome::Delivered
    );
    let failed = failure(send_with(&mut driver, &server.request(Options::new())));
    assert!(failed.reason.contains("certificate"), "{failed:?}");

    // The name must be right, too.
    let named = TlsServer::new(&Pair::new("other.example", Some(&ca)), None);
    let failed = failure(send_with(&mut driver, &named.request(trusting)));
    assert!(failed.reason.contains("localhost"), "{failed:?}");
    let anyhow = named.request(Options::new().insecure(true));
    assert_eq!(send_with(&mut driver, &anyhow), Outcome::Delivered);
}

#[test]
fn only_a_server_with_a_pinned_key_is_sent_anything() {
    let ca = Pair::new("ca", None);
    let pair = Pair::new("localhost", Some(&ca));
    let server = TlsServer::new(&pair, None);
    let mut driver = driver();
    let pin = |pair: &Pair| {
        let hash = openssl::sha::sha256(&pair.key.public_key_to_der().unwrap());
        format!("sha256//{}", openssl::base64::encode_block(&hash))
    };
    let (right, wrong) = (pin(&pair), pin(&ca));
    let new = || Options::new().cacert(ca.cert());
    let mut send = |options| send_with(&mut driver, &server.request(options));
    // The connection that stays open is of a request without a pin.
    assert_eq!(send(new()), Outcome::Delivered);
    for options in [new(), new().insecure(true)] {
        let failed = failure(send(options.clone().pinnedpubkey(&wrong)));
        assert_eq!((failed.scope, failed.status), (FailureScope::Request, None), "{failed:?}");
        assert!(failed.reason.contains("pinned public key"), "{failed:?}");
        assert_eq!(send(options.pinnedpubkey(format!("{wrong};{right}"))), Outcome::Delivered);
    }
    assert_eq!(server.clients.try_iter().count(), 3);

    // A value that libcurl would take for a file's name is refused.
    for bad in ["", "/etc/key.pem", "sha256//", &right[..51], &format!("{right};/etc/key.pem")] {
        let request = server.request(new().pinnedpubkey(bad));
        let error = request.check().expect_err(bad).to_string();
        assert!(error.contains("expected sha256//"), "{error}");
    }
}

#[test]
fn a_client_shows_the_certificate_of_its_own_request() {
    let ca = Pair::new("ca", None);
    let server = TlsServer::new(&Pair::new("localhost", Some(&ca)), Some(&ca));
    let (alice, bob) = (Pair::new("alice", Some(&ca)), Pair::new("bob", Some(&ca)));
    let locked = |pair: &Pair| {
        pair.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"sesame").unwrap()
    };
    let new = || Options::new().cacert(ca.cert());
    let both = [alice.cert(), alice.key()].concat();
    let table = [
        (new().cert(alice.cert()).key(alice.key()), "alice"),
        (new().cert(bob.cert()).key(locked(&bob)).key_password("sesame"), "bob"),
        (new().cert(both), "alice"),
    ];
    let mut driver = driver();
    for (options, name) in table {
        let request = server.request(options);
        assert_eq!(send_with(&mut driver, &request), Outcome::Delivered, "{request:?}");
        assert_eq!(server.clients.recv().unwrap().as_deref(), Some(name));
        // Without one, the next request has no identity.
        let failed = failure(send_with(&mut driver, &server.request(new())));
        assert_eq!(failed.status, None, "{failed:?}");
    }
}

#[test]
fn a_key_that_cannot_be_used_is_a_failure_and_not_a_question() {
    let (me, other) = (Pair::new("me", None), Pair::new("other", None));
    let locked =
        me.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"sesame").unwrap();
    let silent = Server::always(Reply::Silence(""));
    let url = format!("https://{}/", silent.address());
    let new = || Options::new().cert(me.cert()).connect_timeout(Duration::from_secs(1));
    let table = [
        new().key(locked.clone()),
        new().key(locked.clone()).key_password("wrong"),
        new().key(other.key()),
        new().key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ];
    for options in table {
        let failed = failure(send(&HttpRequest::get(&url).options(options)));
        assert!(!failed.transient, "{failed:?}");
        assert!(
            failed.reason.starts_with("libcurl cannot use what the request is sent with"),
            "{failed:?}"
        );
    }
    // With the right password it comes as far as the handshake.
    let right =
        new().key(locked).key_password("sesame").connect_timeout(Duration::from_millis(200));
    let failed = failure(send(&HttpRequest::get(&url).options(right)));
    assert!(failed.reason.contains("handshake"), "{failed:?}");
}
