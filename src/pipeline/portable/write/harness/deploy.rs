//! Deployment, Custom and Approval stages.

use super::super::super::{
    Action, Approval, Deploy, DeployKind, Job, Login, Shell, Step, Strategy, Terraform,
};
use super::super::context::{Context, Env, NO_SCRIPT};
use super::super::lower::lower;
use super::super::yaml::{Map, Yaml};
use super::steps::{Names, env, head};
use super::{execution, id, wrap};

/// A step that waits for a person.
pub fn approval(cx: &Context<'_>, approval: &Approval, identifier: &str) -> Map {
    let mut map = head("HarnessApproval", "Approve", identifier.to_owned());
    map.set("timeout", format!("{}h", approval.hours.unwrap_or(24)));
    let mut approvers = Map::new();
    approvers.set("minimumCount", 1u32).set("disallowPipelineExecutor", false);
    let groups: Vec<String> = if approval.approvers.is_empty() {
        cx.remark(
            "The approvers are all users of the project; name a group where they must not be",
        );
        vec!["_project_all_users".to_owned()]
    } else {
        approval.approvers.clone()
    };
    approvers.set("userGroups", Yaml::list(groups));
    let mut spec = Map::new();
    let message = if approval.message.is_empty() { "Go on?" } else { &approval.message };
    spec.set("approvalMessage", message).set("includePipelineExecutionHistory", true);
    spec.set("approvers", approvers).set("approverInputs", Yaml::Seq(Vec::new()));
    map.set("spec", spec);
    map
}

fn queue(job: &Job, names: &mut Names) -> Option<Yaml> {
    let lock = job.lock.as_ref()?;
    let mut map = head("Queue", "One at a time", names.give("queue"));
    map.set("timeout", "1h");
    let mut spec = Map::new();
    spec.set("key", lock.as_str()).set("scope", "Pipeline");
    map.set("spec", spec);
    Some(wrap("step", map))
}

/// What is deployed to Kubernetes.
fn deploy_of(job: &Job) -> Option<&Deploy> {
    job.steps.iter().find_map(|step| match &step.action {
        Action::Deploy(deploy) => Some(deploy),
        _ => None,
    })
}

/// The specification of a Deployment stage.
pub fn deployment(cx: &Context<'_>, job: &Job) -> Map {
    let deploy = deploy_of(job);
    let app =
        deploy.map(|deploy| deploy.app.as_str()).filter(|app| !app.is_empty()).unwrap_or("app");
    // Helm's own step knows one way alone; its charts are rolled out as manifests else.
    let native_helm = deploy.is_some_and(|deploy| {
        matches!(deploy.kind, DeployKind::Helm { .. }) && deploy.strategy == Strategy::Rolling
    });
    let mut spec = Map::new();
    spec.set("deploymentType", if native_helm { "NativeHelm" } else { "Kubernetes" });
    let mut service = Map::new();
    service.set("serviceRef", id(app));
    spec.set("service", service);
    let name = job.environment.as_ref().map_or("production", |env| env.name.as_str());
    let mut infrastructure = Map::new();
    infrastructure.set("identifier", format!("{}_infra", id(name)));
    let mut environment = Map::new();
    environment.set("environmentRef", id(name)).set("deployToAll", false);
    environment.set("infrastructureDefinitions", Yaml::list([infrastructure]));
    spec.set("environment", environment);
    cx.remark(format!(
        "The service `{}` with its manifests and its image, tagged with the commit, and the environment `{}` with the infrastructure `{}_infra` have to exist",
        id(app),
        id(name),
        id(name)
    ));
    if job.environment.as_ref().is_some_and(|environment| environment.url.is_some()) {
        cx.lose(
            format!("the address of the environment `{name}`"),
            "Harness's environments have no address in the pipeline",
            job.line,
        );
    }
    let mut names = Names::new();
    let mut steps: Vec<Yaml> = Vec::new();
    if let Some(asked) =
        job.environment.as_ref().and_then(|environment| environment.approval.as_ref())
    {
        steps.push(wrap("step", approval(cx, asked, &names.give("approve"))));
    }
    steps.extend(queue(job, &mut names));
    let mut rollback: Vec<Yaml> = Vec::new();
    for step in &job.steps {
        match &step.action {
            Action::Deploy(deploy) => {
                native(deploy, native_helm, &mut names, &mut steps, &mut rollback);
            }
            Action::Checkout { .. }
            | Action::Setup { .. }
            | Action::CacheDependencies { .. }
            | Action::Cache { .. }
            | Action::Login(Login::Kubernetes { .. } | Login::Registry { .. }) => {}
            _ => steps.extend(delegate(cx, job, step, &mut names)),
        }
    }
    for step in &job.on_failure {
        // The native steps take the deployment back.
        if !matches!(step.action, Action::Rollback(_)) {
            rollback.extend(delegate(cx, job, step, &mut names));
        }
    }
    always(cx, job, &mut names, &mut steps, &mut rollback);
    let inner = execution(steps, rollback);
    append(&mut spec, inner);
    spec
}

