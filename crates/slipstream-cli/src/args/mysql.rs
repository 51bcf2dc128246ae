//! How `store` says which statements are executed, and how the server is reached.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueEnum};
use slipstream_mysql::Tls;

/// What these options stand under.
const MYSQL: &str = "For mysql://";

#[derive(Debug, Args)]
pub(crate) struct MysqlArgs {
    #[command(flatten)]
    pub(crate) statements: StatementArgs,
    /// The environment's variable that has the password where the worker runs
    #[arg(long, help_heading = MYSQL, value_name = "NAME")]
    pub(crate) password_env: Option<String>,
    /// The file that has it
    #[arg(long, help_heading = MYSQL, value_name = "PATH", conflicts_with = "password_env")]
    pub(crate) password_file: Option<PathBuf>,
    /// An option file, as my.cnf, that the worker reads: user, password, socket, ssl-ca, server-public-key-path and get-server-public-key of its client section
    #[arg(long, help_heading = MYSQL, value_name = "PATH")]
    pub(crate) defaults_file: Option<PathBuf>,
    /// When the server must prove its name by TLS: unless it is on this machine (where TLS is used if
    /// it is offered), always, never (but TLS all the same), or no TLS at all [default: remote]
    #[arg(long, help_heading = MYSQL, value_name = "WHEN")]
    pub(crate) tls: Option<When>,
    /// The server's RSA key as PEM, read now: what a password is sealed with where there is no TLS
    #[arg(long, help_heading = MYSQL, value_name = "FILE")]
    pub(crate) server_public_key_path: Option<PathBuf>,
    /// Ask the server for that key, over loopback: any server that answers there can read the password
    #[arg(long, help_heading = MYSQL, conflicts_with = "server_public_key_path")]
    pub(crate) get_server_public_key: bool,
    /// Execute it exactly once, by a small table in its database
    #[arg(long, help_heading = MYSQL)]
    pub(crate) once: bool,
}

/// When TLS is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// Unless the server is on this machine
    Remote,
    /// Always but over sockets
    Verify,
    /// The same, with any server that answers
    Insecure,
    /// Never
    Off,
}

impl From<When> for Tls {
    fn from(when: When) -> Self {
        match when {
            When::Remote => Self::Remote,
            When::Verify => Self::Verify,
            When::Insecure => Self::Insecure,
            When::Off => Self::Off,
        }
    }
}

/// A piece of what is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sql {
    Query(String),
    /// For the query before it.
    Param(OsString),
}

/// Queries and their parameters, in the order that they were given in, which only the parser knows.
#[derive(Debug, Default)]
pub(crate) struct StatementArgs {
    pub(crate) pieces: Vec<Sql>,
}

impl Args for StatementArgs {
    fn augment_args(command: Command) -> Command {
        let arg = |id: &'static str, value: &'static str, help: &'static str| {
            let arg = Arg::new(id).long(id).value_name(value).help(help).help_heading(MYSQL);
            arg.action(ArgAction::Append).allow_hyphen_values(true)
        };
        let query = "A statement, with a ? for each parameter. Several are one transaction";
        let param = "A parameter of the query before it: text, int:5, uint:5, float:1.5, bool:true, null, json:[1], base64:AP8=, or @FILE for a file's bytes; text:… for text that looks like one of these. Repeatable";
        command
            .arg(arg("query", "SQL", query))
            .arg(arg("param", "VALUE", param).value_parser(clap::value_parser!(OsString)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for StatementArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let places = |id| matches.indices_of(id).into_iter().flatten();
        let queries = matches.get_many::<String>("query").into_iter().flatten();
        let params = matches.get_many::<OsString>("param").into_iter().flatten();
        let queries = places("query").zip(queries.map(|text| Sql::Query(text.clone())));
        let params = places("param").zip(params.map(|value| Sql::Param(value.clone())));
        let mut all: Vec<_> = queries.chain(params).collect();
        all.sort_by_key(|(at, _)| *at);
        Ok(Self { pieces: all.into_iter().map(|(_, piece)| piece).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
