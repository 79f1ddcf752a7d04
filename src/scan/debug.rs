//! Rule `debug-leftovers`: what was put in to look and forgotten.

use std::sync::LazyLock;

use bstr::ByteSlice;
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

use crate::diff::LineKind;
use crate::finding::{Severity, Side};
use crate::scan::scope::File;
use crate::scan::{Hit, Rule, Scope};

pub(super) const RULE: Rule = Rule {
    id: "debug-leftovers",
    title: "Debugging leftover",
    severity: Severity::Medium,
    category: "hygiene",
    help: "Finds breakpoints (`debugger`, `breakpoint()`, `pdb.set_trace()`, `binding.pry`), \
dumps (`dbg!`, `var_dump`, prints of `DEBUG`) and focused tests (`it.only`, `fdescribe`) in added \
lines. `console.log` counts only in application code whose file does not use the console \
otherwise. Fixtures, documentation and comments are left alone.",
    check,
};

/// What a pattern finds.
struct Leftover {
    /// Extensions it applies to.
    extensions: &'static [&'static str],
    pattern: &'static str,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// Stops the program.
    Breakpoint,
    /// Prints something for the author.
    Dump,
    /// Keeps the other tests from running.
    Focus,
    /// A console call: only where the file has no others.
    Console,
}

const JS: &[&str] = &["js", "jsx", "ts", "tsx", "mjs", "cjs", "vue", "svelte"];

/// A pattern that finds itself in a line. Anchored ones take the whole statement.
const LEFTOVERS: &[Leftover] = &[
    Leftover { extensions: JS, pattern: r"^\s*debugger\s*;?\s*$", what: What::Breakpoint },
    Leftover {
        extensions: JS,
        pattern: r"\b(?:describe|it|test|context|suite)\.only\(|^\s*(?:fdescribe|fit|fcontext)\(",
        what: What::Focus,
    },
    Leftover {
        extensions: JS,
        pattern: r"^\s*console\.(?:log|debug|dir|table)\(.*\)\s*;?\s*$",
        what: What::Console,
    },
    Leftover {
        extensions: &["py"],
        pattern: r"^\s*(?:import i?pdb\b.*|(?:import i?pdb\s*;\s*)?(?:i?pdb|pudb|wdb)\.set_trace\(\)|breakpoint\(\))\s*(?:#.*)?$",
        what: What::Breakpoint,
    },
    Leftover { extensions: &["rs"], pattern: r#"(?:^|[^"'`\w])dbg!\("#, what: What::Dump },
    Leftover {
        extensions: &["rb", "erb", "rake"],
        pattern: r"^\s*(?:binding\.(?:pry|irb|b|break)|byebug|debugger)\s*$",
        what: What::Breakpoint,
    },
    Leftover {
        extensions: &["php"],
        pattern: r"^\s*(?:var_dump|dd|xdebug_break)\(",
        what: What::Dump,
    },
    Leftover {
        extensions: &["go"],
        pattern: r"^\s*(?:spew\.Dump\(|runtime\.Breakpoint\(\))",
        what: What::Dump,
    },
    Leftover {
        extensions: &["go"],
        pattern: r"^\s*(?:FIt|FDescribe|FContext|FWhen)\(",
        what: What::Focus,
    },
    Leftover {
        extensions: &["ex", "exs"],
        pattern: r"^\s*(?:require IEx; )?IEx\.pry",
        what: What::Breakpoint,
    },
    Leftover {
        extensions: &["cs"],
        pattern: r"^\s*(?:System\.Diagnostics\.)?Debugger\.(?:Break|Launch)\(\)",
        what: What::Breakpoint,
    },
    Leftover {
        extensions: &["lua"],
        pattern: r"^\s*(?:require\(?.mobdebug.\)?\.start|dbg\(\))",
        what: What::Breakpoint,
    },
    Leftover {
        extensions: &[
            "js", "jsx", "ts", "tsx", "mjs", "cjs", "vue", "svelte", "py", "rs", "rb", "go",
            "java", "kt", "scala", "swift", "c", "cc", "cpp", "cs", "dart", "ex",
        ],
        pattern: r#"^\s*(?:print|puts|p|e?println!|e?print!|fmt\.Print(?:ln|f)?|System\.(?:out|err)\.print(?:ln|f)?|println|printf|console\.\w+|Console\.WriteLine|NSLog|log\.Print(?:ln|f)?|f?printf|std::(?:cout|cerr)\s*<<)\s*\(?\s*(?:stderr,\s*)?[@fbr$]?["'`](?:DEBUG|HERE|XXX|here\b|>>>>|####|====? ?(?i:debug)|!!!|asdf)"#,
        what: What::Dump,
    },
];

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    LEFTOVERS
        .iter()
        .map(|leftover| {
            RegexBuilder::new(leftover.pattern)
                .unicode(false)
                .build()
                .expect("the pattern is fixed")
        })
        .collect()
});

