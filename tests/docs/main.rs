//! The Rust of the documents: it compiles, and does what they say.

#[allow(unused_variables, unreachable_pub)]
mod programs {
    include!(concat!(env!("OUT_DIR"), "/programs.rs"));
}

#[allow(missing_docs, unreachable_pub)]
mod kinds {
    include!(concat!(env!("OUT_DIR"), "/kinds.rs"));
}

#[test]
fn the_kind_of_docs_kinds_md_is_stored_and_worked() {
    let home = tempfile::tempdir().unwrap();
    let spool = home.path().join("spool");
    let mail = serde_json::from_str(r#"{"to":"me@example.com","subject":"hi"}"#).unwrap();
    kinds::store(&spool, &mail).unwrap();
    let worked = kinds::work(&spool, "/bin/true".into()).unwrap();
    assert_eq!((worked.delivered, worked.failed), (1, 0));
    let nobody = serde_json::from_str(r#"{"to":"nobody","subject":"hi"}"#).unwrap();
    assert!(kinds::store(&spool, &nobody).unwrap_err().to_string().contains("no address"));
}

/// The examples use the spool that the environment names, so they run in a process of their own.
#[test]
fn the_programs_of_the_documents_run_on_the_spool_that_the_command_line_uses() {
    const INNER: &str = "SLIPSTREAM_TEST_DOCUMENTS";
    if std::env::var_os(INNER).is_some() {
        programs::example_0().unwrap();
        programs::example_1().unwrap();
        programs::example_2().unwrap();
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("slipstream.toml");
    let spool = home.path().join("named by a file");
    std::fs::write(&config, format!("dir = {spool:?}\n")).unwrap();
    let name = "the_programs_of_the_documents_run_on_the_spool_that_the_command_line_uses";
    let inner = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1"])
        .env(INNER, "1")
        .env("SLIPSTREAM_CONFIG", &config)
        .env_remove("SLIPSTREAM_DIR")
        .output()
        .unwrap();
    assert!(inner.status.success(), "{}", String::from_utf8_lossy(&inner.stdout));
    let found = slipstream_log::Spool::find(&spool).unwrap().expect("it was made there");
    assert_eq!(found.status().unwrap().totals.stored, 2);
}
