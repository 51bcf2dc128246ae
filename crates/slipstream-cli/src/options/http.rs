//! What is sent over HTTP: curl's options, with curl's names and meanings.

use std::ffi::OsString;
use std::path::PathBuf;

use slipstream_http::Topic;

use super::pieces::Content;
use super::sent::Sent;
use super::{Given, Group, Row, Table, Takes, Value, options, parsed};
use crate::curl::schemes::{Schemes, schemes};
use crate::term::units::number;

const REQUEST: Group = Group::Request;
const BODY: Group = Group::Body;
const MESSAGE: Group = Group::Sending(Topic::Message);
const CREDENTIALS: Group = Group::Sending(Topic::Credentials);
const COOKIES: Group = Group::Sending(Topic::Cookies);
const REDIRECTS: Group = Group::Sending(Topic::Redirects);
const ANSWER: Group = Group::Sending(Topic::Answer);
const PROXY: Group = Group::Sending(Topic::Proxy);
const ADDRESS: Group = Group::Sending(Topic::Address);

parsed! {
    i64, |text| number(-1..=i64::from(u32::MAX))(text);
    Schemes, schemes;
}

options! {
    /// What stands for something else than it says, or for something that is not stored. The other
    /// options are `sent`.
    HttpArgs after { content: Content } before { sent: Sent }

    method: Option<String> = REQUEST.row("-X --request METHOD", "The method: GET, or POST with a body, unless given")
        .key("method");
    headers: Vec<OsString> = REQUEST.row("-H --header HEADER", "A header: 'Name: value', 'Name;' for one without a value, 'Name:' to leave a usual one out, @FILE for a file of them. Repeatable")
        .key("headers");

    form_escape: bool = BODY.row("--form-escape", "Put a backslash before quotation marks in names of a form, in place of percent-encoding them");
    proto_default: Option<String> = BODY.row("--proto-default SCHEME", "The scheme of a URL that has none: http or https")
        .words(&[("http", ""), ("https", "")]);
    get: bool = BODY.row("-G --get", "Put the data into the URL's query, and send a GET")
        .conflicts(&["form", "form-string", "json", "upload-file"]);
    head: bool = BODY.row("-I --head", "Send a HEAD").conflicts(&["form", "upload-file"]);
    upload_file: Vec<PathBuf> = BODY.row("-T --upload-file FILE", "PUT this file's content; - for standard input. The second one goes to the second URL, and so on")
        .conflicts(&["data", "json", "form"]).key("body");
    url_query: Vec<OsString> = BODY.row("--url-query DATA", "Add this to the URL's query, encoded as --data-urlencode does. Repeatable");
    path_as_is: bool = BODY.row("--path-as-is", "Leave /../ and /./ in the URL's path");
    globoff: bool = BODY.row("-g --globoff", "Take {} and [] in a URL for what they are");
    output: Vec<OsString> = BODY.row("-o --output FILE", "For -C alone; nothing is written").hidden();
    remote_name: bool = BODY.row("-O --remote-name", "").hidden();
    output_dir: Option<PathBuf> = BODY.row("--output-dir DIR", "").hidden();

    user_agent: Option<String> = MESSAGE.row("-A --user-agent NAME", "Who sends it").key("headers");
    referer: Option<String> = MESSAGE.row("-e --referer URL", "Where it was referred from").key("headers");
    time_cond: Option<String> = MESSAGE.row("-z --time-cond TIME", "Ask for it if it is newer than this: a date as curl reads it, RFC 3339, or a file whose time counts; -TIME asks if it is older")
        .key("headers");
    etag_compare: Option<PathBuf> = MESSAGE.row("--etag-compare FILE", "Ask for it unless it still has the tag in this file, which is read now")
        .key("headers");
    etag_save: Option<PathBuf> = MESSAGE.row("--etag-save FILE", "Accepted, and not written: no answer is there yet to take a tag from");
    range: Option<String> = MESSAGE.row("-r --range RANGE", "Ask for these bytes only").key("headers");
    continue_at: Option<String> = MESSAGE.row("-C --continue-at OFFSET", "Ask for what is behind this offset, or upload that; - for the size of --output's file, now")
        .conflicts(&["range"]).key("headers");

    user: Option<String> = CREDENTIALS.row("-u --user USER:PASSWORD", "User and password").key("user");
    basic: bool = CREDENTIALS.row("--basic", "Prove them in every request (the default)")
        .conflicts(&["digest", "anyauth"]).key("auth");
    digest: bool = CREDENTIALS.row("--digest", "Prove them by HTTP digest").conflicts(&["anyauth"]).key("auth");
    anyauth: bool = CREDENTIALS.row("--anyauth", "Prove them by the best way that the server offers").key("auth");
    netrc: bool = CREDENTIALS.row("-n --netrc", "Take user and password from ~/.netrc, now")
        .conflicts(&["user"]).key("user");
    netrc_file: Option<PathBuf> = CREDENTIALS.row("--netrc-file FILE", "Take them from this file, now")
        .conflicts(&["user"]).key("user");
    netrc_optional: bool = CREDENTIALS.row("--netrc-optional", "As --netrc, where there is an entry for the host")
        .key("user");

    cookie: Vec<String> = COOKIES.row("-b --cookie DATA", "Cookies: 'a=1; b=2'; or a file of them, which is read now, and whose cookies are sent where they belong. Repeatable")
        .key("cookies");
    cookie_jar: Option<PathBuf> = COOKIES.row("-c --cookie-jar FILE", "Take cookies that an answer sets along to where it redirects. The file is not written: curl writes what an answer set, and none is there yet")
        .key("jar");
    junk_session_cookies: bool = COOKIES.row("-j --junk-session-cookies", "Leave out the cookies of a file that end with a session")
        .key("jar");

    location: bool = REDIRECTS.row("-L --location", "Follow redirects; credentials stay behind at another host")
        .key("max_redirects");
    follow: bool = REDIRECTS.row("--follow", "Follow redirects; a method of -X stays only where the status says so")
        .key("max_redirects");
    max_redirs: Option<i64> = REDIRECTS.row("--max-redirs N", "Follow so many at most [default: 50]; -1 for as many as are followed at all, 1000")
        .key("max_redirects");
    proto: Option<Schemes> = REDIRECTS.row("--proto LIST", "The schemes that a URL may have, redirects' too: '=https' for that one alone, -http for all but that one")
        .key("redirect_scheme");
    proto_redir: Option<Schemes> = REDIRECTS.row("--proto-redir LIST", "Those that redirects may lead to")
        .key("redirect_scheme");

    http1_0: bool = ANSWER.row("-0 --http1.0", "Speak HTTP/1.0")
        .conflicts(&["http1.1", "http2", "http2-prior-knowledge"]).key("http_version");
    http1_1: bool = ANSWER.row("--http1.1", "Speak HTTP/1.1")
        .conflicts(&["http2", "http2-prior-knowledge"]).key("http_version");
    http2: bool = ANSWER.row("--http2", "Speak HTTP/2 where the server has it")
        .conflicts(&["http2-prior-knowledge"]).key("http_version");
    http2_prior_knowledge: bool = ANSWER.row("--http2-prior-knowledge", "Speak HTTP/2 from the first byte")
        .key("http_version");

    proxy: Option<String> = PROXY.row("-x --proxy URL", "A proxy: [http|https|socks5h]://HOST:PORT; '' for none").key("proxy");
    noproxy: Option<String> = PROXY.row("--noproxy HOSTS", "Hosts that are reached without it").key("noproxy");
    proxy_header: Vec<OsString> = PROXY.row("--proxy-header HEADER", "A header for the proxy: 'Name: value'. Repeatable")
        .key("proxy_headers");
    proxytunnel: bool = PROXY.row("-p --proxytunnel", "Ask the proxy for a tunnel, as for https").key("proxy_tunnel");
    proxy_digest: bool = PROXY.row("--proxy-digest", "Prove user and password for the proxy by HTTP digest")
        .conflicts(&["proxy-anyauth"]).key("proxy_auth");
    proxy_anyauth: bool = PROXY.row("--proxy-anyauth", "Prove them by the best way that the proxy offers").key("proxy_auth");

    unix_socket: Option<String> = ADDRESS.row("--unix-socket PATH", "Connect to this Unix socket").key("unix_socket");
    resolve: Vec<String> = ADDRESS.row("--resolve ENTRY", "An address instead of a lookup: HOST:PORT:ADDRESS. Repeatable").key("resolve");
    ipv4: bool = ADDRESS.row("-4 --ipv4", "Look up IPv4 addresses only").overrides("ipv6").key("ip_version");
    ipv6: bool = ADDRESS.row("-6 --ipv6", "Look up IPv6 addresses only").overrides("ipv4").key("ip_version");
}

impl HttpArgs {
    /// Whether redirects are followed.
    pub(crate) fn follows(&self) -> bool {
        self.location || self.follow || self.sent.is_set("location_trusted")
    }

    /// What a URL may be.
    pub(crate) fn schemes(&self) -> Schemes {
        self.proto.unwrap_or(Schemes::ALL)
    }

    /// What a redirect may lead to.
    pub(crate) fn schemes_of_redirects(&self) -> Schemes {
        self.schemes().and(self.proto_redir.unwrap_or(Schemes::ALL))
    }
}
