//! Infrastructure: planned on changes, checked against policies, applied after approval.

use super::super::stack::rank;
use super::super::wish::DeployWhen;
use super::{Plan, checkout, id, upper};
use crate::pipeline::Platform;
use crate::pipeline::portable::{
    Action, Approval, Condition, Environment, Job, Login, Part, Secret, Step, Terraform, Text,
};

/// Adds plan and apply for each environment.
pub fn add(plan: &mut Plan<'_>) {
    if !plan.wish.terraform.yes() {
        return;
    }
    let environments = environments(plan);
    let mut before: Option<String> = None;
    let last = environments.last().map(|(name, _)| name.clone());
    let applies = !plan.wish.apply.no()
        && (plan.wish.apply.yes() || plan.wish.deploy.yes() || !plan.wish.push.is_empty());
    let scan = Job {
        title: Some("Scan the infrastructure code".to_owned()),
        stage: Some("plan".to_owned()),
        timeout: plan.minutes(10),
        steps: vec![
            checkout(),
            Step::new(Action::ScanSource {
                tool: "checkov".to_owned(),
                path: common(&environments),
                severity: "HIGH,CRITICAL".to_owned(),
            }),
        ],
        ..Job::new("scan-infrastructure")
    };
    plan.checks.push(scan.id.clone());
    plan.jobs.push(scan);
    for (name, terraform) in &environments {
        let several = environments.len() > 1;
        let suffix = if several { format!("-{}", id(name)) } else { String::new() };
        let secrets = credentials(plan, name, several);
        let mut steps = vec![checkout()];
        if plan.platform == Platform::GitHub || plan.platform == Platform::Azure {
            steps.push(Step::new(Action::Setup {
                language: "terraform".to_owned(),
                version: Text::literal("1.10.5"),
            }));
        }
        let login = plan.login();
        steps.extend(login.clone());
        steps.push(Step::new(Action::TerraformPlan(terraform.clone())).titled("Plan"));
        if let Some(tool) = plan.wish.policy {
            let policies = plan.stack.policies.clone().unwrap_or_else(|| "policy".to_owned());
            if plan.stack.policies.is_none() && tool != "checkov" {
                plan.remark(format!(
                    "Policies for {tool} are looked for in the folder `{policies}`"
                ));
            }
            steps.push(
                Step::new(Action::PolicyCheck {
                    tool: tool.to_owned(),
                    policies,
                    terraform: terraform.clone(),
                })
                .titled("Check the policies"),
            );
        }
        let planned = Job {
            title: Some(format!(
                "Plan{}",
                if several { format!(" {name}") } else { String::new() }
            )),
            stage: Some("plan".to_owned()),
            timeout: plan.minutes(20),
            needs: vec!["scan-infrastructure".to_owned()],
            secrets: secrets.clone(),
            steps,
            ..Job::new(format!("plan{suffix}"))
        };
        let planned_id = planned.id.clone();
        plan.jobs.push(planned);
        if !applies {
            continue;
        }
        let approved = !plan.wish.approval.no()
            && (plan.wish.approval_for.contains(name)
                || last.as_ref() == Some(name)
                || (plan.wish.approval.yes() && plan.wish.approval_for.is_empty() && !several));
        let mut steps = vec![checkout()];
        if plan.platform == Platform::GitHub || plan.platform == Platform::Azure {
            steps.push(Step::new(Action::Setup {
                language: "terraform".to_owned(),
                version: Text::literal("1.10.5"),
            }));
        }
        steps.extend(login);
        steps.push(Step::new(Action::TerraformApply(terraform.clone())).titled("Apply the plan"));
        let mut needs = vec![planned_id];
        needs.extend(before.take());
        let apply = Job {
            title: Some(format!(
                "Apply{}",
                if several { format!(" {name}") } else { String::new() }
            )),
            stage: Some("apply".to_owned()),
            needs,
            condition: Some(match plan.wish.deploy_when {
                DeployWhen::Unsaid if plan.wish.schedules.is_empty() => Condition::DefaultBranch,
                _ => plan.delivery(),
            }),
            environment: Some(Environment {
                name: name.clone(),
                url: None,
                approval: approved.then(|| Approval {
                    message: format!("Apply the plan to {name}?"),
                    approvers: plan.wish.approvers.clone(),
                    hours: None,
                }),
            }),
            timeout: plan.minutes(60),
            secrets,
            steps,
            ..Job::new(format!("apply{suffix}"))
        };
        before = Some(apply.id.clone());
        plan.jobs.push(apply);
    }
}

