//! Helpers for this room's tests: a change from the text of a unified diff.

use bytes::Bytes;

use super::{Options, Subject, scan};
use crate::diff::{Change, FileDiff, parse};
use crate::finding::Finding;

/// Reads a unified diff that has to be right.
pub(crate) fn change(text: &str) -> Change {
    parse::parse(Bytes::copy_from_slice(text.as_bytes())).expect("the test's diff is right")
}

/// A diff that adds a file with this text.
pub(crate) fn added(path: &str, text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut diff = format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{} @@\n",
        lines.len()
    );
    for line in lines {
        diff.push('+');
        diff.push_str(line);
        diff.push('\n');
    }
    diff
}

/// A change from `old` to `new` in one file, with three lines of context.
pub(crate) fn edited(path: &str, old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    let body = diff.unified_diff().context_radius(3).to_string();
    format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{body}")
}

/// What the rule finds in a diff, with no contents at hand.
pub(crate) fn found(rule: &str, diff: &str) -> Vec<Finding> {
    found_with(rule, diff, &|_| None, &Options::default())
}

/// What the rule finds when `old` becomes `new`, contents at hand.
pub(crate) fn found_edit(rule: &str, path: &str, old: &str, new: &str) -> Vec<Finding> {
    let new_bytes = Bytes::copy_from_slice(new.as_bytes());
    let diff = if old.is_empty() { added(path, new) } else { edited(path, old, new) };
    found_with(rule, &diff, &|_| Some(new_bytes.clone()), &Options::default())
}

/// What the rule finds in a diff, with contents after and options.
pub(crate) fn found_with(
    rule: &str,
    diff: &str,
    new: &dyn Fn(&FileDiff) -> Option<Bytes>,
    options: &Options,
) -> Vec<Finding> {
    let change = change(diff);
    let subject = Subject { change: &change, old: &|_| None, new, exists: &|_| None, options };
    scan(&subject)
        .into_iter()
        .filter(|finding| finding.source == crate::finding::Source::Rule(rule.to_owned()))
        .collect()
}
