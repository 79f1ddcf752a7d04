//! New tests as people read them: what is suspected, what is proven and by what, what is
//! only shown, and what no test guards.

use std::fmt::Write as _;

use super::wording;
use crate::redact::{ForgeHost, Scrubber};

/// Longest comment, in bytes: a host takes 65,536 characters, of which the marker
/// needs some.
const MOST_COMMENT: usize = 62_000;
/// Longest reason in a list, in characters.
const MOST_REASON: usize = 600;
/// Most rejected tests that are listed.
const MOST_REJECTED: usize = 30;

/// What became of a test, in the order in which people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// It fails on the change: a person has to look.
    Suspected,
    /// It is shown to guard something.
    Proven,
    /// It holds, and guards nothing that could be shown.
    CoverageOnly,
    /// It does not hold.
    Rejected,
}

/// One thing that was run. Texts are untrusted.
#[derive(Debug, Clone, Default)]
pub struct Ran<'a> {
    /// `head`, `base`, `mutant …`, `stripped …`.
    pub on: &'a str,
    /// For a shell.
    pub command: &'a str,
    /// What it came to.
    pub outcome: &'a str,
    /// Whether a patch has to be applied first.
    pub is_patched: bool,
}

/// A test. Texts are untrusted.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// As the runner prints it.
    pub name: &'a str,
    /// Its file.
    pub path: &'a str,
    /// Where it belongs.
    pub group: Group,
    /// `proven-base`, …
    pub verdict: &'a str,
    /// What it guards, in the model's words.
    pub guards: &'a str,
    /// Why the verdict.
    pub reason: &'a str,
    /// What was run.
    pub ran: Vec<Ran<'a>>,
    /// A unified diff of this test alone; may be empty.
    pub diff: &'a str,
}

/// A function that lacks something. Texts are untrusted.
#[derive(Debug, Clone, Default)]
pub struct Open<'a> {
    /// Its name.
    pub function: &'a str,
    /// Its file.
    pub path: &'a str,
    /// Its first line.
    pub line: u32,
    /// Changed lines that no test reaches; `None` where coverage is not known.
    pub unreached: Option<&'a [u32]>,
    /// Small changes of the code that no test notices: line, and which.
    pub lives: Vec<(u32, &'a str)>,
    /// How many such changes were tried.
    pub tried: usize,
}

/// All that is shown. Texts are untrusted but for `done`.
#[derive(Debug, Clone, Default)]
pub struct Shown<'a> {
    /// How many functions changed.
    pub changed: usize,
    /// How many tests were proposed.
    pub proposed: usize,
    /// Those that are shown, group by group.
    pub rows: Vec<Row<'a>>,
    /// Functions that lack something, the riskiest first.
    pub open: Vec<Open<'a>>,
    /// Changed files that no test can be written for, and why.
    pub untestable: Vec<(&'a str, &'a str)>,
    /// A unified diff of the accepted tests.
    pub diff: &'a str,
    /// What was done with them, as Markdown of ours; may be empty.
    pub done: &'a str,
    /// What the reader has to know, one sentence each.
    pub notes: Vec<&'a str>,
    /// `offline`, or the model's name.
    pub model: &'a str,
    /// What it took: requests and dollars.
    pub spent: (u64, f64),
}

/// How much is shown at most.
#[derive(Clone, Copy)]
struct Most {
    rows: usize,
    open: usize,
    /// Bytes of the accepted diff.
    diff: usize,
    /// Bytes of one further test.
    one: usize,
    commands: bool,
}

/// As Markdown below a heading, in as much as a comment takes.
pub fn markdown(shown: &Shown<'_>, scrubber: &Scrubber, host: &ForgeHost) -> String {
    let full = Most { rows: 60, open: 30, diff: 30_000, one: 4_000, commands: true };
    let steps = [
        full,
        Most { one: 0, ..full },
        Most { one: 0, commands: false, ..full },
        Most { one: 0, commands: false, diff: 0, ..full },
        Most { rows: 20, open: 10, diff: 0, one: 0, commands: false },
        Most { rows: 5, open: 3, diff: 0, one: 0, commands: false },
        Most { rows: 1, open: 1, diff: 0, one: 0, commands: false },
    ];
    let mut text = String::new();
    for most in steps {
        text = Page { shown, most, scrubber, host }.render();
        if text.len() <= MOST_COMMENT {
            break;
        }
    }
    text
}

struct Page<'a, 'b> {
    shown: &'b Shown<'a>,
    most: Most,
    scrubber: &'b Scrubber,
    host: &'b ForgeHost,
}

