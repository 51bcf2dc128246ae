//! A my.cnf of any text: values are single lines of it, and only the section `[client]` counts.

use crate::option_file::OptionFile;

pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let file = OptionFile::parse(&text);
    let OptionFile { user, password, socket, ssl_ca, server_public_key_path, .. } = &file;
    for value in [user, password, socket, ssl_ca, server_public_key_path].into_iter().flatten() {
        // Escapes may only shorten it.
        assert!(value.len() <= text.len());
    }
    if !text.contains("client") {
        assert!(file == OptionFile::default());
    }
    // What precedes it, in another section, changes nothing.
    let other = format!("[mysqld]\npassword=other\nuser=other\n[client]\n{text}");
    let alone = format!("[client]\n{text}");
    assert!(OptionFile::parse(&other) == OptionFile::parse(&alone));
}
