//! What was learned: a table, JSON, a diff, and the body of the change request.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde_json::json;
use similar::TextDiff;

use super::Learned;
use super::gather::About;
use super::group::{Proposal, Row};
use crate::inputs::CONFIG_FILE;
use crate::publish::json::inert;
use crate::publish::wording::{code, plural};
use crate::redact::Scrubber;

/// The value of `schema` in the JSON.
pub const SCHEMA: &str = "pipewright.learn/1";

fn about(row: &Row) -> (&'static str, String) {
    match &row.about {
        About::Rule(id) => ("rule", id.clone()),
        About::Model(category) => ("model", category.clone().unwrap_or_default()),
    }
}

/// `pipewright.learn/1`.
pub fn json(learned: &Learned, scrubber: &Scrubber) -> anyhow::Result<String> {
    let clean = |text: &str| scrubber.scrub(text).into_owned();
    let rows: Vec<serde_json::Value> = learned
        .rows
        .iter()
        .map(|row| {
            let (kind, name) = about(row);
            let proposal = row.proposal.as_ref().map(|proposal| match proposal {
                Proposal::Rule { glob, id } => json!({ "glob": glob, "ignore_rules": [id] }),
                Proposal::Remark { glob, line } => json!({ "glob": glob, "instructions": line }),
            });
            json!({
                "source": kind,
                "name": clean(&name),
                "title": clean(&row.title),
                "where": row.glob,
                "dismissed": row.dismissed,
                "accepted": row.accepted,
                "people": row.people.len(),
                "pull_requests": row.requests,
                "threads": row.urls,
                "proposal": proposal,
                "why_not": row.why_not,
            })
        })
        .collect();
    let report = json!({
        "schema": SCHEMA,
        "pull_requests": learned.requests,
        "remarks": rows,
        "diff": diff(learned),
        "notes": learned.notes,
    });
    let text = serde_json::to_string_pretty(&report).context("cannot write the result")?;
    Ok(inert(text) + "\n")
}

/// The unified diff of the configuration; empty if nothing is proposed.
pub fn diff(learned: &Learned) -> String {
    let Some(after) = &learned.after else { return String::new() };
    let before = learned.before.as_deref();
    let old = match before {
        Some(_) => format!("a/{CONFIG_FILE}"),
        None => "/dev/null".to_owned(),
    };
    TextDiff::from_lines(before.unwrap_or_default(), after.as_str())
        .unified_diff()
        .header(&old, &format!("b/{CONFIG_FILE}"))
        .to_string()
}

/// For a person.
pub fn text(learned: &Learned, scrubber: &Scrubber) -> String {
    let mut text = String::new();
    if learned.rows.is_empty() {
        let _ = writeln!(
            text,
            "Nobody put a remark aside in {}.",
            plural(learned.requests, "pull request")
        );
    }
    for row in &learned.rows {
        let (kind, name) = about(row);
        let what = if name.is_empty() { kind.to_owned() } else { format!("{kind} {name}") };
        let line = format!(
            "{} dismissed, {} accepted  {what}  {}  {}",
            row.dismissed, row.accepted, row.glob, row.title
        );
        let _ = writeln!(text, "{}", scrubber.sanitize_line(&line));
        if let Some(why) = &row.why_not {
            let _ = writeln!(text, "    not proposed: {why}");
        }
    }
    let diff = diff(learned);
    if !diff.is_empty() {
        let _ = write!(text, "\n{}", scrubber.sanitize_plain(&diff));
    }
    for note in &learned.notes {
        let _ = writeln!(text, "\n{note}");
    }
    text
}

/// The change request's description; its last line says which proposal it is.
pub fn body(learned: &Learned, scrubber: &Scrubber, repository_url: &str, digest: &str) -> String {
    let mut text = String::from(
        "People put these remarks aside again and again, and nobody changed a line because of \
         them. Merge this to have them no longer reported there; close it, and the same is not \
         proposed again.\n\n| Remark | Where | Put aside | In |\n|---|---|--:|---|\n",
    );
    for row in learned.rows.iter().filter(|row| row.proposal.is_some()) {
        let (kind, name) = about(row);
        let what = if kind == "rule" { format!("rule {name}") } else { row.title.clone() };
        let links: Vec<String> = row
            .urls
            .iter()
            .filter(|url| is_thread(url, repository_url))
            .enumerate()
            .map(|(at, url)| format!("[{}]({url})", at + 1))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} times by {} | {} |",
            code(&scrubber.sanitize_line(&what)),
            code(&scrubber.sanitize_line(&row.glob)),
            row.dismissed,
            plural(row.people.len(), "person").replace("persons", "people"),
            links.join(" "),
        );
    }
    let _ = write!(
        text,
        "\n<sub>Pipewright · read {}</sub>\n<!-- pipewright:learn {digest} -->",
        plural(learned.requests, "past pull request")
    );
    text
}

/// Whether an address is that of a thread in this repository, and nothing else.
fn is_thread(url: &str, repository_url: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    url.strip_prefix(repository_url)
        .and_then(|rest| rest.strip_prefix("/pull/")?.split_once("#discussion_r"))
        .is_some_and(|(pull, comment)| number(pull) && number(comment))
}
