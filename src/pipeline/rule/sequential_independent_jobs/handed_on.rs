//! Everything by which one job of a platform can hand something to the next: none of
//! these jobs may be taken for independent.

use super::*;
use crate::pipeline::rule::testing::count;

/// Two jobs with room for more at `{one}` and `{two}` (more steps) and at `{ONE}` and
/// `{TWO}` (more keys of the job). As they stand, the second needs nothing of the first.
fn jobs(platform: Platform) -> &'static str {
    match platform {
        Platform::GitHub => {
            "\
on: push
jobs:
  one:
    runs-on: ubuntu-latest{ONE}
    steps:
      - uses: actions/checkout@v4
      - run: npm ci && npm run build{one}
  two:
    needs: one
    runs-on: ubuntu-latest{TWO}
    steps:
      - uses: actions/checkout@v4{two}
      - run: go test ./...
"
        }
        Platform::GitLab => {
            "\
stages: [first, second]
one:
  stage: first{ONE}
  script:
    - npm ci && npm run build{one}
two:
  stage: second{TWO}
  script:
    - go test ./...{two}
"
        }
        Platform::Azure => {
            "\
jobs:
- job: one
  pool: {vmImage: ubuntu-latest}{ONE}
  steps:
  - script: npm ci && npm run build{one}
- job: two
  dependsOn: one
  pool: {vmImage: ubuntu-latest}{TWO}
  steps:
  - script: go test ./...{two}
"
        }
        Platform::Jenkins => {
            "\
pipeline {
    agent none
    stages {
        stage('one') {
            agent { label 'small' }{ONE}
            steps {
                sh 'npm ci && npm run build'{one}
            }
        }
        stage('two') {
            agent { label 'big' }{TWO}
            steps {
                sh 'go test ./...'{two}
            }
        }
    }
}
"
        }
        Platform::Bitbucket => {
            "\
pipelines:
  default:
    - step:
        name: one{ONE}
        script:
          - npm ci && npm run build{one}
    - step:
        name: two{TWO}
        script:
          - go test ./...{two}
"
        }
        Platform::Harness => {
            "\
pipeline:
  name: a
  identifier: a
  stages:
    - stage:
        name: one
        identifier: one
        type: CI
        spec:
          cloneCodebase: true{ONE}
          execution:
            steps:
              - step:
                  type: Run
                  name: build
                  identifier: build
                  spec:
                    shell: Sh
                    command: npm ci && npm run build{one}
    - stage:
        name: two
        identifier: two
        type: CI
        spec:
          cloneCodebase: true{TWO}
          execution:
            steps:
              - step:
                  type: Run
                  name: test
                  identifier: test
                  spec:
                    shell: Sh
                    command: go test ./...{two}
"
        }
    }
}

/// More of the first job and of the second: keys, or steps that begin with the line
/// that follows a dash (or a statement).
fn filled(platform: Platform, one: &str, two: &str) -> String {
    let mut text = jobs(platform).to_owned();
    for (more, key, step) in [(one, "{ONE}", "{one}"), (two, "{TWO}", "{two}")] {
        let (key_indent, step_indent) = match platform {
            Platform::GitHub => (4, 6),
            Platform::GitLab => (2, 4),
            Platform::Azure => (2, 2),
            Platform::Jenkins => (12, 16),
            Platform::Bitbucket => (8, 10),
            Platform::Harness => (10, 14),
        };
        let (slot, other, indent, more) = match more.strip_prefix("KEY ") {
            Some(more) => (key, step, key_indent, more),
            None => (step, key, step_indent, more),
        };
        let gap = format!("\n{}", " ".repeat(indent));
        let lines: String = more.lines().map(|line| format!("{gap}{line}")).collect();
        text = text.replace(slot, &lines).replace(other, "");
    }
    text
}

/// What the first job leaves, what the second takes.
type Case = (&'static str, &'static str);

