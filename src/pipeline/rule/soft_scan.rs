//! Scans whose findings hold nothing up.

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, Path, Phase, Seg, Span, Step};
use crate::pipeline::independence::Facts;
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does, ScanTarget};
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "soft-scan",
    title: "A scan before a delivery holds nothing up, whatever it finds",
    doc: "\
A scan that may fail, or that ends well whatever it finds, looks like a gate in front of the \
deployment and is none. It is told where a deployment or a publication comes behind it.

It looks for `continue-on-error`, `allow_failure`, `continueOnError`, `catchError`, `|| true`, \
`--exit-code 0`, `--soft-fail`, and for scanners that let pass unless they are told not to (Trivy \
and Dockle without an exit code, Grype without `--fail-on`, Semgrep without `--error`).

**Fix.** Only suggested: what is found today would stop the next delivery. The flag goes, or the \
scanner gets an exit code; begin with the severity that should stop a delivery (`--severity \
CRITICAL`), and list what is accepted in the scanner's own file.

**Silent** for scans that hand their findings to a dashboard (SARIF, CodeQL, SonarQube, Scorecard), \
for scans of a running service, and where the same job scans a second time and fails then.",
    group: Group::Delivery,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &Platform::ALL,
    check,
};

/// Scanners that fail a job, or do so when they are told.
const GATES: &[&str] = &[
    "trivy",
    "grype",
    "snyk",
    "semgrep",
    "gitleaks",
    "trufflehog",
    "checkov",
    "tfsec",
    "terrascan",
    "kics",
    "bandit",
    "gosec",
    "brakeman",
    "npm-audit",
    "pip-audit",
    "safety",
    "cargo-audit",
    "bundler-audit",
    "composer-audit",
    "govulncheck",
    "osv-scanner",
    "sobelow",
    "anchore",
    "clair",
    "dockle",
    "docker-scout",
    "docker-scan",
    "detect-secrets",
    "ggshield",
    "talisman",
    "dependency-check",
];

/// Why a scan holds nothing up.
enum Soft {
    /// The job may fail.
    Job,
    /// The step may fail.
    Step,
    /// The scanner ends well.
    Tool,
}

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    let delivers: Vec<bool> =
        pipeline.jobs.iter().map(|job| words::is_deploy(job) || words::is_release(job)).collect();
    if !delivers.contains(&true) {
        return;
    }
    let facts = Facts::of(pipeline);
    let mut seen: Vec<Span> = Vec::new();
    for (place, job) in pipeline.jobs.iter().enumerate() {
        let soft: Vec<(usize, &str, Soft)> = job
            .steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.phase == Phase::Main && step.span.file == 0)
            .filter_map(|(at, step)| soft(context, job, step).map(|(tool, how)| (at, tool, how)))
            .collect();
        let Some((at, tool, how)) = soft.into_iter().next() else { continue };
        let behind = pipeline.jobs.iter().enumerate().find(|(other, _)| {
            *other != place
                && delivers.get(*other) == Some(&true)
                && facts.ancestors(*other).is_some_and(|set| set.has(place))
        });
        let later = job.steps.iter().skip(at + 1).flat_map(|step| &step.does).any(puts_out);
        let name = match (behind, later) {
            (Some((_, other)), _) => format!("`{}` goes ahead", other.title()),
            (None, true) => "the steps behind it go ahead".to_owned(),
            (None, false) => continue,
        };
        let Some(step) = job.steps.get(at) else { continue };
        let span = match how {
            Soft::Job => job.key_span,
            Soft::Step | Soft::Tool => place_of(context, step, tool),
        };
        if seen.contains(&span) || span.file != 0 {
            continue;
        }
        seen.push(span);
        let reason = match how {
            Soft::Job => "The job may fail",
            Soft::Step => "The step may fail",
            Soft::Tool => "The scanner is called so that it ends well",
        };
        hits.push(Hit {
            span,
            title: format!("`{}` scans with {tool}, and lets pass whatever it finds", job.title()),
            why: format!(
                "{reason}, and {name} whatever was found. {} Begin with the severity that should \
                 stop a delivery.",
                advice(tool, &how)
            ),
            severity: None,
            confidence: 0.75,
            fix: fix(context, job, step, tool, &how),
            effect: None,
        });
    }
}

