//! Rule `todo-without-ticket`: a promise that nobody can find again.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::diff::LineKind;
use crate::finding::{Severity, Side};
use crate::scan::scope::File;
use crate::scan::{Hit, Rule, Scope};

pub(super) const RULE: Rule = Rule {
    id: "todo-without-ticket",
    title: "New TODO without a ticket",
    severity: Severity::Info,
    category: "hygiene",
    help: "Finds `TODO`, `FIXME`, `XXX` and `HACK` in comments that a change adds, with nothing \
that says where it is tracked: `#123`, `ABC-123`, an address, or a name as in `TODO(ada)`. What \
counts as a ticket can be set. Documentation, vendored and generated files are left alone.",
    check,
};

/// What makes a TODO traceable unless the user says otherwise.
pub(super) static TICKET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u)#\d+|\b[A-Z][A-Z0-9]+-\d+\b|https?://|\b(?:[Ii]ssue|GH|[Bb]ug)[ -]?\d+|^\s*[(\[][^)\]]+[)\]]|@\w+")
        .expect("the pattern is fixed")
});

static MARK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u)\b(?:TODO|FIXME|XXX|HACK)\b").expect("the pattern is fixed")
});

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    for file in &scope.files {
        if file.docs
            || file.foreign
            || file.extension().is_empty() && !file.name().ends_with("file")
        {
            continue;
        }
        let mut removed: Option<HashSet<&[u8]>> = None;
        for (number, text) in &file.added {
            let Some(mark) = MARK.find(text) else { continue };
            let (before, rest) = (&text[..mark.start()], &text[mark.end()..]);
            if !in_comment(file, before, rest)
                || scope.subject.options.ticket.is_match(rest)
                || removed.get_or_insert_with(|| removed_lines(file)).contains(text.trim_ascii())
            {
                continue;
            }
            let word = String::from_utf8_lossy(mark.as_bytes()).into_owned();
            hits.push(
                Hit::on_line(
                    file.index,
                    Side::New,
                    *number,
                    Severity::Info,
                    format!("New {word} without a ticket"),
                )
                .confidence(0.9)
                .body(format!(
                    "A {word} that names no ticket or person is rarely found again. Do it now, or \
write where it is tracked: `{word}(#123): …`."
                )),
            );
        }
    }
}

/// Whether the word opens a comment, by what stands around it.
fn in_comment(file: &File<'_>, before: &[u8], rest: &[u8]) -> bool {
    // `XXX` and `TODO` as part of a longer run: a template, a constant, a mask.
    if rest
        .first()
        .is_some_and(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'=' | b'.' | b'/' | b'-'))
    {
        return false;
    }
    let before = before.trim_ascii_end();
    let hash = matches!(
        file.extension(),
        "py" | "rb"
            | "sh"
            | "bash"
            | "zsh"
            | "yml"
            | "yaml"
            | "toml"
            | "pl"
            | "r"
            | "ex"
            | "exs"
            | "tf"
            | "cfg"
            | "conf"
            | "cmake"
            | "mk"
            | "nix"
            | "jl"
            | "ps1"
            | "php"
            | "gd"
            | "bzl"
    ) || file.name().ends_with("file");
    let dashes = matches!(file.extension(), "sql" | "lua" | "hs" | "elm" | "adb" | "ads");
    let opens: &[&[u8]] = &[b"//", b"/*", b"///", b"//!", b"/**", b"<!--", b"{{!--", b"{/*"];
    opens.iter().any(|open| before.ends_with(open))
        || (before == b"*" || before.trim_ascii() == b"*")
        || hash && before.ends_with(b"#")
        || dashes && before.ends_with(b"--")
        || matches!(file.extension(), "el" | "clj" | "lisp" | "scm" | "asm")
            && before.ends_with(b";")
        || matches!(file.extension(), "tex" | "erl") && before.ends_with(b"%")
}

/// What the change takes out of the file: an equal line was only moved.
fn removed_lines<'a>(file: &File<'a>) -> HashSet<&'a [u8]> {
    let removed = file.diff.lines().filter(|line| line.kind == LineKind::Removed);
    removed.map(|line| line.text.trim_ascii()).collect()
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{added, found};

    #[track_caller]
    fn check(path: &str, line: &str, expect: bool) {
        let found = found("todo-without-ticket", &added(path, line));
        assert_eq!(found.len(), usize::from(expect), "{path}: {line}");
    }

    #[test]
    fn promises_without_a_ticket_are_found() {
        check("a.rs", "    // TODO: later", true);
        check("a.rs", "let x = 1; // FIXME", true);
        check("a.py", "x = 1  # XXX this is odd", true);
        check("a.c", " * TODO: later", true);
        check("a.sql", "-- HACK: order", true);
        check("Dockerfile", "# TODO pin", true);
    }

    #[test]
    fn tickets_and_people_make_them_traceable() {
        for tail in
            ["(#12): x", " ABC-12", ": see https://example.org/1", "(ada): x", " #7", "[ada]"]
        {
            check("a.rs", &format!("// TODO{tail}"), false);
        }
    }

    #[test]
    fn words_outside_comments_are_left_alone() {
        check("a.rs", "let s = \"TODO\";", false);
        check("a.sh", "mktemp /tmp/a.XXX", false);
        check("README.md", "# TODO", false);
        check("a.js", "const TODO = 1;", false);
        check("vendor/a.go", "// TODO: x", false);
        check("a.rs", "// AUTODO and TODOS", false);
    }

    #[test]
    fn a_moved_promise_is_not_new() {
        let diff = "--- a/a.rs\n+++ b/a.rs\n@@ -1,2 +1,2 @@\n-// TODO: x\n a\n+  // TODO: x\n";
        assert!(found("todo-without-ticket", diff).is_empty());
    }
}
