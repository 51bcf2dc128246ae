//! Several URLs in one text, as curl writes them: `{a,b}`, `[1-3]`, `[001-100:2]`, `[a-z]`.
//!
//! # Invariants
//! - How many there are is known before any is made, and no more than [`MOST`] are.
//! - A backslash takes the meaning from a bracket.
//! - An IPv6 address is no range.
//!
//! # Non-goals
//! Sets within sets, which curl has not either.

use std::net::Ipv6Addr;

use anyhow::{Result, bail};

/// Most requests that one command stores.
pub(crate) const MOST: usize = 10_000;

/// All URLs that these texts expand to, each with the place of its text. Switched off, a text is a
/// URL.
///
/// # Errors
/// When a text is not to be understood, or there are more than [`MOST`].
pub(crate) fn all(texts: &[String], off: bool) -> Result<Vec<(usize, String)>> {
    let parse = |text: &String| if off { Ok(vec![vec![text.clone()]]) } else { parse(text) };
    let patterns = texts.iter().map(parse).collect::<Result<Vec<_>>>()?;
    let number = |pattern: &Pattern| {
        pattern.iter().fold(1_usize, |number, piece| number.saturating_mul(piece.len()))
    };
    let number = patterns.iter().map(number).fold(0, usize::saturating_add);
    if number > MOST {
        bail!(
            "the urls stand for {number} requests and one command stores {MOST} at most; store them in parts, or by --batch"
        );
    }
    let urls = patterns.iter().enumerate();
    Ok(urls
        .flat_map(|(at, pattern)| expanded(pattern).into_iter().map(move |url| (at, url)))
        .collect())
}

/// The choices for each part of a text; what is no pattern is a single one.
type Pattern = Vec<Vec<String>>;

/// Every combination, the last part changing first.
fn expanded(pattern: &Pattern) -> Vec<String> {
    pattern.iter().fold(vec![String::new()], |begun, piece| {
        let longer = |begin: &String| -> Vec<String> {
            piece.iter().map(|choice| format!("{begin}{choice}")).collect()
        };
        begun.iter().flat_map(longer).collect()
    })
}

fn parse(text: &str) -> Result<Pattern> {
    let (mut pattern, mut plain) = (Pattern::new(), String::new());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\\' if rest.starts_with(['{', '}', '[', ']']) => {
                plain.push_str(&rest[..1]);
                rest = &rest[1..];
            }
            '{' | '[' => {
                let end = closing(rest, if letter == '{' { '}' } else { ']' });
                let Some(end) = end else {
                    bail!("{}", wrong(&format!("'{letter}' is not closed")));
                };
                let inside = &rest[..end];
                rest = &rest[end + 1..];
                if letter == '[' && (inside.is_empty() || is_address(inside)) {
                    plain.push_str(&format!("[{inside}]"));
                    continue;
                }
                pattern.push(vec![std::mem::take(&mut plain)]);
                let inside = without_name(inside);
                let choices = if letter == '{' { set(inside) } else { range(inside) };
                let Some(choices) = choices else {
                    bail!("{}", wrong(&format!("'{letter}{inside}' names no choices")));
                };
                pattern.push(choices);
            }
            '}' | ']' => bail!("{}", wrong(&format!("'{letter}' closes nothing"))),
            _ => plain.push(letter),
        }
    }
    pattern.push(vec![plain]);
    Ok(pattern)
}

/// A set or a range may have a name for curl's output: `{<name>a,b}`.
fn without_name(inside: &str) -> &str {
    let named = inside.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let named = named.filter(|(name, _)| !name.is_empty() && name.bytes().all(is_of_a_name));
    named.map_or(inside, |(_, rest)| rest)
}

fn wrong(what: &str) -> String {
    format!(
        "in a url, {what}; write {{a,b}}, [1-3] or [a-z], or -g where brackets are only brackets"
    )
}

/// Where this bracket is first, without a backslash.
fn closing(text: &str, bracket: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, letter)| {
        let found = letter == bracket && !escaped;
        escaped = letter == '\\' && !escaped;
        found.then_some(at)
    })
}

