//! A reader of answers.
//!
//! # Invariants
//! - 64 KiB at most, whatever the peer sends.
//! - An answer that was to have so many bytes has them.

use std::io::{self, Read};

use crate::request::framing::REPLY_MAX;
use crate::request::framing::Until;

/// As much of an answer as is asked for. Nothing at all is no answer.
pub(crate) fn read(from: &mut impl Read, until: Until) -> io::Result<Vec<u8>> {
    let most = match until {
        Until::Bytes(count) => count.min(REPLY_MAX),
        Until::Eof | Until::Line => REPLY_MAX,
    };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while answer.len() < most {
        let room = buffer.len().min(most - answer.len());
        let count = from.read(&mut buffer[..room])?;
        let came = &buffer[..count];
        if count == 0 {
            break;
        }
        if until == Until::Line
            && let Some(end) = came.iter().position(|b| *b == b'\n')
        {
            answer.extend_from_slice(&came[..=end]);
            return Ok(answer);
        }
        answer.extend_from_slice(came);
    }
    if answer.is_empty() || (matches!(until, Until::Bytes(_)) && answer.len() < most) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A peer that sends so many bytes at a time, and says no more when it has.
    struct Peer<'a>(&'a [u8], usize);

    impl Read for Peer<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(self.1).min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn an_answer_is_read_as_far_as_is_asked_for() {
        let all = "+OK\r\n-ERR\r\nx";
        for (until, read_of) in [
            (Until::Line, Some("+OK\r\n")),
            (Until::Eof, Some(all)),
            (Until::Bytes(2), Some("+O")),
            (Until::Bytes(12), Some(all)),
            (Until::Bytes(13), None),
        ] {
            for pace in [1, 3, 100] {
                let answer = read(&mut Peer(all.as_bytes(), pace), until).ok();
                assert_eq!(answer.as_deref(), read_of.map(str::as_bytes), "{until}, {pace}");
            }
        }
        assert_eq!(read(&mut Peer(b"+O", 1), Until::Line).unwrap(), b"+O");
        for until in [Until::Line, Until::Eof, Until::Bytes(1)] {
            assert!(read(&mut Peer(b"", 1), until).is_err());
        }
    }

    #[test]
    fn an_endless_answer_ends_where_the_limit_is() {
        for until in [Until::Line, Until::Eof, Until::Bytes(u64::MAX)] {
            let answer = read(&mut io::repeat(b'x'), until).unwrap();
            assert_eq!(answer.len() as u64, REPLY_MAX);
        }
    }

    proptest! {
        #[test]
        fn how_an_answer_is_cut_into_packets_makes_no_difference(
            sent in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200),
            pace in 1..50_usize, count in 1..250_u64,
        ) {
            for until in [Until::Line, Until::Eof, Until::Bytes(count)] {
                let at_once = read(&mut Peer(&sent, 1_000), until).ok();
                prop_assert_eq!(read(&mut Peer(&sent, pace), until).ok(), at_once);
            }
        }
    }
}
