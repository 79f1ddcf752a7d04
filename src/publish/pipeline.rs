//! Pipeline changes as people read them: in a terminal and as Markdown.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::terminal::{Options, wrap};
use super::wording;
use crate::redact::{ForgeHost, Scrubber};

/// A file with what is done to it. Texts are untrusted.
#[derive(Debug, Clone, Default)]
pub struct File<'a> {
    /// Its name.
    pub path: &'a str,
    /// Why it was not read, where it was not.
    pub reason: Option<&'a str>,
    /// What all changes save together, in words.
    pub saving: Option<String>,
    /// What is changed.
    pub changes: Vec<Row<'a>>,
    /// What a person has to decide.
    pub suggestions: Vec<Row<'a>>,
    /// What could not be proven: rule, line and reason.
    pub withheld: Vec<(&'a str, u32, &'a str)>,
    /// Its diff.
    pub diff: &'a str,
}

/// A change or a suggestion.
#[derive(Debug, Clone, Default)]
pub struct Row<'a> {
    /// The rule.
    pub rule: &'a str,
    /// What is wrong, in one line.
    pub title: &'a str,
    /// Where.
    pub line: u32,
    /// Why, and what to do.
    pub why: &'a str,
    /// What it saves, in words.
    pub saving: Option<String>,
    /// What was checked.
    pub proof: &'a [String],
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Columns before a row's text.
const INDENT: usize = 12;
/// Longest diff in a comment, in bytes: a comment takes 65,536 characters.
const MOST_DIFF: usize = 30_000;
/// Most rows of a table in a comment.
const MOST_ROWS: usize = 60;

