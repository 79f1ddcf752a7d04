//! From what was said to what holds: claims are anchored on the diff, their
//! suggestions applied in memory, equal ones merged, and the rest ranked.
//!
//! Two steps, with the pass that tries to refute findings between them:
//! [`anchor_claims`] settles where a claim stands, [`settle`] what of it is published.

use std::collections::HashSet;

use bytes::Bytes;

use super::resume::Resumed;
use super::state::Known;
use crate::diff::anchor::{Claim, Index};
use crate::diff::{Change, FileDiff, apply};
use crate::finding::{Finding, Fingerprint, Severity, Source};
use crate::model::findings::RawFinding;
use crate::report::{DropReason, Dropped};

/// A file's content at the head, where the caller has it.
pub type Heads<'a> = &'a dyn Fn(&FileDiff) -> Option<Bytes>;

/// Put each of a model's claims on its line of the diff. Those without one are
/// dropped with the reason; a replacement that does not apply is dropped alone.
pub fn anchor_claims(
    change: &Change,
    heads: Heads<'_>,
    scrub: &dyn Fn(&str) -> String,
    model: &str,
    claims: Vec<RawFinding>,
) -> (Vec<Finding>, Vec<Dropped>) {
    let index = Index::new(change);
    let mut proven = Vec::new();
    let mut dropped = Vec::new();
    for mut claim in claims {
        if let Some(line) = unmasked(change, scrub, &claim) {
            claim.quote = line;
        }
        let place = Claim {
            path: &claim.path,
            line: claim.line,
            end_line: claim.end_line,
            quote: &claim.quote,
        };
        let anchored = match index.anchor(&place) {
            Ok(anchored) => anchored,
            Err(reason) => {
                tracing::debug!(path = claim.path, line = claim.line, ?reason, "claim dropped");
                dropped.push(Dropped {
                    reason,
                    path: claim.path,
                    line: claim.line,
                    title: claim.title,
                });
                continue;
            }
        };
        let file = &change.files[anchored.file];
        let suggestion = claim.replacement.as_deref().and_then(|text| {
            let head = heads(file);
            match apply::replacement(file, &anchored, text, head.as_deref()) {
                Ok(suggestion) => Some(suggestion),
                Err(why) => {
                    tracing::debug!(path = claim.path, %why, "suggestion dropped");
                    None
                }
            }
        });
        let mut finding = Finding {
            id: Fingerprint(String::new()),
            // Hosts know a file by its new name, on both sides.
            path: file.path().display(),
            side: anchored.side,
            line: anchored.line,
            end_line: anchored.end_line,
            severity: claim.severity,
            category: claim.category,
            confidence: claim.confidence,
            title: claim.title,
            body: with_case(claim.body, &claim.fails_when),
            suggestion,
            source: Source::Model(model.to_owned()),
        };
        refingerprint(change, &mut finding);
        proven.push(finding);
    }
    (proven, dropped)
}

/// The line that a quote was masked from: the model is shown secrets as `***`.
fn unmasked(change: &Change, scrub: &dyn Fn(&str) -> String, claim: &RawFinding) -> Option<String> {
    if !claim.quote.contains(crate::redact::MASK) {
        return None;
    }
    let file = change.file(&claim.path)?;
    let texts = file.lines().map(|line| line.text.to_string());
    // Line by line: the same line may be masked otherwise beside others.
    let mut same = texts.filter(|text| scrub(text).trim() == claim.quote.trim());
    same.next()
}

/// A finding's text with the case in which it goes wrong, unless it says so already.
fn with_case(body: String, fails_when: &str) -> String {
    if fails_when.is_empty() || body.contains(fails_when) {
        return body;
    }
    format!("{}\n\n**Fails when:** {fails_when}", body.trim_end())
}

/// What is left to doubt of a finding that another pass came to by itself.
const DOUBT_IF_AGREED: f64 = 0.6;

/// Make one of the claims that several passes over a part made of the same
/// defect: the surest is kept, and is surer for it.
pub fn agree(mut claims: Vec<Finding>) -> (Vec<Finding>, Vec<Dropped>) {
    claims.sort_by(|a, b| {
        b.confidence.total_cmp(&a.confidence).then_with(|| b.severity.cmp(&a.severity))
    });
    let mut kept: Vec<Finding> = Vec::new();
    let mut dropped = Vec::new();
    for claim in claims {
        let same = |other: &&mut Finding| {
            other.id == claim.id || says_the_same(other, &claim) || repeats(other, &claim)
        };
        match kept.iter_mut().find(same) {
            Some(other) => {
                other.confidence = 1.0 - (1.0 - other.confidence) * DOUBT_IF_AGREED;
                other.severity = other.severity.max(claim.severity);
                dropped.push(Dropped {
                    reason: DropReason::Duplicate,
                    path: claim.path,
                    line: claim.line,
                    title: claim.title,
                });
            }
            None => kept.push(claim),
        }
    }
    (kept, dropped)
}

