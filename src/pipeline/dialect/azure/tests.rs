//! Tests of the reader of Azure pipelines.

use std::collections::BTreeMap;

use super::*;
use crate::pipeline::graph::{NeedKind, Os, Phase, Resource, TriggerKind};
use crate::pipeline::{Files, yaml};

/// A checkout of these files.
struct Checkout(Vec<String>, BTreeMap<String, String>);

impl Files for Checkout {
    fn paths(&self) -> &[String] {
        &self.0
    }

    fn read(&self, path: &str) -> Option<String> {
        self.1.get(path).cloned()
    }
}

fn with(text: &str, files: &[(&str, &str)]) -> Result<Pipeline, Refusal> {
    let tree = yaml::parse(text).unwrap();
    let map: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let files = Checkout(map.keys().cloned().collect(), map);
    read(&Source { path: "ci/main.yml", text, tree: &tree, files: &files })
}

fn pipeline(text: &str) -> Pipeline {
    with(text, &[]).unwrap()
}

/// Each job with those it waits for, by their place.
fn edges(text: &str) -> Vec<String> {
    let line = |job: &Job| {
        let needs: Vec<String> = job.needs.iter().map(|need| need.job.to_string()).collect();
        format!("{}<-{}", job.id, needs.join(","))
    };
    pipeline(text).jobs.iter().map(line).collect()
}

fn whats(list: &[crate::pipeline::graph::Access]) -> Vec<Resource> {
    list.iter().map(|one| one.what.clone()).collect()
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn levels_may_be_left_out() {
    let check = |text: &str, expect: &[&str]| assert_eq!(edges(text), expect, "{text}");
    check("steps:\n- script: x\n", &["Job_1<-"]);
    check("jobs:\n- job: a\n  steps: []\n- job: b\n  dependsOn: A\n", &["a<-", "b<-0"]);
    check("stages:\n- stage: s\n  jobs:\n  - job:\n    steps: []\n", &["s<-"]);
    check("Stages:\n- STAGE: s\n  JOBS:\n  - Job: j\n", &["s.j<-"]);
    check(
        "jobs:\n- job: a\n- job: a\n- deployment: d\n  dependsOn: [a]\n",
        &["a<-", "a 2<-", "d<-0,1"],
    );
}

#[test]
fn stages_wait_for_each_other() {
    let check = |text: &str, expect: &[&str]| assert_eq!(edges(text), expect, "{text}");
    check(
        "stages:\n- stage: a\n  jobs:\n  - job: x\n  - job: y\n    dependsOn: x\n  - job: z\n- stage: b\n  jobs:\n  - job: x\n  - job: y\n    dependsOn: [x]\n- stage: c\n  dependsOn: []\n  jobs:\n  - job: x\n- stage: d\n  dependsOn: [a, c]\n  jobs:\n  - job: x\n",
        &["a.x<-", "a.y<-0", "a.z<-", "b.x<-1,2", "b.y<-3", "c.x<-", "d.x<-1,2,5"],
    );
    // Through a stage without jobs.
    check(
        "stages:\n- stage: a\n  jobs: [{job: x}]\n- stage: b\n  jobs: []\n- stage: c\n  jobs: [{job: x}]\n",
        &["a.x<-", "c.x<-0"],
    );
    let p = pipeline(
        "stages:\n- stage: a\n  jobs: [{job: x}]\n- stage: b\n  dependsOn: a\n  jobs: [{job: x}]\n",
    );
    assert_eq!(p.jobs[1].needs[0].kind, NeedKind::Stage);
    assert_eq!((p.stages[0].explicit.is_some(), p.stages[1].explicit.is_some()), (false, true));
}

#[test]
fn triggers_are_implied_unless_they_are_off() {
    use TriggerKind::{Change, Pipeline as Other, Push, Schedule, Tag};
    let check = |text: &str, expect: &[TriggerKind]| {
        let p = pipeline(&format!("{text}steps: [{{script: x}}]\n"));
        let kinds: Vec<TriggerKind> = p.triggers.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, expect, "{text}");
    };
    check("", &[Push, Change]);
    check("trigger: none\npr: none\n", &[]);
    check("trigger: [main]\npr: none\n", &[Push]);
    check("trigger: {tags: {include: ['v*']}}\npr: none\n", &[Tag]);
    check(
        "trigger: {branches: {include: [main]}, tags: {include: [v1]}}\npr: none\n",
        &[Tag, Push],
    );
    check("trigger: none\npr: none\nschedules: [{cron: '0 0 * * *'}]\n", &[Schedule]);
    check(
        "trigger: none\npr: none\nresources: {pipelines: [{pipeline: a, trigger: true}, {pipeline: b}]}\n",
        &[Other],
    );
    check("parameters: [{name: a}]\n", &[]);
    let p = pipeline(
        "trigger: {branches: {include: [main, rel/*]}, paths: {include: [src], exclude: [docs]}}\npr: {autoCancel: false}\nsteps: [{script: x}]\n",
    );
    assert_eq!(p.triggers[0].branches, words(&["main", "rel/*"]));
    assert_eq!(p.triggers[0].paths, words(&["src", "!docs"]));
    assert!(p.triggers[0].path_filter && !p.triggers[1].path_filter);
    assert_eq!(p.auto_cancel.map(|at| at.value), Some(false));
}

