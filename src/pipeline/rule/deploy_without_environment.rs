//! A deployment that the platform does not know to be one, and that nobody approves.

use super::deployment::{deployments, tool};
use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{Op, Place};
use crate::pipeline::graph::{Job, JobKind, Pipeline, Span, TriggerKind};
use crate::pipeline::platform::Platform;
use crate::pipeline::words::{self, Does};
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "deploy-without-environment",
    title: "A job deploys without an environment or an approval",
    doc: "\
An environment is where a platform keeps who may deploy, from which branch and with which \
secrets, and what runs there now. A job that deploys without one deploys for everyone who can \
push, and leaves no record.

**Fix.** Only suggested, since the name is the project's to choose, and on GitHub it also changes \
the subject of the job's OpenID Connect token: GitHub and GitLab `environment`, Bitbucket \
`deployment`. Azure (a `deployment` job), Harness (a deployment stage) and Jenkins (`when` with \
`input`) are told in words.

**Silent** where an environment stands there, where a person starts or approves the job or one \
before it, for publications of packages, and for Jenkins stages that a condition keeps to some \
builds.",
    group: Group::Delivery,
    severity: Severity::Low,
    fix: FixKind::Suggest,
    platforms: &Platform::ALL,
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    // Whoever uses an action says where it deploys to.
    if pipeline.platform == Platform::GitHub && pipeline.triggers.is_empty() {
        return;
    }
    let mut seen: Vec<Span> = Vec::new();
    for (place, job) in deployments(pipeline) {
        if job.environment.is_some() || seen.contains(&job.key_span) || approved(pipeline, place) {
            continue;
        }
        let name = job.title();
        let (advice, fix, confidence) = match pipeline.platform {
            Platform::GitHub => (
                "Name an `environment`: it holds reviewers, branches and secrets. If the job \
                 logs in with OpenID Connect, the token's subject changes with it: mend the \
                 trust policy first.",
                named(context, job, "environment", &["runs-on", "needs", "name"]),
                0.8,
            ),
            Platform::GitLab => (
                "Name an `environment`: it can be protected, shows what runs where, and offers \
                 to deploy an earlier version again.",
                named(context, job, "environment", &["stage", "extends"]),
                0.8,
            ),
            Platform::Bitbucket => (
                "Name it with `deployment`: it holds permissions and variables, and its \
                 deployments wait for each other.",
                named(context, job, "deployment", &["name"]),
                0.8,
            ),
            Platform::Azure => (
                "Make it a `deployment` job with an `environment`: that is what approvals and \
                 checks hang on, and it keeps the history.",
                None,
                0.8,
            ),
            Platform::Harness => (
                "Let a deployment stage with an environment do it, or put an approval stage \
                 before it.",
                None,
                0.7,
            ),
            // Conditions are how Jenkins keeps deployments to a branch.
            Platform::Jenkins if job.condition.is_some() => continue,
            Platform::Jenkins => (
                "Every build of every branch runs it. Say `when { branch 'main' }` where it is \
                 a multibranch pipeline, and let a person agree with `input`.",
                None,
                0.65,
            ),
        };
        seen.push(job.key_span);
        let title = match pipeline.platform {
            Platform::Jenkins => format!("`{name}` deploys with every build, and nobody is asked"),
            _ => format!("`{name}` deploys without an environment"),
        };
        let how = tool(job).map_or(String::new(), |_| deployed_with(job));
        hits.push(Hit {
            span: job.key_span,
            title,
            why: format!(
                "{how}Whoever can push can deploy, and nothing keeps what runs where. {advice}"
            ),
            severity: None,
            confidence,
            fix,
            effect: None,
        });
    }
}

fn deployed_with(job: &Job) -> String {
    // Names that say more than their group.
    let vague = ["host", "iac", "pipe", "plugin", "command", "vm", "remote", "backend", "dpl"];
    match tool(job) {
        Some(tool) if !vague.contains(&tool) && !tool.contains(['/', '.']) => {
            format!("It deploys with {tool}. ")
        }
        _ => String::new(),
    }
}

/// Whether a person starts or approves the job, or one that it waits for.
fn approved(pipeline: &Pipeline, place: usize) -> bool {
    let asks = |job: &Job| {
        job.manual
            || job.kind == JobKind::Approval
            || words::job_does(job).any(|does| *does == Does::Approval)
    };
    let mut todo = vec![place];
    let mut seen = vec![false; pipeline.jobs.len()];
    while let Some(at) = todo.pop() {
        let (Some(job), Some(mark)) = (pipeline.jobs.get(at), seen.get_mut(at)) else { continue };
        if std::mem::replace(mark, true) {
            continue;
        }
        if asks(job) {
            return true;
        }
        todo.extend(job.needs.iter().map(|need| need.job));
    }
    // What people alone set off has somebody who decided.
    !pipeline.triggers.is_empty()
        && pipeline.platform != Platform::Jenkins
        && pipeline.triggers.iter().all(|trigger| trigger.kind == TriggerKind::Manual)
}

