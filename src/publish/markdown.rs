//! The summary comment: one a change request, found again by its first line.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Permalink, View, assessment, diagram, frame, inline, walkthrough, wording};
use crate::finding::{Finding, Fingerprint};
use crate::redact::shorten;
use crate::report::{DropReason, Dropped};

/// Longest comment GitHub takes; counted in bytes here, which is never less than its characters.
pub const MAX_COMMENT: usize = 65_536;

/// Longest state that is kept, in characters of its base64; the text needs the rest.
pub const MAX_STATE: usize = 48_000;

const MARKER: &str = "<!-- pipewright:summary -->";
const STATE: &str = "<!-- pipewright:state v1 ";
const REFUSED: &str = "<!-- pipewright:refused ";
const END: &str = " -->";

/// What a run leaves for the next one, opaque here. It can hold no `-->`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatePayload(String);

impl StatePayload {
    /// Any bytes, as base64.
    pub fn encode(state: &[u8]) -> Self {
        StatePayload(STANDARD.encode(state))
    }

    /// The bytes of what [`summary_state`] found; `None` if it was damaged.
    pub fn decode(payload: &str) -> Option<Vec<u8>> {
        STANDARD.decode(payload).ok()
    }

    /// The base64.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How findings moved since the head that was reviewed before this one. Counted
/// from that head's state, so that a rerun counts the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Not there before.
    pub new: usize,
    /// Said before, and they still hold.
    pub open: usize,
    /// Said before, and gone.
    pub resolved: usize,
}

/// Why a finding has no comment on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unplaced {
    /// Comments on lines are not asked for, or the host has none.
    NoReview,
    /// The host shows no diff for this file, or the line is outside of it.
    NoLine,
    /// It only informs.
    Minor,
    /// There are more than the limit of comments.
    OverLimit,
    /// The host did not take the comment, and will not on this head.
    Refused,
    /// The host did not take the review: the next run tries again.
    NotTaken,
    /// The token may not review.
    Denied,
}

impl Unplaced {
    fn words(self) -> &'static str {
        match self {
            Unplaced::NoReview | Unplaced::OverLimit | Unplaced::Minor => "In detail",
            Unplaced::NoLine => "On lines that the diff view does not show",
            Unplaced::Refused | Unplaced::NotTaken => {
                "The host did not take these as comments on their lines"
            }
            Unplaced::Denied => "The token may not comment on lines",
        }
    }
}

/// What the summary says beside the report.
#[derive(Clone, Copy)]
pub struct Summary<'a> {
    /// The report and its surroundings.
    pub view: View<'a>,
    /// Addresses of lines.
    pub permalink: Option<&'a Permalink<'a>>,
    /// What the next run needs.
    pub state: &'a StatePayload,
    /// Since the head reviewed before, if there is one.
    pub progress: Option<Progress>,
    /// Findings without a comment on their line.
    pub unplaced: &'a BTreeMap<Fingerprint, Unplaced>,
    /// What went wrong while publishing; one sentence each.
    pub notes: &'a [String],
}

/// The comment: at most [`MAX_COMMENT`] bytes; lists and texts shrink until it
/// fits, the state never does.
pub fn summary(summary: &Summary<'_>) -> String {
    let mut head = format!("{MARKER}\n");
    let state = summary.state.as_str();
    if state.len() <= MAX_STATE {
        head += &format!("{STATE}{state}{END}\n");
    } else {
        tracing::warn!(bytes = state.len(), "the state is too long for a comment, it is not kept");
        head += &format!("{STATE}{END}\n");
    }
    let refused: Vec<&str> = summary
        .unplaced
        .iter()
        .filter(|(_, why)| **why == Unplaced::Refused)
        .map(|(id, _)| id.0.as_str())
        .take(100)
        .collect();
    if !refused.is_empty() && summary.view.report.head.bytes().all(|b| b.is_ascii_alphanumeric()) {
        head += &format!("{REFUSED}{} {}{END}\n", summary.view.report.head, refused.join(" "));
    }
    let room = MAX_COMMENT.saturating_sub(head.len() + 1);
    head + "\n" + &page(summary, room, false)
}

/// Whether a comment's body is a summary of ours, by its first line.
pub fn is_summary(body: &str) -> bool {
    body.lines().next().is_some_and(|line| line == MARKER)
}

