//! The Rust of the documents: it compiles, and does what they say.

use std::path::{Path, PathBuf};

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
    let nowhere = serde_json::from_str(r#"{"to":"nowhere","subject":"hi"}"#).unwrap();
    assert!(kinds::store(&spool, &nowhere).unwrap_err().to_string().contains("no address"));
}

/// The examples use the spool that the environment names, so they run in a process of their own.
#[test]
fn the_programs_of_the_documents_run_on_the_spool_that_the_command_line_uses() {
    const INNER: &str = "SLIPSTREAM_TEST_DOCUMENTS";
    if std::env::var_os(INNER).is_some() {
        programs::example_0().unwrap();
        programs::example_1().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(programs::example_2()).unwrap();
        programs::example_3().unwrap();
        programs::example_4().unwrap();
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
    use slipstream_core::operator::Operator;
    let found = slipstream_log::Spool::find(&spool).unwrap().expect("it was made there");
    assert_eq!(found.status(std::time::Duration::ZERO).unwrap().totals.stored, 5);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files below a directory of the project whose names end so.
fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    let entries = entries.filter(|entry| entry.file_name() != "target");
    let below = entries.flat_map(|entry| match entry.file_type().unwrap().is_dir() {
        true => files(&entry.path(), end),
        false => vec![entry.path()],
    });
    below.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

fn documents() -> Vec<PathBuf> {
    let at_the_top = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md"];
    at_the_top
        .map(|name| root().join(name))
        .into_iter()
        .chain(files(&root().join("docs"), ".md"))
        .collect()
}

#[test]
fn every_link_of_the_documents_leads_to_a_file() {
    let mut links = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for target in targets.filter(|target| !target.is_empty() && !target.contains(':')) {
            let path = document.parent().unwrap().join(target);
            assert!(path.exists(), "{} leads to {target}", document.display());
            links += 1;
        }
    }
    assert!(links > 60, "only {links} links");
}

#[test]
fn every_test_that_the_architecture_names_exists() {
    let sources: String = ["crates", "tests"]
        .iter()
        .flat_map(|dir| files(&root().join(dir), ".rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let names = text.split('`').skip(1).step_by(2);
    let is_name = |name: &&str| {
        name.matches('_').count() > 3 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    let names: Vec<_> = names.filter(is_name).collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "no test {name}");
    }
}
