//! How `store` says what is sent: curl's options, with curl's names and meanings.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::curl::CurlArgs;
use crate::term::units::{number, seconds};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

/// What the options that shape the connection stand under.
const SENDING: &str = "How it is sent (as curl's)";

#[derive(Debug, Args)]
pub(crate) struct HttpArgs {
    /// The method: GET, or POST with a body, unless given
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header: 'Name: value', 'Name;' for one without a value, 'Name:' to leave a usual one
    /// out, @FILE for a file of them. Repeatable
    #[arg(short = 'H', long = "header", value_name = "HEADER", allow_hyphen_values = true)]
    pub(crate) headers: Vec<OsString>,
    #[command(flatten)]
    pub(crate) content: ContentArgs,
    #[command(flatten)]
    pub(crate) curl: CurlArgs,
    /// Put the data into the URL's query, and send a GET
    #[arg(short = 'G', long, conflicts_with_all = ["form", "form_string", "json", "upload_file"])]
    pub(crate) get: bool,
    /// Send a HEAD
    #[arg(short = 'I', long, conflicts_with_all = ["form", "upload_file"])]
    pub(crate) head: bool,
    /// PUT this file's content; - for standard input. The second one goes to the second URL, and
    /// so on
    #[arg(short = 'T', long, value_name = "FILE", conflicts_with_all = ["data", "json", "form"])]
    pub(crate) upload_file: Vec<PathBuf>,
    /// Add this to the URL's query, encoded as --data-urlencode does. Repeatable
    #[arg(long, value_name = "DATA")]
    pub(crate) url_query: Vec<OsString>,
    /// Leave /../ and /./ in the URL's path
    #[arg(long)]
    pub(crate) path_as_is: bool,
    /// Take {} and [] in a URL for what they are
    #[arg(short = 'g', long)]
    pub(crate) globoff: bool,
    /// User and password
    #[arg(short = 'u', long, help_heading = SENDING, value_name = "USER:PASSWORD")]
    pub(crate) user: Option<String>,
    /// Prove them in every request (the default)
    #[arg(long, help_heading = SENDING, conflicts_with_all = ["digest", "anyauth"])]
    pub(crate) basic: bool,
    /// Prove them by HTTP digest
    #[arg(long, help_heading = SENDING, conflicts_with = "anyauth")]
    pub(crate) digest: bool,
    /// Prove them by the best way that the server offers
    #[arg(long, help_heading = SENDING)]
    pub(crate) anyauth: bool,
    /// A bearer token
    #[arg(long, help_heading = SENDING, value_name = "TOKEN")]
    pub(crate) oauth2_bearer: Option<String>,
    /// Take user and password from ~/.netrc, now
    #[arg(short = 'n', long, help_heading = SENDING, conflicts_with = "user")]
    pub(crate) netrc: bool,
    /// Take them from this file, now
    #[arg(long, help_heading = SENDING, value_name = "FILE", conflicts_with = "user")]
    pub(crate) netrc_file: Option<PathBuf>,
    /// Sign as AWS wants it, with --user as the keys: aws:amz:REGION:SERVICE
    #[arg(long, help_heading = SENDING, value_name = "PROVIDER")]
    pub(crate) aws_sigv4: Option<String>,
    /// Who sends it
    #[arg(short = 'A', long, help_heading = SENDING, value_name = "NAME")]
    pub(crate) user_agent: Option<String>,
    /// Where it was referred from
    #[arg(short = 'e', long, help_heading = SENDING, value_name = "URL")]
    pub(crate) referer: Option<String>,
    /// Cookies: 'a=1; b=2'; or a file of them, which is read now, and whose cookies are sent where they
    /// belong. Repeatable
    #[arg(short = 'b', long, help_heading = SENDING, value_name = "DATA")]
    pub(crate) cookie: Vec<String>,
    /// Ask for it if it is newer than this: a date as curl reads it, RFC 3339, or a file whose time
    /// counts; -TIME asks if it is older
    #[arg(short = 'z', long, help_heading = SENDING, value_name = "TIME")]
    pub(crate) time_cond: Option<String>,
    /// Ask for these bytes only
    #[arg(short = 'r', long, help_heading = SENDING, value_name = "RANGE")]
    pub(crate) range: Option<String>,
    /// Follow redirects; credentials stay behind at another host
    #[arg(short = 'L', long, help_heading = SENDING)]
    pub(crate) location: bool,
    /// Follow so many at most [default: 50]; -1 for as many as are followed at all, 1000
    #[arg(
        long,
        help_heading = SENDING,
        value_name = "N",
        value_parser = number(-1..=i64::from(u32::MAX)),
        allow_hyphen_values = true
    )]
    pub(crate) max_redirs: Option<i64>,
    /// Keep a POST a POST behind a 301
    #[arg(long, help_heading = SENDING)]
    pub(crate) post301: bool,
    /// The same behind a 302
    #[arg(long, help_heading = SENDING)]
    pub(crate) post302: bool,
    /// The same behind a 303
    #[arg(long, help_heading = SENDING)]
    pub(crate) post303: bool,
    /// Ask for a compressed answer
    #[arg(long, help_heading = SENDING)]
    pub(crate) compressed: bool,
    /// Speak HTTP/1.0
    #[arg(short = '0', long = "http1.0", help_heading = SENDING, group = "version")]
    pub(crate) http1_0: bool,
    /// Speak HTTP/1.1
    #[arg(long = "http1.1", help_heading = SENDING, group = "version")]
    pub(crate) http1_1: bool,
    /// Speak HTTP/2 where the server has it
    #[arg(long, help_heading = SENDING, group = "version")]
    pub(crate) http2: bool,
    /// Speak HTTP/2 from the first byte
    #[arg(long, help_heading = SENDING, group = "version")]
    pub(crate) http2_prior_knowledge: bool,
    /// A proxy: [http|https|socks5h]://HOST:PORT; '' for none
    #[arg(short = 'x', long, help_heading = SENDING, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// User and password for the proxy
    #[arg(short = 'U', long, help_heading = SENDING, value_name = "USER:PASSWORD")]
    pub(crate) proxy_user: Option<String>,
    /// Hosts that are reached without it
    #[arg(long, help_heading = SENDING, value_name = "HOSTS")]
    pub(crate) noproxy: Option<String>,
    /// Connect to this Unix socket
    #[arg(long, help_heading = SENDING, value_name = "PATH")]
    pub(crate) unix_socket: Option<String>,
    /// Connect to this abstract one
    #[arg(long, help_heading = SENDING, value_name = "NAME", conflicts_with = "unix_socket")]
    pub(crate) abstract_unix_socket: Option<String>,
    /// An address instead of a lookup: HOST:PORT:ADDRESS. Repeatable
    #[arg(long, help_heading = SENDING, value_name = "ENTRY")]
    pub(crate) resolve: Vec<String>,
    /// Another host and port to connect to: HOST:PORT:TO-HOST:TO-PORT. Repeatable
    #[arg(long, help_heading = SENDING, value_name = "ENTRY")]
    pub(crate) connect_to: Vec<String>,
    /// Do not verify the server's certificate
    #[arg(short = 'k', long, help_heading = SENDING)]
    pub(crate) insecure: bool,
    /// Certificates (PEM) to trust instead of the system's. The file is read now, as the next two
    /// are
    #[arg(long, help_heading = SENDING, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// The client's certificate (PEM), and its key's passphrase
    #[arg(short = 'E', long, help_heading = SENDING, value_name = "FILE[:PASSPHRASE]")]
    pub(crate) cert: Option<OsString>,
    /// Its key (PEM), unless that is in the same file
    #[arg(long, help_heading = SENDING, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The passphrase of that key
    #[arg(long, help_heading = SENDING, value_name = "PASSPHRASE", requires = "cert")]
    pub(crate) pass: Option<String>,
    /// How long an attempt may take, in seconds; 0 is the default [default: the worker's, 120]
    #[arg(short = 'm', long, help_heading = SENDING, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) max_time: Option<Duration>,
    /// How long connecting may take, in seconds [default: the worker's, 10]
    #[arg(long, help_heading = SENDING, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) connect_timeout: Option<Duration>,
    /// Bytes a second that count as progress
    #[arg(
        short = 'Y',
        long,
        help_heading = SENDING,
        value_name = "BYTES",
        value_parser = number(0..=u32::MAX)
    )]
    pub(crate) speed_limit: Option<u32>,
    /// How long it may be slower, in seconds
    #[arg(short = 'y', long, help_heading = SENDING, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) speed_time: Option<Duration>,
    /// Sign each attempt as a Standard Webhook with the secret in the worker's environment
    /// (env:NAME) or file system (file:PATH); it is not stored
    #[arg(long, help_heading = SENDING, value_name = "SECRET")]
    pub(crate) sign_secret: Option<String>,
}

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

