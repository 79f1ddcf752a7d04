//! Tests of the reader of Harness pipelines.

use super::*;
use crate::pipeline::NoFiles;
use crate::pipeline::graph::{Os, Phase, Resource};
use crate::pipeline::yaml;

fn pipeline(text: &str) -> Result<Pipeline, Refusal> {
    let tree = yaml::parse(text).unwrap();
    read(&Source { path: ".harness/a.yaml", text, tree: &tree, files: &NoFiles })
}

/// A pipeline of these stages, which stand eight columns in.
fn stages(text: &str) -> Pipeline {
    pipeline(&format!("pipeline:\n  name: P\n  identifier: p\n  stages:\n{text}")).unwrap()
}

/// One stage of this kind with this `spec`, both in flow style.
fn only(kind: &str, spec: &str, more: &str) -> Job {
    let text = format!(
        "    - stage:\n        name: S\n        identifier: s\n        type: {kind}\n        spec: {spec}\n{more}"
    );
    stages(&text).jobs.remove(0)
}

#[test]
fn stages_follow_each_other_and_groups_stand_side_by_side() {
    let p = stages(
        "    - stage: {identifier: a, type: CI}\n    - parallel:\n      - stage: {identifier: b, type: CI}\n      - stage: {identifier: c, type: CI}\n    - stage: {identifier: d, type: CI}\n    - stage: {identifier: d, type: CI}\n",
    );
    let needs = |job: &Job| job.needs.iter().map(|need| need.job).collect::<Vec<_>>();
    let found: Vec<(&str, Vec<usize>)> =
        p.jobs.iter().map(|job| (job.id.as_str(), needs(job))).collect();
    assert_eq!(
        found,
        [("a", vec![]), ("b", vec![0]), ("c", vec![0]), ("d", vec![1, 2]), ("d 2", vec![3])]
    );
}

#[test]
fn runners_are_told_by_runtime_and_infrastructure() {
    let check = |spec: &str, os: Option<Os>, own: bool, size: Option<&str>| {
        let runner = only("CI", spec, "").runner;
        assert_eq!((runner.os, runner.self_hosted, runner.size.as_deref()), (os, own, size));
    };
    check(
        "{platform: {os: MacOS, arch: Arm64}, runtime: {type: Cloud, spec: {size: large}}}",
        Some(Os::MacOs),
        false,
        Some("large"),
    );
    check("{infrastructure: {type: KubernetesDirect, spec: {}}}", Some(Os::Linux), true, None);
    check(
        "{infrastructure: {type: VM, spec: {type: Pool, spec: {poolName: w, os: Windows}}}}",
        Some(Os::Windows),
        true,
        None,
    );
    check("{}", None, false, None);
}

#[test]
fn steps_of_groups_and_rollbacks_are_in_order() {
    let job = only(
        "Deployment",
        "{environment: {environmentRef: prod}, execution: {steps: [stepGroup: {name: g, when: {stageStatus: All}, steps: [step: {identifier: a, type: K8sCanaryDeploy, spec: {x: {y: 1}, l: [p, q]}}]}, parallel: [step: {identifier: b, type: Http}, step: {identifier: c, type: Queue, spec: {key: k}}]], rollbackSteps: [step: {identifier: d, type: K8sRollingRollback}]}}",
        "        timeout: 1h 30m\n        failureStrategies:\n        - onFailure: {errors: [AllErrors], action: {type: StageRollback}}\n",
    );
    let found: Vec<(&str, Phase)> =
        job.steps.iter().map(|step| (step.id.as_deref().unwrap(), step.phase)).collect();
    use Phase::{Always, Failure, Main};
    assert_eq!(found, [("a", Always), ("b", Main), ("c", Main), ("d", Failure)]);
    let used = job.steps[0].uses.as_ref().unwrap();
    assert_eq!(used.input("x.y"), Some("1"));
    assert_eq!(used.input("spec.l"), Some("p\nq"));
    assert_eq!(job.environment.unwrap().value, "prod");
    assert_eq!(job.concurrency.unwrap().group, "k");
    assert_eq!(job.timeout.unwrap().value, 90.0);
    assert_eq!(job.on_failure[0].value, "StageRollback");
    assert!(job.clone.none && !job.manual && !job.soft_fail);
}

#[test]
fn approvals_wait_for_a_person() {
    let check = |kind: &str, step: &str, expect: (JobKind, bool)| {
        let spec = format!("{{execution: {{steps: [step: {{type: {step}}}]}}}}");
        let job = only(kind, &spec, "");
        assert_eq!((job.kind, job.manual), expect, "{kind} {step}");
    };
    check("Approval", "HarnessApproval", (JobKind::Approval, true));
    check("Custom", "JiraApproval", (JobKind::Approval, true));
    check("Custom", "ShellScript", (JobKind::Work, false));
    check("Approval", "CustomApproval", (JobKind::Approval, false));
    check("Deployment", "HarnessApproval", (JobKind::Work, true));
}

