//! No path that is stored depends on a command's working directory.

use crate::run::Spool;

/// The name of a relative path.
const NAME: &str = "zz-relative";
const CERT: &str = "-----BEGIN CERTIFICATE-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n";

/// Command lines with NAME where a path is, and what the file holds. What names a file is read at
/// once; what is only named is stored as an absolute path.
const STORED: &[(&[&str], &str)] = &[
    (&["--unix-socket", "NAME", "http://h/"], ""),
    (&["--cacert", "NAME", "https://h/"], CERT),
    (
        &["--cert", "NAME", "--key", "NAME", "https://h/"],
        concat!("-----BEGIN CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\n"),
    ),
    (&["--netrc-file", "NAME", "http://h/"], "machine h login a password b"),
    (&["-T", "NAME", "http://h/x"], "x"),
    (&["-d", "@NAME", "http://h/"], "x"),
    (&["--data-binary", "@NAME", "http://h/"], "x"),
    (&["--data-urlencode", "@NAME", "http://h/"], "x"),
    (&["--data-urlencode", "a@NAME", "http://h/"], "x"),
    (&["--json", "@NAME", "http://h/"], "1"),
    (&["-F", "a=@NAME;filename=b", "http://h/"], "x"),
    (&["-F", "a=<NAME", "http://h/"], "x"),
    (&["-H", "@NAME", "http://h/"], "a: b"),
    (&["-K", "NAME", "http://h/"], "header = \"a: b\""),
    (&["-K", "NAME", "http://h/"], "unix-socket = ./zz-relative"),
    (&["--data-binary", "@NAME", "tcp://h:1"], "x"),
    (&["--cacert", "NAME", "-d", "x", "tls://h:1"], CERT),
    (
        &["--cert", "NAME", "--key", "NAME", "-d", "x", "tls://h:1"],
        concat!("-----BEGIN CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\n"),
    ),
    (&["--query", "DO 1", "--password-file", "NAME", "mysql://a@h/"], ""),
    (&["--query", "DO 1", "--defaults-file", "NAME", "mysql://a@h/"], ""),
    (&["--query", "DO 1", "--cacert", "NAME", "mysql://a@h/"], CERT),
    (&["--query", "DO 1", "--server-public-key-path", "NAME", "mysql://a@h/"], PUBLIC),
    (&["--query", "DO ?", "--param", "@NAME", "mysql://a@h/"], "x"),
];

/// Command lines and batch lines that are refused: what they say cannot be made absolute, or names a
/// file where the worker runs.
const REFUSED: &[&[&str]] = &[
    &["-d", "x", "unix://NAME"],
    &["--query", "DO 1", "mysql://a@localhost/?socket=NAME"],
    &["--sign-secret", "file:NAME", "http://h/"],
];
const LINES: &[&str] = &[
    r#"{"url":"http://h/","unix_socket":"NAME"}"#,
    r#"{"url":"http://h/","unix_socket":"./NAME"}"#,
    r#"{"url":"http://h/","sign":"file:NAME"}"#,
    r#"{"url":"unix://NAME","data":"x"}"#,
    r#"{"url":"tls://h:1","data":"x","cert":"-----BEGIN CERTIFICATE-----","key":"file:NAME"}"#,
    r#"{"url":"mysql://a@localhost/?socket=NAME","query":"DO 1"}"#,
    r#"{"url":"mysql://a@h/","query":"DO 1","password":"file:NAME"}"#,
    r#"{"url":"mysql://a@h/","query":"DO 1","defaults_file":"NAME"}"#,
];

/// The bytes of all that is stored.
fn stored(spool: &Spool) -> String {
    let logs = spool.logs("collecting").into_iter();
    logs.map(|log| String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned()).collect()
}

#[test]
fn a_relative_path_is_read_or_made_absolute_when_it_is_stored() {
    for (args, content) in STORED {
        let spool = Spool::new();
        let file = spool.file(NAME, content);
        let dir = file.parent().unwrap();
        let args = args.iter().map(|arg| arg.replace("NAME", NAME));
        let mut store = spool.command(std::iter::once("store".to_owned()).chain(args.clone()));
        let ran = store.current_dir(dir).output().unwrap();
        assert!(ran.status.success(), "{args:?}: {ran:?}");
        let text = stored(&spool);
        let absolute = file.to_str().unwrap();
        assert!(text.contains("://"), "{args:?}: nothing is stored");
        let relative = text.replace(absolute, "").contains(NAME);
        assert!(!relative, "{args:?}: {text:?}");
    }
}

#[test]
fn a_path_that_only_the_worker_could_make_something_of_is_absolute_or_refused() {
    for args in REFUSED {
        let spool = Spool::new();
        let args = args.iter().map(|arg| arg.replace("NAME", NAME));
        let ran = spool.run(std::iter::once("store".to_owned()).chain(args.clone()));
        assert!(ran.code == Some(2) && ran.err.contains("absolute"), "{args:?}: {ran:?}");
    }
    for line in LINES {
        let spool = Spool::new();
        let line = line.replace("NAME", NAME);
        let ran = spool.run_with(&["store", "--batch", "-"], line.as_bytes());
        assert!(ran.code != Some(0) && ran.err.contains("absolute"), "{line}: {ran:?}");
    }
}
