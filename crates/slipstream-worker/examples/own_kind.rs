//! A request kind of your own: stored by one part of a program, worked by another.

use serde::{Deserialize, Serialize};
use slipstream_core::{Attempt, Collector, Engine, Failure, FailureScope, Outcome};
use slipstream_core::{Destination, Handler, Invalid, Request};
use slipstream_log::Spool;
use slipstream_worker::Worker;

/// What is stored.
#[derive(Serialize, Deserialize)]
struct Greet {
    name: String,
}

impl Request for Greet {
    const KIND: &'static str = "greet";

    fn destination(&self) -> Destination {
        Destination::new("greet://hall")
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.name.is_empty() {
            return Err(Invalid::new("no name to greet; give one"));
        }
        Ok(())
    }
}

/// What performs it.
struct Host;

impl Handler for Host {
    type Request = Greet;

    fn perform(&self, greet: &Greet, attempt: &Attempt) -> Outcome {
        if greet.name == "Godot" && attempt.number < 3 {
            return Outcome::Failed(Failure::transient(
                FailureScope::Request,
                "it has not come yet",
            ));
        }
        println!("hello, {} (attempt {})", greet.name, attempt.number);
        Outcome::Delivered
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = tempfile::tempdir()?;
    let collector = Collector::new(Spool::open(home.path().join("spool"))?);
    for name in ["Vladimir", "Estragon", "Godot"] {
        collector.store(&Greet { name: name.into() })?;
    }
    let spool = Spool::open(home.path().join("spool"))?;
    let summary = Worker::new(spool.backlog()?).handler(Host).run(&mut ())?;
    println!("{} delivered in {:?}", summary.delivered, summary.elapsed);
    Ok(())
}
