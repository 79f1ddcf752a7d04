//! Codecov's custom coverage JSON: `{"coverage": {path: {line: hits}}}`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, MapAccess, SeqAccess, Visitor};

use super::coverage::{Builder, CoverageReport, LineHits};
use super::{Format, ReadError, text};

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    coverage: BTreeMap<Cow<'a, str>, Lines>,
}

/// Reads a report. A value is a count, `"taken/all"`, `true` (partly) or null
/// (not executable); a list of values counts lines from 0.
pub fn read(bytes: &[u8]) -> Result<CoverageReport, ReadError> {
    let text = text::decode(bytes);
    let report: Report<'_> =
        serde_json::from_str(&text).map_err(|error| ReadError::json(Format::Codecov, &error))?;
    let mut builder = Builder::new(Format::Codecov);
    for (path, lines) in report.coverage {
        let records = builder.records();
        records.groups += 1;
        records.lines += lines.0.len();
        records.hit += lines.0.iter().filter(|line| line.hits > 0).count();
        builder.file(&path, None).lines.extend(lines.0);
    }
    Ok(builder.finish())
}

struct Lines(Vec<LineHits>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Value<'a> {
    Count(u64),
    Partly(bool),
    Ratio(#[serde(borrow)] Cow<'a, str>),
}

impl Value<'_> {
    fn hits(&self, number: u32) -> Result<LineHits, String> {
        match self {
            Value::Count(hits) => Ok(LineHits::new(number, *hits)),
            Value::Partly(some) => Ok(LineHits::new(number, u64::from(*some))),
            Value::Ratio(text) => {
                let parts = text.split_once('/');
                let parsed = parts.and_then(|(hit, all)| {
                    Some((hit.trim().parse::<u32>().ok()?, all.trim().parse::<u32>().ok()?))
                });
                let (hit, all) = parsed.ok_or_else(|| format!("`{text}` is not `taken/all`"))?;
                // One of one is a plain line, not a branch.
                let branches = if all > 1 { all } else { 0 };
                let branches_hit = hit.min(branches);
                Ok(LineHits { number, hits: u64::from(hit), branches, branches_hit })
            }
        }
    }
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LinesVisitor;

        impl<'de> Visitor<'de> for LinesVisitor {
            type Value = Lines;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("lines with their hits")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lines, A::Error> {
                let mut lines = Vec::new();
                while let Some((number, value)) = map.next_entry::<u32, Option<Value<'de>>>()? {
                    if let Some(value) = value {
                        lines.push(value.hits(number).map_err(de::Error::custom)?);
                    }
                }
                Ok(Lines(lines))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Lines, A::Error> {
                let mut lines = Vec::new();
                let mut number = 0;
                while let Some(value) = seq.next_element::<Option<Value<'de>>>()? {
                    if let Some(value) = value {
                        lines.push(value.hits(number).map_err(de::Error::custom)?);
                    }
                    number += 1;
                }
                Ok(Lines(lines))
            }
        }

        deserializer.deserialize_any(LinesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_is_read() {
        let check = |lines: &str, expect: &[(u32, u64)]| {
            let text = format!(r#"{{"coverage":{{"a.rs":{lines}}}}}"#);
            let report = read(text.as_bytes()).unwrap();
            let got: Vec<_> = report.files[0].lines.iter().map(|l| (l.number, l.hits)).collect();
            assert_eq!(got, expect);
        };
        check(
            r#"{"1":"0/1","2":"1/2","3":4,"4":null,"5":true}"#,
            &[(1, 0), (2, 1), (3, 4), (5, 1)],
        );
        check("[null,1,0]", &[(1, 1), (2, 0)]);
    }

    #[test]
    fn malformed_values_are_refused() {
        let error = read(br#"{"coverage":{"a":{"1":"often"}}}"#).unwrap_err();
        assert!(error.what.contains("`often` is not `taken/all`"), "{error}");
    }
}
