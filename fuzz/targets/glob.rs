//! URLs with patterns of any text: they expand to no more requests than one command stores, and
//! without a pattern to themselves.

use crate::glob::{MOST, all};

pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    // A long text with many choices is as many copies of it.
    if text.len() > 512 {
        return;
    }
    let texts = [text.clone()];
    if let Ok(urls) = all(&texts, false) {
        assert!(!urls.is_empty() && urls.len() <= MOST);
        assert!(urls.iter().all(|(at, _)| *at == 0));
        if !text.contains(['{', '[', '}', ']', '\\']) {
            assert_eq!(urls, [(0, text.clone())]);
        }
        // Twice the text is twice as much, or too much.
        if let Ok(both) = all(&[text.clone(), text.clone()], false) {
            assert_eq!(both.len(), 2 * urls.len());
        }
    }
    assert_eq!(all(&texts, true).unwrap(), [(0, text)]);
}
