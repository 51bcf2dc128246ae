//! What `store` says of options, batches, and the spool itself.

use std::fs::File;
use std::time::{Duration, SystemTime};

use super::{Scene, transcript};

#[test]
fn what_is_stored_is_told_in_few_words() {
    let mut scene = Scene::new();
    scene.types_all(&[
        "slipstream store --source a http://127.0.0.1:40001/",
        "slipstream store --source a --print-id http://127.0.0.1:40001/a http://127.0.0.1:40001/b",
        "slipstream store --source a --print-id --dedupe k http://127.0.0.1:40001/",
        "slipstream store --source a --print-id --dedupe k http://127.0.0.1:40001/",
    ]);
    scene.is("store");
}

#[test]
fn terms_are_refused() {
    transcript(
        "store_refuses_terms",
        &[
            "slipstream store --delay soon http://h/",
            "slipstream store --at noon http://h/",
            "slipstream store --at 2026-12-24T18:00:00Z --delay 5m http://h/",
            "slipstream store --ttl 0 http://h/",
            "slipstream store --ttl 1m --delay 5m http://h/",
            "slipstream store --dedupe '' http://h/",
            "slipstream store --dedupe-window 5m http://h/",
            "slipstream store --dedupe k http://h/[1-2]",
            "slipstream store --order-key '' http://h/",
            "slipstream store --attempts 0 http://h/",
            "slipstream store --retry sometimes http://h/",
            "slipstream store --retry tries=3 http://h/",
            "slipstream store --retry attempts=0 http://h/",
            "slipstream store --retry factor=0 http://h/",
            "slipstream store --retry base=soon http://h/",
            "slipstream store --retry jitter=2 http://h/",
            "slipstream store --retry permanent=9 http://h/",
            "slipstream store --retry attempts=1000,rounds=1000 http://h/",
            "slipstream store --retry-delay often http://h/",
            "slipstream store --retry-max-time long http://h/",
            "slipstream store --warn-after soon http://h/",
        ],
    );
}