/// The state in a summary of ours: from its second line, and nowhere else.
/// [`StatePayload::decode`] reads it. `None` if there is none.
pub fn summary_state(body: &str) -> Option<&str> {
    if !is_summary(body) {
        return None;
    }
    let payload = body.lines().nth(1)?.strip_prefix(STATE)?.strip_suffix(END.trim_start())?.trim();
    (!payload.is_empty()).then_some(payload)
}

/// A summary of ours with another state in its second line; `None` if it is none,
/// or the state is too long to be kept.
pub fn with_state(body: &str, state: &StatePayload) -> Option<String> {
    if !is_summary(body) || state.as_str().len() > MAX_STATE {
        return None;
    }
    let mut lines = body.lines();
    let first = lines.next()?;
    let mut rest: Vec<&str> = lines.collect();
    if rest.first().is_some_and(|line| line.starts_with(STATE)) {
        rest.remove(0);
    }
    Some(format!("{first}\n{STATE}{}{END}\n{}", state.as_str(), rest.join("\n")))
}

/// A summary that holds nothing but a state.
pub fn bare_summary(state: &StatePayload) -> String {
    format!("{MARKER}\n{STATE}{}{END}", state.as_str())
}

/// Findings whose comment the host did not take on this head: from the third
/// line of a summary of ours. They are not offered again.
pub fn refused_before(body: &str, head: &str) -> Vec<Fingerprint> {
    if !is_summary(body) {
        return Vec::new();
    }
    let line = body.lines().nth(2).and_then(|line| line.strip_prefix(REFUSED)?.strip_suffix(END));
    match line.and_then(|line| line.strip_prefix(head)?.strip_prefix(' ')) {
        Some(ids) => ids.split(' ').map(|id| Fingerprint(id.to_owned())).collect(),
        None => Vec::new(),
    }
}

/// How much is said; each step says less.
struct Detail {
    rows: usize,
    bodies: usize,
    body: usize,
    list: usize,
    diagram: bool,
    walkthrough: usize,
    notes: usize,
}

const DETAILS: [Detail; 6] = [
    Detail {
        rows: 1000,
        bodies: 1000,
        body: 16_000,
        list: 100,
        diagram: true,
        walkthrough: 8000,
        notes: 50,
    },
    Detail {
        rows: 100,
        bodies: 50,
        body: 4000,
        list: 50,
        diagram: true,
        walkthrough: 8000,
        notes: 20,
    },
    Detail {
        rows: 50,
        bodies: 20,
        body: 1000,
        list: 20,
        diagram: true,
        walkthrough: 3000,
        notes: 10,
    },
    Detail {
        rows: 25,
        bodies: 5,
        body: 500,
        list: 10,
        diagram: false,
        walkthrough: 1500,
        notes: 10,
    },
    Detail { rows: 10, bodies: 0, body: 0, list: 5, diagram: false, walkthrough: 500, notes: 5 },
    Detail { rows: 0, bodies: 0, body: 0, list: 0, diagram: false, walkthrough: 0, notes: 1 },
];

/// The visible part in at most `room` bytes. `in_full` gives every finding's text.
pub fn page(summary: &Summary<'_>, room: usize, in_full: bool) -> String {
    let mut text = String::new();
    for detail in &DETAILS {
        text = Writer { summary, detail, in_full, index: frame::Index::new(summary.view.change) }
            .page();
        if text.len() <= room {
            return text;
        }
    }
    shorten(&text, room / 4).into_owned()
}

struct Writer<'a> {
    summary: &'a Summary<'a>,
    detail: &'a Detail,
    in_full: bool,
    index: frame::Index<'a>,
}

