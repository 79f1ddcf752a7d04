//! Rule `ci-invalid`: a pipeline file that could be read before and cannot now.

use super::Problem;
use crate::finding::Severity;
use crate::scan::{Hit, Rule, Scope};

pub(in crate::scan) const RULE: Rule = Rule {
    id: "ci-invalid",
    title: "Pipeline file is no longer YAML",
    severity: Severity::Low,
    category: "ci",
    help: "Finds pipeline files that parse as YAML before the change and do not after it. The \
platform ignores or refuses such a file, and with it every check it holds.",
    check,
};

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    for pipeline in &scope.pipelines {
        let parsed = pipeline.old.as_ref().is_some_and(|old| old.tree.is_some());
        let Some(broken) = pipeline.new.as_ref().and_then(|new| new.broken.as_ref()) else {
            continue;
        };
        if !parsed || pipeline.partial || broken.limit {
            continue;
        }
        let problem = Problem::new("broken", broken.line, Severity::Low, "Not valid YAML any more")
            .body(format!(
                "Line {}: {}. Until it parses, the platform runs nothing from this file.",
                broken.line, broken.why
            ));
        hits.extend(pipeline.hit(problem));
    }
}

#[cfg(test)]
mod tests {
    use crate::scan::testing::found_edit;

    #[test]
    fn only_what_was_readable_before_is_reported() {
        let count = |old, new| found_edit("ci-invalid", ".github/workflows/a.yml", old, new).len();
        assert_eq!(count("on: push\njobs: {}\n", "on: push\njobs: {\n"), 1);
        assert_eq!(count("on: push\njobs: {\n", "on: [push\njobs: {\n"), 0);
        assert_eq!(count("on: push\n", "on: pull_request\n"), 0);
    }
}
