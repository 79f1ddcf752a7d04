//! Pipelines of our own, one feature each.

use super::read;
use crate::pipeline::dialect::{Refusal, Source};
use crate::pipeline::graph::*;
use crate::pipeline::{Files, yaml};

struct Checked(Vec<String>, Vec<(&'static str, &'static str)>);

impl Files for Checked {
    fn paths(&self) -> &[String] {
        &self.0
    }

    fn read(&self, path: &str) -> Option<String> {
        self.1.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned())
    }
}

fn outcome(text: &str, files: &[(&'static str, &'static str)]) -> Result<Pipeline, Refusal> {
    let mut paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    paths.sort();
    let tree = yaml::parse(text).unwrap();
    let files = Checked(paths, files.to_vec());
    read(&Source { path: ".gitlab-ci.yml", text, tree: &tree, files: &files })
}

fn pipeline(text: &str) -> Pipeline {
    outcome(text, &[]).unwrap()
}

/// The only job of a pipeline with these lines in its job.
fn job(lines: &str) -> Job {
    let body: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    pipeline(&format!("a:\n  script: x\n{body}")).jobs.remove(0)
}

/// Names of the jobs that each job waits for.
fn edges(pipeline: &Pipeline) -> Vec<(&str, Vec<&str>)> {
    let name = |place: usize| pipeline.jobs[place].id.as_str();
    pipeline
        .jobs
        .iter()
        .map(|job| (job.id.as_str(), job.needs.iter().map(|need| name(need.job)).collect()))
        .collect()
}

fn scripts(job: &Job) -> Vec<&str> {
    job.steps.iter().filter_map(|step| Some(step.script.as_ref()?.text.as_str())).collect()
}

fn unread(pipeline: &Pipeline) -> Vec<(&str, &str)> {
    pipeline.unread.iter().map(|one| (one.what.as_str(), one.why)).collect()
}

#[test]
fn stages_order_jobs_that_need_nothing_by_name() {
    let text = "stages: [build, idle, test, deploy]\nb1: {stage: build, script: x}\nb2: {stage: build, script: x}\nt: {script: x}\nd: {stage: deploy, script: x}\nlast: {stage: .post, script: x}\nfirst: {stage: .pre, script: x}\n";
    let read = pipeline(text);
    assert_eq!(
        edges(&read),
        [
            ("b1", vec!["first"]),
            ("b2", vec!["first"]),
            ("t", vec!["b1", "b2"]),
            ("d", vec!["t"]),
            ("last", vec!["d"]),
            ("first", vec![]),
        ]
    );
    let stages: Vec<(&str, &[usize])> =
        read.stages.iter().map(|stage| (stage.id.as_str(), stage.needs.as_slice())).collect();
    let expect: [(&str, &[usize]); 6] = [
        (".pre", &[]),
        ("build", &[0]),
        ("idle", &[1]),
        ("test", &[1]),
        ("deploy", &[3]),
        (".post", &[4]),
    ];
    assert_eq!(stages, expect);
    assert!(read.jobs[2].needs.iter().all(|need| need.kind == NeedKind::Stage && need.artifacts));
    assert_eq!(&text[read.stages[1].span.range()], "build");
}

#[test]
fn a_stage_of_jobs_that_do_not_wait_hides_nothing_before_it() {
    let read = pipeline(
        "b: {stage: build, script: x}\nt: {script: x, needs: []}\nd: {stage: deploy, script: x}\n",
    );
    assert_eq!(edges(&read), [("b", vec![]), ("t", vec![]), ("d", vec!["b", "t"])]);
}

#[test]
fn needs_are_read_in_all_forms() {
    let text = "b: {stage: build, script: x, parallel: 2}\nc: {stage: build, script: x}\nt:\n  script: x\n  needs:\n    - b\n    - job: 'c'\n      artifacts: false\n      optional: true\n    - gone\n    - {project: g/p, job: j, ref: main, artifacts: true}\n    - {pipeline: $UP, job: k}\nu: {script: x, needs: ['b 1/2']}\nv: {script: x, needs: ['b: [x, y]']}\n";
    let read = pipeline(text);
    let needs: Vec<_> = read.jobs[2]
        .needs
        .iter()
        .map(|need| (need.job, &text[need.span.unwrap().range()], need.optional, need.artifacts))
        .collect();
    assert_eq!(needs, [(0, "b", false, true), (1, "c", true, false)]);
    assert_eq!(unread(&read), [("g/p:j", "remote"), ("$UP:k", "remote")]);
    assert_eq!((edges(&read)[3].1[0], edges(&read)[4].1[0]), ("b", "b"));
}

