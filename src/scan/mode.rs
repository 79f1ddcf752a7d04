//! Rule `file-permissions`: who may run what.

use crate::diff::Mode;
use crate::finding::Severity;
use crate::scan::scope::File;
use crate::scan::{Hit, Rule, Scope};

pub(super) const RULE: Rule = Rule {
    id: "file-permissions",
    title: "Permission bits",
    severity: Severity::Medium,
    category: "hygiene",
    help: "Finds permission bits that a change sets or takes away and that do not fit the file: a \
script that can no longer be run, data that can, set-user-id bits, and a new script with a `#!` \
line that nobody may execute.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    for file in &scope.files {
        let Some(new) = file.diff.new_mode else { continue };
        if file.diff.new_path.is_none() || new.0 & 0o170000 != 0o100000 {
            continue;
        }
        let old = file.diff.old_mode.filter(|_| file.diff.old_path.is_some());
        let hit = judge(scope, file, old, new);
        hits.extend(hit.map(|(severity, confidence, title, body)| {
            Hit::on_file(file.index, severity, title.to_owned()).confidence(confidence).body(body)
        }));
    }
}

fn judge(
    scope: &Scope<'_>,
    file: &File<'_>,
    old: Option<Mode>,
    new: Mode,
) -> Option<(Severity, f64, &'static str, String)> {
    let special = |mode: Mode| mode.0 & 0o6000;
    if special(new) & !old.map_or(0, special) != 0 {
        return Some((
            Severity::High,
            1.0,
            "Set-user-id or set-group-id bit set",
            "Whoever runs this file gets the rights of its owner. Take the bit away.".to_owned(),
        ));
    }
    let was = old.map(Mode::is_executable);
    let chmod = |sign: char| format!("`git update-index --chmod={sign}x <file>` sets it back.");
    match (was, new.is_executable()) {
        (Some(true), false) if is_script(file) || has_shebang(scope, file) == Some(true) => Some((
            Severity::Medium,
            0.8,
            "Script is no longer executable",
            format!("What runs it by its path fails with \"permission denied\". {}", chmod('+')),
        )),
        (Some(false) | None, true) if is_data(file) && has_shebang(scope, file) != Some(true) => {
            Some((
                Severity::Low,
                0.9,
                "Data file made executable",
                format!("Nothing runs this file; the bit is an accident. {}", chmod('-')),
            ))
        }
        (None, false) if is_script(file) && has_shebang(scope, file) == Some(true) => Some((
            Severity::Info,
            0.7,
            "Script is not executable",
            "It starts with `#!` but has no execute bit, so it runs only through its \
interpreter. `git update-index --chmod=+x <file>` sets it."
                .to_owned(),
        )),
        _ => None,
    }
}

fn is_script(file: &File<'_>) -> bool {
    matches!(file.extension(), "sh" | "bash" | "zsh" | "ksh" | "fish")
        || matches!(file.name(), "gradlew" | "mvnw" | "configure" | "bootstrap")
}

fn is_data(file: &File<'_>) -> bool {
    matches!(
        file.extension(),
        "md" | "txt"
            | "json"
            | "yml"
            | "yaml"
            | "toml"
            | "xml"
            | "html"
            | "css"
            | "scss"
            | "csv"
            | "png"
            | "jpg"
            | "jpeg"
            | "gif"
            | "svg"
            | "ico"
            | "webp"
            | "pdf"
            | "lock"
            | "ini"
            | "rs"
            | "go"
            | "java"
            | "kt"
            | "c"
            | "h"
            | "cc"
            | "cpp"
            | "hpp"
            | "cs"
            | "ts"
            | "tsx"
            | "jsx"
            | "proto"
            | "sql"
            | "woff"
            | "woff2"
            | "ttf"
            | "pem"
            | "crt"
    )
}

/// Whether the new side starts with `#!`; `None` where its first line is not at hand.
fn has_shebang(scope: &Scope<'_>, file: &File<'_>) -> Option<bool> {
    let first = file.diff.lines().find(|line| line.new == Some(1));
    if let Some(line) = first {
        return Some(line.text.starts_with(b"#!"));
    }
    (scope.subject.new)(file.diff).map(|bytes| bytes.starts_with(b"#!"))
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{change, found, found_with};
    use crate::scan::{Options, Subject, scan};
    use bytes::Bytes;

    #[track_caller]
    fn check(path: &str, old: &str, new: &str, content: &str, title: &str) {
        let diff = format!("diff --git a/{path} b/{path}\nold mode {old}\nnew mode {new}\n");
        let bytes = Bytes::copy_from_slice(content.as_bytes());
        let found =
            found_with("file-permissions", &diff, &|_| Some(bytes.clone()), &Options::default());
        assert_eq!(found.first().map_or("", |f| f.title.as_str()), title, "{path} {old} {new}");
    }

    #[test]
    fn modes_that_do_not_fit_are_found() {
        check("run.sh", "100755", "100644", "#!/bin/sh", "Script is no longer executable");
        check("run", "100755", "100644", "#!/bin/sh", "Script is no longer executable");
        check("run", "100755", "100644", "data", "");
        check("a.json", "100755", "100644", "{}", "");
        check("a.json", "100644", "100755", "{}", "Data file made executable");
        check("a.rs", "100644", "100755", "#!/usr/bin/env cargo", "");
        check("run.sh", "100644", "100755", "#!/bin/sh", "");
        check("tool", "100755", "104755", "", "Set-user-id or set-group-id bit set");
        check("tool", "104755", "104755", "", "");
    }

    #[test]
    fn a_new_script_without_the_bit_is_worth_a_word() {
        let diff = |mode: &str| {
            format!(
                "diff --git a/x.sh b/x.sh\nnew file mode {mode}\n--- /dev/null\n+++ b/x.sh\n@@ -0,0 +1,1 @@\n+#!/bin/sh\n"
            )
        };
        assert_eq!(found("file-permissions", &diff("100644"))[0].title, "Script is not executable");
        assert!(found("file-permissions", &diff("100755")).is_empty());
    }

    #[test]
    fn file_findings_stand_on_line_one() {
        let change = change("diff --git a/a.md b/a.md\nold mode 100644\nnew mode 100755\n");
        let options = Options::default();
        let subject = Subject {
            change: &change,
            old: &|_| None,
            new: &|_| None,
            exists: &|_| None,
            options: &options,
        };
        let found = scan(&subject);
        assert_eq!((found[0].line, found[0].path.as_str()), (1, "a.md"));
    }
}
