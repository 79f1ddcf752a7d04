//! What a run leaves for the next one: which hunks a model has read, which
//! findings stand. It travels in the summary comment's hidden marker, so that
//! no storage is needed and a rebase or a force-push does not lose it.
//!
//! A hunk is known by its changed lines and its path, not by line numbers or
//! commits. A finding is known by its [`Fingerprint`], which can be recomputed
//! from any diff that still has its line: see [`locate`].

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::diff::{Change, FileDiff, LineKind};
use crate::finding::{Finding, Fingerprint, Severity, Side, Source, Suggestion};
use crate::publish::markdown::MAX_STATE;
use crate::redact::shorten;

const VERSION: u32 = 1;
/// Bytes of a hunk's digest that are kept: 40 bits make a clash within one
/// change request (thousands of hunks) less likely than one in 100,000.
const DIGEST: usize = 5;
/// More digests than this do not fit beside the text of a summary comment.
const MOST_DIGESTS: usize = 2_000;
/// Bytes of a finding's body that are kept, if it stands in a comment anyway.
const MOST_BODY: usize = 600;
/// Bytes of the model's words on the change that are kept.
const MOST_SUMMARY: usize = 2_000;

/// The name of a hunk or of a whole file's change.
pub type HunkDigest = [u8; DIGEST];

/// What the last run left.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The head that was reviewed.
    pub head: String,
    /// Which model read the hunks; `offline` if none did.
    pub model: String,
    /// Whether everything that is reviewable was reviewed and posted.
    pub complete: bool,
    /// What the change does, in the model's words.
    pub summary: String,
    /// Hunks (or whole files, see [`digests`]) that the model has read.
    pub read: HashSet<HunkDigest>,
    /// Findings that stand.
    pub findings: Vec<Known>,
    /// Findings that a person put aside.
    pub dismissed: Vec<Fingerprint>,
    /// Findings that stood at the head reviewed before this one, if there is one:
    /// a run that has to be completed says again what moved since.
    pub earlier: Option<Vec<Fingerprint>>,
    /// Whether a person paused automatic reviews of this change request.
    pub paused: bool,
}

/// A finding as remembered: enough to count it, to find it again, to list it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// See [`Fingerprint`].
    pub id: Fingerprint,
    /// The file.
    #[serde(rename = "p")]
    pub path: String,
    /// Which version the line counts in.
    #[serde(rename = "s")]
    pub side: Side,
    /// First line, when it was last seen.
    #[serde(rename = "l")]
    pub line: u32,
    /// Last line, when it was last seen.
    #[serde(rename = "e")]
    pub end_line: u32,
    /// How bad.
    #[serde(rename = "v")]
    pub severity: Severity,
    /// Category.
    #[serde(rename = "c")]
    pub category: String,
    /// 0 to 1.
    #[serde(rename = "o")]
    pub confidence: f64,
    /// One line.
    #[serde(rename = "t")]
    pub title: String,
    /// Markdown, shortened and without secrets.
    #[serde(rename = "b", default)]
    pub body: String,
    /// The edit it proposes; kept while it is not posted.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<Suggestion>,
    /// Who says so.
    #[serde(rename = "f")]
    pub source: Source,
    /// Whether it stands in a comment on its line.
    #[serde(rename = "i", default)]
    pub inline: bool,
}

impl Known {
    /// What is remembered of a finding; `clean` takes secrets out of its words.
    pub fn of(finding: &Finding, inline: bool, clean: &dyn Fn(&str) -> String) -> Self {
        // Half of an edit is none.
        let is_clean = |edit: &&Suggestion| clean(&edit.replacement) == edit.replacement;
        Known {
            id: finding.id.clone(),
            path: finding.path.clone(),
            side: finding.side,
            line: finding.line,
            end_line: finding.end_line,
            severity: finding.severity,
            category: finding.category.clone(),
            confidence: finding.confidence,
            title: clean(&finding.title),
            body: clean(&finding.body),
            suggestion: finding.suggestion.as_ref().filter(is_clean).cloned(),
            source: finding.source.clone(),
            inline,
        }
    }

