//! The floor for delivering: libcurl in the shortest loop there is, with nothing decided
//! from request to request and nothing learnt from an answer but its status.
//!
//! `bare_curl URL COUNT CONNECTIONS` sends COUNT POSTs of 300 bytes and prints one line,
//! `{"requests":N,"seconds":S,"cpu_seconds":C}`. It ends with 1 when one was not answered
//! with 2xx.
//!
//! # Non-goals
//! Everything a delivery needs beyond that.

use std::time::{Duration, Instant};

use curl::easy::{Easy2, Handler, List, WriteError};
use curl::multi::Multi;
use rustix::time::{ClockId, clock_gettime};

struct Ignore;

impl Handler for Ignore {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        Ok(data.len())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, count, connections] = args.as_slice() else {
        return Err("usage: bare_curl URL COUNT CONNECTIONS".into());
    };
    let (count, connections): (usize, usize) = (count.parse()?, connections.parse()?);

    let mut multi = Multi::new();
    multi.set_max_connects(connections.max(1))?;
    let (began, cpu_before) = (Instant::now(), clock_gettime(ClockId::ProcessCPUTime));
    let mut sent = 0;
    let mut handles = Vec::new();
    while sent < count.min(connections) {
        let mut easy = Easy2::new(Ignore);
        easy.url(url)?;
        easy.post(true)?;
        easy.post_fields_copy(&[b'x'; 300])?;
        let mut headers = List::new();
        headers.append("Expect:")?;
        easy.http_headers(headers)?;
        easy.proxy("")?;
        let mut handle = multi.add2(easy)?;
        handle.set_token(handles.len())?;
        handles.push(Some(handle));
        sent += 1;
    }

    let (mut answered, mut failed) = (0, 0);
    let mut finished = Vec::new();
    while answered < count {
        multi.perform()?;
        multi.messages(|message| {
            let ok = message.result().is_some_and(|result| result.is_ok());
            finished.extend(message.token().ok().map(|at| (at, ok)));
        });
        for (at, ok) in finished.drain(..) {
            answered += 1;
            let handle = handles[at].take().ok_or("a token that was not given")?;
            let easy = multi.remove2(handle)?;
            if !ok || easy.response_code()? / 100 != 2 {
                failed += 1;
            }
            if sent < count {
                sent += 1;
                handles[at] = Some(multi.add2(easy)?);
            }
        }
        if answered < count {
            multi.poll(&mut [], Duration::from_secs(1))?;
        }
    }

    let cpu = clock_gettime(ClockId::ProcessCPUTime) - cpu_before;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), Duration::try_from(cpu)?.as_secs_f64());
    println!(r#"{{"requests":{count},"seconds":{seconds:.6},"cpu_seconds":{cpu:.6}}}"#);
    if failed > 0 {
        return Err(format!("{failed} of {count} were not answered with 2xx").into());
    }
    Ok(())
}