/// How a line starts that any anchored pattern matches; it fails on the first
/// bytes of most lines. The other patterns have a literal each.
static START: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)^\s*(?:debugger|Debugger|System\.|fdescribe|fit\(|fcontext|console\.|Console\.|import i?pdb|i?pdb|pudb|wdb|breakpoint|binding\.|byebug|var_dump|dd\(|xdebug|spew|runtime\.B|F[IDCW]|require|IEx|dbg\(|print|puts|p\b|eprint|fmt\.P|NSLog|log\.P|fprint|std::c)",
    )
    .expect("the pattern is fixed")
});

fn may_match(text: &[u8], extension: &str) -> bool {
    static DBG: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("dbg!("));
    static ONLY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(".only("));
    let inside = match extension {
        "rs" => DBG.find(text).is_some(),
        extension if JS.contains(&extension) => ONLY.find(text).is_some(),
        _ => false,
    };
    inside || START.is_match(text)
}

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    for file in &scope.files {
        if file.foreign || is_fixture(&file.lower) {
            continue;
        }
        let extension = file.extension();
        let mine: Vec<usize> = (0..LEFTOVERS.len())
            .filter(|index| LEFTOVERS[*index].extensions.contains(&extension))
            .collect();
        if mine.is_empty() {
            continue;
        }
        let mut consoles = Vec::new();
        for (number, text) in &file.added {
            if text.len() > 2000 || !may_match(text, extension) || is_comment(text) {
                continue;
            }
            let Some(index) = mine.iter().find(|index| PATTERNS[**index].is_match(text)) else {
                continue;
            };
            let what = LEFTOVERS[*index].what;
            let hit = hit(file, *number, text, what);
            match what {
                What::Console => consoles.push(hit),
                What::Focus if !file.test => {}
                _ => hits.push(hit),
            }
        }
        if (1..=3).contains(&consoles.len()) && !speaks_to_console(scope, file) {
            hits.append(&mut consoles);
        }
    }
}

fn hit(file: &File<'_>, number: u32, text: &[u8], what: What) -> Hit {
    let (severity, confidence, title, body) = match what {
        What::Breakpoint => (
            Severity::Medium,
            0.95,
            "Breakpoint left in the code",
            "The program stops here, or fails where no debugger is attached. Delete the line.",
        ),
        What::Dump => (
            Severity::Low,
            if file.test { 0.5 } else { 0.85 },
            "Debug output left in the code",
            "It looks like a print from debugging. Delete it, or log it with a level and a text \
that helps whoever reads the log.",
        ),
        What::Focus => (
            Severity::Medium,
            0.95,
            "Focused test keeps the others from running",
            "With this mark only the focused tests run, and the suite is green without having run \
the rest.",
        ),
        What::Console => (
            Severity::Info,
            0.6,
            "Console output in application code",
            "Nothing else in this file writes to the console, so this looks like a leftover from \
debugging. Delete it or use the project's logger.",
        ),
    };
    let text = text.to_str_lossy();
    let text = text.trim_end_matches('\r');
    let fix = match what {
        What::Breakpoint => Some(String::new()),
        What::Focus if text.contains(".only(") => Some(text.replacen(".only(", "(", 1)),
        _ => None,
    };
    Hit::on_line(file.index, Side::New, number, severity, title.to_owned())
        .confidence(confidence)
        .body(body)
        .replacement(fix)
}

