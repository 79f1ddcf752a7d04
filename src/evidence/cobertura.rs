//! Cobertura XML, by `coverage-04.dtd` and as its many writers stray from it.

use quick_xml::events::{BytesStart, Event};

use super::coverage::{Builder, CoverageReport, LineHits, count};
use super::xml::{self, Events};
use super::{Format, ReadError, text};

/// Reads a report. Lines of a class are those of its own `lines`; those of its
/// methods count only where a class has no `lines`. Classes of one file are
/// put together.
pub fn read(bytes: &[u8]) -> Result<CoverageReport, ReadError> {
    let text = text::decode(bytes);
    let mut events = Events::new(&text, Format::Cobertura);
    let mut builder = Builder::new(Format::Cobertura);
    let mut class: Option<Class> = None;
    let mut source: Option<String> = None;
    while let Some(event) = events.next()? {
        match &event {
            Event::Start(element) | Event::Empty(element) => {
                let empty = matches!(event, Event::Empty(_));
                match (element.local_name().as_ref(), &mut class) {
                    ("source", _) if !empty => source = Some(String::new()),
                    ("class", open) => {
                        let Some(path) = xml::attribute(element, "filename") else {
                            return Err(events.error("a class without filename"));
                        };
                        let next = Class { path, ..Class::default() };
                        if let Some(last) = open.replace(next) {
                            last.close(&mut builder);
                        }
                    }
                    ("methods", Some(class)) if !empty => class.in_methods = true,
                    ("line", Some(class)) => {
                        let line = line(element)
                            .ok_or_else(|| events.error("a line without number and hits"))?;
                        class.push(line);
                    }
                    _ => {}
                }
            }
            Event::End(element) => match element.local_name().as_ref() {
                "source" => {
                    if let Some(source) = source.take() {
                        builder.source(&source);
                    }
                }
                "methods" => {
                    if let Some(class) = &mut class {
                        class.in_methods = false;
                    }
                }
                "class" => {
                    if let Some(class) = class.take() {
                        class.close(&mut builder);
                    }
                }
                _ => {}
            },
            _ => {
                if let Some(source) = &mut source {
                    xml::push_text(&event, source);
                }
            }
        }
    }
    if let Some(last) = class {
        last.close(&mut builder);
    }
    Ok(builder.finish())
}

#[derive(Default)]
struct Class {
    path: String,
    in_methods: bool,
    own: Vec<LineHits>,
    methods: Vec<LineHits>,
}

impl Class {
    fn push(&mut self, line: LineHits) {
        if self.in_methods { self.methods.push(line) } else { self.own.push(line) }
    }

    fn close(mut self, builder: &mut Builder) {
        let records = builder.records();
        records.groups += 1;
        records.lines += self.own.len();
        records.hit += self.own.iter().filter(|line| line.hits > 0).count();
        let lines = if self.own.is_empty() { &mut self.methods } else { &mut self.own };
        builder.file(&self.path, None).lines.append(lines);
    }
}

fn line(element: &BytesStart<'_>) -> Option<LineHits> {
    let (mut number, mut hits, mut branches) = (None, None, None);
    xml::attributes(element, |name, value| match name {
        "number" => number = value.trim().parse().ok(),
        "hits" => hits = count(&value),
        "condition-coverage" => branches = conditions(&value),
        _ => {}
    });
    let (branches_hit, branches) = branches.unwrap_or_default();
    Some(LineHits { number: number?, hits: hits?, branches, branches_hit })
}

/// `50% (1/2)`.
fn conditions(text: &str) -> Option<(u32, u32)> {
    let (_, rest) = text.split_once('(')?;
    let (hit, rest) = rest.split_once('/')?;
    let (all, _) = rest.split_once(')')?;
    Some((hit.trim().parse().ok()?, all.trim().parse().ok()?))
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
    fn classes_are_read_as_their_writers_mean_them() {
        let class = |inner: &str| {
            format!(
                "<coverage><classes><class filename='a.py'>{inner}</class></classes></coverage>"
            )
        };
        let lines = "<lines><line number='1' hits='2'/><line number='2' hits='0'/></lines>";
        let methods =
            "<methods><method><lines><line number='9' hits='1'/></lines></method></methods>";
        check(&class(lines), Ok((1, 2, 1)));
        check(&class(&format!("{methods}{lines}")), Ok((1, 2, 1)));
        check(&class(methods), Ok((1, 1, 1)));
        check(&class("<methods/><lines/>"), Ok((1, 0, 0)));
        check(&class("<lines><line number='1'/></lines>"), Err("a line without number and hits"));
        check("<coverage><class/></coverage>", Err("line 1, column 19: a class without filename"));
        check("<coverage>\n<class filename='a'>", Err("line 2, column 21: the file ends inside"));
        let twice = "<coverage><class filename='a'><line number='1' hits='0'/></class>\
                     <class filename='a'><line number='1' hits='3'/></class></coverage>";
        check(twice, Ok((1, 1, 1)));
    }

    #[test]
    fn sources_and_branches_are_kept() {
        let text = "<coverage><sources><source>/ci &amp; co</source><source/></sources>\
            <class filename='a'><line number='1' hits='1' branch='true' \
            condition-coverage='50% (1/2)'/></class></coverage>";
        let report = read(text.as_bytes()).unwrap();
        assert_eq!(report.sources, ["/ci & co"]);
        assert_eq!((report.totals().branches_covered, report.totals().branches), (1, 2));
    }

    #[test]
    fn declared_entities_are_neither_fetched_nor_expanded() {
        let text = "<!DOCTYPE coverage SYSTEM 'http://example.invalid/x.dtd' [\
            <!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;'>\
            <!ENTITY f SYSTEM 'file:///etc/passwd'>]>\
            <coverage><sources><source>&c;&f;</source></sources></coverage>";
        assert_eq!(read(text.as_bytes()).unwrap().sources, ["&c;&f;"]);
    }
}
