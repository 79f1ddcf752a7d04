//! A secret stands in the file, or is shown to whoever looks.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::scripts::{each, place};
use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::Span;
use crate::pipeline::platform::Platform;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "secret-in-file",
    title: "A secret stands in the file, or is shown",
    doc: "\
A secret that is written into a pipeline file is known to everybody who can read the repository, \
for as long as its history is kept. One on the command line of `docker login` is seen by every \
process of the machine, one that is printed stands in the log.

It finds values of the form that services give their keys; values under names like `PASSWORD` \
that look random; `docker login -p`; and `echo` of a secret variable into the log.

**Fix.** None is made: the secret has to be withdrawn, and a new one kept by the platform.

**Silent** on values that are computed, on those that a remark beside them calls public, and on \
passwords that are no secret, such as those of \
test databases.",
    group: Group::Security,
    severity: Severity::High,
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

/// Forms of keys, by service. Sources: each service's page on its tokens' prefixes.
static KEYS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,}|glpat-[A-Za-z0-9_-]{20,}|(?:AKIA|ASIA)[A-Z2-7]{16}|xox[abpr]-[A-Za-z0-9-]{20,}|sk_live_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{36}|pypi-AgEI[A-Za-z0-9_-]{50,}|dckr_pat_[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{35})\b|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    )
    .ok()
});

/// `NAME: value` and `NAME=value` under names of secrets.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?im)^[ \t-]*(?:export[ \t]+|set[ \t]+)?["']?([a-z0-9_.-]*(?:password|passwd|passphrase|secret|token|api_?key|private_?key|access_?key))["']?[ \t]*[:=][ \t]*["']?([^\s"'#]+)["']?[ \t]*(#.*)?$"#,
    )
    .ok()
});

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let text = context.file.text.as_str();
    let mut seen: HashSet<usize> = HashSet::new();
    let comment = |at: usize| {
        let line = text.get(..at).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
        line.trim_start().starts_with('#') || line.trim_start().starts_with("//")
    };
    for key in KEYS.iter().flat_map(|form| form.find_iter(text)) {
        if comment(key.start()) || is_sample(key.as_str()) {
            continue;
        }
        seen.insert(key.start());
        let title = format!("A key stands in the file: `{}`", masked(key.as_str()));
        hits.push(written(Span::new(key.range()), title, 0.95));
    }
    for found in NAMED.iter().flat_map(|form| form.captures_iter(text)) {
        let (Some(name), Some(value)) = (found.get(1), found.get(2)) else { continue };
        let known = seen.iter().any(|at| value.range().contains(at));
        let told = found.get(3).is_some_and(|remark| {
            let remark = remark.as_str().to_ascii_lowercase();
            ["public", "safe to", "not a secret", "no secret", "not secret", "push-only"]
                .iter()
                .any(|word| remark.contains(word))
        });
        if known || told || comment(name.start()) || !is_random(value.as_str()) {
            continue;
        }
        let title =
            format!("`{}` looks like a secret: `{}`", name.as_str(), masked(value.as_str()));
        hits.push(written(Span::new(value.range()), title, 0.7));
    }
    scripts(context, hits);
}

fn written(span: Span, title: String, confidence: f64) -> Hit {
    Hit {
        span,
        title,
        why: "Everybody who can read the repository knows it, and its history keeps it. Withdraw \
              it, and hand a new one over as a secret of the platform."
            .to_owned(),
        severity: None,
        confidence,
        fix: None,
        effect: None,
    }
}

/// The first signs of a secret, and how long it is.
fn masked(secret: &str) -> String {
    let shown: String = secret.chars().take(4).collect();
    format!("{shown}… ({} signs)", secret.chars().count())
}

fn is_sample(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.contains("example") || key.contains("xxxx") || key.contains("0000000")
}

/// Whether a value is made of chance: long, of letters and digits, no words.
fn is_random(value: &str) -> bool {
    let length = value.chars().count();
    if !(20..=200).contains(&length) || is_sample(value) {
        return false;
    }
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "+/=_-".contains(c));
    let count = |test: fn(&char) -> bool| value.chars().filter(test).count();
    let digits = count(|c| c.is_ascii_digit());
    let (upper, lower) = (count(|c| c.is_ascii_uppercase()), count(|c| c.is_ascii_lowercase()));
    let hex = value.chars().all(|c| c.is_ascii_hexdigit()) && length >= 32;
    let mixed = upper >= 3 && lower >= 3;
    let mut kinds: Vec<char> = value.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let separated = value.matches(['_', '-', '/']).count() * 6 > length;
    plain && digits >= 3 && (hex || mixed) && kinds.len() >= 10.min(length / 2) && !separated
}

