//! A thin layer over quick-xml's events: positions for errors, unclosed
//! elements, and entities that are never expanded.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::text::line_column;
use super::{Format, ReadError};

/// The events of an XML text that matter here.
pub(super) struct Events<'a> {
    text: &'a str,
    format: Format,
    reader: Reader<&'a [u8]>,
    /// Where the elements start that are open now.
    open: Vec<usize>,
}

impl<'a> Events<'a> {
    pub(super) fn new(text: &'a str, format: Format) -> Self {
        let mut reader = Reader::from_str(text);
        // Test output is full of bare ampersands that its writer forgot to escape.
        reader.config_mut().allow_dangling_amp = true;
        Events { text, format, reader, open: Vec::new() }
    }

    /// The next start, end, empty element or piece of text; `None` at the end.
    /// Comments, processing instructions and document types are passed over:
    /// nothing they declare is fetched or expanded.
    pub(super) fn next(&mut self) -> Result<Option<Event<'a>>, ReadError> {
        loop {
            let start = self.offset();
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let at = usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX);
                    return Err(self.error_at(at, format!("{error}")));
                }
            };
            match event {
                Event::Start(_) => self.open.push(start),
                Event::End(_) => {
                    self.open.pop();
                }
                Event::Eof => {
                    return match self.open.last() {
                        None => Ok(None),
                        Some(&at) => {
                            let (line, _) = line_column(self.text, at);
                            let name = name_at(self.text, at);
                            let what = format!(
                                "the file ends inside <{name}>, which was opened on line {line}"
                            );
                            Err(self.error_at(self.text.len(), what))
                        }
                    };
                }
                Event::Empty(_) | Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {}
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
            }
            return Ok(Some(event));
        }
    }

    /// An error at the place reached.
    pub(super) fn error(&self, what: impl Into<String>) -> ReadError {
        self.error_at(self.offset(), what)
    }

    fn offset(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn error_at(&self, offset: usize, what: impl Into<String>) -> ReadError {
        let (line, column) = line_column(self.text, offset);
        ReadError::at(self.format, line, Some(column), what)
    }
}

fn name_at(text: &str, offset: usize) -> &str {
    let rest = text.get(offset..).unwrap_or_default().trim_start_matches('<');
    let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/');
    &rest[..end.unwrap_or(rest.len())]
}

/// Calls `each` with every attribute's name and unescaped value. What comes
/// behind a malformed attribute is left out: writers that forget to escape
/// an angle bracket in a message must not cost the rest of the report.
pub(super) fn attributes(element: &BytesStart<'_>, mut each: impl FnMut(&str, Cow<'_, str>)) {
    let mut attributes = element.attributes();
    attributes.with_checks(false);
    for attribute in attributes.map_while(Result::ok) {
        each(attribute.key.local_name().as_ref(), unescape(&attribute.value));
    }
}

/// One attribute's unescaped value.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    attributes.with_checks(false);
    attributes
        .map_while(Result::ok)
        .find(|attribute| attribute.key.local_name().as_ref() == name)
        .map(|attribute| unescape(&attribute.value).into_owned())
}

/// Adds what a piece of text says; other events say nothing.
pub(super) fn push_text(event: &Event<'_>, text: &mut String) {
    match event {
        Event::Text(piece) => text.push_str(piece),
        Event::CData(piece) => text.push_str(piece),
        Event::GeneralRef(reference) => push_reference(reference, text),
        _ => {}
    }
}

fn push_reference(reference: &BytesRef<'_>, text: &mut String) {
    match resolve(reference) {
        Some(c) => text.push(c),
        None => {
            text.push('&');
            text.push_str(reference);
            text.push(';');
        }
    }
}

/// `&#x10FFFF;` with some leading zeros.
const LONGEST_REFERENCE: usize = 16;

/// Replaces character references and the five entities of XML. All others
/// stay as written: a declared entity is never expanded.
pub(super) fn unescape(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(start) = rest.find('&') {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        // Only as far as a reference can be long: the text may be all ampersands.
        let near = &rest.as_bytes()[..rest.len().min(LONGEST_REFERENCE)];
        let name = memchr::memchr(b';', near).map(|end| &rest[1..end]);
        match name.and_then(|name| resolve(name).map(|c| (c, name.len()))) {
            Some((c, len)) => {
                text.push(c);
                rest = &rest[len + 2..];
            }
            None => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character that a reference names. One that XML does not allow, such as
/// `&#0;`, becomes U+FFFD.
fn resolve(name: &str) -> Option<char> {
    let number = match name {
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "amp" => return Some('&'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => name.strip_prefix('#')?,
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    match code.ok().and_then(char::from_u32) {
        Some('\0') | None => Some(char::REPLACEMENT_CHARACTER),
        Some(c) => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_and_entities_left_alone() {
        for (raw, text) in [
            ("plain", "plain"),
            ("&lt;&amp;&gt;&quot;&apos;", "<&>\"'"),
            ("a&#10;b&#xe9;", "a\nbé"),
            ("&#0;&#xD800;&#9999999999;", "\u{fffd}\u{fffd}\u{fffd}"),
            ("&lol9; & ; &", "&lol9; & ; &"),
        ] {
            assert_eq!(unescape(raw), text);
        }
    }

    #[test]
    fn errors_name_the_place() {
        let check = |text: &str, expect: &str| {
            let mut events = Events::new(text, Format::Junit);
            let error = loop {
                match events.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("{text} was read"),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.contains(expect), "{error}");
        };
        check(
            "<a>\n <b>\n",
            "line 3, column 1: the file ends inside <b>, which was opened on line 2",
        );
        check("<a>\n</b>", "line 2");
        check("<a\n", "line 1");
    }
}
