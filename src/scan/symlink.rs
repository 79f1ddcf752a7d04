//! Rule `symlink-escape`: links that point out of the repository.

use bstr::ByteSlice;

use crate::finding::{Severity, Side};
use crate::scan::{Hit, Rule, Scope, scope};

pub(super) const RULE: Rule = Rule {
    id: "symlink-escape",
    title: "Symbolic link out of the repository",
    severity: Severity::High,
    category: "security",
    help: "Finds symbolic links that a change adds or turns, whose target is absolute or climbs \
above the repository's root. A build that follows one reads or overwrites files of the machine it \
runs on.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    for file in &scope.files {
        let mode = file.diff.new_mode.or(file.diff.old_mode);
        if !mode.is_some_and(|mode| mode.is_symlink()) {
            continue;
        }
        let Some((number, target)) = file.added.first() else { continue };
        let Ok(target) = target.to_str() else { continue };
        let Some(path) = file.diff.new_path.as_ref() else { continue };
        if !escapes(&path.display(), target) {
            continue;
        }
        hits.push(
            Hit::on_line(
                file.index,
                Side::New,
                *number,
                Severity::High,
                format!("Symbolic link leaves the repository: {}", scope::shown(target)),
            )
            .body(
                "Whatever follows this link (a build, an archive, a container copy) reads or \
writes outside the checkout, on the machine it runs on. Link to a path inside the repository, or \
copy the file.",
            ),
        );
    }
}

/// Whether `target`, seen from the link at `path`, is absolute or climbs above the root.
fn escapes(path: &str, target: &str) -> bool {
    let drive = target.as_bytes().get(1) == Some(&b':');
    if target.starts_with(['/', '\\', '~']) || drive {
        return true;
    }
    let mut depth = path.matches('/').count();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(up) => depth = up,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::escapes;
    use crate::scan::testing::found;

    #[test]
    fn targets_are_followed_from_the_link() {
        for (path, target, expect) in [
            ("a/b/link", "../../README.md", false),
            ("a/b/link", "../../../README.md", true),
            ("link", "..", true),
            ("link", "x/../y", false),
            ("link", "x/../../y", true),
            ("link", "/etc/passwd", true),
            ("link", "C:/Windows", true),
        ] {
            assert_eq!(escapes(path, target), expect, "{path} -> {target}");
        }
    }

    #[test]
    fn only_links_are_read() {
        let diff = |mode: &str| {
            format!(
                "diff --git a/l b/l\nnew file mode {mode}\n--- /dev/null\n+++ b/l\n@@ -0,0 +1,1 @@\n+/etc/passwd\n\\ No newline at end of file\n"
            )
        };
        assert_eq!(found("symlink-escape", &diff("120000")).len(), 1);
        assert_eq!(found("symlink-escape", &diff("100644")).len(), 0);
    }
}
