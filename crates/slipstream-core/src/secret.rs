//! The name of a secret that is looked up where the worker runs.
//!
//! A request that is stored for days, copied and listed should not hold what signs it. So it names
//! the place of the secret: `env:NAME` or `file:PATH`.
//!
//! # Non-goals
//! Looking it up. The program that runs the worker does, and decides which ones.

use std::fmt;
use std::str::FromStr;

use crate::invalid::Invalid;
use crate::quote::quoted;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// In the environment variable of this name.
    Env(String),
    /// In the file with this absolute path; white space around it does not count.
    File(String),
}

impl FromStr for SecretRef {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        match text.split_once(':') {
            Some(("env", name)) if plain(name) && !name.contains('=') => {
                Ok(Self::Env(name.to_owned()))
            }
            // It is unknown which directory a worker will run in.
            Some(("file", path)) if plain(path) && path.starts_with('/') => {
                Ok(Self::File(path.to_owned()))
            }
            // A secret given in place of its name must not end up in a log.
            Some((scheme @ ("env" | "file"), rest)) => Err(Invalid::new(format!(
                "invalid name of a secret {}; expected env:NAME or file:/absolute/path",
                quoted(&format!("{scheme}:{rest}"))
            ))),
            _ => Err(Invalid::new(
                "a secret is not stored with a request, only its name is; expected env:NAME or file:/absolute/path",
            )),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_secret_reads_back_and_nothing_else_is_one() {
        for text in ["env:HOOK_SECRET", "file:/etc/hook.secret", "file:/a b:c"] {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
        let wrong = ["", "env:", "env:A=B", "env:a\0b", "file:", "file:relative", "file:/a\nb"];
        for text in wrong {
            let error = text.parse::<SecretRef>().unwrap_err().to_string();
            assert!(error.contains("env:NAME") && !error.contains(['\n', '\0']), "{error:?}");
        }
        let error = "whsec_c2VzYW1l".parse::<SecretRef>().unwrap_err().to_string();
        assert!(!error.contains("c2VzYW1l"), "{error}");
    }
}
