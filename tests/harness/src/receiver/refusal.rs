//! A receiver's answers: the same to all, or a refusal to some.
//!
//! Which request it refuses is decided by the request's key and a seed, so a run can be repeated:
//! of a thousand keys two are refused always, and fifteen every other time. Where there is no
//! status to refuse by, the key also decides in what manner.

use std::hash::Hasher;

use super::http;

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) bytes: Vec<u8>,
}

/// What a receiver answers.
pub(super) struct Answers {
    usual: Answer,
    /// The seed, and the answer to refused requests.
    refusal: Option<(u64, Answer)>,
    asked: u64,
}

impl Answers {
    /// The same to all.
    pub(super) fn always(status: u16, headers: &[String]) -> Self {
        Self {
            usual: Answer { status, bytes: http::response(status, headers) },
            refusal: None,
            asked: 0,
        }
    }

    /// The same, but 503 to some.
    pub(super) fn but_refuse_some(mut self, seed: u64) -> Self {
        let status = 503;
        let bytes = http::response(status, &[]);
        self.refusal = Some((seed, Answer { status, bytes }));
        self
    }

    /// The answer to a request with this key.
    pub(super) fn to(&mut self, key: Option<&[u8]>) -> &Answer {
        self.asked += 1;
        match &self.refusal {
            Some((seed, refusal)) if refuses(*seed, key, self.asked) => refusal,
            _ => &self.usual,
        }
    }

    /// The answer to requests that it makes wait.
    pub(super) fn late(&self) -> &[u8] {
        &self.usual.bytes
    }
}

/// How a line is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// By another answer than the expected one.
    Busy,
    /// By the end of the connection.
    Close,
    /// By a reset.
    Reset,
    /// By silence.
    Hang,
}

/// How a line with this key is refused, if it is.
pub(super) fn manner(seed: u64, key: &[u8], asked: u64) -> Option<Manner> {
    let lot = lot(seed, key);
    refuses(seed, Some(key), asked).then(|| match lot / 1000 % 16 {
        0..5 => Manner::Busy,
        5..10 => Manner::Close,
        // A request that is refused always would take all the time that there is.
        15 if !always(lot) => Manner::Hang,
        _ => Manner::Reset,
    })
}

/// Whether those with this key are always refused.
pub(super) fn refuses_for_good(seed: u64, key: &[u8]) -> bool {
    always(lot(seed, key))
}

fn refuses(seed: u64, key: Option<&[u8]>, asked: u64) -> bool {
    let lot = lot(seed, key.unwrap_or_default());
    always(lot) || ((2..17).contains(&(lot % 1000)) && asked.is_multiple_of(2))
}

fn always(lot: u64) -> bool {
    lot % 1000 < 2
}

fn lot(seed: u64, key: &[u8]) -> u64 {
    // Not a hasher with a seed of its own: another run must refuse the same ones.
    #[expect(deprecated)]
    let mut hasher = std::hash::SipHasher::new_with_keys(seed, 0);
    hasher.write(key);
    hasher.finish()
}
