//! A quick check of style stands behind the tests.

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Job, Phase, Seg, Step};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "late-lint",
    title: "A quick check stands behind the tests",
    doc: "\
A check of style takes seconds. Behind the tests of the same job, a misplaced comma is reported \
when the tests are through, and not at all when they fail.

**Suggests** to move the step before the tests, with the edit. It is never made unread: a check \
that fails would then keep the tests from running.

**Silent** where the check runs whatever happened, where a step between builds or makes something \
that it may look at, and where anything of it is unknown. Jobs that wait for others are the matter \
of `sequential-independent-jobs`.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &[Platform::GitHub, Platform::Azure],
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let platform = context.pipeline().platform;
    for job in &context.pipeline().jobs {
        if job.shared || job.span.file != 0 {
            continue;
        }
        hits.extend(late(platform, job));
    }
}

fn late(platform: Platform, job: &Job) -> Option<Hit> {
    let tests = |step: &Step| step.does.contains(&Does::Test) && !step.does.contains(&Does::Lint);
    let first = job.steps.iter().position(|step| tests(step) && step.phase == Phase::Main)?;
    let test = job.steps.get(first)?;
    let mut behind = job.steps.iter().enumerate().skip(first + 1);
    let (place, lint) = behind.find(|(_, step)| step.does.contains(&Does::Lint))?;
    let plain = |step: &Step| {
        step.condition.is_none()
            && !step.soft_fail
            && step.span.file == 0
            && step.phase == Phase::Main
    };
    // It checks and does nothing else.
    let reading = words::step(platform, job, lint);
    let only = lint.does.iter().all(|does| *does == Does::Lint);
    if !plain(lint) || !plain(test) || !only || !reading.unknown.is_empty() || lint.id.is_some() {
        return None;
    }
    // Compilers share what the tests have built.
    let text = lint.script.as_ref().map_or("", |script| script.text.as_str());
    let heavy = [
        "clippy", "mvn", "gradle", "cargo", "go vet", "golangci", "dotnet", "bazel", "cover",
        "test",
    ];
    if heavy.iter().any(|word| text.contains(word)) {
        return None;
    }
    for step in job.steps.get(first..place)? {
        let reading = words::step(platform, job, step);
        let known = reading.unknown.is_empty() && !step.does.is_empty();
        if !known || !step.does.iter().all(|does| matches!(does, Does::Test | Does::Upload(_))) {
            return None;
        }
    }
    let (Some((Seg::Index(from), list)), Some((Seg::Index(to), same))) =
        (lint.path.split_last(), test.path.split_last())
    else {
        return None;
    };
    let fix = (list == same).then(|| Fix {
        title: "Check style before the tests".to_owned(),
        ops: vec![Op::Move { at: list.to_vec(), from: *from, to: *to }],
        safe: false,
        proof: vec!["The steps between only run tests or keep reports.".to_owned()],
    });
    let name = lint.name.as_deref().unwrap_or_else(|| text.lines().next().unwrap_or("the check"));
    Some(Hit {
        span: lint.script.as_ref().map_or(lint.span, |script| script.span),
        title: format!("`{name}` in `{}` stands behind the tests", job.title()),
        why:
            "It takes seconds, and what it finds is reported only when the tests are through; when \
              they fail it does not run at all. Check style first."
                .to_owned(),
        severity: None,
        confidence: 0.7,
        fix,
        effect: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{finds, fixed};

    const TEXT: &str = "\
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: npm ci
      # All of them.
      - run: npm test
      - run: npm run lint # style
";

    #[test]
    fn the_check_moves_before_the_tests() {
        let expect = TEXT.replace(
            "      # All of them.\n      - run: npm test\n      - run: npm run lint # style\n",
            "      - run: npm run lint # style\n      # All of them.\n      - run: npm test\n",
        );
        assert_eq!(fixed(&RULE, Platform::GitHub, TEXT, false), expect);
    }

    #[test]
    fn what_may_look_at_what_is_made_stays() {
        for (from, to) in [
            ("npm run lint # style", "cargo clippy"),
            ("      - run: npm run lint", "      - run: npm run build\n      - run: npm run lint"),
            (
                "      - run: npm run lint # style",
                "      - if: always()\n        run: npm run lint",
            ),
            ("      - run: npm run lint", "      - run: ./make-it.sh\n      - run: npm run lint"),
            ("npm test", "npm run build"),
        ] {
            let text = TEXT.replacen(from, to, 1);
            assert_ne!(text, TEXT);
            finds(&RULE, Platform::GitHub, &text, &[]);
        }
    }
}
