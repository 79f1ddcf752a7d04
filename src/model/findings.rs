//! The answer of a review: the tool the model calls, and reading what it says.

use serde_json::{Value, json};

use super::Tool;
use crate::finding::Severity;

/// The name of the answer tool.
pub const REPORT_FINDINGS: &str = "report_findings";

/// What a finding may be about.
pub const CATEGORIES: [&str; 12] = [
    "correctness",
    "security",
    "concurrency",
    "resources",
    "api",
    "data",
    "error-handling",
    "tests",
    "performance",
    "pipeline",
    "docs",
    "style",
];

/// Most findings taken from one answer.
const MOST: usize = 500;

/// Longest title and body kept, in characters.
const LONGEST_TITLE: usize = 200;
const LONGEST_BODY: usize = 16_000;
const LONGEST_CASE: usize = 1_000;

/// One answer, read but not proven.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// What the model says of the change as a whole.
    pub summary: String,
    /// In its order.
    pub findings: Vec<RawFinding>,
    /// How many findings could not be read.
    pub rejected: usize,
}

/// A finding as the model puts it: nothing about it is proven.
#[derive(Debug, Clone, PartialEq)]
pub struct RawFinding {
    /// The file.
    pub path: String,
    /// First line, from 1; 0 if the model names none (the quote then decides).
    pub line: u32,
    /// Last line, at least `line`.
    pub end_line: Option<u32>,
    /// The text the finding stands on.
    pub quote: String,
    /// How bad.
    pub severity: Severity,
    /// One of [`CATEGORIES`].
    pub category: String,
    /// 0 to 1; 0.5 if the model does not say.
    pub confidence: f64,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The input, state or order of events with which it goes wrong; may be empty.
    pub fails_when: String,
    /// Text in place of lines `line..=end_line`, without a final line end; never empty.
    pub replacement: Option<String>,
}

/// The answer tool with the schema of an [`Answer`]. Every object is closed and
/// only `end_line`, `fails_when` and `replacement` are optional, so that the provider can hold
/// the model to it.
pub fn report_findings_tool() -> Tool {
    let text = |description: &str| json!({"type": "string", "description": description});
    let number = |kind: &str, description: &str| json!({"type": kind, "description": description});
    let finding = json!({
        "type": "object",
        "properties": {
            "path": text("The file, exactly as its header in the change names it."),
            "line": number("integer", "The number printed in front of the first line the finding is about. For a removed line, the number it had before."),
            "end_line": number("integer", "The number of the last line, if the finding is about more than one. All lines from line to end_line stand in the same hunk."),
            "quote": text("The text of line, copied character by character from behind the gutter: without line number and +/- sign, with its indentation. It must be a line that was shown; a finding whose quote is not found is thrown away."),
            "severity": {"type": "string", "enum": Severity::ALL.map(Severity::as_str),
                "description": "critical: data loss, a way in for an attacker, an outage. high: wrong in ordinary use, should block the merge. medium: wrong in a case that will happen, should be mended. low: small or unlikely. info: worth knowing, nothing to do."},
            "category": {"type": "string", "enum": CATEGORIES, "description": "What it is about."},
            "confidence": number("number", "How likely it is, from 0 to 1, that the author, shown this, agrees that it is so and changes the code for it. Of findings given 0.8, four in five should hold."),
            "title": text("What is wrong, in one plain line of at most twelve words."),
            "body": text("Markdown: what happens, under which inputs or conditions, and what to do about it. Name the evidence. No greeting, no praise, no repetition of the title."),
            "fails_when": text("The concrete case, in one sentence: with which input, state or order of events the code goes wrong, and what comes out instead of what should. Without one it is no finding."),
            "replacement": text("Only if the fix is certain and local: the full text that takes the place of all lines from line to end_line, with their indentation, without gutter and without a code fence. It must compile in its place. To delete lines, include a neighbouring line that stays. Leave it out otherwise."),
        },
        "required": ["path", "line", "quote", "severity", "category", "confidence", "title", "body"],
        "additionalProperties": false,
    });
    Tool {
        name: REPORT_FINDINGS.to_owned(),
        description: "Report the review of the change you were shown. Call it exactly once, when \
            you are done, with everything you found; call it with an empty list if there is \
            nothing worth a developer's time. Report defects that this change brings in or makes \
            worse, each once, at the line where it is best mended. Do not report what a formatter or \
            linter would say, what you only suspect without a concrete case, or what \
            the change does not touch."
            .to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "summary": text("What this part of the change does, in one or two sentences. No verdict, no headings."),
                "findings": {"type": "array", "items": finding, "description": "Worst first."},
            },
            "required": ["summary", "findings"],
            "additionalProperties": false,
        }),
    }
}

