//! Workflows of our own, one feature each.

use super::read;
use crate::pipeline::dialect::{Refusal, Source};
use crate::pipeline::graph::*;
use crate::pipeline::{Files, yaml};

/// A checkout of these files.
pub(super) struct Checked(Vec<String>, Vec<(&'static str, &'static str)>);

impl Checked {
    fn new(files: &[(&'static str, &'static str)]) -> Self {
        let mut paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        paths.sort();
        Checked(paths, files.to_vec())
    }
}

impl Files for Checked {
    fn paths(&self) -> &[String] {
        &self.0
    }

    fn read(&self, path: &str) -> Option<String> {
        self.1.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned())
    }
}

fn outcome(text: &str, files: &Checked) -> Result<Pipeline, Refusal> {
    let tree = yaml::parse(text).unwrap();
    read(&Source { path: ".github/workflows/ci.yml", text, tree: &tree, files })
}

fn pipeline(text: &str) -> Pipeline {
    outcome(text, &Checked::new(&[])).unwrap()
}

/// The only job of a workflow with these lines in its job.
fn job(lines: &str) -> Job {
    let body: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    let mut pipeline = pipeline(&format!("on: push\njobs:\n  a:\n{body}"));
    pipeline.jobs.remove(0)
}

#[test]
fn every_form_of_on_is_read() {
    let check = |on: &str, expect: &[(TriggerKind, &str)]| {
        let text = format!("on: {on}\njobs: {{}}\n");
        let read: Vec<_> =
            pipeline(&text).triggers.iter().map(|one| (one.kind, one.name.clone())).collect();
        let expect: Vec<_> =
            expect.iter().map(|(kind, name)| (*kind, (*name).to_owned())).collect();
        assert_eq!(read, expect, "{on}");
    };
    use TriggerKind::*;
    check("push", &[(Push, "push")]);
    check("[push, 'pull_request']", &[(Push, "push"), (Change, "pull_request")]);
    check("\n  push:\n  workflow_dispatch:", &[(Push, "push"), (Manual, "workflow_dispatch")]);
    check("{push: {tags: ['v*']}}", &[(Tag, "push")]);
    check("{push: {tags: ['v*'], branches: [main]}}", &[(Push, "push")]);
    check("pull_request_target", &[(ChangeWithSecrets, "pull_request_target")]);
    check(
        "[workflow_run, workflow_call]",
        &[(Pipeline, "workflow_run"), (Pipeline, "workflow_call")],
    );
    check("[release, issues]", &[(Tag, "release"), (Other, "issues")]);
}

#[test]
fn filters_and_clocks_of_triggers_are_read() {
    let text = "on:\n  push:\n    branches: main\n    paths-ignore: [docs/**]\n  schedule:\n    - cron: '0 4 * * 1'\n    - cron: 5 5 * * *\njobs: {}\n";
    let read = pipeline(text);
    let push = &read.triggers[0];
    assert_eq!((push.branches.as_slice(), push.path_filter), (&["main".to_owned()][..], true));
    assert_eq!(push.paths, ["!docs/**"]);
    assert_eq!(&text[push.span.range()], "push:\n    branches: main\n    paths-ignore: [docs/**]");
    assert_eq!(read.triggers[1].cron, ["0 4 * * 1", "5 5 * * *"]);
}

#[test]
fn needs_become_edges_with_the_place_of_each_name() {
    let text = "on: push\njobs:\n  a: {runs-on: x}\n  b:\n    needs: 'a'\n  c:\n    needs: [a, \"B\", a, gone]\n  d:\n    needs:\n      - c\n";
    let read = pipeline(text);
    let edges: Vec<Vec<(usize, &str)>> = read
        .jobs
        .iter()
        .map(|job| {
            job.needs.iter().map(|need| (need.job, &text[need.span.unwrap().range()])).collect()
        })
        .collect();
    assert_eq!(edges, [vec![], vec![(0, "a")], vec![(0, "a"), (1, "B")], vec![(2, "c")]]);
    assert_eq!(&text[read.jobs[2].needs_span.unwrap().range()], "[a, \"B\", a, gone]");
    assert_eq!(&text[read.jobs[3].needs_span.unwrap().range()], "- c");
    assert_eq!(&text[read.jobs[3].span.range()], "d:\n    needs:\n      - c");
    assert_eq!(&text[read.jobs[3].key_span.range()], "d");
}

