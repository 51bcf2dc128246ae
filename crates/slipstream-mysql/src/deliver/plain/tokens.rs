//! The tokens of a statement: words, names, texts and signs, as long as no server may read them in
//! another way.

/// Why a text is not plain.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Not {
    Plain,
    /// A quote or a comment has no end, so no server executes it.
    Endless,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// Unquoted: a word or a number.
    Word,
    /// In backticks or double quotes: a name, or perhaps text.
    Name,
    /// In single quotes.
    Text,
    Sign(char),
}

/// A piece of a statement, and where it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) piece: Piece,
    pub(super) text: &'a str,
    pub(super) end: usize,
}

impl<'a> Token<'a> {
    pub(super) fn word(&self) -> Option<&'a str> {
        (self.piece == Piece::Word).then_some(self.text)
    }

    /// The name that it is.
    pub(super) fn unquoted(&self) -> String {
        let Some(quote) = self.text.chars().next().filter(|_| self.piece == Piece::Name) else {
            return self.text.to_owned();
        };
        let inner = &self.text[1..self.text.len() - 1];
        inner.replace(&format!("{quote}{quote}"), &quote.to_string())
    }
}

/// A statement as tokens, up to the first that is not plain.
pub(super) struct Tokens<'a> {
    sql: &'a str,
    at: usize,
    /// Whether a backslash in a string escapes what follows.
    escapes: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(sql: &'a str, escapes: bool) -> Self {
        Self { sql, at: 0, escapes }
    }

    /// Skips blanks and comments that no server executes.
    fn skip(&mut self) -> Result<(), Not> {
        loop {
            let rest = &self.sql[self.at..];
            let blank =
                rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
            self.at += blank;
            let rest = &self.sql[self.at..];
            if ["--", "#", "/*!", "/*M!", "/*+"].iter().any(|start| rest.starts_with(start)) {
                return Err(Not::Plain);
            }
            match rest.strip_prefix("/*") {
                Some(comment) => self.at += 4 + comment.find("*/").ok_or(Not::Endless)?,
                None => return Ok(()),
            }
        }
    }

    /// Where a quoted piece that begins here ends.
    fn quoted_end(&self, quote: u8) -> Result<usize, Not> {
        let bytes = self.sql.as_bytes();
        let mut at = self.at + 1;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' if self.escapes && quote != b'`' => at += 1,
                byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 1,
                byte if byte == quote => return Ok(at + 1),
                _ => {}
            }
            at += 1;
        }
        Err(Not::Endless)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Result<Token<'a>, Not>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(not) = self.skip() {
            return Some(Err(not));
        }
        let rest = &self.sql[self.at..];
        let first = rest.chars().next()?;
        let in_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
        let (piece, end) = match first {
            '\'' | '"' | '`' => match self.quoted_end(first as u8) {
                Ok(end) if first == '\'' => (Piece::Text, end),
                Ok(end) => (Piece::Name, end),
                Err(not) => return Some(Err(not)),
            },
            c if in_word(c) => {
                (Piece::Word, self.at + rest.find(|c| !in_word(c)).unwrap_or(rest.len()))
            }
            c => (Piece::Sign(c), self.at + c.len_utf8()),
        };
        let text = &self.sql[self.at..end];
        self.at = end;
        Some(Ok(Token { piece, text, end }))
    }
}