/// Read an answer. Unknown fields are passed over; what is missing or of another
/// type is made the best of where that does no harm: numbers in quotes, a single
/// finding in place of a list, JSON inside a string, other words for severities
/// and categories. A finding without file, or without title and body, is counted
/// as rejected.
///
/// Fails, with words that tell a model what to mend, if there is no list of
/// findings or not one of them can be read.
pub fn parse_findings(value: &Value) -> Result<Answer, String> {
    let decoded = decoded(value);
    let value = decoded.as_ref().unwrap_or(value);
    let (summary, list) = match value {
        Value::Array(_) => (String::new(), value),
        Value::Object(fields) => {
            let summary = string(value, "summary").unwrap_or_default();
            match fields.get("findings") {
                Some(list) => (summary, list),
                None if fields.contains_key("path") => (summary, value),
                None if !summary.is_empty() => (summary, &Value::Null),
                None => return Err("`findings` is missing".to_owned()),
            }
        }
        _ => return Err("the answer is not an object with `summary` and `findings`".to_owned()),
    };
    let decoded = self::decoded(list);
    let items = match decoded.as_ref().unwrap_or(list) {
        Value::Array(items) => items.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        Value::Null => &[],
        _ => return Err("`findings` is not a list".to_owned()),
    };
    let mut answer = Answer { summary, ..Answer::default() };
    let mut first_error = None;
    for item in items {
        match finding(item) {
            Ok(finding) if answer.findings.len() < MOST => answer.findings.push(finding),
            Ok(_) => answer.rejected += 1,
            Err(error) => {
                answer.rejected += 1;
                first_error.get_or_insert(error);
            }
        }
    }
    match first_error {
        Some(error) if answer.findings.is_empty() => Err(format!("in each finding, {error}")),
        _ => Ok(answer),
    }
}

/// JSON that a model wrote into a string.
fn decoded(value: &Value) -> Option<Value> {
    let text = value.as_str()?.trim();
    let value: Value = text.starts_with(['{', '[']).then(|| serde_json::from_str(text).ok())??;
    Some(value)
}

fn finding(value: &Value) -> Result<RawFinding, &'static str> {
    if !value.is_object() {
        return Err("an object is expected");
    }
    let path = string(value, "path").or_else(|| string(value, "file"));
    let path = path.map(|path| path.trim().to_owned()).filter(|path| !path.is_empty());
    let path = path.ok_or("`path` is missing")?;
    let body = string(value, "body").or_else(|| string(value, "description")).unwrap_or_default();
    let title = string(value, "title").filter(|title| !title.trim().is_empty());
    let title = title.unwrap_or_else(|| body.lines().next().unwrap_or_default().to_owned());
    if title.trim().is_empty() {
        return Err("`title` is missing");
    }
    let (line, to) = lines(value.get("line"));
    let end_line = lines(value.get("end_line")).0.or(to).filter(|end| Some(*end) >= line);
    Ok(RawFinding {
        path,
        line: line.unwrap_or(0),
        end_line,
        quote: string(value, "quote").unwrap_or_default(),
        severity: severity(value.get("severity")),
        category: category(string(value, "category").as_deref().unwrap_or_default()).to_owned(),
        confidence: confidence(value.get("confidence")),
        title: one_line(&title),
        body: body.chars().take(LONGEST_BODY).collect(),
        fails_when: string(value, "fails_when")
            .map(|text| text.trim().chars().take(LONGEST_CASE).collect())
            .unwrap_or_default(),
        replacement: string(value, "replacement").and_then(|text| replacement(&text)),
    })
}

fn string(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::String(text) => Some(text.clone()),
        // A list of lines or paragraphs.
        Value::Array(parts) => {
            let parts: Option<Vec<_>> = parts.iter().map(Value::as_str).collect();
            Some(parts?.join("\n"))
        }
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A line number, or two of a range: `12`, `"12"`, `"L12-L15"`, `[12, 15]`.
fn lines(value: Option<&Value>) -> (Option<u32>, Option<u32>) {
    let number = |value: &Value| {
        let whole = value.as_u64().or_else(|| value.as_f64().map(|number| number as u64))?;
        u32::try_from(whole).ok().filter(|line| *line > 0)
    };
    match value {
        Some(Value::String(text)) => {
            let mut numbers = text
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|digits| digits.parse::<u32>().ok())
                .filter(|line| *line > 0);
            (numbers.next(), numbers.next())
        }
        Some(Value::Array(items)) => {
            (items.first().and_then(number), items.get(1).and_then(number))
        }
        Some(value) => (number(value), None),
        None => (None, None),
    }
}