#[test]
fn pools_tell_the_system() {
    let check = |pool: &str, os: Option<Os>, own: bool| {
        let text =
            format!("variables: {{image: windows-latest}}\npool: {pool}\nsteps: [{{script: x}}]\n");
        let runner = pipeline(&text).jobs.remove(0).runner;
        assert_eq!((runner.os, runner.self_hosted), (os, own), "{pool}");
    };
    check("{vmImage: ubuntu-22.04}", Some(Os::Linux), false);
    check("{vmImage: macOS-14}", Some(Os::MacOs), false);
    check("{vmImage: vs2017-win2016}", Some(Os::Windows), false);
    check("{vmImage: $(image)}", Some(Os::Windows), false);
    check("{vmImage: $(other)}", None, false);
    check("Own", None, true);
    check("{name: Own, demands: [Agent.OS -equals Linux]}", Some(Os::Linux), true);
    check("server", None, false);
    check("{name: Azure Pipelines, vmImage: ubuntu-latest}", Some(Os::Linux), false);
    let p = pipeline(
        "pool: {vmImage: ubuntu-latest}\nstages:\n- stage: a\n  pool: Own\n  jobs:\n  - job: x\n  - job: y\n    pool: {vmImage: windows-latest}\n",
    );
    assert_eq!(p.jobs[0].runner.labels, ["Own"]);
    assert_eq!(p.jobs[1].runner.os, Some(Os::Windows));
}

#[test]
fn a_matrix_counts_its_cells_and_tells_the_system() {
    let text = "strategy:\n  matrix:\n    a: {image: ubuntu-20.04, v: 1}\n    b: {image: ubuntu-22.04, v: 2}\n  maxParallel: 1\npool: {vmImage: $(image)}\nsteps: [{script: x}]\n";
    let job = pipeline(text).jobs.remove(0);
    let matrix = job.matrix.unwrap();
    assert_eq!(matrix.cells, Some(2));
    assert_eq!(matrix.axes[1], ("v".to_owned(), words(&["1", "2"])));
    assert_eq!(job.runner.os, Some(Os::Linux));
    let cells = |strategy: &str| {
        let text = format!("strategy: {strategy}\nsteps: [{{script: x}}]\n");
        pipeline(&text).jobs.remove(0).matrix.unwrap().cells
    };
    assert_eq!(cells("{parallel: 4}"), Some(4));
    assert_eq!(cells("{matrix: \"$[ dependencies.a.outputs['s.m'] ]\"}"), None);
}