/// The environment that the job's name speaks of, else production.
fn guess(job: &Job) -> &'static str {
    let text = format!("{} {}", job.id, job.title()).to_ascii_lowercase();
    let says = |words: &[&str]| {
        text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| words.contains(&word))
    };
    if says(&["staging", "stage", "stg"]) {
        "staging"
    } else if says(&["dev", "development", "test", "qa", "uat"]) {
        "test"
    } else {
        "production"
    }
}

fn named(
    context: &Context<'_>,
    job: &Job,
    key: &str,
    after: &'static [&'static str],
) -> Option<Fix> {
    let pipeline = context.pipeline();
    let name = guess(job);
    // Bitbucket takes each environment once in a pipeline.
    let taken = pipeline.platform == Platform::Bitbucket
        && pipeline.jobs.iter().any(|other| {
            other.entry == job.entry
                && other.environment.as_ref().is_some_and(|at| at.value.eq_ignore_ascii_case(name))
        });
    if job.path.is_empty() || job.shared || taken {
        return None;
    }
    Some(Fix {
        title: format!("Deploy to the environment `{name}`"),
        ops: vec![Op::Insert {
            at: job.path.clone(),
            key: key.to_owned(),
            value: Value::text(name),
            place: Place::After(after.to_vec()),
        }],
        safe: false,
        proof: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::NoFiles;
    use crate::pipeline::rule::testing::{finds, fixed, hits};

    const STEP: &str =
        "    runs-on: ubuntu-latest\n    steps:\n      - run: kubectl apply -f k8s/\n";

    #[test]
    fn deployments_without_an_environment_are_told_on_each_platform() {
        for (platform, text, span) in [
            (Platform::GitHub, format!("on: push\njobs:\n  ship:\n{STEP}"), "ship"),
            (Platform::GitLab, "ship:\n  script: [helm upgrade a ./chart]\n".to_owned(), "ship"),
            (
                Platform::Azure,
                "jobs:\n- job: ship\n  steps:\n  - script: kubectl apply -f k8s/\n".to_owned(),
                "ship",
            ),
            (
                Platform::Bitbucket,
                "pipelines:\n  default:\n    - step:\n        name: ship\n        script: [kubectl apply -f k8s/]\n".to_owned(),
                "ship",
            ),
            (
                Platform::Jenkins,
                "pipeline {\n  agent any\n  stages {\n    stage('ship') {\n      steps { sh 'kubectl apply -f k8s/' }\n    }\n  }\n}\n".to_owned(),
                "ship",
            ),
        ] {
            let (_, found) = hits(&RULE, platform, &text, &NoFiles);
            assert_eq!(found.len(), 1, "{found:?}\n{text}");
            assert!(found[0].title.starts_with(&format!("`{span}` deploys")), "{found:?}");
            assert_eq!(fixed(&RULE, platform, &text, true), text);
        }
    }

    #[test]
    fn the_name_is_guessed_from_the_job() {
        let text = format!("on: push\njobs:\n  ship-staging:\n{STEP}");
        let out = fixed(&RULE, Platform::GitHub, &text, false);
        assert_eq!(out, text.replace("-latest\n", "-latest\n    environment: staging\n"));
        let text = "pipelines:\n  default:\n    - step:\n        name: Ship\n        script: [kubectl apply -f k8s/]\n";
        let out = fixed(&RULE, Platform::Bitbucket, text, false);
        assert_eq!(out, text.replace("Ship\n", "Ship\n        deployment: production\n"));
    }

    #[test]
    fn what_is_approved_or_no_deployment_is_left() {
        let on_push = |job: &str| format!("on: push\njobs:\n  ship:\n{job}");
        for (platform, text) in [
            (Platform::GitHub, on_push(&format!("    environment: production\n{STEP}"))),
            (Platform::GitHub, on_push(STEP).replace("on: push", "on: workflow_dispatch")),
            (Platform::GitHub, on_push(&STEP.replace("kubectl apply -f k8s/", "cargo publish"))),
            (Platform::GitHub, on_push("    uses: ./.github/workflows/ship.yml\n")),
            (Platform::GitLab, "ship:\n  when: manual\n  script: [helm upgrade a ./chart]\n".to_owned()),
            (
                Platform::Jenkins,
                "pipeline {\n  agent any\n  stages {\n    stage('ship') {\n      when { branch 'main' }\n      steps { sh 'kubectl apply -f k8s/' }\n    }\n  }\n}\n".to_owned(),
            ),
            (
                Platform::Jenkins,
                "pipeline {\n  agent any\n  stages {\n    stage('ask') {\n      steps { input 'Ship?' }\n    }\n    stage('ship') {\n      steps { sh 'kubectl apply -f k8s/' }\n    }\n  }\n}\n".to_owned(),
            ),
        ] {
            finds(&RULE, platform, &text, &[]);
        }
    }
}