const GITHUB: &[Case] = &[
    (
        "- uses: actions/cache/save@v4\n  with: {path: dist, key: 'dist-${{ github.sha }}'}",
        "- uses: actions/cache/restore@v4\n  with: {path: dist, key: 'dist-${{github.sha}}'}",
    ),
    (
        "- uses: actions/cache/save@v4\n  with: {path: dist, key: 'dist-${{ github.run_id }}'}",
        "- uses: actions/cache/restore@v4\n  with:\n    path: dist\n    key: none\n    restore-keys: |\n      other-\n      dist-",
    ),
    (
        "- uses: actions/cache@v4\n  with: {path: dist, key: 'dist-a'}",
        "- uses: actions/cache@v4\n  with: {path: dist, key: 'dist-b', restore-keys: dist-}",
    ),
    (
        "- uses: Swatinem/rust-cache@v2\n  with: {shared-key: all}",
        "- uses: Swatinem/rust-cache@v2\n  with: {shared-key: all}",
    ),
    (
        "- uses: actions/upload-artifact@v4\n  with: {path: dist}",
        "- uses: actions/download-artifact@v4\n  with: {name: artifact}",
    ),
    (
        "- uses: actions/upload-artifact@v4\n  with: {name: 'd-${{ runner.os }}', path: dist}",
        "- uses: actions/download-artifact@v4\n  with: {pattern: d-*}",
    ),
    (
        "- uses: actions/upload-artifact/merge@v4\n  with: {name: all}",
        "- uses: actions/download-artifact@v4\n  with: {name: all}",
    ),
    (
        "- uses: actions/upload-pages-artifact@v3\n  with: {path: dist}",
        "- uses: actions/download-artifact@v4\n  with: {name: github-pages}",
    ),
    (
        "- uses: actions/upload-pages-artifact@v3\n  with: {path: dist}",
        "- uses: actions/deploy-pages@v4",
    ),
    (
        "- uses: actions/upload-artifact@v4\n  with: {name: d, path: dist}",
        "- uses: dawidd6/action-download-artifact@v6\n  with: {name: d, run_id: '${{ github.run_id }}'}",
    ),
    (
        "- uses: actions/upload-artifact@v4\n  with: {name: d, path: dist}",
        "- run: gh run download ${{ github.run_id }} -n d",
    ),
    (
        "- uses: actions/upload-artifact@v4\n  with: {name: d, path: dist}",
        "- run: curl -sL https://api.github.com/repos/a/b/actions/runs/${{ github.run_id }}/artifacts -o a.json",
    ),
    ("KEY outputs: {v: a}", "- run: echo ${{ needs.one.outputs.v }}"),
    ("KEY outputs: {v: a}", "KEY env: {V: '${{ toJSON(needs) }}'}"),
    ("KEY outputs: {v: a}", "KEY strategy: {matrix: '${{ fromJSON(needs.one.outputs.v) }}'}"),
    ("- run: echo done", "- run: echo ${{ needs.one.result }}"),
    ("- run: echo done", "KEY if: always()"),
    ("KEY concurrency: same", "KEY concurrency: same"),
    ("- run: git push origin HEAD:built", "- run: echo done"),
];

const GITLAB: &[Case] = &[
    (
        "KEY cache: {key: $CI_COMMIT_SHA, paths: [dist], policy: push}",
        "KEY cache: {key: '${CI_COMMIT_SHA}', paths: [dist], policy: pull}",
    ),
    ("KEY cache: {paths: [dist]}", "KEY cache: {paths: [dist]}"),
    (
        "KEY cache: {key: built, paths: [dist]}",
        "KEY cache: {key: other, fallback_keys: [built], paths: [dist]}",
    ),
    (
        "KEY cache: {key: built, paths: [dist]}",
        "KEY cache: {key: other, paths: [dist]}\nvariables: {CACHE_FALLBACK_KEY: built}",
    ),
    ("KEY artifacts: {paths: [dist], exclude: ['dist/*.map']}", "- echo done"),
    ("KEY artifacts: {untracked: true, exclude: ['a']}", "- echo done"),
    ("KEY artifacts: {paths: [dist]}", "KEY dependencies: [one]"),
    ("KEY artifacts: {paths: [dist]}", "KEY needs: [{job: one, artifacts: true}]"),
    ("KEY artifacts: {reports: {dotenv: build.env}}", "- echo $VERSION"),
    ("KEY environment: {name: review, on_stop: two}", "- echo done"),
    ("- echo done", "KEY environment: {name: review, action: stop}"),
    ("KEY resource_group: same", "KEY resource_group: same"),
    ("- echo done", "KEY when: on_failure"),
    (
        "KEY artifacts: {paths: [dist]}\nneeds: []",
        "- 'curl --header \"JOB-TOKEN: $CI_JOB_TOKEN\" $CI_API_V4_URL/projects/1/jobs/artifacts/main/download?job=one -o a.zip'",
    ),
    (
        "- 'curl --upload-file a.zip $CI_API_V4_URL/projects/1/packages/generic/a/1/a.zip'",
        "- echo done",
    ),
];

