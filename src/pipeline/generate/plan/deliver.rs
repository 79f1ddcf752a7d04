//! What is delivered: deployments from environment to environment, and telling people.

use super::super::stack::rank;
use super::super::wish::{Registry, Target};
use super::image::image;
use super::publish::publish;
use super::target::{conventions, kind, notes};
use super::{Plan, checkout, id, kept, template, upper};
use crate::pipeline::Platform;
use crate::pipeline::portable::{
    Action, Approval, Condition, Deploy, DeployKind, Environment, Job, Login, Part, Secret, Step,
    Strategy, Text, Variable,
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

pub(super) fn target(plan: &Plan<'_>) -> Option<Target> {
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
                // A chat that is down is no reason to take a healthy release back.
                let told = Step::new(Action::Notify { channel, target, message });
                steps.push(Step { soft_fail: true, ..told.titled("Tell the team") });
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

/// Gives the newest job what the cloud's command line reads, where the platform has no
/// identity of its own for it here.
pub(super) fn cloud_secrets(plan: &mut Plan<'_>) {
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
