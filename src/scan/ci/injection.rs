//! Rule `ci-script-injection`: outsiders' text pasted into a script.

use std::sync::LazyLock;

use regex::Regex;

use super::script::{self, Script};
use super::{Doc, Platform, Problem, ascii, github, widened};
use crate::finding::Severity;
use crate::scan::{Hit, Rule, Scope};

pub(in crate::scan) const RULE: Rule = Rule {
    id: "ci-script-injection",
    title: "Script injection",
    severity: Severity::High,
    category: "security",
    help: "Finds text that outsiders choose (titles, bodies, branch names, commit messages) and \
that the platform pastes into a script before the shell reads it: GitHub's \
`${{ github.event.… }}` in `run` and in `actions/github-script`, Azure's `$(Build.SourceBranchName)` \
macros, Harness' `<+trigger.…>` and `<+codebase.…>`, Jenkins' `\"${params.X}\"` in a double-quoted \
`sh`. The remedy is always the same: hand it over as an environment variable.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    widened(scope, hits, find);
}

fn find(doc: &Doc) -> Vec<Problem> {
    match doc.platform {
        Platform::Workflow | Platform::Action => github_scripts(doc),
        Platform::Azure => azure(doc),
        Platform::Harness => harness(doc),
        Platform::Jenkins => jenkins(doc),
        // Their variables reach the shell as its own.
        Platform::GitLab | Platform::Bitbucket => Vec::new(),
    }
}

/// What people without write access choose. Source: "Security hardening for
/// GitHub Actions", untrusted input.
static UNTRUSTED: LazyLock<Regex> = LazyLock::new(|| {
    ascii(
        r"\bgithub\.(?:head_ref\b|event\.(?:(?:issue|pull_request|discussion)\.(?:title|body)\b|(?:comment|review|review_comment)\.body\b|pull_request\.head\.(?:ref|label|repo\.(?:default_branch|description|homepage))\b|pages\b.*\.page_name\b|(?:head_commit|commits\b.*)\.(?:message|author\.(?:email|name)|committer\.(?:email|name))\b|workflow_run\.(?:head_branch|display_title|head_commit\.(?:message|author\.(?:email|name))|head_repository\.description)\b|workflow_run\.pull_requests\b.*\.head\.ref\b))",
    )
});

/// Calls and comparisons that yield true or false, whatever they are given.
static HARMLESS: LazyLock<Regex> =
    LazyLock::new(|| ascii(r"^\$\{\{\s*!?(?:contains|startsWith|endsWith)\s*\(|[=!]="));

static INPUT: LazyLock<Regex> = LazyLock::new(|| ascii(r"\binputs\.[\w-]+"));

fn github_scripts(doc: &Doc) -> Vec<Problem> {
    let mut found = Vec::new();
    for script in script::scripts(doc).iter().chain(&github_script(doc)) {
        for (number, line) in &script.lines {
            for expression in script::expressions(line) {
                let text = expression.as_str();
                let logic = text.contains("||") || text.contains("&&");
                if HARMLESS.is_match(text) && !logic {
                    continue;
                }
                if let Some(context) = UNTRUSTED.find(text) {
                    let fix = (script.key == "run" && script.plain && doc.tree.is_some())
                        .then(|| by_environment(doc, *number, line, expression.range()))
                        .flatten();
                    found.push(pasted(context.as_str(), *number, script.key).fix(fix));
                } else if doc.platform == Platform::Action
                    && let Some(input) = INPUT.find(text)
                {
                    found.push(
                        Problem::new(
                            input.as_str(),
                            *number,
                            Severity::Low,
                            format!("Input pasted into a script: {}", input.as_str()),
                        )
                        .confidence(0.6)
                        .body(
                            "A workflow may fill this input from a title or branch name. Hand \
it over in `env:` and use the shell variable, in quotes.",
                        ),
                    );
                }
            }
        }
    }
    found
}

