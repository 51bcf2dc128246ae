//! `-C OFFSET`: what is asked for, or uploaded, from an offset on.
//!
//! # Invariants
//! - `-C -` is the size that the file of `-o` or `-O` has now. Nothing is written to it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use slipstream_http::HttpRequest;

use crate::options::http::HttpArgs;

/// The same request from an offset on, if there is one. `place` is the URL's among those of the command.
pub(super) fn at(
    request: HttpRequest,
    args: &HttpArgs,
    place: usize,
    retried: bool,
) -> Result<HttpRequest> {
    let Some(text) = &args.continue_at else {
        return Ok(request);
    };
    let uploads = place < args.upload_file.len();
    let offset = match &**text {
        "-" if uploads => 0,
        "-" if retried => bail!(
            "with --retry, curl's '-C -' asks from where the last attempt broke off, and an attempt keeps nothing here; write the offset, or leave one of the two out"
        ),
        "-" => output(&request, args, place).map_or(0, |file| size(&file)),
        digits => digits.parse::<usize>().ok().with_context(|| {
            format!(
                "invalid value '{digits}' for '--continue-at'; expected a number of bytes, or -"
            )
        })?,
    };
    match offset {
        offset if uploads => upload(request, offset),
        0 => Ok(request),
        _ if request.has_header("range") => Ok(request),
        offset => Ok(request.header("Range", format!("bytes={offset}-"))),
    }
}

fn upload(request: HttpRequest, offset: usize) -> Result<HttpRequest> {
    let total = request.content().len();
    if total == 0 {
        return Ok(request);
    }
    if offset >= total {
        bail!(
            "the offset of '--continue-at' is behind the file's end at {total}; write a smaller one"
        );
    }
    let rest = request.content()[offset..].to_vec();
    let named = request.has_header("content-range");
    let request = request.body(rest);
    Ok(match named {
        true => request,
        false => request.header("Content-Range", format!("bytes {offset}-{}/{total}", total - 1)),
    })
}

/// The file that curl would write.
fn output(request: &HttpRequest, args: &HttpArgs, place: usize) -> Option<PathBuf> {
    let folder = args.output_dir.as_deref().unwrap_or(Path::new(""));
    if let Some(file) = args.output.get(place) {
        return Some(folder.join(file));
    }
    let path = request.url().split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().filter(|name| args.remote_name && !name.is_empty());
    name.map(|name| folder.join(name))
}

fn size(file: &Path) -> usize {
    std::fs::metadata(file).map_or(0, |file| usize::try_from(file.len()).unwrap_or(usize::MAX))
}
