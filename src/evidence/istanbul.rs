//! Istanbul's JSON: `coverage-final.json` (nyc, Jest, Vitest) and `coverage-summary.json`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::coverage::{Builder, CoverageReport, LineHits, Totals};
use super::{Format, ReadError, text};

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    path: Option<Cow<'a, str>>,
    #[serde(rename = "statementMap", default)]
    statements: BTreeMap<u32, Span>,
    #[serde(default)]
    s: BTreeMap<u32, u64>,
    #[serde(rename = "branchMap", default)]
    branch_map: BTreeMap<u32, Branch>,
    #[serde(default)]
    b: BTreeMap<u32, Vec<u64>>,
    /// Only in a summary.
    lines: Option<Part>,
    branches: Option<Part>,
}

#[derive(Deserialize)]
struct Span {
    start: Point,
}

#[derive(Deserialize)]
struct Branch {
    loc: Option<Span>,
    line: Option<u32>,
}

#[derive(Deserialize)]
struct Point {
    line: Option<u32>,
}

#[derive(Deserialize, Default)]
struct Part {
    total: usize,
    covered: usize,
}

/// Reads either file. A line is executable if a statement starts on it, and
/// ran as often as the most executed of those; a summary gives totals alone.
pub fn read(bytes: &[u8]) -> Result<CoverageReport, ReadError> {
    let text = text::decode(bytes);
    let entries: BTreeMap<Cow<'_, str>, Entry<'_>> =
        serde_json::from_str(&text).map_err(|error| ReadError::json(Format::Istanbul, &error))?;
    let mut builder = Builder::new(Format::Istanbul);
    for (key, entry) in &entries {
        if key == "total" && entry.lines.is_some() {
            continue;
        }
        let lines = line_hits(entry);
        let records = builder.records();
        records.groups += 1;
        records.lines += lines.len();
        records.hit += lines.values().filter(|line| line.hits > 0).count();
        let file = builder.file(entry.path.as_ref().unwrap_or(key), None);
        file.lines.extend(lines.into_values());
        if let Some(lines) = &entry.lines {
            let none = Part::default();
            let branches = entry.branches.as_ref().unwrap_or(&none);
            file.declared = Some(Totals {
                lines: lines.total,
                covered: lines.covered,
                branches: branches.total,
                branches_covered: branches.covered,
            });
        }
    }
    Ok(builder.finish())
}

fn line_hits(entry: &Entry<'_>) -> BTreeMap<u32, LineHits> {
    let mut lines: BTreeMap<u32, LineHits> = BTreeMap::new();
    for (id, span) in &entry.statements {
        let Some(number) = span.start.line else { continue };
        let hits = entry.s.get(id).copied().unwrap_or(0);
        let line = lines.entry(number).or_insert_with(|| LineHits::new(number, 0));
        line.hits = line.hits.max(hits);
    }
    for (id, branch) in &entry.branch_map {
        let start = branch.loc.as_ref().and_then(|loc| loc.start.line);
        let Some(line) = branch.line.or(start).and_then(|number| lines.get_mut(&number)) else {
            continue;
        };
        let counts = entry.b.get(id).map_or(&[][..], Vec::as_slice);
        line.branches += u32::try_from(counts.len()).unwrap_or(0);
        let hit = counts.iter().filter(|&&count| count > 0).count();
        line.branches_hit += u32::try_from(hit).unwrap_or(0);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_become_lines() {
        let text = r#"{"/ci/a.js":{"path":"/ci/a.js","statementMap":{
            "0":{"start":{"line":2,"column":0},"end":{"line":2,"column":9}},
            "1":{"start":{"line":2,"column":4},"end":{"line":2,"column":9}},
            "2":{"start":{"line":3,"column":0},"end":{"line":3,"column":9}}},
            "branchMap":{"0":{"loc":{"start":{"line":3}},"locations":[{},{}]}},
            "fnMap":{},"s":{"0":1,"1":4,"2":0},"f":{},"b":{"0":[0,2]}}}"#;
        let report = read(text.as_bytes()).unwrap();
        let lines: Vec<_> =
            report.files[0].lines.iter().map(|line| (line.number, line.hits)).collect();
        assert_eq!(lines, [(2, 4), (3, 0)]);
        assert_eq!((report.totals().branches, report.totals().branches_covered), (2, 1));
    }

    #[test]
    fn a_summary_gives_totals_alone() {
        let text = r#"{"total":{"lines":{"total":7,"covered":5,"skipped":0,"pct":71.4}},
            "/ci/a.js":{"lines":{"total":7,"covered":5,"skipped":0,"pct":"Unknown"}}}"#;
        let report = read(text.as_bytes()).unwrap();
        assert_eq!(report.totals().lines, 0);
        let declared = report.declared().unwrap();
        assert_eq!((declared.lines, declared.covered), (7, 5));
    }
}