#[test]
fn steps_are_scripts_and_tasks() {
    let text = "steps:\n- checkout: self\n  fetchDepth: 0\n  submodules: recursive\n  lfs: true\n- script: one\n  env: {A: b}\n- pwsh: two\n  condition: failed()\n- task: Bash@3\n  inputs: {targetType: inline, script: three}\n  condition: always()\n- task: Docker@2\n  name: push\n  displayName: Push it\n  inputs: {command: buildAndPush, Repository: r}\n  continueOnError: true\n- template: t.yml@other\n  parameters: {p: q}\n- task: X@1\n  enabled: false\n";
    let p = pipeline(text);
    let job = &p.jobs[0];
    let scripts: Vec<(Option<&str>, &str, Phase)> = (job.steps.iter())
        .filter_map(|step| {
            let script = step.script.as_ref()?;
            Some((script.shell.as_deref(), script.text.as_str(), step.phase))
        })
        .collect();
    assert_eq!(
        scripts,
        [
            (None, "one", Phase::Main),
            (Some("pwsh"), "two", Phase::Failure),
            (Some("bash"), "three", Phase::Always)
        ]
    );
    assert_eq!(job.clone.depth.as_ref().map(|at| at.value), Some(0));
    assert_eq!(job.clone.submodules.as_ref().map(|at| at.value.as_str()), Some("recursive"));
    assert_eq!(job.clone.lfs.as_ref().map(|at| at.value), Some(true));
    let push = &job.steps[4];
    let used = push.uses.as_ref().unwrap();
    assert_eq!((used.name.as_str(), used.version.as_deref()), ("Docker", Some("2")));
    assert_eq!(used.input("repository"), Some("r"));
    assert!(push.soft_fail);
    let template = job.steps[5].uses.as_ref().unwrap();
    assert_eq!((template.name.as_str(), template.input("p")), ("t.yml", Some("q")));
    assert_eq!((p.unread[0].what.as_str(), p.unread[0].why), ("t.yml@other", "remote"));
    assert_eq!(job.steps[6].condition.as_ref().map(|at| at.value.as_str()), Some("false"));
}

#[test]
fn deployments_have_hooks_and_an_environment() {
    let text = "jobs:\n- deployment: d\n  environment: {name: prod, resourceType: VirtualMachine}\n  strategy:\n    rolling:\n      maxParallel: 2\n      preDeploy: {steps: [{script: a}]}\n      deploy: {steps: [{script: b}]}\n      on:\n        failure: {steps: [{script: c}]}\n        success: {steps: [{script: d}]}\n";
    let job = pipeline(text).jobs.remove(0);
    let phases: Vec<Phase> = job.steps.iter().map(|step| step.phase).collect();
    assert_eq!(phases, [Phase::Main, Phase::Main, Phase::Main, Phase::Failure]);
    assert_eq!(job.environment.unwrap().value, "prod");
    assert!(job.clone.none);
    assert_eq!(whats(&job.reads), [Resource::Artifact(String::new())]);
}

#[test]
fn outputs_artifacts_and_results_are_read_and_written() {
    let text = "stages:\n- stage: A\n  jobs:\n  - job: one\n    steps:\n    - bash: echo \"##vso[task.setvariable variable=x;isOutput=true]1\"\n      name: s\n    - publish: out\n      artifact: bin\n  - job: two\n    dependsOn: one\n    condition: eq(dependencies.one.outputs['s.x'], '1')\n    steps:\n    - download: current\n      artifact: bin\n- stage: B\n  condition: or(failed(), eq(dependencies.A.outputs['one.s.x'], '1'))\n  jobs:\n  - job: three\n    variables:\n      v: $[ stageDependencies.A.one.outputs['s.x'] ]\n    condition: in(stageDependencies.A.two.result, 'Failed')\n";
    let jobs = pipeline(text).jobs;
    let output = Resource::Output("A.one".to_owned(), "s.x".to_owned());
    let artifact = Resource::Artifact("bin".to_owned());
    assert_eq!(whats(&jobs[0].writes), [output.clone(), artifact.clone()]);
    assert_eq!(whats(&jobs[1].reads), [artifact, output.clone()]);
    assert_eq!(
        whats(&jobs[2].reads),
        [output.clone(), Resource::Status("A.two".to_owned()), output]
    );
}

#[test]
fn an_approval_is_a_job_of_nothing_else() {
    let text = "jobs:\n- job: wait\n  pool: server\n  steps:\n  - task: ManualValidation@1\n    inputs: {notifyUsers: a}\n";
    let job = pipeline(text).jobs.remove(0);
    assert_eq!((job.kind, job.manual, job.clone.none), (JobKind::Approval, true, true));
}