fn severity(value: Option<&Value>) -> Severity {
    let word = value.and_then(Value::as_str).unwrap_or_default().trim().to_ascii_lowercase();
    if let Ok(severity) = word.parse() {
        return severity;
    }
    match word.as_str() {
        "blocker" | "fatal" | "severe" | "p0" | "crit" => Severity::Critical,
        "major" | "error" | "important" | "p1" => Severity::High,
        "minor" | "trivial" | "suggestion" | "nit" | "nitpick" | "p3" => Severity::Low,
        "note" | "notice" | "informational" | "none" | "p4" => Severity::Info,
        // `warning`, `moderate`, `p2`, and whatever else.
        _ => Severity::Medium,
    }
}

fn category(word: &str) -> &'static str {
    let word = word.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    if let Some(known) = CATEGORIES.iter().find(|known| **known == word) {
        return known;
    }
    // The first that the word speaks of.
    const SPEAKS_OF: [(&str, &str); 22] = [
        ("secur", "security"),
        ("vuln", "security"),
        ("race", "concurrency"),
        ("thread", "concurrency"),
        ("concurr", "concurrency"),
        ("leak", "resources"),
        ("memory", "resources"),
        ("resource", "resources"),
        ("perf", "performance"),
        ("error", "error-handling"),
        ("exception", "error-handling"),
        ("test", "tests"),
        ("doc", "docs"),
        ("comment", "docs"),
        ("ci", "pipeline"),
        ("pipeline", "pipeline"),
        ("interface", "api"),
        ("compat", "api"),
        ("migration", "data"),
        ("maintain", "style"),
        ("readab", "style"),
        ("naming", "style"),
    ];
    let spoken = SPEAKS_OF.iter().find(|(part, _)| match *part {
        "ci" => word.split('-').any(|w| w == "ci"),
        part => word.contains(part),
    });
    spoken.map_or("correctness", |(_, category)| category)
}

fn confidence(value: Option<&Value>) -> f64 {
    let number = match value {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => {
            let text = text.trim();
            match text.to_ascii_lowercase().as_str() {
                "high" | "certain" => Some(0.9),
                "medium" => Some(0.6),
                "low" => Some(0.3),
                _ => text.trim_end_matches('%').trim().parse().ok(),
            }
        }
        _ => None,
    };
    match number {
        // Percent.
        Some(number) if number > 1.0 && number <= 100.0 => number / 100.0,
        Some(number) if number.is_finite() => number.clamp(0.0, 1.0),
        _ => 0.5,
    }
}

