//! What the rule finds on each platform, and what its fix writes.

use super::*;
use crate::pipeline::NoFiles;
use crate::pipeline::prove::{Gates, prove};
use crate::pipeline::rule::testing::{self, count, edited, finds};

/// The text after the fix of the one finding; `None` where it has none.
#[track_caller]
fn fixed(platform: Platform, text: &str) -> Option<String> {
    let (file, hits) = testing::hits(&RULE, platform, text, &NoFiles);
    let [hit] = hits.as_slice() else { panic!("{hits:?}\n{text}") };
    let fix = hit.fix.as_ref()?;
    assert!(!fix.safe);
    prove(&file, &fix.ops, &NoFiles, &Gates::usual()).unwrap_or_else(|why| panic!("{why:?}"));
    Some(edited(&file, &fix.ops))
}

#[track_caller]
fn check_fix(platform: Platform, before: &str, after: &str) {
    let out = fixed(platform, before).expect("a fix");
    assert_eq!(out, after, "\n{out}");
    finds(&RULE, platform, &out, &[]);
}

const GITHUB: &str = "\
on: push
jobs:
  image:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: docker build -t ghcr.io/acme/app:${{ github.sha }} .
      - run: docker push ghcr.io/acme/app:${{ github.sha }}
  deploy:
    needs: image # waits
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: docker build -t app . && ./deploy.sh app
";

#[test]
fn github_hands_on_the_digest_as_a_job_output() {
    check_fix(
        Platform::GitHub,
        GITHUB,
        "\
on: push
jobs:
  image:
    runs-on: ubuntu-latest
    outputs:
      ref: ${{ steps.push.outputs.ref }}
    steps:
      - uses: actions/checkout@v4
      - run: docker build -t ghcr.io/acme/app:${{ github.sha }} .
      - run: |
          docker push ghcr.io/acme/app:${{ github.sha }}
          echo \"ref=$(docker inspect --format '{{index .RepoDigests 0}}' ghcr.io/acme/app:${{ github.sha }})\" >> \"$GITHUB_OUTPUT\"
        id: push
  deploy:
    needs: image # waits
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: ./deploy.sh \"$IMAGE\"
        env:
          IMAGE: ${{ needs.image.outputs.ref }}
",
    );
}

#[test]
fn the_action_s_own_digest_is_used() {
    let before = GITHUB.replace(
        "      - run: docker build -t ghcr.io/acme/app:${{ github.sha }} .
      - run: docker push ghcr.io/acme/app:${{ github.sha }}
",
        "      - uses: docker/build-push-action@v6
        with:
          push: true
          tags: ghcr.io/acme/app:${{ github.sha }}
",
    );
    let after = fixed(Platform::GitHub, &before).expect("a fix");
    for part in [
        "      ref: ghcr.io/acme/app@${{ steps.build.outputs.digest }}\n",
        "      - uses: docker/build-push-action@v6\n        id: build\n        with:\n",
        "      - run: ./deploy.sh \"$IMAGE\"\n        env:\n          IMAGE: ${{ needs.image.outputs.ref }}\n",
    ] {
        assert!(after.contains(part), "{part}\n{after}");
    }
}

#[test]
fn gitlab_hands_it_on_in_a_dotenv_report() {
    check_fix(
        Platform::GitLab,
        "\
stages: [image, deploy]
build-image:
  stage: image
  image: docker:27
  script:
    - docker build -t $CI_REGISTRY_IMAGE:$CI_COMMIT_SHA .
    - docker push $CI_REGISTRY_IMAGE:$CI_COMMIT_SHA # the registry
deploy:
  stage: deploy
  script:
    - docker build -t app .
    - ./deploy.sh app
",
        "\
stages: [image, deploy]
build-image:
  stage: image
  image: docker:27
  script:
    - docker build -t $CI_REGISTRY_IMAGE:$CI_COMMIT_SHA .
    - docker push $CI_REGISTRY_IMAGE:$CI_COMMIT_SHA # the registry
    - echo \"IMAGE=$(docker inspect --format '{{index .RepoDigests 0}}' $CI_REGISTRY_IMAGE:$CI_COMMIT_SHA)\" > image.env
  artifacts:
    reports:
      dotenv: image.env
deploy:
  stage: deploy
  script:
    - ./deploy.sh \"$IMAGE\"
",
    );
}

