//! A download is run unread.

use std::sync::LazyLock;

use regex::Regex;

use super::scripts::{each, place};
use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::platform::Platform;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "unverified-download",
    title: "A download is run without a look at what it is",
    doc: "\
`curl … | sh` runs whatever the address serves at that moment, with the job's secrets. So does \
the newest release of a tool that is fetched and run.

**Fix.** None is made: which version and which digest are right, only people know.

**Silent** where the script compares a checksum or a signature, and on addresses of the machine \
itself.",
    group: Group::Security,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[
        Platform::GitHub,
        Platform::GitLab,
        Platform::Azure,
        Platform::Jenkins,
        Platform::Bitbucket,
        Platform::Harness,
    ],
    check,
};

static PIPED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
        \b(?:curl|wget)\b(?:[^|;&\n'"]|\\\n|"[^"\n]*"|'[^'\n]*'|&[^&\s])*\|\s*(?:\\\n\s*)?
            (?:sudo\s+(?:-\S+\s+)*)?(?:env\s+)?(?:[A-Z_]+=\S*\s+)*(?:/(?:usr/)?bin/)?
            (?:(?:ba|z|da|k)?sh|python3?|perl|ruby|node)(?:\s|$|["')])
        |\b(?:ba|z)?sh\s+(?:-\w+\s+)*<\(\s*(?:curl|wget)\b[^\n]*
        |\b(?:ba|z)?sh\s+-\w*c\s+["']?\$\(\s*(?:curl|wget)\b[^\n]*
        |\b(?:source|eval|\.)\s+["']?[<$]\(\s*(?:curl|wget)\b[^\n]*
        |(?i:\b(?:iwr|irm|invoke-webrequest|invoke-restmethod)\b[^|\n]*\|\s*(?:iex|invoke-expression)\b)
        |(?i:\b(?:iex|invoke-expression)\b[^\n]*\bdownloadstring\b[^\n]*)"#,
    )
    .ok()
});

static LATEST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"\b(?:curl|wget)\b[^\n|;]*?https?://[^\s"']*/releases/latest/download/[^\s"']+"#)
        .ok()
});

static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"https?://[^\s"'|)]+"#).ok());

/// Words of a script that compare what was fetched.
const VERIFIED: &[&str] = &[
    "sha256sum",
    "sha512sum",
    "shasum",
    "Get-FileHash",
    "gpg --verify",
    "cosign verify",
    "minisign",
    "slsa-verifier",
    "gh attestation verify",
];

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    for (job, _, script) in each(context) {
        if VERIFIED.iter().any(|word| script.text.contains(word)) {
            continue;
        }
        let mut piped = Vec::new();
        for found in PIPED.iter().flat_map(|form| form.find_iter(&script.text)) {
            if is_comment(&script.text, found.start()) {
                continue;
            }
            piped.push(found.range());
            let address = ADDRESS.as_ref().and_then(|form| form.find(found.as_str()));
            let address = address.map_or("", |address| address.as_str());
            if address.contains("://localhost") || address.contains("://127.0.0.1") {
                continue;
            }
            let plain = address.starts_with("http://");
            let from = match host(address) {
                "" => String::new(),
                host => format!(" from {host}"),
            };
            hits.push(Hit {
                span: place(context, script, found.as_str()),
                title: format!("Job `{}` runs a download{from} unread", job.id),
                why: format!(
                    "Whoever serves this address decides what the job runs, today and later.{} \
                     Fetch a named version, compare its digest, then run it; or use a package or \
                     a pinned action.",
                    if plain {
                        " It comes without TLS, so anyone on the way can, too."
                    } else {
                        ""
                    }
                ),
                severity: Some(if plain { Severity::High } else { Severity::Low }),
                confidence: 0.9,
                fix: None,
                effect: None,
            });
        }
        for found in LATEST.iter().flat_map(|form| form.find_iter(&script.text)) {
            let known =
                piped.iter().any(|range| range.start < found.end() && found.start() < range.end);
            if known || is_comment(&script.text, found.start()) {
                continue;
            }
            hits.push(Hit {
                span: place(context, script, found.as_str()),
                title: format!("Job `{}` fetches whatever is the latest release", job.id),
                why: "A new release changes what the job runs, with no change here, and nothing \
                      compares its digest. Fetch a named version and check it."
                    .to_owned(),
                severity: Some(Severity::Info),
                confidence: 0.8,
                fix: None,
                effect: None,
            });
        }
    }
}

fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or("", |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    if host.contains('$') { "" } else { host }
}

fn is_comment(text: &str, at: usize) -> bool {
    let line = text.get(..at).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    line.trim_start().starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::NoFiles;
    use crate::pipeline::rule::testing::hits;

    #[test]
    fn downloads_that_run_unread_are_found() {
        for (line, expect) in [
            ("curl -sSf https://a.org/x | sh", true),
            ("curl https://a.org/x | sudo -E bash -", true),
            ("bash <(curl -s https://a.org/x)", true),
            ("sh -c \"$(curl -fsSL https://a.org/x)\"", true),
            ("wget -qO- http://a.org/x | python3", true),
            ("irm https://a.org/x | iex", true),
            ("curl -LO https://github.com/a/b/releases/latest/download/b", true),
            ("curl https://a.org/x | tar xz", false),
            ("curl https://a.org/x | jq .shell", false),
            ("# curl https://a.org/x | sh", false),
            ("curl https://a.org/x -o x; sha256sum -c x.sum; sh x", false),
            ("curl http://localhost:80/x | sh", false),
        ] {
            let text = format!(
                "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          {line}\n"
            );
            let (_, found) = hits(&RULE, Platform::GitHub, &text, &NoFiles);
            let places: Vec<&str> = found.iter().map(|hit| &text[hit.span.range()]).collect();
            assert_eq!(places.len(), usize::from(expect), "{line}");
            assert!(places.iter().all(|place| line.starts_with(place)), "{places:?}");
        }
    }
}
