//! Jenkinsfiles, feature by feature, and the real ones.

use std::path::PathBuf;

use crate::pipeline::graph::{Job, JobKind, Phase, Pipeline, Resource, TriggerKind};
use crate::pipeline::{NoFiles, Outcome, Platform, lint};

fn read(text: &str) -> Outcome {
    crate::pipeline::read(Platform::Jenkins, "Jenkinsfile", text, &NoFiles)
}

fn pipeline(text: &str) -> Pipeline {
    match read(text) {
        Outcome::Read(file) => file.pipeline,
        other => panic!("{text}: {other:?}"),
    }
}

/// `pipeline { agent any … }` around stages.
fn around(stages: &str) -> Pipeline {
    pipeline(&format!("pipeline {{\n agent any\n stages {{\n{stages}\n}}\n}}\n"))
}

fn edges(pipeline: &Pipeline) -> Vec<(String, Vec<String>)> {
    let id = |place: usize| pipeline.jobs.get(place).map(|job| job.id.clone()).unwrap_or_default();
    let needs = |job: &Job| job.needs.iter().map(|need| id(need.job)).collect();
    pipeline.jobs.iter().map(|job| (job.id.clone(), needs(job))).collect()
}

#[test]
fn stages_wait_for_the_leaves_before_them() {
    let check = |stages: &str, expect: &[(&str, &[&str])]| {
        let found = edges(&around(stages));
        let found: Vec<(&str, Vec<&str>)> = found
            .iter()
            .map(|(id, needs)| (id.as_str(), needs.iter().map(String::as_str).collect()))
            .collect();
        let expect: Vec<(&str, Vec<&str>)> =
            expect.iter().map(|(id, needs)| (*id, needs.to_vec())).collect();
        assert_eq!(found, expect, "{stages}");
    };
    let leaf = |name: &str| format!("stage('{name}') {{ steps {{ sh 'x' }} }}\n");
    let (a, b, c) = (leaf("A"), leaf("B"), leaf("C"));
    check(&format!("{a}{b}"), &[("A", &[]), ("B", &["A"])]);
    check(
        &format!("{a}stage('P') {{ parallel {{ {b} {c} }} }}\nstage('D') {{ steps {{ sh 'x' }} }}"),
        &[("A", &[]), ("P / B", &["A"]), ("P / C", &["A"]), ("D", &["P / B", "P / C"])],
    );
    check(
        &format!("stage('P') {{ parallel {{ {a} stage('Q') {{ stages {{ {b} {c} }} }} }} }}"),
        &[("P / A", &[]), ("P / Q / B", &[]), ("P / Q / C", &["P / Q / B"])],
    );
    check(
        &format!("stage('P') {{ stages {{ {a} }} post {{ always {{ echo 'x' }} }} }}\n{b}"),
        &[
            ("P / A", &[]),
            ("P / Declarative: Post Actions", &["P / A"]),
            ("B", &["P / Declarative: Post Actions"]),
        ],
    );
    check(&format!("{a}{a}"), &[("A", &[]), ("A#2", &["A"])]);
}

