//! The words that must not come back, in everything that is committed.
//!
//! # Non-goals
//! Grammar. docs/glossary.md has the words to use.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use slipstream_harness::project;

const LIST: &str = include_str!("words.txt");

/// Files that name such words to say so.
const ABOUT_WORDS: [&str; 3] = ["xtask/src/words.rs", "xtask/src/words.txt", "docs/glossary.md"];

/// Fails when a file has one of them, and names the line and what to write instead.
pub(crate) fn check() -> Result<()> {
    let mut found = Vec::new();
    for path in files(&project::root())? {
        let name = path.strip_prefix(project::root()).unwrap_or(&path).display().to_string();
        // A binary file has no words.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if ABOUT_WORDS.contains(&&*name) {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let words = banned(line).map(|(word, instead)| {
                format!("{name}:{}: '{word}'; write instead: {instead}", at + 1)
            });
            found.extend(words);
        }
    }
    if found.is_empty() {
        eprintln!("no word of xtask/src/words.txt is used");
        return Ok(());
    }
    bail!("{}", found.join("\n"))
}

/// All files below a directory, but for what is built or hidden.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let about = || format!("could not read {}", dir.display());
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).with_context(about)? {
        let entry = entry.with_context(about)?;
        let name = entry.file_name();
        if name == "target" || name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        match entry.file_type().with_context(about)?.is_dir() {
            true => all.extend(files(&entry.path())?),
            false => all.push(entry.path()),
        }
    }
    Ok(all)
}

/// The words of the list in a line, each with what to write instead.
fn banned(line: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let rules = || LIST.lines().filter_map(|rule| rule.split_once(": "));
    let mut line = line.to_owned();
    for (_, allowed) in rules().filter(|(word, _)| *word == "allow") {
        line = line.replace(allowed, "");
    }
    let line = line.to_lowercase();
    rules().filter(move |(word, _)| *word != "allow" && has_word(&line, word))
}

fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '-';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_letter) && !line[at + word.len()..].starts_with(is_letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_in_any_case_and_within_a_name_and_not_as_a_part_of_another() {
        for line in ["// Whoever reads", "fn nobody_reads()", "the sum holds.", "x: nobody"] {
            assert_eq!(banned(line).count(), 1, "{line}");
        }
        for line in ["easy.nobody(true)", "(\"nobody\", 1)", "wherever", "const NOBODY: u32", ""] {
            assert_eq!(banned(line).count(), 0, "{line}");
        }
    }
}
