//! lcov tracefiles, as `geninfo(1)` describes them.

use std::collections::HashMap;

use super::coverage::{Builder, CoverageReport, LineHits, Totals, count};
use super::{Format, ReadError, text};

/// Reads a tracefile. Records that are not about lines or branches are passed
/// over; a record of ours that is malformed, or a file's part without
/// `end_of_record`, is an error.
pub fn read(bytes: &[u8]) -> Result<CoverageReport, ReadError> {
    let text = text::decode(bytes);
    let mut builder = Builder::new(Format::Lcov);
    let mut part: Option<Part<'_>> = None;
    let mut last = 0;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        last = number;
        let bad = |what: &str| {
            ReadError::at(Format::Lcov, number, None, format!("{what}: `{}`", text::head(line, 80)))
        };
        let line = line.trim_end();
        if let Some(path) = line.strip_prefix("SF:") {
            if let Some(open) = &part {
                let what = format!("`SF` before `{}` got its end_of_record", open.path);
                return Err(bad(&what));
            }
            part = Some(Part::new(path));
            continue;
        }
        if line == "end_of_record" {
            let open = part.take().ok_or_else(|| bad("end_of_record without `SF`"))?;
            open.close(&mut builder);
            continue;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        if !matches!(key, "DA" | "BRDA" | "LF" | "LH" | "BRF" | "BRH") {
            continue;
        }
        let Some(open) = &mut part else {
            return Err(bad("a record that belongs to no `SF`"));
        };
        open.record(key, value).ok_or_else(|| bad("malformed record"))?;
    }
    match part {
        None => Ok(builder.finish()),
        Some(open) => Err(ReadError::at(
            Format::Lcov,
            last,
            None,
            format!("the file ends before `{}` got its end_of_record", open.path),
        )),
    }
}

/// What stands between `SF` and `end_of_record`.
struct Part<'a> {
    path: &'a str,
    lines: Vec<LineHits>,
    branches: HashMap<u32, (u32, u32)>,
    declared: Option<Totals>,
}

impl<'a> Part<'a> {
    fn new(path: &'a str) -> Self {
        Part { path, lines: Vec::new(), branches: HashMap::new(), declared: None }
    }

    fn record(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "DA" => {
                let mut fields = value.split(',');
                let number = fields.next()?.trim().parse().ok()?;
                let hits = count(fields.next()?)?;
                self.lines.push(LineHits::new(number, hits));
            }
            "BRDA" => {
                let (number, rest) = value.split_once(',')?;
                let (_, taken) = rest.rsplit_once(',')?;
                // A dash: the line never ran.
                let taken = if taken.trim() == "-" { 0 } else { count(taken)? };
                let sums = self.branches.entry(number.trim().parse().ok()?).or_default();
                sums.0 = sums.0.saturating_add(1);
                sums.1 = sums.1.saturating_add(u32::from(taken > 0));
            }
            _ => {
                let totals = self.declared.get_or_insert_default();
                let field = match key {
                    "LF" => &mut totals.lines,
                    "LH" => &mut totals.covered,
                    "BRF" => &mut totals.branches,
                    _ => &mut totals.branches_covered,
                };
                *field = value.trim().parse().ok()?;
            }
        }
        Some(())
    }

    fn close(mut self, builder: &mut Builder) {
        for line in &mut self.lines {
            if let Some(&(branches, hit)) = self.branches.get(&line.number) {
                line.branches = branches;
                line.branches_hit = hit;
            }
        }
        let records = builder.records();
        records.groups += 1;
        records.lines += self.lines.len();
        records.hit += self.lines.iter().filter(|line| line.hits > 0).count();
        let file = builder.file(self.path, None);
        file.lines.append(&mut self.lines);
        if file.declared.is_none() {
            file.declared = self.declared;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<(usize, usize, usize), &str>) {
        match (read(text.as_bytes()), expect) {
            (Ok(report), Ok(expect)) => {
                let totals = report.totals();
                assert_eq!((report.files.len(), totals.lines, totals.covered), expect, "{text}");
            }
            (Err(error), Err(expect)) => {
                assert!(error.to_string().contains(expect), "{error}");
            }
            (got, expect) => panic!("{text}: {got:?}, not {expect:?}"),
        }
    }

    #[test]
    fn tracefiles_are_read() {
        check("", Ok((0, 0, 0)));
        check("TN:\nSF:a.c\nDA:1,1\nDA:2,0\nend_of_record\n", Ok((1, 2, 1)));
        check("SF:a.c\r\nDA:1,1,sum\r\nend_of_record\r\n", Ok((1, 1, 1)));
        check("SF:a\nDA:1,-4\nDA:2,1e3\nDA:3,99999999999999999999\nend_of_record", Ok((1, 3, 2)));
        check("SF:a\nDA:1,0\nend_of_record\nSF:a\nDA:1,2\nend_of_record", Ok((1, 1, 1)));
        check("SF:a\nVER:x\nFN:1,f\nFNDA:1,f\nend_of_record", Ok((1, 0, 0)));
        check("SF:a\nDA:x,1\nend_of_record", Err("line 2: malformed record: `DA:x,1`"));
        check("SF:a\nDA:1\nend_of_record", Err("line 2: malformed record"));
        check("SF:a\nDA:1,1\n", Err("line 2: the file ends before `a` got its end_of_record"));
        check("DA:1,1\n", Err("line 1: a record that belongs to no `SF`"));
        check("SF:a\nSF:b\n", Err("line 2: `SF` before `a` got its end_of_record"));
        check("end_of_record\n", Err("end_of_record without `SF`"));
    }

    #[test]
    fn branches_and_totals_are_kept() {
        let text =
            "SF:a\nBRDA:4,0,jump to line 5,1\nBRDA:4,0,0,-\nDA:4,2\nLF:9\nLH:8\nend_of_record";
        let report = read(text.as_bytes()).unwrap();
        assert_eq!((report.totals().branches, report.totals().branches_covered), (2, 1));
        let declared = report.declared().unwrap();
        assert_eq!((declared.lines, declared.covered), (9, 8));
    }
}
