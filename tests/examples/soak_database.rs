//! A real MariaDB for `cargo xtask soak`, which takes rows and is killed on command.
//!
//! It prints the URL of its database, then obeys a line at a time and answers each by one: `restart`
//! kills it and starts it again, `rows FILE` writes the id of each row that it took into a file,
//! and prints how many were taken but not counted, or counted but not taken. It ends with its input.
//!
//! # Non-goals
//! Any chance. When it is killed is the soak's to say.

use std::io::stdin;

use slipstream_tests::MariaDb;

/// No key keeps a row out that comes twice. The table of counters has few rows, which all transactions
/// that count change.
const TABLES: &str = "USE shop; \
    CREATE TABLE taken (id BINARY(16) NOT NULL, counted BOOLEAN NOT NULL, size INT NOT NULL); \
    CREATE TABLE counts (counter INT PRIMARY KEY, n BIGINT NOT NULL); \
    INSERT INTO counts SELECT seq, 0 FROM seq_0_to_7";

const MISCOUNTED: &str =
    "SELECT ABS((SELECT COUNT(*) FROM taken WHERE counted) - SUM(n)) FROM counts";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut server = MariaDb::start(&["--innodb-flush-log-at-trx-commit=1"]);
    server.sql(TABLES);
    println!("{}", server.url());
    for line in stdin().lines() {
        match line?.split_once(' ') {
            None => {
                server.restart();
                println!("restarted");
            }
            Some((_, file)) => {
                std::fs::write(file, server.sql("SELECT LOWER(HEX(id)) FROM shop.taken"))?;
                println!("{}", server.number(MISCOUNTED));
            }
        }
    }
    Ok(())
}
