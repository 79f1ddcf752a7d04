//! Amazon's event streams, a piece at a time: `application/vnd.amazon.eventstream`
//! (<https://smithy.io/2.0/aws/amazon-eventstream.html>).
//!
//! A message is a prelude (its length, the length of its headers, their CRC 32),
//! headers, a payload, and a CRC 32 of all of it; numbers are big-endian.

/// Longest message taken: the specification's 16 MB of payload, 128 KB of headers.
const LONGEST: usize = (16 << 20) + (128 << 10) + OVERHEAD;

/// Prelude, its checksum, and the message's.
const OVERHEAD: usize = 16;

const PRELUDE: usize = 12;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// An event of the stream.
    Event {
        /// `:event-type`.
        kind: String,
        /// Mostly JSON.
        payload: Vec<u8>,
    },
    /// The service ends the stream with an error that its API names.
    Exception {
        /// `:exception-type`.
        kind: String,
        /// JSON with a `message`.
        payload: Vec<u8>,
    },
    /// The service ends the stream with an error that it does not.
    Error {
        /// `:error-code`.
        code: String,
        /// `:error-message`.
        message: String,
    },
}

/// Why bytes are no event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// A checksum is not that of what came.
    Checksum,
    /// Lengths do not fit each other, or are beyond the specification's.
    Length,
    /// A header is none.
    Header,
}

impl Malformed {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Malformed::Checksum => "a message's checksum is wrong",
            Malformed::Length => "a message's length is wrong",
            Malformed::Header => "a message's headers cannot be read",
        }
    }
}

/// Splits bytes into messages; they may be cut anywhere.
#[derive(Debug, Default)]
pub struct Parser {
    /// What came of a message that is not complete.
    rest: Vec<u8>,
}

