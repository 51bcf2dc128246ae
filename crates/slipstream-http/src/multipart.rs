//! A body of several parts, `multipart/form-data`, made when the request is.
//!
//! Guarantees: the bytes that curl's `-F` would send, but for the boundary, which no part
//! contains. Neither a name nor a header can end its line early.
//!
//! Absent on purpose: reading files and guessing types; a part is what it is given.

use std::borrow::Cow;

use slipstream_core::{Invalid, quoted};

use crate::HttpRequest;

use crate::request::is_token;

/// One part of a form.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    content: Vec<u8>,
    /// Files that stand in it, in place of content.
    files: Vec<Part>,
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

    /// What stands before its content; `within` a part of a form, or on its own in one.
    fn head(&self, within: bool) -> Result<String, Invalid> {
        let mut head = match within {
            true => "Content-Disposition: attachment".to_owned(),
            false => {
                format!("Content-Disposition: form-data; name=\"{}\"", escaped(&self.name)?)
            }
        };
        if let Some(filename) = &self.filename {
            head.push_str(&format!("; filename=\"{}\"", escaped(filename)?));
        }
        head.push_str("\r\n");
        let typed = self.content_type.iter().map(|kind| ("Content-Type", kind));
        let more = self.headers.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in typed.chain(more) {
            if !is_token(name) || value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
                return Err(Invalid::new(format!(
                    "the header {} of the part {} is none; write letters, digits and '-', and no line break in its value",
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
    /// The same with a form of these parts as body, and the `content-type` that goes with
    /// it. `chance` decides about the boundary: random bytes, so that nobody who chooses a
    /// part's content can choose one that holds it.
    ///
    /// # Errors
    /// A name or a header that cannot be sent, or two types for one body.
    pub fn multipart(self, parts: &[Part], chance: [u8; 11]) -> Result<Self, Invalid> {
        if self.has_header("content-type") {
            return Err(Invalid::new(
                "a form brings its own 'content-type' header, with the boundary; leave yours out",
            ));
        }
        let mut chance = Chance(chance);
        // The inner ones first: what encloses them must not be in them.
        let parts = parts.iter().map(|part| part.flat(&mut chance));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let (boundary, body) = enclosed(&parts, false, &mut chance)?;
        let content_type = format!("multipart/form-data; boundary={boundary}");
        Ok(self.header("Content-Type", content_type).body(body))
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
        let (boundary, content) = enclosed(&files, true, chance)?;
        let kind = format!("multipart/mixed; boundary={boundary}");
        let head = Self { files: Vec::new(), content, ..self.clone() };
        Ok(Cow::Owned(head.content_type(kind)))
    }
}

/// What is between these parts, and all of them.
fn enclosed(
    parts: &[Cow<'_, Part>],
    within: bool,
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
        body.extend_from_slice(format!("--{boundary}\r\n{}", part.head(within)?).as_bytes());
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((boundary, body))
}

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
fn escaped(name: &str) -> Result<String, Invalid> {
    let odd = |c: char| c.is_control() && !matches!(c, '\r' | '\n');
    if name.contains(odd) {
        return Err(Invalid::new(format!(
            "the name {} of a part holds a control character; leave it out",
            quoted(name)
        )));
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
        let typed = HttpRequest::post("http://h/").header("content-type", "text/plain");
        assert!(typed.multipart(&[], CHANCE).is_err());
    }
}