#[test]
fn permissions_are_read_in_all_forms() {
    let check = |value: &str, expect: &str| {
        let job = job(&format!("permissions: {value}"));
        let read = match job.permissions {
            Permissions::Unsaid => "unsaid".to_owned(),
            Permissions::ReadAll(_) => "read-all".to_owned(),
            Permissions::WriteAll(_) => "write-all".to_owned(),
            Permissions::Scopes(scopes, _) => format!("{scopes:?}"),
        };
        assert_eq!(read, expect);
    };
    check("read-all", "read-all");
    check("write-all", "write-all");
    check("{}", "[]");
    check("{contents: read}", "[(\"contents\", \"read\")]");
    check("", "unsaid");
}

#[test]
fn runners_tell_system_and_size() {
    let check = |lines: &str, labels: &[&str], os: Option<Os>, size: Option<&str>, own: bool| {
        let runner = job(lines).runner;
        let read = (runner.os, runner.size.as_deref(), runner.self_hosted);
        assert_eq!(
            (runner.labels.as_slice(), read),
            (
                labels.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>().as_slice(),
                (os, size, own),
            ),
            "{lines}"
        );
    };
    let (linux, mac, windows) = (Some(Os::Linux), Some(Os::MacOs), Some(Os::Windows));
    check("runs-on: ubuntu-latest", &["ubuntu-latest"], linux, None, false);
    check(
        "runs-on: ubuntu-latest-16-cores",
        &["ubuntu-latest-16-cores"],
        linux,
        Some("16-cores"),
        false,
    );
    check("runs-on: macos-15-xlarge", &["macos-15-xlarge"], mac, Some("xlarge"), false);
    check("runs-on: windows-2022", &["windows-2022"], windows, None, false);
    check("runs-on: ubuntu-22.04-16core", &["ubuntu-22.04-16core"], linux, Some("16core"), false);
    check(
        "runs-on: blacksmith-4vcpu-ubuntu-2204",
        &["blacksmith-4vcpu-ubuntu-2204"],
        linux,
        Some("4vcpu"),
        false,
    );
    check(
        "runs-on: [self-hosted, linux, X64]",
        &["self-hosted", "linux", "X64"],
        linux,
        None,
        true,
    );
    check("runs-on: our-box", &["our-box"], None, None, true);
    check(
        "runs-on: {group: big, labels: ubuntu-8-cores}",
        &["big", "ubuntu-8-cores"],
        linux,
        Some("8-cores"),
        false,
    );
    check(
        "runs-on: ${{ matrix.os }}\nstrategy: {matrix: {os: [ubuntu-latest, macos-15]}}",
        &["ubuntu-latest", "macos-15"],
        None,
        None,
        false,
    );
    check(
        "runs-on: ${{matrix.os}}-latest\nstrategy: {matrix: {os: [ubuntu]}}",
        &["ubuntu-latest"],
        linux,
        None,
        false,
    );
    check(
        "runs-on: ${{ matrix.t.os }}\nstrategy: {matrix: {t: [{os: windows-2022}], include: [{x: 1}]}}",
        &["windows-2022"],
        windows,
        None,
        false,
    );
    check(
        "runs-on: ${{ matrix.a == 'arm' && 'ubuntu-24.04-arm' || 'ubuntu-24.04' }}",
        &["ubuntu-24.04-arm", "ubuntu-24.04"],
        linux,
        None,
        false,
    );
    check(
        "runs-on: ${{ matrix.os }}\nstrategy: {matrix: {os: [ubuntu-slim, ubuntu-22.04]}}",
        &["ubuntu-slim", "ubuntu-22.04"],
        linux,
        None,
        false,
    );
    check(
        "runs-on: ${{ inputs.on || 'ubuntu-24.04' }}",
        &["${{ inputs.on || 'ubuntu-24.04' }}", "ubuntu-24.04"],
        linux,
        None,
        false,
    );
    check(
        "runs-on: ${{ fromJSON('[\"self-hosted\", \"x\"]') }}",
        &["self-hosted", "x"],
        None,
        None,
        true,
    );
}

