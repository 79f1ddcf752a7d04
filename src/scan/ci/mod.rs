//! What a change lets CI do that it could not do before.
//!
//! Each rule looks for problems in one version of a pipeline file; comparing
//! both versions leaves those that the change brings. Where only hunks are at
//! hand, a document has lines and no tree: added ones for the new side, removed
//! ones for the old.

pub(super) mod checkout;
pub(super) mod curl_pipe;
pub(super) mod exposed;
pub(super) mod gate;
mod github;
pub(super) mod injection;
pub(super) mod invalid;
pub(super) mod permissions;
mod script;
pub(super) mod self_hosted;
pub(super) mod trigger;
pub(super) mod unpinned;

use std::collections::HashMap;

use bstr::ByteSlice;
use bytes::Bytes;
use regex::Regex;

use super::scope::File;
use super::{Hit, Place, Scope, Subject};
use crate::diff::{FileDiff, LineKind, RepoPath, apply};
use crate::finding::{Severity, Side};
use crate::pipeline::yaml::{self, Broken, Tree};

/// Whose pipeline file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    /// A GitHub workflow.
    Workflow,
    /// A GitHub action's own definition.
    Action,
    GitLab,
    Azure,
    Jenkins,
    Bitbucket,
    Harness,
}

/// A pipeline file of the change, both versions.
pub(super) struct Pipeline {
    /// Index in the change's files.
    pub index: usize,
    /// `None` where the version does not exist, or is not at hand.
    pub old: Option<Doc>,
    pub new: Option<Doc>,
    /// Whether only hunks are at hand.
    pub partial: bool,
    /// Whether the file is new as a pipeline file.
    pub fresh: bool,
    /// Numbers of added lines, ascending.
    added: Vec<u32>,
    /// Numbers of removed lines, ascending.
    removed: Vec<u32>,
}

/// One version of a pipeline file.
pub(super) struct Doc {
    pub platform: Platform,
    /// `None` for Jenkins, for hunks, and where the text is broken.
    pub tree: Option<Tree>,
    pub broken: Option<Broken>,
    /// Numbered lines, ascending.
    pub lines: Vec<(u32, String)>,
}

/// Something wrong in one version of a file.
pub(super) struct Problem {
    /// Equal in both versions if the change did not bring it: no line numbers.
    pub key: String,
    /// Where it could be shown, best first.
    pub lines: Vec<(Side, u32)>,
    pub severity: Severity,
    pub confidence: f64,
    pub title: String,
    pub body: String,
    /// What replaces the first of `lines`.
    pub fix: Option<String>,
}

impl Problem {
    fn new(
        key: impl Into<String>,
        line: u32,
        severity: Severity,
        title: impl Into<String>,
    ) -> Self {
        Problem {
            key: key.into(),
            lines: vec![(Side::New, line)],
            severity,
            confidence: 0.9,
            title: title.into(),
            body: String::new(),
            fix: None,
        }
    }

    fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    fn fix(mut self, fix: Option<String>) -> Self {
        self.fix = fix;
        self
    }

    fn also(mut self, lines: impl IntoIterator<Item = u32>) -> Self {
        self.lines.extend(lines.into_iter().map(|line| (Side::New, line)));
        self
    }
}

impl Doc {
    fn whole(platform: Platform, text: &str) -> Self {
        let lines =
            text.lines().zip(1u32..).map(|(line, number)| (number, line.to_owned())).collect();
        let (tree, broken) = match platform {
            Platform::Jenkins => (None, None),
            _ => match yaml::parse(text) {
                Ok(tree) => (Some(tree), None),
                Err(broken) => (None, Some(broken)),
            },
        };
        Doc { platform, tree, broken, lines }
    }

    fn is_github(&self) -> bool {
        matches!(self.platform, Platform::Workflow | Platform::Action)
    }

    /// The text of a line; empty if it is not at hand.
    fn line(&self, number: u32) -> &str {
        self.lines
            .binary_search_by_key(&number, |(number, _)| *number)
            .map_or("", |at| self.lines[at].1.as_str())
    }

    /// The lines at hand of a span.
    fn span(&self, (first, last): (u32, u32)) -> &[(u32, String)] {
        let from = self.lines.partition_point(|(number, _)| *number < first);
        let to = self.lines.partition_point(|(number, _)| *number <= last);
        &self.lines[from..to.max(from)]
    }
}

