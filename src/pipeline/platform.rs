//! Whose pipeline file it is, told by name and content.

use std::fmt;
use std::str::FromStr;

/// A CI system whose pipeline files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI/CD.
    GitLab,
    /// Azure Pipelines.
    Azure,
    /// Jenkins, declarative pipelines.
    Jenkins,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// Harness.
    Harness,
}

impl Platform {
    /// All of them.
    pub const ALL: [Platform; 6] = [
        Platform::GitHub,
        Platform::GitLab,
        Platform::Azure,
        Platform::Jenkins,
        Platform::Bitbucket,
        Platform::Harness,
    ];

    /// The word used in flags and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Platform::GitHub => "github",
            Platform::GitLab => "gitlab",
            Platform::Azure => "azure",
            Platform::Jenkins => "jenkins",
            Platform::Bitbucket => "bitbucket",
            Platform::Harness => "harness",
        }
    }

    /// The product's name.
    pub fn name(self) -> &'static str {
        match self {
            Platform::GitHub => "GitHub Actions",
            Platform::GitLab => "GitLab CI",
            Platform::Azure => "Azure Pipelines",
            Platform::Jenkins => "Jenkins",
            Platform::Bitbucket => "Bitbucket Pipelines",
            Platform::Harness => "Harness",
        }
    }

    /// Where its file stands by custom.
    pub fn usual_path(self) -> &'static str {
        match self {
            Platform::GitHub => ".github/workflows/ci.yml",
            Platform::GitLab => ".gitlab-ci.yml",
            Platform::Azure => "azure-pipelines.yml",
            Platform::Jenkins => "Jenkinsfile",
            Platform::Bitbucket => "bitbucket-pipelines.yml",
            Platform::Harness => ".harness/pipeline.yaml",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Platform::ALL
            .into_iter()
            .find(|platform| platform.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("`{text}` is not a platform"))
    }
}

/// The platform by a file's name alone, its path relative to the checkout with `/`.
/// `None` where only the content could tell, or where it is no pipeline file.
pub fn by_path(path: &str) -> Option<Platform> {
    let path = path.trim_start_matches("./");
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    let lower = name.to_ascii_lowercase();
    if yaml && (folder == ".github/workflows" || folder.ends_with("/.github/workflows")) {
        return Some(Platform::GitHub);
    }
    if yaml && (lower.ends_with(".gitlab-ci.yml") || lower.ends_with(".gitlab-ci.yaml")) {
        return Some(Platform::GitLab);
    }
    if yaml && (folder == ".gitlab/ci" || folder.starts_with(".gitlab/ci/")) {
        return Some(Platform::GitLab);
    }
    if yaml
        && (lower.starts_with("azure-pipelines")
            || lower.starts_with("azure-pipeline.")
            || lower.starts_with(".azure-pipelines"))
    {
        return Some(Platform::Azure);
    }
    if yaml && (folder == ".azure-pipelines" || folder == "azure-pipelines") {
        return Some(Platform::Azure);
    }
    if lower.starts_with("jenkinsfile") || lower.ends_with(".jenkinsfile") {
        return Some(Platform::Jenkins);
    }
    if yaml && lower.starts_with("bitbucket-pipelines") {
        return Some(Platform::Bitbucket);
    }
    if yaml && (folder == ".harness" || folder.starts_with(".harness/")) {
        return Some(Platform::Harness);
    }
    None
}

