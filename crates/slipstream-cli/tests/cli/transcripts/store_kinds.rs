//! What `store` says of requests over a stream, and of statements.

use super::{Scene, transcript};

#[test]
fn streams_are_refused() {
    let mut scene = Scene::new();
    scene.file("text.txt", "text");
    scene.types_all(&[
        "slipstream store -d x h:1",
        "slipstream store -d x tcp:h:1",
        "slipstream store -d x tcp://h",
        "slipstream store -d x tcp://",
        "slipstream store -d x tcp://me@h:1",
        "slipstream store -d x tcp://h:1/path",
        "slipstream store -d x tcp://h:99999",
        "slipstream store -d x 'tcp://h:1\u{7f}'",
        "slipstream store -d x unix://run/app.sock",
        "slipstream store -d x unix:///run/app.sock?a",
        "slipstream store -d x unix:///aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "slipstream store tcp://h:1",
        "slipstream store -d x -d y tcp://h:1",
        "slipstream store --json z tcp://h:1",
        "slipstream store -F a=b tcp://h:1",
        "slipstream store --framing octets --expect a tcp://h:1",
        "slipstream store --framing lines -d x tcp://h:1",
        "slipstream store --expect '(' -d x tcp://h:1",
        "slipstream store --expect '(a{1000}){1000}' -d x tcp://h:1",
        "slipstream store --fail-on a -d x tcp://h:1",
        "slipstream store --until half -d x tcp://h:1",
        "slipstream store --until 0 --expect a -d x tcp://h:1",
        "slipstream store --until 99999999 --expect a -d x tcp://h:1",
        "slipstream store --half-close -d x tcp://h:1",
        "slipstream store --share -d x tcp://h:1",
        "slipstream store --idle-timeout 0 -d x tcp://h:1",
        "slipstream store --idle-timeout 999h -d x tcp://h:1",
        "slipstream store --connect-timeout 999999 -d x tcp://h:1",
        "slipstream store --server-name h -d x tcp://h:1",
        "slipstream store --server-name 'a b' -d x tls://h:1",
        "slipstream store -k --cacert HERE/text.txt -d x tls://h:1",
        "slipstream store --cacert HERE/text.txt -d x tls://h:1",
        "slipstream store --cert HERE/text.txt -d x tls://h:1",
        "slipstream store --compressed -d x tcp://h:1",
        "slipstream store -X GET tcp://h:1",
    ]);
    scene.is("store_refuses_streams");
}

