//! Images, packages, deployments, and telling people.

use super::super::stack::{Language, rank};
use super::super::wish::{Publish, Registry, Target};
use super::{Plan, checkout, id, kept, template, upper};
use crate::pipeline::Platform;
use crate::pipeline::portable::{
    Access, Action, Approval, Condition, Deploy, DeployKind, Environment, ImageBuild, Job, Login,
    Part, Rights, Secret, Step, Strategy, Text, Variable,
};

/// Whether an image is built.
pub fn wants_image(plan: &Plan<'_>) -> bool {
    if plan.wish.image.no() {
        return false;
    }
    let runs_images = match target(plan) {
        Some(Target::S3 | Target::Lambda | Target::Ssh) => false,
        Some(_) => plan.wish.deploy.yes(),
        None => false,
    };
    plan.wish.image.yes()
        || runs_images
        || (plan.wish.deploy.yes() && !plan.stack.dockerfiles.is_empty() && target(plan).is_none())
}

/// Whether a deployment takes what a build job leaves.
pub fn wants_files(plan: &Plan<'_>) -> bool {
    plan.wish.deploy.yes()
        && matches!(target(plan), Some(Target::S3 | Target::Lambda | Target::Ssh))
}

fn target(plan: &Plan<'_>) -> Option<Target> {
    let stack = plan.stack;
    match plan.wish.target {
        Some(Target::Kubernetes) | None => {
            if !stack.charts.is_empty() {
                Some(Target::Helm)
            } else if !stack.kustomizations.is_empty() {
                Some(Target::Kustomize)
            } else if !stack.manifests.is_empty() {
                Some(Target::Kubernetes)
            } else {
                plan.wish.target
            }
        }
        named => named,
    }
}

impl Plan<'_> {
    /// The cloud that the wish's registry or target is of.
    pub(super) fn cloud(&self) -> Option<&'static str> {
        match (&self.wish.registry, self.wish.target) {
            (_, Some(Target::Ecs | Target::Lambda | Target::S3)) | (Some(Registry::Ecr), _) => {
                Some("aws")
            }
            (_, Some(Target::CloudRun)) | (Some(Registry::Google), _) => Some("gcp"),
            (_, Some(Target::AzureWebApp)) | (Some(Registry::Acr), _) => Some("azure"),
            _ => self.wish.cloud,
        }
    }
}