fn is_address(text: &str) -> bool {
    // A zone may follow it.
    text.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn set(text: &str) -> Option<Vec<String>> {
    let (mut choices, mut choice, mut escaped) = (Vec::new(), String::new(), false);
    for letter in text.chars() {
        match letter {
            _ if escaped => {
                choice.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            '{' | '[' | ']' => return None,
            ',' => choices.push(std::mem::take(&mut choice)),
            _ => choice.push(letter),
        }
    }
    choices.push(choice);
    (!text.is_empty()).then_some(choices)
}

fn range(text: &str) -> Option<Vec<String>> {
    let (ends, step) = match text.split_once(':') {
        Some((ends, step)) => (ends, step.parse::<usize>().ok().filter(|step| *step > 0)?),
        None => (text, 1),
    };
    let (first, last) = ends.split_once('-')?;
    let letters = [first, last].map(|end| {
        let mut letters = end.chars();
        letters.next().filter(|letter| letter.is_ascii_alphabetic() && letters.next().is_none())
    });
    if let [Some(first), Some(last)] = letters {
        let one_case = first.is_ascii_lowercase() == last.is_ascii_lowercase();
        return (one_case && first <= last)
            .then(|| (first..=last).step_by(step).map(String::from).collect());
    }
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok());
    let (low, high) = (number(first)??, number(last)??);
    let width = if first.starts_with('0') { first.len() } else { 0 };
    // One more than may be stored is enough to be refused by their number.
    let numbers = (low..=high).step_by(step).take(MOST + 1);
    (low <= high).then(|| numbers.map(|number| format!("{number:0width$}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> Vec<String> {
        all(&[text.to_string()], false).unwrap().into_iter().map(|(_, url)| url).collect()
    }

    #[test]
    fn a_text_stands_for_the_urls_that_curl_makes_of_it() {
        let table: &[(&str, &[&str])] = &[
            ("http://a/", &["http://a/"]),
            ("http://{a,b}/", &["http://a/", "http://b/"]),
            ("h/{a,}", &["h/a", "h/"]),
            ("h/[1-3]", &["h/1", "h/2", "h/3"]),
            ("h/[08-10]", &["h/08", "h/09", "h/10"]),
            ("h/[1-10:4]", &["h/1", "h/5", "h/9"]),
            ("h/[a-e:2]", &["h/a", "h/c", "h/e"]),
            ("h/[5-5]", &["h/5"]),
            ("h/{a,b}[1-2]", &["h/a1", "h/a2", "h/b1", "h/b2"]),
            ("h/\\{a,b\\}\\[1\\]\\x", &["h/{a,b}[1]\\x"]),
            ("h/{<n>a,b}[<m>1-2]", &["h/a1", "h/a2", "h/b1", "h/b2"]),
            ("h/{a\\,b,c}", &["h/a,b", "h/c"]),
            ("http://[::1]:80/[]", &["http://[::1]:80/[]"]),
        ];
        for (text, expected) in table {
            assert_eq!(urls(text), *expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_what_to_write() {
        for text in [
            "h/{a",
            "h/a}",
            "h/[1-3",
            "h/1]",
            "h/{}",
            "h/{a,{b}}",
            "h/[3-1]",
            "h/[a-Z]",
            "h/[a-3]",
            "h/[1-3:0]",
            "h/[1-]",
            "h/[x]",
        ] {
            let error = all(&[text.to_string()], false).unwrap_err().to_string();
            assert!(error.contains("-g where brackets are only brackets"), "{text}: {error}");
        }
    }

    #[test]
    fn more_than_are_stored_are_refused_before_they_are_made() {
        assert_eq!(urls("h/[1-10000]").len(), MOST);
        for text in [
            "h/[0-10000]",
            "h/[1-18446744073709551615]",
            "h/[1-9000][1-9000][1-9000][1-9000][1-9000]",
        ] {
            let error = all(&[text.to_string()], false).unwrap_err().to_string();
            assert!(error.contains("one command stores 10000 at most"), "{text}: {error}");
        }
        assert!(all(&["h/[1-6000]".to_owned(), "h/[1-6000]".to_owned()], false).is_err());
    }
}
