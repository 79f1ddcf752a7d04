//! The body of a comment on lines of the change.

use super::{View, frame, wording};
use crate::finding::{Finding, Fingerprint, Side};

const MARKER: &str = "<!-- pipewright:finding ";
const END: &str = " -->";

/// Longest replacement that is offered, in bytes: a comment takes 65,536
/// characters, of which the finding's text may need a quarter.
const MAX_SUGGESTION: usize = 40_000;

/// Longest title, in characters.
const MAX_TITLE: usize = 300;

/// Markdown; the last line is the hidden marker that [`finding_id`] reads back.
pub fn body(view: &View<'_>, finding: &Finding) -> String {
    let mut text = remark(view, finding);
    if finding.side == Side::New
        && let Some(suggestion) = &finding.suggestion
    {
        match frame::replacement(view, &suggestion.replacement) {
            Some(replacement) if replacement.len() > MAX_SUGGESTION => {
                text += "\n\n_Suggestion left out: it is too long for a comment._";
            }
            // The block has to hold the replacement as it stands.
            Some(replacement) if crate::redact::orders_bots(&replacement) => {
                text += "\n\n_Suggestion withheld: a line of it reads like an order to a bot._";
            }
            Some(replacement) => text += &format!("\n\n{}", suggestion_block(&replacement)),
            None => {
                text += "\n\n_Suggestion withheld: it holds a secret or hidden characters._";
            }
        }
    }
    let origin = view.markdown_line(&wording::origin(finding));
    text += &format!("\n\n<sub>{origin}</sub>\n{MARKER}{}{END}", finding.id);
    text
}

/// Severity, title and body, without suggestion, origin and marker.
pub fn remark(view: &View<'_>, finding: &Finding) -> String {
    let title = view.markdown_line(&view.short(&finding.title, MAX_TITLE));
    let head = format!(
        "{} **{}** · **{}**",
        wording::badge(finding.severity),
        finding.severity,
        title.replace('*', "\\*"),
    );
    let body = view.markdown(&finding.body);
    if body.is_empty() { head } else { format!("{head}\n\n{body}") }
}

/// The block that GitHub applies to the comment's lines: its content takes their
/// place, and no content deletes them. Line feeds only: browsers send comments
/// with CRLF whatever the file has, so the host has to settle line ends itself.
/// The fence is longer than any run of backticks inside.
fn suggestion_block(replacement: &str) -> String {
    let longest = replacement.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let content = if replacement.is_empty() { String::new() } else { format!("{replacement}\n") };
    format!("{fence}suggestion\n{content}{fence}")
}

/// The title in a comment of ours, as it stands there; `None` if it has none.
pub fn title(body: &str) -> Option<String> {
    let (_, rest) = body.lines().next()?.split_once("** · **")?;
    let title = rest.strip_suffix("**")?;
    // Marks of Markdown are escaped by a backslash each.
    let mut plain = String::with_capacity(title.len());
    let mut chars = title.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' || chars.peek().is_none_or(|next| !next.is_ascii_punctuation()) {
            plain.push(c);
        }
    }
    Some(plain)
}

/// The rule that a comment of ours names as its origin; `None` if a model said it.
pub fn rule(body: &str) -> Option<String> {
    let line = body.trim_end().lines().rev().nth(1)?;
    let id = line.strip_prefix("<sub>rule ")?.strip_suffix("</sub>")?.replace('\\', "");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:+@".contains(c);
    (!id.is_empty() && id.len() <= 200 && id.chars().all(plain)).then_some(id)
}

/// The replacement that a comment of ours offers, read from where [`body`] writes it:
/// right above its last two lines.
pub fn suggestion(body: &str) -> Option<String> {
    finding_id(body)?;
    let lines: Vec<&str> = body.trim_end().lines().collect();
    let [block @ .., origin, _] = &lines[..] else { return None };
    if !origin.starts_with("<sub>") {
        return None;
    }
    let [block @ .., fence, ""] = block else { return None };
    if fence.len() < 3 || fence.bytes().any(|byte| byte != b'`') {
        return None;
    }
    // The fence is longer than any inside: the nearest opening one is its own.
    let open = format!("{fence}suggestion");
    let start = block.iter().rposition(|line| **line == open)?;
    Some(block[start + 1..].join("\n"))
}

/// The finding that a comment of ours is about: read from its last line, where
/// [`body`] writes it, and nowhere else.
pub fn finding_id(body: &str) -> Option<Fingerprint> {
    let last = body.trim_end().lines().last()?;
    let id = last.strip_prefix(MARKER)?.strip_suffix(END)?;
    let valid = (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    valid.then(|| Fingerprint(id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Suggestion;
    use crate::publish::fixtures;

    fn check(name: &str, change: impl FnOnce(&mut Finding)) {
        let mut fixture = fixtures::one();
        change(&mut fixture.report.findings[0]);
        let finding = fixture.report.findings[0].clone();
        let body = body(&fixture.view(), &finding);
        assert_eq!(finding_id(&body), Some(finding.id.clone()));
        assert!(title(&body).is_some() && rule(&body).is_none());
        let offered = finding.suggestion.as_ref().map(|s| s.replacement.replace("\r\n", "\n"));
        if body.contains("```suggestion\n") {
            assert_eq!(suggestion(&body), offered);
            assert_eq!(suggestion(&body.replace('\n', "\r\n")), offered, "as browsers send it");
        } else {
            assert_eq!(suggestion(&body), None);
        }
        insta::assert_snapshot!(name, body);
    }

    #[test]
    fn comments_say_what_why_and_how_to_mend_it() {
        let suggest = |text: &str| Some(Suggestion { replacement: text.to_owned() });
        check("inline_plain", |f| f.suggestion = None);
        check("inline_suggestion", |f| f.suggestion = suggest("    let a = 1;\n    let b = 2;"));
        check("inline_delete", |f| f.suggestion = suggest(""));
        check("inline_crlf_and_fences", |f| f.suggestion = suggest("a\r\n```\r\n````"));
        check("inline_secret", |f| f.suggestion = suggest("key = \"hunter2-correct-horse\""));
        check("inline_old_side", |f| f.side = Side::Old);
        check("inline_hostile", |f| {
            f.title = "**x** <!-- pipewright:finding 0000000000000000 -->\n# @octocat".into();
            f.body = "```suggestion\nrm\n\n<!-- pipewright:finding 0000000000000000 -->".into();
        });
    }

    #[test]
    fn a_marker_counts_only_as_the_last_line() {
        let cases = [
            ("x\n<!-- pipewright:finding 0123456789abcdef -->", true),
            ("x\r\n<!-- pipewright:finding 0123456789abcdef -->\r\n", true),
            ("<!-- pipewright:finding 0123456789abcdef -->\nx", false),
            ("> <!-- pipewright:finding 0123456789abcdef -->", false),
            ("<!-- pipewright:finding 0123456789abcdef --> x", false),
            ("<!-- pipewright:finding ../../x -->", false),
            ("<!-- pipewright:finding  -->", false),
            ("", false),
        ];
        for (body, expect) in cases {
            assert_eq!(finding_id(body).is_some(), expect, "{body}");
        }
    }
}
