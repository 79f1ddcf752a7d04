//! Server-sent events, a piece at a time
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

/// Longest event taken, in bytes. A reply of 128,000 tokens that came as one
/// event would take about 1 MB.
const LONGEST: usize = 32 << 20;

/// An event: its name (empty if it has none) and its data lines joined by `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `event` field.
    pub name: String,
    /// The `data` fields.
    pub data: Vec<u8>,
}

/// Splits bytes into events. Lines end with LF, CR or CRLF; the bytes may be
/// cut anywhere.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    started: bool,
    name: String,
    data: Vec<u8>,
    has_data: bool,
}

/// An event is longer than any reply can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl Parser {
    /// Takes the next bytes and hands each event they complete to `each`.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Event)) -> Result<(), TooLong> {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            let after = if rest[end] == b'\r' {
                match rest.get(end + 1) {
                    Some(b'\n') => end + 2,
                    Some(_) => end + 1,
                    None => {
                        self.after_cr = true;
                        end + 1
                    }
                }
            } else {
                end + 1
            };
            self.grow(end)?;
            if self.line.is_empty() {
                self.take_line(&rest[..end], &mut each);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&rest[..end]);
                self.take_line(&line, &mut each);
                line.clear();
                self.line = line;
            }
            rest = &rest[after..];
        }
        self.grow(rest.len())?;
        self.line.extend_from_slice(rest);
        Ok(())
    }

    fn grow(&self, by: usize) -> Result<(), TooLong> {
        let length = self.data.len() + self.line.len() + by;
        if length > LONGEST { Err(TooLong) } else { Ok(()) }
    }

    fn take_line(&mut self, line: &[u8], each: &mut impl FnMut(Event)) {
        let line = if self.started {
            line
        } else {
            self.started = true;
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        };
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            let data = std::mem::take(&mut self.data);
            if std::mem::take(&mut self.has_data) {
                each(Event { name, data });
            }
            return;
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                self.data.extend_from_slice(value);
            }
            // Comments, ids and reconnection times mean nothing here.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, String)> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in pieces {
            let keep = |event: Event| {
                events.push((event.name, String::from_utf8_lossy(&event.data).into_owned()));
            };
            parser.push(piece, keep).unwrap();
        }
        events
    }

    #[test]
    fn fields_become_events() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let events = parse([text.as_bytes()]);
            let events: Vec<_> = events.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(events, expect, "{text:?}");
        };
        check("event: a\ndata: 1\n\n", &[("a", "1")]);
        check("event: a\r\ndata: 1\r\n\r\n", &[("a", "1")]);
        check("event: a\rdata: 1\r\r", &[("a", "1")]);
        check("data:1\ndata:  2\n\n", &[("", "1\n 2")]);
        check("data\n\n", &[("", "")]);
        check("event: a\n\ndata: 1\n\n", &[("", "1")]);
        check(": note\n\nid: 7\nretry: 1\ndata: x\n\n", &[("", "x")]);
        check("\u{feff}data: x\n\n", &[("", "x")]);
        check("data: unfinished\n", &[]);
        check("", &[]);
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = Parser::default();
        let piece = vec![b'a'; 1 << 20];
        let refused = (0..64).any(|_| parser.push(&piece, |_| ()).is_err());
        assert!(refused);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn cuts_do_not_matter(
            text in "(event: [a-c]{0,3}|data: ?[a-z]{0,4}|:|\r|\n|\r\n|\n\n){0,24}",
            size in 1usize..5,
        ) {
            prop_assert_eq!(parse([text.as_bytes()]), parse(text.as_bytes().chunks(size)));
        }
    }
}
