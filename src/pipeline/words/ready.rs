//! Ready-made steps: actions, tasks, pipes, plugins and step types, and what they do.
//! Where to look them up: the pages of the GitHub marketplace, the Azure Pipelines task reference,
//! Bitbucket's pipes, the Jenkins steps reference, Harness' step schemas.

mod inputs;
mod tables;

use super::{Does, Manager, ScanTarget};
use crate::pipeline::graph::{Step, Use};
use crate::pipeline::platform::Platform;
use inputs::{images, managers};
use tables::{AZURE, BITBUCKET, GITHUB, HARNESS, JENKINS};

/// What a row says.
#[derive(Debug, Clone, Copy)]
enum Ready {
    Nothing,
    Checkout,
    Setup(&'static str),
    Install(Manager),
    Cache,
    Lint,
    Test,
    Build,
    /// Gating unless the input has the value: tool, target, gates, input, value that turns it over.
    Scan(&'static str, ScanTarget, bool, &'static str, &'static str),
    Deploy(&'static str),
    Publish(&'static str),
    Health,
    Rollback,
    Upload(&'static str),
    Download(&'static str),
    Plan(&'static str),
    Notify(&'static str),
    Login(&'static str),
    History,
    Approval,
    Sandbox,
}
use ScanTarget::{Image, Source};

/// Names in lower case, apart by spaces; a `*` at the end matches what begins so.
type Row = (&'static str, Ready);

/// What a ready-made step does; `None` where it is unknown.
pub fn does(platform: Platform, step: &Step, used: &Use) -> Option<Known> {
    let name = used.name.to_ascii_lowercase();
    let name = name.trim_start_matches("pipe:").trim_start_matches("docker://").trim();
    if let Some(does) = images(platform, name, used).or_else(|| managers(platform, name, used)) {
        return Some(Known { does, sandbox: false });
    }
    let rows = match platform {
        Platform::GitHub => GITHUB,
        Platform::Azure => AZURE,
        Platform::Bitbucket => BITBUCKET,
        Platform::Jenkins => JENKINS,
        Platform::Harness => HARNESS,
        Platform::GitLab => return None,
    };
    let (_, ready) = rows.iter().find(|(names, _)| {
        names.split_ascii_whitespace().any(|known| match known.split_once('*') {
            Some((start, end)) => {
                let (start, end) = (start.to_ascii_lowercase(), end.to_ascii_lowercase());
                name.len() >= start.len() + end.len()
                    && name.starts_with(&start)
                    && name
                        .get(start.len()..)
                        .is_some_and(|rest| rest.contains(end.trim_end_matches('*')))
            }
            None => known.eq_ignore_ascii_case(name),
        })
    })?;
    Some(Known { does: plain(*ready, step, used), sandbox: matches!(ready, Ready::Sandbox) })
}

/// What is known of a ready-made step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// What it does.
    pub does: Vec<Does>,
    /// Whether it starts a cluster on the runner itself.
    pub sandbox: bool,
}

fn plain(ready: Ready, step: &Step, used: &Use) -> Vec<Does> {
    use Ready::{
        Approval, Build, Cache, Checkout, Deploy, Download, Health, History, Install, Lint, Login,
        Nothing, Notify, Plan, Publish, Rollback, Sandbox, Scan, Setup, Test, Upload,
    };
    vec![match ready {
        Nothing | Sandbox => return Vec::new(),
        Checkout => Does::Checkout,
        Setup(what) => Does::Setup(what.to_owned()),
        Install(manager) => Does::Install(manager),
        Cache => {
            let paths = used.input("path").or_else(|| used.input("paths")).unwrap_or("");
            Does::Cache {
                key: used.input("key").or(used.input("shared-key")).unwrap_or("").to_owned(),
                paths: paths
                    .lines()
                    .map(|line| line.trim().to_owned())
                    .filter(|line| !line.is_empty())
                    .collect(),
            }
        }
        Lint => Does::Lint,
        Test => Does::Test,
        Build => Does::Build,
        Scan(tool, target, gates, input, value) => {
            scan(tool, target, gates, input, value, step, used)
        }
        Deploy(tool) => Does::Deploy(tool.to_owned()),
        Publish(what) => Does::Publish(what.to_owned()),
        Health => Does::HealthCheck,
        Rollback => Does::Rollback,
        Upload(input) => Does::Upload(artifact(used, input)),
        Download(input) => Does::Download(artifact(used, input)),
        Plan(tool) => Does::Plan(tool.to_owned()),
        Notify(what) => Does::Notify(what.to_owned()),
        Login(what) => Does::Login(what.to_owned()),
        History => Does::History,
        Approval => Does::Approval,
    }]
}

/// An artifact's name: GitHub's has a default.
fn artifact(used: &Use, input: &str) -> String {
    let named = used.input(input).or_else(|| used.input("artifact")).or_else(|| used.input("name"));
    match named {
        Some(name) => name.to_owned(),
        None if used.name.eq_ignore_ascii_case("actions/upload-artifact") => "artifact".to_owned(),
        None => String::new(),
    }
}

fn scan(
    tool: &str,
    target: ScanTarget,
    gates: bool,
    input: &str,
    value: &str,
    step: &Step,
    used: &Use,
) -> Does {
    let given = used.input(input).map(str::trim).unwrap_or("");
    let turned = match (input, value) {
        ("", _) => false,
        // A severity from which it fails.
        ("fail_on_severity", _) => !matches!(given.to_ascii_lowercase().as_str(), "" | "none"),
        ("args", _) => given.contains("sonar.qualitygate.wait=true"),
        (_, "1") => !matches!(given, "" | "0"),
        (_, value) => given.eq_ignore_ascii_case(value),
    };
    let mut target = target;
    let kind = used.input("scan-type").unwrap_or("");
    let path =
        ["path", "sbom", "scan-ref", "path-to-scan"].iter().any(|name| used.input(name).is_some());
    let image =
        ["image-ref", "image", "input", "images"].iter().any(|name| used.input(name).is_some());
    if target == Image
        && (matches!(kind, "fs" | "repo" | "config" | "rootfs" | "sbom") || (path && !image))
    {
        target = Source;
    }
    if target == Source && used.input("image").is_some() {
        target = Image;
    }
    Does::Scan { tool: tool.to_owned(), target, gating: (gates != turned) && !step.soft_fail }
}
