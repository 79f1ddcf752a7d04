//! A deployment that nobody looks after: no check behind it, and no way back.

use super::deployment::{deployments, tool};
use super::{Context, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::graph::{Job, Phase, Pipeline, Span};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "no-rollback",
    title: "Nothing looks whether a deployment works, and nothing takes it back",
    doc: "\
Most tools end well once the new version is handed over, not once it works. Without a check behind \
the deployment, and without a step that takes it back when it fails, people learn of a broken \
version from those who use it.

**Fix.** Only told, with the command of the tool: `kubectl rollout status` with `rollout undo`, \
`helm upgrade --atomic`, `aws ecs wait services-stable`, a slot that is swapped back, the \
platform's handlers (`if: failure()`, `post { failure { … } }`, `on: failure:`, \
`rollbackSteps`).

**Silent** where a health check, a smoke test or a test of the running service follows, where \
something is done when the job fails, where the tool does it by itself (CloudFormation and what \
stands on it, `--atomic`, `--wait`), for infrastructure as code, and for hosts that keep every \
version of a site at hand (Pages, Netlify, Vercel, …).",
    group: Group::Delivery,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &Platform::ALL,
    check,
};

/// Tools that wait, take back by themselves, keep every version, or have no way back.
const BY_ITSELF: &[&str] = &[
    "pages",
    "netlify",
    "vercel",
    "wrangler",
    "firebase",
    "surge",
    "s3",
    "terraform",
    "terragrunt",
    "pulumi",
    "iac",
    "cdk",
    "cdktf",
    "cloudformation",
    "sam",
    "serverless",
    "chalice",
    "zappa",
    "architect",
    "sst",
    "cloudfront",
    "database",
    "argocd",
    "flux",
    "octopus",
    "trigger",
    "codedeploy",
    "elasticbeanstalk",
    "werf",
    "kapp",
    "fly",
    "railway",
    "render",
    "salesforce",
    "host",
];

/// Marks of tools that were told to wait or to take back.
const WAITS: &[&str] = &[
    "--atomic",
    "--rollback-on-failure",
    "--wait",
    "--wait-for-service-stability",
    "wait-for-service-stability",
    "--detach=false",
    "rollout status",
    "--auto-rollback",
    "rollback",
    "roll back",
    "healthcheck",
    "health-check",
    "health_check",
    "/health",
    "smoke",
];

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    // Whoever uses an action looks after what it deployed.
    if pipeline.platform == Platform::GitHub && pipeline.triggers.is_empty() {
        return;
    }
    let jobs: Vec<(usize, &Job)> = deployments(pipeline).collect();
    if jobs.is_empty() || handled(pipeline) {
        return;
    }
    let text = context.file.text.as_str();
    let mut seen: Vec<Span> = Vec::new();
    for (place, job) in jobs {
        let Some(tool) = tool(job).filter(|tool| !BY_ITSELF.contains(tool)) else { continue };
        let own = text.get(job.span.range()).unwrap_or_default().to_ascii_lowercase();
        if seen.contains(&job.key_span)
            || infrastructure(job)
            || looked_after(pipeline, place)
            || WAITS.iter().any(|mark| own.contains(mark))
        {
            continue;
        }
        seen.push(job.key_span);
        hits.push(Hit {
            span: job.key_span,
            title: format!("Nothing looks whether what `{}` deployed works", job.title()),
            why: format!(
                "The job ends well once the new version is handed over, broken or not. {} {}",
                check_with(tool),
                back(pipeline.platform)
            ),
            severity: None,
            confidence: 0.7,
            fix: None,
            effect: None,
        });
    }
}

/// Whether it only lays out what the service stands on: templates are put in place as
/// a whole or not at all, and have no health to ask for.
fn infrastructure(job: &Job) -> bool {
    let mut deploys = job
        .steps
        .iter()
        .filter(|step| step.does.iter().any(|does| matches!(does, Does::Deploy(_))));
    deploys.all(|step| {
        let templates = |text: &str| {
            let text = text.to_ascii_lowercase();
            text.contains("resourcegroupdeployment")
                || text.contains("resourcemanagertemplate")
                || text.contains("azure/arm-deploy")
                || text.contains("az deployment")
        };
        step.uses.as_ref().is_some_and(|used| templates(&used.name))
            || step.script.as_ref().is_some_and(|script| templates(&script.text))
    })
}

/// Whether something that takes back is done anywhere in the file.
fn handled(pipeline: &Pipeline) -> bool {
    pipeline.jobs.iter().flat_map(words::job_does).any(|does| *does == Does::Rollback)
}

/// Whether something looks at the job's result, in it or behind it.
fn looked_after(pipeline: &Pipeline, place: usize) -> bool {
    let Some(job) = pipeline.jobs.get(place) else { return true };
    let failure = |text: &str| text.contains("failure()") || text.contains("failed()");
    let in_failure = job.steps.iter().any(|step| {
        let handles = step.phase == Phase::Failure
            || step.condition.as_ref().is_some_and(|at| failure(&at.value));
        let tells =
            !step.does.is_empty() && step.does.iter().all(|does| matches!(does, Does::Notify(_)));
        handles && !tells
    });
    let acts = job.on_failure.iter().any(|at| at.value.to_ascii_lowercase().contains("rollback"));
    let last = job
        .steps
        .iter()
        .rposition(|step| step.does.iter().any(|does| matches!(does, Does::Deploy(_))));
    let checks = |does: &Does| {
        matches!(
            does,
            Does::HealthCheck | Does::Test | Does::Scan { target: words::ScanTarget::Live, .. }
        )
    };
    let behind = job.steps.iter().skip(last.unwrap_or(0));
    if in_failure || acts || behind.flat_map(|step| &step.does).any(checks) {
        return true;
    }
    // Jobs that wait for it, directly or not.
    let mut after = vec![false; pipeline.jobs.len()];
    if let Some(mark) = after.get_mut(place) {
        *mark = true;
    }
    let mut more = true;
    while more {
        more = false;
        for (at, other) in pipeline.jobs.iter().enumerate() {
            let waits = other.needs.iter().any(|need| after.get(need.job) == Some(&true));
            if let Some(mark) = after.get_mut(at).filter(|mark| waits && !**mark) {
                *mark = true;
                more = true;
            }
        }
    }
    pipeline
        .jobs
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != place && after.get(*at) == Some(&true))
        .any(|(_, other)| {
            words::is_test(other)
                || words::job_does(other).any(checks)
                || other.calls.is_some()
                || other.condition.as_ref().is_some_and(|at| failure(&at.value))
                || other.title().to_ascii_lowercase().contains("verif")
        })
}

