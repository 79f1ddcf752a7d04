//! Rule `ci-secrets-exposed`: secrets where more eyes or hands reach them.

use std::sync::LazyLock;

use regex::Regex;

use super::{Doc, Platform, Problem, ascii, github, script, widened};
use crate::finding::Severity;
use crate::scan::{Hit, Rule, Scope};

pub(in crate::scan) const RULE: Rule = Rule {
    id: "ci-secrets-exposed",
    title: "Secret exposed",
    severity: Severity::High,
    category: "security",
    help: "Finds new `secrets: inherit`, `toJSON(secrets)`, secrets in a whole workflow's `env`, \
secrets in a workflow that outsiders start with the base's rights, `echo` of a secret, and \
passwords on the command line of `docker login`.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    widened(scope, hits, find);
}

fn find(doc: &Doc) -> Vec<Problem> {
    let mut found = Vec::new();
    if doc.is_github() {
        lines(doc, &mut found);
        github_tree(doc, &mut found);
    }
    for script in script::scripts(doc) {
        for (number, command) in script.commands() {
            found.extend(printed(&command, number));
            found.extend(login(&command, number));
        }
    }
    found
}

/// What a lone line tells.
fn lines(doc: &Doc, found: &mut Vec<Problem>) {
    static INHERIT: LazyLock<Regex> =
        LazyLock::new(|| ascii(r"^\s+secrets:\s*inherit\s*(?:#.*)?$"));
    static ALL: LazyLock<Regex> =
        LazyLock::new(|| ascii(r"(?i)\$\{\{[^}]*\btojson\(\s*secrets\s*\)"));
    for (number, line) in &doc.lines {
        if INHERIT.is_match(line) {
            found.push(
                Problem::new(
                    "inherit",
                    *number,
                    Severity::Low,
                    "All secrets handed to another workflow",
                )
                .confidence(0.8)
                .body(
                    "`secrets: inherit` gives the called workflow every secret, also those \
added later. Name the ones it needs.",
                ),
            );
        }
        if ALL.is_match(line) {
            found.push(
                Problem::new("all", *number, Severity::High, "All secrets in one value").body(
                    "`toJSON(secrets)` hands over every secret of the repository, also those added \
later, and masking in the log does not cover the JSON. Name the ones that are needed.",
                ),
            );
        }
    }
}

static SECRET: LazyLock<Regex> = LazyLock::new(|| ascii(r"\$\{\{[^}]*\bsecrets\.(\w+)"));

fn github_tree(doc: &Doc, found: &mut Vec<Problem>) {
    let Some(tree) = doc.tree.as_ref().filter(|_| doc.platform == Platform::Workflow) else {
        return;
    };
    if let Some(env) = tree.at(&["env"]) {
        for entry in tree.entries(env.value) {
            let Some(name) = tree.text(entry.value).and_then(|text| SECRET.captures(text)) else {
                continue;
            };
            if &name[1] == "GITHUB_TOKEN" {
                continue;
            }
            found.push(
                Problem::new(
                    format!("env {}", &name[1]),
                    entry.line,
                    Severity::Low,
                    format!("Secret `{}` for the whole workflow", &name[1]),
                )
                .confidence(0.8)
                .body(
                    "Every step of every job, and every action they use, can read it. Set it \
in the `env` of the step that needs it.",
                ),
            );
        }
    }
    let target = github::trigger(tree, "pull_request_target");
    let Some(event_line) = target else { return };
    for (number, line) in &doc.lines {
        let Some(name) = SECRET.captures(line) else { continue };
        if &name[1] == "GITHUB_TOKEN" || line.trim_start().starts_with('#') {
            continue;
        }
        found.push(
            Problem::new(
                format!("target {}", &name[1]),
                *number,
                Severity::Medium,
                format!("Secret `{}` in a workflow on `pull_request_target`", &name[1]),
            )
            .also([event_line])
            .confidence(0.6)
            .body(
                "Pull requests from forks start this workflow. One step that evaluates what \
they bring is enough to lose the secret. Keep it to a job that touches none of it, behind an \
environment with required reviewers.",
            ),
        );
    }
}

