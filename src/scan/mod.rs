//! Rules over a change: what plain code can say with no model.
//!
//! A rule looks at what the change adds or takes away and at nothing else:
//! what was wrong before is not reported. Where a file's contents are not at
//! hand, rules work from the hunks alone and say less. One rule is one file.

pub mod assess;
mod binary;
mod ci;
mod conflict;
mod debug;
mod invisible;
mod lockfile;
mod mode;
pub mod owners;
mod scope;
mod secrets;
mod symlink;
#[cfg(test)]
mod testing;
mod todo;

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use regex::bytes::Regex;

use crate::diff::anchor::{Anchor, Index};
use crate::diff::{Change, FileDiff};
use crate::finding::{Finding, Fingerprint, Severity, Side, Source, Suggestion};

pub use scope::Scope;

/// What is scanned.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The change. Rules stand on its lines.
    pub change: &'a Change,
    /// A file's bytes before, where the caller has them. Asked for pipeline
    /// files and lock files only, and only if `new` and the hunks cannot give them.
    pub old: &'a dyn Fn(&FileDiff) -> Option<Bytes>,
    /// A file's bytes after, where the caller has them. Asked for few files.
    pub new: &'a dyn Fn(&FileDiff) -> Option<Bytes>,
    /// Whether a path (slashes, relative to the repository) is a file after the
    /// change; `None` where the caller cannot tell. Asked for lock files.
    pub exists: &'a dyn Fn(&str) -> Option<bool>,
    /// What the user may set.
    pub options: &'a Options,
}

/// What the user may set.
#[derive(Debug, Clone)]
pub struct Options {
    /// Ids of rules that do not run. An id that names no rule is without effect.
    pub disabled: Vec<String>,
    /// A new or grown binary above this size is reported, in bytes.
    pub max_binary_bytes: u64,
    /// What makes a TODO traceable: looked for in the rest of its line.
    pub ticket: Regex,
    /// A rule's findings beyond this many in one file are counted in the last
    /// one's body instead of being reported each. Never applies to secrets.
    pub max_per_file: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            disabled: Vec::new(),
            max_binary_bytes: 1 << 20,
            ticket: todo::TICKET.clone(),
            max_per_file: 5,
        }
    }
}

/// A rule: what it is called, how it explains itself, and what it does.
pub struct Rule {
    /// Telling and stable: `secrets`, `ci-permissions`. The source of its findings.
    pub id: &'static str,
    /// One line for lists.
    pub title: &'static str,
    /// The worst its findings can be; each finding has its own.
    pub severity: Severity,
    /// The category of its findings: `secret`, `security`, `ci` or `hygiene`.
    pub category: &'static str,
    /// Markdown: what it looks for, why, and how to silence it.
    pub help: &'static str,
    /// Adds what it sees.
    pub check: fn(&Scope<'_>, &mut Vec<Hit>),
}

/// What a rule sees, before it is a finding.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Index in [`Change::files`].
    pub file: usize,
    /// Where in the file.
    pub place: Place,
    /// How bad this one is.
    pub severity: Severity,
    /// 0 to 1.
    pub confidence: f64,
    /// One line, plain text.
    pub title: String,
    /// Markdown: why it matters and what to do.
    pub body: String,
    /// What replaces the lines, without a final line end; empty deletes them.
    pub replacement: Option<String>,
    /// Tells this rule's findings on one line apart; part of the fingerprint.
    pub variant: String,
}

/// Where a hit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On lines of the diff, first and last, both on this side and in one hunk.
    Lines(Side, u32, u32),
    /// On the file as a whole: a mode, a size. The finding says line 1 of the
    /// new side (of the old side for a deleted file), whether or not a hunk
    /// shows it.
    File,
}

impl Hit {
    /// A hit on one line.
    fn on_line(file: usize, side: Side, line: u32, severity: Severity, title: String) -> Self {
        Hit {
            file,
            place: Place::Lines(side, line, line),
            severity,
            confidence: 1.0,
            title,
            body: String::new(),
            replacement: None,
            variant: String::new(),
        }
    }

    /// A hit on a file as a whole.
    fn on_file(file: usize, severity: Severity, title: String) -> Self {
        Hit { place: Place::File, ..Hit::on_line(file, Side::New, 1, severity, title) }
    }

    fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    fn replacement(mut self, text: impl Into<Option<String>>) -> Self {
        self.replacement = text.into();
        self
    }

    fn variant(mut self, variant: impl Into<String>) -> Self {
        self.variant = variant.into();
        self
    }
}

