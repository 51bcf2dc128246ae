//! A writer's requests, of the kinds that take turns, each by its name alone.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::{Destination, Invalid, Record, RecordId, Request};
use slipstream_http::HttpRequest;
use slipstream_mysql::{MysqlRequest, Param};
use slipstream_soak::ids::Name;
use slipstream_soak::kinds::{Kind, Way};
use slipstream_tcp::{Framing, TcpRequest};

use crate::Result;

/// What kinds there are, and where they go.
#[derive(Clone, clap::Args)]
pub(crate) struct Requests {
    /// Kinds that take turns; one of our own unless given
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<Kind>,
    /// Where requests of the kind http go
    #[arg(long, default_value = "")]
    http: String,
    /// Where those of the kind tcp go, in turns
    #[arg(long, value_delimiter = ',')]
    tcp: Vec<String>,
    /// Where those of the kind mysql go
    #[arg(long, default_value = "")]
    mysql: String,
}

/// How long an answer over TCP is waited for.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// The rows that are counted in: few, so that transactions get into each other's way.
const COUNTERS: u32 = 8;

#[derive(Serialize, Deserialize)]
struct Parcel {
    #[serde(with = "serde_bytes")]
    content: Vec<u8>,
}

impl Request for Parcel {
    const KIND: &'static str = "parcel";

    fn destination(&self) -> Destination {
        Destination::new("file://here")
    }

    fn check(&self) -> std::result::Result<(), Invalid> {
        Ok(())
    }
}

impl Requests {
    /// The request of this name, of about this size.
    pub(crate) fn record(&self, name: Name, id: RecordId, size: usize) -> Result<Record> {
        let content = vec![b'x'; size];
        if self.kinds.is_empty() {
            return Ok(Record::new(&Parcel { content }, id)?);
        }
        let way = Way::of(name, &self.kinds);
        Ok(match way {
            Way::Posted => Record::new(&HttpRequest::post(&*self.http).body(content), id)?,
            Way::Answered | Way::Told | Way::Shared => {
                Record::new(&self.line(name, id, way, &content)?, id)?
            }
            Way::Row { once, counted } => {
                let row = [Param::Bytes(id.as_bytes().to_vec()), counted.into(), content.into()];
                let mut request = MysqlRequest::new(&*self.mysql).once(once).statement(
                    "INSERT INTO taken (id, counted, size) VALUES (?, ?, LENGTH(?))",
                    row,
                );
                if counted {
                    let counter = i64::from(name.number % COUNTERS);
                    request = request.statement(
                        "UPDATE counts SET n = n + 1 WHERE counter = ?",
                        [counter.into()],
                    );
                }
                Record::new(&request, id)?
            }
            Way::Wrong => {
                let row = "INSERT INTO taken (id, counted, size) VALUES (NULL, 0, LENGTH(?))";
                let request = MysqlRequest::new(&*self.mysql).statement(row, [content.into()]);
                Record::new(&request, id)?
            }
        })
    }

    fn line(&self, name: Name, id: RecordId, way: Way, content: &[u8]) -> Result<TcpRequest> {
        let peers = self.tcp.len().max(1);
        // The turns of the kinds and ways are the lower part of the number.
        let peer = self.tcp.get(name.number as usize / 64 % peers).ok_or("no --tcp is given")?;
        let word = if way == Way::Answered { "ask" } else { "tell" };
        let data = [format!("{id} {word} ").as_bytes(), content].concat();
        let request = TcpRequest::new(&**peer, data).framing(Framing::Line);
        Ok(match way {
            Way::Answered => request.expect(format!("^OK {id}$")).total_timeout(ANSWERED_WITHIN),
            _ => request.share(way == Way::Shared),
        })
    }
}