    /// The finding again, at the place where its line is now.
    pub fn at(&self, line: u32) -> Finding {
        Finding {
            id: self.id.clone(),
            path: self.path.clone(),
            side: self.side,
            line,
            end_line: line + self.end_line.saturating_sub(self.line),
            severity: self.severity,
            category: self.category.clone(),
            confidence: self.confidence,
            title: self.title.clone(),
            body: self.body.clone(),
            suggestion: self.suggestion.clone(),
            source: self.source.clone(),
        }
    }

    /// A finding of which only the name is left.
    pub fn only(id: Fingerprint, path: &str) -> Self {
        Known {
            id,
            path: path.to_owned(),
            side: Side::New,
            line: 0,
            end_line: 0,
            severity: Severity::Info,
            category: String::new(),
            confidence: 0.0,
            title: String::new(),
            body: String::new(),
            suggestion: None,
            source: Source::Rule(String::new()),
            inline: false,
        }
    }

    /// What the fingerprint was made with: the rule, or a model's category.
    pub fn what(&self) -> &str {
        match &self.source {
            Source::Rule(id) => id,
            Source::Model(_) => &self.category,
        }
    }
}

/// The state as it stands in the comment.
#[derive(Serialize, Deserialize)]
struct Wire {
    v: u32,
    head: String,
    model: String,
    done: bool,
    #[serde(default)]
    said: String,
    read: String,
    findings: Vec<Known>,
    #[serde(default)]
    dismissed: Vec<Fingerprint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earlier: Option<Vec<Fingerprint>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    paused: bool,
}

impl State {
    /// The state where nothing was reviewed yet.
    pub fn empty() -> State {
        State {
            head: String::new(),
            model: String::new(),
            complete: false,
            summary: String::new(),
            read: HashSet::new(),
            findings: Vec::new(),
            dismissed: Vec::new(),
            earlier: None,
            paused: false,
        }
    }

    /// The state after publishing: what has no comment on its line is known to
    /// have none, so that nobody can have deleted it, and the review is complete
    /// only if everything was delivered.
    pub fn delivered(&self, without_comment: impl Fn(&Fingerprint) -> bool, all: bool) -> State {
        let mut state = self.clone();
        state.complete &= all;
        for known in &mut state.findings {
            known.inline &= !without_comment(&known.id);
        }
        state
    }

    /// Bytes for the summary's marker. Findings that the next run may have to post
    /// (they stand in no comment, or not everything was delivered) are kept whole
    /// if there is room.
    pub fn encode(&self) -> Vec<u8> {
        let shortened = |keep: &dyn Fn(&Known) -> bool| -> Vec<Known> {
            let mut findings = self.findings.clone();
            for known in findings.iter_mut().filter(|known| !keep(known)) {
                known.body = shorten(&known.body, MOST_BODY).into_owned();
                known.suggestion = None;
            }
            findings
        };
        let whole = self.encode_with(shortened(&|known| !known.inline || !self.complete));
        // The payload is base64: four characters for three bytes.
        if whole.len() / 3 * 4 + 4 <= MAX_STATE {
            return whole;
        }
        self.encode_with(shortened(&|_| false))
    }

