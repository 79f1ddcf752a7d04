//! A review as a person reads it in a terminal (`--format text`).

use std::collections::HashMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::frame::{self, Edit, Index};
use super::wording;
use super::{View, assessment};
use crate::diff::Status;
use crate::finding::{Finding, Severity, Side};

/// How the terminal wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether to write ANSI colours.
    pub color: bool,
    /// Columns; at least 40 are used, at most 120 for prose.
    pub width: usize,
}

const MARGIN: &str = "  ";

/// The whole text, with a line feed at its end.
pub fn render(view: &View<'_>, options: Options) -> String {
    let page = Page {
        view,
        index: Index::new(view.change),
        color: options.color,
        width: options.width.clamp(40, 400),
    };
    let mut out = String::new();
    page.findings(&mut out);
    page.tests(&mut out);
    page.skipped(&mut out);
    page.notes(&mut out);
    page.verdict(&mut out);
    // Wrapping may bring a `::` to the start of a line.
    crate::redact::break_commands(&out).into_owned()
}

struct Page<'a> {
    view: &'a View<'a>,
    index: Index<'a>,
    color: bool,
    width: usize,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::Magenta.on_default().bold(),
        Severity::High => AnsiColor::Red.on_default().bold(),
        Severity::Medium => AnsiColor::Yellow.on_default().bold(),
        Severity::Low => AnsiColor::Blue.on_default().bold(),
        Severity::Info => AnsiColor::Cyan.on_default(),
    }
}

