//! Any bytes as a report: of the format they look like, and of each format there is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pipewright::evidence::{
    clover, cobertura, codecov, coveragepy, detect, gocover, gotest, istanbul, jacoco, junit, lcov,
    llvm_cov, sarif,
};

fuzz_target!(|bytes: &[u8]| {
    let _ = detect::read("report.sarif", bytes);
    // The first byte chooses one, so that each gets inputs of its own.
    let Some((&first, rest)) = bytes.split_first() else { return };
    let _ = match first % 12 {
        0 => sarif::read(rest).map(drop),
        1 => junit::read(rest).map(drop),
        2 => gotest::read(rest).map(drop),
        3 => lcov::read(rest).map(drop),
        4 => cobertura::read(rest).map(drop),
        5 => jacoco::read(rest).map(drop),
        6 => clover::read(rest).map(drop),
        7 => gocover::read(rest).map(drop),
        8 => coveragepy::read(rest).map(drop),
        9 => llvm_cov::read(rest).map(drop),
        10 => istanbul::read(rest).map(drop),
        _ => codecov::read(rest).map(drop),
    };
});