#[test]
fn copies_of_a_matrix_are_counted_as_the_service_does() {
    let check = |matrix: &str, cells: Option<usize>| {
        let read = job(&format!("strategy: {{matrix: {matrix}}}")).matrix.unwrap();
        assert_eq!(read.cells, cells, "{matrix}");
    };
    check("{a: [1, 2], b: [x, y, z]}", Some(6));
    check("{a: [1, 2], b: [x, y], exclude: [{a: 1, b: x}]}", Some(3));
    check("{a: [1, 2], b: [x, y], exclude: [{a: 1}]}", Some(2));
    check("{a: [1, 2], include: [{a: 1, c: 5}, {c: 7}, {a: 3}]}", Some(3));
    check("{include: [{a: 1}, {a: 2}]}", Some(2));
    check("{a: [{k: 1}, {k: 2}], exclude: [{a: {k: 2}}]}", Some(1));
    check("{a: '${{ fromJSON(inputs.a) }}'}", None);
    check("{a: [1], include: '${{ fromJSON(inputs.a) }}'}", None);
    check("'${{ fromJSON(needs.a.outputs.m) }}'", None);
    check("{a: [], b: [1]}", Some(0));
    let many: Vec<String> = (0..70).map(|n| n.to_string()).collect();
    let many = many.join(", ");
    check(&format!("{{a: [{many}], b: [{many}]}}"), Some(4900));
    check(&format!("{{a: [{many}], b: [{many}], include: [{{a: 1}}]}}"), None);
}

#[test]
fn limits_and_soft_failures_are_read() {
    let timeout = |lines: &str| job(lines).timeout.map(|limit| limit.value);
    assert_eq!(timeout("timeout-minutes: 15"), Some(15.0));
    assert_eq!(timeout("timeout-minutes: ${{ fromJSON(inputs.limit) }}"), Some(360.0));
    assert_eq!(
        timeout("timeout-minutes: ${{ matrix.t }}\nstrategy: {matrix: {t: [5, 20]}}"),
        Some(20.0)
    );
    assert_eq!(timeout("runs-on: x"), None);
    let soft = |value: &str| job(&format!("continue-on-error: {value}")).soft_fail;
    assert!(soft("true") && soft("${{ matrix.experimental }}") && soft("${{ true }}"));
    assert!(!soft("false") && !soft("${{ github.event_name == 'push' }}"));
}

#[test]
fn containers_environments_and_groups_are_read() {
    let read = job(
        "container: {image: 'node:22'}\nservices:\n  db: {image: 'postgres:16'}\n  cache: redis\nenvironment: {name: production, url: x}\nconcurrency: {group: g, cancel-in-progress: '${{ x }}'}\nif: github.ref == 'x'\nenv: {A: 1}",
    );
    assert_eq!(read.image.unwrap().value, "node:22");
    assert_eq!(read.services, ["postgres:16", "redis"]);
    assert_eq!(read.environment.unwrap().value, "production");
    let group = read.concurrency.unwrap();
    assert_eq!((group.group.as_str(), group.cancel.as_deref()), ("g", Some("${{ x }}")));
    assert_eq!(read.condition.unwrap().value, "github.ref == 'x'");
    assert_eq!((read.env[0].name.as_str(), read.env[0].value.as_str()), ("A", "1"));
    let plain = job("environment: staging\ncontainer: alpine\nconcurrency: g");
    assert_eq!(plain.environment.unwrap().value, "staging");
    assert_eq!(plain.image.unwrap().value, "alpine");
    assert_eq!(plain.concurrency.unwrap().cancel, None);
    assert!(plain.writes.iter().any(|one| one.what == Resource::Environment("staging".to_owned())));
}

#[test]
fn steps_are_read_with_uses_inputs_and_scripts() {
    let text = "on: push\ndefaults: {run: {shell: pwsh}}\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          fetch-depth: 0\n          submodules: recursive\n          lfs: true\n      - id: t\n        name: Test\n        if: always()\n        shell: bash\n        run: |\n          one\n          two\n        env: {A: b}\n        continue-on-error: true\n      - run: three\n      - uses: docker://ghcr.io:5000/o/i:3\n      - uses: o/r/sub/path@abc # v1\n";
    let read = pipeline(text);
    let job = &read.jobs[0];
    assert_eq!(job.clone.depth.as_ref().unwrap().value, 0);
    assert_eq!(&text[job.clone.depth.as_ref().unwrap().span.range()], "0");
    assert_eq!(job.clone.submodules.as_ref().unwrap().value, "recursive");
    assert!(job.clone.lfs.as_ref().unwrap().value && !job.clone.none);
    let test = &job.steps[1];
    let script = test.script.as_ref().unwrap();
    assert_eq!((script.text.as_str(), script.shell.as_deref()), ("one\ntwo\n", Some("bash")));
    assert_eq!((test.id.as_deref(), test.name.as_deref()), (Some("t"), Some("Test")));
    assert!(test.soft_fail && test.phase == Phase::Always && test.env.len() == 1);
    assert_eq!(job.steps[2].script.as_ref().unwrap().shell.as_deref(), Some("pwsh"));
    assert_eq!(script.path.last(), Some(&Seg::Key("run".to_owned())));
    let uses = |place: usize| {
        let uses = job.steps[place].uses.as_ref().unwrap();
        (uses.name.as_str(), uses.version.as_deref(), &text[uses.span.range()])
    };
    assert_eq!(uses(3), ("docker://ghcr.io:5000/o/i", Some("3"), "docker://ghcr.io:5000/o/i:3"));
    assert_eq!(uses(4), ("o/r/sub/path", Some("abc"), "o/r/sub/path@abc"));
    assert!(self::job("steps: [{run: x}]").clone.none);
}