impl Writer<'_> {
    fn page(&self) -> String {
        let view = &self.summary.view;
        let blocks = [
            format!("### {}", view.markdown(&wording::verdict(view))),
            self.notes(),
            assessment::line(view),
            self.walkthrough(),
            self.progress(),
            self.findings(),
            self.bodies(),
            self.diagram(),
            self.tests(),
            self.skipped(),
            self.dropped(),
            self.foot(),
        ];
        let blocks: Vec<String> = blocks.into_iter().filter(|block| !block.is_empty()).collect();
        blocks.join("\n\n")
    }

    fn notes(&self) -> String {
        let view = &self.summary.view;
        let all: Vec<&String> = view.report.notes.iter().chain(self.summary.notes).collect();
        let mut lines: Vec<String> = all
            .iter()
            .take(self.detail.notes)
            .map(|note| format!("> {}", view.markdown_line(&self.summary.view.short(note, 500))))
            .collect();
        if all.len() > self.detail.notes {
            lines.push(format!("> and {} more notes in the log.", all.len() - self.detail.notes));
        }
        // Two spaces break the line.
        lines.join("  \n")
    }

    fn walkthrough(&self) -> String {
        let view = &self.summary.view;
        let said =
            view.markdown(&self.summary.view.short(&view.report.summary, self.detail.walkthrough));
        let said = if self.detail.walkthrough == 0 { String::new() } else { said };
        let table = walkthrough::table(view, self.detail.list.min(12));
        let sentence = walkthrough::sentence(view.change);
        if view.report.model == "offline" || said.is_empty() {
            let parts = [said, sentence, table.trim_end().to_owned()];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            return parts.join("\n\n");
        }
        if table.is_empty() {
            return said;
        }
        format!("{said}\n\n{}", fold(&format!("What it touches: {sentence}"), &table))
    }

    fn progress(&self) -> String {
        let Some(progress) = self.summary.progress else { return String::new() };
        format!(
            "Since the last review: {} new, {} still open, {} resolved.",
            progress.new, progress.open, progress.resolved
        )
    }

    fn findings(&self) -> String {
        let view = &self.summary.view;
        let findings = view.worst_first();
        if findings.is_empty() || self.detail.rows == 0 {
            return String::new();
        }
        let mut table = String::from("| | Where | What |\n|---|---|---|\n");
        for finding in findings.iter().take(self.detail.rows) {
            // A pipe would end the cell; a look-alike stands for it.
            let title =
                view.markdown_line(&self.summary.view.short(&finding.title, 200)).replace('|', "∣");
            let severity = format!("{} {}", wording::badge(finding.severity), finding.severity);
            table += &format!("| {severity} | {} | {title} |\n", self.place(finding));
        }
        if findings.len() > self.detail.rows {
            let more = findings.len() - self.detail.rows;
            table += &format!("| | | and {more} more in the job's files |\n");
        }
        table.trim_end().to_owned()
    }

    /// Path and lines, linked where a link may lead there.
    fn place(&self, finding: &Finding) -> String {
        let place = self.summary.view.code(&wording::place(finding));
        let link = self.summary.permalink.and_then(|permalink| {
            permalink(&finding.path, finding.side, finding.line, finding.end_line)
        });
        match link.filter(|link| self.summary.view.host.allows(link)) {
            Some(link) => format!("[{place}]({link})"),
            None => place,
        }
    }

    /// The texts of findings that have no comment of their own.
    fn bodies(&self) -> String {
        if self.detail.bodies == 0 {
            return String::new();
        }
        let mut groups: BTreeMap<Unplaced, Vec<&Finding>> = BTreeMap::new();
        for finding in self.summary.view.worst_first() {
            let why = self.summary.unplaced.get(&finding.id).copied();
            let why = if self.in_full { Some(Unplaced::NoReview) } else { why };
            if let Some(why) = why {
                groups.entry(why).or_default().push(finding);
            }
        }
        let mut blocks = Vec::new();
        for (why, findings) in groups {
            let mut inside: Vec<String> =
                findings.iter().take(self.detail.bodies).map(|f| self.body(f)).collect();
            if findings.len() > self.detail.bodies {
                inside.push(format!("and {} more", findings.len() - self.detail.bodies));
            }
            let title = format!("{} ({})", why.words(), findings.len());
            blocks.push(fold(&title, &inside.join("\n\n")));
        }
        blocks.join("\n\n")
    }

    fn body(&self, finding: &Finding) -> String {
        let view = &self.summary.view;
        let mut short = finding.clone();
        short.body = self.summary.view.short(&finding.body, self.detail.body);
        let mut text = format!("{}  \n{}", self.place(finding), inline::remark(view, &short));
        if let Some(frame::Edit::Diff { removed, added }) = frame::edit(view, &self.index, finding)
        {
            let removed = removed.iter().map(|line| format!("-{line}"));
            let lines: Vec<String> =
                removed.chain(added.iter().map(|line| format!("+{line}"))).collect();
            text += &format!("\n\n{}", fenced("diff", &lines.join("\n")));
        }
        text
    }

    fn diagram(&self) -> String {
        if !self.detail.diagram {
            return String::new();
        }
        diagram::mermaid(self.summary.view.change).map_or_else(String::new, |graph| {
            let graph = self.summary.view.scrubber.scrub(&graph).into_owned();
            fold("Which changed files use which", &fenced("mermaid", graph.trim_end()))
        })
    }

    fn tests(&self) -> String {
        let view = &self.summary.view;
        let Some(tests) = &view.report.tests else { return String::new() };
        let mut parts = Vec::new();
        if tests.lines > 0 {
            parts.push(format!("{} covered", wording::share(tests.covered, tests.lines)));
        }
        if tests.tests > 0 {
            let ran = wording::plural(tests.tests, "test");
            parts.push(format!("{ran}, {} failed, {} skipped", tests.failed, tests.skipped));
        }
        if parts.is_empty() {
            return String::new();
        }
        let title = format!("Tests: {}", parts.join("; "));
        let files: Vec<_> = tests.files.iter().filter(|file| file.lines > 0).collect();
        if files.is_empty() || self.detail.list == 0 {
            return title;
        }
        let mut table = String::from("| File | Covered | Lines without a test |\n|---|--:|---|\n");
        for file in files.iter().take(self.detail.list) {
            table += &format!(
                "| {} | {}% | {} |\n",
                view.code(&file.path),
                wording::percent(file.covered, file.lines),
                wording::ranges(&file.uncovered, 12),
            );
        }
        if files.len() > self.detail.list {
            table += &format!("| and {} more | | |\n", files.len() - self.detail.list);
        }
        fold(&title, &table)
    }

    fn skipped(&self) -> String {
        let view = &self.summary.view;
        let coverage = &view.report.coverage;
        if coverage.skipped.is_empty() {
            return String::new();
        }
        let mut title =
            format!("Not reviewed: {}", wording::plural(coverage.skipped.len(), "file"));
        if coverage.lines_reviewed < coverage.lines {
            let done = wording::thousands(coverage.lines_reviewed as u64);
            let all = wording::plural(coverage.lines, "changed line");
            title += &format!(" ({done} of {all} were)");
        }
        if self.detail.list == 0 {
            return title;
        }
        let mut lines = Vec::new();
        for (reason, paths) in wording::skipped(view.report).into_iter().take(self.detail.list) {
            let shown = paths.iter().take(self.detail.list);
            let names: Vec<String> = shown.map(|path| view.code(path)).collect();
            let more = match paths.len().saturating_sub(self.detail.list) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            lines.push(format!("- {}: {}{more}", view.markdown_line(reason), names.join(", ")));
        }
        fold(&title, &lines.join("\n"))
    }

    fn dropped(&self) -> String {
        let dropped = wording::dropped(self.summary.view.report);
        if dropped.is_empty() {
            return String::new();
        }
        let view = &self.summary.view;
        let total = view.report.dropped.len();
        let title =
            format!("Left out: {} ({})", wording::plural(total, "remark"), dropped.join(", "));
        // What may be right, only less sure or less grave than the rest.
        let worth = |drop: &&Dropped| {
            matches!(drop.reason, DropReason::OverLimit | DropReason::LowConfidence)
        };
        let rest: Vec<&Dropped> = view.report.dropped.iter().filter(worth).collect();
        if rest.is_empty() || self.detail.list == 0 {
            return format!("{title}.");
        }
        let mut lines: Vec<String> = rest
            .iter()
            .take(self.detail.list)
            .map(|drop| {
                let title = view.markdown_line(&view.short(&drop.title, 200));
                let place = view.code(&format!("{}:{}", drop.path, drop.line));
                format!("- {place}: {title} ({})", wording::drop_reason(drop.reason))
            })
            .collect();
        if rest.len() > lines.len() {
            lines.push(format!("- and {} more", rest.len() - lines.len()));
        }
        fold(&title, &lines.join("\n"))
    }

    fn foot(&self) -> String {
        let view = &self.summary.view;
        let base = view.code(wording::short_revision(&view.report.base));
        let head = view.code(wording::short_revision(&view.report.head));
        let cost = view.markdown_line(&wording::cost(view.report));
        format!("<sub>Pipewright · {base}…{head} · {cost}</sub>")
    }
}

fn fold(title: &str, content: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{}\n\n</details>", content.trim_end())
}

fn fenced(language: &str, content: &str) -> String {
    let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}{language}\n{content}\n{fence}")
}
