//! What the rule finds on each platform, and what its fix writes.

use super::*;
use crate::pipeline::rule::testing::{Paths, edited, hits};

/// What is expected of a file.
enum Expect {
    Silent,
    /// A finding whose fix is only suggested, or that has none.
    Suggested,
    /// A safe fix: lines that come, in order, without their indentation.
    Adds(&'static str),
}

fn check_file(platform: Platform, text: &str, files: &[&str], expect: &Expect) {
    let (file, hits) = hits(&RULE, platform, text, &Paths::of(files));
    let safe = |hit: &Hit| hit.fix.as_ref().is_some_and(|fix| fix.safe);
    match expect {
        Expect::Silent => assert!(hits.is_empty(), "{hits:?}\n{text}"),
        Expect::Suggested => assert!(hits.len() == 1 && !safe(&hits[0]), "{hits:?}\n{text}"),
        Expect::Adds(lines) => {
            assert!(hits.len() == 1 && safe(&hits[0]), "{hits:?}\n{text}");
            let ops = &hits[0].fix.as_ref().unwrap().ops;
            let after = edited(&file, ops);
            let mut old: Vec<&str> = text.lines().collect();
            let new: Vec<&str> = after
                .lines()
                .filter(|line| match old.iter().position(|known| known == line) {
                    Some(at) => {
                        old.remove(at);
                        false
                    }
                    None => true,
                })
                .map(str::trim)
                .collect();
            assert_eq!(new.join("\n"), *lines, "{after}");
        }
    }
}

fn github(steps: &str) -> String {
    let steps = steps.replace('\n', "\n      ");
    format!(
        "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      {}\n",
        steps.trim_end()
    )
}

#[test]
fn actions_that_set_up_a_language_keep_its_packages() {
    use Expect::{Adds, Silent, Suggested};
    for (steps, files, expect) in [
        (
            "- uses: actions/setup-node@v4\n  with:\n    node-version: 22\n- run: npm ci",
            &["package-lock.json"][..],
            Adds("cache: npm"),
        ),
        (
            "- uses: actions/setup-node@v4\n- run: npm ci",
            &["package-lock.json"],
            Adds("with:\ncache: npm"),
        ),
        (
            "- uses: actions/setup-node@v4\n- run: cd web && npm ci",
            &["web/package-lock.json"],
            Adds("with:\ncache: npm\ncache-dependency-path: web/package-lock.json"),
        ),
        (
            "- uses: actions/setup-node@v4\n- run: npm ci\n  working-directory: ./web",
            &["web/package-lock.json"],
            Adds("with:\ncache: npm\ncache-dependency-path: web/package-lock.json"),
        ),
        ("- uses: actions/setup-node@v4\n- run: npm ci", &[], Silent),
        ("- uses: actions/setup-node@v1\n- run: npm ci", &["package-lock.json"], Silent),
        (
            "- uses: actions/setup-node@v4\n  with: {cache: npm}\n- run: npm ci",
            &["package-lock.json"],
            Silent,
        ),
        (
            "- uses: actions/cache@v4\n  with: {path: ~/.npm, key: a}\n- uses: actions/setup-node@v4\n- run: npm ci",
            &["package-lock.json"],
            Silent,
        ),
        (
            "- uses: actions/setup-node@v4\n  if: matrix.x\n- run: npm ci",
            &["package-lock.json"],
            Suggested,
        ),
        (
            "- uses: actions/setup-node@v4\n- run: npm ci && npm publish",
            &["package-lock.json"],
            Suggested,
        ),
        (
            "- uses: actions/setup-node@v4\n- run: yarn install",
            &["yarn.lock"],
            Adds("with:\ncache: yarn"),
        ),
        (
            "- uses: actions/setup-node@v4\n- run: yarn install",
            &[".yarnrc.yml", "yarn.lock"],
            Suggested,
        ),
        ("- uses: actions/setup-node@v4\n- run: pnpm install", &["pnpm-lock.yaml"], Suggested),
        (
            "- uses: pnpm/action-setup@v4\n- uses: actions/setup-node@v4\n- run: pnpm install",
            &["pnpm-lock.yaml"],
            Adds("with:\ncache: pnpm"),
        ),
        (
            "- uses: actions/setup-python@v5\n- run: pip install -r requirements.txt",
            &["requirements.txt"],
            Adds("with:\ncache: pip"),
        ),
        (
            "- uses: actions/setup-python@v5\n- run: pip install -r dev.txt",
            &["dev.txt"],
            Adds("with:\ncache: pip\ncache-dependency-path: dev.txt"),
        ),
        ("- uses: actions/setup-python@v5\n- run: pip install tox", &["requirements.txt"], Silent),
        (
            "- uses: actions/setup-python@v5\n- run: pip install --no-cache-dir -r requirements.txt",
            &["requirements.txt"],
            Silent,
        ),
        (
            "- uses: actions/setup-java@v4\n- run: mvn -B verify",
            &["pom.xml"],
            Adds("with:\ncache: maven"),
        ),
        (
            "- uses: actions/setup-java@v4\n- run: ./gradlew test",
            &["build.gradle"],
            Adds("with:\ncache: gradle"),
        ),
        (
            "- uses: actions/setup-java@v4\n- uses: gradle/actions/setup-gradle@v4\n- run: ./gradlew test",
            &["build.gradle"],
            Silent,
        ),
        ("- uses: actions/setup-go@v5\n- run: go test ./...", &["go.sum"], Silent),
        (
            "- uses: actions/setup-go@v3\n- run: go test ./...",
            &["go.sum"],
            Adds("with:\ncache: true"),
        ),
        ("- uses: ruby/setup-ruby@v1\n- run: bundle install", &["Gemfile.lock"], Suggested),
        ("- run: cargo test", &["Cargo.lock"], Suggested),
        ("- uses: Swatinem/rust-cache@v2\n- run: cargo test", &["Cargo.lock"], Silent),
        (
            "- uses: actions-rust-lang/setup-rust-toolchain@v1\n- run: cargo test",
            &["Cargo.lock"],
            Silent,
        ),
        (
            "- uses: actions-rust-lang/setup-rust-toolchain@v1\n  with: {cache: false}\n- run: cargo test",
            &["Cargo.lock"],
            Suggested,
        ),
        ("- run: npm install lodash", &["package-lock.json"], Silent),
        ("- run: cargo install critcmp", &["Cargo.lock"], Silent),
        ("- run: docker run node:22 npm ci", &["package-lock.json"], Silent),
    ] {
        check_file(Platform::GitHub, &github(steps), files, &expect);
    }
}

#[test]
fn other_platforms_keep_folders() {
    use Expect::{Adds, Silent, Suggested};
    use Platform::{Azure, Bitbucket, GitLab, Harness, Jenkins};
    for (platform, text, files, expect) in [
        (
            GitLab,
            "lint:\n  image: node:22\n  script:\n    - npm ci\n    - npm run lint\n",
            &["package-lock.json"][..],
            Adds(
                "cache:\nkey:\nfiles: [package-lock.json]\npaths: [.npm/]\n- npm ci --cache .npm --prefer-offline",
            ),
        ),
        (
            GitLab,
            "unit:\n  variables:\n    A: b\n  script: [mvn -B verify]\n",
            &["pom.xml"],
            Adds(
                "cache:\nkey:\nfiles: [pom.xml]\npaths: [.m2/repository]\nMAVEN_OPTS: -Dmaven.repo.local=$CI_PROJECT_DIR/.m2/repository",
            ),
        ),
        (
            GitLab,
            "unit:\n  variables:\n    MAVEN_OPTS: -Xmx1g\n  script: [mvn -B verify]\n",
            &["pom.xml"],
            Adds(
                "cache:\nkey:\nfiles: [pom.xml]\npaths: [.m2/repository]\nMAVEN_OPTS: -Xmx1g -Dmaven.repo.local=$CI_PROJECT_DIR/.m2/repository",
            ),
        ),
        (
            GitLab,
            "t:\n  script:\n    - pip install -r requirements.txt\n",
            &["requirements.txt"],
            Adds(
                "variables:\nPIP_CACHE_DIR: $CI_PROJECT_DIR/.cache/pip\ncache:\nkey:\nfiles: [requirements.txt]\npaths: [.cache/pip]",
            ),
        ),
        (GitLab, "cache: {paths: [x]}\nt:\n  script: [npm ci]\n", &["package-lock.json"], Silent),
        (GitLab, "t:\n  cache: []\n  script: [npm ci]\n", &["package-lock.json"], Silent),
        (GitLab, "t:\n  script: [cargo test]\n", &["Cargo.lock"], Suggested),
        (
            GitLab,
            "t:\n  environment: production\n  script: [npm ci]\n",
            &["package-lock.json"],
            Suggested,
        ),
        (
            Azure,
            "pool:\n  vmImage: ubuntu-latest\nsteps:\n- checkout: self\n- script: npm ci && npm test\n",
            &["package-lock.json"],
            Adds(
                "variables:\nnpm_config_cache: $(Pipeline.Workspace)/.npm\n- task: Cache@2\ninputs:\nkey: npm | \"$(Agent.OS)\" | package-lock.json\nrestoreKeys: npm | \"$(Agent.OS)\"\npath: $(npm_config_cache)",
            ),
        ),
        (
            Azure,
            "stages:\n- stage: a\n  jobs:\n  - job: b\n    steps:\n    - script: npm ci && npm run build\n    - upload: dist\n      artifact: drop\n- stage: c\n  jobs:\n  - deployment: d\n    environment: e\n    strategy: {runOnce: {deploy: {steps: [{script: ./go.sh}]}}}\n",
            &["package-lock.json"],
            Suggested,
        ),
        (
            Bitbucket,
            "image: node:22\npipelines:\n  default:\n    - step:\n        script:\n          - npm ci\n",
            &["package-lock.json"],
            Adds(
                "definitions:\ncaches:\nnpm:\nkey:\nfiles: [package-lock.json]\npath: ~/.npm\ncaches: [npm]",
            ),
        ),
        (
            Bitbucket,
            "pipelines:\n  default:\n    - step:\n        caches:\n          - docker\n        script:\n          - mvn -B verify\n",
            &["pom.xml"],
            Adds("- maven"),
        ),
        (
            Bitbucket,
            "pipelines:\n  default:\n    - step:\n        caches: [maven]\n        script:\n          - mvn -B verify\n",
            &["pom.xml"],
            Silent,
        ),
        (
            Harness,
            "pipeline:\n  stages:\n    - stage:\n        identifier: a\n        type: CI\n        spec:\n          cloneCodebase: true\n          runtime: {type: Cloud, spec: {}}\n          execution:\n            steps:\n              - step:\n                  type: Run\n                  identifier: r\n                  spec:\n                    command: npm ci && npm test\n",
            &["package-lock.json"],
            Adds(
                "caching:\nenabled: true\nkey: npm-{{ checksum \"package-lock.json\" }}\npaths: [/harness/.npm]\ncommand: npm ci --cache /harness/.npm && npm test",
            ),
        ),
        (
            Jenkins,
            "pipeline {\n  agent any\n  stages {\n    stage('a') {\n      steps {\n        sh 'npm ci'\n      }\n    }\n  }\n}\n",
            &["package-lock.json"],
            Suggested,
        ),
    ] {
        check_file(platform, text, files, &expect);
    }
}
