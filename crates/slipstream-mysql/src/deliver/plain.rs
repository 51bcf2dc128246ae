//! Statements that neither read nor change their session, as far as their text shows.
//!
//! # Invariants
//! A plain statement inserts, updates, deletes or replaces rows of one table, and holds nothing that
//! could reach its session: no variable, no sequence, no subquery (a view may call functions), no comment that
//! a server executes, and no function but those below, which every server has and which are pure. It is
//! plain in every SQL mode. What is not understood is not plain.
//!
//! # Non-goals
//! Stored code that a trigger runs: the server reports that (`sharing`).

use self::tokens::{Not, Piece, Token, Tokens};

mod tokens;

/// A plain statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plain {
    /// What it does to which table, as in `insert t`, and to which columns of it: what runs triggers if
    /// there are any.
    pub(crate) surely: String,
    /// What it does where a row is in its way.
    pub(crate) perhaps: Option<String>,
    /// The table's name without quotes, behind its database's if that is said.
    pub(crate) table: Vec<String>,
    /// Whether it is about one row at most.
    one_row: bool,
}

impl Plain {
    /// Whether it has done the one and the other, if it changed so many rows.
    pub(crate) fn did(&self, rows: u64) -> (bool, bool) {
        // A row that is replaced or updated instead counts as two.
        (rows > 0, self.one_row && rows == 2)
    }
}

/// The statement, if it is plain.
pub(crate) fn plain(sql: &str) -> Option<Plain> {
    let usual = read(sql, true).ok()?;
    if !sql.contains('\\') {
        return Some(usual);
    }
    // With NO_BACKSLASH_ESCAPES strings end elsewhere.
    match read(sql, false) {
        Ok(other) => (other == usual).then_some(usual),
        Err(not) => (not == Not::Endless).then_some(usual),
    }
}

fn read(sql: &str, escapes: bool) -> Result<Plain, Not> {
    let tokens = Tokens::new(sql, escapes).collect::<Result<Vec<_>, _>>()?;
    let (verb, names, name_end) = subject(&tokens).ok_or(Not::Plain)?;
    let table = names.iter().map(|name| name.text).collect::<Vec<_>>().join(".");
    let word_at = |at: usize| tokens.get(at).and_then(Token::word).unwrap_or_default();
    let (mut updates, mut one_row) = (None, true);
    for (at, token) in tokens.iter().enumerate().skip(name_end) {
        let word = token.word().unwrap_or_default();
        let variable = token.piece == Piece::Sign('@');
        let sequence = is(word, &["value"]) && is(word_at(at + 1), &["for"]);
        let opens = token.piece == Piece::Sign('(');
        if variable || sequence || is(word, &REACHING) || opens && !may_open(&tokens, at, name_end)
        {
            return Err(Not::Plain);
        }
        if is(word, &["duplicate"]) {
            updates = Some(at);
        }
        let before = |back: usize| at.checked_sub(back).map(|at| tokens[at].piece);
        one_row &= !(opens
            && before(1) == Some(Piece::Sign(','))
            && before(2) == Some(Piece::Sign(')'))
            && updates.is_none());
    }
    let assigned = |from: usize| format!("update {table}{}", columns(&tokens[from..]));
    let (surely, perhaps) = match verb {
        "insert" => (format!("insert {table}"), updates.map(assigned)),
        "replace" => (format!("insert {table}"), Some(format!("delete {table}"))),
        "update" => (assigned(name_end), None),
        _ => (format!("delete {table}"), None),
    };
    let table = names.iter().map(Token::unquoted).collect();
    Ok(Plain { surely, perhaps, table, one_row })
}

/// The names that something is assigned to, or compared with: a trigger may be of some columns alone.
fn columns(tokens: &[Token<'_>]) -> String {
    let equal = tokens.windows(2).filter(|two| two[1].piece == Piece::Sign('='));
    equal.map(|two| format!(" {}", two[0].text)).collect()
}

/// Words that reach rows of other tables, or the session.
const REACHING: [&str; 9] =
    ["select", "table", "with", "call", "nextval", "currval", "lastval", "setval", "rowcount"];

/// What is done to which table, and where the table's name ends.
fn subject<'a>(tokens: &[Token<'a>]) -> Option<(&'static str, Vec<Token<'a>>, usize)> {
    let word = |at: usize| tokens.get(at).and_then(Token::word).unwrap_or_default();
    let verbs = ["insert", "update", "delete", "replace"];
    let verb = verbs.into_iter().find(|verb| is(word(0), &[verb]))?;
    let mut at = 1;
    while is(word(at), &["low_priority", "high_priority", "delayed", "quick", "ignore"]) {
        at += 1;
    }
    match verb {
        "insert" | "replace" => at += usize::from(is(word(at), &["into"])),
        "delete" if is(word(at), &["from"]) => at += 1,
        "update" => {}
        _ => return None,
    }
    let mut names = Vec::new();
    loop {
        let token = tokens.get(at)?;
        if !matches!(token.piece, Piece::Word | Piece::Name) {
            return None;
        }
        names.push(*token);
        at += 1;
        match tokens.get(at).map(|token| token.piece) {
            Some(Piece::Sign('.')) => at += 1,
            _ => break,
        }
    }
    // Anything else joins tables, or gives one another name.
    let alone = match verb {
        "update" => is(word(at), &["set"]),
        "delete" => at == tokens.len() || is(word(at), &["where", "order", "limit", "partition"]),
        _ => true,
    };
    alone.then_some((verb, names, at))
}

