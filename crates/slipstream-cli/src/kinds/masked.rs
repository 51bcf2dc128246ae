//! The visible part of a stored request, whatever its kind. Of a kind that this binary does not
//! know, it is unknown what is a secret: its destination and its size.

use serde::ser::{Serialize, SerializeMap, Serializer};
use slipstream_core::{Record, Request};
use slipstream_http::{HttpRequest, masked_url};
use slipstream_mysql::{MysqlRequest, Param, Statement};
use slipstream_tcp::TcpRequest;

use crate::term::units::count;

/// A request without its secrets, in the shape that it is stored in as far as that can be.
#[derive(Debug)]
pub(crate) enum Masked {
    Http(HttpRequest),
    /// Names and values, and how long the data is.
    Others(Vec<(&'static str, String)>, Option<usize>),
    Unknown {
        bytes: usize,
    },
}

impl Masked {
    pub(crate) fn of(record: &Record) -> Self {
        let unknown = Self::Unknown { bytes: record.body.len() };
        match &*record.kind {
            HttpRequest::KIND => record.request().map_or(unknown, Self::Http),
            TcpRequest::KIND => record.request().map_or(unknown, |request| Self::tcp(&request)),
            MysqlRequest::KIND => record.request().map_or(unknown, |it| Self::mysql(&it)),
            _ => unknown,
        }
    }

    fn tcp(request: &TcpRequest) -> Self {
        let mut pairs = vec![("url", request.masked_url())];
        pairs.extend(request.masked());
        Self::Others(pairs, Some(request.content().len()))
    }

    fn mysql(request: &MysqlRequest) -> Self {
        let mut pairs = vec![("url", request.masked_url())];
        let statement = |statement: &Statement| {
            let params: Vec<_> = statement.params().iter().map(Param::masked).collect();
            match params.is_empty() {
                true => statement.masked(),
                false => format!("{} ({})", statement.masked(), params.join(", ")),
            }
        };
        let statements: Vec<_> = request.statements().iter().map(statement).collect();
        pairs.push(("query", statements.join("; ")));
        pairs.extend(request.masked_options());
        Self::Others(pairs, None)
    }

    /// What people read of it: names and values.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let size = |bytes: usize| ("body", count(bytes as u64, "byte"));
        match self {
            Self::Http(request) => {
                let line = format!("{} {}", request.method(), request.masked_url());
                let mut lines = vec![("request", line)];
                let headers = request.masked_headers();
                lines.extend(
                    headers.iter().map(|(name, value)| ("header", format!("{name}: {value}"))),
                );
                let bytes = request.content().len();
                lines.extend((bytes > 0).then(|| size(bytes)));
                lines
            }
            Self::Others(pairs, bytes) => pairs.iter().cloned().chain(bytes.map(size)).collect(),
            Self::Unknown { bytes } => vec![size(*bytes)],
        }
    }
}

/// How long something is that is not shown.
#[derive(serde::Serialize)]
struct Length {
    bytes: usize,
}

impl Serialize for Masked {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        match self {
            Self::Http(request) => {
                map.serialize_entry("method", request.method())?;
                map.serialize_entry("url", &request.masked_url())?;
                let headers = request.masked_headers();
                if !headers.is_empty() {
                    map.serialize_entry("headers", &headers)?;
                }
                let bytes = request.content().len();
                if bytes > 0 {
                    map.serialize_entry("body", &Length { bytes })?;
                }
            }
            Self::Others(pairs, bytes) => {
                for (name, value) in pairs {
                    map.serialize_entry(name, value)?;
                }
                if let Some(bytes) = *bytes {
                    map.serialize_entry("body", &Length { bytes })?;
                }
            }
            Self::Unknown { bytes } => map.serialize_entry("bytes", bytes)?,
        }
        map.end()
    }
}

/// What a request asks for, on one line and without a secret.
pub(crate) fn one_line(record: &Record) -> String {
    let known = match &*record.kind {
        HttpRequest::KIND => record.request::<HttpRequest>().map(|it| it.to_string()).ok(),
        TcpRequest::KIND => record.request::<TcpRequest>().map(|it| it.to_string()).ok(),
        MysqlRequest::KIND => record.request::<MysqlRequest>().map(|it| it.to_string()).ok(),
        _ => None,
    };
    known.unwrap_or_else(|| masked_url(record.destination.as_str()))
}
