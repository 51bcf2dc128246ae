//! A body of several parts, `multipart/form-data`, made when the request is.
//!
//! # Invariants
//! - The bytes that curl's `-F` would send, but for the boundary, which no part contains.
//! - Neither a name nor a header can end its line early.
//!
//! # Non-goals
//! Reading files and guessing types; a part is what it is given.

use std::borrow::Cow;

use slipstream_core::{Invalid, quoted};

use crate::request::HttpRequest;

use crate::request::is_token;

/// One part of a form.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    content: Vec<u8>,
    /// Files that are in it, in place of content.
    files: Vec<Part>,
    backslashes: bool,
}

impl Part {
    /// A field of this name and content.
    pub fn new(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            filename: None,
            content_type: None,
            headers: Vec::new(),
            content: content.into(),
            files: Vec::new(),
            backslashes: false,
        }
    }

    /// A field of several files, nested as `multipart/mixed`: what curl's `-F name=@a,b` is. Of
    /// their own names nothing is sent.
    ///
    /// ```
    /// use slipstream_http::{HttpRequest, Part};
    ///
    /// let file = |name: &str| Part::new("", "…").filename(name);
    /// let photos = Part::files("photos", [file("a.jpg"), file("b.jpg")]);
    /// let request = HttpRequest::post("http://example.com/").multipart(&[photos], *b"some chance");
    /// # request.unwrap();
    /// ```
    pub fn files(name: impl Into<String>, files: impl IntoIterator<Item = Part>) -> Self {
        Self { files: files.into_iter().collect(), ..Self::new(name, []) }
    }

    /// The same as a file of this name.
    #[must_use]
    pub fn filename(mut self, name: impl Into<String>) -> Self {
        self.filename = Some(name.into());
        self
    }

    /// The same with this type. Without one, a part has none; curl gives files one.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// The same with one header more.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with quotation marks and backslashes in its names behind backslashes, as some old
    /// servers read them, in place of percent-encoding; in the names of its files, too.
    #[must_use]
    pub fn with_backslashes(mut self, escapes: bool) -> Self {
        self.backslashes = escapes;
        self.files = self.files.into_iter().map(|file| file.with_backslashes(escapes)).collect();
        self
    }

    /// What precedes its content.
    fn head(&self, whole: Whole) -> Result<String, Invalid> {
        let disposition = match whole {
            Whole::Form => "form-data",
            Whole::Parts | Whole::Field => "attachment",
        };
        let mut head = format!("Content-Disposition: {disposition}");
        if whole != Whole::Field {
            let name = escaped(&self.name, self.backslashes)?;
            head.push_str(&format!("; name=\"{name}\""));
        }
        if let Some(filename) = &self.filename {
            head.push_str(&format!("; filename=\"{}\"", escaped(filename, self.backslashes)?));
        }
        head.push_str("\r\n");
        let typed = self.content_type.iter().map(|kind| ("Content-Type", kind));
        let more = self.headers.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in typed.chain(more) {
            if !is_token(name) || value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
                return Err(Invalid::new(format!(
                    "invalid header {} of the part {}; expected letters, digits and '-', and no line break in its value",
                    quoted(name),
                    quoted(&self.name)
                )));
            }
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        Ok(head)
    }
}

/// The content is left out: it may be a secret.
impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part")
            .field("name", &self.name)
            .field("filename", &self.filename)
            .field("bytes", &self.content.len())
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl HttpRequest {
    /// The same with a form of these parts as body, and the `content-type` that goes with it; a
    /// `content-type` that is there gets the boundary. `chance` decides about the boundary: random
    /// bytes, so that no user that chooses a part's content can choose content that holds it.
    ///
    /// # Errors
    /// A name or a header that cannot be sent.
    pub fn multipart(mut self, parts: &[Part], chance: [u8; 11]) -> Result<Self, Invalid> {
        let mut chance = Chance(chance);
        // The inner parts first: what encloses them must not be in them.
        let parts = parts.iter().map(|part| part.flat(&mut chance));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let own = |(name, _): &(String, String)| name.eq_ignore_ascii_case("content-type");
        let kind = self.headers.iter().position(own).map(|at| self.headers.remove(at).1);
        let kind = kind.unwrap_or_else(|| FORM.to_owned());
        // What is no form has no fields, only parts.
        let is_form = kind.get(..FORM.len()).is_some_and(|it| it.eq_ignore_ascii_case(FORM));
        let (boundary, body) =
            enclosed(&parts, if is_form { Whole::Form } else { Whole::Parts }, &mut chance)?;
        Ok(self.header("Content-Type", format!("{kind}; boundary={boundary}")).body(body))
    }
}