/// Whether what a parenthesis belongs to does not concern the session. A name with a blank behind
/// it may be a stored function although there is a function of the server's with that name.
fn may_open(tokens: &[Token<'_>], at: usize, name_end: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| tokens.get(before)) else {
        return true;
    };
    let ahead = at.checked_sub(2).and_then(|ahead| tokens.get(ahead));
    match before.piece {
        _ if at == name_end => true,
        Piece::Sign(_) | Piece::Text => true,
        Piece::Name => false,
        Piece::Word => {
            let of_database = ahead.is_some_and(|token| token.piece == Piece::Sign('.'));
            let alias = ahead.and_then(Token::word).is_some_and(|word| is(word, &["as"]));
            let adjacent = before.end == tokens[at].end - 1;
            !of_database
                && (alias || is(before.text, &KEYWORDS) || adjacent && is_pure(before.text))
        }
    }
}

fn is(word: &str, all: &[&str]) -> bool {
    all.iter().any(|other| word.eq_ignore_ascii_case(other))
}

fn is_pure(name: &str) -> bool {
    PURE.split_whitespace().any(|known| known.eq_ignore_ascii_case(name))
}

/// Words that may precede a parenthesis and are no function.
const KEYWORDS: [&str; 36] = [
    "values",
    "value",
    "in",
    "and",
    "or",
    "xor",
    "not",
    "set",
    "where",
    "when",
    "then",
    "else",
    "case",
    "between",
    "like",
    "by",
    "interval",
    "partition",
    "row",
    "char",
    "nchar",
    "varchar",
    "binary",
    "varbinary",
    "decimal",
    "datetime",
    "time",
    "float",
    "double",
    "div",
    "is",
    "regexp",
    "rlike",
    "escape",
    "as",
    "limit",
];