fn append(spec: &mut Map, mut inner: Map) {
    if let Some(value) = inner.get_mut("execution") {
        spec.set("execution", value.clone());
    }
}

/// Steps for the end stand behind both ways.
fn always(
    cx: &Context<'_>,
    job: &Job,
    names: &mut Names,
    steps: &mut Vec<Yaml>,
    rollback: &mut Vec<Yaml>,
) {
    for step in &job.always {
        steps.extend(delegate(cx, job, step, names));
        rollback.extend(delegate(cx, job, step, names));
    }
}

fn simple(kind: &str, title: &str, identifier: String, spec: Map) -> Yaml {
    let mut map = head(kind, title, identifier);
    map.set("timeout", "10m").set("spec", spec);
    wrap("step", map)
}

fn dry() -> Map {
    let mut map = Map::new();
    map.set("skipDryRun", false);
    map
}

fn native(
    deploy: &Deploy,
    native_helm: bool,
    names: &mut Names,
    steps: &mut Vec<Yaml>,
    rollback: &mut Vec<Yaml>,
) {
    if native_helm {
        steps.push(simple("HelmDeploy", "Deploy", names.give("helmDeploy"), dry_helm()));
        rollback.push(simple("HelmRollback", "Roll back", names.give("helmRollback"), dry_helm()));
        return;
    }
    match &deploy.strategy {
        Strategy::Rolling => {
            steps.push(simple(
                "K8sRollingDeploy",
                "Roll out",
                names.give("rollingDeployment"),
                dry(),
            ));
            rollback.push(simple(
                "K8sRollingRollback",
                "Roll back",
                names.give("rollingRollback"),
                Map::new(),
            ));
        }
        Strategy::BlueGreen => {
            steps.push(simple(
                "K8sBlueGreenDeploy",
                "Deploy beside",
                names.give("stageDeployment"),
                dry(),
            ));
            steps.push(simple("K8sBGSwapServices", "Swap", names.give("bgSwapServices"), dry()));
            rollback.push(simple(
                "K8sBGSwapServices",
                "Swap back",
                names.give("rollbackBgSwapServices"),
                dry(),
            ));
        }
        Strategy::Canary { percents, seconds } => {
            let mut group: Vec<Yaml> = Vec::new();
            for percent in percents {
                let mut count = Map::new();
                count.set("percentage", u32::from(*percent));
                let mut selection = Map::new();
                selection.set("type", "Percentage").set("spec", count);
                let mut spec = Map::new();
                spec.set("instanceSelection", selection).set("skipDryRun", false);
                let title = format!("Canary {percent} percent");
                group.push(simple("K8sCanaryDeploy", &title, names.give("canaryDeployment"), spec));
                if *seconds > 0 {
                    let mut spec = Map::new();
                    spec.set("duration", format!("{seconds}s"));
                    let mut map = head("Wait", "Watch", names.give("watch"));
                    map.set("timeout", "1d").set("spec", spec);
                    group.push(wrap("step", map));
                }
            }
            group.push(simple(
                "K8sCanaryDelete",
                "Remove the canary",
                names.give("canaryDelete"),
                Map::new(),
            ));
            let mut map = Map::new();
            map.set("name", "Canary")
                .set("identifier", names.give("canaryGroup"))
                .set("steps", group);
            steps.push(wrap("stepGroup", map));
            steps.push(simple(
                "K8sRollingDeploy",
                "Roll out",
                names.give("rollingDeployment"),
                dry(),
            ));
            rollback.push(simple(
                "K8sCanaryDelete",
                "Remove the canary",
                names.give("rollbackCanaryDelete"),
                Map::new(),
            ));
            rollback.push(simple(
                "K8sRollingRollback",
                "Roll back",
                names.give("rollingRollback"),
                Map::new(),
            ));
        }
    }
}