/// The options that make up the body, in the order they were given, which only the parser knows.
#[derive(Debug, Default)]
pub(crate) struct ContentArgs {
    pub(crate) pieces: Vec<(Piece, OsString)>,
}

/// Each option: its piece, its id, its letter, its name, what it takes, its help.
type Row = (Piece, &'static str, Option<char>, &'static str, &'static str, &'static str);

const ROWS: [Row; 7] = [
    (
        Piece::Data,
        "data",
        Some('d'),
        "data",
        "DATA|@FILE",
        "The body, or @FILE for a file's without its line breaks, @- for standard input. Repeated ones are joined with '&'",
    ),
    (Piece::Raw, "data_raw", None, "data-raw", "DATA", "The same, but an @ is only an @"),
    (
        Piece::Binary,
        "data_binary",
        None,
        "data-binary",
        "DATA|@FILE",
        "The same, but a file is sent as it is",
    ),
    (
        Piece::Urlencode,
        "data_urlencode",
        None,
        "data-urlencode",
        "DATA",
        "The same, encoded: CONTENT, =CONTENT, NAME=CONTENT, @FILE, NAME@FILE",
    ),
    (
        Piece::Json,
        "json",
        None,
        "json",
        "DATA|@FILE",
        "The body as JSON, or @FILE, @-; sets content-type and accept",
    ),
    (
        Piece::Form,
        "form",
        Some('F'),
        "form",
        "NAME=CONTENT",
        "A part of a multipart form: NAME=CONTENT, NAME=@FILE, NAME=<FILE, with ;type=, ;filename=. Repeatable",
    ),
    (
        Piece::FormString,
        "form_string",
        None,
        "form-string",
        "NAME=TEXT",
        "The same, but the text is only text",
    ),
];