/// The platform by a file's content, where its name says nothing. `None` where no
/// platform's marks are there.
pub fn by_content(text: &str) -> Option<Platform> {
    let lines = || text.lines().take(5_000).map(|line| line.trim_end());
    let top = |key: &str| {
        lines().any(|line| {
            let line = line.trim_start_matches('\u{feff}');
            let bare = line.strip_prefix(['"', '\'']).unwrap_or(line);
            bare.strip_prefix(key).is_some_and(|rest| {
                let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
                rest.starts_with(':') && rest[1..].chars().next().is_none_or(char::is_whitespace)
            })
        })
    };
    let groovy = lines().map(str::trim_start).any(|line| {
        line.starts_with("pipeline {")
            || line.starts_with("pipeline{")
            || line.starts_with("node {")
            || line.starts_with("node(")
    });
    if groovy {
        return Some(Platform::Jenkins);
    }
    if (top("on") || top("true")) && top("jobs") {
        return Some(Platform::GitHub);
    }
    if top("pipelines") {
        return Some(Platform::Bitbucket);
    }
    let below = |key: &str| {
        lines()
            .map(|line| line.trim_start().trim_start_matches("- "))
            .any(|line| line.starts_with(key))
    };
    if top("pipeline") && (below("identifier:") || below("stages:") || below("stage:")) {
        return Some(Platform::Harness);
    }
    let azure = ["pool", "trigger", "pr", "steps", "jobs", "resources", "extends", "schedules"];
    let azure_below = ["vmImage:", "task:", "- stage:", "- job:", "dependsOn:", "displayName:"];
    if azure.into_iter().any(top)
        && (azure_below.into_iter().any(|key| below(key.trim_start_matches("- "))) || top("pool"))
    {
        return Some(Platform::Azure);
    }
    if below("script:")
        && (top("stages")
            || top("image")
            || top("include")
            || top("default")
            || lines().any(|line| {
                line.starts_with(|c: char| c.is_ascii_alphanumeric()) && line.ends_with(':')
            }))
    {
        return Some(Platform::GitLab);
    }
    if top("stages") && below("dependsOn:") {
        return Some(Platform::Azure);
    }
    if top("include") {
        return Some(Platform::GitLab);
    }
    None
}

/// The platform by name, else by content.
pub fn detect(path: &str, text: &str) -> Option<Platform> {
    by_path(path).or_else(|| by_content(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_platforms() {
        for (path, expected) in [
            (".github/workflows/ci.yml", Some(Platform::GitHub)),
            ("sub/.github/workflows/ci.yaml", Some(Platform::GitHub)),
            (".github/dependabot.yml", None),
            (".gitlab-ci.yml", Some(Platform::GitLab)),
            (".gitlab/ci/build.yml", Some(Platform::GitLab)),
            ("deploy.gitlab-ci.yml", Some(Platform::GitLab)),
            ("azure-pipelines.yml", Some(Platform::Azure)),
            ("build/azure-pipelines-release.yml", Some(Platform::Azure)),
            ("Jenkinsfile", Some(Platform::Jenkins)),
            ("ci/Jenkinsfile.release", Some(Platform::Jenkins)),
            ("bitbucket-pipelines.yml", Some(Platform::Bitbucket)),
            (".harness/build.yaml", Some(Platform::Harness)),
            ("docker-compose.yml", None),
            ("README.md", None),
        ] {
            assert_eq!(by_path(path), expected, "{path}");
        }
    }

    #[test]
    fn contents_tell_platforms() {
        for (text, expected) in [
            ("on: push\njobs:\n  a:\n    runs-on: x\n", Some(Platform::GitHub)),
            ("'on':\n  push:\njobs: {}\n", Some(Platform::GitHub)),
            ("stages: [a]\nx:\n  stage: a\n  script: [ls]\n", Some(Platform::GitLab)),
            (
                "trigger: [main]\npool:\n  vmImage: ubuntu-latest\nsteps:\n- script: ls\n",
                Some(Platform::Azure),
            ),
            ("stages:\n- stage: a\n  dependsOn: []\n  jobs: []\n", Some(Platform::Azure)),
            ("// x\npipeline {\n agent any\n}\n", Some(Platform::Jenkins)),
            (
                "image: node\npipelines:\n  default:\n  - step:\n      script: [ls]\n",
                Some(Platform::Bitbucket),
            ),
            ("pipeline:\n  name: x\n  identifier: x\n  stages: []\n", Some(Platform::Harness)),
            ("services:\n  web:\n    image: x\n", None),
            ("", None),
        ] {
            assert_eq!(by_content(text), expected, "{text}");
        }
    }
}