const AZURE: &[Case] = &[
    ("- publish: dist\n  artifact: d", "- download: current\n  artifact: d"),
    ("- upload: dist\n  artifact: d", "- download: current\n  artifact: d"),
    ("- upload: dist\n  artifact: d", "- download: current"),
    ("- publish: dist", "- task: DownloadPipelineArtifact@2"),
    (
        "- publish: dist\n  artifact: d",
        "- task: DownloadPipelineArtifact@2\n  inputs: {itemPattern: 'd/**', targetPath: a}",
    ),
    (
        "- task: PublishBuildArtifacts@1\n  inputs: {pathToPublish: dist, ArtifactName: d}",
        "- task: DownloadBuildArtifacts@1\n  inputs: {artifactName: d}",
    ),
    (
        "- task: PublishBuildArtifacts@1",
        "- task: DownloadBuildArtifacts@1\n  inputs: {downloadType: specific, itemPattern: '**'}",
    ),
    (
        "- task: PublishPipelineArtifact@1\n  inputs: {targetPath: dist, artifact: d}",
        "- task: DownloadPipelineArtifact@2\n  inputs: {artifact: d}",
    ),
    (
        "- script: echo \"##vso[artifact.upload containerfolder=d;artifactname=d]$(pwd)/dist\"",
        "- download: current\n  artifact: d",
    ),
    (
        "- script: echo \"##vso[artifact.associate type=filepath;artifactname=d]//share\"",
        "- task: DownloadBuildArtifacts@1\n  inputs: {artifactName: d}",
    ),
    (
        "- script: echo \"##vso[build.updatebuildnumber]1.2.3\"",
        "- script: echo $(Build.BuildNumber)",
    ),
    (
        "- script: echo \"##vso[task.setvariable variable=v;isOutput=true]1\"\n  name: s",
        "KEY variables: {v: \"$[ dependencies.one.outputs['s.v'] ]\"}",
    ),
    (
        "- task: Cache@2\n  inputs: {key: 'dist | $(Build.BuildId)', path: dist}",
        "- task: Cache@2\n  inputs: {key: 'dist|$(Build.BuildId)', path: dist}",
    ),
    (
        "- task: Cache@2\n  inputs: {key: 'dist | $(Build.BuildId)', path: dist}",
        "- task: Cache@2\n  inputs: {key: 'none', restoreKeys: 'dist', path: dist}",
    ),
    (
        "- task: UniversalPackages@0\n  inputs: {command: publish, vstsFeedPackagePublish: a}",
        "- task: UniversalPackages@0\n  inputs: {command: download, vstsFeedPackage: a}",
    ),
    (
        "- script: echo done",
        "- script: az pipelines runs artifact download --artifact-name d --path . --run-id 1",
    ),
    ("- script: echo done", "KEY condition: always()"),
    ("- script: echo done", "KEY condition: eq(dependencies.one.result, 'Succeeded')"),
];

