//! Event streams: no bytes make the reader panic, and where they are cut does not matter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pipewright::model::Reply;
use pipewright::model::anthropic::reply::{Assembler, StreamError, from_message};
use pipewright::model::anthropic::sse::Parser;

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Reply, StreamError> {
    let mut parser = Parser::default();
    let mut assembler = Assembler::default();
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

fuzz_target!(|data: &[u8]| {
    let Some((size, data)) = data.split_first() else { return };
    let whole = read([data]);
    assert_eq!(whole, read(data.chunks(usize::from(*size).max(1))));
    let _ = from_message(data, None);
});
