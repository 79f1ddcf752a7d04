//! What a new version writes that the one before did not, or far more often.

use std::collections::HashMap;
use std::io::{self, Read};
use std::time::Duration;

use super::allow::Allow;
use super::clean::clean;
use super::miner::{Miner, Settings, TemplateId};
use super::severity::Severity;
use super::spread::Spread;
use super::trace::{Part, part};
use super::{rate, record, severity, startup, stream, trace, when};

/// How long each side was listened to, where known: used where the lines themselves do
/// not tell how much was going on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lengths {
    /// The new version.
    pub canary: Option<Duration>,
    /// The old one.
    pub baseline: Option<Duration>,
}

/// Lines of both versions, by class.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Classes {
    /// What only the new version writes, the most telling first: by severity, then
    /// `stable`, then how often.
    pub new: Vec<Classed>,
    /// What it writes far more often, in the same order.
    pub rising: Vec<Classed>,
    /// Templates of both, no more often than before.
    pub known: usize,
    /// Templates of the new version all of whose lines are allowed.
    pub allowed: usize,
    /// Templates of a process that starts or ends.
    pub startup: usize,
    /// Lines of the new version.
    pub canary_lines: u64,
    /// Lines of the old one.
    pub baseline_lines: u64,
}

/// A template that is news.
#[derive(Debug, Clone, PartialEq)]
pub struct Classed {
    /// The template, `<*>` where lines differ.
    pub template: String,
    /// Lines of the new version.
    pub canary: u64,
    /// Lines of the old one.
    pub baseline: u64,
    /// A line of the new version, without colours, cut where very long.
    pub line: String,
    /// How bad what it tells of is.
    pub severity: Severity,
    /// Whether it comes again and again; `false` for once, or in one burst. Where lines
    /// have no times, many of them are enough.
    pub stable: bool,
    /// In how many of ten equal parts of the new version's time (its lines, where they
    /// have no times) it was seen.
    pub parts: u8,
    /// How many times as often as the baseline, per line that both write; infinite
    /// where the baseline has none.
    pub ratio: f64,
    /// The chance of that many lines, were both versions alike; not corrected for the
    /// number of templates.
    pub p: f64,
}

/// What is kept of an example, in bytes.
const EXAMPLE: usize = 2 * 1024;

#[derive(Debug)]
struct Entry {
    canary: u64,
    baseline: u64,
    allowed: u64,
    line: Option<Box<str>>,
    /// The place of the first line of the new version.
    first: u64,
    places: Spread,
    times: Spread,
}

impl Default for Entry {
    fn default() -> Self {
        Entry {
            canary: 0,
            baseline: 0,
            allowed: 0,
            line: None,
            first: u64::MAX,
            places: Spread::default(),
            times: Spread::default(),
        }
    }
}

/// By template, as it was named when the line came, and severity.
type Entries = HashMap<(TemplateId, Severity), Entry>;

#[derive(Debug, Default)]
struct Side {
    lines: u64,
    first_at: Option<i64>,
    last_at: i64,
    /// How bad the last line that stands by itself was, and whether it was allowed.
    owner: Option<(Severity, bool)>,
    /// Whether the last line was a frame of a stack trace.
    inside: bool,
    /// Lines with a time.
    timed: u64,
}

/// Streams both sides, in any order, and classes what the new version writes.
#[derive(Debug)]
pub struct Comparison {
    miner: Miner,
    allow: Allow,
    entries: Entries,
    canary: Side,
    baseline: Side,
}

impl Side {
    /// From the first line to the last.
    fn seconds(&self) -> u64 {
        let first = self.first_at.unwrap_or_default();
        u64::try_from(self.last_at.saturating_sub(first)).unwrap_or(0) / 1000
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Canary,
    Baseline,
}

impl Comparison {
    /// A comparison that has seen nothing.
    pub fn new(settings: Settings, allow: Allow) -> Self {
        Comparison {
            miner: Miner::new(settings),
            allow,
            entries: HashMap::new(),
            canary: Side::default(),
            baseline: Side::default(),
        }
    }

    /// A line of the new version, and when it was written in milliseconds since 1970.
    pub fn canary(&mut self, line: &str, at: Option<i64>) {
        self.add(line, at, Whose::Canary);
    }

    /// A line of the old version, and when it was written in milliseconds since 1970.
    pub fn baseline(&mut self, line: &str, at: Option<i64>) {
        self.add(line, at, Whose::Baseline);
    }

    /// All lines of the new version, plain or gzip. Err: the stream broke off; what
    /// came before counts.
    pub fn read_canary(&mut self, bytes: impl Read) -> io::Result<u64> {
        stream::lines(bytes, |line| self.canary(line, None))
    }

