//! The binary against a real server: what is stored by `slipstream store` is in the table once
//! `slipstream work` has run.

use serde_json::Value;
use slipstream_tests::{MariaDb, Program};

fn server() -> MariaDb {
    let server = MariaDb::start(&[]);
    server.sql(
        "CREATE TABLE shop.v (page TEXT, n INT, ratio DOUBLE, blob_ BLOB, doc JSON, gone INT, seen BOOL)",
    );
    server
}

#[test]
fn typed_parameters_and_transactions_arrive() {
    let (program, server) = (Program::new(), server());
    let file = program.file("blob", "\u{0}\u{1}");
    let url = server.url();
    let words = ["store", "--query", "INSERT INTO v VALUES (?, ?, ?, ?, ?, ?, ?)"];
    let file = format!("@{}", file.display());
    let params = ["--param=/home?", "--param=int:-5", "--param=float:1.5", "--param", &file];
    let more = ["--param=json:{\"a\":1}", "--param=null", "--param=bool:true", &url];
    program.well([&words[..], &params, &more].concat());
    program.well(["work", "--quiet"]);
    program.well([
        "store",
        "--query",
        "UPDATE v SET n = n - 1 WHERE n < 0",
        "--query",
        "INSERT INTO v (page) VALUES (?)",
        "--param",
        "text:int:5",
        &url,
    ]);
    let batch =
        format!("{{\"url\":{url:?},\"query\":\"INSERT INTO v (n) VALUES (?)\",\"params\":[7]}}\n");
    let batch = program.file("batch", &batch);
    program.well(["store".as_ref(), "--batch".as_ref(), batch.as_os_str()]);
    program.well(["work", "--quiet"]);
    let rows = server.sql(
        "SELECT page, n, ratio, HEX(blob_), doc, gone, seen FROM shop.v ORDER BY page IS NULL, page",
    );
    let expected = "/home?\t-6\t1.5\t0001\t{\"a\":1}\tNULL\t1\nint:5\tNULL\tNULL\tNULL\tNULL\tNULL\tNULL\nNULL\t7\tNULL\tNULL\tNULL\tNULL\tNULL\n";
    assert_eq!(rows.trim_end(), expected.trim_end());
    assert_eq!(program.total("delivered"), 3);
}

#[test]
fn a_statement_that_fails_is_shown_without_its_values() {
    let (program, server) = (Program::new(), server());
    let url = server.url();
    program.well([
        "store",
        "--query",
        "INSERT INTO nowhere VALUES (?, 'hush')",
        "--param",
        "s3cret",
        &url,
    ]);
    assert_eq!(program.run(["work", "--quiet"]).status.code(), Some(1));
    let listed = program.well(["failed", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["attempts"], 1, "no further attempt would help: {listed}");
    let shown = program.well(["failed", "show", listed["id"].as_str().unwrap()]);
    for (word, there) in [("nowhere", true), ("1146", true), ("s3cret", false), ("hush", false)] {
        assert_eq!(shown.contains(word), there, "{word}: {shown}");
    }
}

#[test]
fn a_password_is_looked_up_where_the_worker_runs() {
    let (program, server) = (Program::new(), server());
    server
        .sql("CREATE USER clerk@'%' IDENTIFIED BY 'open sesame'; GRANT ALL ON shop.* TO clerk@'%'");
    let url = server.url().replace("app@", "clerk@");
    let insert = ["store", "--query", "INSERT INTO v (n) VALUES (1)"];
    program.well([&insert[..], &["--password-env", "CLERK", &url]].concat());
    let file = program.file("password", "open sesame\n");
    program.well([&insert[..], &["--password-file", file.to_str().unwrap(), &url]].concat());
    let refused = program.run(["store", "--query", "DO 1", &url.replace("clerk@", "clerk:pw@")]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let worked = program.command(["work", "--quiet"]).env("CLERK", "open sesame").output().unwrap();
    assert!(worked.status.success(), "{worked:?}");
    assert_eq!(server.sql("SELECT COUNT(*) FROM shop.v").trim(), "2");
}

/// The server takes every client of its socket for the user that the process runs as.
#[test]
fn a_member_of_a_shared_spool_is_not_root_to_the_server_through_its_socket() {
    let server = MariaDb::start(&["--plugin-load-add=auth_socket"]);
    let id = std::process::Command::new("id").arg("-un").output().unwrap();
    let us = String::from_utf8(id.stdout).unwrap().trim().to_owned();
    let become_us = if us == "root" { "ALTER" } else { "CREATE" };
    server.sql(&format!(
        "{become_us} USER '{us}'@localhost IDENTIFIED VIA unix_socket; \
         GRANT ALL ON *.* TO '{us}'@localhost WITH GRANT OPTION"
    ));
    let grant = "GRANT SUPER ON *.* TO app@'%'";
    let granted = || server.sql("SHOW GRANTS FOR app@'%'").contains("SUPER");
    let socket = format!("mysql://{us}@localhost/?socket={}", server.socket());
    let program = Program::new();
    let group = std::os::unix::fs::MetadataExt::gid(&std::fs::metadata("/proc/self").unwrap());
    program.well(["init", "--group", &group.to_string()]);
    let cnf =
        program.file("app.cnf", &format!("[client]\nuser={us}\nsocket={}\n", server.socket()));
    let cnf = cnf.to_str().unwrap();
    program.well(["store", "--query", grant, &socket]);
    program.well(["store", "--query", grant, "--defaults-file", cnf, "mysql://localhost/"]);
    let secret = format!("--allow-secret=file:{cnf}@mysql://localhost:3306");
    let worked = program.run(["work", "--quiet", &secret]);
    assert_eq!(worked.status.code(), Some(1), "{worked:?}");
    assert!(!granted());
    assert_eq!(program.total("failed"), 2);
    program.well(["failed", "retry", "--all"]);
    let host = format!("--allow-host=unix:{}", server.socket());
    program.well(["work", "--quiet", &secret, &host]);
    assert!(granted());
}
