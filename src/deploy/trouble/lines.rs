//! The lines of a log that tell why a step failed.

use std::collections::HashMap;

use serde::Serialize;

use crate::log::clean::clean;
use crate::log::{Miner, Settings, Severity, TemplateId, record, severity, trace};
use crate::redact::shorten;

/// As much of a log's end as is read, in bytes.
const READ: usize = 8 << 20;
/// Most kinds of lines that are given.
const MOST: usize = 8;
/// Lines of the end, where none tells of trouble.
const TAIL: usize = 5;
/// Most characters of a line.
const LONGEST: usize = 400;

/// A line that stands for all of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The first of them.
    pub text: String,
    /// How many are alike but for names and numbers.
    pub count: u64,
}

/// The telling lines: those of errors, one a kind, the kinds that came last first, for
/// what ends a step stands at its end; else warnings; else the log's last lines.
pub fn telling(bytes: &[u8]) -> Vec<Line> {
    let from = bytes.len().saturating_sub(READ);
    let text = String::from_utf8_lossy(bytes.get(from..).unwrap_or_default());
    let mut errors = Kinds::new();
    let mut warnings = Kinds::new();
    let mut tail: Vec<String> = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        let cleaned = clean(line);
        let bare = record::without_times(&cleaned);
        if bare.trim().is_empty() {
            continue;
        }
        inside = trace::part(bare, inside) == trace::Part::Frame;
        if inside {
            continue;
        }
        let read = record::read(&cleaned);
        match severity::severity(read.level, &read.message) {
            Severity::Error => errors.add(at, &cleaned),
            Severity::Warning => warnings.add(at, &cleaned),
            Severity::Other => {}
        }
        if tail.len() == TAIL {
            tail.remove(0);
        }
        tail.push(shorten(cleaned.trim(), LONGEST).into_owned());
    }
    for kinds in [errors, warnings] {
        let lines = kinds.finish();
        if !lines.is_empty() {
            return lines;
        }
    }
    tail.into_iter().map(|text| Line { text, count: 1 }).collect()
}

/// Lines by template, each with where it stood last.
struct Kinds {
    miner: Miner,
    last: HashMap<TemplateId, usize>,
}

impl Kinds {
    fn new() -> Self {
        let settings = Settings { templates: 1_000, ..Settings::default() };
        Kinds { miner: Miner::new(settings), last: HashMap::new() }
    }

    fn add(&mut self, at: usize, line: &str) {
        let id = self.miner.add(line);
        // Beyond this many kinds nothing is told by a further one.
        if self.last.len() < 2_000 || self.last.contains_key(&id) {
            self.last.insert(id, at);
        }
    }

    fn finish(self) -> Vec<Line> {
        let mut found: Vec<(usize, Line)> = Vec::new();
        for template in self.miner.templates() {
            let ends = self.last.iter().filter(|(id, _)| self.miner.resolve(**id) == template.id);
            let at = ends.map(|(_, at)| *at).max().unwrap_or(0);
            let text = shorten(clean(&template.example).trim(), LONGEST).into_owned();
            found.push((at, Line { text, count: template.count }));
        }
        found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        found.truncate(MOST);
        found.into_iter().map(|(_, line)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(log: &str) -> Vec<(String, u64)> {
        telling(log.as_bytes()).into_iter().map(|line| (line.text, line.count)).collect()
    }

    #[test]
    fn lines_of_trouble_are_told_once_a_kind() {
        let log = "INFO start\n\
                   ERROR cannot reach 10.0.0.1:5432\n\
                   ERROR cannot reach 10.0.0.2:5432\n\
                   INFO retry\n\
                   panic: no database\n\
                   goroutine 1 [running]:\n";
        assert_eq!(
            texts(log),
            [
                ("panic: no database".to_owned(), 1),
                ("ERROR cannot reach 10.0.0.1:5432".to_owned(), 2)
            ]
        );
    }

    #[test]
    fn warnings_then_the_end_stand_in_for_errors() {
        assert_eq!(texts("INFO a\nWARN slow\n"), [("WARN slow".to_owned(), 1)]);
        let calm = "one\ntwo\nthree\nfour\nfive\nsix\n";
        let lines: Vec<String> = texts(calm).into_iter().map(|(text, _)| text).collect();
        assert_eq!(lines, ["two", "three", "four", "five", "six"]);
        assert!(texts("").is_empty());
        assert!(texts("\n \n").is_empty());
    }

    #[test]
    fn no_bytes_are_too_odd() {
        assert_eq!(telling(b"ERROR \xff\xfe broke").len(), 1);
        let long = format!("ERROR {}", "x".repeat(1 << 20));
        assert!(telling(long.as_bytes())[0].text.chars().count() <= LONGEST + 1);
    }
}