/// Name a finding by the line it stands on. One that stands on no line of the
/// diff (a mode, a size) keeps the name its rule gave it.
pub fn refingerprint(change: &Change, finding: &mut Finding) {
    let Some(file) = change.file(&finding.path) else { return };
    let mut texts: Vec<&[u8]> = Vec::new();
    for line in file.lines().filter(|line| line.side() == finding.side) {
        let text = line.text.trim_ascii();
        if line.number() == finding.line {
            let nth = texts.iter().filter(|&&before| before == text).count();
            let what = match &finding.source {
                Source::Rule(id) => id,
                Source::Model(_) => &finding.category,
            };
            let text = String::from_utf8_lossy(text);
            finding.id = Fingerprint::new(&finding.path, finding.side, &text, nth, what);
            return;
        }
        texts.push(text);
    }
}

/// Hold what a model says now against what it said of hunks that have changed
/// since. A claim that repeats an earlier one takes over its name, so that it is
/// not said twice on the host; an earlier one that is not repeated holds on only
/// if its hunk was not read again. Gives the claims, and what stands without being
/// claimed again.
pub fn stand(
    mut claims: Vec<Finding>,
    resumed: &Resumed,
    read_again: impl Fn(&Finding) -> bool,
) -> (Vec<Finding>, Vec<Finding>) {
    let mut standing = resumed.standing.clone();
    let mut taken = HashSet::new();
    for earlier in &resumed.in_question {
        let repeated = claims
            .iter_mut()
            .filter(|claim| !taken.contains(&claim.id))
            .find(|claim| claim.id == earlier.id || repeats(claim, earlier));
        match repeated {
            Some(claim) => {
                claim.id = earlier.id.clone();
                taken.insert(claim.id.clone());
            }
            None if !read_again(earlier) => standing.push(earlier.clone()),
            None => {}
        }
    }
    (claims, standing)
}

/// Whether a model says of a nearby line what it said before, in other words.
fn repeats(claim: &Finding, earlier: &Finding) -> bool {
    const NEAR: u32 = 5;
    claim.path == earlier.path
        && claim.side == earlier.side
        && claim.line.abs_diff(earlier.line) <= NEAR
        && alike(&claim.title, &earlier.title)
}

/// A second look may raise a finding's confidence: from here on it is worth one.
const LEAST_JUDGED: f64 = 0.3;

/// Whether a finding will not be published however it is judged: it repeats what
/// a person put aside, what stands already, or is not sure enough.
pub fn is_settled(finding: &Finding, bars: &Bars<'_>) -> bool {
    finding.confidence < bars.min_confidence.min(LEAST_JUDGED)
        || bars.dismissed.iter().any(|known| same_remark(known, finding))
        || bars.standing.iter().any(|stands| stands.id == finding.id)
}

/// What [`settle`] holds findings to.
#[derive(Debug, Clone, Copy)]
pub struct Bars<'a> {
    /// Less sure ones are dropped.
    pub min_confidence: f64,
    /// No more are published.
    pub max_findings: usize,
    /// Findings of earlier runs that still hold: they stay where they are, and
    /// saying the same again is a duplicate.
    pub standing: &'a [Finding],
    /// Findings that a person put aside.
    pub dismissed: &'a [Known],
}

