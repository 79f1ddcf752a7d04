//! What people ask for, on every platform.

use std::collections::BTreeMap;

use super::super::*;
use super::{generate, prompt};

/// A checkout in memory.
struct Sample {
    paths: Vec<String>,
    texts: BTreeMap<String, String>,
}

impl Files for Sample {
    fn paths(&self) -> &[String] {
        &self.paths
    }

    fn read(&self, path: &str) -> Option<String> {
        self.texts.get(path).cloned()
    }
}

fn sample(files: &[(&str, &str)]) -> Sample {
    let texts: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Sample { paths: texts.keys().cloned().collect(), texts }
}

const PACKAGE: &str = r#"{"engines":{"node":">=20"},"scripts":{"lint":"eslint .","test":"vitest run","build":"vite build","test:e2e":"playwright test"},"devDependencies":{"@playwright/test":"1"}}"#;

/// The checkout that a request is made in.
fn checkout(name: &str) -> Sample {
    match name {
        "node" => sample(&[
            ("package.json", PACKAGE),
            ("package-lock.json", "{}"),
            ("Dockerfile", "FROM node"),
            ("charts/shop/Chart.yaml", "name: shop"),
            ("charts/shop/values-staging.yaml", "a: 1"),
            ("charts/shop/values-production.yaml", "a: 1"),
            ("docker-compose.yml", "services:\n  db:\n    image: postgres:16\n"),
        ]),
        "python" => sample(&[
            (
                "pyproject.toml",
                "[project]\nrequires-python = \">=3.12\"\n[build-system]\n[tool.ruff]\n[dependency-groups]\ndev = [\"pytest\", \"ruff\"]\n",
            ),
            ("uv.lock", ""),
            ("tests/test_app.py", ""),
            ("Dockerfile", "FROM python"),
            ("k8s/app.yaml", "apiVersion: apps/v1\nkind: Deployment\n"),
        ]),
        "go" => sample(&[
            ("go.mod", "module x\n\ngo 1.24.1\n"),
            ("go.sum", ""),
            (".golangci.yml", ""),
            ("Dockerfile", "FROM golang"),
            ("deploy/overlays/staging/kustomization.yaml", ""),
            ("deploy/overlays/production/kustomization.yaml", ""),
        ]),
        "rust" => sample(&[("Cargo.toml", "[package]"), ("Cargo.lock", "")]),
        "java" => sample(&[
            ("pom.xml", "<java.version>21</java.version>"),
            ("mvnw", ""),
            ("Dockerfile", ""),
        ]),
        "dotnet" => sample(&[
            ("Shop.sln", ""),
            ("src/Shop/Shop.csproj", "<TargetFramework>net8.0</TargetFramework>"),
            ("src/Shop/packages.lock.json", ""),
        ]),
        "terraform" => sample(&[
            ("infra/main.tf", ""),
            ("infra/envs/staging.tfvars", ""),
            ("infra/envs/prod.tfvars", ""),
            ("policy/deny.rego", ""),
        ]),
        "mono" => sample(&[
            ("api/go.mod", "go 1.23"),
            ("api/go.sum", ""),
            ("web/package.json", PACKAGE),
            ("web/package-lock.json", "{}"),
        ]),
        _ => sample(&[]),
    }
}

