//! The comment, part by part.

use std::fmt::Write as _;

use super::{Group, Most, Row, Shown, is_turning};
use crate::publish::wording;
use crate::redact::{ForgeHost, Scrubber};

/// Longest reason in a list, in characters.
const MOST_REASON: usize = 600;
/// Most rejected tests that are listed.
const MOST_REJECTED: usize = 30;

pub(super) struct Page<'a, 'b> {
    pub(super) shown: &'b Shown<'a>,
    pub(super) most: Most,
    pub(super) scrubber: &'b Scrubber,
    pub(super) host: &'b ForgeHost,
}

impl Page<'_, '_> {
    pub(super) fn render(&self) -> String {
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