impl Args for ContentArgs {
    fn augment_args(command: Command) -> Command {
        ROWS.into_iter().fold(command, |command, (_, id, short, long, value, help)| {
            let arg = Arg::new(id)
                .long(long)
                .value_name(value)
                .help(help)
                .action(ArgAction::Append)
                .value_parser(clap::value_parser!(OsString))
                .allow_hyphen_values(true);
            let arg = match short {
                Some(letter) => arg.short(letter),
                None => arg,
            };
            let data = ["data", "data_raw", "data_binary", "data_urlencode"];
            let arg = match id {
                "json" => arg.conflicts_with_all(["form", "form_string"]),
                "form" | "form_string" => arg.conflicts_with_all(data),
                _ => arg,
            };
            command.arg(if id == "data" { arg.visible_alias("data-ascii") } else { arg })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ContentArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found = Vec::new();
        for (piece, id, ..) in ROWS {
            let places = matches.indices_of(id).into_iter().flatten();
            let values = matches.get_many::<OsString>(id).into_iter().flatten();
            found.extend(places.zip(values).map(|(at, value)| (at, piece, value.clone())));
        }
        found.sort_by_key(|(at, ..)| *at);
        Ok(Self { pieces: found.into_iter().map(|(_, piece, value)| (piece, value)).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
