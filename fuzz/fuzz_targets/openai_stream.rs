//! Streams of both interfaces of OpenAI's protocol: no bytes make the reader
//! panic, and where they are cut does not matter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pipewright::model::Reply;
use pipewright::model::anthropic::sse::Parser;
use pipewright::model::openai::StreamError;
use pipewright::model::openai::{reply, responses};

macro_rules! reader {
    ($name:ident, $assembler:ty) => {
        fn $name<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Reply, StreamError> {
            let mut parser = Parser::default();
            let mut assembler = <$assembler>::default();
            for piece in pieces {
                let mut result = Ok(());
                let pushed = parser.push(piece, |event| {
                    if result.is_ok() {
                        result = assembler.event(&event);
                    }
                });
                result?;
                pushed.map_err(|_| StreamError::Broken("too long"))?;
            }
            assembler.finish(None)
        }
    };
}

reader!(read_chat, reply::Assembler);
reader!(read_responses, responses::reply::Assembler);

fuzz_target!(|data: &[u8]| {
    let Some((size, data)) = data.split_first() else { return };
    let size = usize::from(*size).max(1);
    assert_eq!(read_chat([data]), read_chat(data.chunks(size)));
    assert_eq!(read_responses([data]), read_responses(data.chunks(size)));
    let _ = reply::from_message(data, None);
    let _ = responses::reply::from_message(data, None);
});