#[test]
fn statements_are_refused() {
    let mut scene = Scene::new();
    scene.file("text.txt", "text");
    scene.types_all(&[
        "slipstream store --query 'SELECT 1' mysql:me@h/db",
        "slipstream store --query 'SELECT 1' mysql://h/db",
        "slipstream store --query 'SELECT 1' mysql://me:s3cret@h/db",
        "slipstream store --query 'SELECT 1' mysql://me@h/db/table",
        "slipstream store --query 'SELECT 1' mysql://me@h/db?ssl=1",
        "slipstream store --query 'SELECT 1' mysql://me@h/db?socket=run/mysqld.sock",
        "slipstream store --query 'SELECT 1' 'mysql://me@h/a b'",
        "slipstream store --query 'SELECT 1' mysql://me@h/%00",
        "slipstream store --query 'SELECT 1' mysql://me@h:99999/db",
        "slipstream store mysql://me@h/db",
        "slipstream store --query '' mysql://me@h/db",
        "slipstream store --query 'SELECT ?' mysql://me@h/db",
        "slipstream store --param 1 --query 'SELECT ?' mysql://me@h/db",
        "slipstream store --query 'SELECT ?' --param int:x mysql://me@h/db",
        "slipstream store --query 'SELECT ?' --param uint:-1 mysql://me@h/db",
        "slipstream store --query 'SELECT ?' --param float:x mysql://me@h/db",
        "slipstream store --query 'SELECT ?' --param float:inf mysql://me@h/db",
        "slipstream store --query 'SELECT ?' --param bool:x mysql://me@h/db",
        "slipstream store --query 'SELECT ?' --param json:x mysql://me@h/db",
        "slipstream store --query 'SELECT ?' --param base64:x mysql://me@h/db",
        "slipstream store --query 'SELECT ?' --param @HERE/missing mysql://me@h/db",
        "slipstream store --query BEGIN mysql://me@h/db",
        "slipstream store --query 'LOCK TABLES t WRITE' mysql://me@h/db",
        "slipstream store --query 'INSERT INTO t VALUES (1)' --query 'DROP TABLE t' mysql://me@h/db",
        "slipstream store --once --query 'DROP TABLE t' mysql://me@h/db",
        "slipstream store --once --query 'DELETE FROM t' mysql://me@h/",
        "slipstream store --defaults-file my.cnf --query 'SELECT 1' mysql://h/db",
        "slipstream store --password-file relative --query 'SELECT 1' mysql://me@h/db",
        "slipstream store --password-env 'a b' --query 'SELECT 1' mysql://me@h/db",
        "slipstream store --password-env A --password-file /b --query 'SELECT 1' mysql://me@h/db",
        "slipstream store --cacert HERE/text.txt --query 'SELECT 1' mysql://me@h/db",
        "slipstream store --server-public-key-path HERE/text.txt --query 'SELECT 1' mysql://me@h/db",
        "slipstream store --tls always --query 'SELECT 1' mysql://me@h/db",
        "slipstream store -m 0.0001 --query 'SELECT 1' mysql://me@h/db",
        "slipstream store -d x --query 'SELECT 1' mysql://me@h/db",
        "slipstream store -L --query 'SELECT 1' mysql://me@h/db",
    ]);
    scene.is("store_refuses_statements");
}

#[test]
fn a_batch_of_other_kinds_is_refused_line_by_line() {
    let mut scene = Scene::new();
    scene.types_with(
        "slipstream store --batch -",
        "\
{\"url\":\"tcp://h:1\",\"data\":\"a\",\"data_base64\":\"YQ==\"}
{\"url\":\"tcp://h:1\",\"data_base64\":\"?\"}
{\"url\":\"tcp://h:1\",\"data\":\"a\",\"body\":\"a\"}
{\"url\":\"tcp://h:1\",\"data\":\"a\",\"framing\":\"lines\"}
{\"url\":\"tcp://h:1\",\"data\":\"a\",\"until\":true}
{\"url\":\"tcp://h:1\",\"data\":\"a\",\"idle_timeout\":\"soon\"}
{\"url\":\"tls://h:1\",\"data\":\"a\",\"key\":\"-----BEGIN ENCRYPTED PRIVATE KEY-----\",\"cert\":\"-----BEGIN CERTIFICATE-----\"}
{\"url\":\"tls://h:1\",\"data\":\"a\",\"key\":\"-----BEGIN PRIVATE KEY-----\"}
{\"url\":\"mysql://me@h/db\",\"query\":\"SELECT 1\",\"statements\":[{\"query\":\"SELECT 1\"}]}
{\"url\":\"mysql://me@h/db\"}
{\"url\":\"mysql://me@h/db\",\"statements\":[]}
{\"url\":\"mysql://me@h/db\",\"query\":\"SELECT ?\",\"params\":[[1]]}
{\"url\":\"mysql://me@h/db\",\"query\":\"SELECT ?\",\"params\":[{\"base64\":\"?\"}]}
{\"url\":\"mysql://me@h/db\",\"query\":\"SELECT ?\",\"params\":[{\"hex\":\"00\"}]}
{\"url\":\"mysql://me@h/db\",\"query\":\"SELECT 1\",\"password\":\"s3cret\"}
{\"url\":\"mysql://me@h/db\",\"query\":\"SELECT 1\",\"tls\":\"always\"}
",
    );
    scene.is("store_refuses_a_batch_of_other_kinds");
}

#[test]
fn kinds_are_listed() {
    transcript("kinds", &["slipstream kinds", "slipstream kinds --json"]);
}
