//! Which kind a request is of, and how it is to be delivered: both follow from its name, so no table
//! of them is needed.

use crate::ids::Name;

/// A kind of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Kind {
    /// A POST to a receiver that refuses some.
    Http,
    /// A line, for a receiver that refuses, closes, resets and hangs.
    Tcp,
    /// A row, for a database that is killed.
    Mysql,
}

/// How a request is to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Answered by a status.
    Posted,
    /// Over a connection of its own, answered by a line.
    Answered,
    /// Over a connection of its own, without an answer.
    Told,
    /// The same, over a connection that it may share.
    Shared,
    /// As a row, in one statement.
    Row {
        /// Exactly once.
        once: bool,
        /// Counted beside, in the same transaction and in a row that many change.
        counted: bool,
    },
    /// As a row that no table takes.
    Wrong,
}

impl Kind {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Http, Self::Tcp, Self::Mysql];

    /// The kind of this request, where these take turns.
    pub fn of(name: Name, kinds: &[Self]) -> Self {
        kinds[name.number as usize % kinds.len()]
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Mysql => "mysql",
        }
    }
}

impl Way {
    /// The way of this request, where these kinds take turns.
    pub fn of(name: Name, kinds: &[Kind]) -> Self {
        let turn = name.number as usize / kinds.len();
        match (Kind::of(name, kinds), turn % 4) {
            (Kind::Http, _) => Self::Posted,
            (Kind::Tcp, 0) => Self::Answered,
            (Kind::Tcp, 1) => Self::Told,
            (Kind::Tcp, _) => Self::Shared,
            // Two in a thousand, as the receivers refuse for good; of each life others, for most are
            // too short to come to any one number.
            (Kind::Mysql, _) if (turn + 61 * name.life as usize) % 500 == 499 => Self::Wrong,
            (Kind::Mysql, turn) => Self::Row { once: turn % 2 == 1, counted: turn >= 2 },
        }
    }

    /// Whether a second delivery is one too many, whatever was killed.
    pub fn is_once(self) -> bool {
        matches!(self, Self::Row { once: true, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_take_turns_and_each_goes_all_its_ways() {
        for kinds in [&Kind::ALL[..], &[Kind::Mysql], &[Kind::Tcp, Kind::Mysql]] {
            let names = (0..3_000).map(|number| Name { life: 7, number });
            let mut ways = Vec::new();
            for name in names {
                let way = Way::of(name, kinds);
                assert_eq!(Kind::of(name, kinds), kinds[name.number as usize % kinds.len()]);
                if !ways.contains(&way) {
                    ways.push(way);
                }
            }
            let expected = kinds.iter().map(|kind| match kind {
                Kind::Http => 1,
                Kind::Tcp => 3,
                Kind::Mysql => 5,
            });
            assert_eq!(ways.len(), expected.sum::<usize>(), "{kinds:?}: {ways:?}");
            let once = ways.iter().filter(|way| way.is_once()).count();
            assert_eq!(once, if kinds.contains(&Kind::Mysql) { 2 } else { 0 });
        }
    }
}