/// Functions that MySQL has had since 5.7 and MariaDB since 10.2 (a name that a server lacks may be a
/// stored function there), and that read nothing that a request may set.
const PURE: &str = "abs acos adddate addtime aes_decrypt aes_encrypt ascii asin atan atan2 bin
    bit_count bit_length cast ceil ceiling char_length character_length coalesce compress concat
    concat_ws conv convert convert_tz cos cot crc32 curdate current_date current_time
    current_timestamp current_user curtime database date date_add date_format date_sub datediff day
    dayname dayofmonth dayofweek dayofyear default elt exp export_set extract field find_in_set
    floor format from_base64 from_days from_unixtime greatest hex hour if ifnull inet6_aton
    inet6_ntoa inet_aton inet_ntoa insert instr isnull json_array json_array_append
    json_array_insert json_contains json_contains_path json_depth json_extract json_insert
    json_keys json_length json_merge json_object json_quote json_remove json_replace json_search
    json_set json_type json_unquote json_valid last_day lcase least left length ln localtime
    localtimestamp locate log log10 log2 lower lpad ltrim make_set makedate maketime md5
    microsecond mid minute mod month monthname now nullif oct octet_length ord period_add
    period_diff pi point pow power quarter quote radians rand repeat replace reverse right round
    rpad rtrim sec_to_time second sha sha1 sha2 sign sin sleep soundex space sqrt st_geomfromtext
    st_geomfromwkb st_pointfromtext st_polygonfromtext str_to_date strcmp subdate substr substring
    substring_index subtime sysdate tan time time_format time_to_sec timediff timestamp
    timestampadd timestampdiff to_base64 to_days to_seconds trim truncate ucase uncompress
    uncompressed_length unhex unix_timestamp upper user utc_date utc_time utc_timestamp uuid
    uuid_short values version week weekday weekofyear weight_string year yearweek";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_statement_that_only_changes_rows_of_one_table_is_plain() {
        let table = [
            ("INSERT INTO visits (page, seen) VALUES (?, NOW(3))", "insert visits", None),
            (
                "insert ignore `a b`.`t`(a) values ('o''r@x', \"@\", 'it\\'s @')",
                "insert `a b`.`t`",
                None,
            ),
            ("INSERT t SET a = 5, b = '/*! @x */'", "insert t", None),
            (
                "INSERT INTO t VALUES (1, 2) ON DUPLICATE KEY UPDATE n = VALUES(n) + 1",
                "insert t",
                Some("update t n"),
            ),
            (
                "INSERT INTO t (a) VALUES (1) AS new(b) ON DUPLICATE KEY UPDATE a = b, c = 2",
                "insert t",
                Some("update t a c"),
            ),
            (
                "/* app */ UPDATE t SET n = n - ?, `now` = CAST(? AS DECIMAL(10,2)) WHERE id IN (1)",
                "update t n `now`",
                None,
            ),
            ("DELETE FROM t", "delete t", None),
            ("DELETE FROM a.t WHERE id = (1 + 2) LIMIT 1;", "delete a.t", None),
            ("REPLACE t VALUES (JSON_OBJECT('a', COALESCE(?, 1)))", "insert t", Some("delete t")),
            (
                "INSERT INTO `last_insert_id` (`@x`) VALUES ('x', 'a\\\\')",
                "insert `last_insert_id`",
                None,
            ),
        ];
        for (sql, surely, perhaps) in table {
            let found = plain(sql).unwrap_or_else(|| panic!("{sql} is not plain"));
            assert_eq!((&*found.surely, found.perhaps.as_deref()), (surely, perhaps), "{sql}");
        }
    }

    #[test]
    fn two_rows_changed_by_one_row_are_one_that_was_in_its_way() {
        let tail = "ON DUPLICATE KEY UPDATE n = IF((1), (2), (3))";
        let did = |values: &str, rows| {
            plain(&format!("INSERT INTO t {values} {tail}")).unwrap().did(rows)
        };
        assert_eq!(did("VALUES (1, (2))", 0), (false, false));
        assert_eq!(did("VALUES (1, (2))", 1), (true, false));
        assert_eq!(did("VALUES (1, (2))", 2), (true, true));
        assert_eq!(did("SET a = 1", 2), (true, true));
        assert_eq!(did("VALUES (1), (2)", 2), (true, false));
        assert_eq!(did("VALUES (1) , /* two */ (2)", 2), (true, false));
    }

    #[test]
    fn whatever_may_reach_the_session_is_not_plain() {
        let table = [
            "SELECT 1",
            "SET @x = 1",
            "USE other",
            "CALL p()",
            "INSERT INTO t VALUES (@x)",
            "INSERT INTO t VALUES (@x := 5)",
            "INSERT INTO t VALUES (LAST_INSERT_ID())",
            "INSERT INTO t VALUES (`last_insert_id`())",
            "UPDATE t SET n = LAST_INSERT_ID(n + 1)",
            "INSERT INTO t VALUES (GET_LOCK('a', 0))",
            "INSERT INTO t VALUES (f(1))",
            "INSERT INTO t VALUES (shop.abs(1))",
            "INSERT INTO t VALUES (abs (1))",
            "INSERT INTO t VALUES (abs/**/(1))",
            "INSERT INTO t VALUES (ROW_COUNT(), 1)",
            "INSERT INTO t VALUES (NEXTVAL(s))",
            "INSERT INTO t VALUES (NEXT VALUE FOR s)",
            "INSERT INTO t VALUES (PREVIOUS VALUE FOR s)",
            "INSERT INTO t VALUES (s.NEXTVAL)",
            "INSERT INTO t SELECT * FROM v",
            "INSERT INTO t TABLE u",
            "UPDATE t SET n = (SELECT f())",
            "UPDATE a, b SET a.n = b.n",
            "UPDATE t AS x SET n = 1",
            "DELETE t FROM t JOIN u",
            "DELETE FROM t USING t, u",
            "INSERT INTO t VALUES (1) /*! , (@x := 5) */",
            "INSERT INTO t VALUES (1) /*M! , (@x := 5) */",
            "INSERT INTO t VALUES (1 -- '\n, @x := 5) -- '",
            "INSERT INTO t VALUES (1 # '\n, f()) -- '",
            // What ends a string depends on the mode.
            "INSERT INTO t VALUES ('\\', @x := 5, '')",
            "INSERT INTO t VALUES ('\\', f(), '')",
            "(INSERT INTO t VALUES (1))",
            "",
        ];
        for sql in table {
            assert_eq!(plain(sql), None, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn no_text_around_it_hides_a_function(
            before in "[a-z0-9 '\"`,(?)=\\\\]{0,12}",
            after in "[a-z0-9 '\"`,(?)=\\\\]{0,12}",
        ) {
            let sql = format!("INSERT INTO t VALUES ({before} f(1) {after})");
            // Only where a quote hides it from the server as well, in any mode.
            let hidden = |escapes: bool| {
                let tokens = Tokens::new(&sql, escapes).collect::<Result<Vec<_>, _>>();
                tokens.is_ok_and(|all| all.windows(2).any(|two| two[0].text == "f" && two[1].text == "("))
            };
            if hidden(true) || hidden(false) {
                prop_assert_eq!(plain(&sql), None, "{}", sql);
            }
        }

        #[test]
        fn any_text_can_be_judged(sql in "[-/*!M#'\"`\\\\;a-c@\n (é)]*") {
            let _ = plain(&sql);
            let _ = plain(&format!("INSERT INTO t VALUES {sql}"));
        }
    }
}
