//! Signatures as Standard Webhooks has them: `webhook-id`, `webhook-timestamp` and
//! `webhook-signature`, the last an HMAC-SHA256 over the other two and the body.
//!
//! # Invariants
//! - What is signed is what is sent.
//! - A secret is looked up once for each driver, so once a run, and is shown nowhere.
//!
//! # Non-goals
//! Reading the environment or a file. The program that runs the driver gives a way, and may refuse names
//! that it does not like.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use slipstream_core::{Failure, FailureScope, RecordId, SecretRef, Timestamp};

/// What a secret's text begins with.
const PREFIX: &str = "whsec_";

/// A way from a secret's name to its text, or to words that say why it cannot be had.
type LookUp = Box<dyn Fn(&SecretRef) -> Result<String, String> + Send>;

/// The keys of a driver, and how it gets more.
pub(crate) struct Keys {
    look_up: LookUp,
    known: HashMap<String, Vec<u8>>,
}

impl Keys {
    pub(crate) fn new(
        look_up: impl Fn(&SecretRef) -> Result<String, String> + Send + 'static,
    ) -> Self {
        Self { look_up: Box::new(look_up), known: HashMap::new() }
    }

    /// The three headers for a body, `name: value`. A secret that cannot be had now may be
    /// there later.
    pub(crate) fn sign(
        &mut self,
        name: &str,
        id: RecordId,
        now: Timestamp,
        body: &[u8],
    ) -> Result<[String; 3], Failure> {
        let unknown = |why: String| {
            let words = format!("the secret to sign with, {name}, cannot be used: {why}");
            Failure::transient(FailureScope::Request, words)
        };
        if !self.known.contains_key(name) {
            let reference = name
                .parse()
                .map_err(|error: slipstream_core::Invalid| Failure::permanent(error.to_string()))?;
            let key = (self.look_up)(&reference).and_then(|text| key(&text)).map_err(unknown)?;
            self.known.insert(name.to_owned(), key);
        }
        let (id, seconds) = (id.to_string(), now.as_millis() / 1_000);
        let signature = signature(&self.known[name], &id, seconds, body);
        Ok([
            format!("webhook-id: {id}"),
            format!("webhook-timestamp: {seconds}"),
            format!("webhook-signature: {signature}"),
        ])
    }
}

/// The key in a secret's text. The error does not show it.
fn key(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    STANDARD
        .decode(text.strip_prefix(PREFIX).unwrap_or(text))
        .ok()
        .filter(|key| !key.is_empty())
        .ok_or_else(|| format!("it is not {PREFIX} and base64 behind it"))
}

fn signature(key: &[u8], id: &str, seconds: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "env:HOOK";

    #[test]
    fn a_signature_is_the_one_of_the_specification() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        // The example that its libraries test themselves with.
        assert_eq!(
            signature(
                &key,
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                br#"{"test": 2432232314}"#
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn the_headers_carry_what_was_signed() {
        let mut keys = Keys::new(|_| Ok(" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n".into()));
        let id = RecordId::from_bytes([7; 16]);
        let now = Timestamp::from_millis(1_614_265_330_999);
        let headers = keys.sign(NAME, id, now, b"body").unwrap();
        let key = key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = signature(&key, &id.to_string(), 1_614_265_330, b"body");
        assert_eq!(
            headers,
            [
                format!("webhook-id: {id}"),
                "webhook-timestamp: 1614265330".to_owned(),
                format!("webhook-signature: {signature}"),
            ]
        );
    }

    #[test]
    fn a_secret_that_cannot_be_used_is_a_passing_failure_that_does_not_show_it() {
        let id = RecordId::from_bytes([7; 16]);
        let sign = |text: Result<&'static str, &'static str>| {
            let mut keys = Keys::new(move |_| text.map(str::to_owned).map_err(str::to_owned));
            keys.sign(NAME, id, Timestamp::default(), b"").unwrap_err()
        };
        for text in ["", "whsec_", "whsec_sesame!", "sesame\0"] {
            let failure = sign(Ok(text));
            assert!(failure.transient && !failure.reason.contains("sesame"), "{failure:?}");
            assert!(failure.reason.contains(NAME) && failure.reason.contains("base64"));
        }
        let failure = sign(Err("the variable is not set"));
        assert_eq!(
            failure.reason,
            "the secret to sign with, env:HOOK, cannot be used: the variable is not set"
        );
    }

    #[test]
    fn a_secret_is_looked_up_once_and_again_when_that_failed() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicUsize, Ordering};

        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let mut keys = Keys::new(move |_| match count.fetch_add(1, Ordering::Relaxed) {
            0 => Err("not yet".to_owned()),
            _ => Ok("whsec_AAAA".to_owned()),
        });
        let id = RecordId::from_bytes([7; 16]);
        let mut sign = || keys.sign(NAME, id, Timestamp::default(), b"").is_ok();
        assert_eq!([sign(), sign(), sign()], [false, true, true]);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
