//! The JSON report of coverage.py (`coverage json`), formats 1 to 3.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::coverage::{Builder, CoverageReport, LineHits};
use super::{Format, ReadError, text};

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    files: BTreeMap<Cow<'a, str>, File>,
}

#[derive(Deserialize)]
struct File {
    executed_lines: Vec<u32>,
    missing_lines: Vec<u32>,
    #[serde(default)]
    executed_branches: Vec<(i64, i64)>,
    #[serde(default)]
    missing_branches: Vec<(i64, i64)>,
}

/// Reads a report.
pub fn read(bytes: &[u8]) -> Result<CoverageReport, ReadError> {
    let text = text::decode(bytes);
    let report: Report<'_> =
        serde_json::from_str(&text).map_err(|error| ReadError::json(Format::CoveragePy, &error))?;
    let mut builder = Builder::new(Format::CoveragePy);
    for (path, file) in &report.files {
        let mut branches: BTreeMap<i64, (u32, u32)> = BTreeMap::new();
        for (list, hit) in [(&file.executed_branches, 1), (&file.missing_branches, 0)] {
            for &(from, _) in list {
                let sums = branches.entry(from).or_default();
                sums.0 += 1;
                sums.1 += hit;
            }
        }
        let records = builder.records();
        records.groups += 1;
        records.lines += file.executed_lines.len() + file.missing_lines.len();
        records.hit += file.executed_lines.len();
        let lines = &mut builder.file(path, None).lines;
        for (list, hits) in [(&file.executed_lines, 1), (&file.missing_lines, 0)] {
            lines.extend(list.iter().map(|&number| {
                let (branches, branches_hit) =
                    branches.get(&i64::from(number)).copied().unwrap_or_default();
                LineHits { number, hits, branches, branches_hit }
            }));
        }
    }
    Ok(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executed_and_missing_lines_are_read() {
        let text = r#"{"meta":{},"files":{"a.py":{"executed_lines":[1,3],"missing_lines":[2],
            "executed_branches":[[1,2]],"missing_branches":[[1,-1]]}},"totals":{}}"#;
        let report = read(text.as_bytes()).unwrap();
        let numbers: Vec<_> =
            report.files[0].lines.iter().map(|line| (line.number, line.hits)).collect();
        assert_eq!(numbers, [(1, 1), (2, 0), (3, 1)]);
        assert_eq!((report.totals().branches, report.totals().branches_covered), (2, 1));
    }

    #[test]
    fn malformed_reports_are_refused() {
        let error = read(b"{\"files\":{\"a\":{\n}}}").unwrap_err();
        assert_eq!(error.line, Some(2));
        assert!(error.what.contains("executed_lines"), "{error}");
    }
}