/// Adds image, package and deployments.
pub fn add(plan: &mut Plan<'_>) {
    if wants_image(plan) {
        image(plan);
    }
    if plan.wish.publish.yes() {
        publish(plan);
    }
    if plan.wish.release.yes() {
        plan.remark(
            "A release on the platform itself is not written: add it behind the jobs of this file",
        );
    }
    if plan.wish.deploy.yes() {
        deploy(plan);
    } else if !plan.wish.terraform.yes() && plan.wish.approval.yes() {
        plan.remark("Nothing is deployed, so there is nothing to approve");
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

fn image(plan: &mut Plan<'_>) {
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

fn publish(plan: &mut Plan<'_>) {
    let mut targets = plan.wish.publish_to.clone();
    let languages: Vec<Language> = plan
        .wish
        .languages
        .iter()
        .map(|(language, _)| *language)
        .chain(plan.stack.parts.iter().map(|part| part.language))
        .collect();
    if targets.is_empty() && !wants_image(plan) {
        targets.extend(languages.first().and_then(|language| match language {
            Language::Node => Some(Publish::Npm),
            Language::Python => Some(Publish::Pypi),
            Language::Rust => Some(Publish::Crates),
            Language::Java => Some(Publish::Maven),
            Language::Dotnet => Some(Publish::Nuget),
            Language::Ruby => Some(Publish::Gems),
            _ => None,
        }));
        if targets.is_empty() {
            plan.remark("It is not known where to publish to, so nothing is published");
        }
    }
    let gradle = plan
        .stack
        .parts
        .iter()
        .any(|part| part.test.as_deref().is_some_and(|test| test.contains("gradle")));
    for to in targets {
        let (language, secret, script) = match to {
            Publish::Npm => (
                Language::Node,
                "NPM_TOKEN",
                "npm ci\nnpm run build --if-present\nnpm config set //registry.npmjs.org/:_authToken \"$NPM_TOKEN\"\nnpm publish --access public",
            ),
            Publish::Pypi => (
                Language::Python,
                "TWINE_PASSWORD",
                "python -m pip install \"build~=1.2\" \"twine~=6.1\"\npython -m build\ntwine upload --non-interactive --username __token__ dist/*",
            ),
            Publish::Crates => (Language::Rust, "CARGO_REGISTRY_TOKEN", "cargo publish --locked"),
            Publish::Maven if gradle => {
                (Language::Java, "PUBLISH_TOKEN", "./gradlew publish --no-daemon")
            }
            Publish::Maven => (
                Language::Java,
                "PUBLISH_TOKEN",
                "mvn --batch-mode --no-transfer-progress deploy -DskipTests",
            ),
            Publish::Nuget => (
                Language::Dotnet,
                "NUGET_API_KEY",
                "dotnet pack --configuration Release --output packages\ndotnet nuget push \"packages/*.nupkg\" --api-key \"$NUGET_API_KEY\" --source https://api.nuget.org/v3/index.json --skip-duplicate",
            ),
            Publish::Gems => {
                (Language::Ruby, "GEM_HOST_API_KEY", "gem build ./*.gemspec\ngem push ./*.gem")
            }
        };
        if secret == "PUBLISH_TOKEN" {
            plan.remark("Where Maven or Gradle publishes to, and as whom, is the project's own setting; it reads `PUBLISH_TOKEN`");
        }
        let version = plan
            .stack
            .parts
            .iter()
            .find(|part| part.language == language)
            .and_then(|part| part.version.clone());
        let version = version.unwrap_or_else(|| language.usual_version().to_owned());
        let setup = language.setup().unwrap_or_default().to_owned();
        let approved = plan.wish.approval.yes() && !plan.wish.deploy.yes();
        plan.jobs.push(Job {
            title: Some(format!(
                "Publish to {}",
                match to {
                    Publish::Npm => "npm",
                    Publish::Pypi => "PyPI",
                    Publish::Crates => "crates.io",
                    Publish::Maven => "the Maven repository",
                    Publish::Nuget => "NuGet",
                    Publish::Gems => "RubyGems",
                }
            )),
            stage: Some("publish".to_owned()),
            needs: plan.checks.clone(),
            condition: Some(plan.delivery()),
            environment: Some(Environment {
                name: "release".to_owned(),
                url: None,
                approval: approved.then(|| Approval {
                    message: "Publish this release?".to_owned(),
                    approvers: plan.wish.approvers.clone(),
                    hours: None,
                }),
            }),
            timeout: plan.minutes(20),
            secrets: vec![Secret::new(secret)],
            rights: Rights::Only(vec![("contents".to_owned(), Access::Read)]),
            steps: vec![
                checkout(),
                Step::new(Action::Setup { language: setup, version: Text::literal(version) }),
                Step::run(script).titled("Publish"),
            ],
            ..Job::new(if to == Publish::Npm {
                "publish-npm"
            } else {
                match to {
                    Publish::Pypi => "publish-pypi",
                    Publish::Crates => "publish-crates",
                    Publish::Maven => "publish-maven",
                    Publish::Nuget => "publish-nuget",
                    _ => "publish-gems",
                }
            })
        });
    }
}

fn environments(plan: &mut Plan<'_>) -> Vec<String> {
    let mut names = plan.wish.environments.clone();
    if names.is_empty() {
        names.clone_from(&plan.stack.environments);
        if names.is_empty() {
            plan.remark("No environment was named: it is deployed to `production`");
            names.push("production".to_owned());
        } else {
            plan.remark(format!(
                "The environments were taken from the checkout: {}",
                names.join(", ")
            ));
        }
    }
    names.sort_by_key(|name| rank(name));
    names
}

fn deploy(plan: &mut Plan<'_>) {
    let environments = environments(plan);
    let last = environments.last().cloned().unwrap_or_default();
    let image = plan.jobs.iter().any(|job| job.id == "image");
    let mut before = plan.checks.clone();
    if plan.wish.terraform.yes() {
        before.extend(
            plan.jobs
                .iter()
                .rev()
                .find(|job| job.id.starts_with("apply"))
                .map(|job| job.id.clone()),
        );
    }
    for name in environments {
        let production = rank(&name) >= 8 || name == last;
        let approved = !plan.wish.approval.no()
            && (plan.wish.approval_for.contains(&name)
                || rank(&name) >= 8
                || (plan.wish.approval.yes() && plan.wish.approval_for.is_empty() && production));
        let kind = kind(plan, &name);
        let strategy = plan.wish.strategy.clone().unwrap_or_default();
        // A canary needs real traffic: before production it only takes time.
        let strategy = if matches!(strategy, Strategy::Canary { .. }) && !production {
            Strategy::Rolling
        } else {
            strategy
        };
        if matches!(kind, DeployKind::Script { .. }) && strategy != Strategy::Rolling {
            plan.remark("The strategy asked for is that of Kubernetes; what is deployed by a script has to do it itself");
        }
        let taken_back = !plan.wish.rollback.no()
            && !matches!(&kind, DeployKind::Script { rollback, .. } if rollback.is_empty());
        let kubernetes = matches!(
            kind,
            DeployKind::Kubernetes { .. } | DeployKind::Kustomize { .. } | DeployKind::Helm { .. }
        );
        if kubernetes {
            conventions(plan, &kind, &strategy);
        }
        let deploy = Deploy {
            strategy: if kubernetes { strategy } else { Strategy::Rolling },
            image: image.then(|| Part::Image("image".to_owned()).into()),
            app: plan.app(),
            namespace: String::new(),
            kind,
        };
        let mut steps = vec![checkout()];
        if kubernetes {
            let scoped =
                matches!(plan.platform, Platform::GitHub | Platform::GitLab | Platform::Bitbucket);
            let kubeconfig = if scoped {
                "KUBECONFIG_DATA".to_owned()
            } else {
                format!("KUBECONFIG_{}", upper(&name))
            };
            if plan.platform == Platform::GitHub && matches!(deploy.kind, DeployKind::Helm { .. }) {
                steps.push(Step::new(Action::Setup {
                    language: "helm".to_owned(),
                    version: Text::literal("v3.17.0"),
                }));
            }
            steps.push(Step::new(Action::Login(Login::Kubernetes { kubeconfig })));
        } else {
            steps.extend(plan.login());
        }
        if wants_files(plan)
            && let Some(build) = plan.jobs.iter().find(|job| job.id.starts_with("build"))
        {
            steps.push(Step::new(Action::FetchArtifact { name: build.id.clone(), path: None }));
        }
        steps.push(Step::new(Action::Deploy(deploy.clone())).titled(format!("Deploy to {name}")));
        let (health, url) = health(plan, &name);
        steps.extend(health);
        let mut on_failure = Vec::new();
        if taken_back {
            on_failure.push(Step::new(Action::Rollback(deploy.clone())).titled("Roll back"));
        }
        let always = notes(plan, &deploy.kind);
        if name == last && plan.wish.notify.success {
            for (channel, address) in plan.wish.notify.channels.clone() {
                let target = if address.is_empty() { hook(&channel).to_owned() } else { address };
                let message = template(&format!("Deployed {{{{commit}}}} to {name}"));
                steps.push(
                    Step::new(Action::Notify { channel, target, message }).titled("Tell the team"),
                );
            }
        }
        let job_id = format!("deploy-{}", id(&name));
        let mut needs = before.clone();
        if image && !needs.iter().any(|need| need == "image") {
            needs.push("image".to_owned());
        }
        plan.jobs.push(Job {
            title: Some(format!("Deploy to {name}")),
            stage: Some(format!("deploy-{}", id(&name))),
            needs,
            condition: Some(plan.delivery()),
            environment: Some(Environment {
                name: name.clone(),
                url,
                approval: approved.then(|| Approval {
                    message: format!("Deploy to {name}?"),
                    approvers: plan.wish.approvers.clone(),
                    hours: None,
                }),
            }),
            variables: vec![Variable::new("ENVIRONMENT", name.clone())],
            timeout: plan.minutes(30).map(|minutes| {
                minutes.max(if matches!(deploy.strategy, Strategy::Canary { .. }) { 60 } else { 1 })
            }),
            steps,
            on_failure,
            always,
            ..Job::new(job_id.clone())
        });
        cloud_secrets(plan);
        before = vec![job_id];
    }
}

/// Keeps the files in which a deployment by script notes what was there before, where what
/// takes it back is a job of its own.
fn notes(plan: &Plan<'_>, kind: &DeployKind) -> Vec<Step> {
    let DeployKind::Script { rollback, .. } = kind else { return Vec::new() };
    if plan.platform != Platform::GitLab || plan.wish.rollback.no() {
        return Vec::new();
    }
    let text = rollback.render(|_| String::new());
    let tests = ["[ -s ", "[ -d ", "[ -e "];
    let paths: Vec<String> = tests
        .iter()
        .filter_map(|test| text.split_once(test)?.1.split_once(" ]"))
        .map(|(path, _)| path.to_owned())
        .collect();
    if paths.is_empty() {
        return Vec::new();
    }
    let name = "before-deployment".to_owned();
    vec![Step::new(Action::SaveArtifact { name, paths, days: Some(1) })]
}

/// Says which names a strategy counts on: nothing of a checkout can be relied on to have
/// them.
fn conventions(plan: &mut Plan<'_>, kind: &DeployKind, strategy: &Strategy) {
    let app = plan.app();
    let helm = matches!(kind, DeployKind::Helm { .. });
    // Harness makes and switches the two sets by itself.
    if plan.platform == Platform::Harness {
        return;
    }
    match strategy {
        Strategy::Rolling => {}
        Strategy::BlueGreen if helm => plan.remark(format!(
            "Blue-green counts on the releases `{app}-blue` and `{app}-green`, whose chart labels its pods `color` by the value `color`, and on a service `{app}` outside of them that selects by it"
        )),
        Strategy::BlueGreen => plan.remark(format!(
            "Blue-green counts on the deployments `{app}-blue` and `{app}-green`, whose pods have the label `color`, and on a service `{app}` that selects by it; the manifests must not set that selector"
        )),
        Strategy::Canary { .. } if helm => plan.remark(format!(
            "The canary is the release `{app}-canary`; the chart has to give it that share of the traffic by the value `canary.weight`, in percent"
        )),
        Strategy::Canary { .. } => plan.remark(format!(
            "The canary counts on the deployments `{app}` and `{app}-canary` behind one service; its share of the traffic is its share of the replicas"
        )),
    }
}

/// Gives the newest job what the cloud's command line reads, where the platform has no
/// identity of its own for it here.
fn cloud_secrets(plan: &mut Plan<'_>) {
    let (program, name, names): (&str, &str, &[&str]) = match plan.cloud() {
        Some("aws") => {
            ("aws ", "AWS", &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"])
        }
        Some("gcp") => ("gcloud ", "Google Cloud", &["GCP_CREDENTIALS"]),
        Some("azure") => (
            "az ",
            "Azure",
            &["AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"],
        ),
        _ => return,
    };
    let calls = |script: &Text| script.render(|_| String::new()).contains(program);
    let called = plan.jobs.last().is_some_and(|job| {
        job.steps.iter().any(|step| match &step.action {
            // A script of the project's own may call it.
            Action::Deploy(Deploy { kind: DeployKind::Script { deploy, .. }, .. }) => {
                calls(deploy) || deploy.render(|_| String::new()).starts_with("./")
            }
            Action::Run { script, .. } => calls(script),
            _ => false,
        })
    });
    if !called {
        return;
    }
    if !plan.login().is_empty() {
        plan.remark_identity();
        return;
    }
    plan.remark(format!("The command line of {name} has to be on the runner; it logs in with the secrets `{}`: where the platform can take a role by the job's identity, do that instead", names.join("`, `")));
    if let Some(job) = plan.jobs.last_mut() {
        job.secrets.extend(names.iter().map(|name| Secret::new(*name)));
    }
}

/// The check after a deployment, and where the environment is seen.
fn health(plan: &mut Plan<'_>, environment: &str) -> (Option<Step>, Option<Text>) {
    if plan.wish.health.no() {
        return (None, None);
    }
    let urls = &plan.wish.health_urls;
    let path = urls.iter().find(|url| url.starts_with('/')).cloned().unwrap_or_default();
    let whole: Vec<&String> = urls.iter().filter(|url| url.starts_with("http")).collect();
    let own = whole.iter().find(|url| {
        url.contains(environment) || (environment == "production" && url.contains("prod"))
    });
    let last = rank(environment) >= 8;
    let named = own.or(whole.first().filter(|_| last || plan.wish.environments.len() < 2));
    let url = match named {
        Some(url) => Text::literal((*url).clone()),
        None => {
            let name = format!("{}_URL", upper(environment));
            plan.remark(format!("The variable `{name}` has to hold the address of {environment}, which is asked for its health after each deployment"));
            kept(&name).then(path)
        }
    };
    let command =
        Text::literal("curl --fail --silent --show-error --max-time 10 --output /dev/null \"")
            .then(url.clone())
            .then("\"");
    let step = Step::new(Action::HealthCheck { command, attempts: 12, seconds: 10 })
        .titled("Check the health");
    (Some(step), named.map(|_| url))
}

/// The commands that log the cloud's command line in with a key, each with its line end;
/// empty where the job's identity does, or where it reads a key by itself. They stand in the
/// scripts: what takes a deployment back may be a job of its own.
fn command_line_login(plan: &Plan<'_>) -> &'static str {
    match plan.cloud() {
        _ if !plan.login().is_empty() => "",
        Some("gcp") => {
            "printf '%s' \"$GCP_CREDENTIALS\" | gcloud auth activate-service-account --key-file=- --quiet\ngcloud config set project \"{{var.GCP_PROJECT}}\" --quiet\n"
        }
        Some("azure") => {
            "az login --service-principal --username \"$AZURE_CLIENT_ID\" --password \"$AZURE_CLIENT_SECRET\" --tenant \"$AZURE_TENANT_ID\" --output none\naz account set --subscription \"$AZURE_SUBSCRIPTION_ID\"\n"
        }
        _ => "",
    }
}

fn kind(plan: &mut Plan<'_>, environment: &str) -> DeployKind {
    let app = plan.app();
    let login = command_line_login(plan);
    let script = |deploy: String, rollback: &str| DeployKind::Script {
        deploy: template(&deploy),
        rollback: template(rollback),
    };
    match target(plan) {
        Some(Target::Helm) => {
            let chart = plan.stack.charts.first().cloned();
            if chart.is_none() {
                plan.remark("The checkout shows no chart: `charts/app` is deployed");
            }
            let chart = chart.unwrap_or_else(|| "charts/app".to_owned());
            let values = plan
                .stack
                .values
                .iter()
                .filter(|(name, _)| name == environment)
                .map(|(_, path)| path.clone())
                .collect();
            DeployKind::Helm { chart, values }
        }
        Some(Target::Kustomize) => {
            let folders = &plan.stack.kustomizations;
            let named = |folder: &&String| {
                folder.split('/').any(|part| {
                    part == environment
                        || (environment == "production" && part == "prod")
                        || (environment == "staging" && part == "stage")
                })
            };
            let folder = folders.iter().find(named).or_else(|| folders.first()).cloned();
            if folder.as_ref().is_none_or(|folder| !named(&folder)) {
                plan.remark(format!("No overlay for {environment} was found in the checkout"));
            }
            DeployKind::Kustomize {
                folder: folder.unwrap_or_else(|| format!("overlays/{environment}")),
            }
        }
        Some(Target::Kubernetes) => {
            let mut manifests = plan.stack.manifests.clone();
            if manifests.is_empty() {
                plan.remark(
                    "The checkout shows no manifests: those of the folder `k8s` are applied",
                );
                manifests.push("k8s".to_owned());
            }
            DeployKind::Kubernetes { manifests }
        }
        Some(Target::ArgoCd) => {
            plan.remark("Argo CD is called by its command line, which has to be on the runner; `ARGOCD_SERVER` and `ARGOCD_AUTH_TOKEN` are read from the job");
            script(
                format!(
                    "argocd app set {app}-{environment} --kustomize-image \"$IMAGE\"\nargocd app sync {app}-{environment} --timeout 300\nargocd app wait {app}-{environment} --health --timeout 300"
                ),
                &format!(
                    "argocd app rollback {app}-{environment}\nargocd app wait {app}-{environment} --health --timeout 300"
                ),
            )
        }
        Some(Target::Ecs) => script(
            format!(
                "previous=$(aws ecs describe-services --cluster {environment} --services {app} --query 'services[0].taskDefinition' --output text)\necho \"$previous\" > previous-task\naws ecs describe-task-definition --task-definition \"$previous\" --query taskDefinition > task.json\njq --arg image \"$IMAGE\" '.containerDefinitions[0].image = $image | del(.taskDefinitionArn, .revision, .status, .requiresAttributes, .compatibilities, .registeredAt, .registeredBy)' task.json > next.json\nnext=$(aws ecs register-task-definition --cli-input-json file://next.json --query taskDefinition.taskDefinitionArn --output text)\naws ecs update-service --cluster {environment} --service {app} --task-definition \"$next\"\naws ecs wait services-stable --cluster {environment} --services {app}"
            ),
            &format!(
                "if [ -s previous-task ]; then\n  aws ecs update-service --cluster {environment} --service {app} --task-definition \"$(cat previous-task)\"\n  aws ecs wait services-stable --cluster {environment} --services {app}\nfi"
            ),
        ),
        Some(Target::CloudRun) => {
            plan.remark(match login {
                "" => "The variable `GCP_REGION` has to hold the region",
                _ => "The variables `GCP_PROJECT` and `GCP_REGION` have to hold the project and the region",
            });
            script(
                format!(
                    "{login}gcloud run services describe {app}-{environment} --region \"{{{{var.GCP_REGION}}}}\" --format 'value(status.latestReadyRevisionName)' > previous-revision\ngcloud run deploy {app}-{environment} --image \"$IMAGE\" --region \"{{{{var.GCP_REGION}}}}\""
                ),
                &format!(
                    "{login}if [ -s previous-revision ]; then\n  gcloud run services update-traffic {app}-{environment} --region \"{{{{var.GCP_REGION}}}}\" --to-revisions \"$(cat previous-revision)=100\"\nfi"
                ),
            )
        }
        Some(Target::AzureWebApp) => script(
            format!(
                "{login}az webapp config container set --name {app}-{environment} --resource-group {app}-{environment} --slot staging --container-image-name \"$IMAGE\"\naz webapp deployment slot swap --name {app}-{environment} --resource-group {app}-{environment} --slot staging\ntouch swapped"
            ),
            &format!(
                "{login}if [ -e swapped ]; then\n  az webapp deployment slot swap --name {app}-{environment} --resource-group {app}-{environment} --slot staging\nfi"
            ),
        ),
        Some(Target::S3) => {
            let folder = plan
                .stack
                .parts
                .iter()
                .find_map(|part| {
                    part.output.first().map(|path| {
                        if part.folder.is_empty() {
                            path.clone()
                        } else {
                            format!("{}/{path}", part.folder)
                        }
                    })
                })
                .unwrap_or_else(|| "dist".to_owned());
            let bucket = format!("{}_BUCKET", upper(environment));
            plan.remark(format!("The variable `{bucket}` has to hold the bucket's name; versioning in the bucket lets you go back"));
            script(
                format!(
                    "aws s3 sync \"s3://{{{{var.{bucket}}}}}\" previous --only-show-errors\naws s3 sync {folder} \"s3://{{{{var.{bucket}}}}}\" --delete --only-show-errors"
                ),
                &format!(
                    "if [ -d previous ]; then\n  aws s3 sync previous \"s3://{{{{var.{bucket}}}}}\" --delete --only-show-errors\nfi"
                ),
            )
        }
        Some(Target::Lambda) => script(
            format!(
                "zip --quiet --recurse-paths function.zip .\naws lambda update-function-code --function-name {app}-{environment} --zip-file fileb://function.zip --publish --query Version --output text > version\naws lambda wait function-updated --function-name {app}-{environment}\naws lambda get-alias --function-name {app}-{environment} --name live --query FunctionVersion --output text > previous\naws lambda update-alias --function-name {app}-{environment} --name live --function-version \"$(cat version)\""
            ),
            &format!(
                "if [ -s previous ]; then\n  aws lambda update-alias --function-name {app}-{environment} --name live --function-version \"$(cat previous)\"\nfi"
            ),
        ),
        Some(Target::Ssh) | None => {
            plan.remark("What is deployed, and how, cannot be told: `scripts/deploy.sh` and `scripts/rollback.sh` are called with the environment's name, and have to be written");
            script(
                format!("./scripts/deploy.sh {environment}"),
                &format!("./scripts/rollback.sh {environment}"),
            )
        }
    }
}

fn hook(channel: &str) -> &'static str {
    match channel {
        "slack" => "SLACK_WEBHOOK_URL",
        "teams" => "TEAMS_WEBHOOK_URL",
        "email" => "team@example.com",
        _ => "WEBHOOK_URL",
    }
}

/// Adds the job that tells people of a failure.
pub fn notify(plan: &mut Plan<'_>) {
    if !plan.wish.notify.failure || plan.jobs.is_empty() {
        return;
    }
    let mut steps = Vec::new();
    for (channel, address) in plan.wish.notify.channels.clone() {
        if channel == "email" && address.is_empty() {
            plan.remark("Mail is sent to `team@example.com`: put your own address there");
        }
        let target = if address.is_empty() { hook(&channel).to_owned() } else { address };
        let message = template("A run for {{commit}} failed");
        steps.push(Step::new(Action::Notify { channel, target, message }).titled("Tell the team"));
    }
    let needs = plan.jobs.iter().map(|job| job.id.clone()).collect();
    plan.jobs.push(Job {
        title: Some("Tell the team of a failure".to_owned()),
        stage: Some("notify".to_owned()),
        needs,
        condition: Some(Condition::OnFailure),
        timeout: Some(5),
        steps,
        ..Job::new("notify")
    });
}
