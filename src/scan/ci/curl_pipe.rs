//! Rule `ci-curl-pipe-shell`: a download run unread.

use std::sync::LazyLock;

use regex::Regex;

use super::{Doc, Problem, ascii, script, widened};
use crate::finding::Severity;
use crate::scan::{Hit, Rule, Scope};

pub(in crate::scan) const RULE: Rule = Rule {
    id: "ci-curl-pipe-shell",
    title: "Download piped into a shell",
    severity: Severity::High,
    category: "ci",
    help: "Finds scripts in pipeline files that hand a download straight to an interpreter: \
`curl … | sh`, `bash <(curl …)`, `iwr … | iex`. Whoever serves the address decides what the job \
runs.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    widened(scope, hits, find);
}

static PIPE: LazyLock<Regex> = LazyLock::new(|| {
    ascii(
        r#"\b(?:curl|wget)\b[^|;]*\|\s*(?:sudo\s+(?:-\w+\s+)*)?(?:env\s+)?(?:\w+=\S*\s+)*(?:/(?:usr/)?bin/)?(?:ba|z|da|k)?(?:sh|python3?|perl|ruby|node)\b|\b(?:ba|z)?sh\s+(?:-\w+\s+)*<\(\s*(?:curl|wget)\b|\b(?:ba|z)?sh\s+-c\s+["']?\$\(\s*(?:curl|wget)\b|\b(?:source|eval)\s+["']?[<$]\(\s*(?:curl|wget)\b|(?i:\b(?:iwr|irm|invoke-webrequest|invoke-restmethod)\b[^|]*\|\s*(?:iex|invoke-expression)\b|\b(?:iex|invoke-expression)\b.*\bdownloadstring\b)"#,
    )
});

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| ascii(r#"https?://[^\s"'|)]+"#));

fn find(doc: &Doc) -> Vec<Problem> {
    let mut found = Vec::new();
    for script in script::scripts(doc) {
        for (number, command) in script.commands() {
            if !PIPE.is_match(&command) || command.contains("sha256sum") {
                continue;
            }
            let address = ADDRESS.find(&command).map_or("", |address| address.as_str());
            let severity =
                if address.starts_with("http://") { Severity::High } else { Severity::Low };
            let plain = if severity == Severity::High {
                " It comes without TLS, so anyone on the way can, too."
            } else {
                ""
            };
            found.push(
                Problem::new(
                    address.split(['?', '#']).next().unwrap_or_default(),
                    number,
                    severity,
                    "Download piped into a shell",
                )
                .body(format!(
                    "Whoever serves this address decides what the job runs, today and later.{plain} \
Download a named version, check its digest, then run it; or use a pinned action or package."
                )),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::PIPE;
    use crate::scan::testing::found_edit;

    #[test]
    fn pipes_into_interpreters_are_told_from_others() {
        for (command, expect) in [
            ("curl -sSf https://sh.rustup.rs | sh -s -- -y", true),
            ("wget -qO- https://a.b/x | sudo -E bash -", true),
            ("bash <(curl -s https://codecov.io/bash)", true),
            ("sh -c \"$(curl -fsSL https://a.b/x)\"", true),
            ("curl https://a.b/x | python3 -", true),
            ("iwr https://a.b/x.ps1 -useb | iex", true),
            ("curl https://a.b/x | jq .", false),
            ("curl https://a.b/x | tar xz", false),
            ("curl -o x.sh https://a.b/x; sh x.sh", false),
            ("curl https://a.b/x | shasum -c", false),
        ] {
            assert_eq!(PIPE.is_match(command), expect, "{command}");
        }
    }

    #[test]
    fn every_platform_is_read_and_continuations_are_joined() {
        let check = |path: &str, text: &str, line: u32, severity: &str| {
            let found = found_edit("ci-curl-pipe-shell", path, "", text);
            assert_eq!(found.len(), 1, "{path}");
            assert_eq!((found[0].line, found[0].severity.as_str()), (line, severity), "{path}");
        };
        check(
            ".github/workflows/a.yml",
            "jobs:\n  a:\n    steps:\n      - run: |\n          x\n          curl http://a.b \\\n            | sh\n",
            6,
            "high",
        );
        check(".gitlab-ci.yml", "a:\n  script:\n    - curl https://a.b | sh\n", 3, "low");
        check("Jenkinsfile", "sh 'curl https://a.b | bash'\n", 1, "low");
        check("azure-pipelines.yml", "steps:\n- script: curl https://a.b | sh\n", 2, "low");
        check(
            "bitbucket-pipelines.yml",
            "a:\n  - step:\n      script:\n        - curl https://a.b | sh\n",
            4,
            "low",
        );
        check(".harness/p.yaml", "a:\n  command: curl https://a.b | sh\n", 2, "low");
    }
}