#[test]
fn a_stage_is_read_with_all_that_holds_for_it() {
    let text = "pipeline {
  agent { docker { image 'maven:3.9'; label 'big' } }
  options { timeout(time: 2, unit: 'HOURS'); disableConcurrentBuilds(abortPrevious: true) }
  parameters { string(name: 'TARGET', defaultValue: 'dev') }
  environment { TOKEN = credentials('token') }
  triggers { cron('H 4 * * *'); pollSCM('') }
  tools { maven 'M3' }
  stages {
    stage('Deploy') {
      agent { label 'windows' }
      when { branch 'main'; beforeAgent true }
      input { message 'Sure?' }
      options { lock(resource: 'prod'); timeout(5) }
      environment { A = 'b' }
      steps {
        withCredentials([usernamePassword(credentialsId: 'id', usernameVariable: 'U', passwordVariable: 'P')]) {
          bat(script: 'deploy', label: 'Go')
        }
        catchError { pwsh 'x' }
        script { if (env.X == 'y') { sh \"\"\"a ${params.TARGET}\"\"\" } }
      }
      post { failure { sh 'rollback' } success { echo 'ok' } cleanup { cleanWs() } }
    }
  }
}";
    let pipeline = pipeline(text);
    let job = &pipeline.jobs[0];
    assert_eq!(pipeline.auto_cancel.as_ref().map(|at| at.value), Some(true));
    let kinds: Vec<TriggerKind> = pipeline.triggers.iter().map(|trigger| trigger.kind).collect();
    assert_eq!(kinds, [TriggerKind::Schedule, TriggerKind::Push, TriggerKind::Manual]);
    assert_eq!(
        pipeline.env.iter().map(|var| (var.name.as_str(), var.value.as_str())).collect::<Vec<_>>(),
        [("TARGET", "dev"), ("TOKEN", "credentials('token')")]
    );
    assert_eq!(job.runner.labels, ["windows"]);
    assert_eq!(job.image, None);
    assert_eq!(
        job.condition.as_ref().map(|at| at.value.as_str()),
        Some("branch 'main'; beforeAgent true")
    );
    assert!(job.manual && job.kind == JobKind::Work);
    assert_eq!(job.concurrency.as_ref().map(|lock| lock.group.as_str()), Some("prod"));
    assert_eq!(job.timeout.as_ref().map(|at| at.value), Some(5.0));
    let steps: Vec<String> = job
        .steps
        .iter()
        .map(|step| match (&step.uses, &step.script) {
            (Some(uses), _) => format!("{:?} {}", step.phase, uses.name),
            (None, Some(script)) => {
                format!(
                    "{:?} {}: {}",
                    step.phase,
                    script.shell.as_deref().unwrap_or("sh"),
                    script.text
                )
            }
            (None, None) => String::new(),
        })
        .collect();
    assert_eq!(
        steps,
        [
            "Main tools",
            "Main withCredentials",
            "Main bat: deploy",
            "Main catchError",
            "Main pwsh: x",
            "Main sh: a ${params.TARGET}",
            "Main echo",
            "Failure sh: rollback",
            "Always cleanWs",
        ]
    );
    let names: Vec<&str> = job.steps[2].env.iter().map(|var| var.name.as_str()).collect();
    assert_eq!(names, ["U", "P"]);
    assert!(job.steps[4].soft_fail && !job.steps[2].soft_fail);
    assert_eq!(job.steps[5].condition.as_ref().map(|at| at.value.as_str()), Some("(env.X == 'y')"));
    let span = |range: std::ops::Range<usize>| &text[range];
    assert_eq!(span(job.key_span.range()), "'Deploy'");
    assert!(span(job.span.range()).starts_with("stage('Deploy') {"));
    assert_eq!(job.steps[7].phase, Phase::Failure);
}

/// What a job reads and writes, in short.
fn accesses(job: &Job) -> (Vec<String>, Vec<String>) {
    let short = |what: &Resource| match what {
        Resource::Workspace(name) => format!("workspace {name}"),
        Resource::Output(job, name) => format!("{job}.{name}"),
        Resource::Artifact(name) => format!("artifact {name}"),
        Resource::Status(_) => "status".to_owned(),
        other => format!("{other:?}"),
    };
    (
        job.reads.iter().map(|access| short(&access.what)).collect(),
        job.writes.iter().map(|access| short(&access.what)).collect(),
    )
}

#[test]
fn what_stages_share_is_told() {
    let check = |agent: &str, stages: &str, place: usize, reads: &[&str], writes: &[&str]| {
        let found = pipeline(&format!("pipeline {{ agent {agent}\n stages {{ {stages} }} }}"));
        let (read, written) = accesses(&found.jobs[place]);
        assert_eq!(
            (read, written),
            (
                reads.iter().map(ToString::to_string).collect(),
                writes.iter().map(ToString::to_string).collect()
            ),
            "{stages}"
        );
    };
    let one = "stage('A') { steps { sh 'make' } }";
    check("any", one, 0, &["workspace "], &["workspace "]);
    check("any", "stage('A') { steps { echo 'x' } }", 0, &[], &[]);
    check("any", "stage('A') { agent { label 'x' }\n steps { sh 'make' } }", 0, &[], &[]);
    check(
        "any",
        "stage('A') { agent { docker { image 'x'; reuseNode true } }\n steps { sh 'make' } }",
        0,
        &["workspace "],
        &["workspace "],
    );
    check(
        "any",
        "stage('A') { agent { label 'x' }\n options { skipDefaultCheckout() }\n steps { sh 'make' } }",
        0,
        &["workspace "],
        &["workspace "],
    );
    check(
        "none",
        "stage('A') { agent { node { label 'x'; customWorkspace '/w' } }\n steps { sh 'make' } }",
        0,
        &["workspace /w"],
        &["workspace /w"],
    );
    check(
        "none",
        "stage('A') { agent any\n stages { stage('B') { steps { sh 'x' } }\n stage('C') { steps { sh 'y' } } } }",
        1,
        &["workspace agent 1"],
        &["workspace agent 1"],
    );
    let (a, b) = ("stage('A') { agent any\n steps { ", "} }\n stage('B') { agent any\n steps { ");
    let two = |one: &str, other: &str| format!("{a}{one}{b}{other} }} }}");
    check("none", &two("stash name: 's', includes: 'x'", "unstash 's'"), 0, &[], &["artifact s"]);
    check("none", &two("stash name: 's', includes: 'x'", "unstash 's'"), 1, &["artifact s"], &[]);
    check("none", &two("script { env.V = 'x' }", "sh 'echo $V'"), 1, &["A.V"], &[]);
    check("none", &two("script { V = 'x' }", "sh \"echo ${V}\""), 1, &["A.V"], &[]);
    check("none", &two("script { def V = 'x'; V = 'y' }", "sh 'echo $V'"), 1, &[], &[]);
    check("none", &two("script { V = 'x' }", "sh 'echo' /* V */"), 1, &[], &[]);
    check("none", &two("script { L.add('x') }", "script { L.each { sh it } }"), 1, &["A.L"], &[]);
    check(
        "none",
        &two("sh 'x'", "script { if (currentBuild.currentResult == 'SUCCESS') { sh 'y' } }"),
        1,
        &["status"],
        &[],
    );
    check("none", &two("sh 'x'", "waitForQualityGate()"), 1, &["status"], &[]);
}

#[test]
fn methods_of_the_file_are_walked_into() {
    let found = pipeline(
        "pipeline { agent any\n stages { stage('A') { steps { make('x') } }\n stage('B') { steps { sh \"$MADE\" } } } }\n
         def make(what) { sh \"make ${what}\"\n MADE = what }",
    );
    assert_eq!(
        found.jobs[0].steps[0].script.as_ref().map(|script| script.text.as_str()),
        Some("make ${what}")
    );
    assert!(found.jobs[0].shared);
    assert_eq!(accesses(&found.jobs[1]).0, ["A.MADE", "workspace "]);
}

#[test]
fn matrices_are_counted_without_what_is_excluded() {
    let found = around(
        "stage('M') { failFast true\n matrix { axes { axis { name 'OS'; values 'linux', 'mac' }
            axis { name 'JDK'; values '8', '11', '17' } }
            excludes { exclude { axis { name 'OS'; values 'mac' }
              axis { name 'JDK'; notValues '17' } } }
            stages { stage('T') { steps { sh 'x' } } } } }",
    );
    let matrix = found.jobs[0].matrix.as_ref();
    assert_eq!(matrix.and_then(|matrix| matrix.cells), Some(4));
    assert_eq!(matrix.and_then(|matrix| matrix.fail_fast), Some(true));
}