#[test]
fn local_templates_are_followed_with_their_parameters() {
    let text = "jobs:\n- template: jobs.yml\n  parameters:\n    name: fast\n    extra: [{script: more}]\n- job: last\n  dependsOn: build_fast\n";
    let jobs = "parameters:\n- name: name\n- name: image\n  default: windows-latest\n- {name: extra, type: stepList, default: []}\njobs:\n- job: build_${{ parameters.name }}\n  pool: {vmImage: '${{ parameters.image }}'}\n  steps:\n  - template: /steps/one.yml\n  - ${{ parameters.extra }}\n";
    let one = "steps:\n- script: from a file\n";
    let p = with(text, &[("ci/jobs.yml", jobs), ("steps/one.yml", one)]).unwrap();
    assert_eq!(p.included, ["ci/jobs.yml", "steps/one.yml"]);
    let job = &p.jobs[0];
    assert_eq!((job.id.as_str(), job.runner.os), ("build_fast", Some(Os::Windows)));
    assert!(job.shared && !p.jobs[1].shared);
    assert_eq!(job.span.file, 1);
    let steps: Vec<(u16, &str)> = (job.steps.iter())
        .map(|step| (step.span.file, step.script.as_ref().unwrap().text.as_str()))
        .collect();
    assert_eq!(steps, [(2, "from a file"), (0, "more")]);
    assert_eq!(p.jobs[1].needs[0].job, 0);
    let range = job.steps[0].span.range();
    assert_eq!(&one[range], "script: from a file");
}

#[test]
fn what_cannot_be_followed_is_named() {
    let check = |text: &str, files: &[(&str, &str)], expect: &[(&str, &str)]| {
        let p = with(text, files).unwrap();
        let found: Vec<(&str, &str)> =
            p.unread.iter().map(|one| (one.what.as_str(), one.why)).collect();
        assert_eq!(found, expect, "{text}");
        p
    };
    let p = check("jobs:\n- template: a.yml\n- job: b\n", &[], &[("a.yml", "missing")]);
    assert_eq!((p.jobs[0].kind, p.jobs[0].id.as_str()), (JobKind::Call, "a"));
    check(
        "resources: {repositories: [{repository: r, name: org/repo}]}\nstages:\n- template: s.yml@r\n",
        &[],
        &[("s.yml@org/repo", "remote")],
    );
    check("jobs:\n- template: ${{ parameters.t }}\n", &[], &[("${{ parameters.t }}", "computed")]);
    check(
        "jobs:\n- template: a.yml\n- job: b\n",
        &[("ci/a.yml", "jobs:\n- template: /ci/a.yml\n- job: c\n")],
        &[("/ci/a.yml", "cyclic")],
    );
    check("jobs:\n- template: a.yml\n", &[("ci/a.yml", "jobs: [")], &[("a.yml", "broken")]);
    // What is handed to it is read.
    let p = check(
        "extends:\n  template: t.yml@r\n  parameters:\n    stages:\n    - stage: s\n      jobs: [{job: j}]\n",
        &[],
        &[("t.yml@r", "remote")],
    );
    assert_eq!(p.jobs[0].id, "s.j");
    let p = check("extends: {template: t.yml@r}\n", &[], &[("t.yml@r", "remote")]);
    assert_eq!(p.jobs[0].kind, JobKind::Call);
}

#[test]
fn a_template_that_is_extended_is_the_pipeline() {
    let text = "trigger: none\npr: none\nextends:\n  template: t.yml\n  parameters: {jobs: [{job: mine}]}\n";
    let template = "parameters: [{name: jobs, type: jobList}]\npool: {vmImage: macos-14}\njobs:\n- job: first\n- ${{ each job in parameters.jobs }}:\n  - ${{ job }}\n";
    let p = with(text, &[("ci/t.yml", template)]).unwrap();
    let ids: Vec<&str> = p.jobs.iter().map(|job| job.id.as_str()).collect();
    assert_eq!(ids, ["first", "mine"]);
    assert_eq!(p.jobs[0].runner.os, Some(Os::MacOs));
}

