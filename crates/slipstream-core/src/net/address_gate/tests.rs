//! The addresses, names and sockets that are allowed.

use super::*;

fn texts(allowed: &[&str]) -> Vec<String> {
    allowed.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_host_is_exempt_by_its_name_and_an_address_by_itself() {
    let allowed = ["Internal.Example.", "10.0.0.7", "[::1]", "unix:/run/A.sock"];
    let policy = AddressGate::public_and(&texts(&allowed));
    for (name, exempt) in [
        ("internal.example", true),
        ("INTERNAL.example.", true),
        ("x.internal.example", false),
        ("10.0.0.7", false),
    ] {
        assert_eq!(policy.exempts(name), exempt, "{name}");
    }
    for (text, allowed) in [
        ("8.8.8.8", true),
        ("10.0.0.7", true),
        ("::ffff:10.0.0.7", true),
        ("10.0.0.8", false),
        ("::1", true),
        ("127.0.0.1", false),
    ] {
        assert_eq!(policy.allows(text.parse().unwrap()), allowed, "{text}");
    }
}

#[test]
fn a_socket_is_allowed_by_the_one_spelling_of_its_path() {
    let allowed = texts(&["unix:/run//./A.sock", "unix:@app", "unix:relative", "localhost"]);
    let all = AddressGate::default();
    for policy in [AddressGate::public_and(&allowed), AddressGate::sockets_only_of(&allowed)] {
        for (path, allowed) in [
            ("/run/A.sock", true),
            ("//run/./A.sock", true),
            ("/run/A.sock/", true),
            ("/run/a.sock", false),
            ("/run/A.sock2", false),
            ("/run/x/../A.sock", false),
            ("/../run/A.sock", false),
            ("run/A.sock", false),
            ("relative", false),
            ("./relative", false),
            // A file of that name in the worker's directory.
            ("@app", false),
            ("/@app", false),
            ("", false),
        ] {
            assert_eq!(policy.socket(path).is_ok(), allowed, "{path}");
            assert_eq!(all.socket(path), Ok(()));
        }
        for (name, allowed) in [("app", true), ("App", false), ("/run/A.sock", false)] {
            assert_eq!(policy.abstract_socket(name).is_ok(), allowed, "{name}");
            assert_eq!(all.abstract_socket(name), Ok(()));
        }
    }
    let failure = AddressGate::sockets_only_of(&[]).socket("/run//b.sock").unwrap_err();
    assert!(!failure.transient);
    assert!(failure.reason.contains("--allow-host unix:/run/b.sock`"), "{failure:?}");
}

#[test]
fn only_a_path_that_a_request_can_have_can_be_allowed() {
    for good in ["unix:/run/a.sock", "unix:/run//a", "unix:@a/../b", "host", "10.0.0.7"] {
        assert_eq!(check_allowed(good), Ok(()), "{good}");
    }
    for bad in ["unix:", "unix:run/a.sock", "unix:./a", "unix:/run/../a"] {
        let error = check_allowed(bad).unwrap_err().to_string();
        assert!(error.contains("unix:/PATH"), "{bad}: {error}");
    }
}

#[test]
fn sockets_can_be_named_while_every_address_is_allowed() {
    let policy = AddressGate::sockets_only_of(&[]);
    assert!(policy.allows("127.0.0.1".parse().unwrap()) && policy.exempts("localhost"));
    assert!(!policy.is_open() && !policy.is_public_only() && AddressGate::default().is_open());
}

#[test]
fn an_address_is_public_or_of_a_kind() {
    let table = [
        ("0.0.0.0", Some("an unspecified")),
        ("0.255.255.255", Some("an unspecified")),
        ("1.0.0.0", None),
        ("9.255.255.255", None),
        ("10.0.0.0", Some("a private")),
        ("10.255.255.255", Some("a private")),
        ("11.0.0.0", None),
        ("100.63.255.255", None),
        ("100.64.0.0", Some("a carrier's private")),
        ("100.127.255.255", Some("a carrier's private")),
        ("100.128.0.0", None),
        ("126.255.255.255", None),
        ("127.0.0.1", Some("a loopback")),
        ("127.255.255.254", Some("a loopback")),
        ("128.0.0.0", None),
        ("169.253.255.255", None),
        ("169.254.169.254", Some("a link-local")),
        ("169.255.0.0", None),
        ("172.15.255.255", None),
        ("172.16.0.1", Some("a private")),
        ("172.31.255.255", Some("a private")),
        ("172.32.0.0", None),
        ("192.0.0.170", Some("a reserved")),
        ("192.0.1.0", None),
        ("192.0.2.1", Some("a documentation")),
        ("192.88.99.1", Some("a relay's")),
        ("192.167.255.255", None),
        ("192.168.0.1", Some("a private")),
        ("192.169.0.0", None),
        ("198.17.255.255", None),
        ("198.18.0.1", Some("a benchmark's")),
        ("198.19.255.255", Some("a benchmark's")),
        ("198.20.0.0", None),
        ("198.51.100.1", Some("a documentation")),
        ("203.0.113.1", Some("a documentation")),
        ("223.255.255.255", None),
        ("224.0.0.1", Some("a multicast")),
        ("239.255.255.255", Some("a multicast")),
        ("240.0.0.1", Some("a reserved")),
        ("255.255.255.255", Some("a reserved")),
        ("8.8.8.8", None),
        ("::", Some("an unspecified")),
        ("::1", Some("a loopback")),
        ("::127.0.0.1", Some("a loopback")),
        ("::8.8.8.8", None),
        ("::ffff:127.0.0.1", Some("a loopback")),
        ("::ffff:169.254.169.254", Some("a link-local")),
        ("::ffff:a00:1", Some("a private")),
        ("::ffff:8.8.8.8", None),
        ("::ffff:0:8.8.8.8", Some("a reserved")),
        ("64:ff9b::10.0.0.1", Some("a private")),
        ("64:ff9b::a9fe:a9fe", Some("a link-local")),
        ("64:ff9b::8.8.8.8", None),
        ("64:ff9b:1::8.8.8.8", Some("a private")),
        ("100::1", Some("a discard")),
        ("2001::80ff:fffe", Some("a loopback")),
        ("2001::f7f7:f7f7", None),
        ("2001:2::1", Some("a benchmark's")),
        ("2001:10::1", Some("a reserved")),
        ("2001:2f:ffff::1", Some("a reserved")),
        ("2001:db8::1", Some("a documentation")),
        ("2002:7f00:1::", Some("a loopback")),
        ("2002:c0a8:101::1", Some("a private")),
        ("2002:808:808::1", None),
        ("2606:4700::1111", None),
        ("3fff::1", Some("a documentation")),
        ("5f00::1", Some("a reserved")),
        ("fbff::1", None),
        ("fc00::1", Some("a private")),
        ("fd12:3456::1", Some("a private")),
        ("fe00::1", None),
        ("fe80::1", Some("a link-local")),
        ("febf::1", Some("a link-local")),
        ("fec0::1", Some("a private")),
        ("ff02::1", Some("a multicast")),
    ];
    for (address, kind) in table {
        assert_eq!(not_public(address.parse().unwrap()), kind, "{address}");
    }
}
