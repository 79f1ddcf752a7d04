//! What a checkout shows: languages with the commands that are really there, images,
//! charts, manifests, infrastructure, services and environments.

mod language;
mod node;
mod python;
mod script;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::super::Files;
pub use language::{Language, PartOf};

/// What a checkout shows. Paths are relative to it, with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stack {
    /// Whether there is any file at all.
    pub empty: bool,
    /// Its languages, each with its folder.
    pub parts: Vec<PartOf>,
    /// Dockerfiles.
    pub dockerfiles: Vec<String>,
    /// Folders of Helm charts.
    pub charts: Vec<String>,
    /// Folders with a `kustomization.yaml`.
    pub kustomizations: Vec<String>,
    /// Folders of Kubernetes manifests.
    pub manifests: Vec<String>,
    /// Folders that Terraform is run in.
    pub terraform: Vec<String>,
    /// The folder of policies in Rego.
    pub policies: Option<String>,
    /// Names of services that tests may need, as in [`super::wish::SERVICES`].
    pub services: Vec<String>,
    /// Names of environments, in the order they are reached.
    pub environments: Vec<String>,
    /// Files of values for an environment: name and path.
    pub values: Vec<(String, String)>,
    /// Files of Terraform variables for an environment: name and path.
    pub tfvars: Vec<(String, String)>,
}

static ENVIRONMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?:^|[/._-])(dev|development|test|qa|uat|int|integration|stage|staging|preprod|pre-prod|prod|production)(?:[/._-]|$)",
    )
    .ok()
});

/// Folders whose files say nothing of the project itself.
const PASSED_OVER: &[&str] = &[
    "node_modules",
    "vendor",
    "testdata",
    "fixtures",
    "third_party",
    "examples",
    "example",
    ".github",
    "target",
    "docs",
];

/// Looks through a checkout.
pub fn look(files: &dyn Files) -> Stack {
    let mut stack = Stack { empty: files.paths().is_empty(), ..Stack::default() };
    let mut terraform = BTreeSet::new();
    let mut manifests = BTreeSet::new();
    let mut environments = BTreeSet::new();
    for path in files.paths().iter().filter(|path| !passed_over(path)) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let lower = name.to_ascii_lowercase();
        if lower == "dockerfile" || lower == "containerfile" || lower.ends_with(".dockerfile") {
            stack.dockerfiles.push(path.clone());
        } else if name == "Chart.yaml" && !path.contains("/charts/") {
            stack.charts.push(folder.to_owned());
        } else if matches!(name, "kustomization.yaml" | "kustomization.yml") {
            stack.kustomizations.push(folder.to_owned());
        } else if has_ending(name, &["tf"]) {
            if !folder.split('/').any(|part| part == "modules" || part == "module") {
                terraform.insert(folder.to_owned());
            }
        } else if has_ending(name, &["rego"]) {
            stack.policies.get_or_insert_with(|| folder.to_owned());
        } else if has_ending(name, &["yaml", "yml"]) && is_manifest(files, path) {
            manifests.insert(folder.to_owned());
        }
        let infrastructure = has_ending(name, &["tf", "tfvars", "yaml", "yml", "env", "hcl"]);
        if infrastructure && let Some(environment) = environment_of(path) {
            environments.insert(environment);
            if has_ending(name, &["tfvars"]) {
                stack.tfvars.push((environment.to_owned(), path.clone()));
            } else if lower.starts_with("values") {
                stack.values.push((environment.to_owned(), path.clone()));
            }
        }
        if lower.starts_with("docker-compose") || lower.starts_with("compose.") {
            compose(files, path, &mut stack.services);
        }
    }
    stack.charts.sort_by_key(|chart| (chart.matches('/').count(), chart.clone()));
    // A chart's templates and an overlay's patches are no manifests by themselves.
    manifests.retain(|folder: &String| {
        let inside = |outer: &String| folder == outer || folder.starts_with(&format!("{outer}/"));
        !stack.charts.iter().any(inside) && !stack.kustomizations.iter().any(inside)
    });
    stack.manifests = manifests.into_iter().collect();
    stack.terraform = terraform.into_iter().collect();
    let mut environments: Vec<String> = environments.into_iter().map(str::to_owned).collect();
    environments.sort_by_key(|name| rank(name));
    stack.environments = environments;
    stack.parts = language::parts(files, &passed_over);
    stack
}

/// A project in this language of which no file is known.
pub fn project(language: Language) -> PartOf {
    language::project(&super::super::NoFiles, language, "")
}

/// How near an environment is to the users, from 0.
pub fn rank(environment: &str) -> u8 {
    match environment {
        "dev" | "development" => 0,
        "test" | "testing" | "int" | "integration" => 1,
        "qa" => 2,
        "uat" | "acceptance" => 3,
        "stage" | "staging" => 4,
        "preprod" | "pre-prod" => 5,
        "canary" => 6,
        "prod" | "production" | "live" => 8,
        _ => 7,
    }
}

/// The environment that a path names, as its usual long name.
fn environment_of(path: &str) -> Option<&'static str> {
    let lower = path.to_ascii_lowercase();
    let found = ENVIRONMENT.as_ref()?.captures_iter(&lower).last()?;
    Some(match found.get(1)?.as_str() {
        "dev" | "development" => "dev",
        "qa" => "qa",
        "uat" => "uat",
        "stage" | "staging" => "staging",
        "preprod" | "pre-prod" => "preprod",
        "prod" | "production" => "production",
        // Folders of tests are no environment.
        _ => return None,
    })
}

fn passed_over(path: &str) -> bool {
    path.split('/').any(|part| PASSED_OVER.contains(&part))
}

fn has_ending(name: &str, endings: &[&str]) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))
}

/// Whether a file holds a Kubernetes object of a kind that runs or is reached.
fn is_manifest(files: &dyn Files, path: &str) -> bool {
    let Some(text) = files.read(path) else { return false };
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "Service", "CronJob", "Ingress"];
    text.lines().any(|line| line.starts_with("apiVersion:"))
        && text
            .lines()
            .any(|line| line.strip_prefix("kind:").is_some_and(|kind| kinds.contains(&kind.trim())))
        && !text.contains("{{")
}

/// Services of a compose file that this crate has a block for.
fn compose(files: &dyn Files, path: &str, services: &mut Vec<String>) {
    let Some(text) = files.read(path) else { return };
    for line in text.lines() {
        let Some(image) = line.trim().strip_prefix("image:") else { continue };
        let image = image.trim().trim_matches(['"', '\'']);
        let name = image.rsplit('/').next().unwrap_or(image);
        let name = name.split([':', '@']).next().unwrap_or(name);
        let known = super::wish::SERVICES.iter().find(|service| {
            service.name == name || service.words.split('|').any(|word| word == name)
        });
        if let Some(known) = known
            && !services.iter().any(|service| service == known.name)
        {
            services.push(known.name.to_owned());
        }
    }
}