/// The folder above all of them.
fn common(environments: &[(String, Terraform)]) -> String {
    let mut folders = environments.iter().map(|(_, terraform)| terraform.folder.as_str());
    let Some(first) = folders.next() else { return String::new() };
    let mut parts: Vec<&str> = first.split('/').collect();
    for folder in folders {
        let same = parts.iter().zip(folder.split('/')).take_while(|(a, b)| *a == b).count();
        parts.truncate(same);
    }
    parts.join("/")
}

/// Environments with the folder, workspace and variables of each.
fn environments(plan: &mut Plan<'_>) -> Vec<(String, Terraform)> {
    let folders = &plan.stack.terraform;
    let mut names = plan.wish.environments.clone();
    if names.is_empty() {
        names = plan
            .stack
            .environments
            .iter()
            .filter(|name| folders.iter().any(|folder| names_it(folder, name)))
            .cloned()
            .collect();
    }
    if names.is_empty() {
        names.push("production".to_owned());
    }
    names.sort_by_key(|name| rank(name));
    let several = names.len() > 1;
    let mut remarks = Vec::new();
    if folders.is_empty() {
        remarks.push("The checkout shows no Terraform: it is run in the folder `infra`".to_owned());
    }
    let made = names
        .into_iter()
        .map(|name| {
            let own = folders.iter().find(|folder| names_it(folder, &name));
            let root = own.or_else(|| {
                folders.iter().min_by_key(|folder| (folder.matches('/').count(), folder.len()))
            });
            let folder = root.cloned().unwrap_or_else(|| "infra".to_owned());
            let inside = |path: &String| {
                path.strip_prefix(&format!("{folder}/"))
                    .map(str::to_owned)
                    .or_else(|| folder.is_empty().then(|| path.clone()))
            };
            let var_files = plan
                .stack
                .tfvars
                .iter()
                .filter(|(of, _)| *of == name)
                .filter_map(|(_, path)| inside(path))
                .filter(|path| !path.ends_with(".auto.tfvars") && path != "terraform.tfvars")
                .collect();
            let workspace = if several && own.is_none() { name.clone() } else { String::new() };
            if !workspace.is_empty() {
                remarks.push(format!("`{name}` is the Terraform workspace `{name}` in `{folder}`"));
            }
            (name, Terraform { folder, workspace, var_files, backend: Vec::new() })
        })
        .collect();
    for remark in remarks {
        plan.remark(remark);
    }
    made
}

fn names_it(folder: &str, environment: &str) -> bool {
    folder.split('/').any(|part| {
        part == environment
            || (environment == "production" && part == "prod")
            || (environment == "staging" && part == "stage")
    })
}

/// Secrets that Terraform's backend and providers read, where no identity stands in.
fn credentials(plan: &mut Plan<'_>, environment: &str, several: bool) -> Vec<Secret> {
    if !plan.login().is_empty() {
        plan.remark_identity();
        return Vec::new();
    }
    let name = if several {
        format!("TF_CREDENTIALS_{}", upper(environment))
    } else {
        "TF_CREDENTIALS".to_owned()
    };
    plan.remark(format!("The secret `{name}` holds what the Terraform backend and provider need; rename it to what yours read"));
    vec![Secret { name, variable: Some("TF_CREDENTIALS".to_owned()) }]
}

impl Plan<'_> {
    /// The login to the cloud that the wish names, where the platform has one that
    /// needs no secret.
    pub(super) fn login(&self) -> Vec<Step> {
        if self.platform != Platform::GitHub {
            return Vec::new();
        }
        let variable = |name: &str| -> Text { Part::Variable(name.to_owned()).into() };
        let login = match self.cloud() {
            Some("aws") => Login::Aws {
                role: variable("AWS_ROLE_ARN"),
                region: "${{ vars.AWS_REGION }}".to_owned(),
            },
            Some("azure") => Login::Azure { connection: "AZURE_CLIENT_ID".to_owned() },
            Some("gcp") => Login::Gcp {
                provider: variable("GCP_IDENTITY_PROVIDER"),
                account: variable("GCP_SERVICE_ACCOUNT"),
            },
            _ => return Vec::new(),
        };
        vec![Step::new(Action::Login(login))]
    }

    /// Says what the login by identity counts on, where its writer does not.
    pub(super) fn remark_identity(&mut self) {
        let names = match self.cloud() {
            Some("aws") => "`AWS_ROLE_ARN` and `AWS_REGION`",
            Some("gcp") => "`GCP_IDENTITY_PROVIDER` and `GCP_SERVICE_ACCOUNT`",
            _ => return,
        };
        self.remark(format!("The variables {names} have to be set: the job takes that role by its identity, and the role has to trust this repository"));
    }
}