#[test]
fn a_batch_is_refused_line_by_line() {
    let mut scene = Scene::new();
    scene.file("long", "x".repeat(2 << 20));
    scene.types("slipstream init --record-max 1KiB");
    scene.types_with(
        "slipstream store --batch -",
        "\
not json
[]
{}
{\"url\":7}
{\"url\":\"http://h/\",\"dely\":1}
{\"url\":\"http://h/\",\"url\":\"http://h/\"}
{\"url\":\"http://h/\",\"body\":\"a\",\"json\":1}
{\"url\":\"http://h/\",\"body_base64\":\"?\"}
{\"url\":\"http://h/\",\"headers\":[\"a: b\"]}
{\"url\":\"http://h/\",\"headers\":{\"a\":1}}
{\"url\":\"http://h/\",\"headers\":{\"a b\":\"c\"}}
{\"url\":\"http://h/\",\"method\":\"GE T\"}
{\"url\":\"http://h/\",\"max_redirects\":3}
{\"url\":\"http://h/\",\"timeout\":\"soon\"}
{\"url\":\"http://h/\",\"sign\":\"s3cret\"}
{\"url\":\"http://h/\",\"query\":\"SELECT 1\"}
{\"url\":\"gopher://h/\"}
{\"url\":\"http://h/\",\"delay\":\"soon\"}
{\"url\":\"http://h/\",\"at\":\"noon\"}
{\"url\":\"http://h/\",\"at\":1,\"delay\":1}
{\"url\":\"http://h/\",\"delay\":1,\"delay\":2}
{\"url\":\"http://h/\",\"ttl\":\"\"}
{\"url\":\"http://h/\",\"dedupe\":1}
{\"url\":\"http://h/\",\"dedupe_window\":\"5m\"}
{\"url\":\"http://h/\",\"order_key\":\"\"}
{\"url\":\"http://h/\",\"retry\":\"often\"}
{\"url\":\"http://h/\",\"retry\":{}}
",
    );
    scene.types_with(
        "slipstream store --source a --print-id --batch -",
        "{\"url\":\"http://h/\"}\n\n{\"url\":\"http://h/\",\"json\":{\"order\":17}}\n",
    );
    scene.types_all(&[
        "slipstream store --batch HERE/long",
        "slipstream store --batch HERE/missing",
        "slipstream store --batch HERE",
        "slipstream store --batch - -H 'a: b'",
        "slipstream store --batch - --framing line",
        "slipstream store --batch - -d x",
    ]);
    scene.is("store_refuses_a_batch");
}

#[test]
fn a_spool_that_takes_no_more_says_so() {
    let mut scene = Scene::new();
    let init = "slipstream init --slots 1 --logs 1 --record-max 400 --log-max 600";
    scene.types(&format!("{init} --on-full reject"));
    let body = "x".repeat(300);
    let store = format!("slipstream store --source a -d {body} http://h/");
    scene.types_all(&[&store, &store, &store]);
    scene.types(&format!("slipstream store --source a -d {body}{body} http://h/"));
    scene.types_with(
        "slipstream store --source a --batch -",
        &format!("{{\"url\":\"http://h/\",\"body\":\"{body}\"}}\n"),
    );
    std::fs::remove_dir_all(scene.spool.path()).unwrap();
    scene.notes("another one, which overwrites");
    scene.types(init);
    scene.types_all(&[&store, &store, &store]);
    scene.types(&format!("{store}[1-4]"));
    scene.is("store_into_a_full_spool");
}

#[test]
fn a_spool_that_no_worker_looks_after_is_told() {
    let mut scene = Scene::after(&["slipstream init", "slipstream work"]);
    scene.notes("two hours pass");
    let run = File::options().append(true).open(scene.spool.path().join("worker.run")).unwrap();
    run.set_modified(SystemTime::now() - Duration::from_secs(7_201)).unwrap();
    scene.types_all(&[
        "slipstream store --source a http://h/",
        "slipstream store --source a http://h/",
        "slipstream store --source a --warn-after 0 http://h/",
    ]);
    scene.is("store_without_a_worker");
}

#[test]
fn a_place_that_is_no_spool_is_refused() {
    let mut scene = Scene::new();
    scene.file("file", "");
    std::os::unix::fs::symlink("nowhere", scene.spool.path()).unwrap();
    let other = scene.spool.path().with_file_name("other");
    std::fs::create_dir(&other).unwrap();
    mode(&other, 0o700);
    std::fs::write(other.join("notes.txt"), "").unwrap();
    let open = scene.spool.path().with_file_name("open");
    std::fs::create_dir(&open).unwrap();
    mode(&open, 0o777);
    for command in ["store http://h/", "work", "status", "failed list", "check", "init"] {
        scene.types(&format!("slipstream --dir HERE/file {command}"));
    }
    scene.types_all(&[
        "slipstream store http://h/",
        "slipstream --dir HERE/file/below store http://h/",
        "slipstream --dir HERE/other store http://h/",
        "slipstream --dir HERE/open store http://h/",
    ]);
    std::fs::remove_file(scene.spool.path()).unwrap();
    scene.types("slipstream init");
    scene.notes("chmod 0777, 0770, 2770 and 0700");
    for bits in [0o777, 0o770, 0o2770, 0o700] {
        mode(&scene.spool.path(), bits);
        scene.types("slipstream store --source a http://127.0.0.1:40009/");
    }
    scene.notes("a part of it is removed");
    std::fs::remove_dir_all(scene.spool.path().join("ready")).unwrap();
    scene.types_all(&["slipstream work --attempts 1", "slipstream check --repair"]);
    scene.notes("its settings are damaged, impossible, of another version, and gone");
    let settings = scene.spool.path().join("settings.json");
    let whole = std::fs::read_to_string(&settings).unwrap();
    let changed = |name: &str, value: &str| {
        let mut json: serde_json::Value = serde_json::from_str(&whole).unwrap();
        json[name] = serde_json::from_str(value).unwrap();
        json.to_string()
    };
    for text in [
        "{".to_owned(),
        changed("format", "99"),
        changed("slots", "0"),
        changed("logs", "0"),
        changed("rotate_ms", "0"),
        changed("record_max", "0"),
        changed("log_max", "1"),
    ] {
        std::fs::write(&settings, text).unwrap();
        scene.types("slipstream store --source a http://127.0.0.1:40009/");
    }
    std::fs::remove_file(&settings).unwrap();
    scene.types("slipstream store --source a http://127.0.0.1:40009/");
    scene.is("store_into_what_is_no_spool");
}

fn mode(path: &std::path::Path, bits: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(bits)).unwrap();
}
