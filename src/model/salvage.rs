//! Reading JSON that was cut short, or stands in prose.

use serde_json::Value;

/// What is complete of a JSON text that was cut short: the whole members of the
/// outermost object and the whole elements of the arrays directly in it (or of
/// the outermost array). An element that was not finished is left out as a
/// whole, so that no object is ever half told.
///
/// `None` if no container opens, or what stands before the cut is not JSON.
/// Prose before the first bracket is passed over.
pub fn complete_part(text: &str) -> Option<Value> {
    let text = &text[text.find(['{', '['])?..];
    let mut open = Vec::new();
    // The longest prefix that may be kept, and the containers open in it.
    let (mut keep, mut keep_open) = (0, 0);
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        let end = match byte {
            b'"' => {
                in_string = true;
                continue;
            }
            b'{' | b'[' => {
                open.push(byte);
                at + 1
            }
            b'}' | b']' => {
                // Which bracket it is, the JSON parser checks.
                open.pop();
                at + 1
            }
            // Before a comma stands a whole member or element.
            b',' => at,
            _ => continue,
        };
        if open.is_empty() {
            return serde_json::from_str(&text[..end]).ok();
        }
        if open.len() == 1 || open == *b"{[" {
            (keep, keep_open) = (end, open.len());
        }
    }
    let mut json = text[..keep].to_owned();
    for bracket in open[..keep_open.min(open.len())].iter().rev() {
        json.push(if *bracket == b'{' { '}' } else { ']' });
    }
    serde_json::from_str(&json).ok()
}

/// The first JSON object or array in prose that `fits`: a fenced block's
/// before any other, then whatever starts with `{` or `[`.
pub fn in_prose<T>(text: &str, fits: impl Fn(&Value) -> Option<T>) -> Option<T> {
    let fenced = text.split("```").skip(1).step_by(2).map(|block| {
        // The fence's language stands on its first line.
        let body = block.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        body.trim_start()
    });
    for candidate in fenced {
        if let Some(found) = first_value(candidate).and_then(|value| fits(&value)) {
            return Some(found);
        }
    }
    let mut at = 0;
    // Each start is read on its own, so a text full of braces costs tries.
    for _ in 0..32 {
        let start = text.get(at..)?.find(['{', '['])? + at;
        let rest = &text[start..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                if let Some(found) = fits(&value) {
                    return Some(found);
                }
                at = start + values.byte_offset().max(1);
            }
            _ => at = start + 1,
        }
    }
    None
}

fn first_value(text: &str) -> Option<Value> {
    serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn only_whole_members_and_elements_are_kept() {
        let check = |text: &str, expect: Option<Value>| {
            assert_eq!(complete_part(text), expect, "{text}");
        };
        check(r#"{"a": 1, "b": [{"c": 2}, {"c": 3"#, Some(json!({"a": 1, "b": [{"c": 2}]})));
        check(
            r#"{"a": 1, "b": [{"c": 2}, {"c": 3}"#,
            Some(json!({"a": 1, "b": [{"c": 2}, {"c": 3}]})),
        );
        check(r#"{"a": "x, [y", "b": [{"c": "}]"#, Some(json!({"a": "x, [y", "b": []})));
        check(r#"{"a": "\"", "b": "#, Some(json!({"a": "\""})));
        check(r#"{"a": {"b": 1, "c"#, Some(json!({})));
        check(
            r#"{"a": 1, "b": {"c": 1}, "d": [1, [2, 3], [4"#,
            Some(json!({"a": 1, "b": {"c": 1}, "d": [1, [2, 3]]})),
        );
        check(r#"[{"a": 1}, {"a"#, Some(json!([{"a": 1}])));
        check(r#"{"a": 1} and more {"#, Some(json!({"a": 1})));
        check(r#"Here: {"a": 1, "b""#, Some(json!({"a": 1})));
        check(r#"{"#, Some(json!({})));
        check(r#"{"a": tru, "b": 1"#, None);
        check("}", None);
        check("nothing", None);
        check("", None);
    }

    #[test]
    fn answers_are_found_in_prose() {
        let has_findings = |value: &Value| value.get("findings").cloned();
        let check = |text: &str, expect: Option<Value>| {
            assert_eq!(in_prose(text, has_findings), expect, "{text}");
        };
        check("Sure!\n```json\n{\"findings\": [1]}\n```\nDone.", Some(json!([1])));
        check("```\n{\"findings\": []}\n```", Some(json!([])));
        check("I {think} that {\"findings\": [2]} is it", Some(json!([2])));
        check("{\"other\": 1} {\"findings\": [3]}", Some(json!([3])));
        check("```rust\nfn main() {}\n``` {\"findings\": [4]}", Some(json!([4])));
        check("no {json", None);
        check("", None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn any_text_is_survived(text in r#"[{}\[\]",:\\a1 `é\n]{0,60}"#) {
            let _ = complete_part(&text);
            let _ = in_prose(&text, |value| Some(value.clone()));
        }

        #[test]
        fn a_cut_answer_gives_a_prefix_of_its_elements(
            bodies in prop::collection::vec(r#"[{}\[\]",\\ aé]{0,12}"#, 0..6),
            cut in 0.0f64..1.0,
        ) {
            let findings: Vec<Value> =
                bodies.iter().map(|body| json!({"body": body, "at": [1, {"x": 2}]})).collect();
            let whole = json!({"findings": findings, "summary": "s"}).to_string();
            let mut at = (whole.len() as f64 * cut) as usize;
            while !whole.is_char_boundary(at) {
                at -= 1;
            }
            if let Some(part) = complete_part(&whole[..at]) {
                let kept = part.get("findings").and_then(Value::as_array).cloned();
                let kept = kept.unwrap_or_default();
                prop_assert!(findings.starts_with(&kept), "{part}");
            }
        }
    }
}
