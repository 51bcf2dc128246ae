//! A .netrc file of any text: it is read unless a quotation mark is not closed, and an entry behind it
//! is found.

use super::find;

pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let of = |text: &str, host: &str| {
        find(text, |name| name.is_none_or(|name| name.eq_ignore_ascii_case(host)), None)
    };
    let Ok(found) = of(&text, "h") else {
        assert!(text.contains('"'));
        return;
    };
    if let Some((login, password)) = found {
        assert!(!text.contains('"') || login.len() + password.len() <= text.len());
        assert!(text.contains('"') || text.contains(&*login) && text.contains(&*password));
    }
    let lower = text.to_ascii_lowercase();
    if !["\"", "behind", "default", "macdef"].iter().any(|word| lower.contains(word)) {
        // What is left open takes the first word as its own.
        let longer = format!("{text}\nx\nmachine behind login me password \"a b\"");
        assert_eq!(of(&longer, "behind").unwrap(), Some(("me".to_owned(), "a b".to_owned())));
    }
}
