//! Passwords, sockets, TLS, and which addresses are connected to.

use slipstream_core::{AddressGate, Outcome, SecretRef};
use slipstream_mysql::{MysqlHandler, MysqlOptions, MysqlRequest, Tls};
use slipstream_tests::{Certificates, MariaDb};

use super::{failure, handler, insert, perform, server};

/// A handler that finds secrets where the binary does.
fn knowing() -> MysqlHandler {
    handler().secrets(|secret, _| match secret {
        SecretRef::Env(name) => match &**name {
            "SHOP" => Ok("sesame".into()),
            _ => Err(format!("the worker's environment has no {name}")),
        },
        SecretRef::File(path) => std::fs::read_to_string(path).map_err(|error| error.to_string()),
    })
}

#[test]
fn a_password_is_found_by_its_name_and_by_an_option_file() {
    let server = server();
    server.sql("SET PASSWORD FOR app@'%' = PASSWORD('sesame')");
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let password = format!("file:{}", file("password", "sesame\n"));
    let cnf = file("my.cnf", "[client]\nuser = app\npassword = \"sesame\"\n");
    let handler = knowing();
    let without_user = MysqlRequest::new(server.url().replace("app@", ""))
        .statement("INSERT INTO t (id) VALUES (3)", []);
    for request in [
        insert(&server, 1).password("env:SHOP"),
        insert(&server, 2).password(password),
        without_user.defaults_file(&cnf),
        insert(&server, 4).defaults_file(cnf),
    ] {
        assert_eq!(perform(&handler, &request), Outcome::Delivered, "{request:?}");
    }
    let failed = failure(perform(&handler, &insert(&server, 5)));
    assert_eq!((failed.status, failed.transient), (Some(1045), true));
    let failed = failure(perform(&handler, &insert(&server, 5).password("env:NONE")));
    assert!(failed.transient && failed.reason.contains("env:NONE"), "{failed:?}");
}

#[test]
fn a_socket_leads_to_the_server_and_its_user_may_need_no_password() {
    let server = server();
    let url = format!("mysql://root@localhost/shop?socket={}", server.socket());
    let request = MysqlRequest::new(url)
        .statement("INSERT INTO t (id) VALUES (?)", [1.into()])
        .tls(Tls::Verify);
    assert_eq!(perform(&handler(), &request), Outcome::Delivered);
    let mut options = MysqlOptions::default();
    options.addresses = AddressGate::public_and(&[]);
    let strict = MysqlHandler::new(options);
    assert!(failure(perform(&strict, &request)).reason.contains("unix socket"));
    assert!(failure(perform(&strict, &insert(&server, 2))).reason.contains("loopback"));
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 1);
}

#[test]
fn over_tls_a_server_must_prove_its_name_unless_the_request_does_without() {
    let (ours, others) = (Certificates::new(), Certificates::new());
    let pair = ours.pair("localhost");
    let server = MariaDb::start(&[
        &format!("--ssl-cert={}", pair.cert.display()),
        &format!("--ssl-key={}", pair.key.display()),
    ]);
    server.sql("CREATE TABLE shop.t (cipher TEXT); ALTER USER app@'%' REQUIRE SSL");
    let by = |host: &str| {
        MysqlRequest::new(format!("mysql://app@{host}:{}/shop", server.port())).statement(
            "INSERT INTO t SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS \
             WHERE VARIABLE_NAME = 'Ssl_cipher'",
            [],
        )
    };
    let pem = |from: &Certificates| std::fs::read(from.authority()).unwrap();
    let handler = handler();
    let verified = by("localhost").tls(Tls::Verify).cacert(pem(&ours));
    assert_eq!(perform(&handler, &verified), Outcome::Delivered);
    // The server's own certificate, which did not sign itself, may be what is trusted.
    let leaf = by("localhost").tls(Tls::Verify).cacert(pair.pem().0);
    assert_eq!(perform(&handler, &leaf), Outcome::Delivered);
    assert_eq!(perform(&handler, &by("localhost").tls(Tls::Insecure)), Outcome::Delivered);
    assert_eq!(server.number("SELECT COUNT(*) FROM t WHERE cipher LIKE '%\\_%'"), 3);
    for wrong in [
        by("localhost").tls(Tls::Verify).cacert(pem(&others)),
        by("localhost").tls(Tls::Verify),
        // The certificate is of another name than the name that was connected to.
        by("127.0.0.1").tls(Tls::Verify).cacert(pem(&ours)),
    ] {
        let failed = failure(perform(&handler, &wrong));
        assert!(failed.transient && failed.reason.contains("does not prove it"), "{failed:?}");
    }
    // Over loopback it is used if it is offered, with any server that answers.
    assert_eq!(perform(&handler, &by("localhost")), Outcome::Delivered);
    let mut options = MysqlOptions::default();
    options.tls = Tls::Verify;
    options.cacert = pem(&ours);
    let configured = MysqlHandler::new(options);
    assert_eq!(perform(&configured, &by("localhost")), Outcome::Delivered);
    assert_eq!(failure(perform(&configured, &by("localhost").tls(Tls::Off))).status, Some(1045));
}

