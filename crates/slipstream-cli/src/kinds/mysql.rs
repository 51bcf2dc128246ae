//! Statements from the command line. Files of parameters are read here, as for all of a request;
//! what holds a password is only named.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use slipstream_mysql::{MysqlRequest, Param};

use crate::args::StoreArgs;
use crate::curl::body;
use crate::curl::sending;
use crate::curl::url::text_of;
use crate::options::pieces::Sql;

/// A request for each URL, with the same statements.
pub(super) fn requests(args: &StoreArgs) -> Result<Vec<MysqlRequest>> {
    let statements = statements(&args.mysql.statements.pieces)?;
    args.url
        .iter()
        .map(|url| {
            let request = MysqlRequest::new(text_of(url)?);
            let request = statements
                .iter()
                .fold(request, |request, (query, params)| request.statement(query, params.clone()));
            with_options(request, args)
        })
        .collect()
}

fn statements(pieces: &[Sql]) -> Result<Vec<(String, Vec<Param>)>> {
    let mut statements: Vec<(String, Vec<Param>)> = Vec::new();
    for piece in pieces {
        match piece {
            Sql::Query(query) => statements.push((query.clone(), Vec::new())),
            Sql::Param(value) => {
                let Some((_, params)) = statements.last_mut() else {
                    bail!("there is no --query before the first --param; write it there");
                };
                params.push(param(value)?);
            }
        }
    }
    Ok(statements)
}

fn param(value: &OsStr) -> Result<Param> {
    if let Some(file) = value.as_bytes().strip_prefix(b"@") {
        let content = match file {
            b"-" => body::content(file)?,
            path => body::file(Path::new(OsStr::from_bytes(path)), "parameter's")?,
        };
        return Ok(Param::Bytes(content));
    }
    let text =
        value.to_str().context("a parameter is not UTF-8; put it into a file: --param @FILE")?;
    Ok(Param::parse(text)?)
}

fn with_options(mut request: MysqlRequest, args: &StoreArgs) -> Result<MysqlRequest> {
    let StoreArgs { mysql, http, .. } = args;
    if let Some(name) = &mysql.password_env {
        request = request.password(format!("env:{name}"));
    }
    if let Some(path) = &mysql.password_file {
        request = request.password(format!("file:{}", sending::absolute(path)?));
    }
    if let Some(path) = &mysql.defaults_file {
        request = request.defaults_file(sending::absolute(path)?);
    }
    if let Some(when) = mysql.tls {
        request = request.tls(when);
    }
    if let Some(file) = http.sent.file("cacert") {
        request = request.cacert(body::file(&file, "certificates'")?);
    }
    if let Some(file) = &mysql.server_public_key_path {
        request = request.server_public_key(body::file(file, "server's key's")?);
    }
    request = request.get_server_public_key(mysql.get_server_public_key);
    if let Some(time) = http.sent.time("max_time") {
        request = request.max_time(time);
    }
    Ok(request.once(mysql.once))
}