fn pasted(context: &str, number: u32, key: &str) -> Problem {
    let language = if key == "script" { "the JavaScript" } else { "the shell" };
    Problem::new(context, number, Severity::High, format!("Script injection by `{context}`")).body(format!(
        "An outsider chooses this text, and it is pasted in before {language} reads the script: \
a title like `\"; curl … | sh; \"` runs. Hand it over as an environment variable (`env: VALUE: \
${{{{ {context} }}}}`) and use {} instead.",
        if key == "script" { "`process.env.VALUE`" } else { "`\"$VALUE\"`" }
    ))
}

/// The scripts of `actions/github-script`, which are JavaScript.
fn github_script(doc: &Doc) -> Vec<Script<'_>> {
    let Some(tree) = &doc.tree else { return Vec::new() };
    let is_script = |step| {
        github::action(tree, step)
            .is_some_and(|name| name.eq_ignore_ascii_case("actions/github-script"))
    };
    github::steps(tree)
        .into_iter()
        .filter(|(_, step)| is_script(*step))
        .filter_map(|(_, step)| tree.get(tree.get(step, "with")?.value, "script"))
        .map(|entry| Script {
            key: "script",
            lines: doc
                .span(tree.lines(entry.value))
                .iter()
                .map(|(number, line)| (*number, line.as_str()))
                .collect(),
            plain: false,
        })
        .collect()
}

/// A one-line `run` with the expression handed over in `env`, where that is
/// safe to write: one expression, a POSIX shell, no `env` in the way, and no
/// single quotes around.
fn by_environment(
    doc: &Doc,
    number: u32,
    line: &str,
    range: std::ops::Range<usize>,
) -> Option<String> {
    let tree = doc.tree.as_ref()?;
    let step = github::steps(tree).into_iter().find_map(|(_, step)| {
        tree.get(step, "run").is_some_and(|run| run.line == number).then_some(step)
    })?;
    let windows = doc.lines.iter().any(|(_, line)| {
        line.contains("windows") || line.contains("shell: pwsh") || line.contains("shell: cmd")
    });
    let shell = tree.get(step, "shell").and_then(|shell| tree.text(shell.value));
    let posix = match shell {
        Some(shell) => matches!(shell, "bash" | "sh"),
        None => doc.platform == Platform::Workflow && !windows,
    };
    if !posix || tree.get(step, "env").is_some() || script::expressions(line).count() != 1 {
        return None;
    }
    let (before, expression, after) =
        (&line[..range.start], &line[range.clone()], &line[range.end..]);
    let key = before.find("run:")?;
    let indent: String = line[..key].chars().map(|c| if c == '-' { ' ' } else { c }).collect();
    if !indent.trim().is_empty() || before.contains(['\'', '\\', '`']) {
        return None;
    }
    let context = UNTRUSTED.find(expression)?.as_str();
    let name = context.rsplit("event.").next()?.trim_start_matches("github.");
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    let inside = before.matches('"').count() % 2 == 1;
    let value = if inside { format!("${{{name}}}") } else { format!("\"${{{name}}}\"") };
    let glued = !inside
        && (before.ends_with(|c: char| !c.is_whitespace() && c != '=')
            || after.starts_with(|c: char| !c.is_whitespace()));
    (!glued).then(|| {
        format!("{before}{value}{}\n{indent}env:\n{indent}  {name}: {expression}", after.trim_end())
    })
}

fn azure(doc: &Doc) -> Vec<Problem> {
    static MACRO: LazyLock<Regex> = LazyLock::new(|| {
        ascii(
            r"(?i)\$\((build\.source(?:branch(?:name)?|versionmessage|versionauthor)|system\.pullrequest\.sourcebranch(?:name)?|build\.requestedfor)\)|\$\{\{\s*variables\[?\.?'?(build\.sourcebranch(?:name)?|build\.sourceversionmessage|system\.pullrequest\.sourcebranch)'?\]?\s*\}\}",
        )
    });
    let mut found = Vec::new();
    for script in script::scripts(doc) {
        for (number, line) in &script.lines {
            for pasted in MACRO.captures_iter(line) {
                let Some(name) = pasted.get(1).or_else(|| pasted.get(2)) else { continue };
                let variable = name.as_str().to_ascii_uppercase().replace('.', "_");
                let Some(whole) = pasted.get(0) else { continue };
                let single = line[..whole.start()].contains('\'');
                let once = MACRO.find_iter(line).count() == 1 && !single && script.key == "bash";
                found.push(
                    Problem::new(
                        name.as_str().to_ascii_lowercase(),
                        *number,
                        Severity::High,
                        format!("Script injection by `{}`", whole.as_str()),
                    )
                    .confidence(0.8)
                    .body(format!(
                        "Whoever names the branch or writes the commit chooses this text, and it \
is pasted in before the shell reads the script. Azure sets the same value as the environment \
variable `{variable}`: use `\"${variable}\"` (`$env:{variable}` in PowerShell)."
                    ))
                    .fix(once.then(|| line.replace(whole.as_str(), &format!("${{{variable}}}")))),
                );
            }
        }
    }
    found
}

