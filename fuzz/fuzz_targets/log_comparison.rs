//! Whatever two versions write, plain or compressed, is classed: no more templates are
//! new than there are lines, and a version against itself has nothing new.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pipewright::log::{Allow, Comparison, Lengths, Settings};

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == 0xff);
    let canary = parts.next().unwrap_or_default();
    let baseline = parts.next().unwrap_or_default();
    let allow = Allow::new(&["a+b"]).expect("an expression");
    let settings = Settings { templates: 64, ..Settings::default() };
    let mut comparison = Comparison::new(settings, allow);
    let _ = comparison.read_baseline(baseline);
    let _ = comparison.read_canary(canary);
    let classes = comparison.finish(Lengths::default());
    let told = classes.new.len() + classes.rising.len() + classes.known + classes.allowed;
    assert!(told as u64 <= classes.canary_lines);
    for one in classes.new.iter().chain(&classes.rising) {
        assert!(one.canary > 0 && (0.0..=1.0).contains(&one.p) && one.ratio >= 0.0);
    }

    let mut comparison = Comparison::new(Settings::default(), Allow::default());
    let _ = comparison.read_baseline(canary);
    let _ = comparison.read_canary(canary);
    let classes = comparison.finish(Lengths::default());
    assert!(classes.new.is_empty() && classes.rising.is_empty());
});
