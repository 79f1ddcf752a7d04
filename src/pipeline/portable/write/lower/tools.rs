//! What tools need: where package managers keep what they fetched, and images that
//! bring a tool.

use super::super::super::{Action, DeployKind, Job, Text};
use crate::pipeline::words::Manager;

/// Files that a manager's cache is keyed by, folders it keeps (relative to the
/// checkout where the variable says so), and the variable that puts them there.
pub struct CachePlan {
    /// The cache's name.
    pub name: &'static str,
    /// Its usual lockfile.
    pub lockfile: &'static str,
    /// A folder inside the checkout.
    pub folder: &'static str,
    /// The variable that moves the manager's cache to that folder.
    pub variable: &'static str,
    /// Its value, with `@` for the folder's absolute path.
    pub value: &'static str,
    /// Where the manager keeps it in a home folder.
    pub home: &'static str,
}

/// How a manager's cache is kept. Sources: each manager's documentation of its cache.
pub fn cache_plan(manager: Manager) -> CachePlan {
    let (name, lockfile, folder, variable, value, home) = match manager {
        Manager::Npm => ("npm", "package-lock.json", ".npm", "npm_config_cache", "@", "~/.npm"),
        Manager::Yarn => {
            ("yarn", "yarn.lock", ".yarn-cache", "YARN_CACHE_FOLDER", "@", "~/.cache/yarn")
        }
        Manager::Pnpm => (
            "pnpm",
            "pnpm-lock.yaml",
            ".pnpm-store",
            "npm_config_store_dir",
            "@",
            "~/.local/share/pnpm/store",
        ),
        Manager::Bun => {
            ("bun", "bun.lock", ".bun-cache", "BUN_INSTALL_CACHE_DIR", "@", "~/.bun/install/cache")
        }
        Manager::Pip => {
            ("pip", "requirements.txt", ".pip-cache", "PIP_CACHE_DIR", "@", "~/.cache/pip")
        }
        Manager::Poetry => {
            ("poetry", "poetry.lock", ".poetry-cache", "POETRY_CACHE_DIR", "@", "~/.cache/pypoetry")
        }
        Manager::Pipenv => {
            ("pipenv", "Pipfile.lock", ".pip-cache", "PIP_CACHE_DIR", "@", "~/.cache/pip")
        }
        Manager::Uv => ("uv", "uv.lock", ".uv-cache", "UV_CACHE_DIR", "@", "~/.cache/uv"),
        Manager::Maven => (
            "maven",
            "pom.xml",
            ".m2/repository",
            "MAVEN_OPTS",
            "-Dmaven.repo.local=@",
            "~/.m2/repository",
        ),
        Manager::Gradle => (
            "gradle",
            "gradle/wrapper/gradle-wrapper.properties",
            ".gradle-home",
            "GRADLE_USER_HOME",
            "@",
            "~/.gradle/caches",
        ),
        Manager::Go => ("go", "go.sum", ".go-mod", "GOMODCACHE", "@", "~/go/pkg/mod"),
        Manager::Cargo => {
            ("cargo", "Cargo.lock", ".cargo-home", "CARGO_HOME", "@", "~/.cargo/registry")
        }
        Manager::Nuget => (
            "nuget",
            "packages.lock.json",
            ".nuget-packages",
            "NUGET_PACKAGES",
            "@",
            "~/.nuget/packages",
        ),
        Manager::Bundler => {
            ("bundler", "Gemfile.lock", "vendor/bundle", "BUNDLE_PATH", "@", "~/.bundle")
        }
        Manager::Composer => (
            "composer",
            "composer.lock",
            ".composer-cache",
            "COMPOSER_CACHE_DIR",
            "@",
            "~/.cache/composer",
        ),
    };
    CachePlan { name, lockfile, folder, variable, value, home }
}

/// The container image that brings what a job needs, where the job names none.
pub fn image_for(job: &Job) -> Option<Text> {
    if let Some(image) = &job.runner.image {
        return Some(image.clone());
    }
    let setup = job.steps.iter().find_map(|step| match &step.action {
        Action::Setup { language, version } => language_image(language, version),
        _ => None,
    });
    setup.or_else(|| {
        let image = job.steps.iter().find_map(|step| match &step.action {
            Action::BuildImage(_) => Some("docker:28"),
            Action::ScanImage { tool, .. } | Action::ScanSource { tool, .. } => match tool.as_str()
            {
                "trivy" => Some("aquasec/trivy:0.58.1"),
                "semgrep" => Some("semgrep/semgrep:1.101.0"),
                "gitleaks" => Some("zricethezav/gitleaks:v8.21.2"),
                "checkov" => Some("bridgecrew/checkov:3.2.344"),
                _ => None,
            },
            Action::Deploy(deploy) | Action::Rollback(deploy) => match &deploy.kind {
                DeployKind::Kubernetes { .. }
                | DeployKind::Kustomize { .. }
                | DeployKind::Helm { .. } => Some("alpine/k8s:1.31.3"),
                DeployKind::Terraform(_) => Some("hashicorp/terraform:1.10"),
                _ => None,
            },
            Action::TerraformPlan(_) | Action::TerraformApply(_) => {
                Some("hashicorp/terraform:1.10")
            }
            _ => None,
        });
        image.map(Text::literal)
    })
}

fn language_image(language: &str, version: &Text) -> Option<Text> {
    let (name, usual, tail) = match language {
        "node" => ("node", "22", ""),
        "python" => ("python", "3.13", ""),
        "go" => ("golang", "1.24", ""),
        "java" => ("maven:3.9-eclipse-temurin-", "21", ""),
        "rust" => ("rust", "1", ""),
        "dotnet" => ("mcr.microsoft.com/dotnet/sdk", "9.0", ""),
        "ruby" => ("ruby", "3.4", ""),
        "php" => ("php", "8.4", "-cli"),
        "bun" => ("oven/bun", "1", ""),
        "terraform" => ("hashicorp/terraform", "1.10", ""),
        "helm" | "kubectl" => return Some(Text::literal("alpine/k8s:1.31.3")),
        _ => return None,
    };
    let version = if version.is_empty() { Text::literal(usual) } else { version.clone() };
    let head = if name.contains(':') { name.to_owned() } else { format!("{name}:") };
    let version = match version.as_literal() {
        // Wildcards are for version managers; images are tagged without.
        Some(text) => Text::literal(
            text.trim_end_matches(".x").trim_end_matches(".*").trim_start_matches('v').to_owned(),
        ),
        None => version,
    };
    Some(Text::literal(head).then(version).then(tail))
}

/// Tools that a job's steps call, beside those of the language it sets up.
pub fn tools(job: &Job) -> Vec<&str> {
    let mut tools: Vec<&str> = Vec::new();
    for step in &job.steps {
        let tool = match &step.action {
            Action::BuildImage(_) => "docker",
            Action::ScanImage { tool, .. }
            | Action::ScanSource { tool, .. }
            | Action::PolicyCheck { tool, .. } => tool,
            Action::TerraformPlan(_) | Action::TerraformApply(_) => "terraform",
            Action::Deploy(deploy) => match &deploy.kind {
                DeployKind::Kubernetes { .. } | DeployKind::Kustomize { .. } => "kubectl",
                DeployKind::Helm { .. } => "helm",
                DeployKind::Terraform(_) => "terraform",
                DeployKind::Script { .. } | DeployKind::Unknown => continue,
            },
            _ => continue,
        };
        if !tools.contains(&tool) {
            tools.push(tool);
        }
    }
    tools
}