const JENKINS: &[Case] = &[
    ("stash name: 'd', includes: 'dist/**'", "unstash 'd'"),
    ("stash(name: \"d-${env.BUILD_ID}\", includes: 'dist/**')", "unstash(\"d-${env.BUILD_ID}\")"),
    (
        "archiveArtifacts artifacts: 'dist/**'",
        "copyArtifacts(projectName: env.JOB_NAME, selector: specific(env.BUILD_NUMBER))",
    ),
    (
        "archiveArtifacts artifacts: 'dist/**'",
        "copyArtifacts(projectName: \"${JOB_NAME}\", selector: specific(\"${BUILD_NUMBER}\"))",
    ),
    ("archiveArtifacts 'dist/**'", "unarchive mapping: ['dist/': '.']"),
    ("script { env.VERSION = '1' }", "sh \"echo ${env.VERSION}\""),
    ("script { env.VERSION = '1' }", "sh 'echo $VERSION'"),
    (
        "script { version = sh(script: 'git rev-parse HEAD', returnStdout: true) }",
        "sh \"echo ${version}\"",
    ),
    ("script { currentBuild.displayName = '1.2' }", "sh \"echo ${currentBuild.displayName}\""),
    ("sh 'echo done'", "script { if (currentBuild.currentResult == 'SUCCESS') { sh 'ls' } }"),
    ("sh 'echo done'", "milestone 1"),
];

const BITBUCKET: &[Case] = &[
    ("KEY artifacts: [dist/**]", "- echo done"),
    ("KEY artifacts: {paths: [dist/**]}", "- echo done"),
    (
        "KEY artifacts: {upload: [{name: d, type: shared, paths: [dist/**]}]}",
        "KEY artifacts: {download: [d]}",
    ),
    ("KEY artifacts: {upload: [{name: d, paths: [dist/**]}]}", "- echo done"),
    ("KEY caches: [built]", "KEY caches: [built]"),
    ("KEY output-variables: [VERSION]", "- echo $VERSION"),
    ("KEY deployment: staging", "- echo done"),
    ("KEY concurrency-group: same", "KEY concurrency-group: same"),
    ("- pipe: atlassian/bitbucket-upload-file:0.7.4\n  variables: {FILENAME: a}", "- echo done"),
];

const HARNESS: &[Case] = &[
    (
        "- step:\n    type: SaveCacheGCS\n    name: s\n    identifier: s\n    spec: {connectorRef: g, bucket: b, key: 'd-<+pipeline.sequenceId>', sourcePaths: [dist]}",
        "- step:\n    type: RestoreCacheGCS\n    name: r\n    identifier: r\n    spec: {connectorRef: g, bucket: b, key: 'd-<+pipeline.sequenceId>'}",
    ),
    (
        "- step:\n    type: SaveCacheS3\n    name: s\n    identifier: s\n    spec: {connectorRef: g, region: r, bucket: b, key: d, sourcePaths: [dist]}",
        "- step:\n    type: RestoreCacheS3\n    name: r\n    identifier: r\n    spec: {connectorRef: g, region: r, bucket: b, key: d}",
    ),
    (
        "- step:\n    type: SaveCacheHarness\n    name: s\n    identifier: s\n    spec: {key: d, sourcePaths: [dist]}",
        "- step:\n    type: RestoreCacheHarness\n    name: r\n    identifier: r\n    spec: {key: d}",
    ),
    (
        "KEY caching: {enabled: true, key: d, paths: [dist]}",
        "KEY caching: {enabled: true, key: d, paths: [dist]}",
    ),
    (
        "- step:\n    type: Run\n    name: o\n    identifier: o\n    spec: {shell: Sh, command: 'export V=1', outputVariables: [{name: V}]}",
        "- step:\n    type: Run\n    name: p\n    identifier: p\n    spec: {shell: Sh, command: 'echo <+pipeline.stages.one.spec.execution.steps.o.output.outputVariables.V>'}",
    ),
    (
        "- step:\n    type: S3Upload\n    name: u\n    identifier: u\n    spec: {connectorRef: g, region: r, bucket: b, sourcePath: dist}",
        "- step:\n    type: Run\n    name: p\n    identifier: p\n    spec: {shell: Sh, command: echo done}",
    ),
    (
        "- step:\n    type: Run\n    name: p\n    identifier: p\n    spec: {shell: Sh, command: echo done}",
        "- step:\n    type: Run\n    name: p\n    identifier: p\n    spec: {shell: Sh, command: 'echo <+pipeline.stages.one.status>'}",
    ),
];