#[test]
fn other_kinds_of_files_are_declined_by_name() {
    let check = |text: &str, expect: &str| match read(text) {
        Outcome::Declined(why) => assert!(why.contains(expect), "{text}: {why}"),
        other => panic!("{text}: {other:?}"),
    };
    check("node('x') {\n stage('A') { sh 'x' }\n}", "scripted pipeline (`node` in line 1)");
    check("try { node { sh 'x' } } finally { }", "scripted pipeline");
    check(
        "properties([disableConcurrentBuilds()])\nnode { sh 'x' }",
        "scripted pipeline (`node` in line 2)",
    );
    check("buildPlugin(useContainerAgent: true)", "shared library (`buildPlugin` in line 1)");
    check(
        "@Library('x') _\nstandardPipeline { name = 'a' }",
        "shared library (`standardPipeline` in line 2)",
    );
    check("pipelineJob('a') { definition { } }", "Job DSL");
    check("def x = 1\nprintln x", "shared library");
    check("class A { int b }", "without a `pipeline` block");
    check("", "empty");
    check("<project/>", "XML");
    check(
        "def call() {\n if (a) { pipeline { agent any } } else { pipeline { agent none } }\n}",
        "2 `pipeline` blocks",
    );
}

#[test]
fn a_pipeline_in_a_library_is_read() {
    let found = pipeline(
        "def call(Map config = [:]) {\n pipeline { agent any\n stages { stage('A') { steps { sh 'x' } } } }\n}",
    );
    assert_eq!(found.jobs.len(), 1);
}

