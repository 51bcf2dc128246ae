//! The floor for executing statements: a client library in the shortest loop there is.
//!
//! `bare-mysql URL COUNT CONNECTIONS` inserts COUNT rows of 300 bytes into the table `t`, each a
//! transaction of its own, and prints the seconds that it took.
//!
//! # Non-goals
//! Everything a delivery needs beyond that.

use std::error::Error;
use std::time::Instant;

use mysql::prelude::Queryable;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, count, connections] = args.as_slice() else {
        return Err("usage: bare-mysql URL COUNT CONNECTIONS".into());
    };
    let (count, connections): (u64, usize) = (count.parse()?, connections.parse()?);
    let body = "x".repeat(300);
    let connect = || {
        let options = mysql::OptsBuilder::from_opts(mysql::Opts::from_url(url)?);
        // As ours: over TCP, although it is the same machine.
        mysql::Conn::new(options.prefer_socket(false))
    };
    let open = (0..connections).map(|_| connect()).collect::<Result<Vec<_>, _>>()?;
    let insert = |first: u64, mut connection: mysql::Conn| -> Result<(), mysql::Error> {
        let statement = connection.prep("INSERT INTO t (id, body) VALUES (?, ?)")?;
        for id in (first..count).step_by(connections) {
            connection.exec_drop(&statement, (id, &body))?;
        }
        Ok(())
    };
    let began = Instant::now();
    std::thread::scope(|scope| {
        let start = |(first, connection)| scope.spawn(move || insert(first, connection));
        let threads: Vec<_> = (0..).zip(open).map(start).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })?;
    println!("{}", began.elapsed().as_secs_f64());
    Ok(())
}
