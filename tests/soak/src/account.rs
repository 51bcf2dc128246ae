//! The soak's own books: what became of every id, by what writers, receiver and spool each say.
//!
//! A byte for each id.
//!
//! # Non-goals
//! What may be and what may not; the verdict says that.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use slipstream_soak::ids::{LENGTH, Name};
use slipstream_soak::kinds::{Kind, Way};

const INTENDED: u8 = 1;
const ACKNOWLEDGED: u8 = 2;
const DELIVERED: u8 = 4;
/// The spool still has it, unsettled or dead-lettered.
const LEFT: u8 = 8;
/// The spool has it and says that it was delivered.
const SETTLED: u8 = 16;
/// The store said that it was not stored.
const REFUSED: u8 = 32;

/// What the spool says of itself.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) stored: u64,
    pub(super) pending: u64,
    pub(super) failed: u64,
    pub(super) delivered: u64,
    pub(super) overwritten: u64,
    pub(super) set_aside: u64,
    pub(super) purged: u64,
    pub(super) expired: u64,
    pub(super) balanced: bool,
    pub(super) spoiled: u64,
    pub(super) removing: u64,
}

/// What became of every id.
pub(super) struct Books {
    /// By these every id has its kind.
    kinds: Vec<Kind>,
    lives: Vec<Vec<u8>>,
    /// Deliveries of ids that had been delivered before, and were to be so exactly once.
    pub(super) not_once: u64,
    /// Rows that were taken but not counted, or counted but not taken.
    pub(super) miscounted: u64,
    /// Ids that were delivered or kept, but never stored.
    pub(super) strangers: u64,
    /// Requests that a receiver turned down.
    pub(super) turned_down: u64,
    pub(super) accounts: Accounts,
    duplicates: [u64; Kind::ALL.len()],
}

/// How many ids each sort has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Refused requests are not among them.
    pub(super) intended: u64,
    pub(super) acknowledged: u64,
    pub(super) delivered: u64,
    /// Deliveries of ids that had been delivered before.
    pub(super) duplicates: u64,
    pub(super) left: u64,
    /// Acknowledged, and neither delivered nor left.
    pub(super) missing: u64,
    /// Settled as delivered, but never received.
    pub(super) never_received: u64,
    /// Left unsettled, though it was delivered.
    pub(super) left_though_delivered: u64,
    /// Refused: a slot or the disk was full.
    pub(super) refused: u64,
    /// Refused, and yet acknowledged, delivered or left.
    pub(super) refused_but_there: u64,
}

impl Books {
    /// Empty books, for requests whose kinds take turns like this.
    pub(super) fn new(kinds: &[Kind]) -> Self {
        Self {
            kinds: kinds.to_vec(),
            lives: Vec::new(),
            not_once: 0,
            miscounted: 0,
            strangers: 0,
            turned_down: 0,
            accounts: Accounts::default(),
            duplicates: [0; Kind::ALL.len()],
        }
    }

    /// Takes a file of ids that were about to be stored.
    pub(super) fn intents(&mut self, path: &Path) -> Result<()> {
        each_id(path, |name| *self.flags(name) |= INTENDED)
    }

    /// Takes a file of ids that were acknowledged.
    pub(super) fn acks(&mut self, path: &Path) -> Result<()> {
        each_id(path, |name| *self.flags(name) |= ACKNOWLEDGED)
    }

    /// Takes a file of ids that were refused.
    pub(super) fn refusals(&mut self, path: &Path) -> Result<()> {
        each_id(path, |name| *self.flags(name) |= REFUSED)
    }

    /// Takes a file of ids that were delivered.
    pub(super) fn delivered(&mut self, path: &Path) -> Result<()> {
        each_id(path, |name| self.deliver(name))
    }

    /// Takes a receiver's ledger.
    pub(super) fn ledger(&mut self, path: &Path) -> Result<()> {
        for line in lines(path)? {
            let line = line.context("could not read the receiver's ledger")?;
            let (key, status) = (line.split(' ').next(), line.rsplit(' ').next());
            match (key.and_then(|key| Name::parse(key.as_bytes())), status) {
                (Some(name), Some("200")) => self.deliver(name),
                (Some(_), _) => self.turned_down += 1,
                (None, _) => self.strangers += 1,
            }
        }
        Ok(())
    }

    /// Takes a file with the id of each row that a database has.
    pub(super) fn rows(&mut self, path: &Path) -> Result<()> {
        for line in lines(path)? {
            let line = line.context("could not read the database's rows")?;
            match Name::parse(line.as_bytes()) {
                Some(name) => self.deliver(name),
                None => self.strangers += 1,
            }
        }
        Ok(())
    }

    fn deliver(&mut self, name: Name) {
        let flags = self.flags(name);
        let (known, again) = (*flags & INTENDED != 0, *flags & DELIVERED != 0);
        *flags |= DELIVERED;
        self.strangers += u64::from(!known);
        self.duplicates[Kind::of(name, &self.kinds) as usize] += u64::from(again);
        self.not_once += u64::from(again && Way::of(name, &self.kinds).is_once());
    }

