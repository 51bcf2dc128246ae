//! `slipstream store --batch`: a request a line, stored many at a time.
//!
//! # Invariants
//! - Memory holds one line and one chunk of records, however long the input.
//! - A bad line is reported by its number and keeps no other out.
//! - What was read is stored before more is waited for, so the lines of a slow writer do not wait
//!   in here.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use slipstream_core::{Clock, Engine, Overwritten, Record, RecordId, Source, SystemClock};
use slipstream_log::Spool;

use super::spool;
use crate::args::StoreArgs;
use crate::exit::Exit;
use crate::kinds;
use crate::kinds::delivery_options::{self, Given};
use crate::process::owner::Place;
use crate::term::print;
use crate::term::units::{count, spell_bytes, thousands};

/// How much is read at once.
const READ: usize = 256 << 10;
/// Most records that are stored at once.
const CHUNK_RECORDS: usize = 1_000;
/// Most bytes of them, but for the last one's.
const CHUNK_BYTES: usize = 1 << 20;
/// What an envelope takes beside the texts in it, generously.
const ENVELOPE: usize = 256;

pub(crate) fn run(place: &Place, args: &StoreArgs, file: &Path) -> Result<Exit> {
    let input: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(file)
            .with_context(|| format!("cannot open the batch '{}'", file.display()))?;
        Box::new(file)
    };
    let spool = spool::open(place, args)?;
    let mut batch = Batch {
        args,
        // JSON may spell a byte with six characters, and has a frame of its own.
        line_max: spool.settings().record_max.saturating_mul(6) + (1 << 20),
        spool,
        source: spool::source(args),
        options: Given::of(&args.options),
        clock: SystemClock::new(),
        chunk: Vec::new(),
        chunk_bytes: 0,
        stored: 0,
        repeated: 0,
        refused: 0,
        overwritten: Vec::new(),
    };
    let done = batch.store_all(&mut BufReader::with_capacity(READ, input));
    spool::warn_of_overwritten(&batch.overwritten);
    let stored = count(batch.stored, "line");
    done.with_context(|| format!("the batch broke off after {stored} had been stored"))?;
    let repeated = match batch.repeated {
        0 => String::new(),
        repeated => format!(", {} repeated", thousands(repeated)),
    };
    if batch.refused == 0 {
        if batch.repeated > 0 {
            tracing::info!("{stored} stored{repeated}");
        }
        return Ok(Exit::Success);
    }
    let refused = thousands(batch.refused);
    print::complain(&format!("{stored} stored{repeated}, {refused} refused"));
    Ok(Exit::Incomplete)
}

struct Batch<'a> {
    args: &'a StoreArgs,
    spool: Spool,
    source: Source,
    /// The delivery options of every line that says no others.
    options: Given,
    clock: SystemClock,
    line_max: u64,
    chunk: Vec<Record>,
    chunk_bytes: usize,
    stored: u64,
    /// Lines that were not stored, because their like was a moment ago.
    repeated: u64,
    refused: u64,
    overwritten: Vec<Overwritten>,
}

/// What a look for the next line found.
enum Line {
    /// A line, as long as it may be.
    Whole,
    /// A line that is longer; it was skipped.
    TooLong,
    /// The end of the input.
    End,
}

