//! User and password for a host, from a .netrc file.
//!
//! It is read when the request is stored, with the rights of whoever stores it: so nobody
//! can make a worker look into a file of its own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::body;

/// User and password for this host, if the file has some.
pub(crate) fn look_up(path: &Path, host: &str) -> Result<Option<(String, String)>> {
    let content = body::file(path, ".netrc")?;
    let text = String::from_utf8(content)
        .with_context(|| format!("the .netrc file '{}' is not UTF-8", path.display()))?;
    Ok(find(&text, host))
}

/// Where it is unless told otherwise.
pub(crate) fn usual_path() -> Result<PathBuf> {
    match std::env::var_os("HOME") {
        Some(home) if !home.is_empty() => Ok(Path::new(&home).join(".netrc")),
        _ => bail!("HOME is not set, so there is no .netrc; name one with --netrc-file"),
    }
}

fn find(text: &str, host: &str) -> Option<(String, String)> {
    let mut words = text.lines().flat_map(|line| {
        let line = line.trim();
        let comment = line.starts_with('#');
        line.split_whitespace().filter(move |_| !comment)
    });
    let (mut ours, mut user, mut password) = (false, None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" if ours => break,
            "machine" => ours = words.next().is_some_and(|name| name.eq_ignore_ascii_case(host)),
            "default" => ours = true,
            "login" if ours => user = words.next().map(str::to_owned),
            "password" if ours => password = words.next().map(str::to_owned),
            "login" | "password" | "account" => drop(words.next()),
            _ => {}
        }
    }
    ours.then(|| (user.unwrap_or_default(), password.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_for_a_host_counts_and_the_default_for_all_others() {
        let text = "# mine\nmachine a.example login me password s3cret\n\
                    machine b.example\n  login you\n  password \"x\"\ndefault login any password p\n";
        let found = |host| find(text, host);
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(found("A.example"), pair("me", "s3cret"));
        assert_eq!(found("b.example"), pair("you", "\"x\""));
        assert_eq!(found("c.example"), pair("any", "p"));
        assert_eq!(find("machine a login b", "c"), None);
    }
}