/// For a terminal, with a line feed at its end. `applied` says whether the files
/// were written.
pub fn terminal(
    files: &[File<'_>],
    applied: bool,
    options: Options,
    scrubber: &Scrubber,
) -> String {
    let width = options.width.clamp(40, 120);
    let paint = |style: Style, text: &str| match options.color {
        true => format!("{style}{text}{style:#}"),
        false => text.to_owned(),
    };
    let line = |text: &str| scrubber.sanitize_line(text);
    let mut out = String::new();
    for file in files {
        let silent = file.changes.is_empty()
            && file.suggestions.is_empty()
            && file.withheld.is_empty()
            && file.reason.is_none();
        if silent {
            continue;
        }
        let _ = writeln!(out, "{}", paint(BOLD, &line(file.path)));
        if let Some(reason) = file.reason {
            let _ = writeln!(out, "  {}", line(reason));
        }
        let groups = [
            (if applied { "changed" } else { "change" }, GREEN, &file.changes),
            ("suggested", YELLOW, &file.suggestions),
        ];
        for (word, style, rows) in groups {
            for row in rows {
                let mut title = wrap(&line(row.title), width - INDENT).into_iter();
                let _ = writeln!(
                    out,
                    "\n  {}{}{}",
                    paint(style, word),
                    " ".repeat(INDENT - 2 - word.len()),
                    paint(BOLD, &title.next().unwrap_or_default()),
                );
                let mut rest: Vec<String> = title.map(|more| paint(BOLD, &more)).collect();
                let saving =
                    row.saving.as_ref().map(|saving| format!(" · {saving}")).unwrap_or_default();
                let place = format!("line {} · {}{saving}", row.line, line(row.rule));
                rest.extend(wrap(&place, width - INDENT).iter().map(|text| paint(DIM, text)));
                rest.extend(wrap(&line(row.why), width - INDENT));
                for more in rest {
                    let _ = writeln!(out, "{}{more}", " ".repeat(INDENT));
                }
            }
        }
        for (rule, at, reason) in &file.withheld {
            let text = format!("{} at line {at}: {}", line(rule), line(reason));
            let mut lines = wrap(&text, width - INDENT).into_iter();
            let _ = writeln!(
                out,
                "\n  {}  {}",
                paint(RED, "withheld"),
                lines.next().unwrap_or_default()
            );
            for more in lines {
                let _ = writeln!(out, "{}{more}", " ".repeat(INDENT));
            }
        }
        if !file.diff.is_empty() {
            out.push('\n');
            for text in scrubber.scrub(file.diff).lines() {
                let shown = scrubber_visible(text);
                let painted = match text.as_bytes().first() {
                    Some(b'+') if !text.starts_with("+++ ") => paint(GREEN, &shown),
                    Some(b'-') if !text.starts_with("--- ") => paint(RED, &shown),
                    Some(b'@') => paint(CYAN, &shown),
                    _ => shown,
                };
                let _ = writeln!(out, "  {painted}");
            }
        }
        out.push('\n');
    }
    out += &paint(BOLD, &verdict(files, applied));
    out.push('\n');
    crate::redact::break_commands(&out).into_owned()
}

/// A line of a file without what a terminal would obey.
fn scrubber_visible(text: &str) -> String {
    text.chars()
        .filter(|c| *c == '\t' || !(c.is_control() || crate::redact::is_invisible(*c)))
        .collect()
}

/// The result in one line, for whoever runs the program by hand.
pub fn verdict(files: &[File<'_>], applied: bool) -> String {
    let mut text = counted(files, applied);
    if !applied && files.iter().any(|file| !file.changes.is_empty()) {
        text.pop();
        text += ". `--apply` writes them.";
    }
    text
}

/// What there is, in one line.
fn counted(files: &[File<'_>], applied: bool) -> String {
    let changes: usize = files.iter().map(|file| file.changes.len()).sum();
    let changed = files.iter().filter(|file| !file.changes.is_empty()).count();
    let suggestions: usize = files.iter().map(|file| file.suggestions.len()).sum();
    let withheld: usize = files.iter().map(|file| file.withheld.len()).sum();
    let mut text = match changes {
        0 => format!("Nothing to change in {}", wording::plural(files.len(), "pipeline file")),
        _ => format!(
            "{} in {}{}",
            wording::plural(changes, "proven change"),
            wording::plural(changed, "file"),
            if applied { ", written" } else { "" }
        ),
    };
    if suggestions > 0 {
        let _ = write!(text, "; {} for a person", wording::plural(suggestions, "suggestion"));
    }
    if withheld > 0 {
        let _ = write!(text, "; {withheld} withheld");
    }
    text + "."
}

/// What a comment says beside the table. Texts are untrusted but for `done`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// What the platform would refuse: file, line, what is wrong.
    pub problems: &'a [(&'a str, u32, &'a str)],
    /// What was done about the changes, as Markdown of ours; may be empty.
    pub done: &'a str,
    /// What the reader has to know, one sentence each.
    pub notes: &'a [String],
}

/// Longest comment, in bytes: a host takes 65,536 characters, of which the marker
/// and the heading need some.
const MOST_COMMENT: usize = 62_000;

/// As a comment on a change: what [`markdown`] says, with what stands beside it, in
/// as many rows as a comment takes.
pub fn comment(
    files: &[File<'_>],
    beside: &Beside<'_>,
    scrubber: &Scrubber,
    host: &ForgeHost,
) -> String {
    let mut text = String::new();
    for (rows, diff) in [(MOST_ROWS, MOST_DIFF), (MOST_ROWS, 0), (30, 0), (15, 0), (8, 0), (3, 0)] {
        let most = Most { rows, diff };
        text = body(files, &counted(files, false), Some(beside), most, scrubber, host);
        if text.len() <= MOST_COMMENT {
            break;
        }
    }
    text
}

#[derive(Clone, Copy)]
struct Most {
    rows: usize,
    diff: usize,
}

/// As Markdown: a table of rule, why, saving and proof, then the diff.
pub fn markdown(files: &[File<'_>], scrubber: &Scrubber, host: &ForgeHost) -> String {
    let most = Most { rows: MOST_ROWS, diff: MOST_DIFF };
    body(files, &verdict(files, false), None, most, scrubber, host)
}

fn body(
    files: &[File<'_>],
    verdict: &str,
    beside: Option<&Beside<'_>>,
    most: Most,
    scrubber: &Scrubber,
    host: &ForgeHost,
) -> String {
    let clean = |text: &str| {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        scrubber.sanitize_markdown(&line, host).replace('|', "\\|")
    };
    let code = |text: &str| wording::code(&scrubber.sanitize_line(text)).replace('|', "\\|");
    let mut out = String::new();
    let rows = |out: &mut String, head: &str, changes: bool| {
        let all: Vec<(&str, &Row<'_>)> = files
            .iter()
            .flat_map(|file| {
                let rows = if changes { &file.changes } else { &file.suggestions };
                rows.iter().map(|row| (file.path, row))
            })
            .collect();
        if all.is_empty() {
            return;
        }
        out.push_str(head);
        for (path, row) in all.iter().take(most.rows) {
            let proof = match row.proof {
                [] => String::new(),
                proof => format!(
                    "<details><summary>{} checks</summary>{}</details>",
                    proof.len(),
                    proof.iter().map(|said| clean(said)).collect::<Vec<_>>().join("<br>")
                ),
            };
            let _ = writeln!(
                out,
                "| {} | {} | **{}** {} | {} | {} |",
                code(row.rule),
                code(&format!("{path}:{}", row.line)),
                clean(row.title),
                clean(row.why),
                row.saving.as_deref().map(clean).unwrap_or_default(),
                proof,
            );
        }
        if all.len() > most.rows {
            let _ = writeln!(out, "\nand {} more", all.len() - most.rows);
        }
    };
    let _ = writeln!(out, "{verdict}");
    let Beside { problems, done, notes } = beside.copied().unwrap_or_default();
    if !done.is_empty() {
        let _ = writeln!(out, "\n{done}");
    }
    if !problems.is_empty() {
        out.push_str("\n**The platform would refuse or pass over this**\n\n");
    }
    for (path, line, what) in problems.iter().take(most.rows) {
        let place = code(&format!("{path}:{line}"));
        let _ = writeln!(out, "- {place}: {}", clean(what));
    }
    if problems.len() > most.rows {
        let _ = writeln!(out, "- and {} more", problems.len() - most.rows);
    }
    rows(
        &mut out,
        "\n| rule | where | why | estimated saving | proof |\n|---|---|---|---|---|\n",
        true,
    );
    for file in files {
        if let Some(saving) = &file.saving {
            let _ =
                writeln!(out, "\nAll changes of {} together: {}.", code(file.path), clean(saving));
        }
    }
    rows(
        &mut out,
        "\n**For a person to decide**\n\n| rule | where | what | estimated saving | |\n|---|---|---|---|---|\n",
        false,
    );
    let withheld: Vec<String> = files
        .iter()
        .flat_map(|file| {
            file.withheld.iter().map(|(rule, line, reason)| {
                format!(
                    "- {} at {}: {}\n",
                    code(rule),
                    code(&format!("{}:{line}", file.path)),
                    clean(reason)
                )
            })
        })
        .collect();
    if !withheld.is_empty() {
        let _ = write!(
            out,
            "\n**Withheld, since it could not be proven**\n\n{}",
            withheld.iter().take(most.rows).map(String::as_str).collect::<String>()
        );
        if withheld.len() > most.rows {
            let _ = writeln!(out, "- and {} more", withheld.len() - most.rows);
        }
    }
    for file in files.iter().filter(|file| file.reason.is_some()) {
        let reason = file.reason.unwrap_or_default();
        let _ = writeln!(out, "\n{} was not read: {}.", code(file.path), clean(reason));
    }
    for note in notes {
        let _ = writeln!(out, "\n{}", clean(note));
    }
    let diff: String = files.iter().map(|file| file.diff).collect();
    if !diff.is_empty() {
        let scrubbed = scrubber.scrub(&diff);
        if scrubbed != diff || crate::redact::orders_bots(&diff) {
            out += "\n_The diff is left out: it holds a secret, or a line that reads like an order to a bot._\n";
        } else if diff.len() > most.diff {
            out += "\n_The diff is left out: it is too long for a comment._\n";
        } else {
            let longest = diff.split(|c| c != '`').map(str::len).max().unwrap_or(0);
            let fence = "`".repeat((longest + 1).max(3));
            let _ = write!(
                out,
                "\n<details><summary>The diff</summary>\n\n{fence}diff\n{diff}{fence}\n\n</details>\n"
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment_of(files: &[File<'_>], beside: &Beside<'_>) -> String {
        let host = ForgeHost::new("https://github.com", "acme/widgets");
        comment(files, beside, &Scrubber::default(), &host)
    }

    fn row<'a>(title: &'a str, proof: &'a [String]) -> Row<'a> {
        Row {
            rule: "superseded-runs",
            title,
            line: 3,
            why: "Runs of older commits go on, and nobody reads them.",
            saving: Some("no wall time: not on the critical path, $0.012 a run (estimate)".into()),
            proof,
        }
    }

    #[test]
    fn a_comment_says_what_changes_why_and_what_shows_it() {
        let proof = ["The result reads.".to_owned(), "No job is lost.".to_owned()];
        let files = [
            File {
                path: ".github/workflows/ci.yml",
                saving: Some("12 s a run (0 s to 40 s; estimate)".to_owned()),
                changes: vec![row("Runs of `@octocat` | <img src=x>\nare not cancelled", &proof)],
                suggestions: vec![row("Job `test` has no time limit", &[])],
                withheld: vec![("rebuilt-image", 9, "a job would be lost")],
                diff: "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+```\n",
                ..File::default()
            },
            File { path: "old.yml", reason: Some("it has anchors in loops"), ..File::default() },
        ];
        let problems = [(".github/workflows/ci.yml", 4, "The key `stpes` is unknown")];
        let notes = ["The files beside the pipeline could not be listed.".to_owned()];
        let beside = Beside { problems: &problems, done: "Committed as `abc`.", notes: &notes };
        insta::assert_snapshot!("pipeline_comment", comment_of(&files, &beside));
    }

    #[test]
    fn a_comment_never_outgrows_what_a_host_takes() {
        let long = "word ".repeat(300);
        let proof: Vec<String> = (0..20).map(|n| format!("Check {n} holds.")).collect();
        let changes: Vec<Row<'_>> =
            (0..500).map(|_| Row { why: &long, ..row("T", &proof) }).collect();
        let diff = "+x\n".repeat(20_000);
        let withheld = (0..500).map(|_| ("rule", 1, long.as_str())).collect();
        let files = [File { path: "ci.yml", changes, withheld, diff: &diff, ..File::default() }];
        let text = comment_of(&files, &Beside::default());
        assert!(text.len() <= MOST_COMMENT, "{}", text.len());
        assert!(text.contains("more\n") && text.contains("too long for a comment"));
    }

    #[test]
    fn a_diff_with_a_secret_or_an_order_is_left_out() {
        for line in ["+token: ghp_0123456789abcdefghijABCDEFGHIJ012345\n", "+\n/approve\n"] {
            let files = [File { path: "ci.yml", diff: line, ..File::default() }];
            let text = comment_of(&files, &Beside::default());
            assert!(text.contains("The diff is left out") && !text.contains("```"), "{text}");
        }
    }
}
