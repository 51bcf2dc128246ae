//! Columns of different widths.

use ratatui::text::{Line, Span};

use super::paint::PLAIN;

/// The gap between two columns.
const GAP: &str = "  ";

/// The width of each column of these rows.
fn widths<'a>(rows: impl Iterator<Item = &'a [Span<'static>]>) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(row.len().max(widths.len()), 0);
        row.iter().zip(&mut widths).for_each(|(cell, width)| *width = cell.width().max(*width));
    }
    widths
}

/// The width of rows that follow another column.
pub(super) fn width<'a>(rows: impl Iterator<Item = &'a [Span<'static>]>) -> usize {
    widths(rows).iter().map(|width| width + GAP.len()).sum()
}

/// The rows as lines. The columns named are written to the left, the others to the right.
pub(super) fn lines(rows: Vec<Vec<Span<'static>>>, to_the_left: &[usize]) -> Vec<Line<'static>> {
    let widths = widths(rows.iter().map(Vec::as_slice));
    let line = |row: Vec<Span<'static>>| {
        let mut spans = Vec::with_capacity(row.len() * 2);
        for (column, cell) in row.into_iter().enumerate() {
            let room = Span::styled(" ".repeat(widths[column] - cell.width()), PLAIN);
            if column > 0 {
                spans.push(Span::styled(GAP, PLAIN));
            }
            match to_the_left.contains(&column) {
                true => spans.extend([cell, room]),
                false => spans.extend([room, cell]),
            }
        }
        Line::from(spans)
    };
    rows.into_iter().map(line).collect()
}