#[test]
fn azure_hands_it_on_in_an_output_variable() {
    check_fix(
        Platform::Azure,
        "\
trigger: [main]
pool: {vmImage: ubuntu-latest}
stages:
- stage: image
  jobs:
  - job: build
    steps:
    - script: |
        docker build -t acme.azurecr.io/app:$(Build.SourceVersion) .
        docker push acme.azurecr.io/app:$(Build.SourceVersion)
- stage: deploy
  dependsOn: image
  jobs:
  - deployment: prod
    environment: production
    strategy:
      runOnce:
        deploy:
          steps:
          - checkout: self
          - script: docker build -t app . && ./deploy.sh app
",
        "\
trigger: [main]
pool: {vmImage: ubuntu-latest}
stages:
- stage: image
  jobs:
  - job: build
    steps:
    - script: |
        set -e
        docker build -t acme.azurecr.io/app:$(Build.SourceVersion) .
        docker push acme.azurecr.io/app:$(Build.SourceVersion)
        echo \"##vso[task.setvariable variable=image;isOutput=true]$(docker inspect --format '{{index .RepoDigests 0}}' acme.azurecr.io/app:$(Build.SourceVersion))\"
      name: push
- stage: deploy
  dependsOn: image
  jobs:
  - deployment: prod
    environment: production
    variables:
      image: $[ stageDependencies.image.build.outputs['push.image'] ]
    strategy:
      runOnce:
        deploy:
          steps:
          - checkout: self
          - script: ./deploy.sh $(image)
",
    );
}

#[test]
fn jenkins_hands_it_on_in_the_environment() {
    check_fix(
        Platform::Jenkins,
        "\
pipeline {
    agent any
    stages {
        stage('Image') {
            steps {
                sh 'docker build -t registry.example.com/app:$GIT_COMMIT .'
                sh 'docker push registry.example.com/app:$GIT_COMMIT'
            }
        }
        stage('Deploy') {
            steps { sh 'docker build -t app . && ./deploy.sh app' }
        }
    }
}
",
        "\
pipeline {
    agent any
    stages {
        stage('Image') {
            steps {
                sh 'docker build -t registry.example.com/app:$GIT_COMMIT .'
                sh 'docker push registry.example.com/app:$GIT_COMMIT'
                script {
                    env.IMAGE = sh(script: 'docker inspect --format \"{{index .RepoDigests 0}}\" registry.example.com/app:$GIT_COMMIT', returnStdout: true).trim()
                }
            }
        }
        stage('Deploy') {
            steps { sh './deploy.sh \"$IMAGE\"' }
        }
    }
}
",
    );
}

