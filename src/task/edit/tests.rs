//! Edits on small files.

use super::*;

fn edit(line: u32, quote: &str, replacement: &str) -> Edit {
    Edit {
        path: "a.py".into(),
        line,
        quote: quote.into(),
        replacement: replacement.into(),
        exact: false,
    }
}

fn made(content: &str, edits: &[Edit]) -> Result<String, Refusal> {
    let contents = edits
        .iter()
        .map(|edit| (edit.path.clone(), Bytes::from(content.to_owned())))
        .collect::<BTreeMap<_, _>>();
    let proven = together(edits, &contents, &|_| Ok(()), &Scrubber::default());
    let proven = proven.map_err(|(_, why)| why)?;
    Ok(String::from_utf8(proven.files[0].content.clone()).unwrap())
}

const CODE: &str = "def a():\n    x = 1\n    return x\n\n\ndef b():\n    x = 1\n    return x\n";

#[test]
fn an_edit_stands_where_its_quote_stands() {
    for (line, quote, replacement, expect) in [
        (1, "def a():", "def c():", Ok(CODE.replacen("a()", "c()", 1))),
        (99, "def a():\n", "def c():\n", Ok(CODE.replacen("a()", "c()", 1))),
        (7, "    x = 1", "    x = 2", Ok(CODE.replace("b():\n    x = 1", "b():\n    x = 2"))),
        (7, "x = 1", "x = 2", Ok(CODE.replace("b():\n    x = 1", "b():\n    x = 2"))),
        (3, "    x = 1", "    x = 2", Err(Refusal::Ambiguous)),
        (0, "    x = 1", "    x = 2", Err(Refusal::Ambiguous)),
        (1, "def z():", "def c():", Err(Refusal::NotThere)),
        (1, "def z():", "def b():", Err(Refusal::Done)),
        (1, "def a():", "def a():", Err(Refusal::NoChange)),
        (1, "def a():", "def a(:", Err(Refusal::Breaks("source"))),
        (1, "def a():", "def a\u{200b}():", Err(Refusal::Withheld)),
        (4, "", "y = 1", Ok(CODE.replacen("return x\n\n", "return x\ny = 1\n", 1))),
    ] {
        assert_eq!(made(CODE, &[edit(line, quote, replacement)]), expect, "{quote:?} {line}");
    }
}

#[test]
fn an_edit_that_adds_lines_is_not_made_twice() {
    let once = edit(2, "    x = 1\n    return x", "    x = 1\n    x += 1\n    return x");
    let after = made(CODE, std::slice::from_ref(&once)).unwrap();
    assert_eq!(after.matches("x += 1").count(), 1);
    let above = edit(1, "def a():", "import os\ndef a():");
    let after = made(CODE, std::slice::from_ref(&above)).unwrap();
    assert_eq!(made(&after, &[above]), Err(Refusal::Done));
}

#[test]
fn edits_belong_together() {
    let (one, other) = (edit(1, "def a():", "def c():"), edit(6, "def b():", "def d():"));
    assert_eq!(
        made(CODE, &[other.clone(), one.clone()]),
        Ok(CODE.replace("a()", "c()").replace("b()", "d()"))
    );
    let over = edit(1, "def a():\n    x = 1", "def e():\n    x = 3");
    assert_eq!(made(CODE, &[one.clone(), over]), Err(Refusal::Overlaps));
    assert_eq!(made(CODE, &[one, edit(1, "gone gone", "x")]), Err(Refusal::NotThere));
    let long = "x = 1\n".repeat(MOST_LINES);
    assert_eq!(made(CODE, &[edit(1, "def a():", &long)]), Err(Refusal::TooLarge));
}

#[test]
fn files_stay_readable_as_far_as_they_were() {
    for (path, before, after, expect) in [
        ("a.json", "{\"a\": 1}\n", "{\"a\": }", Some("JSON")),
        ("a.json", "{\"a\": 1}\n", "{\"a\": 2}", None),
        ("a.json", "{a: 1}\n", "{a: }", None),
        ("a.toml", "a = 1\n", "a = ", Some("TOML")),
        ("a.yaml", "a: 1\n", "a: [1", Some("YAML")),
        ("a.txt", "a\n", "(", None),
        ("a.rs", "fn a() {\n", "fn b() {", None),
        ("a.rs", "fn a() {}\n", "fn b() {", Some("source")),
    ] {
        assert_eq!(breaks(path, before.as_bytes(), after.as_bytes()), expect, "{path} {after}");
    }
}
