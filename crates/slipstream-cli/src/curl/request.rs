//! The requests that curl's options describe.
//!
//! # Invariants
//! - All files that the options name are read here, so that what is stored is whole and needs
//!   nothing of this machine but the secret that it is to be signed with.
//! - What cannot be stored is refused by its name.

mod like;
mod resumed;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use slipstream_core::{Request, UrlParts, split_port};
use slipstream_http::{HttpRequest, Options};

use self::like::like;
use crate::curl::cookies;
use crate::curl::glob;
use crate::curl::netrc;
use crate::curl::sending;
use crate::curl::url;
use crate::options::http::HttpArgs;

/// Most bytes that the contents of one command's requests may have together.
const CONTENTS_MAX: usize = 1 << 30;

/// The requests for these URLs, in order. `retried` says whether the command line has them tried again.
pub(crate) fn all(args: &HttpArgs, urls: &[OsString], retried: bool) -> Result<Vec<HttpRequest>> {
    let texts =
        urls.iter().map(|url| Ok(url::text_of(url)?.to_owned())).collect::<Result<Vec<_>>>()?;
    if args.upload_file.len() > texts.len() {
        bail!("there are more files to upload than urls; write a url for each");
    }
    let urls = glob::all(&texts, args.globoff)?;
    if args.etag_compare.is_some() && urls.len() > 1 {
        bail!(
            "--etag-compare has the tag of one url, and there are {}; store them one by one",
            urls.len()
        );
    }
    // What is read once is sent to all; and standard input can be read only once.
    let mut common = None;
    let mut requests = Requests::default();
    for place in 0..texts.len() {
        let urls = urls.iter().filter(|(its, _)| *its == place).map(|(_, url)| &**url);
        let target = Target { args, urls: &urls.collect::<Vec<_>>(), place, retried };
        let Some(upload) = args.upload_file.get(place) else {
            let pattern = match &mut common {
                Some(pattern) => pattern,
                none => none.insert(Pattern::of(args, None)?),
            };
            requests.add(pattern, &target)?;
            continue;
        };
        for file in uploads(upload, args.globoff)? {
            requests.add(&Pattern::of(args, Some(&file))?, &target)?;
        }
    }
    Ok(requests.all)
}

/// Where requests go that have all else in common.
struct Target<'a> {
    args: &'a HttpArgs,
    urls: &'a [&'a str],
    /// The place of their text among the URLs of the command.
    place: usize,
    retried: bool,
}

/// The requests that have been made.
#[derive(Default)]
struct Requests {
    all: Vec<HttpRequest>,
    bytes: usize,
}

impl Requests {
    fn add(&mut self, pattern: &Pattern, target: &Target<'_>) -> Result<()> {
        let args = target.args;
        for url in target.urls {
            self.bytes = self.bytes.saturating_add(pattern.like.content().len());
            if self.bytes > CONTENTS_MAX {
                bail!("the requests have more than 1 GiB of content together; store them in parts");
            }
            if self.all.len() == glob::MOST {
                bail!(
                    "the urls and files stand for more than {} requests; store them in parts",
                    glob::MOST
                );
            }
            let url = url::with_scheme(url, args.proto_default.as_deref())?;
            check_scheme(args, &url)?;
            let request = pattern.request(args, &url)?;
            self.all.push(resumed::at(request, args, target.place, target.retried)?);
        }
        Ok(())
    }
}

/// Refuses a URL of a scheme that is not allowed.
fn check_scheme(args: &HttpArgs, url: &str) -> Result<()> {
    let scheme = UrlParts::of(url).scheme.unwrap_or_default().to_ascii_lowercase();
    if args.schemes().allow(&scheme) {
        return Ok(());
    }
    bail!(
        "invalid url: it is of {scheme}, which --proto does not allow; write one that it does, or leave --proto out"
    )
}

/// The files that a name expands to.
fn uploads(name: &Path, globoff: bool) -> Result<Vec<PathBuf>> {
    let Some(text) = name.to_str().filter(|_| !globoff) else {
        return Ok(vec![name.to_owned()]);
    };
    Ok(glob::all(&[text.to_owned()], false)?.into_iter().map(|(_, file)| file.into()).collect())
}

/// All of a request but its URL.
struct Pattern {
    like: HttpRequest,
    /// What is added to the URL's query.
    query: Vec<Vec<u8>>,
    uploaded: Option<PathBuf>,
}

impl Pattern {
    fn of(args: &HttpArgs, upload: Option<&Path>) -> Result<Self> {
        let (like, query) = like(args, upload)?;
        Ok(Self { like, query, uploaded: upload.map(Path::to_owned) })
    }

    fn request(&self, args: &HttpArgs, url: &str) -> Result<HttpRequest> {
        let url = url::uploaded_to(url, self.uploaded.as_deref());
        let url = url::with_query(&url, &self.query)?;
        let url = if args.path_as_is { url } else { url::squashed(&url) };
        let request = HttpRequest::new(self.like.method(), url).body(self.like.content());
        let headers = self.like.headers().iter();
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        let options = self.like.sent_with().cloned().unwrap_or_else(Options::new);
        let options = with_netrc(options, args, &request)?;
        let options = with_jar(options, args, &request)?;
        Ok(request.options(options))
    }
}

/// The host that a request goes to, without its port; nothing if there is none, which is refused when
/// the request is checked.
fn host_of(request: &HttpRequest) -> String {
    let to = request.destination();
    to.port().map(|_| to.host().to_owned()).unwrap_or_default()
}

fn with_netrc(options: Options, args: &HttpArgs, request: &HttpRequest) -> Result<Options> {
    let optional = args.netrc_optional;
    let asked = args.netrc || optional || args.netrc_file.is_some();
    // Another proof comes first, as to curl.
    if !asked || args.sent.is_set("bearer") || args.user.is_some() {
        return Ok(options);
    }
    let path = match &args.netrc_file {
        Some(path) => path.clone(),
        None => netrc::usual_path()?,
    };
    let (host, named) = (host_of(request), url::user_of(request.url()));
    let proves = named.as_ref().is_some_and(|(_, password)| password.is_some());
    if proves || (optional && !path.exists()) {
        return Ok(options);
    }
    let user = named.map(|(user, _)| user);
    let netrc = netrc::read(&path)?;
    if args.follows() && netrc.speaks_of_others(&host)? {
        bail!(
            "with -L, curl looks up in {} the hosts that redirects lead to, and what it says of those is not stored; leave -L out, or write -u USER:PASSWORD in place of the file",
            path.display()
        );
    }
    match netrc.look_up(&host, user.as_deref())? {
        Some((user, password)) => Ok(options.user(user, password)),
        // The user of the URL is proven without a password.
        None if user.is_some() || optional => Ok(options),
        None => bail!("{} has no entry for {host}; add one, or leave --netrc out", path.display()),
    }
}

/// The cookies of files that belong to where the request goes, or may lead.
fn with_jar(options: Options, args: &HttpArgs, request: &HttpRequest) -> Result<Options> {
    if !sending::keeps_cookies(args) {
        return Ok(options);
    }
    let named = request.headers().iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = match named {
        Some((_, value)) => split_port(value).map_or(&**value, |(host, _)| host).to_owned(),
        None => host_of(request),
    };
    // Elsewhere, a redirect alone would lead.
    let host = (!args.follows()).then_some(&*host);
    let mut lines = Vec::new();
    for file in sending::cookie_files(args) {
        lines.extend(cookies::read(OsStr::new(file), args.junk_session_cookies, host)?);
    }
    Ok(options.jar(lines))
}
