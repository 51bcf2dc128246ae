//! Signatures as they arrive.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use slipstream_core::{Clock, FailureScope, Outcome, SecretRef, Timestamp};
use slipstream_http::{HttpDriver, HttpOptions, HttpRequest, Options};

use crate::server::{OK, Server, redirect};
use crate::{ID, driver, failure, send_with};

/// A clock that is stopped.
struct Stopped(u64);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

fn signing() -> HttpDriver {
    HttpDriver::new(HttpOptions::default()).unwrap().clock(Stopped(1_614_265_330_123)).secrets(
        |name| match name {
            SecretRef::Env(name) if name == "HOOK" => {
                Ok(format!("whsec_{}", STANDARD.encode("sesame")))
            }
            _ => Err("there is none of this name".to_owned()),
        },
    )
}

fn signed(url: &str) -> HttpRequest {
    HttpRequest::post(url).body("{\"a\": 1}").options(Options::new().follow().sign("env:HOOK"))
}

#[test]
fn a_signature_covers_id_time_and_body() {
    let server = Server::always(OK);
    assert_eq!(send_with(&mut signing(), &signed(&server.url("/"))), Outcome::Delivered);
    let text = server.texts().remove(0);
    let mut mac = Hmac::<Sha256>::new_from_slice(b"sesame").unwrap();
    mac.update(format!("{ID}.1614265330.{{\"a\": 1}}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    for line in [
        format!("webhook-id: {ID}\r\n"),
        "webhook-timestamp: 1614265330\r\n".to_owned(),
        format!("webhook-signature: v1,{signature}\r\n"),
    ] {
        assert!(text.contains(&line), "{line} in {text}");
    }
    assert!(text.ends_with("\r\n\r\n{\"a\": 1}"));
}

#[test]
fn a_redirect_is_signed_again_at_home_and_not_elsewhere() {
    let other = Server::always(OK);
    let away = redirect(307, &other.url("/"));
    let home = Server::new(move |n| if n == 0 { redirect(303, "/b") } else { away });
    assert_eq!(send_with(&mut signing(), &signed(&home.url("/"))), Outcome::Delivered);
    let count = |server: &Server| -> Vec<_> {
        server.texts().iter().map(|text| text.matches("webhook-").count()).collect()
    };
    assert_eq!((count(&home), count(&other)), (vec![3, 3], vec![0]));
    let texts = home.texts();
    let signature = |text: &String| text.split("webhook-signature").nth(1).unwrap().to_owned();
    // The second has no body.
    assert_ne!(signature(&texts[0]), signature(&texts[1]));
}

#[test]
fn without_its_secret_nothing_is_sent() {
    let server = Server::always(OK);
    let missing = Options::new().sign("file:/etc/none");
    let missing = HttpRequest::post(server.url("/")).options(missing);
    for (driver, request, words) in [
        (&mut signing(), &missing, "file:/etc/none, cannot be used: there is none of this name"),
        (&mut driver(), &signed(&server.url("/")), "no way to look up secrets"),
    ] {
        let failed = failure(send_with(driver, request));
        assert!(failed.transient && failed.scope == FailureScope::Request, "{failed:?}");
        assert!(failed.reason.contains(words), "{failed:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_signature_does_not_follow_even_where_all_else_is_trusted_to() {
    let other = Server::always(OK);
    let home = Server::always(redirect(307, &other.named("/")));
    let options = Options::new().follow().sign("env:HOOK").location_trusted(true);
    let request = HttpRequest::post(home.url("/")).body("a").options(options);
    assert_eq!(send_with(&mut signing(), &request), Outcome::Delivered);
    assert!(home.texts()[0].contains("webhook-signature"));
    assert!(!other.texts()[0].to_lowercase().contains("webhook"), "{}", other.texts()[0]);
}