#[test]
fn conditions_tell_when_a_step_has_its_turn() {
    let check = |condition: &str, expect: Phase| {
        let read = job(&format!("steps: [{{run: x, if: \"{condition}\"}}]"));
        assert_eq!(read.steps[0].phase, expect, "{condition}");
    };
    check("always() && x", Phase::Always);
    check("${{ cancelled() }}", Phase::Always);
    check("failure()", Phase::Failure);
    check("! cancelled()", Phase::Main);
    check("success() || failure()", Phase::Main);
    check("!failure()", Phase::Main);
    check("github.ref == 'x'", Phase::Main);
}

#[test]
fn what_expressions_read_is_told_with_its_place() {
    let check = |lines: &str, expect: &[(Resource, &str)]| {
        let body: String = lines.lines().map(|line| format!("    {line}\n")).collect();
        let text = format!("on: push\njobs:\n  a: {{}}\n  b:\n    needs: a\n{body}");
        let read = pipeline(&text);
        let reads: Vec<_> = read.jobs[1]
            .reads
            .iter()
            .map(|one| (one.what.clone(), text[one.span.range()].to_owned()))
            .collect();
        let expect: Vec<_> =
            expect.iter().map(|(what, place)| (what.clone(), (*place).to_owned())).collect();
        assert_eq!(reads, expect, "{lines}");
    };
    let output = |job: &str, name: &str| Resource::Output(job.to_owned(), name.to_owned());
    let status = |job: &str| Resource::Status(job.to_owned());
    check("env: {X: '${{ needs.a.outputs.v }}'}", &[(output("a", "v"), "needs.a.outputs.v")]);
    check("if: needs.a.result == 'success'", &[(status("a"), "needs.a.result")]);
    check("if: needs['a'].outputs['v-1']", &[(output("a", "v-1"), "needs['a'].outputs['v-1']")]);
    check("if: contains(needs.*.result, 'failure')", &[(status(""), "needs.*.result")]);
    check("if: always()", &[(status(""), "always()")]);
    check(
        "steps:\n  - run: |\n      echo needs.a.outputs.no\n      x ${{ needs.a.outputs.v }}",
        &[(output("a", "v"), "needs.a.outputs.v")],
    );
    check("steps:\n  - run: x # ${{ needs.a.outputs.v }}", &[]);
    check("env: {X: '${{ toJSON(needs) }}'}", &[(output("", ""), "needs"), (status(""), "needs")]);
    check("if: steps.x.needs.y", &[]);
    check(
        "strategy: {matrix: '${{ fromJSON(needs.a.outputs.m) }}'}",
        &[(output("a", "m"), "needs.a.outputs.m")],
    );
}

#[test]
fn artifacts_are_written_and_read_by_name_pattern_or_all() {
    let text = "on: push\njobs:\n  a:\n    steps:\n      - uses: actions/upload-artifact@v4\n        with: {name: 'bin-${{ matrix.os }}', path: x}\n      - uses: actions/upload-artifact@v4\n  b:\n    steps:\n      - uses: actions/download-artifact@v4\n        with: {pattern: bin-*}\n  c:\n    steps:\n      - uses: actions/download-artifact@v4\n  d:\n    steps:\n      - uses: actions/download-artifact@v4\n        with: {name: bin-linux}\n  e:\n    steps:\n      - uses: actions/download-artifact@v4\n        with: {run-id: 7}\n    outputs: {v: '${{ steps.x.outputs.v }}'}\n";
    let read = pipeline(text);
    let names = |all: &[Access]| -> Vec<String> {
        all.iter()
            .filter_map(|one| match &one.what {
                Resource::Artifact(name) => Some(name.clone()),
                _ => None,
            })
            .collect()
    };
    assert_eq!(names(&read.jobs[0].writes), ["bin-${{ matrix.os }}", "artifact"]);
    assert_eq!(names(&read.jobs[1].reads), ["bin-*", "bin-${{ matrix.os }}"]);
    assert_eq!(names(&read.jobs[2].reads), [""]);
    assert_eq!(names(&read.jobs[3].reads), ["bin-linux", "bin-${{ matrix.os }}"]);
    assert!(read.jobs[4].reads.is_empty());
    assert_eq!(read.jobs[4].outputs[0].0, "v");
    assert_eq!(read.jobs[4].writes[0].what, Resource::Output("e".to_owned(), "v".to_owned()));
}

