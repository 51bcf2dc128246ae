//! A request over a stream from the command line. Files are read here, as for all of a request.

use anyhow::{Result, bail};
use slipstream_tcp::{TcpRequest, Tls};

use crate::args::StoreArgs;
use crate::curl::body;
use crate::curl::url::text_of;
use crate::options::pieces::Piece;

/// A request for each URL, with the same data.
pub(super) fn requests(args: &StoreArgs) -> Result<Vec<TcpRequest>> {
    let data = data(args)?;
    let tls = tls(args)?;
    args.url.iter().map(|url| request(args, text_of(url)?, &data, &tls)).collect()
}

fn data(args: &StoreArgs) -> Result<Vec<u8>> {
    let (piece, text) = match &args.http.content.pieces[..] {
        [] => return Ok(Vec::new()),
        [piece] => piece,
        _ => bail!("a request over a stream has one --data; store several requests, or by --batch"),
    };
    // Line breaks mean something here, so --data keeps those of a file, too.
    let piece = if *piece == Piece::Data { Piece::Binary } else { *piece };
    body::joined(&[(piece, text.clone())])
}

fn request(args: &StoreArgs, url: &str, data: &[u8], tls: &Tls) -> Result<TcpRequest> {
    let StoreArgs { tcp, http, .. } = args;
    let mut request = TcpRequest::new(url, data)
        .framing(tcp.framing.unwrap_or_default())
        .half_close(tcp.half_close)
        .share(tcp.share)
        .tls(tls.clone());
    if let Some(until) = tcp.until {
        request = request.until(until);
    }
    if let Some(regex) = &tcp.expect {
        request = request.expect(regex);
    }
    if let Some(regex) = &tcp.fail_on {
        request = request.fail_on(regex);
    }
    if let Some(time) = tcp.idle_timeout {
        request = request.idle_timeout(time);
    }
    if let Some(time) = http.sent.time("connect_timeout") {
        request = request.connect_timeout(time);
    }
    if let Some(time) = http.sent.time("max_time") {
        request = request.total_timeout(time);
    }
    Ok(request)
}

fn tls(args: &StoreArgs) -> Result<Tls> {
    let mut tls = Tls::new().insecure(args.http.sent.is_set("insecure"));
    if let Some(file) = args.http.sent.file("cacert") {
        tls = tls.cacert(body::file(&file, "certificates'")?);
    }
    if let Some(file) = args.http.sent.file("cert") {
        tls = tls.cert(body::file(&file, "certificate's")?);
    }
    if let Some(file) = args.http.sent.file("key") {
        tls = tls.key(body::file(&file, "key's")?);
    }
    if let Some(name) = &args.tcp.server_name {
        tls = tls.server_name(name);
    }
    Ok(tls)
}
