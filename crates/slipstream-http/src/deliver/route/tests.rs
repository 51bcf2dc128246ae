//! Where connections go.

use super::*;

#[test]
fn a_connection_goes_where_the_options_lead() {
    let new = Options::new;
    let table = [
        (new(), "h.example", None),
        (new().connect_to("h.example:80:b.example:81"), "b.example", Some("::b.example:81")),
        (new().connect_to("H.Example:80:B.example:"), "b.example", Some("::b.example:80")),
        (new().connect_to("h.example::[::1]:81"), "[::1]", Some("::[::1]:81")),
        (new().connect_to(":::81"), "h.example", Some("::h.example:81")),
        (new().connect_to("other:80:b:81"), "h.example", None),
        (new().connect_to("h.example:443:b:81"), "h.example", None),
        (new().connect_to(":80:a:1").connect_to("::b:2"), "a", Some("::a:1")),
        (new().resolve("h.example:80:127.0.0.1"), "127.0.0.1", Some("::127.0.0.1:80")),
        (new().resolve("+h.example:80:[::1]"), "[::1]", Some("::[::1]:80")),
        (new().resolve("*:80:::1"), "[::1]", Some("::[::1]:80")),
        (new().resolve("h.example:443:::1"), "h.example", None),
        (
            new().resolve("h.example:80:1.1.1.1").resolve("*:80:2.2.2.2"),
            "1.1.1.1",
            Some("::1.1.1.1:80"),
        ),
        (new().resolve("*:80:1.1.1.1").resolve("*:80:2.2.2.2"), "2.2.2.2", Some("::2.2.2.2:80")),
        (new().resolve("h.example:80:1.1.1.1,2.2.2.2"), "1.1.1.1", Some("::1.1.1.1:80")),
        // The address is looked up for the host that is connected to.
        (new().connect_to("::b:81").resolve("b:81:1.2.3.4"), "1.2.3.4", Some("::1.2.3.4:81")),
    ];
    let to = Authority::parse("http://h.example/").unwrap();
    for (options, host, connect_to) in table {
        let route = Route::to(&to, &options, false, 1);
        assert_eq!(route.peer, Peer::Host(host.to_owned()), "{options:?}");
        assert_eq!(route.connect_to.as_deref(), connect_to, "{options:?}");
    }
}

#[test]
fn each_attempt_takes_the_next_address() {
    let to = Authority::parse("http://h/").unwrap();
    let options = Options::new().resolve("h:80:1.1.1.1,2.2.2.2,[::3]");
    let hosts = (1..=4).map(|attempt| Route::to(&to, &options, false, attempt).peer);
    let expected = ["1.1.1.1", "2.2.2.2", "[::3]", "1.1.1.1"];
    assert_eq!(hosts.collect::<Vec<_>>(), expected.map(|h| Peer::Host(h.to_owned())));
}

#[test]
fn a_proxy_or_a_socket_is_the_peer_and_addresses_are_left_to_the_proxy() {
    let to = Authority::parse("http://h/").unwrap();
    let new = Options::new;
    let table = [
        (new().unix_socket("/run/a"), false, Peer::Unix("/run/a".into()), None),
        (new().abstract_unix_socket("a"), true, Peer::AbstractUnix("a".into()), None),
        (new().proxy("socks5h://P:1080"), true, Peer::Proxy("p".into()), None),
        (new().proxy("p").connect_to("::b:81"), false, Peer::Proxy("p".into()), Some("::b:81")),
        (new().resolve("h:80:1.1.1.1"), true, Peer::OwnProxy, None),
    ];
    for (options, own_proxy, peer, connect_to) in table {
        let route = Route::to(&to, &options, own_proxy, 1);
        assert_eq!((route.peer, route.connect_to.as_deref()), (peer, connect_to), "{options:?}");
    }
}
