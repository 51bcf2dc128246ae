//! Samples of several rounds, and the table that they make.

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// One measurement. What was not measured is None.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sample {
    /// Requests a second.
    pub(super) rate: f64,
    /// Microseconds that half of the requests took at most.
    pub(super) p50: Option<f64>,
    /// The same for 99 of 100.
    pub(super) p99: Option<f64>,
    /// Microseconds of processor time a request.
    pub(super) cpu: Option<f64>,
}

/// One thing that is measured, once a round.
pub(super) struct Row {
    pub(super) name: String,
    /// The row it is compared with, by name.
    pub(super) floor: Option<String>,
    pub(super) samples: Vec<Sample>,
    /// Whether it is compared by its median request, rather than by all of them.
    by_p50: bool,
}

impl Row {
    pub(super) fn new(name: impl Into<String>, floor: Option<&str>) -> Self {
        Self {
            name: name.into(),
            floor: floor.map(str::to_owned),
            samples: Vec::new(),
            by_p50: false,
        }
    }

    /// The same, compared by its median request: where a few slow ones say more about
    /// the machine than about what is measured.
    pub(super) fn by_p50(mut self) -> Self {
        self.by_p50 = true;
        self
    }

    fn column(&self, pick: impl Fn(&Sample) -> Option<f64>) -> Vec<f64> {
        self.samples.iter().filter_map(pick).collect()
    }
}

/// The rows of one run, with a heading.
pub(super) struct Report {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
}

impl Report {
    /// How many times as long as its floor a row took, as the median over the rounds.
    fn ratio(&self, row: &Row) -> Option<f64> {
        let floor = self.rows.iter().find(|other| Some(&other.name) == row.floor.as_ref())?;
        let ratios = row.samples.iter().zip(&floor.samples);
        let ratios = ratios.filter_map(|(ours, floor)| match row.by_p50 {
            true => Some(ours.p50? / floor.p50?),
            false => Some(floor.rate / ours.rate),
        });
        median(&ratios.collect::<Vec<_>>())
    }

    /// Shows it, as a table or as JSON.
    pub(super) fn print(&self, as_json: bool) -> Result<()> {
        if as_json {
            let rows = self.rows.iter().map(|row| self.json(row)).collect::<Vec<_>>();
            let text = serde_json::to_string_pretty(&json!({"title": self.title, "rows": rows}));
            println!("{}", text.context("could not write JSON")?);
            return Ok(());
        }
        let lengths = self.rows.iter().map(|row| row.name.chars().count());
        let width = lengths.max().unwrap_or_default();
        println!("\n{}", self.title);
        println!(
            "{:<width$} {:>11} {:>21} {:>8} {:>8} {:>8} {:>8}",
            "", "requests/s", "from – to", "p50 µs", "p99 µs", "cpu µs", "× floor"
        );
        for row in &self.rows {
            let rates = row.column(|sample| Some(sample.rate));
            let (low, high) = spread(&rates);
            println!(
                "{:<width$} {:>11} {:>21} {:>8} {:>8} {:>8} {:>8}",
                row.name,
                whole(median(&rates)),
                format!("{} – {}", whole(Some(low)), whole(Some(high))),
                tenths(median(&row.column(|sample| sample.p50))),
                tenths(median(&row.column(|sample| sample.p99))),
                tenths(median(&row.column(|sample| sample.cpu))),
                self.ratio(row).map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            );
        }
        println!(
            "Medians of the rounds. × floor: how many times as long as the floor it takes (a process each: by p50)."
        );
        Ok(())
    }

    fn json(&self, row: &Row) -> Value {
        let rates = row.column(|sample| Some(sample.rate));
        let (low, high) = spread(&rates);
        json!({
            "name": row.name,
            "rounds": row.samples.len(),
            "requests_per_second": {"median": median(&rates), "min": low, "max": high},
            "p50_us": median(&row.column(|sample| sample.p50)),
            "p99_us": median(&row.column(|sample| sample.p99)),
            "cpu_us": median(&row.column(|sample| sample.cpu)),
            "floor": row.floor,
            "ratio": self.ratio(row),
        })
    }
}

/// The middle one, or the upper of the two in the middle.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

fn spread(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, 0.0), |(low, high), value| (low.min(*value), high.max(*value)))
}

/// A number without decimals, in groups of three.
fn whole(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| grouped(value.round() as u64))
}

fn tenths(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.1}"))
}

/// 1234567 as 1,234,567.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(123_456), "123,456");
    }

    #[test]
    fn a_ratio_says_how_many_times_as_long() {
        let sample = |rate| Sample { rate, ..Sample::default() };
        let mut floor = Row::new("floor", None);
        floor.samples = vec![sample(300.0), sample(100.0), sample(200.0)];
        let mut ours = Row::new("ours", Some("floor"));
        ours.samples = vec![sample(150.0), sample(50.0), sample(10.0)];
        let report = Report { title: String::new(), rows: vec![floor, ours] };
        assert_eq!(report.ratio(&report.rows[1]), Some(2.0));
        assert_eq!(report.ratio(&report.rows[0]), None);
    }
}