/// A secret sent to the log.
fn printed(command: &str, number: u32) -> Option<Problem> {
    static ECHO: LazyLock<Regex> = LazyLock::new(|| {
        ascii(
            r#"(?:^|[;&|]\s*|\brun:\s*|^\s*-?\s*["']?)\s*(?:echo|printf|Write-Host|Write-Output)\s+([^|>;&]*)(\S?)"#,
        )
    });
    static VALUE: LazyLock<Regex> = LazyLock::new(|| {
        ascii(
            r"\$\{\{\s*secrets\.\w+\s*\}\}|\$\{(?:[A-Z][A-Z0-9_]*_)?(?:PASSWORD|PASSWD|SECRET|TOKEN|API_KEY|PRIVATE_KEY)\}|\$(?:[A-Z][A-Z0-9_]*_)?(?:PASSWORD|PASSWD|SECRET|TOKEN|API_KEY|PRIVATE_KEY)(?:[^A-Za-z0-9_]|$)|\$\((?i:[\w.]*(?:password|secret|token|apikey))\)",
        )
    });
    let found = ECHO.captures(command)?;
    // Into a pipe or a file it is not printed.
    if found.get(2).is_some_and(|next| matches!(next.as_str(), "|" | ">")) {
        return None;
    }
    let said = found.get(1)?.as_str();
    let value = VALUE.find(said)?;
    // A mask or an output command, an escaped dollar, the shell's own substitution.
    if said.contains("::add-mask::")
        || said.contains("##vso[")
        || said[..value.start()].ends_with('\\')
    {
        return None;
    }
    let inner = command.contains("$(echo") || command.contains("`echo") || command.contains("<(");
    (!inner).then(|| {
        Problem::new("print", number, Severity::High, "Secret printed to the log")
            .confidence(0.75)
            .body(
                "Masking covers the exact value only; a part, an encoding or another platform's \
log shows it. Take the line out, or print whether it is set: `${NAME:+set}`.",
            )
    })
}

/// A password on a command line.
fn login(command: &str, number: u32) -> Option<Problem> {
    static LOGIN: LazyLock<Regex> = LazyLock::new(|| {
        ascii(
            r"\b(?:docker|podman|buildah|nerdctl|helm registry|oras|crane auth)\s+login\b.*?\s(?:-p|--password)(?:[ =]|$)",
        )
    });
    LOGIN.is_match(command).then(|| {
        Problem::new("login", number, Severity::Medium, "Password on the command line").body(
            "Every process of the machine can read it, and a traced shell prints it. Use standard \
input: `echo \"$PASSWORD\" | docker login -u \"$USER\" --password-stdin`.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{login, printed};
    use crate::scan::testing::found_edit;

    #[test]
    fn printed_secrets_are_found() {
        for (command, expect) in [
            ("echo ${{ secrets.KEY }}", true),
            ("echo \"token: $DEPLOY_TOKEN\"", true),
            ("  - echo $CI_JOB_TOKEN", true),
            ("Write-Host $(apiToken)", true),
            ("echo \"$PASSWORD\" | docker login --password-stdin", false),
            ("echo \"$NPM_TOKEN\" > ~/.npmrc", false),
            ("echo \"//r/:_authToken=$NPM_TOKEN\" >> .npmrc", false),
            ("echo ::add-mask::$API_TOKEN", false),
            ("X=$(echo $API_TOKEN)", false),
            ("echo $TOKEN_COUNT done", false),
            ("echo ${API_TOKEN:+set}", false),
        ] {
            assert_eq!(printed(command, 1).is_some(), expect, "{command}");
        }
    }

    #[test]
    fn passwords_on_command_lines_are_found() {
        assert!(login("docker login -u a -p $X", 1).is_some());
        assert!(login("podman login --password=$X r", 1).is_some());
        assert!(login("docker login -u a --password-stdin", 1).is_none());
    }

    #[track_caller]
    fn check(text: &str, expect: &[(u32, &str)]) {
        let found = found_edit("ci-secrets-exposed", ".github/workflows/a.yml", "", text);
        let got: Vec<(u32, &str)> = found.iter().map(|f| (f.line, f.severity.as_str())).collect();
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn workflows_that_share_too_much_are_found() {
        check("jobs:\n  a:\n    uses: ./x\n    secrets: inherit\n", &[(4, "low")]);
        check("env:\n  K: ${{ secrets.K }}\n  G: ${{ secrets.GITHUB_TOKEN }}\n", &[(2, "low")]);
        check("a: ${{ toJSON(secrets) }}\n", &[(1, "high")]);
        check("on: pull_request_target\nx: ${{ secrets.K }}\n", &[(2, "medium")]);
        check("on: pull_request\nx: ${{ secrets.K }}\n", &[]);
    }
}
