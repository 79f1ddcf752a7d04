//! Clover XML, as Clover, PHPUnit and Istanbul write it.

use quick_xml::events::{BytesStart, Event};

use super::coverage::{Builder, CoverageReport, LineHits, count};
use super::xml::{self, Events};
use super::{Format, ReadError, text};

/// Reads a report. Lines of type `method` are declarations, which no other
/// format counts, and are left out.
pub fn read(bytes: &[u8]) -> Result<CoverageReport, ReadError> {
    let text = text::decode(bytes);
    let mut events = Events::new(&text, Format::Clover);
    let mut builder = Builder::new(Format::Clover);
    let mut file: Option<(String, Vec<LineHits>)> = None;
    while let Some(event) = events.next()? {
        match &event {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                "file" => {
                    let path = xml::attribute(element, "path")
                        .filter(|path| !path.is_empty())
                        .or_else(|| xml::attribute(element, "name"));
                    let Some(path) = path else {
                        return Err(events.error("a file without path and name"));
                    };
                    if matches!(event, Event::Start(_)) {
                        file = Some((path, Vec::new()));
                    }
                }
                "line" => {
                    if let Some((_, lines)) = &mut file {
                        let line = line(element)
                            .ok_or_else(|| events.error("a line without num and count"))?;
                        lines.extend(line);
                    }
                }
                _ => {}
            },
            Event::End(element) if element.local_name().as_ref() == "file" => {
                if let Some((path, mut lines)) = file.take() {
                    let records = builder.records();
                    records.groups += 1;
                    records.lines += lines.len();
                    records.hit += lines.iter().filter(|line| line.hits > 0).count();
                    builder.file(&path, None).lines.append(&mut lines);
                }
            }
            _ => {}
        }
    }
    Ok(builder.finish())
}

/// `None` if malformed; nothing inside for a declaration.
fn line(element: &BytesStart<'_>) -> Option<Option<LineHits>> {
    let (mut number, mut hits, mut method) = (None, None, false);
    let (mut on_true, mut on_false, mut conditions) = (0_u32, 0_u32, false);
    xml::attributes(element, |name, value| match name {
        "num" => number = value.trim().parse().ok(),
        "count" => hits = count(&value),
        "type" => method = &*value == "method",
        "truecount" => {
            conditions = true;
            on_true = value.trim().parse().unwrap_or(0);
        }
        "falsecount" => on_false = value.trim().parse().unwrap_or(0),
        _ => {}
    });
    if method {
        return Some(None);
    }
    // Clover gives a condition no count, but says how often it held and did
    // not; Istanbul gives a count, and how many branches were taken and not.
    let branches = on_true.saturating_add(on_false);
    let line = match (hits, conditions) {
        (Some(hits), _) => LineHits { number: number?, hits, branches, branches_hit: on_true },
        (None, false) => return None,
        (None, true) => LineHits {
            number: number?,
            hits: u64::from(branches),
            branches: 2,
            branches_hit: u32::from(on_true > 0) + u32::from(on_false > 0),
        },
    };
    Some(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_left_out() {
        let text = "<coverage clover='4'><project><package name='p'><file name='/app/a.php'>\
            <line num='3' type='method' name='f' count='0'/><line num='4' type='stmt' count='2'/>\
            <line num='5' type='cond' truecount='1' falsecount='2' count='0'/>\
            <line num='6' type='cond' truecount='3' falsecount='0'/>\
            <metrics loc='9'/></file></package></project></coverage>";
        let report = read(text.as_bytes()).unwrap();
        assert_eq!(report.files[0].path, "/app/a.php");
        assert_eq!((report.records.lines, report.records.hit), (3, 2));
        assert_eq!((report.totals().branches, report.totals().branches_covered), (5, 2));
    }

    #[test]
    fn malformed_reports_are_refused() {
        let check = |text: &str, expect: &str| {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("<coverage><file/></coverage>", "a file without path");
        check("<coverage><file path='a'><line num='1'/></file></coverage>", "num and count");
    }
}
