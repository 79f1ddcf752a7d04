//! Everything that people read, and how it reaches them.
//!
//! Renderers are pure: a [`View`] in, text out. [`plan`](plan::plan) turns a
//! view and what is already there into operations; [`apply`](apply::apply)
//! carries them out on a forge. Text that a model, a change or a tool wrote
//! goes through the view's scrubber on its way into any of them.

pub mod annotations;
pub mod answer;
pub mod apply;
pub mod assessment;
pub mod description;
pub mod diagram;
pub mod existing;
pub mod files;
pub mod frame;
pub mod inline;
pub mod json;
pub mod markdown;
pub mod outputs;
pub mod paused;
pub mod pipeline;
pub mod plan;
pub mod proven;
pub mod sarif;
pub mod step_summary;
pub mod terminal;
pub mod verify;
pub mod walkthrough;
pub mod watch;
pub mod wording;

#[cfg(test)]
mod apply_tests;
#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

use crate::diff::Change;
use crate::finding::{Finding, Severity, Side};
use crate::forge::Conclusion;
use crate::redact::{ForgeHost, Scrubber};
use crate::report::Report;

/// A report with what is needed to show it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What was found.
    pub report: &'a Report,
    /// The change it was found in.
    pub change: &'a Change,
    /// Knows this run's secrets.
    pub scrubber: &'a Scrubber,
    /// Where links may lead.
    pub host: &'a ForgeHost,
    /// Findings from here on fail the run; `None` never fails.
    pub fail_on: Option<Severity>,
    /// Whether something is missing: a cap was reached, or the model could not answer.
    pub incomplete: bool,
}

impl<'a> View<'a> {
    /// How the check ends: red if something is at or above `fail_on`, else grey
    /// if the review is incomplete, else green.
    pub fn conclusion(&self) -> Conclusion {
        if self.report.at_or_above(self.fail_on) > 0 {
            Conclusion::Failure
        } else if self.incomplete {
            Conclusion::Neutral
        } else {
            Conclusion::Success
        }
    }

    /// Untrusted Markdown, for a forge.
    pub fn markdown(&self, text: &str) -> String {
        self.scrubber.sanitize_markdown(text.trim(), self.host)
    }

    /// Untrusted text as one line of Markdown.
    pub fn markdown_line(&self, text: &str) -> String {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.markdown(line.trim_start_matches(['#', '>', '-', '+', '*', '=', '`', '~', ' ']))
    }

    /// At most `limit` characters, never cut through the middle of a secret.
    pub fn short(&self, text: &str, limit: usize) -> String {
        crate::redact::shorten(&self.scrubber.scrub(text), limit).into_owned()
    }

    /// Untrusted text as inline code.
    pub fn code(&self, text: &str) -> String {
        wording::code(&self.scrubber.sanitize_line(text))
    }

    /// Findings, worst first, then by place.
    pub fn worst_first(&self) -> Vec<&'a Finding> {
        let mut findings: Vec<&Finding> = self.report.findings.iter().collect();
        findings.sort_by(|a, b| {
            let place = |f: &'a Finding| (&f.path, f.line, f.side, &f.id);
            b.severity.cmp(&a.severity).then_with(|| place(a).cmp(&place(b)))
        });
        findings
    }
}

/// Makes the address of lines of a file on the side's revision; `None` where
/// there is none. The last two are the first and the last line.
pub type Permalink<'a> = dyn Fn(&str, Side, u32, u32) -> Option<String> + Send + Sync + 'a;

/// The address of lines as GitHub writes it, under `repository_url`.
pub fn github_permalink(
    repository_url: &str,
    revision: &str,
    path: &str,
    line: u32,
    end_line: u32,
) -> String {
    let mut url = format!("{repository_url}/blob/{revision}/");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/_.-".contains(&byte) {
            url.push(byte as char);
        } else {
            url += &format!("%{byte:02X}");
        }
    }
    // Rendered Markdown has no lines to point at.
    if path.to_ascii_lowercase().ends_with(".md") {
        url += "?plain=1";
    }
    url += &format!("#L{line}");
    if end_line > line {
        url += &format!("-L{end_line}");
    }
    url
}
