//! All that follows the rules of curl's command line: its words, and the requests that they mean.

pub(crate) mod body;
pub(crate) mod command_line;
mod condition;
mod config_file;
mod cookies;
mod form;
mod glob;
mod headers;
mod known;
mod netrc;
pub(crate) mod request;
pub(crate) mod schemes;
pub(crate) mod sending;
pub(crate) mod url;
mod variables;