/// Drop what a person put aside, what is unsure, what was said before, and what
/// is too much; worst and surest first. Standing findings are part of the
/// result and come before new ones of their rank.
pub fn settle(found: Vec<Finding>, bars: &Bars<'_>) -> (Vec<Finding>, Vec<Dropped>) {
    let mut dropped = Vec::new();
    let mut drop = |finding: &Finding, reason| {
        dropped.push(Dropped {
            reason,
            path: finding.path.clone(),
            line: finding.line,
            title: finding.title.clone(),
        });
    };
    let mut fresh = Vec::new();
    for finding in found {
        if bars.dismissed.iter().any(|known| same_remark(known, &finding)) {
            drop(&finding, DropReason::Dismissed);
        } else if finding.confidence < bars.min_confidence {
            drop(&finding, DropReason::LowConfidence);
        } else {
            fresh.push(finding);
        }
    }
    // Rules before models: where both say the same, the rule's word is kept.
    fresh.sort_by(|a, b| {
        let by_model = |f: &Finding| matches!(f.source, Source::Model(_));
        by_model(a).cmp(&by_model(b)).then_with(|| rank(a, b))
    });
    let mut kept: Vec<Finding> = bars.standing.to_vec();
    let standing = kept.len();
    let mut ids: HashSet<Fingerprint> = kept.iter().map(|f| f.id.clone()).collect();
    for finding in fresh {
        if let Some(at) = kept[..standing].iter().position(|f| f.id == finding.id) {
            // The same finding found again: the fresh words and numbers are the truer ones.
            kept[at] = finding;
        } else if ids.contains(&finding.id)
            || kept.iter().any(|other| says_the_same(other, &finding))
        {
            drop(&finding, DropReason::Duplicate);
        } else {
            ids.insert(finding.id.clone());
            kept.push(finding);
        }
    }
    let stood: HashSet<Fingerprint> = bars.standing.iter().map(|f| f.id.clone()).collect();
    kept.sort_by(|a, b| rank(a, b).then_with(|| stood.contains(&b.id).cmp(&stood.contains(&a.id))));
    // What people already see is not withdrawn for want of room.
    let mut room = bars.max_findings.saturating_sub(stood.len());
    kept.retain(|finding| {
        if stood.contains(&finding.id) {
            return true;
        }
        if room == 0 {
            drop(finding, DropReason::OverLimit);
            return false;
        }
        room -= 1;
        true
    });
    (kept, dropped)
}

/// By severity times confidence, then by severity, then by place.
fn rank(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    weight(b)
        .total_cmp(&weight(a))
        .then_with(|| b.severity.cmp(&a.severity))
        .then_with(|| a.path.cmp(&b.path))
        .then_with(|| a.line.cmp(&b.line))
}

/// What a finding is worth reading: each severity is worth twice the one below,
/// times how likely it is to be right.
fn weight(finding: &Finding) -> f64 {
    let severity = match finding.severity {
        Severity::Info => 1.0,
        Severity::Low => 2.0,
        Severity::Medium => 4.0,
        Severity::High => 8.0,
        Severity::Critical => 16.0,
    };
    severity * finding.confidence
}

/// Whether two findings are one remark: the same place, and the same subject or
/// much the same words.
fn says_the_same(a: &Finding, b: &Finding) -> bool {
    let overlap =
        a.path == b.path && a.side == b.side && a.line <= b.end_line && b.line <= a.end_line;
    if !overlap {
        return false;
    }
    match (&a.source, &b.source) {
        // A rule may say several things of one line; only its own repetition is one.
        (Source::Rule(one), Source::Rule(other)) => {
            one == other && a.line == b.line && alike(&a.title, &b.title)
        }
        // Two defects of a kind may lie close together: from where they begin.
        _ => {
            (a.category == b.category && a.line == b.line)
                || alike(&a.title, &b.title)
                || tell_alike(a, b)
        }
    }
}

/// Whether a finding repeats one that was put aside. Wording and severity do
/// not matter; a model's other category for the same line with like words does not either.
fn same_remark(known: &Known, finding: &Finding) -> bool {
    known.id == finding.id
        || known.path == finding.path
            && known.side == finding.side
            && known.line == finding.line
            && matches!(known.source, Source::Model(_))
            && matches!(finding.source, Source::Model(_))
            && (known.category == finding.category || alike(&known.title, &finding.title))
}

/// Whether two findings tell the same story: measured on claims of several passes
/// over six changes, what was one defect in other words shared 0.57 or more of the
/// shorter one's longer words, what was another on the same lines 0.40 or less.
fn tell_alike(a: &Finding, b: &Finding) -> bool {
    const SHARED: f64 = 0.5;
    let words = |finding: &Finding| -> HashSet<String> {
        let text = [finding.title.as_str(), finding.body.as_str()].join(" ");
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| word.len() > 3)
            .map(str::to_lowercase)
            .collect()
    };
    let (a, b) = (words(a), words(b));
    let least = a.len().min(b.len());
    least > 5 && a.intersection(&b).count() as f64 >= SHARED * least as f64
}

/// Whether two titles share at least half of the words of the shorter one.
pub(crate) fn alike(a: &str, b: &str) -> bool {
    let words = |text: &str| -> HashSet<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() > 2)
            .map(str::to_lowercase)
            .collect()
    };
    let (a, b) = (words(a), words(b));
    let least = a.len().min(b.len());
    least > 0 && 2 * a.intersection(&b).count() >= least
}
