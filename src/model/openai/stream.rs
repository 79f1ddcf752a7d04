//! Reads the answer to a request, whichever interface it came from and in
//! whichever way the server chose to send it.

use std::time::Duration;

use super::super::Reply;
use super::super::anthropic::sse::{Event, Parser};
use super::super::price::Price;
use super::dialect::Api;
use super::errors::{self, Failure, StreamError};
use super::{reply, responses};
use crate::http::{Error, Streaming};
use crate::report::Usage;

/// Most bytes of a reply; the longest real ones have about 20 MB of small chunks.
const MAX_REPLY: usize = 64 << 20;

/// Either interface's assembler.
enum Assembler {
    Chat(reply::Assembler),
    Responses(responses::reply::Assembler),
}

impl Assembler {
    fn event(&mut self, event: &Event) -> Result<(), StreamError> {
        match self {
            Assembler::Chat(chat) => chat.event(event),
            Assembler::Responses(responses) => responses.event(event),
        }
    }

    fn stopped(&self) -> bool {
        match self {
            Assembler::Chat(chat) => chat.stopped(),
            Assembler::Responses(responses) => responses.stopped(),
        }
    }

    fn usage(&self, price: Option<&Price>) -> Usage {
        match self {
            Assembler::Chat(chat) => chat.usage(price),
            Assembler::Responses(responses) => responses.usage(price),
        }
    }

    fn finish(self, price: Option<&Price>) -> Result<Reply, StreamError> {
        match self {
            Assembler::Chat(chat) => chat.finish(price),
            Assembler::Responses(responses) => responses.finish(price),
        }
    }
}

/// The reply that an answer holds. `spent` grows by what a reply that broke off
/// had cost by then, as far as the server had said.
pub(super) async fn read(
    mut answer: Streaming,
    api: Api,
    price: Option<&Price>,
    spent: &mut Usage,
) -> Result<Reply, Failure> {
    let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok());
    let first = match kind {
        Some(kind) if kind.contains("json") => None,
        // Some say nothing true about what they send.
        _ => first_chunk(&mut answer).await?,
    };
    let is_json = first.as_deref().is_none_or(starts_json);
    if is_json {
        let mut body = first.unwrap_or_default();
        let rest = answer.collect(MAX_REPLY).await.map_err(errors::broken)?.body;
        body.extend_from_slice(&rest);
        let reply = match api {
            Api::Chat => reply::from_message(&body, price),
            Api::Responses => responses::reply::from_message(&body, price),
        };
        return reply.map_err(errors::of_stream);
    }
    let mut assembler = match api {
        Api::Chat => Assembler::Chat(reply::Assembler::default()),
        Api::Responses => Assembler::Responses(responses::reply::Assembler::default()),
    };
    let read = events(answer, first.unwrap_or_default(), &mut assembler).await;
    let begun = assembler.usage(price);
    let reply = read.and_then(|()| assembler.finish(price).map_err(errors::of_stream));
    reply.inspect_err(|_| *spent += begun)
}

/// The bytes up to the first that are not white space; empty if there are none.
async fn first_chunk(answer: &mut Streaming) -> Result<Option<Vec<u8>>, Failure> {
    let mut first = Vec::new();
    while first.trim_ascii().is_empty() && first.len() < MAX_REPLY {
        match answer.chunk().await.map_err(errors::broken)? {
            Some(chunk) => first.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(Some(first))
}

fn starts_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

async fn events(
    mut answer: Streaming,
    first: Vec<u8>,
    assembler: &mut Assembler,
) -> Result<(), Failure> {
    let mut parser = Parser::default();
    let mut length = first.len();
    push(&mut parser, &first, assembler)?;
    while !assembler.stopped() {
        let Some(chunk) = answer.chunk().await.map_err(errors::broken)? else {
            // The last line of some streams has no end.
            return push(&mut parser, b"\n\n", assembler);
        };
        length += chunk.len();
        if length > MAX_REPLY {
            let error = Error::TooLarge(anyhow::anyhow!("the reply is longer than any can be"));
            return Err(errors::of_http(error));
        }
        push(&mut parser, &chunk, assembler)?;
    }
    // The end of the body mostly follows at once, and a connection read to its
    // end can be used again; it is not worth waiting for.
    let _ = tokio::time::timeout(Duration::from_millis(50), answer.chunk()).await;
    Ok(())
}

fn push(parser: &mut Parser, bytes: &[u8], assembler: &mut Assembler) -> Result<(), Failure> {
    let mut result = Ok(());
    let parsed = parser.push(bytes, |event| {
        if result.is_ok() {
            result = assembler.event(&event);
        }
    });
    result.map_err(errors::of_stream)?;
    parsed.map_err(|_| errors::of_stream(StreamError::Broken("an event is too long")))
}