/// Every rule, in the order they run.
pub fn rules() -> &'static [Rule] {
    static RULES: [Rule; 19] = [
        secrets::RULE,
        conflict::RULE,
        invisible::RULE,
        debug::RULE,
        todo::RULE,
        binary::RULE,
        lockfile::RULE,
        mode::RULE,
        symlink::RULE,
        ci::invalid::RULE,
        ci::trigger::RULE,
        ci::permissions::RULE,
        ci::unpinned::RULE,
        ci::checkout::RULE,
        ci::injection::RULE,
        ci::self_hosted::RULE,
        ci::exposed::RULE,
        ci::curl_pipe::RULE,
        ci::gate::RULE,
    ];
    &RULES
}

/// Whether rules see more in this file's whole content than in its hunks: it is
/// then worth fetching.
pub fn needs_content(file: &FileDiff) -> bool {
    ci::is_pipeline(file)
}

/// Whether a text is YAML, or too much of it to tell.
pub fn reads_as_yaml(text: &str) -> bool {
    match crate::pipeline::yaml::parse(text) {
        Ok(_) => true,
        Err(broken) => broken.limit,
    }
}

/// Runs every enabled rule. Findings come in the order of the change's files,
/// then of lines; each stands on a line of the diff on the side it names, or
/// is about a file as a whole and says line 1 (see [`Place::File`]).
pub fn scan(subject: &Subject<'_>) -> Vec<Finding> {
    let scope = Scope::new(subject);
    let mut findings: Vec<(usize, Finding)> = Vec::new();
    let index = Index::new(subject.change);
    let mut seen = HashSet::new();
    for rule in rules() {
        if subject.options.disabled.iter().any(|id| id == rule.id) {
            continue;
        }
        let mut hits = Vec::new();
        (rule.check)(&scope, &mut hits);
        if rule.category != "secret" {
            limit(&mut hits, subject.options.max_per_file.max(1));
        }
        for hit in hits {
            let Some(file) = subject.change.files.get(hit.file) else { continue };
            let at = hit.file;
            let Some(finding) = finding(rule, hit, file, &index) else { continue };
            if seen.insert(finding.id.clone()) {
                findings.push((at, finding));
            }
        }
    }
    findings.sort_by_key(|(at, finding)| (*at, finding.line, finding.side));
    findings.into_iter().map(|(_, finding)| finding).collect()
}

/// Keeps the first `most` hits of each file and says in the last how many more there are.
fn limit(hits: &mut Vec<Hit>, most: usize) {
    let mut count: HashMap<usize, usize> = HashMap::new();
    for hit in hits.iter() {
        *count.entry(hit.file).or_default() += 1;
    }
    let mut kept: HashMap<usize, usize> = HashMap::new();
    hits.retain_mut(|hit| {
        let kept = kept.entry(hit.file).or_default();
        *kept += 1;
        let more = count[&hit.file].saturating_sub(most);
        if *kept == most && more > 0 {
            let places = if more == 1 { "place" } else { "places" };
            hit.body.push_str(&format!("\n\nThe same in {more} more {places} in this file."));
        }
        *kept <= most
    });
}

/// Turns a hit into a finding; `None` if its lines are not in the diff.
fn finding(rule: &Rule, hit: Hit, file: &FileDiff, index: &Index<'_>) -> Option<Finding> {
    let anchor = match hit.place {
        Place::Lines(side, line, end) => index.at(hit.file, side, line, end)?,
        Place::File => Anchor {
            file: hit.file,
            side: if file.new_path.is_some() { Side::New } else { Side::Old },
            line: 1,
            end_line: 1,
            hunk: 0,
            exact: true,
            nth: 0,
            quote: String::new(),
        },
    };
    let path = match anchor.side {
        Side::New => file.new_path.as_ref(),
        Side::Old => file.old_path.as_ref(),
    }?
    .display();
    let what = match hit.variant.as_str() {
        "" => rule.id.to_owned(),
        variant => format!("{}/{variant}", rule.id),
    };
    // Only lines of the new side can be replaced.
    let replacement = hit.replacement.filter(|_| anchor.side == Side::New);
    Some(Finding {
        id: Fingerprint::new(&path, anchor.side, &anchor.quote, anchor.nth, &what),
        path,
        side: anchor.side,
        line: anchor.line,
        end_line: anchor.end_line,
        severity: hit.severity,
        category: rule.category.to_owned(),
        confidence: hit.confidence,
        title: hit.title,
        body: hit.body,
        suggestion: replacement.map(|replacement| Suggestion { replacement }),
        source: Source::Rule(rule.id.to_owned()),
    })
}

#[cfg(test)]
mod tests;
