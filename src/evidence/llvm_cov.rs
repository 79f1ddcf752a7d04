//! The JSON of `llvm-cov export`, versions 2 and 3, as cargo-llvm-cov passes it on.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::coverage::{Builder, CoverageReport, LineHits, Totals};
use super::{Format, ReadError, text};

#[derive(Deserialize)]
struct Export<'a> {
    #[serde(borrow)]
    data: Vec<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    files: Vec<File<'a>>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    filename: Cow<'a, str>,
    #[serde(default)]
    segments: Vec<RawSegment>,
    summary: Option<Summary>,
}

#[derive(Deserialize)]
struct Summary {
    lines: Part,
    branches: Option<Part>,
}

#[derive(Deserialize, Default)]
struct Part {
    count: usize,
    covered: usize,
}

/// Line, column, count, has count, is region entry, and (since 2.0) is gap.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawSegment {
    New(u32, IgnoredAny, u64, bool, bool, bool),
    Old(u32, IgnoredAny, u64, bool, bool),
}

/// Where a region starts, or where the one around it goes on.
#[derive(Clone, Copy)]
struct Segment {
    line: u32,
    count: u64,
    counted: bool,
    entry: bool,
    gap: bool,
}

impl Segment {
    fn starts_region(&self) -> bool {
        self.entry && self.counted && !self.gap
    }
}

/// Reads an export. Lines come from the segments, by the rules of LLVM's own
/// line statistics; an export with `-summary-only` has no segments, and gives
/// its files' totals alone.
pub fn read(bytes: &[u8]) -> Result<CoverageReport, ReadError> {
    let text = text::decode(bytes);
    let export: Export<'_> =
        serde_json::from_str(&text).map_err(|error| ReadError::json(Format::LlvmCov, &error))?;
    let mut builder = Builder::new(Format::LlvmCov);
    for file in export.data.iter().flat_map(|data| &data.files) {
        let lines = line_hits(&file.segments, &mut builder)?;
        let records = builder.records();
        records.groups += 1;
        records.lines += lines.len();
        records.hit += lines.iter().filter(|line| line.hits > 0).count();
        let hits = builder.file(&file.filename, None);
        hits.lines.extend(lines);
        if let Some(summary) = &file.summary {
            let none = Part::default();
            let branches = summary.branches.as_ref().unwrap_or(&none);
            hits.declared = Some(Totals {
                lines: summary.lines.count,
                covered: summary.lines.covered,
                branches: branches.count,
                branches_covered: branches.covered,
            });
        }
    }
    Ok(builder.finish())
}

/// A line counts if a region that has a count starts on it or goes on over it;
/// it ran as often as the most executed of those.
fn line_hits(raw: &[RawSegment], builder: &mut Builder) -> Result<Vec<LineHits>, ReadError> {
    let mut segments: Vec<Segment> = raw
        .iter()
        .map(|raw| match *raw {
            RawSegment::New(line, _, count, counted, entry, gap) => {
                Segment { line, count, counted, entry, gap }
            }
            RawSegment::Old(line, _, count, counted, entry) => {
                Segment { line, count, counted, entry, gap: false }
            }
        })
        .collect();
    segments.sort_by_key(|segment| segment.line);
    let mut lines = Vec::new();
    let mut around: Option<Segment> = None;
    let mut next = segments.first().map_or(0, |segment| segment.line);
    for here in segments.chunk_by(|a, b| a.line == b.line) {
        let number = here[0].line;
        // Between two lines with segments, the region around goes on.
        if let Some(around) = around.filter(|around| around.counted) {
            builder.spread((number - next) as usize)?;
            lines.extend((next..number).map(|line| LineHits::new(line, around.count)));
        }
        let skipped = !here[0].counted && here[0].entry;
        let wrapped = around.filter(|around| around.counted);
        let starts = here.iter().filter(|segment| segment.starts_region());
        let most = starts.map(|segment| segment.count).max();
        let mapped = (!skipped && (wrapped.is_some() || most.is_some()))
            || here.iter().any(|segment| segment.entry && segment.counted);
        if mapped {
            let wrapped = around.map_or(0, |around| around.count);
            lines.push(LineHits::new(number, wrapped.max(most.unwrap_or(0))));
        }
        around = here.last().copied();
        next = number.saturating_add(1);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(segments: &str, expect: &[(u32, u64)]) {
        let text = format!(
            r#"{{"data":[{{"files":[{{"filename":"a.rs","segments":{segments}}}]}}],"type":"llvm.coverage.json.export","version":"2.0.1"}}"#
        );
        let report = read(text.as_bytes()).unwrap();
        let lines: Vec<_> =
            report.files[0].lines.iter().map(|line| (line.number, line.hits)).collect();
        assert_eq!(lines, expect, "{segments}");
    }

    #[test]
    fn segments_become_lines() {
        check("[]", &[]);
        check("[[2,1,5,true,true,false],[4,2,0,false,false,false]]", &[(2, 5), (3, 5), (4, 5)]);
        // A gap between regions starts no line of its own.
        check(
            "[[1,1,3,true,true,false],[2,9,0,true,true,true],[3,5,0,true,true,false],[4,6,3,true,false,false],[5,2,0,false,false,false]]",
            &[(1, 3), (2, 3), (3, 0), (4, 0), (5, 3)],
        );
        // A skipped region (a preprocessor branch) has no lines.
        check("[[1,1,0,false,true,false],[3,1,0,false,false,false]]", &[]);
        // The five-field form of old versions.
        check("[[7,1,0,true,true],[8,2,0,false,false]]", &[(7, 0), (8, 0)]);
    }

    #[test]
    fn a_range_of_billions_is_refused() {
        let text = r#"{"data":[{"files":[{"filename":"a","segments":[[1,1,1,true,true,false],[4294967295,1,0,false,false,false]]}]}]}"#;
        assert!(read(text.as_bytes()).unwrap_err().what.contains("span more than"));
    }
}