    /// Takes what the program that reads the spool printed.
    pub(super) fn left(&mut self, path: &Path) -> Result<()> {
        for line in lines(path)? {
            let line = line.context("could not read what is left in the spool")?;
            if line.starts_with('{') {
                self.accounts = Accounts::parse(&line)?;
                return Ok(());
            }
            let words: Vec<_> = line.split(' ').collect();
            let &[_stage, state, id] = &words[..] else {
                bail!("'{line}' is no record");
            };
            let name = Name::parse(id.as_bytes()).with_context(|| format!("'{id}' is no id"))?;
            let flags = self.flags(name);
            let known = *flags & INTENDED != 0;
            *flags |= if state == "delivered" { SETTLED } else { LEFT };
            self.strangers += u64::from(!known);
        }
        bail!("the program that reads the spool did not come to its end");
    }

    fn flags(&mut self, name: Name) -> &mut u8 {
        let (life, number) = (name.life as usize, name.number as usize);
        if self.lives.len() <= life {
            self.lives.resize_with(life + 1, Vec::new);
        }
        let ids = &mut self.lives[life];
        if ids.len() <= number {
            ids.resize(number + 1, 0);
        }
        &mut ids[number]
    }

    /// Adds it all up.
    pub(super) fn sums(&self) -> Sums {
        Sums { duplicates: self.duplicates.iter().sum(), ..self.sums_of(|_| true) }
    }

    /// Adds up what is of one kind.
    pub(super) fn sums_by(&self, kind: Kind) -> Sums {
        let duplicates = self.duplicates[kind as usize];
        Sums { duplicates, ..self.sums_of(|name| Kind::of(name, &self.kinds) == kind) }
    }

    fn sums_of(&self, which: impl Fn(Name) -> bool) -> Sums {
        let mut sums = Sums::default();
        for (_, flags) in self.ids().filter(|(name, _)| which(*name)) {
            let has = |flag: u8| flags & flag != 0;
            let gone = !has(DELIVERED) && !has(LEFT);
            let refused = has(REFUSED);
            sums.refused += u64::from(refused);
            let there = has(ACKNOWLEDGED) || has(SETTLED) || !gone;
            sums.refused_but_there += u64::from(refused && there);
            sums.intended += u64::from(has(INTENDED) && !refused);
            sums.acknowledged += u64::from(has(ACKNOWLEDGED));
            sums.delivered += u64::from(has(DELIVERED));
            sums.left += u64::from(has(LEFT));
            sums.missing += u64::from(has(ACKNOWLEDGED) && gone);
            sums.never_received += u64::from(has(SETTLED) && !has(DELIVERED));
            sums.left_though_delivered += u64::from(has(LEFT) && has(DELIVERED));
        }
        sums
    }

    /// The first few ids that are missing.
    pub(super) fn missing(&self) -> impl Iterator<Item = Name> {
        self.ids()
            .filter(|(_, flags)| *flags & (ACKNOWLEDGED | DELIVERED | LEFT) == ACKNOWLEDGED)
            .map(|(name, _)| name)
    }

    fn ids(&self) -> impl Iterator<Item = (Name, u8)> {
        let lives = self.lives.iter().enumerate();
        lives.flat_map(|(life, ids)| {
            let ids = ids.iter().enumerate();
            ids.map(move |(number, flags)| {
                (Name { life: life as u32, number: number as u32 }, *flags)
            })
        })
    }
}

impl Accounts {
    fn parse(line: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(line).context("the spool's accounts are no JSON")?;
        let count = |name: &str| {
            json[name]
                .as_u64()
                .with_context(|| format!("the spool's accounts do not tell '{name}'"))
        };
        Ok(Self {
            stored: count("stored")?,
            pending: count("pending")?,
            failed: count("failed")?,
            delivered: count("delivered")?,
            overwritten: count("overwritten")?,
            set_aside: count("set_aside")?,
            purged: count("purged")?,
            expired: count("expired")?,
            balanced: json["balanced"] == true,
            spoiled: count("spoiled_entries")?,
            removing: count("removing")?,
        })
    }
}

fn lines(path: &Path) -> Result<impl Iterator<Item = std::io::Result<String>>> {
    let file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    Ok(BufReader::with_capacity(1 << 20, file).lines())
}

/// Each id in a file. A kill cuts a write short only where a page ends, which is where an id ends.
fn each_id(path: &Path, mut take: impl FnMut(Name)) -> Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error).with_context(|| format!("could not open {}", path.display()))?,
    };
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut id = [0; LENGTH];
    loop {
        match reader.read_exact(&mut id) {
            Ok(()) => take(Name::of(&id).with_context(|| format!("{} is torn", path.display()))?),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => {
                Err(error).with_context(|| format!("could not read {}", path.display()))?
            }
        }
    }
}