#[test]
fn files_come_from_earlier_stages_unless_it_is_said_otherwise() {
    let check = |lines: &str, expect: &[&str]| {
        let read = pipeline(&format!(
            "b:\n  stage: build\n  script: x\n  artifacts: {{paths: [o], reports: {{dotenv: e}}}}\nr:\n  stage: build\n  script: x\n  artifacts: {{reports: {{junit: o}}}}\nt:\n  stage: test\n  script: x\nd:\n  stage: deploy\n  script: x\n  {lines}\n"
        ));
        let reads: Vec<String> = read.jobs[3]
            .reads
            .iter()
            .map(|one| match &one.what {
                Resource::Artifact(name) => name.clone(),
                Resource::Dotenv(name) => format!("dotenv {name}"),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(reads, expect, "{lines}");
    };
    check("tags: [x]", &["job:b", "dotenv b"]);
    check("dependencies: []", &[]);
    check("dependencies: [r]", &[]);
    check("needs: []", &[]);
    check("needs: [t]", &[]);
    check("needs: [b]", &["job:b", "dotenv b"]);
    check("needs: [{job: b, artifacts: false}]", &[]);
    check("needs: [b, r]\n  dependencies: [r]", &[]);
}

#[test]
fn extends_merges_mappings_and_replaces_lists() {
    let text = ".a:\n  script: [one]\n  variables: {A: 1, B: 2}\n  image: x\n.b:\n  extends: .a\n  variables: {B: 3}\n.c: {tags: [saas-linux-small-amd64]}\nj:\n  extends: [.b, .c]\n  variables: {C: 4}\n  script: [two, three]\n";
    let read = pipeline(text);
    assert_eq!(read.jobs.len(), 1);
    let job = &read.jobs[0];
    let env: Vec<_> = job.env.iter().map(|one| format!("{}={}", one.name, one.value)).collect();
    assert_eq!(env, ["A=1", "B=3", "C=4"]);
    assert_eq!(scripts(job), ["two\nthree"]);
    assert_eq!(job.image.as_ref().unwrap().value, "x");
    assert_eq!(job.runner.size.as_deref(), Some("small"));
    assert!(job.shared);
    assert_eq!(&text[job.env[0].span.range()], "1");
    assert_eq!(
        unread(&pipeline("j: {extends: [.gone, j], script: x}\n")),
        [(".gone", "missing"), ("j", "cyclic"),]
    );
}

#[test]
fn references_and_anchors_in_scripts_are_laid_out_flat() {
    let text = ".s: &s\n  - one\n.x:\n  script: [two, three]\n  rules: [{when: manual}]\nj:\n  rules: [!reference [.x, rules]]\n  script:\n    - *s\n    - !reference [.x, script]\n    - four\n    - !reference [.gone, script]\nk:\n  script: !reference [.x, script]\nl: {script: x}\n";
    let read = pipeline(text);
    assert_eq!(scripts(&read.jobs[0]), ["one\ntwo\nthree\nfour"]);
    assert_eq!(scripts(&read.jobs[1]), ["two\nthree"]);
    assert!(read.jobs[0].manual);
    assert_eq!(unread(&read), [("!reference [.gone, script]", "missing")]);
    let shared: Vec<bool> = read.jobs.iter().map(|job| job.shared).collect();
    assert_eq!(shared, [true, true, false]);
    let circle = ".a: {script: [!reference [.b, script]]}\n.b: {script: [!reference [.a, script]]}\nj: {script: [!reference [.a, script]]}\n";
    assert!(scripts(&pipeline(circle).jobs[0]).is_empty());
}

#[test]
fn defaults_and_globals_reach_jobs_unless_inherit_says_no() {
    let read = pipeline(
        "image: global\ndefault: {timeout: 1h, before_script: [pre], interruptible: true}\na: {script: x}\nb: {script: x, inherit: {default: false}}\nc: {script: x, inherit: {default: [timeout]}, before_script: []}\nd: {script: x, timeout: 5m, image: own}\n",
    );
    let told: Vec<_> = read
        .jobs
        .iter()
        .map(|job| {
            (
                job.image.as_ref().map(|image| image.value.as_str()),
                job.timeout.as_ref().map(|limit| limit.value),
                scripts(job).len(),
                job.shared,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some("global"), Some(60.0), 2, true),
            (None, None, 1, false),
            (None, Some(60.0), 1, true),
            (Some("own"), Some(5.0), 2, true),
        ]
    );
}

#[test]
fn local_includes_are_laid_below_the_file() {
    let files = [
        (
            "ci/a.yml",
            "stages: [one, two]\n.t: {image: inc}\nshared: {stage: one, script: a, tags: [x]}\n",
        ),
        ("ci/b.yml", "include: /ci/deep/c.yml\nb: {stage: two, script: b}\n"),
        ("ci/deep/c.yml", "c: {stage: one, script: c}\ninclude: ci/b.yml\n"),
        ("ci/broken.yml", "a: ["),
    ];
    let text = "include:\n  - local: '/ci/*.yml'\n  - remote: https://example.com/x.yml\n  - {project: g/p, ref: v1, file: [/t.yml]}\n  - {template: Go.gitlab-ci.yml}\n  - component: $CI_SERVER_FQDN/c@1\n  - local: gone.yml\n  - $DIR/x.yml\nshared: {script: own}\nmine: {extends: .t, stage: two, script: x}\n";
    let read = outcome(text, &files).unwrap();
    assert_eq!(
        unread(&read),
        [
            ("ci/b.yml", "cyclic"),
            ("ci/broken.yml", "broken"),
            ("https://example.com/x.yml", "remote"),
            ("g/p/t.yml@v1", "remote"),
            ("Go.gitlab-ci.yml", "remote"),
            ("$CI_SERVER_FQDN/c@1", "remote"),
            ("gone.yml", "missing"),
            ("$DIR/x.yml", "computed"),
        ]
    );
    assert_eq!(read.included, ["ci/a.yml", "ci/b.yml", "ci/deep/c.yml"]);
    let jobs: Vec<_> = read
        .jobs
        .iter()
        .map(|job| (job.id.as_str(), job.span.file, scripts(job)[0], job.runner.labels.len()))
        .collect();
    assert_eq!(
        jobs,
        [("shared", 0, "own", 1), ("c", 3, "c", 0), ("b", 2, "b", 0), ("mine", 0, "x", 0),]
    );
    let shared: Vec<bool> = read.jobs.iter().map(|job| job.shared).collect();
    assert_eq!(shared, [true, false, false, true]);
    assert_eq!(read.jobs[3].image.as_ref().unwrap().value, "inc");
    assert_eq!(edges(&read)[3].1, ["shared", "c"]);
    let empty = outcome("include: x.yml\n", &[]).unwrap();
    assert_eq!((empty.jobs.len(), unread(&empty)), (0, vec![("x.yml", "missing")]));
}

#[test]
fn rules_say_when_a_person_or_a_failure_is_waited_for() {
    let check = |lines: &str, manual: bool, soft: bool, condition: Option<&str>| {
        let read = job(lines);
        let told = (read.manual, read.soft_fail, read.condition.map(|at| at.value));
        assert_eq!(told, (manual, soft, condition.map(str::to_owned)), "{lines}");
    };
    check("when: manual", true, true, Some("when: manual"));
    check("when: manual\nallow_failure: false", true, false, Some("when: manual"));
    check("rules: [{if: $A, when: manual}]", true, false, Some("if: $A, when: manual"));
    check(
        "rules: [{if: $A, when: manual}, {if: $B}]",
        false,
        false,
        Some("if: $A, when: manual\nif: $B"),
    );
    check(
        "rules: [{if: $A, when: never}, {when: manual, allow_failure: true}]",
        true,
        true,
        Some("if: $A, when: never\nwhen: manual, allow_failure: true"),
    );
    check("allow_failure: {exit_codes: 3}", false, true, None);
    check("allow_failure: true\nrules: [{if: $A}]", false, true, Some("if: $A"));
    check(
        "only: [main]\nexcept: [tags]",
        false,
        false,
        Some("only: [\"main\"]\nexcept: [\"tags\"]"),
    );
    check("when: on_success", false, false, None);
    let read = job("when: on_failure");
    assert_eq!(read.reads[0].what, Resource::Status(String::new()));
}

#[test]
fn runners_services_and_limits_are_read() {
    let check = |lines: &str, os: Option<Os>, size: Option<&str>, own: bool| {
        let runner = job(lines).runner;
        assert_eq!(
            (runner.os, runner.size.as_deref(), runner.self_hosted),
            (os, size, own),
            "{lines}"
        );
    };
    check("tags: [saas-linux-2xlarge-amd64]", Some(Os::Linux), Some("2xlarge"), false);
    check("tags: [saas-macos-medium-m1]", Some(Os::MacOs), Some("medium"), false);
    check("tags: [saas-windows-medium-amd64]", Some(Os::Windows), Some("medium"), false);
    check("tags: [our-box, docker]", Some(Os::Linux), None, true);
    check("tags: [$TAG]", None, None, false);
    check("retry: 1", None, None, false);
    let read = job(
        "image: {name: 'node:22', entrypoint: ['']}\nservices: [redis, {name: 'pg:16', alias: db}]\ntimeout: 1h 30m\nresource_group: prod\nenvironment: {name: review/$X, action: stop}\ninterruptible: true\nvariables: {GIT_DEPTH: 5, GIT_SUBMODULE_STRATEGY: recursive, GIT_STRATEGY: none, D: {value: v, description: d}}",
    );
    assert_eq!(read.image.unwrap().value, "node:22");
    assert_eq!(read.services, ["redis", "pg:16"]);
    assert_eq!(read.timeout.unwrap().value, 90.0);
    assert_eq!(read.concurrency.unwrap().group, "prod");
    assert_eq!(read.environment.unwrap().value, "review/$X");
    assert_eq!(read.interruptible, Some(true));
    assert_eq!(read.env[3].value, "v");
    assert_eq!(read.clone.depth.unwrap().value, 5);
    assert!(read.clone.none && read.clone.submodules.is_some());
}

#[test]
fn copies_are_counted() {
    let cells = |value: &str| job(&format!("parallel: {value}")).matrix.unwrap();
    assert_eq!(cells("5").cells, Some(5));
    let read = cells("{matrix: [{A: [1, 2], B: [x, y, z]}, {A: 1, C: w}]}");
    assert_eq!(read.cells, Some(7));
    assert_eq!(read.axes[0], ("A".to_owned(), vec!["1".to_owned(), "2".to_owned()]));
    assert_eq!(cells("$N").cells, None);
}

#[test]
fn caches_are_read_and_kept_by_policy() {
    let told = |lines: &str| {
        let read = job(lines);
        let names = |all: &[Access]| -> Vec<String> {
            all.iter()
                .filter_map(|one| match &one.what {
                    Resource::Cache(key) => Some(key.clone()),
                    _ => None,
                })
                .collect()
        };
        (names(&read.reads), names(&read.writes))
    };
    let both = |key: &str| (vec![key.to_owned()], vec![key.to_owned()]);
    assert_eq!(told("cache: {paths: [x]}"), both("default"));
    assert_eq!(told("cache: {key: k, paths: [x], policy: pull}"), (vec!["k".to_owned()], vec![]));
    assert_eq!(told("cache: {key: {files: [a, b], prefix: p}}"), both("p-files(a,b)"));
    assert_eq!(told("cache: [{key: {files: [a]}}, {key: k, policy: push}]").1, ["files(a)", "k"]);
    assert_eq!(told("cache: []"), (vec![], vec![]));
}

#[test]
fn triggers_call_other_pipelines() {
    let check = |lines: &str, calls: &str, expect: &[(&str, &str)]| {
        let read =
            outcome(&format!("a:\n  {lines}\n"), &[("child.yml", "x: {script: y}\n")]).unwrap();
        assert_eq!(read.jobs[0].kind, JobKind::Call);
        assert_eq!(read.jobs[0].calls.as_ref().unwrap().value, calls);
        assert_eq!(unread(&read), expect, "{lines}");
    };
    check("trigger: g/p", "g/p", &[("g/p", "remote")]);
    check("trigger: {project: g/p, branch: main}", "g/p", &[("g/p", "remote")]);
    check("trigger: {include: child.yml, strategy: depend}", "child.yml", &[]);
    check(
        "trigger: {include: [{local: /child.yml}, {local: no.yml}]}",
        "/child.yml",
        &[("no.yml", "missing")],
    );
    check("trigger: {include: [{artifact: g.yml, job: gen}]}", "g.yml", &[("g.yml", "computed")]);
    check("trigger: {include: [{project: g/p, file: f.yml}]}", "g/p", &[("g/p", "remote")]);
}

#[test]
fn workflows_tell_names_cancelling_and_triggers() {
    let read = pipeline(
        "workflow:\n  name: Main\n  auto_cancel: {on_new_commit: interruptible}\n  rules:\n    - if: $CI_PIPELINE_SOURCE == \"merge_request_event\"\n      changes: [src/**]\n    - if: $CI_PIPELINE_SOURCE == 'schedule'\n      when: never\n    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n    - if: $CI_COMMIT_TAG\na: {script: x}\n",
    );
    assert_eq!(read.name.unwrap().value, "Main");
    assert!(read.auto_cancel.unwrap().value);
    let told: Vec<_> = read
        .triggers
        .iter()
        .map(|one| (one.kind, one.branches.join(" "), one.path_filter))
        .collect();
    assert_eq!(
        told,
        [
            (TriggerKind::Change, String::new(), true),
            (TriggerKind::Push, "$CI_DEFAULT_BRANCH".to_owned(), false),
            (TriggerKind::Tag, String::new(), false),
        ]
    );
    let kinds = |text: &str| -> Vec<TriggerKind> {
        pipeline(text).triggers.iter().map(|one| one.kind).collect()
    };
    use TriggerKind::*;
    assert_eq!(kinds("a: {script: x, only: [merge_requests, main]}\n"), [Push, Tag, Change]);
    assert_eq!(kinds("a: {script: x, rules: [{if: $CI_COMMIT_TAG}]}\n"), [Push, Tag]);
    assert_eq!(kinds("workflow: {rules: [{when: always}]}\na: {script: x}\n"), [Push, Tag, Change]);
}

#[test]
fn scripts_come_in_order_and_releases_are_steps() {
    let read = job(
        "before_script: [pre]\nafter_script: post\nrelease: {tag_name: v1}\nartifacts: {paths: [o]}",
    );
    let told: Vec<_> = read
        .steps
        .iter()
        .map(|step| (step.name.as_deref().unwrap_or_default(), step.phase))
        .collect();
    assert_eq!(
        told,
        [
            ("before_script", Phase::Main),
            ("script", Phase::Main),
            ("release", Phase::Main),
            ("after_script", Phase::Always),
        ]
    );
    let pages = pipeline("pages: {script: x, after_script: [y]}\n");
    assert_eq!(pages.jobs[0].steps[1].uses.as_ref().unwrap().name, "pages");
    assert_eq!(read.steps[2].uses.as_ref().unwrap().input("tag_name"), Some("v1"));
}

#[test]
fn inputs_are_put_in_where_they_are_known() {
    let template = "spec:\n  inputs:\n    stage: {default: test}\n    name:\n    tags: {default: [a, b]}\n---\n'$[[ inputs.name ]]-job':\n  stage: $[[ inputs.stage ]]\n  tags: $[[ inputs.tags ]]\n  script: [\"run $[[ inputs.name | expand_vars ]] $[[ inputs.gone ]]\"]\n";
    let text = "include:\n  - local: t.yml\n    inputs: {name: unit}\n  - local: t.yml\n    inputs: {name: slow, stage: deploy, tags: [c]}\n";
    let read = outcome(text, &[("t.yml", template)]).unwrap();
    let told: Vec<_> = read
        .jobs
        .iter()
        .map(|job| {
            (job.id.as_str(), job.stage.unwrap(), job.runner.labels.join(" "), scripts(job)[0])
        })
        .collect();
    assert_eq!(
        told,
        [
            ("unit-job", 0, "a b".to_owned(), "run unit $[[ inputs.gone ]]"),
            ("slow-job", 1, "c".to_owned(), "run slow $[[ inputs.gone ]]"),
        ]
    );
    assert!(read.jobs.iter().all(|job| job.shared && job.span.file == 1));
}

#[test]
fn headers_and_what_is_no_pipeline() {
    let read = pipeline("spec:\n  inputs: {x: {}}\n---\na: {script: '$[[ inputs.x ]]'}\n");
    assert_eq!(scripts(&read.jobs[0]), ["$[[ inputs.x ]]"]);
    let check = |text: &str, why: &str| {
        let refusal = outcome(text, &[]).map(|read| read.jobs.len());
        assert_eq!(refusal, Err(Refusal::Declined(why.to_owned())), "{text}");
    };
    check("", "it is empty");
    check("- a\n", "it is a list and not a pipeline");
    check("just text\n", "it is a text and not a pipeline");
    check("a: b\nc: {d: e}\n", "it has no jobs and no keyword of GitLab's");
}

#[test]
fn bombs_of_references_stay_small() {
    let mut text = String::new();
    for level in 0..10 {
        let next = format!("!reference [.l{}, script]", level + 1);
        let all = vec![next; 40].join(", ");
        text.push_str(&format!(".l{level}: {{script: [{all}]}}\n"));
    }
    text.push_str(
        ".l10: {script: [x, []]}\nj: {script: [!reference [.l1, script]]}\nk: {extends: j}\n",
    );
    let read = pipeline(&text);
    assert!(
        read.jobs[0]
            .steps
            .iter()
            .all(|step| { step.script.as_ref().is_none_or(|script| script.text.len() < 100_000) })
    );
}
