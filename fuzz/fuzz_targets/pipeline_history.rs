//! Times of past runs, in whatever form somebody hands them in.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pipewright::pipeline::timing::history;

fuzz_target!(|data: &[u8]| {
    if let Ok(read) = history::read(data) {
        let text = history::write(&read);
        assert!(history::read(text.as_bytes()).is_ok());
    }
});