    fn encode_with(&self, findings: Vec<Known>) -> Vec<u8> {
        let mut read: Vec<&HunkDigest> = self.read.iter().collect();
        read.sort_unstable();
        read.truncate(MOST_DIGESTS);
        let wire = Wire {
            v: VERSION,
            head: self.head.clone(),
            model: self.model.clone(),
            done: self.complete,
            said: shorten(&self.summary, MOST_SUMMARY).into_owned(),
            read: STANDARD.encode(read.into_iter().flatten().copied().collect::<Vec<u8>>()),
            findings,
            dismissed: self.dismissed.clone(),
            earlier: self.earlier.clone(),
            paused: self.paused,
        };
        // A map of plain text and numbers: there is nothing that could fail.
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// The state back; `None` for anything that [`encode`](Self::encode) did not
    /// write, an older or newer version included: the change is then reviewed anew.
    pub fn decode(bytes: &[u8]) -> Option<State> {
        let wire: Wire = serde_json::from_slice(bytes).ok()?;
        if wire.v != VERSION {
            return None;
        }
        let read = STANDARD.decode(wire.read).ok()?;
        Some(State {
            head: wire.head,
            model: wire.model,
            complete: wire.done,
            summary: wire.said,
            read: read.as_chunks::<DIGEST>().0.iter().copied().collect(),
            findings: wire.findings,
            dismissed: wire.dismissed,
            earlier: wire.earlier,
            paused: wire.paused,
        })
    }
}

/// The digest of every hunk of a file, in order.
pub fn hunk_digests(file: &FileDiff) -> Vec<HunkDigest> {
    let Some(patch) = file.patch() else { return Vec::new() };
    (0..patch.hunks.len()).map(|index| hunk_digest(file, index)).collect()
}

/// The digest of one hunk.
pub fn hunk_digest(file: &FileDiff, hunk: usize) -> HunkDigest {
    let mut hash = Sha256::new();
    hash.update(b"hunk\0");
    hash.update(&file.path().0);
    if let Some(patch) = file.patch() {
        for line in patch.numbered_hunk(hunk) {
            let sign = match line.kind {
                LineKind::Context => continue,
                LineKind::Added => b"\0+",
                LineKind::Removed => b"\0-",
            };
            hash.update(sign);
            hash.update(line.text);
        }
    }
    cut(hash)
}

/// The digest of a whole file's change, for changes of very many hunks.
pub fn file_digest(file: &FileDiff) -> HunkDigest {
    let mut hash = Sha256::new();
    hash.update(b"file\0");
    for digest in hunk_digests(file) {
        hash.update(digest);
    }
    hash.update(&file.path().0);
    cut(hash)
}

fn cut(hash: Sha256) -> HunkDigest {
    let full = hash.finalize();
    let mut short = [0; DIGEST];
    short.copy_from_slice(&full[..DIGEST]);
    short
}

/// What to remember of the files that were read whole (`whole`) and of single
/// hunks of others (`hunks`): hunks while they fit, else one digest a file.
pub fn digests(whole: &[&FileDiff], hunks: HashSet<HunkDigest>) -> HashSet<HunkDigest> {
    let fine: HashSet<HunkDigest> =
        whole.iter().flat_map(|file| hunk_digests(file)).chain(hunks.iter().copied()).collect();
    if fine.len() <= MOST_DIGESTS {
        return fine;
    }
    whole.iter().map(|file| file_digest(file)).chain(hunks).collect()
}

/// Where a remembered finding's line stands in the change now, by its number on
/// the finding's side; `None` once no line of the diff has its fingerprint.
///
/// Of several equal lines, the one with the same ordinal is meant; if there are
/// fewer of them now, the last. `O(lines of the file)`.
pub fn locate(change: &Change, known: &Known) -> Option<u32> {
    let file = change.file(&known.path)?;
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    for line in file.lines() {
        if line.side() != known.side {
            continue;
        }
        let text = line.text.trim_ascii();
        let nth = seen.entry(text).or_default();
        let text = String::from_utf8_lossy(text);
        if Fingerprint::new(&known.path, known.side, &text, *nth, known.what()) == known.id {
            return Some(line.number());
        }
        *nth += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::parse::parse;

    fn change(text: &str) -> Change {
        parse(text.to_owned().into()).unwrap()
    }

    fn known(path: &str, text: &str, nth: usize) -> Known {
        Known {
            id: Fingerprint::new(path, Side::New, text, nth, "correctness"),
            side: Side::New,
            path: path.into(),
            line: 1,
            end_line: 1,
            severity: Severity::High,
            category: "correctness".into(),
            confidence: 0.9,
            title: "x".into(),
            body: "y".into(),
            suggestion: None,
            source: Source::Model("m".into()),
            inline: true,
        }
    }

    const BEFORE: &str = "\
diff --git a/a.rs b/a.rs
--- a/a.rs
+++ b/a.rs
@@ -1,3 +1,4 @@
 fn a() {
+    one();
     two();
 }
@@ -10,2 +11,3 @@
 fn b() {
+    one();
 }
";

    /// The same change after a rebase: other numbers, other context.
    const REBASED: &str = "\
diff --git a/a.rs b/a.rs
--- a/a.rs
+++ b/a.rs
@@ -41,3 +41,4 @@
 fn renamed() {
+    one();
     three();
 }
@@ -80,2 +81,3 @@
 fn b() {
+    changed();
 }
";

    #[test]
    fn a_state_comes_back_as_it_was_written() {
        let state = State {
            head: "abc".into(),
            model: "offline".into(),
            complete: true,
            summary: "Adds one.".into(),
            read: [[1; DIGEST], [2; DIGEST]].into(),
            findings: vec![known("a.rs", "one();", 0)],
            dismissed: vec![Fingerprint("f".into())],
            earlier: Some(vec![Fingerprint("e".into())]),
            paused: true,
        };
        assert_eq!(State::decode(&state.encode()), Some(state));
    }

    #[test]
    fn only_what_stands_in_no_comment_is_kept_whole_and_only_while_there_is_room() {
        let body = "because ".repeat(200);
        let edit = Suggestion { replacement: "two();".into() };
        let one = |id: &str| Known {
            id: Fingerprint(id.into()),
            body: body.clone(),
            suggestion: Some(edit.clone()),
            ..known("a.rs", "one();", 0)
        };
        let state = State {
            head: "abc".into(),
            model: "m".into(),
            complete: true,
            summary: String::new(),
            read: HashSet::new(),
            findings: vec![one("posted"), one("missing")],
            dismissed: Vec::new(),
            earlier: None,
            paused: false,
        };
        let back = |state: &State, all| {
            let missing = |id: &Fingerprint| id.0.starts_with("missing");
            State::decode(&state.delivered(missing, all).encode()).unwrap()
        };
        let left = back(&state, false);
        assert!(!left.complete);
        assert!(left.findings.iter().all(|known| known.body == body));
        let left = back(&state, true);
        assert!(left.complete);
        let [posted, missing] = &left.findings[..] else { panic!("two findings") };
        assert!(posted.inline && posted.body.len() < body.len() && posted.suggestion.is_none());
        assert!(!missing.inline && missing.body == body);
        assert_eq!(missing.suggestion, Some(edit.clone()));
        let many = (0..30).map(|n| one(&format!("missing{n}"))).collect();
        let left = back(&State { findings: many, ..state }, false);
        assert_eq!(left.findings.len(), 30);
        assert!(left.findings.iter().all(|known| known.body.len() < body.len()));
    }

    #[test]
    fn what_is_no_state_is_no_state() {
        for text in ["", "{}", "null", "\u{0}", r#"{"v":2}"#] {
            assert_eq!(State::decode(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_hunk_keeps_its_digest_over_a_rebase_and_loses_it_with_its_lines() {
        let (before, after) = (change(BEFORE), change(REBASED));
        let (before, after) = (hunk_digests(&before.files[0]), hunk_digests(&after.files[0]));
        assert_eq!(before[0], after[0]);
        assert_ne!(before[1], after[1]);
    }

    #[test]
    fn a_finding_is_found_at_its_new_line_and_lost_with_it() {
        let (before, after) = (change(BEFORE), change(REBASED));
        assert_eq!(locate(&before, &known("a.rs", "one();", 0)), Some(2));
        assert_eq!(locate(&before, &known("a.rs", "one();", 1)), Some(12));
        assert_eq!(locate(&after, &known("a.rs", "one();", 0)), Some(42));
        assert_eq!(locate(&after, &known("a.rs", "one();", 1)), None);
        assert_eq!(locate(&after, &known("b.rs", "one();", 0)), None);
    }

    #[test]
    fn many_hunks_are_remembered_by_file() {
        let mut text = String::new();
        for file in 0..30 {
            text.push_str(&format!("diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n"));
            for hunk in 0..100 {
                let at = hunk * 10 + 1;
                text.push_str(&format!("@@ -{at} +{at} @@\n-old {hunk}\n+new {hunk}\n"));
            }
        }
        let change = change(&text);
        let whole: Vec<&FileDiff> = change.files.iter().collect();
        let digests = digests(&whole, HashSet::new());
        assert_eq!(digests.len(), 30);
        assert!(digests.contains(&file_digest(&change.files[7])));
    }
}
