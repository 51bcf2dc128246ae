//! The options whose order among each other matters: the pieces of a body, and of statements.

use std::ffi::OsString;

use super::Group::{Body, Statement};
use super::{Given, Row, Table, Takes};

/// How a piece of the body was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// -d: a file without its line breaks.
    Data,
    /// --data-raw: no file.
    Raw,
    /// --data-binary: a file as it is.
    Binary,
    /// --data-urlencode.
    Urlencode,
    /// --json.
    Json,
    /// -F.
    Form,
    /// --form-string: no file.
    FormString,
}

/// What makes up the body, in the order that it was given in.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) pieces: Vec<(Piece, OsString)>,
}

/// What no form goes with.
const DATA: &[&str] = &["data", "data-raw", "data-binary", "data-urlencode"];

const PIECES: [(Piece, Row); 7] = [
    (
        Piece::Data,
        Body.row("-d --data DATA|@FILE", "The body, or @FILE for a file's without its line breaks, @- for standard input. Repeated ones are joined with '&'")
            .alias("data-ascii")
            .key("body"),
    ),
    (Piece::Raw, Body.row("--data-raw DATA", "The same, but an @ is only an @").key("body")),
    (
        Piece::Binary,
        Body.row("--data-binary DATA|@FILE", "The same, but a file is sent as it is").key("body"),
    ),
    (
        Piece::Urlencode,
        Body.row("--data-urlencode DATA", "The same, encoded: CONTENT, =CONTENT, NAME=CONTENT, @FILE, NAME@FILE").key("body"),
    ),
    (
        Piece::Json,
        Body.row("--json DATA|@FILE", "The body as JSON, or @FILE, @-; sets content-type and accept")
            .conflicts(&["form", "form-string"])
            .key("json"),
    ),
    (
        Piece::Form,
        Body.row("-F --form NAME=CONTENT", "A part of a multipart form: NAME=CONTENT, NAME=@FILE, NAME=<FILE, with ;type=, ;filename=. Repeatable")
            .conflicts(DATA),
    ),
    (
        Piece::FormString,
        Body.row("--form-string NAME=TEXT", "The same, but the text is only text").conflicts(DATA),
    ),
];

impl Table for Content {
    fn rows() -> Vec<Row> {
        PIECES.iter().map(|(_, row)| row.taking(Takes::Bytes, true)).collect()
    }

    fn read(given: &dyn Given) -> Self {
        let longs = PIECES.map(|(_, row)| row.long());
        let pieces = given.ordered(&longs).into_iter();
        Self { pieces: pieces.map(|(at, value)| (PIECES[at].0, value)).collect() }
    }
}

/// A piece of what is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sql {
    Query(String),
    /// For the query before it.
    Param(OsString),
}

/// Queries and their parameters, in the order that they were given in.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    pub(crate) pieces: Vec<Sql>,
}

const QUERY: Row = Statement
    .row("--query SQL", "A statement, with a ? for each parameter. Several are one transaction")
    .taking(Takes::Text, true)
    .key("query");

const PARAM: Row = Statement
    .row("--param VALUE", "A parameter of the query before it: text, int:5, uint:5, float:1.5, bool:true, null, json:[1], base64:AP8=, or @FILE for a file's bytes; text:… for text that looks like one of these. Repeatable")
    .taking(Takes::Bytes, true)
    .key("params");

impl Table for Statements {
    fn rows() -> Vec<Row> {
        vec![QUERY, PARAM]
    }

    fn read(given: &dyn Given) -> Self {
        let piece = |(at, value): (usize, OsString)| match at {
            0 => Sql::Query(value.to_string_lossy().into_owned()),
            _ => Sql::Param(value),
        };
        let pieces = given.ordered(&[QUERY.long(), PARAM.long()]);
        Self { pieces: pieces.into_iter().map(piece).collect() }
    }
}