#[test]
fn agents_are_read() {
    let check = |agent: &str, labels: &[&str], image: Option<&str>| {
        let found = pipeline(&format!(
            "pipeline {{ agent {agent}\n stages {{ stage('A') {{ steps {{ sh 'x' }} }} }} }}"
        ));
        let job = &found.jobs[0];
        assert_eq!(
            (
                job.runner.labels.iter().map(String::as_str).collect::<Vec<_>>().as_slice(),
                job.image.as_ref().map(|at| at.value.as_str())
            ),
            (labels, image),
            "{agent}"
        );
    };
    check("any", &["any"], None);
    check("none", &[], None);
    check("{ label 'linux && big' }", &["linux && big"], None);
    check("{ docker 'node:22' }", &[], Some("node:22"));
    check("{ docker { image 'node:22'; args '-v a:b' } }", &[], Some("node:22"));
    check("{ dockerfile { filename 'ci/Dockerfile' } }", &["dockerfile:ci/Dockerfile"], None);
    check("{ dockerfile true }", &["dockerfile:Dockerfile"], None);
    check(
        "{ kubernetes { defaultContainer 'b'; yaml '''\nspec:\n  containers:\n  - name: a\n    image: one:1\n  - image: \"two:2\"\n    name: b\n''' } }",
        &["kubernetes"],
        Some("two:2"),
    );
}

fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("PIPEWRIGHT_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let folder = folder.join("data/pipelines/jenkins");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no real Jenkinsfiles at {}", folder.display());
    None
}

#[test]
fn real_files_are_read_or_declined_and_odd_ones_do_no_harm() {
    let Some(folder) = shared() else { return };
    let mut read_files = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        match read(&text) {
            Outcome::Read(file) => {
                read_files += 1;
                let problems = lint::jenkins::problems(&text, &file.pipeline);
                let sound = !entry.path().ends_with("047.Jenkinsfile");
                assert!(!sound || problems.is_empty(), "{:?}: {problems:?}", entry.path());
                for job in &file.pipeline.jobs {
                    assert!(
                        text.get(job.span.range()).is_some_and(
                            |text| text.starts_with("stage") || text.starts_with("post")
                        )
                    );
                    for step in &job.steps {
                        assert!(text.get(step.span.range()).is_some());
                    }
                }
            }
            Outcome::Declined(why) => assert!(!why.is_empty()),
            Outcome::Invalid { line, why } => panic!("{:?}: line {line}: {why}", entry.path()),
        }
        // Bytes taken out at fixed steps.
        let step = text.len() / 12 + 1;
        for start in (0..text.len()).step_by(step) {
            for gone in [1, 7] {
                let mut bytes = text.clone().into_bytes();
                bytes.drain(start..(start + gone).min(text.len()));
                let _ = read(&String::from_utf8_lossy(&bytes));
            }
        }
    }
    assert!(read_files >= 14);
}