fn dry_helm() -> Map {
    let mut map = Map::new();
    map.set("skipSteadyStateCheck", false);
    map
}

/// A script on the delegate.
fn delegate(cx: &Context<'_>, job: &Job, step: &Step, names: &mut Names) -> Option<Yaml> {
    let lost = |why: &str| cx.lose_step(job, step, why);
    match &step.action {
        Action::Approval(asked) => {
            return Some(wrap("step", approval(cx, asked, &names.give("approve"))));
        }
        Action::Notify { channel, target, message } if channel == "email" => {
            let mut map = head("Email", "Tell the team", names.give("email"));
            map.set("timeout", "5m");
            let mut spec = Map::new();
            spec.set("to", target.as_str());
            spec.set("subject", cx.value(Some(job), message))
                .set("body", "<+pipeline.executionUrl>");
            map.set("spec", spec);
            return Some(wrap("step", map));
        }
        Action::Foreign(foreign) => {
            cx.lose_foreign(&job.id, foreign);
            return None;
        }
        Action::SaveArtifact { .. }
        | Action::FetchArtifact { .. }
        | Action::SaveTestReport(_)
        | Action::SaveCoverage { .. }
        | Action::BuildImage(_) => {
            lost("This kind of stage has no files; move it into a CI stage");
            return None;
        }
        Action::Login(_) => {
            lost("Give the stage a connector; its delegate needs no login");
            return None;
        }
        _ => {}
    }
    let Some(lowered) = lower(&step.action, job) else {
        lost(NO_SCRIPT);
        return None;
    };
    let mut given: Env = Vec::new();
    let text = cx.script(Some(job), &lowered.script, Shell::Bash, &mut given);
    let title = step.title.clone().unwrap_or(lowered.title);
    let mut map = head("ShellScript", &title, names.give(&title));
    map.set("timeout", format!("{}m", step.timeout.unwrap_or(10)));
    let mut script = Map::new();
    script.set("script", Yaml::script(&text));
    let mut source = Map::new();
    source.set("type", "Inline").set("spec", script);
    let mut spec = Map::new();
    spec.set("shell", "Bash").set("onDelegate", true).set("source", source);
    let mut variables: Vec<Yaml> = Vec::new();
    let mut given = env(cx, job, step, given);
    for name in given.keys() {
        if let Some(value) = given.get_mut(&name) {
            let mut map = Map::new();
            map.set("name", name.as_str()).set("type", "String").set("value", value.clone());
            variables.push(map.into());
        }
    }
    spec.set("environmentVariables", variables);
    spec.set("outputVariables", Yaml::Seq(Vec::new()));
    map.set("spec", spec);
    if step.soft_fail {
        map.set("failureStrategies", super::failure("Ignore"));
    }
    Some(wrap("step", map))
}

fn provisioner(terraform: &Terraform) -> String {
    let name = format!("{} {}", terraform.folder, terraform.workspace);
    let name = id(name.trim());
    if name == "_" { "infrastructure".to_owned() } else { name }
}

/// Whether the stage has something to take back.
pub fn rolls_back(job: &Job) -> bool {
    job.steps.iter().any(|step| {
        matches!(&step.action, Action::TerraformApply(_))
            || matches!(&step.action, Action::Deploy(deploy) if matches!(deploy.kind, DeployKind::Terraform(_)))
    }) || !job.on_failure.is_empty()
}