impl Page<'_, '_> {
    fn render(&self) -> String {
        let Page { shown, .. } = self;
        let mut out = format!("### Tests\n\n{}\n", self.verdict());
        if !shown.done.is_empty() {
            let _ = write!(out, "\n{}\n", shown.done);
        }
        self.suspected(&mut out);
        self.proven(&mut out);
        self.only_shown(&mut out);
        self.rejected(&mut out);
        self.gap(&mut out);
        for note in &shown.notes {
            let _ = write!(out, "\n{}\n", self.line(note));
        }
        if shown.model != "offline" {
            let _ = write!(
                out,
                "\n<sub>{} · {} · {}</sub>\n",
                self.line(shown.model),
                wording::plural(usize::try_from(shown.spent.0).unwrap_or(0), "request"),
                wording::dollars(shown.spent.1),
            );
        }
        out
    }

    /// What there is, in one line.
    fn verdict(&self) -> String {
        let shown = self.shown;
        if shown.changed == 0 && shown.rows.is_empty() {
            return "The change alters no function that a test could guard.".to_owned();
        }
        let mut text = format!(
            "{} changed, {} with something that no test would notice.",
            wording::plural(shown.changed, "function"),
            shown.open.len(),
        );
        let proven = self.of(Group::Proven).count();
        if shown.model == "offline" {
            text += " No model was asked: this is the gap, no test was written.";
        } else {
            let all = wording::plural(shown.proposed, "proposed test");
            let _ = write!(text, " {proven} of {all} proven.");
        }
        text
    }

