//! Amazon's event streams: no bytes make the reader panic, and where they are cut
//! does not matter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pipewright::model::Reply;
use pipewright::model::anthropic::reply::StreamError;
use pipewright::model::bedrock::eventstream::{Malformed, Message, Parser};
use pipewright::model::bedrock::reply::{Assembler, from_message};

fn split<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Message>, Result<bool, Malformed>) {
    let mut parser = Parser::default();
    let mut messages = Vec::new();
    for piece in pieces {
        if let Err(error) = parser.push(piece, |message| messages.push(message)) {
            return (messages, Err(error));
        }
    }
    (messages, Ok(parser.is_at_end()))
}

/// A message whose checksums are right, so that what is behind them is reached.
fn sealed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&((16 + headers.len() + payload.len()) as u32).to_be_bytes());
    bytes.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend_from_slice(headers);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

fn assemble(lines: &[u8]) -> Result<Reply, StreamError> {
    let mut assembler = Assembler::default();
    for line in lines.split(|byte| *byte == b'\n') {
        let (kind, payload) = line.split_at(line.iter().position(|b| *b == b' ').unwrap_or(0));
        assembler.event(std::str::from_utf8(kind).unwrap_or_default(), payload)?;
    }
    assembler.finish(None)
}

fuzz_target!(|data: &[u8]| {
    let [size, cut, data @ ..] = data else { return };
    let size = usize::from(*size).max(1);
    assert_eq!(split([data]), split(data.chunks(size)));
    let (headers, payload) = data.split_at(usize::from(*cut).min(data.len()));
    let message = sealed(headers, payload);
    let twice = [message.as_slice(), message.as_slice()].concat();
    assert_eq!(split([twice.as_slice()]), split(twice.chunks(size)));
    let _ = assemble(data);
    let _ = from_message(data, None);
});
