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