/// Name, checkout, wish.
pub const REQUESTS: &[(&str, &str, &str)] = &[
    ("node-pr", "node", "Lint and test every pull request on node 18, 20 and 22, with postgres."),
    (
        "node-helm",
        "node",
        "On push to main: lint, test, build the image, push it to ghcr and scan it, then deploy with helm to dev, then staging, then production after approval by the sre team. Health check https://shop.example.com/healthz, roll back on failure and notify slack #deploys.",
    ),
    (
        "node-canary",
        "node",
        "Deploy to production as a canary with 10%, 25% and 50%, 5 minutes between, only from main. Check the health at /healthz and roll back if it fails. Run unit tests before.",
    ),
    (
        "python-ci",
        "python",
        "run ruff and pytest with coverage on PRs and on main, cache dependencies, 15 minute timeout",
    ),
    (
        "python-k8s",
        "python",
        "test, build a docker image for registry.acme.io/shop/api, generate an SBOM and deploy to kubernetes with blue-green, staging first then production with a manual gate",
    ),
    (
        "python-pypi",
        "python",
        "Publish the package to PyPI when a tag v* is pushed, after the tests passed",
    ),
    (
        "go-kustomize",
        "go",
        "Build and test our Go service, push the image to ECR on AWS, deploy staging and then prod with kustomize. Cancel superseded runs.",
    ),
    (
        "go-nightly",
        "go",
        "every night at 3 run the tests and a security scan including secret scanning; email platform@acme.io when it fails",
    ),
    (
        "rust-matrix",
        "rust",
        "cargo clippy and test on linux, windows and macos for pull requests and pushes to main",
    ),
    ("rust-crates", "rust", "on tags publish to crates.io after lint and tests, with approval"),
    (
        "java-ci",
        "java",
        "Build and test with maven on java 17 and 21 for merge requests. no docker",
    ),
    (
        "java-cloudrun",
        "java",
        "Test, build the container, push to artifact registry and deploy to cloud run in staging, then production after approval. Tell teams about failures.",
    ),
    (
        "dotnet-webapp",
        "dotnet",
        "Build and test the .NET app on every PR; from main push the image to ACR and deploy to azure web app production with rollback.",
    ),
    (
        "tf-plan",
        "terraform",
        "terraform plan on pull requests, apply on main after approval, policy check with conftest, for staging and production",
    ),
    (
        "tf-checkov",
        "terraform",
        "Plan and apply our infrastructure on AWS. Checkov must pass. Nobody but @platform approves production.",
    ),
    ("mono", "mono", "lint, test and build everything in the monorepo on pull requests and main"),
    (
        "static",
        "node",
        "build the site and deploy it to s3 when merged to main, without docker and without approval",
    ),
    (
        "empty-node",
        "",
        "A node app: lint, test, and deploy to k8s staging on every push to main. notify slack on failure",
    ),
    (
        "typos",
        "python",
        "on evry pull reqest run the linter and the tets, and deploi to kuberentes prodution after aproval",
    ),
    (
        "manual",
        "go",
        "Let people run it by hand: test, then rolling deploy to qa, uat and production, only tags, approval before production, multi-arch image on docker hub",
    ),
];