/// The specification of a Custom stage.
pub fn custom(cx: &Context<'_>, job: &Job) -> Map {
    let mut names = Names::new();
    let mut steps: Vec<Yaml> = queue(job, &mut names).into_iter().collect();
    let mut rollback: Vec<Yaml> = Vec::new();
    let back = |terraform: &Terraform, names: &mut Names, rollback: &mut Vec<Yaml>| {
        let mut spec = Map::new();
        spec.set("provisionerIdentifier", provisioner(terraform));
        rollback.push(simple(
            "TerraformRollback",
            "Roll back",
            names.give("terraformRollback"),
            spec,
        ));
    };
    for step in &job.steps {
        match &step.action {
            Action::TerraformPlan(terraform) => {
                steps.push(plan(cx, job, terraform, &mut names));
            }
            Action::TerraformApply(terraform) => {
                steps.push(apply(terraform, &mut names));
                back(terraform, &mut names, &mut rollback);
            }
            Action::Deploy(Deploy { kind: DeployKind::Terraform(terraform), .. }) => {
                steps.push(plan(cx, job, terraform, &mut names));
                steps.push(apply(terraform, &mut names));
                back(terraform, &mut names, &mut rollback);
            }
            // It is enforced at the plan itself.
            Action::PolicyCheck { terraform, .. } => {
                let planned = job.steps.iter().any(
                    |step| matches!(&step.action, Action::TerraformPlan(plan) if plan == terraform),
                );
                if !planned {
                    cx.lose(
                        format!("the policy check of job `{}`", job.id),
                        "Policies are enforced at the step that plans; put it into that job",
                        step.line,
                    );
                }
            }
            Action::Checkout { .. }
            | Action::Setup { .. }
            | Action::CacheDependencies { .. }
            | Action::Cache { .. } => {}
            // The plan is handed on by the service itself.
            Action::SaveArtifact { name, .. } | Action::FetchArtifact { name, .. }
                if name.starts_with("tfplan") => {}
            _ => steps.extend(delegate(cx, job, step, &mut names)),
        }
    }
    for step in &job.on_failure {
        rollback.extend(delegate(cx, job, step, &mut names));
    }
    always(cx, job, &mut names, &mut steps, &mut rollback);
    execution(steps, rollback)
}

fn plan(cx: &Context<'_>, job: &Job, terraform: &Terraform, names: &mut Names) -> Yaml {
    cx.remark("The connector of the Terraform files, and the secret manager, have to be chosen when the pipeline runs");
    let mut spec = Map::new();
    spec.set("connectorRef", "<+input>").set("repoName", "<+input>");
    spec.set("gitFetchType", "Branch").set("branch", "<+input>");
    spec.set("folderPath", if terraform.folder.is_empty() { "." } else { &terraform.folder });
    let mut store = Map::new();
    store.set("type", "Github").set("spec", spec);
    let mut files = Map::new();
    files.set("store", store);
    let mut configuration = Map::new();
    configuration.set("command", "Apply").set("configFiles", files);
    configuration.set("secretManagerRef", "harnessSecretManager");
    configuration.set("exportTerraformPlanJson", true);
    if !terraform.workspace.is_empty() {
        configuration.set("workspace", terraform.workspace.as_str());
    }
    let mut all = Map::new();
    all.set("provisionerIdentifier", provisioner(terraform)).set("configuration", configuration);
    if !terraform.var_files.is_empty() || !terraform.backend.is_empty() {
        cx.lose(
            format!("the files of variables and of the backend of `{}`", provisioner(terraform)),
            "They are fetched from a connector of their own: add `varFiles` and `backendConfig` to the plan",
            None,
        );
    }
    let mut map = head("TerraformPlan", "Plan", names.give("terraformPlan"));
    map.set("timeout", "10m").set("spec", all);
    let sets: Vec<String> = job
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::PolicyCheck { policies, terraform: checked, .. } if checked == terraform => {
                Some(if policies.is_empty() { "policy" } else { policies })
            }
            _ => None,
        })
        .map(|set| format!("account.{}", id(set)))
        .collect();
    if !sets.is_empty() {
        cx.remark(format!(
            "The policy sets {} have to exist, for Terraform plans",
            sets.join(", ")
        ));
        let mut enforce = Map::new();
        enforce.set("policySets", Yaml::list(sets));
        map.set("enforce", enforce);
    }
    wrap("step", map)
}

fn apply(terraform: &Terraform, names: &mut Names) -> Yaml {
    let mut configuration = Map::new();
    configuration.set("type", "InheritFromPlan");
    let mut spec = Map::new();
    spec.set("provisionerIdentifier", provisioner(terraform)).set("configuration", configuration);
    simple("TerraformApply", "Apply", names.give("terraformApply"), spec)
}
