//! curl's config files of any bytes: each line says an option, and any value can be said in quotes.

use std::os::unix::ffi::OsStrExt;

use super::{Line, lines};

pub(crate) fn check(data: &[u8]) {
    let mut last = 0;
    for Line { number, option, value, is_cut } in lines(data) {
        assert!(last < number && number <= data.split(|byte| *byte == b'\n').count());
        last = number;
        assert!(option.as_bytes().starts_with(b"-"));
        assert!(!option.as_bytes().iter().any(u8::is_ascii_whitespace));
        let quotes = data.contains(&b'"');
        if let Some(value) = value.filter(|_| !quotes) {
            assert!(!value.as_bytes().iter().any(u8::is_ascii_whitespace));
            assert!(value.is_empty() || data.windows(value.len()).any(|w| w == value.as_bytes()));
        }
        assert!(!is_cut || quotes || data.iter().any(u8::is_ascii_whitespace));
    }
    let mut quoted = b"data = \"".to_vec();
    for &byte in data {
        match byte {
            b'\n' => quoted.extend(b"\\n"),
            b'"' | b'\\' => quoted.extend([b'\\', byte]),
            other => quoted.push(other),
        }
    }
    quoted.extend(b"\" # said");
    let [line] = &lines(&quoted)[..] else { panic!("it is one line") };
    assert_eq!(line.value.as_deref().map(OsStrExt::as_bytes), Some(data));
    assert!(!line.is_cut);
}