    /// All lines of the old version, plain or gzip. Err: the stream broke off; what
    /// came before counts.
    pub fn read_baseline(&mut self, bytes: impl Read) -> io::Result<u64> {
        stream::lines(bytes, |line| self.baseline(line, None))
    }

    fn add(&mut self, line: &str, at: Option<i64>, whose: Whose) {
        let line = clean(line);
        let side = match whose {
            Whose::Canary => &mut self.canary,
            Whose::Baseline => &mut self.baseline,
        };
        side.lines += 1;
        if line.trim().is_empty() {
            return;
        }
        let place = side.lines - 1;
        let time = at.or_else(|| when::at(&line)).map(|at| {
            let first = *side.first_at.get_or_insert(at);
            side.last_at = if side.timed == 0 { at } else { side.last_at.max(at) };
            side.timed += 1;
            u64::try_from(at.saturating_sub(first)).unwrap_or(0) / 1000
        });
        let record = record::read(&line);
        let (severity, message, allowed) = match (part(&record.message, side.inside), side.owner) {
            (Part::Frame, _) => {
                side.inside = true;
                return;
            }
            (Part::Cause, Some((owner @ (Severity::Error | Severity::Warning), allowed))) => {
                let allowed = allowed || self.allow.is_match(&line);
                (owner, trace::cause(&record.message), allowed)
            }
            (part, _) => {
                let bad = part == Part::Cause;
                let severity = if bad {
                    Severity::Error
                } else {
                    severity::severity(record.level, &record.message)
                };
                let allowed = self.allow.is_match(&line);
                side.owner = Some((severity, allowed));
                (severity, trace::cause(&record.message), allowed)
            }
        };
        side.inside = false;
        let example = &line[..super::clean::edge(&line, EXAMPLE)];
        let id = self.miner.add_message(message, example, severity > Severity::Other);
        let entry = self.entries.entry((id, severity)).or_default();
        match whose {
            Whose::Baseline => entry.baseline += 1,
            Whose::Canary if allowed => entry.allowed += 1,
            Whose::Canary => {
                entry.canary += 1;
                entry.places.mark(place);
                if let Some(time) = time {
                    entry.times.mark(time);
                }
                if entry.line.is_none() {
                    entry.first = place;
                    entry.line = Some(line[..super::clean::edge(&line, EXAMPLE)].into());
                }
            }
        }
    }

    /// What the new version writes, classed.
    pub fn finish(mut self, lengths: Lengths) -> Classes {
        let mut classes = Classes {
            canary_lines: self.canary.lines,
            baseline_lines: self.baseline.lines,
            ..Classes::default()
        };
        let entries = self.resolved();
        let share = self.share(&entries, lengths);
        let tested = entries.values().filter(|entry| entry.canary > 0).count().max(1);
        for ((id, severity), entry) in &entries {
            if entry.canary == 0 {
                classes.allowed += usize::from(entry.allowed > 0);
                continue;
            }
            let p = rate::chance_of_more(entry.canary, entry.baseline, share);
            let expected = entry.baseline as f64 * share / (1.0 - share);
            let ratio = if expected > 0.0 { entry.canary as f64 / expected } else { f64::INFINITY };
            let (parts, last) = self.parts(entry);
            // Without times the order of lines says little of when they were written.
            let many = !self.is_timed() && (entry.canary >= 10 || entry.canary >= 5 && last >= 3);
            let stable = entry.canary >= 3 && parts >= 3 && last >= 3 || many;
            let rising = entry.baseline > 0 && ratio >= 2.0 && p * (tested as f64) < 0.01;
            if entry.baseline > 0 && !rising {
                classes.known += 1;
                continue;
            }
            if entry.baseline == 0 && self.is_expected(&entries, *id, *severity) {
                classes.known += 1;
                continue;
            }
            let line = entry.line.as_deref().unwrap_or_default();
            if entry.baseline == 0
                && *severity != Severity::Error
                && (last == 0 || !stable && startup::sounds_like_it(line))
            {
                classes.startup += 1;
                continue;
            }
            let classed = Classed {
                template: self.miner.template(*id),
                canary: entry.canary,
                baseline: entry.baseline,
                line: line.to_owned(),
                severity: *severity,
                stable,
                parts,
                ratio,
                p,
            };
            if rising { classes.rising.push(classed) } else { classes.new.push(classed) }
        }
        for list in [&mut classes.new, &mut classes.rising] {
            list.sort_by(|a, b| {
                (b.severity, b.stable, b.canary, &a.template).cmp(&(
                    a.severity,
                    a.stable,
                    a.canary,
                    &b.template,
                ))
            });
        }
        classes
    }

