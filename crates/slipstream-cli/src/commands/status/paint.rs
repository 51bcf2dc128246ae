//! Lines as a terminal shows them, and as a file keeps them.

use std::io::IsTerminal;

use ratatui::crossterm;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::args::Color as When;
use crate::term::print;

/// How wide a line may be where that is unknown, and at least and at most.
const WIDTH: usize = 80;
const WIDTHS: (usize, usize) = (60, 160);

/// What is drawn for.
pub(super) struct Screen {
    pub(super) width: usize,
    /// A full place, a half full one, a free one.
    pub(super) places: [char; 3],
    colors: bool,
}

impl Screen {
    /// Where nothing is known of the reader.
    pub(super) fn plain() -> Self {
        Self { width: WIDTH, places: ['#', '=', '.'], colors: false }
    }

    pub(super) fn stdout(when: When) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let able = terminal && !set("NO_COLOR") && std::env::var_os("TERM") != Some("dumb".into());
        let colors = match when {
            When::Auto => able,
            When::Always => true,
            When::Never => false,
        };
        let screen = if terminal { Self::terminal() } else { Self::plain() };
        Self { colors, ..screen }
    }

    /// The terminal that this is shown on.
    pub(super) fn terminal() -> Self {
        let (width, _) = crossterm::terminal::size().unwrap_or((WIDTH as u16, 0));
        let width = usize::from(width).clamp(WIDTHS.0, WIDTHS.1);
        // The first of these that is set decides, as in the C library.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        let locale = locale.take(1).collect::<String>().to_lowercase();
        let unicode = locale.contains("utf-8") || locale.contains("utf8");
        let places = if unicode { ['█', '▄', '·'] } else { ['#', '=', '.'] };
        Self { width, places, ..Self::plain() }
    }

    /// The lines as text.
    pub(super) fn text(&self, lines: &[Line<'_>]) -> String {
        let mut text = String::new();
        for line in lines {
            let mut written = String::new();
            for span in &line.spans {
                match sgr(span.style) {
                    Some(code) if self.colors => {
                        written.push_str(&format!("\x1b[{code}m{}\x1b[0m", span.content));
                    }
                    _ => written.push_str(&span.content),
                }
            }
            text.push_str(written.trim_end());
            text.push('\n');
        }
        text
    }
}

/// The code that sets a terminal to one of the styles that are used here.
fn sgr(style: Style) -> Option<&'static str> {
    match (style.fg, style.add_modifier) {
        (Some(Color::Red), _) => Some("31"),
        (Some(Color::Green), _) => Some("32"),
        (Some(Color::Yellow), _) => Some("33"),
        (_, Modifier::BOLD) => Some("1"),
        (_, Modifier::DIM) => Some("2"),
        _ => None,
    }
}

pub(super) const PLAIN: Style = Style::new();
pub(super) const BAD: Style = Style::new().fg(Color::Red);
pub(super) const GOOD: Style = Style::new().fg(Color::Green);
pub(super) const WORSE: Style = Style::new().fg(Color::Yellow);
pub(super) const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
pub(super) const FAINT: Style = Style::new().add_modifier(Modifier::DIM);

/// A piece of a line. Whatever the text, it stays a piece of a line.
pub(super) fn piece(text: impl AsRef<str>, style: Style) -> Span<'static> {
    Span::styled(print::one_line(text.as_ref()), style)
}

/// The text, cut in its middle if it is wider than this.
pub(super) fn fitting(text: &str, width: usize) -> String {
    let text = print::one_line(text);
    let whole = Span::raw(&*text).width();
    if whole <= width {
        return text;
    }
    let keep = width.saturating_sub(2);
    let take = |chars: &mut dyn Iterator<Item = char>, most: usize| {
        let mut taken = String::new();
        for c in chars {
            taken.push(c);
            if Span::raw(&*taken).width() > most {
                taken.pop();
                break;
            }
        }
        taken
    };
    let head = take(&mut text.chars(), keep - keep / 2);
    let tail: String = take(&mut text.chars().rev(), keep / 2).chars().rev().collect();
    format!("{head}..{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_in_its_middle_and_drives_no_terminal() {
        let table = [
            ("https://example.com:443", 30, "https://example.com:443"),
            ("https://hooks.example.com:443", 20, "https://h..e.com:443"),
            ("https://日本語日本語日本語:443", 19, "https://..本語:443"),
            ("a\u{1b}[2Jb", 20, "a\\u{1b}[2Jb"),
        ];
        for (name, width, expected) in table {
            assert_eq!(fitting(name, width), expected);
        }
    }

    #[test]
    fn lines_are_colored_only_where_that_is_wanted() {
        let line = Line::from(vec![piece("a\u{1b}[31m", BAD), piece(" b ", PLAIN)]);
        let plain = Screen::plain();
        assert_eq!(plain.text(std::slice::from_ref(&line)), "a\\u{1b}[31m b\n");
        let colored = Screen { colors: true, ..plain };
        assert_eq!(colored.text(&[line]), "\u{1b}[31ma\\u{1b}[31m\u{1b}[0m b\n");
    }
}
