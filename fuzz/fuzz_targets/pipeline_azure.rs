//! Files of this dialect, whatever their bytes.

#![no_main]

mod pipeline;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| pipeline::whole(::pipewright::pipeline::Platform::Azure, data));
