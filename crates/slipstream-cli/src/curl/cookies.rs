//! Files of cookies, as curl and browsers write them: seven fields behind tabs, or headers of an answer
//! with `Set-Cookie:`.
//!
//! # Invariants
//! - A file that cannot be read has no cookies, as for curl, which begins a jar so.
//! - Cookies of other hosts are stored only with a request that may be led there.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::curl::body;

/// The prefix of the host of a cookie that scripts do not see.
const HTTP_ONLY: &str = "#HttpOnly_";

/// The lines of a file that hold a cookie; `host` says for whom, if not for all. `junk` leaves out what
/// ends with a session.
pub(crate) fn read(file: &OsStr, junk: bool, host: Option<&str>) -> Result<Vec<String>> {
    let path = Path::new(file);
    if file.is_empty() || (file != "-" && !path.is_file()) {
        return Ok(Vec::new());
    }
    let Ok(text) = String::from_utf8(body::content(file.as_bytes())?) else {
        bail!("the cookie file '{}' is not UTF-8; write it in UTF-8", path.display());
    };
    let lines = text.lines().filter_map(|line| cookie(line, junk));
    let lines = lines.filter(|line| host.is_none_or(|host| may_go_to(line, host)));
    Ok(lines.map(str::to_owned).collect())
}

/// The line, if it holds a cookie.
fn cookie(line: &str, junk: bool) -> Option<&str> {
    if line.contains(|c: char| c.is_control() && c != '\t') {
        return None;
    }
    if let Some(header) = header(line) {
        let header = header.to_ascii_lowercase();
        let lasts = header.contains("expires=") || header.contains("max-age=");
        return (lasts || !junk).then_some(line);
    }
    let is_comment = line.starts_with('#') && !line.starts_with(HTTP_ONLY);
    let ends = line.split('\t').nth(4).is_none_or(|expires| expires == "0");
    (!is_comment && line.contains('\t') && !(junk && ends)).then_some(line)
}

fn header(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("set-cookie").then_some(value)
}

/// Whether a cookie may be sent to a host, as far as its line says.
fn may_go_to(line: &str, host: &str) -> bool {
    if header(line).is_some() {
        return true;
    }
    let line = line.strip_prefix(HTTP_ONLY).unwrap_or(line);
    let its = line.split('\t').next().unwrap_or_default();
    let its = its.trim_matches('.').to_ascii_lowercase();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == its || host.strip_suffix(&*its).is_some_and(|begun| begun.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Netscape HTTP Cookie File\n\
        .example.com\tTRUE\t/\tFALSE\t2000000000\ta\t1\n\
        www.example.com\tFALSE\t/\tFALSE\t0\tb\t2\n\
        #HttpOnly_example.org\tFALSE\t/\tFALSE\t0\tc\t3\n\
        HTTP/1.1 200 OK\r\n\
        Set-Cookie: d=4; path=/\r\n\
        set-cookie: e=5; expires=Fri, 13-Feb-2037 11:56:27 GMT\n\
        Set-Cookie: f=\u{1}\n";

    #[test]
    fn a_file_s_cookies_are_kept_that_may_go_to_the_host() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jar");
        std::fs::write(&path, FILE).unwrap();
        let names = |junk, host| {
            let lines = read(path.as_os_str(), junk, host).unwrap();
            let name = |line: &String| match header(line) {
                Some(value) => value.trim().split('=').next().unwrap().to_owned(),
                None => line.split('\t').nth(5).unwrap().to_owned(),
            };
            lines.iter().map(name).collect::<Vec<_>>().concat()
        };
        for (junk, host, expected) in [
            (false, None, "abcde"),
            (true, None, "ae"),
            (false, Some("example.com"), "ade"),
            (false, Some("WWW.example.com."), "abde"),
            (false, Some("notexample.com"), "de"),
            (false, Some("example.org"), "cde"),
        ] {
            assert_eq!(names(junk, host), expected, "{host:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_has_no_cookies() {
        for file in ["", "/nowhere/at/all", "/tmp"] {
            assert!(read(OsStr::new(file), false, None).unwrap().is_empty());
        }
    }
}