fn puts_out(does: &Does) -> bool {
    matches!(does, Does::Deploy(_) | Does::Publish(_) | Does::PushImage(_))
        || matches!(does, Does::BuildImage(build) if build.push)
}

/// Whether a step scans and nothing comes of what it finds.
fn soft<'a>(context: &Context<'_>, job: &Job, step: &'a Step) -> Option<(&'a str, Soft)> {
    let mut scans = step.does.iter().filter_map(|does| match does {
        Does::Scan { tool, target, gating } if *target != ScanTarget::Live => {
            Some((tool.as_str(), *gating))
        }
        _ => None,
    });
    let (tool, gating) = scans.find(|(tool, _)| GATES.contains(tool))?;
    let text = context.file.text.get(step.span.range()).unwrap_or_default().to_ascii_lowercase();
    // Findings that a dashboard shows.
    if ["sarif", "gl-container-scanning", "gl-sast", "gl-dependency", "cyclonedx", "spdx"]
        .iter()
        .any(|mark| text.contains(mark))
    {
        return None;
    }
    let again = job.steps.iter().filter(|other| other.span != step.span).any(|other| {
        !other.soft_fail
            && other.does.iter().any(|does| matches!(does, Does::Scan { gating: true, .. }))
    });
    // One script may list everything first, and fail at the second call.
    let twice =
        step.does.iter().any(|does| matches!(does, Does::Scan { gating: true, .. })) && !gating;
    if job.soft_fail {
        return Some((tool, Soft::Job));
    }
    if again || twice {
        return None;
    }
    if step.soft_fail {
        return Some((tool, Soft::Step));
    }
    (!gating).then_some((tool, Soft::Tool))
}

/// The line of the script that calls the scanner, or what the step uses.
fn place_of(context: &Context<'_>, step: &Step, tool: &str) -> Span {
    if let Some(used) = &step.uses {
        return used.span;
    }
    let Some(script) = &step.script else { return step.span };
    let word = tool.split('-').next().unwrap_or(tool);
    let range = script.span.range();
    let text = context.file.text.get(range.clone()).unwrap_or_default();
    let mut from = range.start;
    for line in text.split_inclusive('\n') {
        if line.contains(word) && !line.trim_start().starts_with('#') {
            let lead = line.len() - line.trim_start().len();
            return Span::new(from + lead..from + line.trim_end().len());
        }
        from += line.len();
    }
    script.span
}

fn advice(tool: &str, how: &Soft) -> String {
    match how {
        Soft::Job | Soft::Step => "Let its failure count.".to_owned(),
        Soft::Tool => match tool {
            "trivy" => "Give it `--exit-code 1 --severity CRITICAL,HIGH`.".to_owned(),
            "grype" => "Give it `--fail-on high`.".to_owned(),
            "semgrep" => "Give it `--error`.".to_owned(),
            "dockle" | "docker-scout" => "Give it `--exit-code 1`.".to_owned(),
            "dependency-check" => "Give it a score to fail from (`failBuildOnCVSS`).".to_owned(),
            _ => "Leave out what keeps it from failing.".to_owned(),
        },
    }
}

