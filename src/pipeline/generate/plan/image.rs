//! The image: built once, handed on by digest, scanned, and listed.

use super::super::wish::Registry;
use super::deliver::cloud_secrets;
use super::{Plan, checkout};
use crate::pipeline::Platform;
use crate::pipeline::portable::{Action, Condition, ImageBuild, Job, Login, Part, Step, Text};

pub(super) fn image(plan: &mut Plan<'_>) {
    let (name, login) = registry(plan);
    let dockerfile = plan
        .stack
        .dockerfiles
        .iter()
        .min_by_key(|path| (path.matches('/').count(), path.len()))
        .cloned();
    if dockerfile.is_none() {
        plan.remark("The checkout shows no Dockerfile: the image is built from one at its top");
    } else if plan.stack.dockerfiles.len() > 1 {
        plan.remark(format!(
            "Of {} Dockerfiles `{}` is built",
            plan.stack.dockerfiles.len(),
            dockerfile.as_deref().unwrap_or_default()
        ));
    }
    let folder = dockerfile
        .as_deref()
        .and_then(|path| path.rsplit_once('/'))
        .map(|(folder, _)| folder.to_owned());
    let file = dockerfile.filter(|path| path != "Dockerfile" && !path.ends_with("/Dockerfile"));
    let context = if file.is_some() { String::new() } else { folder.unwrap_or_default() };
    let releases = plan.wish.tag.is_some();
    let mut tags = vec![Text::from(Part::Commit)];
    let condition = plan.delivery();
    if matches!(condition, Condition::Tag(_)) {
        tags.push(Text::from(Part::Tag));
    }
    let mut steps = vec![checkout()];
    steps.extend(login);
    let build = ImageBuild {
        image: name,
        tags,
        context,
        file,
        platforms: plan.wish.architectures.clone(),
        push: true,
        cache: !releases && !plan.wish.cache.no(),
        ..ImageBuild::default()
    };
    steps.push(Step::new(Action::BuildImage(build)).titled("Build and push the image"));
    plan.jobs.push(Job {
        title: Some("Build the image".to_owned()),
        stage: Some("image".to_owned()),
        needs: plan.checks.clone(),
        condition: Some(condition.clone()),
        timeout: plan.minutes(30),
        steps,
        ..Job::new("image")
    });
    cloud_secrets(plan);
    plan.checks = vec!["image".to_owned()];
    if !plan.wish.scan_image.no() {
        let (image, severity) =
            (Text::from(Part::Image("image".to_owned())), "HIGH,CRITICAL".to_owned());
        let steps = vec![
            Step::new(Action::ScanImage {
                tool: "trivy".to_owned(),
                image: image.clone(),
                severity,
            })
            .titled("Scan the image"),
        ];
        plan.jobs.push(Job {
            title: Some("Scan the image".to_owned()),
            stage: Some("scan".to_owned()),
            needs: vec!["image".to_owned()],
            condition: Some(condition.clone()),
            timeout: plan.minutes(15),
            steps,
            ..Job::new("scan-image")
        });
        plan.checks = vec!["scan-image".to_owned()];
    }
    if plan.wish.sbom.yes() {
        let mut job = Job {
            title: Some("List what the image holds".to_owned()),
            stage: Some("scan".to_owned()),
            needs: vec!["image".to_owned()],
            condition: Some(condition),
            timeout: plan.minutes(15),
            steps: vec![
                Step::run(
                    Text::literal("trivy image --format cyclonedx --output sbom.cdx.json \"")
                        .then(Part::Image("image".to_owned()))
                        .then("\""),
                )
                .titled("Write the SBOM"),
                Step::new(Action::SaveArtifact {
                    name: "sbom".to_owned(),
                    paths: vec!["sbom.cdx.json".to_owned()],
                    days: Some(90),
                }),
            ],
            ..Job::new("sbom")
        };
        if !matches!(plan.platform, Platform::GitHub | Platform::Azure) {
            job.runner.image = Some(Text::literal("aquasec/trivy:0.58.1"));
        }
        plan.jobs.push(job);
        plan.checks.push("sbom".to_owned());
    }
}

/// The image's name, and the login to its registry.
fn registry(plan: &mut Plan<'_>) -> (Text, Vec<Step>) {
    let usual = match plan.platform {
        Platform::GitHub => Registry::GitHub,
        Platform::GitLab => Registry::GitLab,
        _ => Registry::Other(String::new()),
    };
    let registry = plan.wish.registry.clone().unwrap_or(usual);
    let login = |host: &str| {
        let (user, password) = ("REGISTRY_USER".to_owned(), "REGISTRY_PASSWORD".to_owned());
        vec![Step::new(Action::Login(Login::Registry { host: host.to_owned(), user, password }))]
    };
    let own = |host: &str| {
        vec![Step::new(Action::Login(Login::Registry {
            host: host.to_owned(),
            user: String::new(),
            password: String::new(),
        }))]
    };
    let foreign = |text: &str| Text::from(Part::Foreign(plan.platform, text.to_owned()));
    match (&registry, plan.platform) {
        (Registry::GitHub, Platform::GitHub) => {
            let name = Text::literal("ghcr.io/").then(foreign("${{ github.repository }}"));
            plan.remark("The image is named after the repository, whose name has to be in small letters for that");
            (name, own("ghcr.io"))
        }
        (Registry::GitLab, Platform::GitLab) => {
            (foreign("${CI_REGISTRY_IMAGE}"), own("${CI_REGISTRY}"))
        }
        (Registry::Other(name), _) if !name.is_empty() => {
            let host = name.split('/').next().unwrap_or_default().to_owned();
            (Text::literal(name.clone()), login(&host))
        }
        (registry, _) => {
            let app = plan.app();
            let (host, name) = match registry {
                Registry::GitHub => ("ghcr.io", format!("ghcr.io/your-organisation/{app}")),
                Registry::GitLab => {
                    ("registry.gitlab.com", format!("registry.gitlab.com/your-group/{app}"))
                }
                Registry::Ecr => (
                    "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
                    format!("123456789012.dkr.ecr.eu-central-1.amazonaws.com/{app}"),
                ),
                Registry::Acr => {
                    ("yourregistry.azurecr.io", format!("yourregistry.azurecr.io/{app}"))
                }
                Registry::Google => (
                    "europe-docker.pkg.dev",
                    format!("europe-docker.pkg.dev/your-project/images/{app}"),
                ),
                Registry::DockerHub => ("", format!("docker.io/your-organisation/{app}")),
                Registry::Other(_) => {
                    ("registry.example.com", format!("registry.example.com/{app}"))
                }
            };
            plan.remark(format!("The image is called `{name}`: put your own name there"));
            let steps = if *registry == Registry::Ecr {
                plan.remark(
                    "Pushing to ECR needs the AWS command line on the runner and rights to push",
                );
                let mut steps = plan.login();
                steps.push(
                    Step::run(format!(
                        "command -v aws > /dev/null || apk add --no-cache aws-cli\naws ecr get-login-password --region eu-central-1 | docker login --username AWS --password-stdin {host}"
                    ))
                    .titled("Log in to ECR"),
                );
                steps
            } else {
                login(host)
            };
            (Text::literal(name), steps)
        }
    }
}