#[test]
fn what_is_inserted_is_read_with_its_condition() {
    let text = "parameters: [{name: on, default: true}, {name: list, type: object, default: [a, b]}]\npool: {vmImage: ubuntu-latest}\njobs:\n- ${{ if eq(parameters.on, true) }}:\n  - job: a\n    condition: succeeded()\n    steps:\n    - ${{ if x }}:\n      - script: s\n- ${{ else }}:\n  - job: b\n- ${{ each one in parameters.list }}:\n  - job: c_${{ one }}\n- job: d\n  ${{ if y }}:\n    timeoutInMinutes: 5\n  ${{ else }}:\n    timeoutInMinutes: 9\n";
    let p = pipeline(text);
    let found: Vec<(&str, Option<&str>)> = (p.jobs.iter())
        .map(|job| (job.id.as_str(), job.condition.as_ref().map(|at| at.value.as_str())))
        .collect();
    assert_eq!(
        found,
        [
            ("a", Some("and(${{ eq(parameters.on, true) }}, succeeded())")),
            ("b", Some("${{ not(eq(parameters.on, true)) }}")),
            ("c_${{ one }}", None),
            ("d", None),
        ]
    );
    let step = p.jobs[0].steps[0].condition.as_ref().unwrap();
    assert_eq!(step.value, "${{ x }}");
    assert_eq!(p.jobs[3].timeout.as_ref().map(|at| at.value), Some(5.0));
    let last =
        p.jobs[0].path.iter().filter(|seg| matches!(seg, crate::pipeline::graph::Seg::Key(_)));
    assert_eq!(last.count(), 2);
}

#[test]
fn what_a_template_is_handed_decides_its_conditions() {
    let template = "parameters: {fast: false, jobs: []}\njobs:\n- ${{ if eq(parameters.fast, true) }}:\n  - job: quick\n- ${{ elseif eq(parameters.fast, 'maybe') }}:\n  - job: perhaps\n- ${{ else }}:\n  - job: slow\n- ${{ each one in parameters.jobs }}:\n  - ${{ each entry in one }}:\n      ${{ if ne(entry.key, 'displayName') }}:\n        ${{ entry.key }}: ${{ entry.value }}\n";
    let check = |given: &str, expect: &[&str]| {
        let text = format!("jobs:\n- template: t.yml\n  parameters: {given}\n- job: z\n");
        let p = with(&text, &[("ci/t.yml", template)]).unwrap();
        let ids: Vec<&str> = p.jobs.iter().map(|job| job.id.as_str()).collect();
        assert_eq!(ids, expect, "{given}");
        assert!(p.jobs.iter().all(|job| job.condition.is_none() && job.name.is_none()), "{given}");
    };
    check("{fast: true}", &["quick", "z"]);
    check("{fast: maybe}", &["perhaps", "z"]);
    check("{}", &["slow", "z"]);
    check("{jobs: [{job: mine, displayName: N}]}", &["slow", "mine", "z"]);
}

#[test]
fn templates_that_double_themselves_come_to_an_end() {
    let one = |next: usize| {
        format!(
            "parameters: {{p: ''}}\njobs:\n- template: t{next}.yml\n  parameters: {{p: [\"${{{{ parameters.p }}}}\", \"${{{{ parameters.p }}}}\"]}}\n- template: t{next}.yml\n"
        )
    };
    let texts: Vec<(String, String)> =
        (0..40).map(|at| (format!("ci/t{at}.yml"), one(at + 1))).collect();
    let files: Vec<(&str, &str)> =
        texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let p = with("jobs:\n- template: t0.yml\n  parameters: {p: [a]}\n- job: b\n", &files).unwrap();
    assert!(p.unread.iter().any(|one| one.why == "too many"));
}

#[test]
fn what_is_no_pipeline_is_declined() {
    let check = |text: &str, why: &str| {
        assert_eq!(with(text, &[]).unwrap_err(), Refusal::Declined(why.to_owned()), "{text}");
    };
    check("", "it is empty");
    check("- a\n", "it is no mapping");
    check("variables: {a: b}\n", "it is a template of variables");
    check("name: x\n", "it has no `stages`, `jobs` or `steps`");
    check("jobs: []\n", "it has no jobs");
}