    /// Entries by what their templates have become since.
    fn resolved(&mut self) -> Entries {
        let mut resolved = Entries::new();
        for ((id, severity), entry) in std::mem::take(&mut self.entries) {
            let into = resolved.entry((self.miner.resolve(id), severity)).or_default();
            into.canary += entry.canary;
            into.baseline += entry.baseline;
            into.allowed += entry.allowed;
            into.places.join(entry.places);
            into.times.join(entry.times);
            into.first = into.first.min(entry.first);
            if into.line.is_none() || entry.line.is_some() && into.first == entry.first {
                into.line = entry.line;
            }
        }
        resolved
    }

    /// Whether a template that only the new version has is one of a kind whose words
    /// keep changing in the baseline too, so that another is no news: the chance of a
    /// word never seen before is about the share of words seen once (Good 1953).
    fn is_expected(&self, entries: &Entries, id: TemplateId, severity: Severity) -> bool {
        let (mut lines, mut once) = (0_u64, 0_u64);
        let (mut unseen, mut canary) = (0_u64, 0_u64);
        for sibling in self.miner.siblings(id) {
            let Some(entry) = entries.get(&(sibling, severity)) else { continue };
            lines += entry.baseline;
            once += u64::from(entry.baseline == 1);
            canary += entry.canary;
            unseen += u64::from(entry.baseline == 0 && entry.canary > 0);
        }
        let Some(own) = entries.get(&(id, severity)) else { return false };
        canary += own.canary;
        unseen += 1;
        once >= 2
            && own.canary <= 2
            && rate::chance_of_at_least(unseen, canary, once as f64 / lines as f64) > 0.01
    }

    /// In how many of ten parts of the new version's stream an entry was seen, and the
    /// last of them.
    fn parts(&self, entry: &Entry) -> (u8, u64) {
        let over = if self.is_timed() {
            entry.times.over(self.canary.seconds() + 1, 10)
        } else {
            entry.places.over(self.canary.lines, 10)
        };
        over.map_or((0, 0), |(parts, _, last)| (parts as u8, last))
    }

    /// Whether the new version's lines tell when they were written.
    fn is_timed(&self) -> bool {
        self.canary.timed * 2 > self.canary.lines && self.canary.seconds() >= 10
    }

    /// The new version's part of all that was going on: by what both write that tells of
    /// no trouble, or else by time, or by lines.
    fn share(&self, entries: &Entries, lengths: Lengths) -> f64 {
        let shared = entries.iter().filter(|((_, severity), entry)| {
            *severity == Severity::Other && entry.canary > 0 && entry.baseline > 0
        });
        let (canary, baseline) = shared
            .clone()
            .fold((0, 0), |(a, b), (_, entry)| (a + entry.canary, b + entry.baseline));
        // All of them, and the template in the middle: one that was made to talk more
        // does not make errors look rare, and one that talks less not frequent.
        let both = canary as f64 / ((canary + baseline) as f64).max(1.0);
        let mut ratios: Vec<(f64, f64)> = shared
            .map(|(_, entry)| {
                let (canary, baseline) = (entry.canary as f64, entry.baseline as f64);
                (canary / (canary + baseline), canary.min(baseline))
            })
            .collect();
        ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
        let all: f64 = ratios.iter().map(|(_, weight)| weight).sum();
        if all >= 10.0 {
            let mut below = 0.0;
            for (ratio, weight) in &ratios {
                below += weight;
                if below * 2.0 >= all {
                    return ratio.max(both);
                }
            }
        }
        if let (Some(canary), Some(baseline)) = (lengths.canary, lengths.baseline) {
            let (canary, baseline) = (canary.as_secs_f64(), baseline.as_secs_f64());
            if canary > 0.0 && baseline > 0.0 {
                return canary / (canary + baseline);
            }
        }
        let (canary, baseline) =
            (self.canary.lines.max(1) as f64, self.baseline.lines.max(1) as f64);
        canary / (canary + baseline)
    }
}

/// Classes lines that are all here.
pub fn compare<S: AsRef<str>>(
    canary: &[S],
    baseline: &[S],
    allow: Allow,
    lengths: Lengths,
) -> Classes {
    let mut comparison = Comparison::new(Settings::default(), allow);
    baseline.iter().for_each(|line| comparison.baseline(line.as_ref(), None));
    canary.iter().for_each(|line| comparison.canary(line.as_ref(), None));
    comparison.finish(lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_comes_again_and_again_is_new() {
        let baseline: Vec<String> =
            (0..1000).map(|n| format!("INFO served request {n} in {n} ms")).collect();
        let mut canary = baseline.clone();
        for n in 0..20 {
            canary.insert(n * 45, format!("ERROR cannot reach db-{n}.internal:5432"));
        }
        let classes = compare(&canary, &baseline, Allow::default(), Lengths::default());
        assert_eq!(classes.new.len(), 1, "{classes:?}");
        assert!(classes.new[0].stable);
        assert_eq!(classes.new[0].severity, Severity::Error);
        assert_eq!(classes.known, 1);
    }
}
