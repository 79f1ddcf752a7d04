//! Rules look at whatever a diff holds, pipeline files in YAML included, and
//! stand on its lines.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pipewright::diff::{FileDiff, parse};
use pipewright::scan::{self, Options, Subject};

fuzz_target!(|data: &[u8]| {
    // A pipeline file that is new, of any content, beside whatever diff the bytes are.
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.lines().collect();
    let mut diff = format!(
        "diff --git a/.github/workflows/a.yml b/.github/workflows/a.yml\nnew file mode 100644\n\
         --- /dev/null\n+++ b/.github/workflows/a.yml\n@@ -0,0 +1,{} @@\n",
        lines.len()
    );
    for line in &lines {
        diff.push('+');
        diff.push_str(line);
        diff.push('\n');
    }
    for bytes in [Bytes::from(diff), Bytes::copy_from_slice(data)] {
        let Ok(change) = parse::parse(bytes) else { continue };
        let content = |file: &FileDiff| {
            file.new_path.as_ref()?;
            Some(Bytes::from(text.as_bytes().to_vec()))
        };
        let nothing = |_: &FileDiff| None;
        let exists = |_: &str| None;
        let options = Options::default();
        let subject =
            Subject { change: &change, old: &nothing, new: &content, exists: &exists, options: &options };
        for finding in scan::scan(&subject) {
            assert!(change.file(&finding.path).is_some());
            assert!(finding.end_line >= finding.line);
        }
    }
});
