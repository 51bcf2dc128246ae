//! What a run printed, the parts that are different each time named, so that the rest can be
//! compared unchanged.

/// What changes: in a pattern `0` is any digit and `x` any hex digit.
const CHANGING: [(&str, &str); 6] = [
    ("s000-00000000T000000000Z-xxxxxxxxxxxxxxxx.log", "LOG"),
    ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "ID"),
    ("0000-00-00T00:00:00.000Z", "TIME"),
    ("127.0.0.1:00000", "HOST"),
    ("stored 0s ago", "stored AGE ago"),
    ("stored 00s ago", "stored AGE ago"),
];

pub(crate) fn scrub(text: &str) -> String {
    let mut rest = text;
    let mut scrubbed = String::new();
    while let Some(first) = rest.chars().next() {
        let found = CHANGING.iter().find(|(pattern, _)| begins_with(rest, pattern));
        let (len, shown) = match found {
            Some((pattern, name)) => (pattern.len(), *name),
            None => (first.len_utf8(), &rest[..first.len_utf8()]),
        };
        scrubbed.push_str(shown);
        rest = &rest[len..];
    }
    scrubbed
}

fn begins_with(text: &str, pattern: &str) -> bool {
    let text = text.as_bytes();
    text.len() >= pattern.len()
        && pattern.bytes().zip(text).all(|(wanted, byte)| match wanted {
            b'0' => byte.is_ascii_digit(),
            b'x' => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            wanted => wanted == *byte,
        })
}
