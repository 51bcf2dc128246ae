//! Delivery options: when a request may be tried, how often, and after which other requests.
//!
//! They belong to any kind of request, so they are in the envelope, and all of them are optional: a
//! request without options is tried at once, by the worker's own policy, beside any other.
//!
//! # Non-goals
//! Durations that count from now. The storing program knows the time; what is stored says the same
//! whenever it is read.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::invalid::Invalid;
use crate::retry_policy::RetryPolicy;

/// Longest key, in bytes.
const KEY_MAX: usize = 255;

/// With which options a request is delivered.
///
/// ```
/// use std::time::Duration;
/// use slipstream_core::DeliveryOptions;
///
/// let options = DeliveryOptions::new()
///     .order("customer-17")
///     .dedupe("invoice-4711", Duration::from_secs(3600))
///     .retry("attempts=5,every=1h");
/// options.check()?;
/// # Ok::<(), slipstream_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeliveryOptions {
    /// It is not tried before.
    pub not_before: Option<Timestamp>,
    /// It is not tried after this: it has expired then, and is counted as such.
    pub expires: Option<Timestamp>,
    /// Requests with the same order key are delivered one after another, in the order stored. A
    /// dead-lettered request does not hold up the requests behind it.
    pub order: Option<String>,
    /// It is not stored at all if another one with the same key was, a moment ago.
    pub dedupe: Option<Dedupe>,
    /// What differs from the worker's own policy, as [`RetryPolicy::amended`] reads it.
    pub retry: Option<String>,
}

/// What makes a request a repeat of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dedupe {
    /// Requests with the same key are repeats,
    pub key: String,
    /// if they are stored within this time.
    pub window: Duration,
}

impl DeliveryOptions {
    /// Options of a request that is delivered as soon as may be.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same for a request that is not tried before this time.
    #[must_use]
    pub fn not_before(mut self, time: Timestamp) -> Self {
        self.not_before = Some(time);
        self
    }

    /// The same for a request that is not tried after this time.
    #[must_use]
    pub fn expires(mut self, time: Timestamp) -> Self {
        self.expires = Some(time);
        self
    }

    /// The same for a request that is delivered after those stored before it with this order key.
    #[must_use]
    pub fn order(mut self, key: impl Into<String>) -> Self {
        self.order = Some(key.into());
        self
    }

    /// The same for a request that is not stored if one with this key was, within the window.
    #[must_use]
    pub fn dedupe(mut self, key: impl Into<String>, window: Duration) -> Self {
        self.dedupe = Some(Dedupe { key: key.into(), window });
        self
    }

    /// The same with what differs from the worker's own policy, as [`RetryPolicy::amended`] reads it.
    #[must_use]
    pub fn retry(mut self, policy: impl Into<String>) -> Self {
        self.retry = Some(policy.into());
        self
    }

    /// Refuses what can never be kept.
    ///
    /// # Errors
    /// What is wrong, in words for the program's user.
    pub fn check(&self) -> Result<(), Invalid> {
        if let (Some(start), Some(end)) = (self.not_before, self.expires)
            && end <= start
        {
            return Err(Invalid::new(
                "the request expires before it may be sent; let it live longer, or send it earlier",
            )
            .field("expires"));
        }
        let dedupe = self.dedupe.as_ref().map(|dedupe| &dedupe.key);
        for (key, name) in [(self.order.as_ref(), "order"), (dedupe, "dedupe")] {
            let Some(key) = key else { continue };
            if key.is_empty() || key.len() > KEY_MAX {
                return Err(Invalid::new(format!(
                    "invalid {name} key of {} bytes; expected 1 to {KEY_MAX} (store a hash of a longer one)",
                    key.len()
                ))
                .field(name));
            }
        }
        if let Some(text) = &self.retry {
            RetryPolicy::default().amended(text).map_err(|error| error.field("retry"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_can_never_be_kept_are_refused() {
        let at = Timestamp::from_millis;
        let key = |key: &str| Some(key.to_owned());
        let table = [
            (DeliveryOptions::default(), None),
            (DeliveryOptions { not_before: Some(at(2)), ..DeliveryOptions::default() }, None),
            (
                DeliveryOptions {
                    not_before: Some(at(1)),
                    expires: Some(at(2)),
                    ..DeliveryOptions::default()
                },
                None,
            ),
            (
                DeliveryOptions {
                    not_before: Some(at(2)),
                    expires: Some(at(2)),
                    ..DeliveryOptions::default()
                },
                Some("expires before it may be sent"),
            ),
            (DeliveryOptions { order: key("customer-17"), ..DeliveryOptions::default() }, None),
            (
                DeliveryOptions { order: key(""), ..DeliveryOptions::default() },
                Some("invalid order key of 0 bytes"),
            ),
            (
                DeliveryOptions { order: key(&"x".repeat(256)), ..DeliveryOptions::default() },
                Some("256 bytes"),
            ),
            (
                DeliveryOptions {
                    dedupe: Some(Dedupe { key: String::new(), window: Duration::ZERO }),
                    ..DeliveryOptions::default()
                },
                Some("invalid dedupe key"),
            ),
            (
                DeliveryOptions { retry: key("attempts=5,every=1h"), ..DeliveryOptions::default() },
                None,
            ),
            (
                DeliveryOptions { retry: key("attempts=many"), ..DeliveryOptions::default() },
                Some("attempts"),
            ),
        ];
        for (options, expected) in table {
            let words = options.check().err().map(|error| error.to_string());
            match expected {
                None => assert_eq!(words, None, "{options:?}"),
                Some(part) => {
                    assert!(
                        words.clone().is_some_and(|w| w.contains(part)),
                        "{options:?}: {words:?}"
                    );
                }
            }
        }
    }
}
