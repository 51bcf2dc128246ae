//! The peers of a soak: a receiver for each kind that is in it.
//!
//! # Invariants
//! Each reports what it took and nothing else, so that what it took twice was sent twice.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use slipstream_harness::receiver::{Lines, Receiver};
use slipstream_soak::kinds::Kind;

use super::account::Books;
use super::database::Database;
use super::place::Place;

/// All of them.
#[derive(Default)]
pub(super) struct Peers {
    http: Option<Receiver>,
    tcp: Option<Lines>,
    mysql: Option<Database>,
}

impl Peers {
    /// Starts those of these kinds. `database` is the program that runs one, and the mean time from one
    /// kill of it to the next.
    pub(super) fn start(
        kinds: &[Kind],
        seed: u64,
        place: &Place,
        database: Option<(&Path, Duration)>,
    ) -> Result<Self> {
        let ledger = |name| File::create(place.file(name)).context("could not make a ledger");
        let mut peers = Self::default();
        if kinds.contains(&Kind::Http) {
            peers.http = Some(Receiver::start_refusing(seed, ledger("receiver")?)?);
        }
        if kinds.contains(&Kind::Tcp) {
            peers.tcp = Some(Lines::start_refusing(seed, ledger("lines")?)?);
        }
        if let Some((program, every)) = database {
            peers.mysql = Some(Database::start(program, place, seed, every)?);
        }
        Ok(peers)
    }

    /// A writer's arguments for them.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.http.as_ref().map(|http| format!("--http={}", http.url("/soak"))));
        words.extend(self.tcp.iter().flat_map(Lines::urls).map(|url| format!("--tcp={url}")));
        words.extend(self.mysql.as_ref().map(|mysql| format!("--mysql={}", mysql.url())));
        words
    }

    /// Does what is due.
    pub(super) fn step(&mut self) -> Result<()> {
        self.mysql.as_mut().map_or(Ok(()), Database::step)
    }

    /// Has all of them stay as they are from now on.
    pub(super) fn end(&mut self) -> Result<()> {
        self.mysql.as_mut().map_or(Ok(()), Database::end)
    }

    /// How often the database was killed.
    pub(super) fn kills(&self) -> u64 {
        self.mysql.as_ref().map_or(0, |mysql| mysql.kills)
    }

    /// What came so far, as far as that can be seen while they run.
    pub(super) fn received(&self) -> u64 {
        let http = self.http.as_ref().map_or(0, |http| http.counts().requests());
        http + self.tcp.as_ref().map_or(0, Lines::taken)
    }

    /// Enters what they took.
    pub(super) fn enter(&mut self, books: &mut Books, place: &Place) -> Result<()> {
        if self.http.is_some() {
            books.ledger(&place.file("receiver"))?;
        }
        if self.tcp.is_some() {
            books.ledger(&place.file("lines"))?;
        }
        if let Some(mysql) = &mut self.mysql {
            let rows = place.file("rows");
            books.miscounted = mysql.rows(&rows)?;
            books.rows(&rows)?;
        }
        Ok(())
    }
}