fn harness(doc: &Doc) -> Vec<Problem> {
    static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| {
        ascii(
            r"<\+(?:pipeline\.properties\.ci\.)?(?:trigger\.(?:payload\.[\w.]*(?:title|body|ref|message|name|login)\b|sourceBranch|commitMessage|prTitle|gitUser|branch)|codebase\.(?:branch|sourceBranch|commitMessage|prTitle|gitUser\w*|tag)|trigger\.payload\b[\w.]*)",
        )
    });
    let mut found = Vec::new();
    for script in script::scripts(doc) {
        for (number, line) in &script.lines {
            for pasted in EXPRESSION.find_iter(line) {
                found.push(
                    Problem::new(
                        pasted.as_str(),
                        *number,
                        Severity::High,
                        format!("Script injection by `{}>`", pasted.as_str()),
                    )
                    .confidence(0.8)
                    .body(
                        "Harness pastes the text in before the shell reads the script, and \
whoever opens the pull request chooses it. Hand it over in the step's `envVariables` and use the \
shell variable, in quotes.",
                    ),
                );
            }
        }
    }
    found
}

fn jenkins(doc: &Doc) -> Vec<Problem> {
    static SHELL: LazyLock<Regex> = LazyLock::new(|| {
        ascii(
            r#"\b(?:sh|bat|powershell|pwsh)\b\s*\(?\s*(?:[\w]+\s*:\s*\w+\s*,\s*)*(?:script\s*:\s*)?("""|")"#,
        )
    });
    static VALUE: LazyLock<Regex> = LazyLock::new(|| {
        ascii(
            r"\$\{?\s*((?:params\.\w+|(?:env\.)?(?:CHANGE_(?:TITLE|BRANCH|AUTHOR\w*)|BRANCH_NAME|GIT_BRANCH|ghprb\w+|gitlab(?:SourceBranch|MergeRequestTitle))))\b",
        )
    });
    let mut found = Vec::new();
    let mut inside = false;
    for (number, line) in &doc.lines {
        let shell = SHELL.captures(line);
        let long = |text: &str| text.matches("\"\"\"").count() % 2 == 1;
        let (text, opens) = match &shell {
            Some(shell) => {
                let quote = shell.get(1).map_or(0..0, |quote| quote.range());
                let rest = &line[quote.start..];
                // The string's own end is enough for a short one.
                let end = if rest.starts_with("\"\"\"") {
                    rest.len()
                } else {
                    rest[1..].find('"').map_or(rest.len(), |at| at + 2)
                };
                (&rest[..end], rest.starts_with("\"\"\"") && long(rest))
            }
            None if inside => (line.as_str(), false),
            None => ("", false),
        };
        for value in VALUE.captures_iter(text) {
            let Some(name) = value.get(1) else { continue };
            // An escaped dollar is the shell's.
            let at = value.get(0).map_or(0, |whole| whole.start());
            if text[..at].ends_with('\\') {
                continue;
            }
            let parameter = name.as_str().starts_with("params.");
            let (severity, confidence) =
                if parameter { (Severity::Medium, 0.7) } else { (Severity::High, 0.8) };
            found.push(
                Problem::new(
                    name.as_str(),
                    *number,
                    severity,
                    format!("Script injection by `{}`", name.as_str()),
                )
                .confidence(confidence)
                .body(
                    "Groovy pastes the value in before the shell reads the script, and \
whoever starts the build or names the branch chooses it. Use single quotes, so that the shell \
expands it from the environment: `sh 'echo \"$NAME\"'`; parameters are there too.",
                ),
            );
        }
        inside = if inside { !long(line) } else { opens };
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::found_edit;

    fn workflow(step: &str) -> String {
        format!("on: pull_request\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n{step}")
    }

    #[track_caller]
    fn check(path: &str, text: &str, expect: &[u32]) {
        let found = found_edit("ci-script-injection", path, "", text);
        let lines: Vec<u32> = found.iter().map(|f| f.line).collect();
        assert_eq!(lines, expect, "{text}");
    }

    const PATH: &str = ".github/workflows/a.yml";

    #[test]
    fn untrusted_contexts_in_scripts_are_found() {
        check(PATH, &workflow("      - run: echo ${{ github.event.issue.title }}\n"), &[6]);
        check(
            PATH,
            &workflow(
                "      - run: |\n          x\n          git checkout ${{ github.head_ref }}\n",
            ),
            &[8],
        );
        check(
            PATH,
            &workflow(
                "      - uses: actions/github-script@v7\n        with:\n          script: |\n            f(`${{ github.event.comment.body }}`)\n",
            ),
            &[9],
        );
        check(PATH, &workflow("      - run: echo ${{ github.event.commits[0].message }}\n"), &[6]);
        check(
            "action.yml",
            "runs:\n  using: composite\n  steps:\n    - run: echo ${{ inputs.x }}\n      shell: bash\n",
            &[4],
        );
    }

    #[test]
    fn safe_uses_are_left_alone() {
        check(
            PATH,
            &workflow(
                "      - run: echo $T\n        env:\n          T: ${{ github.event.issue.title }}\n",
            ),
            &[],
        );
        check(
            PATH,
            &workflow("      - run: echo ${{ github.event.issue.number }} ${{ github.sha }}\n"),
            &[],
        );
        check(
            PATH,
            &workflow("      - run: echo ${{ contains(github.event.issue.title, 'x') }}\n"),
            &[],
        );
        check(PATH, &workflow("      - if: github.head_ref == 'x'\n        run: make\n"), &[]);
        let old = workflow("      - run: echo ${{ github.head_ref }}\n");
        let new = workflow("      - run: echo hi ${{ github.head_ref }}\n");
        assert!(found_edit("ci-script-injection", PATH, &old, &new).is_empty());
    }

    #[test]
    fn the_fix_hands_the_value_over() {
        let fix = |run: &str| {
            let text = workflow(&format!("      - run: {run}\n"));
            found_edit("ci-script-injection", PATH, "", &text)[0]
                .suggestion
                .as_ref()
                .map(|fix| fix.replacement.clone())
        };
        assert_eq!(
            fix("echo \"${{ github.event.issue.title }}\"").as_deref(),
            Some(
                "      - run: echo \"${ISSUE_TITLE}\"\n        env:\n          ISSUE_TITLE: ${{ github.event.issue.title }}"
            )
        );
        assert_eq!(
            fix("git switch ${{ github.head_ref }}").as_deref(),
            Some(
                "      - run: git switch \"${HEAD_REF}\"\n        env:\n          HEAD_REF: ${{ github.head_ref }}"
            )
        );
        assert_eq!(fix("echo '${{ github.head_ref }}'"), None);
        assert_eq!(fix("echo a${{ github.head_ref }}"), None);
    }

    #[test]
    fn other_platforms_have_their_like() {
        check(
            "azure-pipelines.yml",
            "steps:\n- bash: echo $(Build.SourceBranchName)\n- script: |\n    echo $(Build.BuildId)\n",
            &[2],
        );
        check(
            ".harness/a.yaml",
            "pipeline:\n  steps:\n  - spec:\n      command: echo <+trigger.prTitle>\n",
            &[4],
        );
        check(
            "Jenkinsfile",
            "sh \"echo ${params.X}\"\nsh 'echo ${params.X}'\nsh \"\"\"\n  git checkout ${env.CHANGE_BRANCH}\n\"\"\"\necho \"${params.X}\"\n",
            &[1, 4],
        );
        check(".gitlab-ci.yml", "a:\n  script: echo $CI_COMMIT_TITLE\n", &[]);
    }
}