#[test]
fn a_server_without_tls_gets_nothing_from_a_request_that_wants_it() {
    let server = server();
    let failed = failure(perform(&handler(), &insert(&server, 1).tls(Tls::Verify)));
    assert!(failed.transient && failed.reason.contains("offers no tls"), "{failed:?}");
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 0);
}

/// A server that is reached as if it were another machine's: the address is not loopback's.
fn elsewhere(server: &MariaDb, user: &str) -> String {
    format!("mysql://{user}@0.0.0.0:{}/shop", server.port())
}

fn guarding(files: &[(&str, &str)]) -> (MysqlHandler, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text.replace("DIR", dir.path().to_str().unwrap()))
            .unwrap();
    }
    let mut options = MysqlOptions::default();
    options.guards_secrets = true;
    let handler = MysqlHandler::new(options).secrets(|secret, _| match secret {
        SecretRef::Env(_) => Ok("sesame".into()),
        SecretRef::File(path) => std::fs::read_to_string(path).map_err(|error| error.to_string()),
    });
    (handler, dir)
}

#[test]
fn a_guarded_password_goes_elsewhere_only_over_tls_that_the_worker_verifies() {
    let (ours, theirs) = (Certificates::new(), Certificates::new());
    let pair = ours.pair("0.0.0.0");
    let options = [
        &format!("--ssl-cert={}", pair.cert.display()),
        &format!("--ssl-key={}", pair.key.display()),
    ];
    let server = MariaDb::start(&options.map(|option| &**option));
    server.sql("CREATE TABLE shop.t (id INT); SET PASSWORD FOR app@'%' = PASSWORD('sesame')");
    let pem = |from: &Certificates| std::fs::read_to_string(from.authority()).unwrap();
    let cnf = "[client]\npassword=sesame\nssl-ca=DIR/ca.pem\n";
    let (handler, dir) = guarding(&[("app.cnf", cnf), ("ca.pem", &pem(&ours))]);
    let request =
        || MysqlRequest::new(elsewhere(&server, "app")).statement("INSERT INTO t VALUES (1)", []);
    let by_env = || request().password("env:SHOP");
    for request in [
        by_env(),
        by_env().tls(Tls::Off),
        by_env().tls(Tls::Insecure),
        by_env().tls(Tls::Verify),
        by_env().get_server_public_key(true),
        // The authority is the request's own.
        by_env().cacert(pem(&ours)),
        by_env().cacert(pem(&ours)).tls(Tls::Verify),
        by_env().cacert(pem(&theirs)),
    ] {
        let failed = failure(perform(&handler, &request));
        assert!(failed.transient && failed.status.is_none(), "{failed:?}");
        assert!(failed.reason.contains("the worker's own authorities"), "{failed:?}");
    }
    assert_eq!(server.status("Aborted_connects"), 8, "no login was tried");
    // An option file is the worker's, and so is the authority that it names.
    let by_file = request().defaults_file(dir.path().join("app.cnf").display().to_string());
    for request in [by_file.clone(), by_file.clone().tls(Tls::Off), by_file.cacert(pem(&theirs))] {
        assert_eq!(perform(&handler, &request), Outcome::Delivered, "{request:?}");
    }
    // Of one's own the request decides.
    let own = knowing();
    let off = by_env().tls(Tls::Off);
    assert_eq!(perform(&own, &off), Outcome::Delivered);
    assert_eq!(perform(&own, &by_env().cacert(pem(&ours))), Outcome::Delivered);
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 5);
}

#[test]
fn a_server_without_tls_elsewhere_gets_no_guarded_password() {
    let server = server();
    let (handler, _dir) = guarding(&[]);
    let insert = "INSERT INTO t (id) VALUES (1)";
    let request = MysqlRequest::new(elsewhere(&server, "app")).statement(insert, []);
    let guarded = request.clone().password("env:SHOP").tls(Tls::Off);
    let failed = failure(perform(&handler, &guarded));
    assert!(failed.reason.contains("offers no tls") && failed.status.is_none(), "{failed:?}");
    // Without a password there is nothing to guard.
    assert_eq!(perform(&handler, &request.tls(Tls::Off)), Outcome::Delivered);
}

#[test]
fn over_loopback_tls_is_used_if_it_is_offered() {
    let certificates = Certificates::new();
    let pair = certificates.pair("other.example");
    let options = [
        &format!("--ssl-cert={}", pair.cert.display()),
        &format!("--ssl-key={}", pair.key.display()),
    ];
    let with = MariaDb::start(&options.map(|option| &**option));
    let without = MariaDb::start(&["--skip-ssl"]);
    for (server, ciphers) in [(&with, 1), (&without, 0)] {
        server.sql("CREATE TABLE shop.t (cipher TEXT)");
        let request = MysqlRequest::new(server.url()).statement(
            "INSERT INTO t SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS \
             WHERE VARIABLE_NAME = 'Ssl_cipher'",
            [],
        );
        assert_eq!(perform(&handler(), &request), Outcome::Delivered);
        assert_eq!(server.number("SELECT COUNT(*) FROM t WHERE cipher <> ''"), ciphers);
    }
}