const ALL: [(Platform, &[Case]); 6] = [
    (Platform::GitHub, GITHUB),
    (Platform::GitLab, GITLAB),
    (Platform::Azure, AZURE),
    (Platform::Jenkins, JENKINS),
    (Platform::Bitbucket, BITBUCKET),
    (Platform::Harness, HARNESS),
];

#[test]
fn what_is_handed_on_keeps_jobs_in_their_order() {
    let mut wrong = Vec::new();
    for (platform, cases) in ALL {
        let plain = filled(platform, "", "");
        assert_eq!(count(&RULE, platform, &plain), 1, "{plain}");
        for (one, two) in cases {
            if count(&RULE, platform, &filled(platform, one, two)) != 0 {
                wrong.push(format!("{platform:?}\n{one}\n-> {two}"));
            }
        }
    }
    assert!(wrong.is_empty(), "taken for independent:\n{}", wrong.join("\n\n"));
}

#[test]
fn what_stays_in_its_job_ties_nothing() {
    let cases = [
        (
            Platform::GitHub,
            "- run: echo a=b >> \"$GITHUB_ENV\"",
            "- run: echo a=b >> \"$GITHUB_STATE\"",
        ),
        (
            Platform::GitHub,
            "- uses: actions/cache@v4\n  with: {path: a, key: a-1, restore-keys: a-}",
            "- uses: actions/cache@v4\n  with: {path: b, key: b-1, restore-keys: b-}",
        ),
        (
            Platform::GitHub,
            "- uses: actions/upload-artifact@v4\n  with: {path: dist}",
            "- run: echo done",
        ),
        (Platform::GitLab, "KEY cache: {key: a, paths: [a]}", "KEY cache: {key: b, paths: [b]}"),
        (Platform::GitLab, "KEY artifacts: {reports: {junit: a.xml}}", "- echo done"),
        (Platform::GitLab, "KEY artifacts: {paths: [dist]}", "KEY dependencies: []"),
        (
            Platform::Azure,
            "- script: echo \"##vso[task.setvariable variable=v]1\"",
            "- script: echo $(v)",
        ),
        (Platform::Azure, "- task: PublishTestResults@2", "- download: current\n  artifact: d"),
        (Platform::Azure, "- publish: dist\n  artifact: a", "- download: current\n  artifact: d"),
        (Platform::Jenkins, "archiveArtifacts 'dist/**'", "sh 'echo done'"),
        (Platform::Jenkins, "writeFile file: 'a', text: 'b'", "sh 'cat a || true'"),
        (
            Platform::Bitbucket,
            "KEY artifacts: {upload: [{name: d, type: scoped, paths: [dist/**]}]}",
            "- echo done",
        ),
        (Platform::Harness, "KEY sharedPaths: [/cache]", "KEY sharedPaths: [/cache]"),
    ];
    let mut wrong = Vec::new();
    for (platform, one, two) in cases {
        if count(&RULE, platform, &filled(platform, one, two)) != 1 {
            wrong.push(format!("{platform:?}\n{one}\n-> {two}"));
        }
    }
    assert!(wrong.is_empty(), "tied:\n{}", wrong.join("\n\n"));
}

#[test]
fn what_lies_on_a_machine_that_is_kept_may_be_of_the_job_before() {
    let cases = [
        (
            Platform::GitHub,
            "ubuntu-latest",
            "[self-hosted, linux]",
            "      - uses: actions/checkout@v4\n",
        ),
        (
            Platform::GitLab,
            "  script:",
            "  tags: [ours]\n  variables: {GIT_STRATEGY: none}\n  script:",
            "",
        ),
        (
            Platform::Azure,
            "{vmImage: ubuntu-latest}\n  steps:\n",
            "{name: Ours}\n  steps:\n  - checkout: none\n",
            "",
        ),
    ];
    for (platform, from, to, without) in cases {
        let plain = filled(platform, "", "");
        assert!(plain.contains(from), "{from}");
        let kept = plain.replace(from, to).replace(without, "");
        assert_eq!(count(&RULE, platform, &kept), 0, "{kept}");
    }
}