fn fix(context: &Context<'_>, job: &Job, step: &Step, tool: &str, how: &Soft) -> Option<Fix> {
    let platform = context.pipeline().platform;
    let key = match platform {
        Platform::GitHub => "continue-on-error",
        Platform::GitLab => "allow_failure",
        Platform::Azure => "continueOnError",
        _ => return None,
    };
    let below = |path: &Path, key: &str| {
        let mut path = path.clone();
        path.push(Seg::Key(key.to_owned()));
        path
    };
    let there = |path: &Path| super::order::node_at(&context.file.tree, path).is_some();
    let op = match how {
        Soft::Job if !job.path.is_empty() => {
            let at = below(&job.path, key);
            there(&at).then_some(Op::Remove { at })?
        }
        Soft::Step if !step.path.is_empty() && platform != Platform::GitLab => {
            let at = below(&step.path, key);
            there(&at).then_some(Op::Remove { at })?
        }
        Soft::Tool if platform == Platform::GitHub && tool == "trivy" => {
            let used = step.uses.as_ref().filter(|used| used.name.ends_with("/trivy-action"))?;
            let with = below(&step.path, "with");
            match used.input("exit-code") {
                Some(_) => Op::Replace { at: below(&with, "exit-code"), value: Value::text("1") },
                None if there(&with) => Op::Insert {
                    at: with,
                    key: "exit-code".to_owned(),
                    value: Value::text("1"),
                    place: Place::Last,
                },
                None => return None,
            }
        }
        _ => return None,
    };
    Some(Fix {
        title: "Let the scan fail".to_owned(),
        ops: vec![op],
        safe: false,
        proof: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{finds, fixed};

    fn github(scan: &str, job: &str) -> String {
        format!(
            "on: push\njobs:\n  scan:\n    runs-on: ubuntu-latest\n{job}    steps:\n{scan}  ship:\n    needs: scan\n    runs-on: ubuntu-latest\n    steps:\n      - run: kubectl apply -f k8s/\n"
        )
    }

    #[test]
    fn scans_that_hold_nothing_up_are_told() {
        for (scan, job, found) in [
            (
                "      - run: trivy image --exit-code 1 a/b\n",
                "    continue-on-error: true\n",
                "scan",
            ),
            (
                "      - run: grype a/b --fail-on high\n        continue-on-error: true\n",
                "",
                "grype a/b --fail-on high",
            ),
            ("      - run: npm audit || true\n", "", "npm audit || true"),
            ("      - run: trivy image a/b\n", "", "trivy image a/b"),
            ("      - run: checkov -d . --soft-fail\n", "", "checkov -d . --soft-fail"),
            (
                "      - run: |\n          echo scan\n          gitleaks detect --exit-code 0\n",
                "",
                "gitleaks detect --exit-code 0",
            ),
        ] {
            finds(&RULE, Platform::GitHub, &github(scan, job), &[found]);
        }
        let gitlab = "stages: [scan, ship]\nscan:\n  stage: scan\n  allow_failure: true\n  script: [trivy image --exit-code 1 a/b]\nship:\n  stage: ship\n  script: [kubectl apply -f k8s/]\n";
        finds(&RULE, Platform::GitLab, gitlab, &["scan"]);
        assert_eq!(
            fixed(&RULE, Platform::GitLab, gitlab, false),
            gitlab.replace("  allow_failure: true\n", "")
        );
        assert_eq!(fixed(&RULE, Platform::GitLab, gitlab, true), gitlab);
        // In one job.
        finds(
            &RULE,
            Platform::Bitbucket,
            "pipelines:\n  default:\n    - step:\n        script:\n          - trivy image a/b\n          - docker push a/b\n    - step:\n        script: [kubectl apply -f k8s/]\n",
            &["- trivy image a/b"],
        );
    }

    #[test]
    fn a_suggested_change_lets_the_scan_fail() {
        for (before, after) in [
            (
                "      - uses: aquasecurity/trivy-action@0.28.0\n        with:\n          image-ref: a/b\n",
                "      - uses: aquasecurity/trivy-action@0.28.0\n        with:\n          image-ref: a/b\n          exit-code: '1'\n",
            ),
            (
                "      - uses: aquasecurity/trivy-action@0.28.0\n        continue-on-error: true\n        with:\n          image-ref: a/b\n          exit-code: '1'\n",
                "      - uses: aquasecurity/trivy-action@0.28.0\n        with:\n          image-ref: a/b\n          exit-code: '1'\n",
            ),
        ] {
            let out = fixed(&RULE, Platform::GitHub, &github(before, ""), false);
            assert_eq!(out.replace('"', "'"), github(after, ""));
            finds(&RULE, Platform::GitHub, &out, &[]);
        }
    }

    #[test]
    fn gates_and_reports_are_left() {
        for scan in [
            "      - run: trivy image --exit-code 1 a/b\n",
            "      - run: trivy image --format sarif --output t.sarif a/b\n",
            "      - run: trivy image a/b\n      - run: trivy image --exit-code 1 --severity CRITICAL a/b\n",
            "      - uses: github/codeql-action/analyze@v3\n",
            "      - run: npm audit\n",
            "      - run: sonar-scanner\n",
        ] {
            finds(&RULE, Platform::GitHub, &github(scan, ""), &[]);
        }
        // Nothing is delivered behind it.
        let alone = github("      - run: npm audit || true\n", "").replace("    needs: scan\n", "");
        finds(&RULE, Platform::GitHub, &alone, &[]);
    }
}