impl Page<'_> {
    fn paint(&self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    fn prose(&self) -> usize {
        self.width.min(120)
    }

    /// By file: the file with the worst finding first, the worst first in each.
    fn findings(&self, out: &mut String) {
        let mut groups: Vec<(&str, Vec<&Finding>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for finding in self.view.worst_first() {
            let at = *places.entry(&finding.path).or_insert(groups.len());
            match groups.get_mut(at) {
                Some((_, group)) => group.push(finding),
                None => groups.push((&finding.path, vec![finding])),
            }
        }
        for (path, findings) in groups {
            let _ = writeln!(out, "{}", self.paint(BOLD, &self.path(path, findings[0].side)));
            for finding in findings {
                out.push('\n');
                self.finding(finding, out);
            }
            out.push('\n');
        }
    }

    fn path(&self, path: &str, side: Side) -> String {
        let line = |text: &str| self.view.scrubber.sanitize_line(text);
        let other = self.index.file(path, side).and_then(|file| {
            let old = file.old_path.as_ref()?.display();
            matches!(file.status, Status::Renamed | Status::Copied).then_some(old)
        });
        match other {
            Some(old) if old != path => format!("{} → {}", line(&old), line(path)),
            _ => line(path),
        }
    }

    fn finding(&self, finding: &Finding, out: &mut String) {
        let line = |text: &str| self.view.scrubber.sanitize_line(text);
        let severity = finding.severity.as_str();
        let indent = MARGIN.len() + 10;
        let mut title = wrap(&line(&finding.title), self.prose() - indent).into_iter();
        let _ = writeln!(
            out,
            "{MARGIN}{}{}{}",
            self.paint(colour(finding.severity), severity),
            " ".repeat(10 - severity.len()),
            self.paint(BOLD, &title.next().unwrap_or_default()),
        );
        for more in title {
            let _ = writeln!(out, "{}{}", " ".repeat(indent), self.paint(BOLD, &more));
        }
        let lines = wording::span(finding.line, finding.end_line);
        let before = if finding.side == Side::Old { ", before the change" } else { "" };
        let noun = if finding.end_line > finding.line { "lines" } else { "line" };
        let place = format!(
            "{noun} {lines}{before} · {} · {}",
            line(&finding.category),
            line(&wording::origin(finding)),
        );
        for line in wrap(&place, self.prose() - indent) {
            let _ = writeln!(out, "{}{}", " ".repeat(indent), self.paint(DIM, &line));
        }
        if let Some(frame) = frame::frame(self.view, &self.index, finding, 2) {
            out.push('\n');
            self.frame(finding, &frame, out);
        }
        let body = self.view.scrubber.sanitize_plain(finding.body.trim());
        if !body.is_empty() {
            out.push('\n');
            self.body(&body, out);
        }
        match frame::edit(self.view, &self.index, finding) {
            Some(Edit::Diff { removed, added }) => {
                let _ = writeln!(out, "\n{MARGIN}{MARGIN}{}", self.paint(DIM, "Suggested:"));
                let lines = removed.iter().map(|l| ('-', RED, l));
                for (sign, style, text) in lines.chain(added.iter().map(|l| ('+', GREEN, l))) {
                    let text = clip(&format!("{sign} {text}"), self.width - 6);
                    let _ = writeln!(out, "{MARGIN}{MARGIN}{MARGIN}{}", self.paint(style, &text));
                }
            }
            Some(Edit::Withheld) => {
                let why = "Suggestion withheld: it holds a secret or hidden characters.";
                let _ = writeln!(out, "\n{MARGIN}{MARGIN}{}", self.paint(DIM, why));
            }
            None => {}
        }
    }

    fn frame(&self, finding: &Finding, frame: &[frame::FrameLine], out: &mut String) {
        let digits = frame.iter().map(|line| line.number).max().unwrap_or(0).to_string().len();
        let style = colour(finding.severity);
        let single = frame.iter().filter(|line| line.marked).count() == 1;
        let mut before: Option<&frame::FrameLine> = None;
        for line in frame {
            let gap = before.is_some_and(|b| b.marked && line.marked && line.number > b.number + 1);
            if gap {
                let _ = writeln!(out, "{MARGIN}  {:>digits$} {}", "⋮", self.paint(DIM, "│"));
            }
            before = Some(line);
            let mark = if line.marked { self.paint(style, ">") } else { " ".to_owned() };
            let room = self.width.saturating_sub(MARGIN.len() + digits + 7).max(10);
            let text = clip(&line.text, room);
            let number = self.paint(DIM, &format!("{:>digits$} │", line.number));
            let painted = match line.sign {
                '+' => self.paint(GREEN, &format!("+ {text}")),
                '-' => self.paint(RED, &format!("- {text}")),
                _ => format!("  {text}"),
            };
            let _ = writeln!(out, "{MARGIN}{mark} {number} {}", painted.trim_end());
            if line.marked && single && !text.trim().is_empty() {
                let lead = text.width() - text.trim_start().width();
                let under = "^".repeat(text.trim().width());
                let bar = self.paint(DIM, &format!("{:>digits$} │", ""));
                let under = self.paint(style, &under);
                let _ = writeln!(out, "{MARGIN}  {bar}   {}{under}", " ".repeat(lead));
            }
        }
    }

    /// Prose wrapped, code and lists with their shape.
    fn body(&self, body: &str, out: &mut String) {
        let room = self.prose() - 2 * MARGIN.len();
        let mut code = false;
        let mut paragraph = String::new();
        let flush = |paragraph: &mut String, out: &mut String| {
            for line in wrap(paragraph, room) {
                let _ = writeln!(out, "{MARGIN}{MARGIN}{line}");
            }
            paragraph.clear();
        };
        for line in body.lines() {
            let trimmed = line.trim();
            let fence = trimmed.starts_with("```") || trimmed.starts_with("~~~");
            if fence || code {
                flush(&mut paragraph, out);
                if !fence {
                    let text = clip(&line.replace('\t', "    "), self.width - 6);
                    let _ = writeln!(out, "{MARGIN}{MARGIN}{MARGIN}{}", text.trim_end());
                }
                code ^= fence;
            } else if trimmed.is_empty() {
                flush(&mut paragraph, out);
                out.push('\n');
            } else if let Some(mark) = list_mark(line) {
                flush(&mut paragraph, out);
                let (head, rest) = line.split_at(mark);
                let wrapped = wrap(rest, room.saturating_sub(mark).max(10));
                for (at, text) in wrapped.iter().enumerate() {
                    let lead = if at == 0 { head.to_owned() } else { " ".repeat(mark) };
                    let _ = writeln!(out, "{MARGIN}{MARGIN}{lead}{text}");
                }
            } else {
                if !paragraph.is_empty() {
                    paragraph.push(' ');
                }
                paragraph += trimmed;
            }
        }
        flush(&mut paragraph, out);
    }

    fn tests(&self, out: &mut String) {
        let Some(tests) = &self.view.report.tests else { return };
        if tests.lines == 0 && tests.tests == 0 {
            return;
        }
        let _ = writeln!(out, "{}", self.paint(BOLD, "Tests"));
        if tests.lines > 0 {
            let share = wording::share(tests.covered, tests.lines);
            let _ = writeln!(out, "{MARGIN}{share} covered");
        }
        let files: Vec<_> = tests.files.iter().filter(|file| !file.uncovered.is_empty()).collect();
        for file in files.iter().take(10) {
            let path = self.view.scrubber.sanitize_line(&file.path);
            let share = wording::percent(file.covered, file.lines);
            let lines = wording::ranges(&file.uncovered, 8);
            let text = format!("{path}: {share}%, not covered: {lines}");
            for (at, line) in wrap(&text, self.width - 6).into_iter().enumerate() {
                let lead = if at == 0 { "" } else { MARGIN };
                let _ = writeln!(out, "{MARGIN}{lead}{line}");
            }
        }
        if files.len() > 10 {
            let _ = writeln!(out, "{MARGIN}and {} more", wording::plural(files.len() - 10, "file"));
        }
        if tests.tests > 0 {
            let ran = wording::plural(tests.tests, "test");
            let failed = format!("{} failed", tests.failed);
            let failed = if tests.failed > 0 { self.paint(RED, &failed) } else { failed };
            let _ = writeln!(out, "{MARGIN}{ran}: {failed}, {} skipped", tests.skipped);
        }
        out.push('\n');
    }

    fn skipped(&self, out: &mut String) {
        let skipped = wording::skipped(self.view.report);
        if skipped.is_empty() {
            return;
        }
        let _ = writeln!(out, "{}", self.paint(BOLD, "Not reviewed"));
        for (reason, paths) in skipped {
            let names: Vec<String> =
                paths.iter().take(3).map(|path| self.view.scrubber.sanitize_line(path)).collect();
            let more = match paths.len().saturating_sub(3) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let reason = self.view.scrubber.sanitize_line(reason);
            let text = format!("{reason}: {}{more}", names.join(", "));
            for line in wrap(&text, self.width - 4) {
                let _ = writeln!(out, "{MARGIN}{}", self.paint(DIM, &line));
            }
        }
        out.push('\n');
    }

    fn notes(&self, out: &mut String) {
        let mut notes: Vec<String> =
            self.view.report.notes.iter().map(|n| self.view.scrubber.sanitize_line(n)).collect();
        let dropped = wording::dropped(self.view.report);
        if !dropped.is_empty() {
            notes.push(format!("Left out: {}.", dropped.join(", ")));
        }
        for note in &notes {
            let mut lines = wrap(note, self.prose() - 8).into_iter();
            let _ = writeln!(out, "note  {}", lines.next().unwrap_or_default());
            for line in lines {
                let _ = writeln!(out, "      {line}");
            }
        }
        if !notes.is_empty() {
            out.push('\n');
        }
    }

    fn verdict(&self, out: &mut String) {
        let verdict = wording::verdict(self.view);
        let style = match verdict.chars().next() {
            Some('✗') => RED.bold(),
            Some('✓') => GREEN.bold(),
            _ => AnsiColor::Yellow.on_default().bold(),
        };
        for (at, line) in wrap(&verdict, self.width - 2).into_iter().enumerate() {
            let lead = if at == 0 { "" } else { MARGIN };
            let _ = writeln!(out, "{lead}{}", self.paint(style, &line));
        }
        let assessed = assessment::plain(self.view).unwrap_or_default();
        for line in wrap(&assessed, self.width - 2).into_iter().filter(|line| !line.is_empty()) {
            let _ = writeln!(out, "{MARGIN}{}", self.paint(DIM, &line));
        }
        let cost = self.view.scrubber.sanitize_line(&wording::cost(self.view.report));
        for line in wrap(&cost, self.width - 2) {
            let _ = writeln!(out, "{MARGIN}{}", self.paint(DIM, &line));
        }
    }
}

/// Length of a list item's mark with the spaces around it.
fn list_mark(line: &str) -> Option<usize> {
    let body = line.trim_start();
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &body[digits..];
    let mark = match rest.as_bytes() {
        [b'-' | b'*' | b'+', b' ', ..] if digits == 0 => 2,
        [b'.' | b')', b' ', ..] if digits > 0 => digits + 2,
        _ => return None,
    };
    Some(line.len() - body.len() + mark)
}

/// Text in lines of at most `width` columns, broken at spaces; a longer word is broken inside.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        let mut room = word.width();
        if used > 0 && used + 1 + room > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        while room > width {
            let at = fitting(&word, width).max(word.chars().next().map_or(1, char::len_utf8));
            let rest = word.split_off(at);
            lines.push(std::mem::replace(&mut word, rest));
            room = word.width();
        }
        if word.is_empty() {
            continue;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line += &word;
        used += room;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// How many bytes of the text fit into so many columns.
fn fitting(text: &str, width: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > width {
            return at;
        }
    }
    text.len()
}

/// One line of at most `width` columns, ending in `…` if that is not all.
fn clip(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    format!("{}…", &text[..fitting(text, width.saturating_sub(1))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_by_columns() {
        let cases: &[(&str, usize, &[&str])] = &[
            ("", 10, &[]),
            ("one two three", 7, &["one two", "three"]),
            ("abcdefghij", 4, &["abcd", "efgh", "ij"]),
            ("日本語 です", 6, &["日本語", "です"]),
            ("日", 1, &["日"]),
        ];
        for (text, width, expect) in cases {
            assert_eq!(wrap(text, *width), *expect, "{text}");
        }
        assert_eq!(clip("日本語", 5), "日本…");
        assert_eq!(clip("abc", 3), "abc");
    }

    #[test]
    fn no_line_is_a_command_for_a_runner() {
        let text = "a\n::error::x\n   ::warning::y\nstd::fmt\n";
        let expect = "a\n: :error::x\n   : :warning::y\nstd::fmt\n";
        assert_eq!(crate::redact::break_commands(text), expect);
    }

    #[test]
    fn list_marks_are_told_from_text() {
        let cases =
            [("- a", Some(2)), ("  12. a", Some(6)), ("-a", None), ("1.5 s", None), ("", None)];
        for (line, expect) in cases {
            assert_eq!(list_mark(line), expect, "{line}");
        }
    }
}