#[test]
fn bitbucket_hands_it_on_in_an_artifact() {
    check_fix(
        Platform::Bitbucket,
        "\
pipelines:
  default:
    - step:
        name: image
        services: [docker]
        script:
          - docker build -t $REGISTRY/app:$BITBUCKET_COMMIT .
          - docker push $REGISTRY/app:$BITBUCKET_COMMIT
    - step:
        name: deploy
        deployment: production
        script: [docker build -t app ., ./deploy.sh app]
",
        "\
pipelines:
  default:
    - step:
        name: image
        services: [docker]
        script:
          - docker build -t $REGISTRY/app:$BITBUCKET_COMMIT .
          - docker push $REGISTRY/app:$BITBUCKET_COMMIT
          - docker inspect --format '{{index .RepoDigests 0}}' $REGISTRY/app:$BITBUCKET_COMMIT > image.txt
        artifacts: [image.txt]
    - step:
        name: deploy
        deployment: production
        script: [./deploy.sh \"$(cat image.txt)\"]
",
    );
}

const HARNESS: &str = "\
pipeline:
  name: app
  identifier: app
  stages:
    - stage:
        name: image
        identifier: image
        type: CI
        spec:
          cloneCodebase: true
          execution:
            steps:
              - step:
                  type: BuildAndPushDockerRegistry
                  name: push
                  identifier: push
                  spec:
                    connectorRef: dockerhub
                    repo: acme/app
                    tags: [<+codebase.commitSha>]
    - stage:
        name: deploy
        identifier: deploy
        type: CI
        spec:
          cloneCodebase: true
          execution:
            steps:
              - step:
                  type: Run
                  name: deploy
                  identifier: deploy
                  spec:
                    shell: Sh
                    command: docker build -t app . && ./deploy.sh app
";

#[test]
fn harness_uses_the_tag_by_commit() {
    let after = HARNESS.replace(
        "docker build -t app . && ./deploy.sh app",
        "./deploy.sh acme/app:<+codebase.commitSha>",
    );
    check_fix(Platform::Harness, HARNESS, &after);
}

/// The GitHub sample with one change: whether it is still found.
fn found(from: &str, to: &str) -> usize {
    let text = GITHUB.replacen(from, to, 1);
    assert_ne!(text, GITHUB, "{from}");
    count(&RULE, Platform::GitHub, &text)
}

#[test]
fn other_images_are_left_alone() {
    let again = "docker build -t app . &&";
    for other in [
        "docker build -t app --target dev . &&",
        "docker build -t app --build-arg A=1 . &&",
        "docker build -t app -f Dockerfile.dev . &&",
        "docker build -t app web &&",
        "docker build -t app --platform linux/arm64 . &&",
        "cd web && docker build -t app . &&",
        "cat base.txt > Dockerfile; docker build -t app . &&",
        "docker build -t app - < x &&",
    ] {
        assert_eq!(found(again, other), 0, "{other}");
    }
    for same in ["docker build -t app ./ &&", "docker build --pull -t app -f Dockerfile . &&"] {
        assert_eq!(found(again, same), 1, "{same}");
    }
    let deploy = "    needs: image # waits\n    runs-on: ubuntu-latest\n";
    for other in [
        "    needs: image\n    runs-on: ubuntu-24.04-arm\n",
        "    needs: image\n    runs-on: windows-latest\n",
        "    needs: image\n    if: always()\n    runs-on: ubuntu-latest\n",
    ] {
        assert_eq!(found(deploy, other), 0, "{other}");
    }
}

#[test]
fn jobs_that_never_meet_are_left_alone() {
    let apart = GITHUB
        .replace("  image:\n", "  image:\n    if: github.event_name == 'pull_request'\n")
        .replace("    needs: image # waits\n", "    if: github.event_name == 'push'\n");
    finds(&RULE, Platform::GitHub, &apart, &[]);
    // Beside each other they are found, with the steps in words alone.
    let beside = GITHUB.replace("    needs: image # waits\n", "");
    assert_eq!(fixed(Platform::GitHub, &beside), None);
}

#[test]
fn what_is_not_plain_gets_no_edit() {
    let again = "docker build -t app . && ./deploy.sh app";
    for other in [
        "docker build -t app . && docker save app > app.tar",
        "docker build -t app . || true; ./deploy.sh app",
        "docker build -t app . && ./deploy.sh",
        "docker build -t app . && helm upgrade app chart --set image=x",
        "docker build -t app . && docker tag app ghcr.io/acme/b && docker push ghcr.io/acme/b",
    ] {
        let text = GITHUB.replace(again, other);
        assert_eq!(fixed(Platform::GitHub, &text), None, "{other}");
    }
}

#[test]
fn several_tags_one_script_and_line_ends_of_windows_are_read() {
    let before = GITHUB
        .replace(
            "      - run: docker build -t ghcr.io/acme/app:${{ github.sha }} .
      - run: docker push ghcr.io/acme/app:${{ github.sha }}
",
            "      - name: Image
        run: |
          # both names
          docker build \\
            -t ghcr.io/acme/app:${{ github.sha }} \\
            -t ghcr.io/acme/app:latest .
          docker push ghcr.io/acme/app:${{ github.sha }}
          docker push ghcr.io/acme/app:latest
",
        )
        .replace(
            "      - run: docker build -t app . && ./deploy.sh app\n",
            "      - env:
          STAGE: live
        run: |
          docker build -t app .
          ./deploy.sh \"app\" # the image
",
        )
        .replace('\n', "\r\n");
    let after = fixed(Platform::GitHub, &before).expect("a fix");
    for part in [
        "          docker push ghcr.io/acme/app:latest\r\n          echo \"ref=$(docker",
        "        id: push\r\n",
        "          STAGE: live\r\n          IMAGE: ${{ needs.image.outputs.ref }}\r\n",
        "        run: |\r\n          ./deploy.sh \"$IMAGE\" # the image\r\n",
    ] {
        assert!(after.contains(part), "{part}\n{after}");
    }
}

#[test]
fn scanners_inputs_are_given_the_digest() {
    let before = GITHUB.replace(
        "      - run: docker build -t app . && ./deploy.sh app\n",
        "      - run: docker build -t app .
      - uses: aquasecurity/trivy-action@0.28.0
        with:
          image-ref: app
",
    );
    let after = fixed(Platform::GitHub, &before).expect("a fix");
    assert!(after.ends_with("          image-ref: ${{ needs.image.outputs.ref }}\n"), "{after}");
    assert!(!after.contains("docker build -t app ."), "{after}");
}

#[test]
fn a_jenkins_step_that_only_builds_goes_with_its_line() {
    let before = "\
pipeline {
    agent any
    stages {
        stage('Image') {
            steps {
                sh 'docker build -t r.example.com/app:$GIT_COMMIT . && docker push r.example.com/app:$GIT_COMMIT'
            }
        }
        stage('Deploy') {
            steps {
                sh 'docker build -t app .'
                sh './deploy.sh app'
            }
        }
    }
}
";
    let after = fixed(Platform::Jenkins, before).expect("a fix");
    assert!(
        after.contains("            steps {\n                sh './deploy.sh \"$IMAGE\"'\n"),
        "{after}"
    );
}