#[test]
fn scripts_and_variables_are_read() {
    let job = only(
        "CI",
        "{execution: {steps: [step: {type: Run, spec: {shell: Bash, command: make, envVariables: {A: b}}}, step: {type: ShellScript, spec: {source: {type: Inline, spec: {script: go}}, environmentVariables: [{name: C, value: d}]}}]}}",
        "        variables:\n        - {name: V, type: String, value: w}\n",
    );
    let scripts: Vec<&str> =
        job.steps.iter().map(|step| step.script.as_ref().unwrap().text.as_str()).collect();
    assert_eq!(scripts, ["make", "go"]);
    let env = |at: usize| (job.steps[at].env[0].name.as_str(), job.steps[at].env[0].value.as_str());
    assert_eq!([env(0), env(1)], [("A", "b"), ("C", "d")]);
    assert_eq!(job.env[0].value, "w");
    assert_eq!(job.steps[0].script.as_ref().unwrap().shell.as_deref(), Some("bash"));
}

#[test]
fn copies_are_counted() {
    let check = |strategy: &str, cells: Option<usize>| {
        let job = only("CI", "{}", &format!("        strategy: {strategy}\n"));
        assert_eq!(job.matrix.unwrap().cells, cells, "{strategy}");
    };
    check(
        "{matrix: {a: [1, 2], b: [x, y, z], exclude: [{a: 1, b: x}], maxConcurrency: 2}}",
        Some(5),
    );
    check("{matrix: {a: <+input>}}", None);
    check("{parallelism: 4}", Some(4));
    check("{repeat: {items: [a, b], maxConcurrency: 1}}", Some(2));
    check("{repeat: {times: 3}}", Some(3));
}

#[test]
fn conditions_keep_the_state_they_ask_for() {
    let check = |when: &str, expect: Option<&str>| {
        let job = only("CI", "{}", &format!("        when: {when}\n"));
        assert_eq!(job.condition.map(|at| at.value).as_deref(), expect, "{when}");
    };
    check("{pipelineStatus: Success}", None);
    check("{pipelineStatus: Success, condition: <+x> == 1}", Some("<+x> == 1"));
    check("{pipelineStatus: Failure}", Some("pipelineStatus == Failure"));
    check("{pipelineStatus: All, condition: c}", Some("pipelineStatus == All && (c)"));
    check("<+input>", Some("<+input>"));
}

#[test]
fn outputs_of_other_stages_are_read() {
    let p = stages(
        "    - stage: {identifier: a, type: CI, spec: {execution: {steps: [step: {identifier: s, type: Run, spec: {command: x, outputVariables: [{name: v}]}}]}}}\n    - stage: {identifier: b, type: CI, spec: {execution: {steps: [step: {identifier: t, type: Run, spec: {command: 'y <+pipeline.stages.a.spec.execution.steps.s.output.outputVariables.v> <+pipeline.stages.b.name>'}}]}}}\n    - stage: {identifier: c, type: Deployment, spec: {service: {useFromStage: {stage: a}}}, when: {condition: <+pipeline.stages.a.status> == 'x'}}\n",
    );
    let output = |name: &str| Resource::Output("a".to_owned(), name.to_owned());
    let whats = |list: &[Access]| list.iter().map(|one| one.what.clone()).collect::<Vec<_>>();
    assert_eq!(whats(&p.jobs[0].writes), [output("s.v")]);
    assert_eq!(whats(&p.jobs[1].reads), [output("s.v")]);
    assert_eq!(whats(&p.jobs[2].reads), [output(""), Resource::Status("a".to_owned())]);
}

#[test]
fn templates_are_named_as_unread() {
    let p = stages(
        "    - stage: {identifier: a, template: {templateRef: org.t, versionLabel: v1}}\n    - stage: {identifier: b, type: Custom, spec: {execution: {steps: [step: {identifier: s, template: {templateRef: account.u}}]}}}\n",
    );
    let unread: Vec<&str> = p.unread.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(unread, ["org.t@v1", "account.u"]);
    assert_eq!((p.jobs[0].kind, p.jobs[1].kind), (JobKind::Call, JobKind::Work));
    let whole = pipeline("pipeline:\n  identifier: p\n  template: {templateRef: t}\n").unwrap();
    assert_eq!(whole.jobs[0].kind, JobKind::Call);
}

#[test]
fn what_is_no_pipeline_is_declined() {
    let check = |text: &str, why: &str| {
        assert_eq!(pipeline(text).unwrap_err(), Refusal::Declined(why.to_owned()), "{text}");
    };
    check("", "it is empty");
    check("template: {name: a}\n", "it is a template");
    check("inputSet: {name: a}\n", "it is an input set");
    check("trigger: {name: a}\n", "it is a trigger");
    check("pipeline: {name: a}\n", "its `pipeline` has no `stages`");
    check("pipeline: {stages: []}\n", "its `stages` are empty");
    check("stages: []\n", "it is part of a pipeline: it has no `pipeline`");
    let new = "it is written in version 1 of the syntax, which is not read";
    check("version: 1\nkind: pipeline\nspec: {stages: []}\n", new);
    check("pipeline: {stages: [{name: a, steps: [{run: x}]}]}\n", new);
}
