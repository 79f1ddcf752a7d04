//! Go's cover profiles: `go test -coverprofile`, as `golang.org/x/tools/cover` reads them.

use std::collections::HashMap;

use super::coverage::{Builder, CoverageReport, LineHits};
use super::{Format, ReadError, text};

/// Reads a profile. A block that several test binaries report counts once,
/// with the most hits. A line is executable if a block with statements touches it.
pub fn read(bytes: &[u8]) -> Result<CoverageReport, ReadError> {
    let text = text::decode(bytes);
    let mut lines = text.lines().enumerate();
    let mode = lines.next().map_or("", |(_, line)| line.trim_end());
    if !mode.starts_with("mode: ") {
        return Err(ReadError::at(Format::GoCover, 1, None, "no `mode:` in the first line"));
    }
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut known: HashMap<Block<'_>, usize> = HashMap::new();
    let mut hits: Vec<u64> = Vec::new();
    for (index, line) in lines {
        let line = line.trim_end();
        // Profiles that were put together with `cat` repeat their first line.
        if line.is_empty() || line.starts_with("mode: ") {
            continue;
        }
        let (block, count) = parse(line).ok_or_else(|| {
            let what = format!("malformed block: `{}`", text::head(line, 80));
            ReadError::at(Format::GoCover, index + 1, None, what)
        })?;
        let at = *known.entry(block).or_insert_with(|| {
            blocks.push(block);
            hits.push(0);
            blocks.len() - 1
        });
        hits[at] = hits[at].max(count);
    }
    let mut builder = Builder::new(Format::GoCover);
    for (block, &hits) in blocks.iter().zip(&hits) {
        let records = builder.records();
        records.groups += 1;
        records.lines = records.lines.saturating_add(block.statements as usize);
        if hits > 0 {
            records.hit = records.hit.saturating_add(block.statements as usize);
        }
        if block.statements == 0 {
            continue;
        }
        builder.spread((block.end - block.start) as usize + 1)?;
        let numbers = block.start..=block.end;
        let file = builder.file(block.path, None);
        file.lines.extend(numbers.map(|number| LineHits::new(number, hits)));
    }
    Ok(builder.finish())
}

/// A run of statements; its columns tell blocks on one line apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Block<'a> {
    path: &'a str,
    start: u32,
    start_column: u32,
    end: u32,
    end_column: u32,
    statements: u32,
}

/// `path:line.column,line.column statements count`, with `end >= start`.
fn parse(line: &str) -> Option<(Block<'_>, u64)> {
    let (path, rest) = line.rsplit_once(':')?;
    let (range, counts) = rest.split_once(' ')?;
    let (start, end) = range.split_once(',')?;
    let (statements, count) = counts.split_once(' ')?;
    let place = |text: &str| -> Option<(u32, u32)> {
        let (line, column) = text.split_once('.')?;
        Some((line.parse().ok()?, column.parse().ok()?))
    };
    let ((start, start_column), (end, end_column)) = (place(start)?, place(end)?);
    if path.is_empty() || end < start {
        return None;
    }
    let statements = statements.parse().ok()?;
    let block = Block { path, start, start_column, end, end_column, statements };
    Some((block, count.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_told_twice_count_once() {
        let text = "mode: set\na/b.go:1.2,3.4 2 0\na/b.go:1.2,3.4 2 1\na/b.go:3.4,3.9 1 0\n";
        let report = read(text.as_bytes()).unwrap();
        assert_eq!(report.records.groups, 2);
        assert_eq!((report.records.lines, report.records.hit), (3, 2));
        assert_eq!(report.totals().covered, 3);
    }

    #[test]
    fn malformed_profiles_are_refused() {
        let check = |text: &str, expect: &str| {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("", "no `mode:`");
        check("mode: set\na.go:1.2,3.4 2", "line 2: malformed block");
        check("mode: set\n\na.go:9.2,3.4 2 1", "line 3: malformed block");
        check("mode: set\na.go:1.1,4000000000.1 1 1", "span more than");
        assert!(read(b"mode: set\n").unwrap().files.is_empty());
    }
}