impl Parser {
    /// Takes the next bytes and hands each message they complete to `each`.
    ///
    /// # Errors
    /// The bytes are no event stream; nothing may be pushed after that.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Message)) -> Result<(), Malformed> {
        let mut bytes = bytes;
        while !self.rest.is_empty() && !bytes.is_empty() {
            // As much as the message in hand lacks: its prelude first, then all.
            let wanted = length(&self.rest)?.unwrap_or(PRELUDE);
            let taken = bytes.len().min(wanted - self.rest.len());
            self.rest.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if length(&self.rest)? == Some(self.rest.len()) {
                each(message(&self.rest)?);
                self.rest.clear();
            }
        }
        while let Some(length) = length(bytes)? {
            let Some((whole, after)) = bytes.split_at_checked(length) else { break };
            each(message(whole)?);
            bytes = after;
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether no message is left half read.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

/// How long the message that begins here is; `None` before its prelude is there.
fn length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let (Some(total), Some(headers), Some(crc)) =
        (number(bytes, 0), number(bytes, 4), number(bytes, 8))
    else {
        return Ok(None);
    };
    if crc32fast::hash(&bytes[..8]) != crc {
        return Err(Malformed::Checksum);
    }
    let (total, headers) = (total as usize, headers as usize);
    if !(OVERHEAD..=LONGEST).contains(&total) || headers > total - OVERHEAD {
        return Err(Malformed::Length);
    }
    Ok(Some(total))
}

/// A whole message, whose prelude is checked.
fn message(bytes: &[u8]) -> Result<Message, Malformed> {
    let end = bytes.len() - 4;
    if number(bytes, end) != Some(crc32fast::hash(&bytes[..end])) {
        return Err(Malformed::Checksum);
    }
    let split = PRELUDE + number(bytes, 4).ok_or(Malformed::Length)? as usize;
    let (headers, payload) = (&bytes[PRELUDE..split], bytes[split..end].to_vec());
    let headers = strings(headers)?;
    let header = |name: &str| {
        let found = headers.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    Ok(match header(":message-type").as_str() {
        "exception" => Message::Exception { kind: header(":exception-type"), payload },
        "error" => {
            Message::Error { code: header(":error-code"), message: header(":error-message") }
        }
        _ => Message::Event { kind: header(":event-type"), payload },
    })
}

/// The headers that are strings; others are passed over.
fn strings(mut bytes: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = bytes.split_at_checked(length).ok_or(Malformed::Header)?;
        *bytes = rest;
        Ok(taken)
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let length = take(&mut bytes, 1)?[0];
        let name = take(&mut bytes, usize::from(length))?;
        let kind = take(&mut bytes, 1)?[0];
        let length = match kind {
            // True, false; then numbers, a time, a UUID by their sizes.
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            9 => 16,
            // Bytes and strings say how long they are.
            6 | 7 => {
                let length = take(&mut bytes, 2)?;
                usize::from(u16::from_be_bytes([length[0], length[1]]))
            }
            _ => return Err(Malformed::Header),
        };
        let value = take(&mut bytes, length)?;
        if kind == 7 {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            found.push((text(name), text(value)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A message as the specification lays it out.
    fn encode(headers: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&((OVERHEAD + headers.len() + payload.len()) as u32).to_be_bytes());
        bytes.extend_from_slice(&(headers.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes.extend_from_slice(headers);
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    fn string(name: &str, value: &str) -> Vec<u8> {
        let mut bytes = vec![name.len() as u8];
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(7);
        bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
        bytes.extend_from_slice(value.as_bytes());
        bytes
    }

    fn event(kind: &str, payload: &[u8]) -> Vec<u8> {
        let headers = [string(":message-type", "event"), string(":event-type", kind)].concat();
        encode(&headers, payload)
    }

    fn parse<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(Vec<Message>, bool), Malformed> {
        let mut parser = Parser::default();
        let mut messages = Vec::new();
        for piece in pieces {
            parser.push(piece, |message| messages.push(message))?;
        }
        Ok((messages, parser.is_at_end()))
    }

    #[test]
    fn messages_are_told_apart() {
        let one = |bytes: &[u8]| {
            let (messages, _) = parse([bytes]).unwrap();
            assert_eq!(messages.len(), 1);
            messages.into_iter().next().unwrap()
        };
        let expect = Message::Event { kind: "chunk".into(), payload: b"{}".to_vec() };
        assert_eq!(one(&event("chunk", b"{}")), expect);
        let headers = [
            string(":message-type", "exception"),
            // Every other type of header in between.
            vec![1, b'a', 0, 1, b'b', 1, 1, b'c', 2, 9, 1, b'd', 3, 9, 9],
            vec![1, b'e', 4, 1, 2, 3, 4, 1, b'f', 5, 1, 2, 3, 4, 5, 6, 7, 8],
            vec![1, b'g', 6, 0, 2, 255, 255, 1, b'h', 8, 0, 0, 0, 0, 0, 0, 0, 0],
            [vec![1, b'i', 9], vec![7; 16]].concat(),
            string(":exception-type", "throttlingException"),
        ]
        .concat();
        let expect =
            Message::Exception { kind: "throttlingException".into(), payload: b"p".to_vec() };
        assert_eq!(one(&encode(&headers, b"p")), expect);
        let headers = [
            string(":message-type", "error"),
            string(":error-code", "InternalError"),
            string(":error-message", "An internal error"),
        ]
        .concat();
        let expect =
            Message::Error { code: "InternalError".into(), message: "An internal error".into() };
        assert_eq!(one(&encode(&headers, b"")), expect);
    }

    #[test]
    fn an_empty_message_is_sixteen_bytes() {
        // The specification's own smallest message.
        let bytes = [0, 0, 0, 0x10, 0, 0, 0, 0, 5, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        let expect = Message::Event { kind: String::new(), payload: Vec::new() };
        assert_eq!(parse([&bytes[..]]), Ok((vec![expect], true)));
    }

    #[test]
    fn a_message_of_another_writer_is_read() {
        // Written with Python's struct and zlib; botocore's reader takes it.
        let hex = "0000004a0000002aacda56570b3a6576656e742d747970650700056368756e6b\
                   0d3a6d6573736167652d747970650700056576656e747b226279746573223a22\
                   6533303d227dae919f38";
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let payload = b"{\"bytes\":\"e30=\"}".to_vec();
        let expect = Message::Event { kind: "chunk".into(), payload };
        assert_eq!(parse([bytes.as_slice()]), Ok((vec![expect], true)));
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        let check = |bytes: &[u8], expect| assert_eq!(parse([bytes]).unwrap_err(), expect);
        let good = event("chunk", b"{\"bytes\":\"\"}");
        for at in [0, 5, 9, 20, good.len() - 6, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            check(&bad, Malformed::Checksum);
        }
        let prelude = |total: u32, headers: u32| {
            let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
            bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
            bytes
        };
        check(&prelude(15, 0), Malformed::Length);
        check(&prelude(20, 5), Malformed::Length);
        check(&prelude(u32::MAX, 0), Malformed::Length);
        check(&encode(&[4, b'a'], b""), Malformed::Header);
        check(&encode(&[1, b'a', 77], b""), Malformed::Header);
        check(&encode(&[1, b'a', 7, 0, 9, b'x'], b""), Malformed::Header);
        check(b"event: message_start\ndata: {}\n\n", Malformed::Checksum);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn cuts_do_not_matter(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5),
            size in 1usize..40,
            end in 0usize..60,
        ) {
            let mut bytes: Vec<u8> = payloads.iter().flat_map(|p| event("chunk", p)).collect();
            let whole = payloads.len();
            bytes.extend_from_slice(&event("last", b"0123456789")[..end.min(40)]);
            let parsed = parse([bytes.as_slice()]).unwrap();
            prop_assert_eq!(parsed.0.len(), whole);
            prop_assert_eq!(parsed.1, end == 0);
            prop_assert_eq!(&parsed, &parse(bytes.chunks(size)).unwrap());
            for (message, payload) in parsed.0.into_iter().zip(payloads) {
                prop_assert_eq!(message, Message::Event { kind: "chunk".into(), payload });
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), size in 1usize..9) {
            let whole = parse([bytes.as_slice()]);
            prop_assert_eq!(whole, parse(bytes.chunks(size)));
        }

        #[test]
        fn a_flipped_bit_is_noticed(payload in prop::collection::vec(any::<u8>(), 0..40), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = event("chunk", &payload);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(parse([bytes.as_slice()]).is_err());
        }
    }
}
