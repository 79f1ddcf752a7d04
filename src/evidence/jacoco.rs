//! JaCoCo XML, by its `report.dtd` 1.0 and 1.1.

use quick_xml::events::{BytesStart, Event};

use super::coverage::{Builder, CoverageReport, LineHits};
use super::xml::{self, Events};
use super::{Format, ReadError, text};

/// Reads a report. A path is package and source file (`p/Calc.java`), without
/// the source root, which the report does not tell; groups become modules.
pub fn read(bytes: &[u8]) -> Result<CoverageReport, ReadError> {
    let text = text::decode(bytes);
    let mut events = Events::new(&text, Format::Jacoco);
    let mut builder = Builder::new(Format::Jacoco);
    let mut groups: Vec<String> = Vec::new();
    let mut package = String::new();
    let mut file: Option<(String, Vec<LineHits>)> = None;
    while let Some(event) = events.next()? {
        match &event {
            Event::Start(element) | Event::Empty(element) => {
                let empty = matches!(event, Event::Empty(_));
                match element.local_name().as_ref() {
                    "group" if !empty => {
                        groups.push(xml::attribute(element, "name").unwrap_or_default());
                    }
                    "package" => package = xml::attribute(element, "name").unwrap_or_default(),
                    "sourcefile" if !empty => {
                        let Some(name) = xml::attribute(element, "name") else {
                            return Err(events.error("a sourcefile without name"));
                        };
                        let path =
                            if package.is_empty() { name } else { format!("{package}/{name}") };
                        file = Some((path, Vec::new()));
                    }
                    "line" => {
                        if let Some((_, lines)) = &mut file {
                            let line = line(element)
                                .ok_or_else(|| events.error("a line without its counters"))?;
                            lines.push(line);
                        }
                    }
                    _ => {}
                }
            }
            Event::End(element) => match element.local_name().as_ref() {
                "group" => {
                    groups.pop();
                }
                "sourcefile" => {
                    if let Some((path, mut lines)) = file.take() {
                        let records = builder.records();
                        records.groups += 1;
                        records.lines += lines.len();
                        records.hit += lines.iter().filter(|line| line.hits > 0).count();
                        let module = groups.last().map(String::as_str);
                        builder.file(&path, module).lines.append(&mut lines);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
    Ok(builder.finish())
}

/// `nr`, and instructions and branches missed and covered.
fn line(element: &BytesStart<'_>) -> Option<LineHits> {
    let (mut number, mut instructions, mut missed, mut covered) = (None, None, 0_u32, 0_u32);
    xml::attributes(element, |name, value| {
        let value = value.trim().parse::<u32>().ok();
        match name {
            "nr" => number = value,
            "ci" => instructions = value,
            "mb" => missed = value.unwrap_or(0),
            "cb" => covered = value.unwrap_or(0),
            _ => {}
        }
    });
    Some(LineHits {
        number: number?,
        hits: u64::from(instructions? > 0),
        branches: missed.saturating_add(covered),
        branches_hit: covered,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_equal_paths_apart() {
        let package = "<package name='p'><sourcefile name='A.java'>\
            <line nr='3' mi='0' ci='4' mb='1' cb='1'/><line nr='4' mi='2' ci='0' mb='0' cb='0'/>\
            </sourcefile></package>";
        let text = format!(
            "<!DOCTYPE report SYSTEM 'report.dtd'><report name='all'><group name='one'>{package}\
             </group><group name='two'>{package}</group></report>"
        );
        let report = read(text.as_bytes()).unwrap();
        let modules: Vec<_> = report.files.iter().map(|file| file.module.as_deref()).collect();
        assert_eq!(modules, [Some("one"), Some("two")]);
        assert_eq!(report.files[0].path, "p/A.java");
        let totals = report.files[0].totals();
        assert_eq!((totals.lines, totals.covered), (2, 1));
        assert_eq!((totals.branches, totals.branches_covered), (2, 1));
    }

    #[test]
    fn malformed_reports_are_refused() {
        let check = |text: &str, expect: &str| {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("<report><sourcefile></sourcefile></report>", "a sourcefile without name");
        check("<report><sourcefile name='A'><line nr='x'/></sourcefile></report>", "counters");
        check("<report><package name='p'>", "ends inside <package>");
    }
}