fn scripts(context: &Context<'_>, hits: &mut Vec<Hit>) {
    static LOGIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"\b(?:docker|podman|buildah|helm registry|oras)\s+login\b[^\n|;&]*?\s(?:-p|--password)[= ]\s*\S+",
        )
        .ok()
    });
    static ECHO: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r#"(?m)^[ \t]*(?:echo|printf|Write-Host|Write-Output)[ \t]+[^\n|>;&]*?(?:\$\{\{\s*secrets\.\w+\s*\}\}|<\+secrets\.getValue\([^)\n]*\)>|<\+[\w.]*(?:PASSWORD|SECRET|TOKEN|API_?KEY)>|\$\{?[A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)\}?(?:["'\s]|$))[^\n|>;&]*$"#,
        )
        .ok()
    });
    for (_, _, script) in each(context) {
        for found in LOGIN.iter().flat_map(|form| form.find_iter(&script.text)) {
            hits.push(Hit {
                span: place(
                    context,
                    script,
                    found
                        .as_str()
                        .split_whitespace()
                        .take(2)
                        .collect::<Vec<_>>()
                        .join(" ")
                        .as_str(),
                ),
                title: "A password stands on the command line of a login".to_owned(),
                why: "Every process of the machine can read it there, and a failing command may \
                      print it. Hand it over by `--password-stdin`."
                    .to_owned(),
                severity: Some(Severity::Low),
                confidence: 0.9,
                fix: None,
                effect: None,
            });
        }
        for found in ECHO.iter().flat_map(|form| form.find_iter(&script.text)) {
            // The output of the group or loop around it goes elsewhere.
            let rest = script.text.get(found.end()..).unwrap_or_default();
            let mut lines = rest.lines().map(str::trim_start);
            let ends = |line: &str| {
                matches!(line.split_ascii_whitespace().next(), Some("}" | ")" | "done" | "fi"))
            };
            if lines.find(|line| ends(line)).is_some_and(|line| line.contains(['>', '|'])) {
                continue;
            }
            // A name with a backslash is printed as a name; `::add-mask::` hides it.
            if found.as_str().contains("add-mask")
                || found.as_str().contains("\\$")
                || found.as_str().contains("issecret")
            {
                continue;
            }
            hits.push(Hit {
                span: place(context, script, found.as_str()),
                title: "A secret is printed into the log".to_owned(),
                why: "Masks hide only the exact text, and whoever reads the log has what they \
                      miss. Do not print it; print whether it is set."
                    .to_owned(),
                severity: Some(Severity::Medium),
                confidence: 0.75,
                fix: None,
                effect: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::NoFiles;
    use crate::pipeline::rule::testing::{finds, hits};

    fn github(step: &str) -> String {
        format!(
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          {step}\n"
        )
    }

    #[test]
    fn secrets_are_found_and_not_repeated() {
        let key = format!("AKIA{}", "Q7WZ4JH2LKDM3NPT");
        let text = github("x").replace("    steps", &format!("    env: {{A: {key}}}\n    steps"));
        finds(&RULE, Platform::GitHub, &text, &[key.as_str()]);
        let (_, found) = hits(&RULE, Platform::GitHub, &text, &NoFiles);
        assert!(found.iter().all(|hit| !hit.title.contains(&key)), "{found:?}");
        let value = "h7Kq2Zp9Xw4Lm8Rt5Vb3Nc6D";
        let text = format!("variables:\n  DB_PASSWORD: {value}\nt:\n  script: [x]\n");
        finds(&RULE, Platform::GitLab, &text, &[value]);
    }

    #[test]
    fn shown_secrets_are_found() {
        for (step, expect) in [
            ("docker login -u a -p $P", &["docker login"][..]),
            ("echo \"$API_TOKEN\"", &["echo \"$API_TOKEN\""]),
            ("echo \"$API_TOKEN\" | docker login --password-stdin", &[]),
            ("echo \"$API_TOKEN\" > file", &[]),
            ("echo \"TOKEN is set\"", &[]),
            ("{ echo \"a\"\n          echo \"$API_TOKEN\"\n          } >> file", &[]),
        ] {
            finds(&RULE, Platform::GitHub, &github(step), expect);
        }
    }

    #[test]
    fn what_is_no_secret_is_left() {
        for value in ["postgres", "$SECRET", "test-password-for-the-database", "changeme"] {
            let text = format!("variables:\n  DB_PASSWORD: {value}\nt:\n  script: [x]\n");
            finds(&RULE, Platform::GitLab, &text, &[]);
        }
        let told = "API_KEY: h7Kq2Zp9Xw4Lm8Rt5Vb3Nc6D # safe to be shown";
        let text = format!("variables:\n  {told}\nt:\n  script: [x]\n");
        finds(&RULE, Platform::GitLab, &text, &[]);
    }
}
