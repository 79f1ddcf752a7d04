//! What may stand in a text that leaves the process: no secret in any usual
//! form, and in Markdown nothing that a forge would act on.

use std::sync::LazyLock;

use base64::Engine as _;
use regex::Regex;
use serde_json::Value;

use super::SECRETS;

pub fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Every text in a value, names of fields included.
pub fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| [vec![name.clone()], strings(value)].concat())
            .collect(),
        _ => Vec::new(),
    }
}

/// The forms in which secrets travel, with the variable's name.
static FORMS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let mut forms = Vec::new();
    for (name, value) in SECRETS {
        let percent: String = value
            .bytes()
            .map(|b| match b {
                b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => (b as char).to_string(),
                b => format!("%{b:02X}"),
            })
            .collect();
        let json = serde_json::to_string(value).expect("a text");
        let hex: String = value.bytes().map(|b| format!("{b:02x}")).collect();
        forms.extend([
            (name, value.to_owned()),
            (name, percent),
            (name, json.trim_matches('"').to_owned()),
            (name, value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")),
            (name, hex.to_uppercase()),
            (name, hex),
        ]);
        for offset in 0..3 {
            let mut bytes = vec![b'x'; offset];
            bytes.extend_from_slice(value.as_bytes());
            let whole = bytes.len() / 3 * 4;
            forms.push((name, base64(&bytes)[if offset == 0 { 0 } else { 4 }..whole].to_owned()));
        }
    }
    forms
});

/// Which secrets a text gives away.
pub fn leaks(text: &str) -> Vec<&'static str> {
    let visible: String = text.chars().filter(|c| !is_hidden(*c)).collect();
    let mut found: Vec<&str> = FORMS
        .iter()
        .filter(|(_, form)| text.contains(form.as_str()) || visible.contains(form.as_str()))
        .map(|(name, _)| *name)
        .collect();
    found.dedup();
    found
}

/// Characters that a reader does not see, or that turn what is read.
pub fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// What a CI runner would take for an order to it.
pub fn runner_orders(text: &str) -> Vec<String> {
    let ours = ["::error ", "::warning ", "::notice "];
    text.lines()
        .filter(|line| {
            let start = line.trim_start();
            (start.starts_with("::") && !ours.iter().any(|ours| line.starts_with(ours)))
                || line.contains("##[")
                || line.contains("##vso[")
        })
        .map(|line| format!("an order to the runner: {line}"))
        .collect()
}

/// The text of Markdown without its code, line by line; code blocks by
/// themselves. Code spans end on their line.
fn prose(markdown: &str) -> String {
    let mut out = String::new();
    let mut fence: Option<usize> = None;
    for line in markdown.lines() {
        let run = line.bytes().take_while(|b| *b == b'`').count();
        match fence {
            Some(length) if run >= length && line[run..].trim().is_empty() => fence = None,
            Some(_) => {}
            None if run >= 3 && !line[run..].contains('`') => fence = Some(run),
            None => {
                let mut rest = line;
                while let Some(at) = rest.find('`') {
                    let escaped = rest[..at].ends_with('\\') && !rest[..at].ends_with("\\\\");
                    let run = rest[at..].bytes().take_while(|b| *b == b'`').count();
                    let after = &rest[at + run..];
                    out += &rest[..at];
                    let close = closing(after, run).filter(|_| !escaped);
                    rest = match close {
                        Some(end) => {
                            out.push('\u{2022}');
                            &after[end + run..]
                        }
                        None => after,
                    };
                }
                out += rest;
                out.push('\n');
            }
        }
    }
    if fence.is_some() {
        out += "<open fence>";
    }
    out
}

fn closing(text: &str, run: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(offset) = text[at..].find('`') {
        let start = at + offset;
        let length = text[start..].bytes().take_while(|b| *b == b'`').count();
        if length == run {
            return Some(start);
        }
        at = start + length;
    }
    None
}

/// What a forge would act on in a text that we post, our own marks aside.
pub fn acts(markdown: &str) -> Vec<String> {
    static RULES: LazyLock<[(&str, Regex); 8]> = LazyLock::new(|| {
        [
            ("a tag", r"</?[A-Za-z!?]"),
            ("an image", r"!\[[^\]]*[^\\]?\]\("),
            ("a mention", r"@[A-Za-z0-9]"),
            ("an address", r"[A-Za-z][A-Za-z0-9+.-]*://|(?i)\bwww\.|mailto:|xmpp:"),
            ("a link", r"(?:^|[^\\])\]\(|^\s{0,3}\[[^\]]*[^\\]\]:"),
            ("a reference", r"(?:^|[^;&\w])(?:[\w.-]+/[\w.-]+)?#[0-9]|\bGH-[0-9]"),
            ("an entity", r"&(?:#|(?:commat|colon|lbrack|excl|sol|num|period|lpar);)"),
            ("an open fence", r"<open fence>|^ {0,3}(?:```|~~~)"),
        ]
        .map(|(what, pattern)| (what, Regex::new(&format!("(?m){pattern}")).expect("a pattern")))
    });
    static OURS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"\A<!-- pipewright:summary -->\n<!-- pipewright:state v1 [A-Za-z0-9+/=]* ?-->\n",
            r"(?:<!-- pipewright:refused [0-9a-f ]+ -->\n)?",
            r"|\A<!-- pipewright:answer=[0-9]+ on=[a-z]+ ended=[a-z]+ -->\n",
            r"|\[↑\]\(https://github\.com/acme/widgets/pull/7#[a-z_]+-?[0-9]+\)",
            r"|\n<!-- pipewright:finding [0-9a-f]+ -->\s*\z",
            r"|(?m:^<details><summary>)|(?m:</summary>$)|(?m:^</details>$)|(?m:^<sub>)|(?m:</sub>$)",
            r"|\]\(https://github\.com/acme/widgets/(?:blob|tree|commit)/[\w/.#?=%-]*\)",
            r"|https://github\.com/acme/widgets/(?:blob|tree|commit)/[\w/.#?=%-]*",
        ))
        .expect("a pattern")
    });
    let own = OURS.replace_all(markdown, "");
    let prose = prose(&own);
    let mut found: Vec<String> = RULES
        .iter()
        .filter_map(|(what, rule)| {
            let hit = rule.find(&prose)?;
            let line = prose[..hit.start()].rfind('\n').map_or(0, |at| at + 1);
            let text: String = prose[line..].chars().take(160).collect();
            Some(format!("{what} in what is posted: {text:?}"))
        })
        .collect();
    if let Some(c) = markdown.chars().find(|c| is_hidden(*c)) {
        found.push(format!("a hidden character in what is posted: U+{:04X}", c as u32));
    }
    let order = Regex::new(r"(?m)^/[A-Za-z]+(?:\s|$)").expect("a pattern");
    if let Some(hit) = order.find(markdown) {
        found.push(format!("an order to a bot in what is posted: {:?}", hit.as_str()));
    }
    if pipewright::context::asks(markdown, "@pipewright").is_some() {
        found.push("our own phrase in what is posted".to_owned());
    }
    found
}
