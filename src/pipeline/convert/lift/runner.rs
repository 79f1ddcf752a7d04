//! Machines: names of hosted ones, sizes and labels.
//!
//! Sources: <https://docs.github.com/en/actions/reference/runners/github-hosted-runners>,
//! <https://docs.gitlab.com/ci/runners/hosted_runners/>,
//! <https://learn.microsoft.com/azure/devops/pipelines/agents/hosted>,
//! <https://support.atlassian.com/bitbucket-cloud/docs/step-options/#Size>,
//! <https://developer.harness.io/docs/continuous-integration/use-ci/set-up-build-infrastructure/use-harness-cloud-build-infrastructure/>.

use super::Lift;
use crate::pipeline::Platform;
use crate::pipeline::convert::rewrite::{Place, rewrite};
use crate::pipeline::graph;
use crate::pipeline::portable::{Os, Runner, Size};

/// Where a job of the graph runs.
pub fn lift(lift: &Lift<'_>, at: usize, job: &graph::Job) -> Runner {
    let own = &job.runner;
    let mut runner = Runner {
        os: match own.os {
            Some(graph::Os::Windows) => Os::Windows,
            Some(graph::Os::MacOs) => Os::MacOs,
            _ => Os::Linux,
        },
        ..Runner::default()
    };
    runner.size = own.size.as_deref().map_or(Size::Usual, size);
    runner.image =
        job.image.as_ref().map(|at_image| rewrite(lift, Some(at), &at_image.value, Place::Value));
    let mut labels: Vec<String> = Vec::new();
    for label in &own.labels {
        // A label may stand in a variable of the file.
        let label = &super::step::rewritten_path(lift, at, label).unwrap_or_else(|| label.clone());
        if label.contains("${{")
            || label.contains("$(")
            || label.contains("<+")
            || label.contains(['$', '{', '<'])
        {
            // A matrix over machines is told by its system.
            lift.lose(
                format!("the computed runner `{label}` of job `{}`", lift.id(at)),
                "A machine is named by a fixed word here; a usual one is taken",
                own.span.and_then(|span| lift.line(span)),
            );
        } else if label.len() > 50 || label.contains(" -") {
            lift.lose(
                format!("the demand `{label}` on the machine of job `{}`", lift.id(at)),
                "It chooses among machines by what they have; name a label instead",
                own.span.and_then(|span| lift.line(span)),
            );
        } else if let Some(version) = hosted(label) {
            runner.version = runner.version.or(version);
        } else if own.self_hosted || !generic(label) {
            labels.push(label.clone());
        }
    }
    let kubernetes = labels
        .iter()
        .any(|label| label.eq_ignore_ascii_case("kubernetes") || label.starts_with("Kubernetes"));
    if own.self_hosted && lift.from() != Platform::Jenkins && lift.from() != Platform::Harness {
        runner.labels = labels.into_iter().filter(|label| !generic(label)).collect();
        if runner.labels.is_empty() {
            runner.labels.push("self-hosted".to_owned());
        }
    } else {
        for label in labels {
            if let Some(file) = label.strip_prefix("dockerfile:") {
                lift.lose(
                    format!("the image from `{file}` that job `{}` runs in", lift.id(at)),
                    "It is built anew for each run on Jenkins; build it once and name it",
                    own.span.and_then(|span| lift.line(span)),
                );
            } else if lift.from() == Platform::Jenkins || lift.from() == Platform::Harness {
                if !generic(&label) && !kubernetes {
                    lift.lose(
                        format!("the label `{label}` of job `{}`", lift.id(at)),
                        "It names machines of one's own; a hosted one is taken",
                        own.span.and_then(|span| lift.line(span)),
                    );
                }
            } else if !label.is_empty() {
                runner.labels.push(label);
            }
        }
    }
    if kubernetes && job.image.is_none() {
        lift.lose(
            format!("the cluster that job `{}` runs in", lift.id(at)),
            "A hosted machine is taken",
            own.span.and_then(|span| lift.line(span)),
        );
    }
    runner
}

/// Sizes by the words of all platforms.
fn size(word: &str) -> Size {
    match word.to_ascii_lowercase().as_str() {
        "small" | "1x" | "flex" => Size::Usual,
        "medium" | "2x" | "large" => Size::Large,
        "4x" | "8x" | "16x" | "32x" | "xlarge" | "2xlarge" | "xxlarge" => Size::Huge,
        word => {
            let cores: u32 = word.split('-').find_map(|part| part.parse().ok()).unwrap_or(0);
            match cores {
                0..=4 => Size::Usual,
                5..=8 => Size::Large,
                _ => Size::Huge,
            }
        }
    }
}

/// Hosted machines: the version where one is named; `None` where it is none.
fn hosted(label: &str) -> Option<Option<String>> {
    let lower = label.to_ascii_lowercase();
    if lower.starts_with("saas-") {
        return Some(None);
    }
    for start in ["ubuntu-", "windows-", "vs", "macos-"] {
        if let Some(rest) = lower.strip_prefix(start) {
            if rest == "latest" || rest.starts_with("latest") {
                return Some(None);
            }
            if rest.starts_with(|c: char| c.is_ascii_digit()) {
                if start == "vs" {
                    return Some(Some(rest.trim_start_matches("2017-win").to_owned()));
                }
                let version: String =
                    rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
                return Some(Some(version));
            }
        }
    }
    None
}

/// Words that tell no machine apart.
fn generic(label: &str) -> bool {
    let known = [
        "any",
        "none",
        "self-hosted",
        "linux",
        "windows",
        "macos",
        "x64",
        "docker",
        "cloud",
        "hostedvm",
        "vm",
        "amd64",
        "kubernetesdirect",
        "master",
        "built-in",
        "azure pipelines",
        "",
        "default",
        "arm64",
    ];
    known.contains(&label.to_ascii_lowercase().as_str())
}
