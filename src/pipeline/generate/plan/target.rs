//! What a deployment does, by where it goes: the tool or the commands, what takes it back,
//! and what both count on.

use super::super::wish::Target;
use super::deliver::target;
use super::{Plan, template, upper};
use crate::pipeline::Platform;
use crate::pipeline::portable::{Action, DeployKind, Step, Strategy};

pub(super) fn kind(plan: &mut Plan<'_>, environment: &str) -> DeployKind {
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

/// Keeps the files in which a deployment by script notes what was there before, where what
/// takes it back is a job of its own.
pub(super) fn notes(plan: &Plan<'_>, kind: &DeployKind) -> Vec<Step> {
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
pub(super) fn conventions(plan: &mut Plan<'_>, kind: &DeployKind, strategy: &Strategy) {
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