fn check_with(tool: &str) -> &'static str {
    match tool {
        "kubectl" | "kubernetes" | "openshift" => {
            "Wait with `kubectl rollout status deployment/<name> --timeout=5m`, and undo with \
             `kubectl rollout undo`."
        }
        "helm" | "helmfile" => {
            "Say `--atomic --timeout 5m` (Helm 4: `--rollback-on-failure`): the release waits \
             until it is ready, and goes back if it does not become so."
        }
        "ecs" => {
            "Wait with `aws ecs wait services-stable`, and switch on the deployment circuit \
             breaker with rollback."
        }
        "lambda" => "Shift an alias step by step, and move it back when alarms go off.",
        "gcloud" => {
            "Deploy with `--no-traffic`, ask the new revision for its health, and only then \
             move the traffic."
        }
        "azure" => "Deploy to a slot, ask it for its health, and swap only then.",
        "swarm" | "compose" | "docker" => {
            "Give the service a `healthcheck`, with `update_config: failure_action: rollback`."
        }
        "heroku" => "Ask the application for its health, and go back with `heroku rollback`.",
        _ => "Ask the service for its health until it answers or a limit is reached.",
    }
}

fn back(platform: Platform) -> &'static str {
    match platform {
        Platform::GitHub => "Put the way back into a step with `if: failure()`.",
        Platform::GitLab => {
            "Put the way back into a job with `when: on_failure` in a later stage, or let the \
             environment deploy the earlier version again."
        }
        Platform::Azure => "Put the way back into `strategy: runOnce: on: failure: steps`.",
        Platform::Jenkins => "Put the way back into the stage's `post { failure { … } }`.",
        Platform::Bitbucket => {
            "Put the way back into `after-script`, where `BITBUCKET_EXIT_CODE` is not 0."
        }
        Platform::Harness => "Name `rollbackSteps`, and `StageRollback` in `failureStrategies`.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::finds;

    fn github(steps: &str, more: &str) -> String {
        format!("on: push\njobs:\n  ship:\n    runs-on: ubuntu-latest\n    steps:\n{steps}{more}")
    }

    const APPLY: &str = "      - run: kubectl apply -f k8s/\n";

    #[test]
    fn deployments_that_nobody_looks_after_are_told() {
        finds(&RULE, Platform::GitHub, &github(APPLY, ""), &["ship"]);
        finds(
            &RULE,
            Platform::GitHub,
            &github("      - run: helm upgrade app ./chart\n", ""),
            &["ship"],
        );
        finds(&RULE, Platform::GitLab, "ship:\n  script: [kubectl apply -f k8s/]\n", &["ship"]);
        finds(
            &RULE,
            Platform::GitHub,
            &github(
                APPLY,
                "  tell:\n    needs: ship\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo done\n",
            ),
            &["ship"],
        );
    }

    #[test]
    fn checks_and_ways_back_keep_it_silent() {
        for steps in [
            "      - run: helm upgrade --atomic app ./chart\n",
            "      - run: terraform apply -auto-approve\n",
            "      - uses: actions/deploy-pages@v4\n",
            "      - run: |\n          kubectl apply -f k8s/\n          kubectl rollout status deployment/app\n",
            "      - run: kubectl apply -f k8s/\n      - if: failure()\n        run: ./back.sh\n",
            "      - run: kubectl apply -f k8s/\n      - run: npx playwright test\n",
            "      - run: echo kubectl apply\n",
        ] {
            finds(&RULE, Platform::GitHub, &github(steps, ""), &[]);
        }
        finds(
            &RULE,
            Platform::Azure,
            "jobs:\n- job: Lay\n  steps:\n  - task: AzureResourceGroupDeployment@2\n    inputs: {location: eastus}\n",
            &[],
        );
        for more in [
            "  smoke:\n    needs: ship\n    runs-on: ubuntu-latest\n    steps:\n      - run: npm test\n",
            "  back:\n    needs: ship\n    if: failure()\n    runs-on: ubuntu-latest\n    steps:\n      - run: ./back.sh\n",
        ] {
            finds(&RULE, Platform::GitHub, &github(APPLY, more), &[]);
        }
        finds(
            &RULE,
            Platform::Azure,
            "jobs:\n- deployment: ship\n  environment: production\n  strategy:\n    runOnce:\n      deploy:\n        steps:\n        - script: kubectl apply -f k8s/\n      on:\n        failure:\n          steps:\n          - script: ./back.sh\n",
            &[],
        );
        finds(
            &RULE,
            Platform::Jenkins,
            "pipeline {\n  agent any\n  stages {\n    stage('ship') {\n      steps { sh 'kubectl apply -f k8s/' }\n      post { failure { sh './back.sh' } }\n    }\n  }\n}\n",
            &[],
        );
    }
}