impl Batch<'_> {
    fn store_all(&mut self, input: &mut BufReader<Box<dyn Read>>) -> Result<()> {
        let mut line = Vec::new();
        for number in 1u64.. {
            if !input.buffer().contains(&b'\n') {
                self.flush()?;
            }
            let found = next_line(input, &mut line, self.line_max)
                .with_context(|| format!("cannot read line {number}"))?;
            let record = match found {
                Line::End => break,
                Line::TooLong => {
                    let limit = spell_bytes(self.line_max);
                    Err(format!(
                        "longer than {limit}; store it smaller, or in a spool that takes larger records"
                    ))
                }
                Line::Whole if text(number, &line).trim_ascii().is_empty() => continue,
                Line::Whole => self.record(text(number, &line)),
            };
            match record {
                Ok(record) => self.add(record)?,
                Err(why) => {
                    self.refused += 1;
                    print::complain(&format!("line {number}: {why}"));
                }
            }
        }
        self.flush()
    }

    fn record(&self, line: &[u8]) -> Result<Record, String> {
        let now = self.clock.now();
        let id = RecordId::generate(now);
        let (record, own) = kinds::record_of_line(line, &delivery_options::KEYS, id)
            .map_err(|error| error.to_string())?;
        let options =
            self.options.amended(&own)?.options(now).map_err(|error| error.to_string())?;
        let record = Record { options, ..record };
        // Among others it would keep the whole chunk out.
        let limit = self.spool.settings().record_max;
        if size(&record) as u64 > limit {
            let bytes = record.encode().len() as u64;
            if bytes > limit {
                return Err(slipstream_core::StoreError::TooLarge { bytes, limit }.to_string());
            }
        }
        Ok(record)
    }

    fn add(&mut self, record: Record) -> Result<()> {
        self.chunk_bytes += size(&record);
        self.chunk.push(record);
        if self.chunk.len() >= CHUNK_RECORDS || self.chunk_bytes >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let receipt = self.spool.store(&self.source, &self.chunk)?;
        let repeated = receipt.duplicates.len();
        self.stored += (self.chunk.len() - repeated) as u64;
        self.repeated += repeated as u64;
        self.overwritten.extend(receipt.overwritten);
        // Now and not at the end, which may be days away.
        spool::warn_if_overdue(&self.spool, self.args);
        if self.args.print_id {
            let earlier: HashMap<_, _> =
                receipt.duplicates.iter().map(|duplicate| (duplicate.id, duplicate.of)).collect();
            let id = |record: &Record| *earlier.get(&record.id).unwrap_or(&record.id);
            let ids: String = self.chunk.iter().map(|r| format!("{}\n", id(r))).collect();
            print::out(&ids)?;
        }
        self.chunk.clear();
        self.chunk_bytes = 0;
        Ok(())
    }
}

/// A line's text. The input may begin with a byte order mark, as editors elsewhere write it.
fn text(number: u64, line: &[u8]) -> &[u8] {
    let mark: &[u8] = if number == 1 { b"\xef\xbb\xbf" } else { b"" };
    line.strip_prefix(mark).unwrap_or(line)
}

/// No less than the record's encoded size.
fn size(record: &Record) -> usize {
    let options = &record.options;
    let keys =
        [options.order.as_ref(), options.dedupe.as_ref().map(|it| &it.key), options.retry.as_ref()];
    let keys: usize = keys.into_iter().flatten().map(String::len).sum();
    record.body.len() + record.destination.as_str().len() + record.kind.len() + keys + ENVELOPE
}

fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>, max: u64) -> io::Result<Line> {
    line.clear();
    let read = input.by_ref().take(max + 1).read_until(b'\n', line)? as u64;
    if read == 0 {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Line::Whole);
    }
    if read <= max {
        return Ok(Line::Whole);
    }
    // What was taken in of it is let go of, too.
    *line = Vec::new();
    input.skip_until(b'\n')?;
    Ok(Line::TooLong)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use slipstream_core::{DeliveryOptions, Timestamp};

    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_read() {
        let mut input: &[u8] = b"1234\n12345\n\n1234567890\nlast";
        let mut line = Vec::new();
        let mut seen = Vec::new();
        loop {
            match next_line(&mut input, &mut line, 4).unwrap() {
                Line::End => break,
                Line::TooLong => seen.push("too long".to_owned()),
                Line::Whole => seen.push(String::from_utf8(line.clone()).unwrap()),
            }
        }
        assert_eq!(seen, ["1234", "too long", "", "too long", "last"]);
    }

    #[test]
    fn the_size_that_is_reckoned_with_is_never_below_the_real_one() {
        for url in ["http://h/", &format!("http://{}/", "h".repeat(200))] {
            for length in [0, 1, 300, 70_000] {
                let request = slipstream_http::HttpRequest::post(url).body(vec![0; length]);
                let record = Record::new(&request, RecordId::from_bytes([9; 16])).unwrap();
                assert!(record.encode().len() <= size(&record));
                let (most, long) = (Timestamp::from_millis(u64::MAX), "k".repeat(70_000));
                let options = DeliveryOptions::new()
                    .not_before(most)
                    .expires(most)
                    .order(long.clone())
                    .dedupe(long.clone(), Duration::MAX)
                    .retry(long);
                let record = Record { options, ..record };
                assert!(record.encode().len() <= size(&record));
            }
        }
    }
}