#[test]
fn calls_and_local_actions_are_followed_or_named() {
    let text = "on: push\njobs:\n  a: {uses: ./.github/workflows/x.yml}\n  b: {uses: ./.github/workflows/gone.yml}\n  c: {uses: 'o/r/.github/workflows/y.yml@v1'}\n  d:\n    steps:\n      - uses: ./act\n      - uses: ./none\n      - uses: ./bad\n      - run: last\n";
    let files = Checked::new(&[
        (".github/workflows/x.yml", ""),
        ("bad/action.yaml", "a: ["),
        (
            "act/action.yml",
            "runs:\n  using: composite\n  steps:\n    - run: npm ci\n    - uses: ./act\n",
        ),
    ]);
    let read = outcome(text, &files).unwrap();
    let unread: Vec<_> = read.unread.iter().map(|one| (one.what.as_str(), one.why)).collect();
    assert_eq!(
        unread,
        [
            ("./.github/workflows/gone.yml", "missing"),
            ("o/r/.github/workflows/y.yml@v1", "remote"),
            ("./act", "cyclic"),
            ("./none", "missing"),
            ("./bad", "broken"),
        ]
    );
    assert!(read.jobs[..3].iter().all(|job| job.kind == JobKind::Call && job.calls.is_some()));
    assert_eq!(read.included, ["act/action.yml"]);
    let files: Vec<u16> = read.jobs[3].steps.iter().map(|step| step.span.file).collect();
    assert_eq!(files, [0, 1, 1, 0, 0, 0]);
    assert_eq!(read.jobs[3].steps[1].script.as_ref().unwrap().text, "npm ci");
}

#[test]
fn what_is_no_workflow_is_declined_with_a_reason() {
    let check = |text: &str, why: &str| {
        let refusal = outcome(text, &Checked::new(&[])).map(|read| read.jobs.len());
        assert_eq!(refusal, Err(Refusal::Declined(why.to_owned())), "{text}");
    };
    check("", "it is empty");
    check("- a\n", "it is a list and not a workflow");
    check("a\n", "it is a text and not a workflow");
    check("version: 2\nupdates: []\n", "it is a configuration of Dependabot");
    check("name: x\nbody: []\n", "it is an issue form");
    check("on: push\n", "it has no `jobs`");
    check("a: b\n", "it has no `jobs`, so it is no workflow");
    check("runs: {using: node20}\n", "it is an action that runs with node20, not a workflow");
    let broken = outcome("on: push\njobs:\n  - a\n", &Checked::new(&[])).unwrap_err();
    assert_eq!(
        broken,
        Refusal::Invalid { line: 3, why: "`jobs` is no mapping of jobs".to_owned() }
    );
}

#[test]
fn a_composite_action_is_a_pipeline_of_one_job() {
    let text = "name: x\noutputs: {v: {value: '${{ steps.s.outputs.v }}'}}\nruns:\n  using: composite\n  steps:\n    - run: make\n      shell: bash\n";
    let read = pipeline(text);
    assert_eq!((read.jobs.len(), read.jobs[0].steps.len()), (1, 1));
    assert_eq!(read.jobs[0].outputs[0].0, "v");
    assert!(read.triggers.is_empty());
}

#[test]
fn anchors_make_a_job_shared() {
    let text = "on: push\njobs:\n  a:\n    steps: &s\n      - run: x\n  b:\n    steps: *s\n  c:\n    steps: [{run: y}]\n";
    let shared: Vec<bool> = pipeline(text).jobs.iter().map(|job| job.shared).collect();
    assert_eq!(shared, [true, true, false]);
    assert_eq!(pipeline(text).jobs[1].steps.len(), 1);
}
