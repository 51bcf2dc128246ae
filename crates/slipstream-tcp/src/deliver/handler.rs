//! The handler: one attempt of one request, or of several that share a connection.
//!
//! # Invariants
//! - Delivered is what [the crate](crate) says it is.
//! - A request that shares a connection fails for itself alone: when the connection breaks, each is
//!   tried again on a connection of its own.
//!
//! # Non-goals
//! Connections that outlive a call.

use std::io::{BufWriter, Write};
use std::time::Instant;

use slipstream_core::{Attempt, Failure, Handler, Outcome, Request, SecretRef};

use crate::deliver::answer;
use crate::deliver::channel::Channel;
use crate::deliver::classify;
use crate::deliver::classify::Stage;
use crate::deliver::connect::connect;
use crate::deliver::options::TcpOptions;
use crate::deliver::options::Times;
use crate::deliver::session::Sessions;
use crate::deliver::wire::Wire;
use crate::request::TcpRequest;
use crate::url::Address;

/// How many requests share a connection at most.
const SHARED: usize = 128;

/// Sends [`TcpRequest`]s.
pub struct TcpHandler {
    options: TcpOptions,
    sessions: Sessions,
}

/// An attempt that failed.
struct Broken {
    failure: Failure,
    /// Whether others that go the same way would meet the same, and wait as long for it.
    for_all: bool,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self { failure, for_all: true }
    }
}

impl TcpHandler {
    /// A handler with these settings, which knows no secrets.
    pub fn new(options: TcpOptions) -> Self {
        let none = |_: &SecretRef| Err("this program looks up no secrets".to_owned());
        Self { options, sessions: Sessions::new(none) }
    }

    /// The same with a way from a key's name to its text, or to words that say why there is none. It
    /// is asked once for each key that is found.
    #[must_use]
    pub fn secrets(
        self,
        look_up: impl Fn(&SecretRef) -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        Self { sessions: Sessions::new(look_up), ..self }
    }

    /// Sends them over one connection. They go the same way; several read no answer.
    fn send(&self, requests: &[&TcpRequest]) -> Result<(), Broken> {
        let hasty = requests.iter().any(|request| request.is_hasty());
        let sent = self.try_to_send(requests);
        sent.map_err(|broken| Broken { failure: broken.failure.excused(hasty), ..broken })
    }

    fn try_to_send(&self, requests: &[&TcpRequest]) -> Result<(), Broken> {
        let Some((&first, more)) = requests.split_first() else { return Ok(()) };
        let invalid = |error: slipstream_core::Invalid| Failure::permanent(error.to_string());
        let address = Address::parse(&first.url).map_err(invalid)?;
        let peer = address.to_string();
        let times = Times::new(&self.options, first);
        let mut channel = self.open(&address, first, times)?;
        let failed = |error: std::io::Error, at| Broken {
            for_all: error.kind() == std::io::ErrorKind::TimedOut,
            failure: classify::failure(&error, at, &peer),
        };
        let sent = match more {
            [] => channel.write_all(&first.framing.frame(&first.data)),
            _ => all(&mut channel, requests),
        };
        sent.map_err(|error| failed(error, Stage::Send))?;
        let Some(until) = first.reads() else {
            let parted = channel.part(times.close_wait);
            return parted.map_err(|error| failed(error, Stage::Close));
        };
        if first.half_close {
            channel.shut_down().map_err(|error| failed(error, Stage::Send))?;
        }
        let answer = answer::read(&mut channel, until);
        let answer = answer.map_err(|error| failed(error, Stage::Answer))?;
        if !first.half_close {
            // It answered; how it takes our leave does not matter.
            let _ = channel.shut_down();
        }
        Ok(classify::judge(first, &answer, &peer)?)
    }

    fn open(
        &self,
        address: &Address,
        request: &TcpRequest,
        times: Times,
    ) -> Result<Channel, Failure> {
        let began = Instant::now();
        let socket = connect(address, &self.options.addresses, times.connect)?;
        let wire = Wire::new(socket, times.idle, began + times.connect, times.connect);
        let mut channel = match address {
            Address::Host { tls: true, host, .. } => {
                let peer = address.to_string();
                let stream = self.sessions.handshake(&request.tls, host, wire, &peer)?;
                Channel::Tls(Box::new(stream))
            }
            _ => Channel::Plain(wire),
        };
        channel.wire_mut().until(began + times.total, times.total);
        Ok(channel)
    }

    /// Sends them over one connection, and each over a connection of its own if that breaks.
    fn share(&self, requests: &[&TcpRequest]) -> Vec<Outcome> {
        let broken = match self.send(requests) {
            Ok(()) => return vec![Outcome::Delivered; requests.len()],
            Err(broken) => broken,
        };
        let mut failed = (broken.for_all || requests.len() == 1).then_some(broken.failure);
        let each = requests.iter().map(|&request| {
            // Waiting for the same once for each would hold up all others.
            if let Some(failure) = &failed {
                return Outcome::Failed(failure.clone());
            }
            match self.send(&[request]) {
                Ok(()) => Outcome::Delivered,
                Err(broken) => {
                    failed = broken.for_all.then(|| broken.failure.clone());
                    Outcome::Failed(broken.failure)
                }
            }
        });
        each.collect()
    }
}

/// Writes all of them, in as few pieces as they fit into.
fn all(channel: &mut Channel, requests: &[&TcpRequest]) -> std::io::Result<()> {
    let mut pieces = BufWriter::with_capacity(64 * 1024, channel);
    for request in requests {
        pieces.write_all(&request.framing.frame(&request.data))?;
    }
    pieces.flush()
}

impl Handler for TcpHandler {
    type Request = TcpRequest;

    fn perform(&self, request: &TcpRequest, _: &Attempt) -> Outcome {
        if let Err(error) = request.check() {
            return Outcome::Failed(Failure::permanent(error.to_string()));
        }
        match self.send(&[request]) {
            Ok(()) => Outcome::Delivered,
            Err(broken) => Outcome::Failed(broken.failure),
        }
    }

    fn max_batch(&self) -> usize {
        SHARED
    }

    fn can_batch(&self, first: &TcpRequest, other: &TcpRequest) -> bool {
        let times = |r: &TcpRequest| (r.connect_timeout, r.total_timeout, r.idle_timeout);
        let share = first.share && other.share && first.url == other.url;
        share && first.tls == other.tls && times(first) == times(other)
    }

    fn perform_batch(&self, requests: &[(TcpRequest, Attempt)]) -> Vec<Outcome> {
        let checked: Vec<_> = requests.iter().map(|(request, _)| request.check()).collect();
        let valid = requests.iter().zip(&checked).filter(|(_, checked)| checked.is_ok());
        let shared = self.share(&valid.map(|((request, _), _)| request).collect::<Vec<_>>());
        let mut shared = shared.into_iter();
        let outcomes = checked.into_iter().filter_map(|checked| match checked {
            Ok(()) => shared.next(),
            Err(error) => Some(Outcome::Failed(Failure::permanent(error.to_string()))),
        });
        outcomes.collect()
    }
}