    fn of(&self, group: Group) -> impl Iterator<Item = &Row<'_>> {
        self.shown.rows.iter().filter(move |row| row.group == group)
    }

    /// Untrusted text as one line of Markdown, in a table too.
    fn line(&self, text: &str) -> String {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = crate::redact::shorten(&self.scrubber.scrub(&line), MOST_REASON).into_owned();
        let line = line.trim_start_matches(['#', '>', '-', '+', '*', '=', '~', ' ']);
        self.scrubber.sanitize_markdown(line, self.host).replace('|', "\\|")
    }

    fn code(&self, text: &str) -> String {
        let line = self.scrubber.sanitize_line(text);
        wording::code(&crate::redact::shorten(&line, 300))
    }

    fn name(&self, row: &Row<'_>) -> String {
        format!("{}<br>{}", self.code(row.name), self.code(row.path))
    }

    /// What the runs came to, in a few words.
    fn evidence(&self, row: &Row<'_>) -> String {
        let ran = row.ran.iter().filter(|ran| !ran.on.starts_with("stripped"));
        let told: Vec<String> =
            ran.map(|ran| format!("{}: {}", self.line(ran.on), self.line(ran.outcome))).collect();
        told.join("<br>")
    }

    fn table(&self, out: &mut String, head: &str, rows: &[&Row<'_>], cells: &[Cell]) {
        let _ = writeln!(out, "\n{head}\n|{}", "---|".repeat(cells.len()));
        for row in rows.iter().take(self.most.rows) {
            out.push('|');
            for cell in cells {
                let text = match cell {
                    Cell::Name => self.name(row),
                    Cell::Guards => self.line(row.guards),
                    Cell::Evidence => self.evidence(row),
                    Cell::Verdict => format!("**{}** {}", row.verdict, self.line(row.reason)),
                };
                let _ = write!(out, " {text} |");
            }
            out.push('\n');
        }
        if rows.len() > self.most.rows {
            let _ = writeln!(out, "\nand {} more", rows.len() - self.most.rows);
        }
    }

    fn suspected(&self, out: &mut String) {
        let rows: Vec<&Row<'_>> = self.of(Group::Suspected).collect();
        if rows.is_empty() {
            return;
        }
        let (these, they) = match rows.len() {
            1 => ("This test expects", "It is committed nowhere"),
            _ => ("These tests expect", "They are committed nowhere"),
        };
        let _ = writeln!(
            out,
            "\n#### ⚠️ {}\n\n{these} what the change seems to promise, and the change does \
             otherwise, each time. Either the code is wrong or the expectation is. {they}: a \
             person has to look.",
            wording::plural(rows.len(), "suspected bug"),
        );
        let cells = [Cell::Name, Cell::Guards, Cell::Evidence, Cell::Verdict];
        self.table(out, "| test | what it expects | evidence | verdict |", &rows, &cells);
        self.each(out, "that show it", &rows);
    }

    fn proven(&self, out: &mut String) {
        let rows: Vec<&Row<'_>> = self.of(Group::Proven).collect();
        if rows.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n#### {}", wording::plural(rows.len(), "proven test"));
        let cells = [Cell::Name, Cell::Guards, Cell::Evidence, Cell::Verdict];
        self.table(out, "| test | what it guards | evidence | verdict |", &rows, &cells);
        let diff = self.shown.diff;
        if !diff.is_empty() {
            match self.fenced("diff", diff, self.most.diff) {
                Ok(fenced) => fold(out, "The accepted tests as a diff", &fenced),
                Err(why) => {
                    let _ = writeln!(out, "\n_The diff is left out: {why}._");
                }
            }
        }
        if self.most.commands {
            self.commands(out, &rows);
        }
    }

    /// What to type to see the proofs again.
    fn commands(&self, out: &mut String, rows: &[&Row<'_>]) {
        let mut text = String::new();
        let mut is_patched = false;
        for row in rows.iter().take(self.most.rows) {
            if row.ran.is_empty() {
                continue;
            }
            let _ = writeln!(text, "# {}", self.plain(row.name));
            for ran in &row.ran {
                let (on, outcome) = (self.plain(ran.on), self.plain(ran.outcome));
                let mark = if ran.is_patched { " (patched)" } else { "" };
                is_patched |= ran.is_patched;
                let command = self.scrubber.sanitize_code(&ran.command.replace(['\n', '\r'], " "));
                let _ = writeln!(text, "# on {on}{mark}: {outcome}\n{command}");
            }
            text.push('\n');
        }
        let Ok(fenced) = self.fenced("sh", text.trim_end(), 20_000) else { return };
        if text.is_empty() {
            return;
        }
        let patched = match is_patched {
            true => {
                "What is marked as patched takes the patch that the JSON result has beside it.\n\n"
            }
            false => "",
        };
        fold(out, "Commands that prove them", &format!("{patched}{fenced}"));
    }

    /// Untrusted text in a comment of a shell.
    fn plain(&self, text: &str) -> String {
        let text = self.scrubber.sanitize_line(text);
        crate::redact::shorten(&text, 300).into_owned()
    }

    fn only_shown(&self, out: &mut String) {
        let rows: Vec<&Row<'_>> = self.of(Group::CoverageOnly).collect();
        if rows.is_empty() {
            return;
        }
        let mut text = String::from(
            "They pass and reach the change, but no break of it that was tried makes them fail. \
             They are committed nowhere.\n",
        );
        let cells = [Cell::Name, Cell::Guards, Cell::Evidence, Cell::Verdict];
        self.table(
            &mut text,
            "| test | what it means to guard | evidence | verdict |",
            &rows,
            &cells,
        );
        self.bodies(&mut text, &rows);
        let count = wording::plural(rows.len(), "test");
        fold(out, &format!("{count} not proven to guard anything (coverage only)"), &text);
    }

    /// The tests themselves, in a fold.
    fn each(&self, out: &mut String, what: &str, rows: &[&Row<'_>]) {
        let mut text = String::new();
        self.bodies(&mut text, rows);
        if !text.trim().is_empty() {
            fold(out, &format!("The tests {what}"), &text);
        }
    }

    fn bodies(&self, out: &mut String, rows: &[&Row<'_>]) {
        for row in rows.iter().take(self.most.rows) {
            if let Ok(fenced) = self.fenced("diff", row.diff, self.most.one)
                && !row.diff.is_empty()
            {
                let _ = write!(out, "\n{fenced}\n");
            }
        }
    }

    fn rejected(&self, out: &mut String) {
        let rows: Vec<&Row<'_>> = self.of(Group::Rejected).collect();
        if rows.is_empty() {
            return;
        }
        let mut text = String::new();
        let most = MOST_REJECTED.min(self.most.rows);
        for row in rows.iter().take(most) {
            let _ = writeln!(text, "- {}: {}", self.code(row.name), self.line(row.reason));
        }
        if rows.len() > most {
            let _ = writeln!(text, "- and {} more", rows.len() - most);
        }
        fold(out, &format!("{} rejected", wording::plural(rows.len(), "test")), &text);
    }

    fn gap(&self, out: &mut String) {
        let shown = self.shown;
        if shown.open.is_empty() && shown.untestable.is_empty() {
            return;
        }
        let mut text = String::new();
        if !shown.open.is_empty() {
            text.push_str(
                "\n| function | lines that no test reaches | small breaks that no test notices |\n\
                 |---|---|---|\n",
            );
        }
        for open in shown.open.iter().take(self.most.open) {
            let lives = open
                .lives
                .iter()
                .take(3)
                .map(|(line, change)| format!("line {line}: {}", self.line(change)));
            let mut lives: Vec<String> = lives.collect();
            if open.lives.len() > 3 {
                lives.push(format!("and {} more", open.lives.len() - 3));
            }
            let lives = match open.tried {
                0 => "none was tried".to_owned(),
                tried => {
                    let all = format!("{} of {tried}", open.lives.len());
                    std::iter::once(all).chain(lives).collect::<Vec<_>>().join("<br>")
                }
            };
            let _ = writeln!(
                text,
                "| {}<br>{} | {} | {lives} |",
                self.code(open.function),
                self.code(&format!("{}:{}", open.path, open.line)),
                match open.unreached {
                    None => "not measured".to_owned(),
                    Some([]) => "none".to_owned(),
                    Some(lines) => wording::ranges(lines, 8),
                },
            );
        }
        if shown.open.len() > self.most.open {
            let _ = writeln!(text, "\nand {} more", shown.open.len() - self.most.open);
        }
        if !shown.untestable.is_empty() {
            text.push('\n');
        }
        for (path, reason) in shown.untestable.iter().take(self.most.open) {
            let _ = writeln!(text, "- {}: {}", self.code(path), self.line(reason));
        }
        // With nothing else to read the gap is what the comment is for.
        let offline = shown.rows.is_empty();
        let head = "What no test guarded before";
        match offline {
            true => out.push_str(&text),
            false => fold(out, head, &text),
        }
    }

    /// Text in a fence that it cannot close.
    ///
    /// # Errors
    /// It may not be shown; why.
    fn fenced(&self, kind: &str, text: &str, most: usize) -> Result<String, &'static str> {
        if self.scrubber.scrub(text) != text
            || crate::redact::orders_bots(text)
            || text.contains(is_turning)
        {
            return Err("it holds a secret, a hidden character, or a line that reads like an \
                        order to a bot");
        }
        if text.len() > most {
            return Err("it is too long for a comment");
        }
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat((longest + 1).max(3));
        Ok(format!("{fence}{kind}\n{}\n{fence}", text.trim_end_matches('\n')))
    }
}

enum Cell {
    Name,
    Guards,
    Evidence,
    Verdict,
}

fn fold(out: &mut String, summary: &str, text: &str) {
    let text = text.trim_matches('\n');
    let _ = write!(out, "\n<details><summary>{summary}</summary>\n\n{text}\n\n</details>\n");
}

/// Characters that turn the direction of what follows: with them, code reads otherwise
/// than it runs. <https://trojansource.codes>
pub fn is_turning(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran<'a>(on: &'a str, outcome: &'a str) -> Ran<'a> {
        let command = "python3 -m unittest test_price.Price.test_free | tail -n 1";
        Ran { on, command, outcome, is_patched: on.starts_with("mutant") }
    }

    fn row(group: Group) -> Row<'static> {
        let (verdict, reason, ran) = match group {
            Group::Suspected => (
                "suspected-bug",
                "It fails on the head each time: `0 != 5`.",
                vec![ran("head", "failed 5 of 5")],
            ),
            Group::Proven => (
                "proven-base",
                "It fails by assertion without the change.",
                vec![
                    ran("head", "passed 5 of 5"),
                    ran("base", "failed by assertion 2 of 2"),
                    ran("stripped, base", "passed 2 of 2"),
                ],
            ),
            Group::CoverageOnly => (
                "coverage-only",
                "No mutant that lives makes it fail.",
                vec![ran("head", "passed 5 of 5")],
            ),
            Group::Rejected => ("rejected", "It sleeps (line 3).", Vec::new()),
        };
        Row {
            name: "test_price.Price.test_free",
            path: "test_price.py",
            group,
            verdict,
            guards: "Orders from 50 on are free.",
            reason,
            ran,
            diff: "--- a/test_price.py\n+++ b/test_price.py\n@@ -1 +1,2 @@\n a\n+b\n",
        }
    }

    const DIFF: &str = "--- a/test_price.py\n+++ b/test_price.py\n@@ -1 +1,2 @@\n a\n+b\n";

    fn text(shown: &Shown<'_>) -> String {
        let host = ForgeHost::new("https://github.com", "acme/widgets");
        markdown(shown, &Scrubber::default(), &host)
    }

    fn shown<'a>(rows: Vec<Row<'a>>) -> Shown<'a> {
        Shown {
            changed: 2,
            proposed: rows.len(),
            rows,
            open: vec![
                Open {
                    function: "Cart.price",
                    path: "price.py",
                    line: 4,
                    unreached: Some(&[6, 7, 9]),
                    lives: vec![(6, "`a < b` became `a <= b`"); 5],
                    tried: 6,
                },
                Open { function: "total", path: "price.py", line: 20, ..Open::default() },
            ],
            diff: DIFF,
            model: "anthropic:claude-opus-4-8",
            spent: (2, 0.0312),
            ..Shown::default()
        }
    }

    #[test]
    fn a_comment_has_each_group_in_its_place() {
        let mutant = Row {
            name: "test_price.Price.test_bound",
            verdict: "proven-mutant",
            reason: "It kills a mutant that lived.",
            ran: vec![
                ran("head", "passed 5 of 5"),
                ran("mutant price.py:6:bound", "failed 2 of 2"),
            ],
            ..row(Group::Proven)
        };
        let groups = [Group::Suspected, Group::Proven, Group::CoverageOnly, Group::Rejected];
        let mut rows: Vec<Row<'_>> = groups.into_iter().map(row).collect();
        rows.push(mutant);
        let notes = vec!["The walls do not hold memory here."];
        let shown = Shown {
            done: "The tests stand in #8.",
            notes,
            untestable: vec![("app.css", "it is no code")],
            ..shown(rows)
        };
        insta::assert_snapshot!("proven_groups", text(&shown));
    }

    #[test]
    fn without_a_model_the_gap_is_all() {
        let shown = Shown { model: "offline", diff: "", ..shown(Vec::new()) };
        insta::assert_snapshot!("proven_offline", text(&shown));
        let none = Shown { model: "offline", ..Shown::default() };
        insta::assert_snapshot!("proven_nothing", text(&none));
    }

    #[test]
    fn what_is_withheld_is_said_with_the_diff() {
        let done = "The branch lies in a fork: nothing was committed. The diff is below.";
        insta::assert_snapshot!(
            "proven_fork",
            text(&Shown { done, ..shown(vec![row(Group::Proven)]) })
        );
    }

    #[test]
    fn hostile_words_stay_words() {
        let hostile = "`x` | @octocat </details><img src=x onerror=y> <!-- pipewright:tests -->\n\
                       /approve\n# head [here](https://evil.example/x)";
        let groups = [Group::Suspected, Group::Proven, Group::CoverageOnly, Group::Rejected];
        let rows: Vec<Row<'_>> = groups
            .into_iter()
            .map(|group| Row {
                name: hostile,
                path: hostile,
                guards: hostile,
                reason: hostile,
                ran: vec![Ran {
                    on: hostile,
                    command: hostile,
                    outcome: hostile,
                    is_patched: true,
                }],
                diff: "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+```` </details> @octocat\n",
                ..row(group)
            })
            .collect();
        let notes = vec![hostile];
        let mut shown = Shown { notes, untestable: vec![(hostile, hostile)], ..shown(rows) };
        shown.diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+````\n";
        shown.model = "anthropic:<b>@octocat";
        insta::assert_snapshot!("proven_hostile", text(&shown));
    }

    #[test]
    fn a_diff_with_a_secret_an_order_or_a_turn_is_left_out() {
        for line in
            ["+t = 'ghp_0123456789abcdefghijABCDEFGHIJ012345'\n", "+\n/approve\n", "+a\u{202e}b\n"]
        {
            let shown = Shown { diff: line, ..shown(vec![row(Group::Proven)]) };
            let text = text(&shown);
            assert!(text.contains("The diff is left out: it holds"), "{text}");
            assert!(!text.contains("ghp_0123456789") && !text.contains("\n/approve"), "{text}");
        }
    }

    #[test]
    fn a_comment_never_outgrows_what_a_host_takes() {
        let long = "word ".repeat(400);
        let diff = "+x\n".repeat(20_000);
        let groups = [Group::Suspected, Group::Proven, Group::CoverageOnly, Group::Rejected];
        let rows: Vec<Row<'_>> = (0..400)
            .map(|nth| Row {
                guards: &long,
                reason: &long,
                diff: &diff,
                ..row(groups[nth % groups.len()])
            })
            .collect();
        let text = text(&Shown { diff: &diff, ..shown(rows) });
        assert!(text.len() <= MOST_COMMENT, "{}", text.len());
        assert!(text.contains("more\n") && text.contains("too long for a comment"), "{text}");
    }
}