/// A pattern whose classes and word boundaries are ASCII: Unicode's cost more
/// to build than most files to search. The pattern has to be fixed in the source.
fn ascii(pattern: &str) -> Regex {
    let pattern = pattern
        .replace(r"\b", r"(?-u:\b)")
        .replace(r"\w", "[0-9A-Za-z_]")
        .replace(r"\d", "[0-9]")
        .replace(r"\s", r"[\t ]")
        .replace(r"\S", r"[^\t ]");
    Regex::new(&pattern).expect("the pattern is fixed")
}

/// Reads the pipeline files of a change, each version once.
pub(super) fn read(subject: &Subject<'_>, files: &[File<'_>]) -> Vec<Pipeline> {
    files.iter().filter_map(|file| pipeline(subject, file)).collect()
}

fn pipeline(subject: &Subject<'_>, file: &File<'_>) -> Option<Pipeline> {
    let diff = file.diff;
    diff.patch()?;
    let lower = |path: &Option<RepoPath>| path.as_ref().map(|path| path.display().to_lowercase());
    let (old_path, new_path) = (lower(&diff.old_path), lower(&diff.new_path));
    let new_platform = new_path.as_deref().and_then(|path| platform(path, diff));
    let old_platform = old_path.as_deref().and_then(|path| platform(path, diff));
    if new_platform.is_none() && old_platform.is_none() {
        return None;
    }
    let numbers = |kind| -> Vec<u32> {
        diff.lines().filter(|line| line.kind == kind).map(|line| line.number()).collect()
    };
    let (added, removed) = (numbers(LineKind::Added), numbers(LineKind::Removed));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
    let ask = |path: &Option<RepoPath>, content: &dyn Fn(&FileDiff) -> Option<Bytes>| {
        path.as_ref().and_then(|_| content(diff)).map(|bytes| bytes.to_vec())
    };
    // An added file's hunks are its text, a deleted one's too.
    let new = match diff.old_path {
        None => apply::apply(diff, b"").ok(),
        Some(_) => ask(&diff.new_path, subject.new),
    };
    let old = match (&diff.new_path, &new) {
        (None, _) => apply::unapply(diff, b"").ok(),
        (Some(_), Some(new)) => apply::unapply(diff, new).ok(),
        (Some(_), None) => None,
    }
    .or_else(|| ask(&diff.old_path, subject.old));
    let doc = |platform: Option<Platform>, bytes: Option<Vec<u8>>| {
        Some(Doc::whole(platform?, &text(bytes?)?))
    };
    let fresh = old_platform.is_none() || diff.old_path.is_none();
    let (mut old, mut new) = (doc(old_platform, old), doc(new_platform, new));
    let partial = new_platform.is_some() && new.is_none()
        || !fresh && old_platform.is_some() && old.is_none();
    if partial {
        old = old_platform.map(|platform| hunks(platform, diff, LineKind::Removed));
        new = new_platform.map(|platform| hunks(platform, diff, LineKind::Added));
    }
    Some(Pipeline { index: file.index, old, new, partial, fresh, added, removed })
}

/// A document of the lines that only one side has.
fn hunks(platform: Platform, diff: &FileDiff, kind: LineKind) -> Doc {
    let lines = diff
        .lines()
        .filter(|line| line.kind == kind)
        .map(|line| (line.number(), line.text.to_str_lossy().trim_end_matches('\r').to_owned()))
        .collect();
    Doc { platform, tree: None, broken: None, lines }
}

/// Whether the rules on pipelines ask for this file, whose whole content then
/// tells more than its hunks.
pub(super) fn is_pipeline(diff: &FileDiff) -> bool {
    platform(&diff.path().display().to_ascii_lowercase(), diff).is_some()
}

