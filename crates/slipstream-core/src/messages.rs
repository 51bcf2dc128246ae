//! Every message of this crate in one snapshot, so that wording can be reviewed.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::operator::OperatorError;
use crate::*;

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    text: String,
}

impl Request for Note {
    const KIND: &'static str = "note";

    fn destination(&self) -> Destination {
        Destination::new("note://desk")
    }

    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// A line for each variant of each error, its causes behind it.
#[test]
fn errors() {
    let no = || Box::<dyn std::error::Error + Send + Sync>::from("no");
    let id = RecordId::from_bytes([7; 16]);
    let record = Record::new(&Note { text: "a".to_owned() }, id).unwrap();
    let other = Record { kind: "other".to_owned(), ..record.clone() };
    let body = Record { body: vec![0xc0], ..record };
    let errors: [&dyn std::error::Error; 17] = [
        &StoreError::Invalid(Invalid::new("words of an Invalid")),
        &StoreError::TooLarge { bytes: 11, limit: 10 },
        &StoreError::Full("words of the engine".to_owned()),
        &StoreError::DurabilityUnknown(no()),
        &StoreError::Engine("words of the engine".into()),
        &BacklogError::Busy { holder: None },
        &BacklogError::Busy { holder: Some(7) },
        &BacklogError::Unavailable {
            retry_in: Duration::from_secs(1),
            reason: "words of the engine".to_owned(),
        },
        &BacklogError::Engine("words of the engine".into()),
        &OperatorError::Busy { holder: None },
        &OperatorError::Busy { holder: Some(7) },
        &OperatorError::Unsupported("words of the engine".to_owned()),
        &OperatorError::Engine("words of the engine".into()),
        &Record::decode(b"x").unwrap_err(),
        &other.request::<Note>().unwrap_err(),
        &body.request::<Note>().unwrap_err(),
        &RecordId::from_str("17").unwrap_err(),
    ];
    let line = |error: &&dyn std::error::Error| {
        let debug = format!("{error:?}");
        let name = debug.split([' ', '(', '{']).next().unwrap();
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{name}: {error}{cause}\n")
    };
    insta::assert_snapshot!(errors.iter().map(line).collect::<String>());
}

/// What is refused, and the message for it.
#[test]
fn refusals() {
    let mut text = String::new();
    let mut refused = |what: &str, result: Result<(), Invalid>| {
        text.push_str(&format!("{what}\n  {}\n", result.unwrap_err()));
    };
    for policy in [
        "often",
        "tries=3",
        "attempts=0",
        "factor=0",
        "jitter=2",
        "base=soon",
        "cap=9d",
        "permanent=4xx",
        "attempts=1000,rounds=1000",
    ] {
        refused(policy, RetryPolicy::default().amended(policy).map(drop));
    }
    for host in ["", "[h]", "ü", "a b", "a..b", "1.2.3"] {
        refused(host, host_of(host).map(drop));
    }
    refused("h:0", split_port("h:0").map(drop));
    for secret in ["s3cret", "env:", "file:relative"] {
        refused(secret, SecretRef::from_str(secret).map(drop));
    }
    for allowed in ["unix:run/app.sock", "unix:/run/../app.sock"] {
        refused(allowed, check_allowed(allowed));
    }
    let at = |millis| Some(Timestamp::from_millis(millis));
    let expired =
        DeliveryOptions { not_before: at(2), expires: at(1), ..DeliveryOptions::default() };
    refused("not before 2, expires 1", expired.check());
    let ordered = DeliveryOptions { order: Some(String::new()), ..DeliveryOptions::default() };
    refused("an empty order key", ordered.check());
    let key = "k".repeat(300);
    let dedupe = Some(Dedupe { key, window: Duration::from_secs(1) });
    refused("a long dedupe key", DeliveryOptions { dedupe, ..DeliveryOptions::default() }.check());
    for line in ["", "[]", "{}", r#"{"text":1}"#, r#"{"txt":"a"}"#, r#"{"text":"a","text":"b"}"#] {
        let read = read_line::<Strict>(line.as_bytes(), &["delay"], r#"{"text":"a"}"#);
        refused(line, read.map(|(line, _)| drop(line.text)));
    }
    refused("timeout of -1", read_seconds("timeout", Some(-1.0)).map(drop));
    insta::assert_snapshot!(text);
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    text: String,
}

/// Why a request is not sent, whatever its kind.
#[test]
fn failures() {
    let named = AddressGate::sockets_only_of(&[]);
    let denied = |address: &str| AddressGate::denied(address.parse::<IpAddr>().unwrap());
    let all = [
        named.socket("run/app.sock").unwrap_err(),
        named.socket("/run/app.sock").unwrap_err(),
        named.abstract_socket("app").unwrap_err(),
        denied("127.0.0.1"),
        denied("10.0.0.1"),
        denied("169.254.169.254"),
        denied("::1"),
        denied("fe80::1"),
        denied("224.0.0.1"),
        denied("0.0.0.0"),
        AddressGate::refused("a proxy of the request's own", "proxy"),
        Failure::shortage(24).unwrap(),
    ];
    insta::assert_snapshot!(all.map(|failure| failure.reason).join("\n"));
}
