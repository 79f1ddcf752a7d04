//! Tables for the SARIF reader.

use super::*;

fn one(run: &str) -> Run {
    let text = format!(r#"{{"version":"2.1.0","runs":[{run}]}}"#);
    read(text.as_bytes()).unwrap().runs.remove(0)
}

fn result(fields: &str) -> ScanResult {
    one(&format!(r#"{{"tool":{{"driver":{{"name":"t"}}}},"results":[{{{fields}}}]}}"#))
        .results
        .remove(0)
}

#[test]
fn results_know_whether_they_stand() {
    for (fields, state) in [
        ("", State::Open),
        (r#""kind":"fail""#, State::Open),
        (r#""kind":"open""#, State::Open),
        (r#""kind":"pass""#, State::NotAProblem),
        (r#""kind":"informational""#, State::NotAProblem),
        (r#""suppressions":[]"#, State::Open),
        (r#""suppressions":[{"kind":"inSource"}]"#, State::Suppressed),
        (r#""suppressions":[{"kind":"external","status":"accepted"}]"#, State::Suppressed),
        (r#""suppressions":[{"kind":"external","status":"rejected"}]"#, State::Open),
        (r#""suppressions":[{"kind":"inSource"},{"status":"underReview"}]"#, State::Open),
        (r#""baselineState":"new""#, State::Open),
        (r#""baselineState":"updated""#, State::Open),
        (r#""baselineState":"unchanged""#, State::Old),
        (r#""baselineState":"absent""#, State::Old),
    ] {
        assert_eq!(result(fields).state, state, "{fields}");
    }
}

#[test]
fn rules_are_found_by_index_component_and_part_of_an_id() {
    let check = |fields: &str, rule: Option<&str>, level: Level| {
        let run = one(&format!(
            r#"{{"tool":{{"driver":{{"name":"t","rules":[
                 {{"id":"A","defaultConfiguration":{{"level":"error"}}}},{{"id":"B"}}]}},
                 "extensions":[{{"name":"x","guid":"g","rules":[
                 {{"id":"C","defaultConfiguration":{{"level":"note"}}}}]}}]}},
                 "results":[{{{fields}}}]}}"#
        ));
        let found = &run.results[0];
        let id = found.rule.map(|index| run.rules[index].id.as_str());
        assert_eq!((id, found.level), (rule, level), "{fields}");
    };
    check("", None, Level::Warning);
    check(r#""ruleId":"A""#, Some("A"), Level::Error);
    check(r#""ruleId":"A","level":"none""#, Some("A"), Level::None);
    check(r#""ruleId":"A/1/2""#, Some("A"), Level::Error);
    check(r#""ruleId":"Z/1""#, None, Level::Warning);
    check(r#""ruleIndex":1"#, Some("B"), Level::Warning);
    check(r#""ruleId":"A","ruleIndex":-1"#, Some("A"), Level::Error);
    check(r#""ruleId":"A","ruleIndex":99"#, Some("A"), Level::Error);
    check(r#""rule":{"id":"C"}"#, Some("C"), Level::Note);
    check(r#""rule":{"index":0,"toolComponent":{"index":0}}"#, Some("C"), Level::Note);
    check(r#""rule":{"index":0,"toolComponent":{"guid":"g"}}"#, Some("C"), Level::Note);
    check(r#""rule":{"index":0,"toolComponent":{"index":7}}"#, None, Level::Warning);
}

#[test]
fn places_are_resolved() {
    let check = |location: &str, path: Option<&str>| {
        let run = one(&format!(
            r#"{{"originalUriBaseIds":{{"ROOT":{{"uri":"file:///ci/repo/"}},
                 "SRC":{{"uri":"src/","uriBaseId":"ROOT"}},
                 "LOOP":{{"uri":"a/","uriBaseId":"LOOP"}}}},
                 "artifacts":[{{"location":{{"uri":"x.c","uriBaseId":"SRC"}}}}],
                 "results":[{{"locations":[{{"physicalLocation":{{"artifactLocation":{location}}}}}]}}]}}"#
        ));
        let got = run.results[0].places.first().map(|place| place.path.as_str());
        assert_eq!(got, path, "{location}");
    };
    check(r#"{"uri":"a/b.py"}"#, Some("a/b.py"));
    check(r#"{"uri":"a%20b%C3%A9%zz.py"}"#, Some("a bé%zz.py"));
    check(r#"{"uri":"file:///ci/a.py"}"#, Some("/ci/a.py"));
    check(r#"{"uri":"file:/ci/a.py"}"#, Some("/ci/a.py"));
    check(r#"{"uri":"file://host/ci/a.py"}"#, Some("/ci/a.py"));
    check(r#"{"uri":"file:///C:/ci/a.py"}"#, Some("/C:/ci/a.py"));
    check(r#"{"uri":"C:\\ci\\a.py"}"#, Some("C:\\ci\\a.py"));
    check(r#"{"uri":"https://example.com/a.py"}"#, None);
    check(r#"{"uri":"x.c","uriBaseId":"SRC"}"#, Some("/ci/repo/src/x.c"));
    check(r#"{"uri":"x.c","uriBaseId":"%SRCROOT%"}"#, Some("x.c"));
    check(r#"{"index":0}"#, Some("/ci/repo/src/x.c"));
    check(r#"{"index":5}"#, None);
    check(r#"{"index":-1}"#, None);
    check("{}", None);
    // A base that stands on itself ends.
    check(r#"{"uri":"x","uriBaseId":"LOOP"}"#, Some("a/a/a/a/a/a/a/a/x"));
}

#[test]
fn regions_are_lines() {
    let check = |region: &str, expect: Option<Option<(u32, u32)>>| {
        let found = result(&format!(
            r#""locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"a"}}{region}}}}}]"#
        ));
        let got = found.places.first().map(|place| place.region.map(|r| (r.start, r.end)));
        assert_eq!(got, expect, "{region}");
    };
    check("", Some(None));
    check(r#","region":{"startLine":3}"#, Some(Some((3, 3))));
    check(r#","region":{"startLine":3,"endLine":5}"#, Some(Some((3, 5))));
    check(r#","region":{"startLine":3,"endLine":1}"#, Some(Some((3, 3))));
    check(r#","region":{"startLine":0}"#, None);
    check(r#","region":{"startLine":99999999999}"#, None);
    check(r#","region":{"charOffset":12}"#, None);
}

#[test]
fn messages_are_filled_in() {
    let check = |message: &str, expect: &str| {
        let run = one(&format!(
            r#"{{"tool":{{"driver":{{"rules":[{{"id":"A","messageStrings":
                 {{"m":{{"text":"{{0}} is {{{{not}}}} {{1}} {{9}}"}}}}}}]}}}},
                 "results":[{{"ruleId":"A","message":{message}}}]}}"#
        ));
        assert_eq!(run.results[0].message, expect, "{message}");
    };
    check(r#"{"text":"plain {0}"}"#, "plain {0}");
    check(r#"{"id":"m","arguments":["x","y"]}"#, "x is {not} y {9}");
    check(r#"{"markdown":"**x**"}"#, "**x**");
    check(r#"{"id":"other"}"#, "");
    check("{}", "");
    check(
        r#"{"text":"[a value](1) flows to [b](2), see [docs](https://x)"}"#,
        "a value flows to b, see [docs](https://x)",
    );
    check(r#"{"text":"a](1) [b](]( ("}"#, "a](1) [b](]( (");
}

#[test]
fn properties_and_fingerprints_are_kept() {
    let run = one(r#"{"tool":{"driver":{"name":"CodeQL","rules":[{"id":"js/xss","properties":
            {"tags":["security",7],"security-severity":"7.8","precision":"high",
             "problem.severity":"error"}}]}},
            "results":[{"ruleId":"js/xss","partialFingerprints":{"primaryLocationLineHash":"ab:1"},
            "properties":{"issue_confidence":"LOW","security-severity":9.1}}]}"#);
    let rule = &run.rules[0];
    assert_eq!(
        (rule.security_severity, rule.tags.as_slice()),
        (Some(7.8), &["security".into()][..])
    );
    assert_eq!(rule.precision.as_deref(), Some("high"));
    let found = &run.results[0];
    assert_eq!(found.security_severity, Some(9.1));
    assert_eq!(found.confidence.as_deref(), Some("low"));
    assert_eq!(found.fingerprints, [("primaryLocationLineHash".into(), "ab:1".into())]);
}

#[test]
fn a_fix_is_one_replacement_in_one_file() {
    let change = |replacements: &str| {
        format!(r#"{{"artifactLocation":{{"uri":"a.py"}},"replacements":[{replacements}]}}"#)
    };
    let one = r#"{"deletedRegion":{"startLine":2,"startColumn":3,"endColumn":5},"insertedContent":{"text":"x"}}"#;
    let check = |changes: &str, expect: Option<&str>| {
        let found = result(&format!(r#""fixes":[{{"artifactChanges":[{changes}]}}]"#));
        assert_eq!(found.fix.map(|fix| fix.text).as_deref(), expect, "{changes}");
    };
    check(&change(one), Some("x"));
    check(&change(r#"{"deletedRegion":{"startLine":2}}"#), Some(""));
    check(&change(&format!("{one},{one}")), None);
    check(&format!("{},{}", change(one), change(one)), None);
    check("", None);
}

#[test]
fn malformed_logs_are_refused() {
    for (text, expect) in [
        ("{", "line 1, column 1: EOF while parsing an object"),
        ("{\"version\":\"1.0.0\",\"runs\":[]}", "version `1.0.0` is not 2.1.0"),
        ("{\"version\":\"2.1.0\"}", "it has no `runs`"),
        ("{\"runs\":[\n{\"results\":[{\"ruleId\":3}]}]}", "line 2, column 23: invalid type"),
    ] {
        let error = read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
    assert_eq!(read(b"{\"runs\":[]}").unwrap(), Log::default());
    assert_eq!(read(b"{\"runs\":[{\"results\":null}]}").unwrap().runs.len(), 1);
}