/// Told by the path, and for Harness also by the first lines.
fn platform(lower: &str, diff: &FileDiff) -> Option<Platform> {
    let name = lower.rsplit('/').next().unwrap_or_default();
    if name.starts_with("jenkinsfile") || name.ends_with(".jenkinsfile") {
        return Some(Platform::Jenkins);
    }
    if !(name.ends_with(".yml") || name.ends_with(".yaml")) {
        return None;
    }
    let within = |folder: &str| {
        lower.strip_prefix(folder).is_some_and(|rest| !rest.is_empty())
            || lower.contains(&format!("/{folder}"))
    };
    // A workflow lies at the root and right in its folder.
    let workflow = [".github/workflows/", ".gitea/workflows/", ".forgejo/workflows/"]
        .iter()
        .any(|folder| lower.strip_prefix(folder).is_some_and(|rest| !rest.contains('/')));
    if workflow {
        Some(Platform::Workflow)
    } else if matches!(name, "action.yml" | "action.yaml") {
        Some(Platform::Action)
    } else if name.ends_with(".gitlab-ci.yml") || within(".gitlab/ci/") || within(".gitlab-ci/") {
        Some(Platform::GitLab)
    } else if name.starts_with("azure-pipelines") || within(".azure-pipelines/") {
        Some(Platform::Azure)
    } else if name.starts_with("bitbucket-pipelines") {
        Some(Platform::Bitbucket)
    } else if within(".harness/") || starts_as_harness(diff) {
        Some(Platform::Harness)
    } else {
        None
    }
}

fn starts_as_harness(diff: &FileDiff) -> bool {
    let head: Vec<_> =
        diff.lines().take_while(|line| line.number() <= 8).map(|line| line.text).collect();
    head.iter().any(|line| line.trim_end() == b"pipeline:")
        && head.iter().any(|line| line.trim_start().starts_with(b"identifier:"))
}

/// Reports what `find` sees in the new version and not in the old one.
fn widened(scope: &Scope<'_>, hits: &mut Vec<Hit>, find: fn(&Doc) -> Vec<Problem>) {
    for pipeline in &scope.pipelines {
        let Some(new) = &pipeline.new else { continue };
        let found = find(new);
        if found.is_empty() {
            continue;
        }
        let mut before: HashMap<String, usize> = HashMap::new();
        for problem in pipeline.old.as_ref().map(find).unwrap_or_default() {
            *before.entry(problem.key).or_default() += 1;
        }
        // Without both trees a problem must stand on a line that was added.
        let blind = pipeline.partial
            || !pipeline.fresh && pipeline.old.as_ref().is_none_or(|old| old.broken.is_some());
        let is_added =
            |problem: &Problem| problem.lines.iter().any(|place| pipeline.touches(*place));
        let mut after: HashMap<&str, usize> = HashMap::new();
        for problem in &found {
            *after.entry(problem.key.as_str()).or_default() += 1;
        }
        let mut left: HashMap<String, usize> = after
            .into_iter()
            .map(|(key, count)| {
                let old = before.get(key).copied().unwrap_or(0);
                (key.to_owned(), count.saturating_sub(old))
            })
            .collect();
        // Of equal problems, those on added lines are the new ones.
        let (mut first, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(&is_added);
        if !blind {
            first.extend(rest);
        }
        for problem in first {
            let left = left.entry(problem.key.clone()).or_default();
            if *left > 0 {
                *left -= 1;
                hits.extend(pipeline.hit(problem));
            }
        }
    }
}

impl Pipeline {
    /// Whether the change adds or removes this line.
    fn touches(&self, (side, line): (Side, u32)) -> bool {
        let lines = if side == Side::New { &self.added } else { &self.removed };
        lines.binary_search(&line).is_ok()
    }

    /// The added line nearest to a number, else the removed one.
    fn nearest(&self, line: u32) -> Option<(Side, u32)> {
        let of = |side, lines: &[u32]| {
            let at = lines.partition_point(|number| *number < line);
            let around = lines[at.saturating_sub(1)..].iter().take(2);
            around.min_by_key(|number| number.abs_diff(line)).map(|number| (side, *number))
        };
        of(Side::New, &self.added).or_else(|| of(Side::Old, &self.removed))
    }

    /// The hit on the first of the problem's lines that the change touches, or
    /// on the changed line nearest to them.
    fn hit(&self, problem: Problem) -> Option<Hit> {
        let touched = problem.lines.iter().copied().find(|place| self.touches(*place));
        let place = touched.or_else(|| self.nearest(problem.lines.first()?.1))?;
        let fix = problem.fix.filter(|_| problem.lines.first() == Some(&place));
        Some(
            Hit {
                place: Place::Lines(place.0, place.1, place.1),
                ..Hit::on_line(self.index, place.0, place.1, problem.severity, problem.title)
            }
            .confidence(problem.confidence)
            .body(problem.body)
            .replacement(fix)
            .variant(problem.key),
        )
    }
}