impl Part {
    /// The same with the files in it as its content.
    fn flat(&self, chance: &mut Chance) -> Result<Cow<'_, Self>, Invalid> {
        if self.files.is_empty() {
            return Ok(Cow::Borrowed(self));
        }
        let files = self.files.iter().map(|file| file.flat(chance));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let (boundary, content) = enclosed(&files, Whole::Field, chance)?;
        let kind = format!("multipart/mixed; boundary={boundary}");
        let head = Self { files: Vec::new(), content, ..self.clone() };
        Ok(Cow::Owned(head.content_type(kind)))
    }
}

/// What is between these parts, and all of them.
fn enclosed(
    parts: &[Cow<'_, Part>],
    whole: Whole,
    chance: &mut Chance,
) -> Result<(String, Vec<u8>), Invalid> {
    let mut boundary = chance.next();
    let holds =
        |part: &Part, word: &str| part.content.windows(word.len()).any(|w| w == word.as_bytes());
    while parts.iter().any(|part| holds(part, &boundary)) {
        boundary = chance.next();
    }
    let length: usize = parts.iter().map(|part| part.content.len() + 256).sum();
    let mut body = Vec::with_capacity(length + 64);
    for part in parts {
        body.extend_from_slice(format!("--{boundary}\r\n{}", part.head(whole)?).as_bytes());
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((boundary, body))
}

/// What parts make up together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// A form.
    Form,
    /// Something else, whose parts have names all the same.
    Parts,
    /// A field of a form, whose parts have none.
    Field,
}

/// What a form is.
const FORM: &str = "multipart/form-data";

/// Boundaries, one after the other: counted up, they come by each in turn.
struct Chance([u8; 11]);

impl Chance {
    /// As long as curl's.
    fn next(&mut self) -> String {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        for byte in self.0.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
        format!("------------------------{hex}")
    }
}

/// As browsers and curl do it (HTML, section 4.10.22.8).
fn escaped(name: &str, backslashes: bool) -> Result<String, Invalid> {
    let odd = |c: char| c.is_control() && (backslashes || !matches!(c, '\r' | '\n'));
    if name.contains(odd) {
        return Err(Invalid::new(format!(
            "the name {} of a part holds a control character; leave it out",
            quoted(name)
        )));
    }
    if backslashes {
        return Ok(name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    Ok(name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANCE: [u8; 11] = [0xab; 11];
    const LINE: &str = "------------------------ababababababababababab";

    #[test]
    fn a_form_is_sent_as_curl_sends_it() {
        let parts = [
            Part::new("a", "1"),
            Part::new("\"q\"\r\n", "x").filename("ü\".txt").content_type("text/plain"),
            Part::new("b", [0, 255, 13, 10]).header("X-Part", "2"),
            Part::new("", ""),
        ];
        let request = HttpRequest::post("http://h/").multipart(&parts, CHANCE).unwrap();
        let mut expected = format!(
            "--{LINE}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
             --{LINE}\r\nContent-Disposition: form-data; name=\"%22q%22%0D%0A\"; filename=\"ü%22.txt\"\r\n\
             Content-Type: text/plain\r\n\r\nx\r\n\
             --{LINE}\r\nContent-Disposition: form-data; name=\"b\"\r\nX-Part: 2\r\n\r\n"
        )
        .into_bytes();
        expected.extend([0, 255, 13, 10]);
        expected.extend(
            format!(
                "\r\n--{LINE}\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\n--{LINE}--\r\n"
            )
            .into_bytes(),
        );
        assert_eq!(String::from_utf8_lossy(request.content()), String::from_utf8_lossy(&expected));
        assert_eq!(request.content(), expected);
        let kind = format!("multipart/form-data; boundary={LINE}");
        assert_eq!(request.headers(), [("Content-Type".to_owned(), kind)]);
    }

    #[test]
    fn files_of_one_field_are_nested_behind_a_boundary_of_their_own() {
        let file = |name: &str| Part::new("", name).filename(name).content_type("text/x");
        let parts = [Part::files("f", [file("a"), file("b")]), Part::new("g", "1")];
        let request = HttpRequest::post("http://h/").multipart(&parts, CHANCE).unwrap();
        let outer = &format!("{}c", &LINE[..LINE.len() - 1]);
        let attachment = |name: &str| {
            format!(
                "--{LINE}\r\nContent-Disposition: attachment; filename=\"{name}\"\r\nContent-Type: text/x\r\n\r\n{name}\r\n"
            )
        };
        let expected = format!(
            "--{outer}\r\nContent-Disposition: form-data; name=\"f\"\r\nContent-Type: multipart/mixed; boundary={LINE}\r\n\r\n\
             {}{}--{LINE}--\r\n\r\n\
             --{outer}\r\nContent-Disposition: form-data; name=\"g\"\r\n\r\n1\r\n--{outer}--\r\n",
            attachment("a"),
            attachment("b")
        );
        assert_eq!(String::from_utf8_lossy(request.content()), expected);
    }

    #[test]
    fn no_part_contains_the_boundary() {
        let taken = Part::new("a", LINE).filename("f");
        let next = Part::new("b", format!("..{}..", LINE.replace("abababab", "abababac")));
        let sent = HttpRequest::post("http://h/").multipart(&[taken, next], CHANCE).unwrap();
        let chosen = sent.headers()[0].1.split('=').nth(1).unwrap().to_owned();
        let text = String::from_utf8_lossy(sent.content()).into_owned();
        assert_ne!(chosen, LINE);
        assert_eq!(text.matches(&chosen).count(), 3, "{text}");
    }

    #[test]
    fn a_type_of_the_request_s_own_gets_the_boundary_as_curl_has_it() {
        for (kind, part) in [
            ("text/info", "attachment; name=\"a\""),
            ("Multipart/Form-Data; x=y", "form-data; name=\"a\""),
        ] {
            let typed = HttpRequest::post("http://h/").header("content-type", kind);
            let request = typed.multipart(&[Part::new("a", "1")], CHANCE).unwrap();
            let expected = [("Content-Type".to_owned(), format!("{kind}; boundary={LINE}"))];
            assert_eq!(request.headers(), expected);
            let text = String::from_utf8_lossy(request.content());
            assert!(text.contains(&format!("Content-Disposition: {part}\r\n")), "{text}");
        }
    }

    #[test]
    fn names_are_escaped_by_backslashes_if_that_is_asked_for() {
        let part = Part::new("a\"\\", "1").filename("b\"").with_backslashes(true);
        let request = HttpRequest::post("http://h/").multipart(&[part], CHANCE).unwrap();
        let text = String::from_utf8_lossy(request.content());
        assert!(text.contains("name=\"a\\\"\\\\\"; filename=\"b\\\"\""), "{text}");
    }

    #[test]
    fn what_would_break_out_of_a_part_is_refused() {
        let table = [
            Part::new("a\0", ""),
            Part::new("a", "").filename("\x1b"),
            Part::new("a", "").content_type("text/plain\r\nX: y"),
            Part::new("a", "").header("x y", "z"),
            Part::new("a", "").header("x", "y\nz"),
        ];
        for part in table {
            let error = HttpRequest::post("http://h/").multipart(&[part], CHANCE).unwrap_err();
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
    }
}