/// With `PIPEWRIGHT_WRITTEN` naming a folder the files are left there for other tools.
#[test]
fn every_request_is_written_for_every_platform_with_nothing_to_find_fault_with() {
    let folder = std::env::var_os("PIPEWRIGHT_WRITTEN").map(std::path::PathBuf::from);
    let mut faults = Vec::new();
    for (name, files, wish) in REQUESTS {
        let files = checkout(files);
        for platform in Platform::ALL {
            let made = generate(wish, platform, &files);
            for fault in prompt::judge(platform, &made.text, &files) {
                // Harness keeps what starts a pipeline elsewhere, so the rule cannot see
                // that a release is made without caches on purpose.
                let uncached = fault.contains("without a cache") && wish.contains("tag");
                if platform == Platform::Harness && uncached {
                    continue;
                }
                faults.push(format!("{name} on {platform}: {fault}"));
            }
            if let Some(folder) = &folder {
                let folder = folder.join(platform.as_str());
                std::fs::create_dir_all(&folder).unwrap();
                let tail = if platform == Platform::Jenkins { "groovy" } else { "yml" };
                std::fs::write(folder.join(format!("{name}.{tail}")), &made.text).unwrap();
                let notes: Vec<String> = made
                    .not_carried
                    .iter()
                    .map(|lost| format!("LOST {}: {}", lost.what, lost.why))
                    .chain(made.remarks.iter().map(|remark| format!("NOTE {remark}")))
                    .collect();
                std::fs::write(folder.join(format!("{name}.txt")), notes.join("\n")).unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_not_understood_is_said_and_what_is_is_not() {
    let mut all = Vec::new();
    for (name, files, wish) in REQUESTS {
        let made = generate(wish, Platform::GitHub, &checkout(files));
        let lost = made.remarks.iter().filter(|remark| remark.starts_with("Not understood"));
        all.extend(lost.map(|remark| format!("{name}: {remark}")));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
    let made = generate("test it and frobnicate the quux", Platform::GitHub, &checkout("go"));
    assert!(made.remarks.iter().any(|r| r.contains("frobnicate the quux")), "{:?}", made.remarks);
}

#[test]
fn an_empty_wish_is_still_a_file() {
    for platform in Platform::ALL {
        let made = generate("", platform, &NoFiles);
        assert!(
            matches!(read(platform, platform.usual_path(), &made.text, &NoFiles), Outcome::Read(_)),
            "{}",
            made.text
        );
    }
}

/// What has to be there or set up for a file to work is either written or said.
#[test]
fn what_a_file_counts_on_is_said() {
    let check = |name: &str, wish: &str, platform, written: &[&str], said: &[&str]| {
        let made = generate(wish, platform, &checkout(name));
        for words in written {
            assert!(made.text.contains(words), "{platform}: no `{words}` in {}", made.text);
        }
        let remarks = made.remarks.join("\n");
        for words in said {
            assert!(remarks.contains(words), "{platform}: `{words}` is not said in {remarks}");
        }
    };
    for platform in Platform::ALL.into_iter().filter(|platform| *platform != Platform::GitHub) {
        let wish = "deploy to cloud run in production";
        // Once for the deployment, once for what takes it back.
        let login = ["gcloud auth activate-service-account", "GCP_CREDENTIALS"];
        let said =
            ["`GCP_CREDENTIALS`", "command line of Google", "`GCP_PROJECT` and `GCP_REGION`"];
        check("java", wish, platform, &login, &said);
        let wish = "deploy to azure web app production";
        let login = ["az login --service-principal", "AZURE_CLIENT_SECRET"];
        check(
            "dotnet",
            wish,
            platform,
            &login,
            &["`AZURE_CLIENT_SECRET`", "command line of Azure"],
        );
        let wish = "deploy the site to s3";
        check("node", wish, platform, &[], &["`AWS_SECRET_ACCESS_KEY`"]);
    }
    for platform in Platform::ALL.into_iter().filter(|platform| *platform != Platform::Harness) {
        let [blue, canary] = ["blue-green", "a canary"]
            .map(|strategy| format!("deploy to kubernetes production with {strategy}"));
        check("python", &blue, platform, &[], &["-green`", "label `color`"]);
        check("python", &canary, platform, &[], &["-canary`", "share of the replicas"]);
        check("node", &blue, platform, &[], &["the releases `", "by the value `color`"]);
        check("node", &canary, platform, &[], &["the release `", "`canary.weight`"]);
    }
    let identity = ["GCP_IDENTITY_PROVIDER", "trust this repository", "`GCP_REGION`"];
    check("java", "deploy to cloud run", Platform::GitHub, &["google-github-actions"], &identity);
    let identity = ["`AWS_ROLE_ARN`", "trust this repository"];
    check("terraform", "terraform apply on AWS", Platform::GitHub, &["id-token"], &identity);
    // A script of Harness' sees only what it is given.
    let given = ["PRODUCTION_URL: <+pipeline.variables.PRODUCTION_URL>\n"];
    check("java", "deploy to cloud run in production", Platform::Harness, &given, &[]);
    // There, what takes a deployment back is another job.
    let kept = ["    when: always\n", "    paths: [previous-revision]\n"];
    check("java", "deploy to cloud run in production", Platform::GitLab, &kept, &[]);
    let wish = "test on pull requests, deploy to kubernetes production";
    check(
        "python",
        wish,
        Platform::Jenkins,
        &["cache(", "lock("],
        &["plugin Job Cacher", "plugin Lockable Resources"],
    );
}