/// Without the fence that some models put around it and without its final line
/// end; nothing if empty, as models fill optional fields with empty text.
fn replacement(text: &str) -> Option<String> {
    let trimmed = text.trim();
    let inner = trimmed
        .strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"))
        .and_then(|rest| rest.split_once('\n'))
        .map(|(_, inner)| inner);
    let text = inner.unwrap_or(text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    (!text.is_empty()).then(|| text.to_owned())
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_TITLE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain() -> Value {
        json!({"path": "src/a.rs", "line": 12, "quote": "    let x = 1;", "severity": "high",
               "category": "correctness", "confidence": 0.8, "title": "T", "body": "B"})
    }

    fn with(name: &str, value: Value) -> RawFinding {
        let mut item = plain();
        item[name] = value;
        parse_findings(&json!({"summary": "s", "findings": [item]})).unwrap().findings.remove(0)
    }

    #[test]
    fn a_plain_answer_is_read_whole() {
        let mut item = plain();
        item["end_line"] = json!(13);
        item["replacement"] = json!("    let x = 2;\n");
        item["unknown"] = json!({"a": 1});
        let answer = parse_findings(&json!({"summary": "s", "findings": [item]})).unwrap();
        let expect = RawFinding {
            path: "src/a.rs".into(),
            line: 12,
            end_line: Some(13),
            quote: "    let x = 1;".into(),
            severity: Severity::High,
            category: "correctness".into(),
            confidence: 0.8,
            title: "T".into(),
            body: "B".into(),
            fails_when: String::new(),
            replacement: Some("    let x = 2;".into()),
        };
        assert_eq!(answer, Answer { summary: "s".into(), findings: vec![expect], rejected: 0 });
    }

    #[test]
    fn shapes_that_do_no_harm_are_taken() {
        let check = |answer: Value, findings: usize, rejected: usize| {
            let read = parse_findings(&answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
            assert_eq!((read.findings.len(), read.rejected), (findings, rejected), "{answer}");
        };
        check(json!({"summary": "", "findings": []}), 0, 0);
        check(json!({"summary": "fine", "findings": null}), 0, 0);
        check(json!({"summary": "fine"}), 0, 0);
        check(json!({"findings": [plain(), plain()]}), 2, 0);
        check(json!({"findings": plain()}), 1, 0);
        check(json!([plain()]), 1, 0);
        check(plain(), 1, 0);
        check(json!({"findings": json!([plain()]).to_string()}), 1, 0);
        check(json!(json!({"findings": [plain()]}).to_string()), 1, 0);
        check(json!({"findings": [plain(), 7, {"line": 1}, {"path": "a"}]}), 1, 3);
        check(json!({"findings": vec![plain(); MOST + 2]}), MOST, 2);
    }

    #[test]
    fn answers_without_findings_are_refused_in_words() {
        let check = |answer: Value, expect: &str| {
            let error = parse_findings(&answer).unwrap_err();
            assert!(error.contains(expect), "{answer}: {error}");
        };
        check(json!({}), "`findings` is missing");
        check(json!("none"), "not an object");
        check(json!({"findings": 3}), "not a list");
        check(json!({"findings": [{"line": 3}]}), "`path` is missing");
        check(json!({"findings": [{"path": "a.rs"}]}), "`title` is missing");
        check(json!(null), "not an object");
    }

    #[test]
    fn lines_are_read_from_what_models_write() {
        let check = |line: Value, expect: (u32, Option<u32>)| {
            let read = with("line", line.clone());
            assert_eq!((read.line, read.end_line), expect, "{line}");
        };
        check(json!(12), (12, None));
        check(json!("12"), (12, None));
        check(json!(12.0), (12, None));
        check(json!("L12-L15"), (12, Some(15)));
        check(json!("15-12"), (15, None));
        check(json!([12, 15]), (12, Some(15)));
        check(json!(null), (0, None));
        check(json!(-3), (0, None));
        check(json!(1e300), (0, None));
        check(json!("99999999999"), (0, None));
    }

    #[test]
    fn other_words_mean_the_nearest_severity() {
        let check = |word: Value, expect| assert_eq!(with("severity", word).severity, expect);
        check(json!("CRITICAL"), Severity::Critical);
        check(json!(" High "), Severity::High);
        check(json!("blocker"), Severity::Critical);
        check(json!("major"), Severity::High);
        check(json!("warning"), Severity::Medium);
        check(json!("nit"), Severity::Low);
        check(json!("note"), Severity::Info);
        check(json!(null), Severity::Medium);
        check(json!(3), Severity::Medium);
    }

    #[test]
    fn other_words_mean_the_nearest_category() {
        let check = |word: &str, expect| assert_eq!(category(word), expect, "{word}");
        for known in CATEGORIES {
            check(known, known);
        }
        check("Error Handling", "error-handling");
        check("race_condition", "concurrency");
        check("vulnerability", "security");
        check("documentation", "docs");
        check("CI", "pipeline");
        check("precision", "correctness");
        check("bug", "correctness");
        check("", "correctness");
    }

    #[test]
    fn confidence_lies_between_0_and_1() {
        let check = |value: Value, expect: f64| {
            assert!(
                (with("confidence", value.clone()).confidence - expect).abs() < 1e-9,
                "{value}"
            );
        };
        check(json!(0.7), 0.7);
        check(json!("0.7"), 0.7);
        check(json!(85), 0.85);
        check(json!("85%"), 0.85);
        check(json!("high"), 0.9);
        check(json!(-1), 0.0);
        check(json!(1000), 1.0);
        check(json!("NaN"), 0.5);
        check(json!(null), 0.5);
    }

    #[test]
    fn replacements_lose_fences_and_the_final_line_end() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(with("replacement", json!(text)).replacement.as_deref(), expect, "{text}");
        };
        check("  a\n  b", Some("  a\n  b"));
        check("  a\n", Some("  a"));
        check("  a\r\n", Some("  a"));
        check("```suggestion\n  a\n```", Some("  a"));
        check("```rust\n  a\n  b\n```\n", Some("  a\n  b"));
        check("", None);
        check("\n", None);
    }

    #[test]
    fn titles_are_one_line() {
        assert_eq!(with("title", json!("a\n b")).title, "a b");
        assert_eq!(with("title", json!("")).title, "B");
        assert_eq!(with("title", json!("é".repeat(300))).title.chars().count(), 201);
    }

    #[test]
    fn the_tool_accepts_what_it_asks_for_and_nothing_else() {
        let tool = report_findings_tool();
        let schema = jsonschema::validator_for(&tool.input_schema).unwrap();
        let mut item = plain();
        assert!(schema.is_valid(&json!({"summary": "s", "findings": [item]})));
        item = plain();
        item["severity"] = json!("blocker");
        assert!(!schema.is_valid(&json!({"summary": "s", "findings": [item]})));
        assert!(!schema.is_valid(&json!({"summary": "s", "findings": [], "more": 1})));
        let optional = crate::model::anthropic::strict_optional(&tool.input_schema);
        assert_eq!(optional, Some(3), "the schema can be strict");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn any_json_is_survived(text in r#"[\[\]{}",:a1.e-]{0,40}"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let _ = parse_findings(&value);
                let _ = parse_findings(&json!({"findings": [value.clone(), {"path": "a", "title": value.clone(), "line": value}]}));
            }
        }
    }
}