/// Whether the file, or the place it lies in, prints by trade.
fn speaks_to_console(scope: &Scope<'_>, file: &File<'_>) -> bool {
    const TALKERS: &[&str] = &[
        "script",
        "bin/",
        "cli",
        "tool",
        "build",
        "config",
        "gulp",
        "webpack",
        "vite",
        "server",
        "example",
        "demo",
        "bench",
        "log",
        "debug",
        "playground",
        "action",
        "codemod",
        "migrat",
        "seed",
        "worker",
        "command",
        "console",
    ];
    if file.test || file.docs || TALKERS.iter().any(|part| file.lower.contains(part)) {
        return true;
    }
    let uses = |text: &[u8]| text.contains_str("console.");
    let others =
        |line: crate::diff::NumberedLine<'_>| line.kind != LineKind::Added && uses(line.text);
    if file.diff.lines().any(others) {
        return true;
    }
    match (scope.subject.new)(file.diff) {
        Some(text) => {
            let added: std::collections::HashSet<u32> =
                file.added.iter().map(|(number, _)| *number).collect();
            text.starts_with(b"#!")
                || text
                    .lines()
                    .zip(1u32..)
                    .any(|(line, number)| uses(line) && !added.contains(&number))
        }
        // What the rest of the file does is not known.
        None => file.diff.old_path.is_some(),
    }
}

fn is_fixture(lower: &str) -> bool {
    ["fixture", "testdata", "test-data", "snapshot", "corpus", "/cases/", "golden"]
        .iter()
        .any(|part| lower.contains(part))
}

fn is_comment(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    [&b"//"[..], b"#", b"*", b"/*", b"<!--", b"--"].iter().any(|open| text.starts_with(open))
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::{added, found, found_edit};

    #[track_caller]
    fn check(path: &str, line: &str, title: &str) {
        let found = found("debug-leftovers", &added(path, line));
        assert_eq!(found.first().map_or("", |f| f.title.as_str()), title, "{path}: {line}");
    }

    #[test]
    fn breakpoints_are_found_with_their_deletion() {
        let title = "Breakpoint left in the code";
        check("src/a.ts", "  debugger;", title);
        check("a.py", "    breakpoint()", title);
        check("a.py", "    import pdb; pdb.set_trace()", title);
        check("tests/test_a.py", "    ipdb.set_trace()  # x", title);
        check("a.rb", "  binding.pry", title);
        check("a.ex", "  require IEx; IEx.pry", title);
        check("a.cs", "  Debugger.Break();", title);
        let found = found("debug-leftovers", &added("a.py", "breakpoint()"));
        assert_eq!(found[0].suggestion.as_ref().unwrap().replacement, "");
    }

    #[test]
    fn dumps_are_found() {
        let title = "Debug output left in the code";
        check("src/a.rs", "    let x = dbg!(y);", title);
        check("a.php", "    var_dump($x);", title);
        check("a.go", "\tfmt.Println(\"DEBUG\", x)", title);
        check("a.py", "    print(f\"HERE {x}\")", title);
        check("A.java", "  System.out.println(\"XXX \" + a);", title);
        check("a.c", "  fprintf(stderr, \"DEBUG %d\", a);", title);
    }

    #[test]
    fn focused_tests_are_found_in_tests() {
        let title = "Focused test keeps the others from running";
        check("src/a.test.ts", "  it.only('x', () => {", title);
        check("src/a.spec.js", "fdescribe('x', () => {", title);
        check("a_test.go", "\tFIt(\"x\", func() {", title);
        check("src/a.ts", "  model.fit(x)", "");
        check("src/a.ts", "fit(x)", "");
        let found = found("debug-leftovers", &added("a.test.ts", " it.only('x', f);"));
        assert_eq!(found[0].suggestion.as_ref().unwrap().replacement, " it('x', f);");
    }

    #[test]
    fn talk_by_trade_is_left_alone() {
        check("src/a.py", "print('done')", "");
        check("src/a.rs", "/// dbg!(x)", "");
        check("src/a.rs", "let s = \"dbg!(x)\";", "");
        check("src/a.rs", "println!(\"{x}\");", "");
        check("src/a.py", "# breakpoint()", "");
        check("tests/fixtures/a.py", "breakpoint()", "");
        check("scripts/a.js", "console.log(1);", "");
        check("src/a.js", "const debugger_url = 1;", "");
        check("vendor/a.js", "debugger;", "");
    }

    #[test]
    fn console_counts_only_where_nothing_else_uses_it() {
        let count =
            |old: &str, new: &str| found_edit("debug-leftovers", "src/a.ts", old, new).len();
        assert_eq!(count("a\n", "a\nconsole.log(x);\n"), 1);
        assert_eq!(count("console.warn(1)\na\n", "console.warn(1)\na\nconsole.log(x);\n"), 0);
        let unseen = "--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,1 +1,2 @@\n a\n+console.log(1);\n";
        assert!(found("debug-leftovers", unseen).is_empty());
    }
}
