//! Rule `large-binary`: bytes that stay in the history for good.

use crate::diff::Content;
use crate::finding::Severity;
use crate::scan::{Hit, Rule, Scope};

pub(super) const RULE: Rule = Rule {
    id: "large-binary",
    title: "Large binary file",
    severity: Severity::Medium,
    category: "hygiene",
    help: "Finds binary files that a change adds, or grows past the limit (1 MiB unless set). \
Every clone carries them for good, even after they are deleted.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    let limit = scope.subject.options.max_binary_bytes;
    for file in &scope.files {
        let Content::Binary { old_size, new_size } = file.diff.content else { continue };
        if file.diff.new_path.is_none() {
            continue;
        }
        let size = new_size.or_else(|| (scope.subject.new)(file.diff).map(|b| b.len() as u64));
        let Some(size) = size.filter(|size| *size > limit) else { continue };
        // A file that was too large before and did not grow by a tenth says nothing new.
        if old_size.is_some_and(|old| old > limit && size <= old + old / 10) {
            continue;
        }
        let verb = if file.diff.old_path.is_none() { "added" } else { "changed" };
        hits.push(
            Hit::on_file(
                file.index,
                Severity::Medium,
                format!("Binary of {} {verb} (limit {})", amount(size), amount(limit)),
            )
            .body(
                "Every clone carries this file for good, even after it is deleted. Keep it in Git \
LFS, in a package registry or as a release asset, or make it in the build.",
            ),
        );
    }
}

/// A size for people, in powers of 1024.
fn amount(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.0} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Options, Subject, scan};
    use crate::diff::Content;
    use crate::scan::testing::change;
    use bytes::Bytes;

    #[track_caller]
    fn check(old_size: Option<u64>, new_size: Option<u64>, bytes: Option<usize>, title: &str) {
        let mut change = change("diff --git a/x.bin b/x.bin\nBinary files differ\n");
        change.files[0].content = Content::Binary { old_size, new_size };
        if old_size.is_none() {
            change.files[0].old_path = None;
        }
        let options = Options { max_binary_bytes: 2048, ..Options::default() };
        let new = |_: &_| bytes.map(|len| Bytes::from(vec![0; len]));
        let subject = Subject {
            change: &change,
            old: &|_| None,
            new: &new,
            exists: &|_| None,
            options: &options,
        };
        let titles: Vec<String> = scan(&subject).into_iter().map(|f| f.title).collect();
        assert_eq!(titles.first().map_or("", String::as_str), title);
    }

    #[test]
    fn only_binaries_beyond_the_limit_are_found() {
        check(None, Some(4096), None, "Binary of 4 KiB added (limit 2 KiB)");
        check(None, Some(2048), None, "");
        check(None, None, Some(3_000_000), "Binary of 2.9 MiB added (limit 2 KiB)");
        check(None, None, None, "");
        check(Some(100), Some(4096), None, "Binary of 4 KiB changed (limit 2 KiB)");
        check(Some(4096), Some(4100), None, "");
    }
}
