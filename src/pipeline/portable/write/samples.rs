//! Pipelines of many kinds that every writer is tried on.

use super::super::*;
use crate::pipeline::words::Manager;

fn checkout() -> Step {
    Step::new(Action::Checkout { depth: None, submodules: false, lfs: false })
}

fn setup(language: &str, version: &str) -> Step {
    Step::new(Action::Setup { language: language.into(), version: Text::template(version) })
}

fn deps(manager: Manager) -> Step {
    Step::new(Action::CacheDependencies { manager, lockfiles: vec![], paths: vec![] })
}

fn run(script: &str) -> Step {
    Step::run(Text::template(script))
}

fn needs(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn on_main_and_changes() -> Vec<Trigger> {
    vec![
        Trigger::Push(Filter { branches: needs(&["main"]), ..Filter::default() }),
        Trigger::Change(Filter::default()),
    ]
}

fn report(path: &str) -> Step {
    Step::new(Action::SaveTestReport(TestReport { paths: vec![path.into()] }))
}

fn check(id: &str, language: &str, version: &str, manager: Manager, script: &str) -> Job {
    Job {
        stage: Some("test".into()),
        steps: vec![checkout(), setup(language, version), deps(manager), run(script)],
        timeout: Some(15),
        ..Job::new(id)
    }
}

fn image() -> ImageBuild {
    ImageBuild {
        image: Text::literal("ghcr.io/acme/app"),
        push: true,
        cache: true,
        args: vec![Variable::new("VERSION", Part::Commit)],
        ..ImageBuild::default()
    }
}

fn image_jobs() -> Vec<Job> {
    vec![
        Job {
            title: Some("Build the image".into()),
            stage: Some("image".into()),
            needs: needs(&["lint", "unit"]),
            steps: vec![
                checkout(),
                Step::new(Action::Login(Login::Registry {
                    host: "ghcr.io".into(),
                    user: "REGISTRY_USER".into(),
                    password: "REGISTRY_PASSWORD".into(),
                })),
                Step::new(Action::BuildImage(image())),
            ],
            ..Job::new("image")
        },
        Job {
            stage: Some("scan".into()),
            needs: needs(&["image"]),
            steps: vec![Step::new(Action::ScanImage {
                tool: "trivy".into(),
                image: Part::Image("image".into()).into(),
                severity: "HIGH,CRITICAL".into(),
            })],
            ..Job::new("scan")
        },
    ]
}

fn deploy_job(name: &str, after: &[&str], deploy: &Deploy, approve: bool) -> Job {
    let mut wait = needs(after);
    wait.push("image".into());
    Job {
        stage: Some(format!("deploy-{name}")),
        needs: wait,
        condition: Some(Condition::DefaultBranch),
        environment: Some(Environment {
            name: name.into(),
            url: Some(Text::literal(format!("https://{name}.example.com"))),
            approval: approve.then(|| Approval {
                message: "Deploy to production?".into(),
                approvers: vec!["account.sre".into()],
                hours: None,
            }),
        }),
        steps: vec![
            checkout(),
            Step::new(Action::Login(Login::Kubernetes { kubeconfig: "KUBECONFIG_DATA".into() })),
            Step::new(Action::Deploy(deploy.clone())),
            Step::new(Action::HealthCheck {
                command: Text::literal(format!(
                    "curl --fail --silent --show-error https://{name}.example.com/healthz"
                )),
                attempts: 10,
                seconds: 6,
            }),
        ],
        on_failure: vec![
            Step::new(Action::Rollback(deploy.clone())),
            Step::new(Action::Notify {
                channel: "slack".into(),
                target: "SLACK_WEBHOOK".into(),
                message: Text::template(&format!("Deploying {{{{commit}}}} to {name} failed")),
            }),
        ],
        ..Job::new(format!("deploy-{name}"))
    }
}

fn node_checks() -> Vec<Job> {
    let mut unit = check("unit", "node", "22", Manager::Npm, "npm ci\nnpm test");
    unit.steps.push(report("test-results/*.xml"));
    vec![check("lint", "node", "22", Manager::Npm, "npm ci\nnpm run lint"), unit]
}

fn service(strategy: Strategy, kind: DeployKind) -> Portable {
    let deploy = Deploy {
        kind,
        strategy,
        image: Some(Part::Image("image".into()).into()),
        app: "app".into(),
        namespace: String::new(),
    };
    let mut jobs = node_checks();
    jobs.extend(image_jobs());
    jobs.push(deploy_job("dev", &["scan"], &deploy, false));
    jobs.push(deploy_job("staging", &["deploy-dev"], &deploy, false));
    jobs.push(deploy_job("production", &["deploy-staging"], &deploy, true));
    Portable {
        name: "Deliver".into(),
        triggers: on_main_and_changes(),
        cancel_superseded: true,
        jobs,
        ..Portable::default()
    }
}

fn manifests() -> DeployKind {
    DeployKind::Kubernetes { manifests: vec!["k8s/".into()] }
}

fn chart() -> DeployKind {
    DeployKind::Helm { chart: "charts/app".into(), values: vec!["charts/app/values.yaml".into()] }
}

fn library() -> Portable {
    let mut python = check(
        "python",
        "python",
        "{{matrix.version}}",
        Manager::Pip,
        "pip install -r requirements.txt\npytest --junitxml=test-results/junit.xml --cov --cov-report=xml",
    );
    python.matrix = Some(Matrix {
        axes: vec![("version".into(), vec!["3.11".into(), "3.12".into(), "3.13".into()])],
        ..Matrix::default()
    });
    python.steps.push(report("test-results/junit.xml"));
    python.steps.push(Step::new(Action::SaveCoverage {
        file: "coverage.xml".into(),
        format: "cobertura".into(),
    }));
    let mut go = check("go", "go", "1.24", Manager::Go, "go vet ./...\ngo test ./...");
    go.services.push(Service {
        name: "postgres".into(),
        image: "postgres:17".into(),
        variables: vec![Variable::new("POSTGRES_PASSWORD", "test")],
        ports: vec![5432],
        ready: Some("pg_isready -U postgres".into()),
    });
    Portable {
        name: "Library".into(),
        triggers: on_main_and_changes(),
        cancel_superseded: true,
        jobs: vec![python, go, check("rust", "rust", "", Manager::Cargo, "cargo test --locked")],
        ..Portable::default()
    }
}

fn terraform() -> Portable {
    let infra = Terraform {
        folder: "infra".into(),
        var_files: vec!["prod.tfvars".into()],
        ..Terraform::default()
    };
    let plan = Job {
        stage: Some("plan".into()),
        steps: vec![
            checkout(),
            Step::new(Action::ScanSource {
                tool: "checkov".into(),
                path: "infra".into(),
                severity: "HIGH".into(),
            }),
            Step::new(Action::TerraformPlan(infra.clone())),
            Step::new(Action::PolicyCheck {
                tool: "conftest".into(),
                policies: "policy".into(),
                terraform: infra.clone(),
            }),
        ],
        secrets: vec![Secret::new("TF_TOKEN")],
        ..Job::new("plan")
    };
    let apply = Job {
        stage: Some("apply".into()),
        needs: needs(&["plan"]),
        condition: Some(Condition::Branch("main".into())),
        environment: Some(Environment {
            name: "production".into(),
            url: None,
            approval: Some(Approval { message: "Apply the plan?".into(), ..Approval::default() }),
        }),
        steps: vec![checkout(), Step::new(Action::TerraformApply(infra))],
        secrets: vec![Secret::new("TF_TOKEN")],
        ..Job::new("apply")
    };
    Portable {
        name: "Infrastructure".into(),
        triggers: on_main_and_changes(),
        jobs: vec![plan, apply],
        ..Portable::default()
    }
}

fn monorepo() -> Portable {
    let mut build = check(
        "build",
        "node",
        "22",
        Manager::Pnpm,
        "cd packages/\"{{matrix.package}}\"\npnpm install --frozen-lockfile\npnpm build",
    );
    build.stage = Some("build".into());
    build.matrix = Some(Matrix {
        axes: vec![
            ("package".into(), vec!["api".into(), "web".into()]),
            ("target".into(), vec!["dev".into(), "prod".into()]),
        ],
        exclude: vec![vec![("package".into(), "web".into()), ("target".into(), "dev".into())]],
        fail_fast: true,
        ..Matrix::default()
    });
    build.steps.push(Step::new(Action::SaveArtifact {
        name: "dist".into(),
        paths: vec!["dist/".into()],
        days: Some(3),
    }));
    let mut docs = check("docs", "python", "3.13", Manager::Uv, "make docs");
    docs.condition = Some(Condition::Paths(vec!["docs/**".into(), "mkdocs.yml".into()]));
    let bundle = Job {
        stage: Some("bundle".into()),
        needs: needs(&["build"]),
        steps: vec![
            Step::new(Action::FetchArtifact { name: "dist".into(), path: None }),
            run("ls -R dist\ntar -czf bundle.tgz dist"),
        ],
        retries: 1,
        ..Job::new("bundle")
    };
    Portable {
        name: "Monorepo".into(),
        triggers: vec![
            Trigger::Push(Filter {
                branches: needs(&["main", "release/**"]),
                paths: needs(&["packages/**", "docs/**"]),
                ..Filter::default()
            }),
            Trigger::Change(Filter { branches: needs(&["main"]), ..Filter::default() }),
        ],
        variables: vec![Variable::new("NODE_ENV", "production"), Variable::new("flag", "1.0")],
        cancel_superseded: true,
        jobs: vec![build, docs, bundle],
        ..Portable::default()
    }
}

fn nightly() -> Portable {
    let mut soak = check("soak", "java", "21", Manager::Maven, "mvn -B verify -Psoak");
    soak.timeout = Some(180);
    soak.runner.size = Size::Large;
    soak.always.push(run("./collect-logs.sh || true").titled("Collect the logs"));
    let report = Job {
        needs: needs(&["soak"]),
        condition: Some(Condition::OnFailure),
        steps: vec![Step::new(Action::Notify {
            channel: "teams".into(),
            target: "TEAMS_WEBHOOK".into(),
            message: "The nightly run failed".into(),
        })],
        ..Job::new("report")
    };
    Portable {
        name: "Nightly".into(),
        triggers: vec![
            Trigger::Schedule { cron: "17 3 * * *".into(), branches: vec![] },
            Trigger::Manual { inputs: vec![] },
        ],
        jobs: vec![soak, report],
        ..Portable::default()
    }
}

fn release() -> Portable {
    let version = Job {
        steps: vec![
            Step::new(Action::Checkout { depth: Some(0), submodules: true, lfs: true }),
            run("echo \"version={{tag}}\" | sed 's/=v/=/' >> \"{{outputs}}\""),
        ],
        outputs: vec!["version".into()],
        ..Job::new("version")
    };
    let mut build = check(
        "build",
        "rust",
        "1.90",
        Manager::Cargo,
        "cargo build --release --locked\necho \"{{output.version.version}}\" > target/VERSION",
    );
    build.stage = Some("build".into());
    build.needs = needs(&["version"]);
    build.steps.push(Step::new(Action::SaveArtifact {
        name: "binary".into(),
        paths: vec!["target/release/app".into()],
        days: None,
    }));
    let publish = Job {
        stage: Some("publish".into()),
        needs: needs(&["build", "version"]),
        condition: Some(Condition::Tag("v*".into())),
        rights: Rights::Only(vec![("contents".into(), Access::Write)]),
        environment: Some(Environment { name: "release".into(), ..Environment::default() }),
        steps: vec![
            Step::new(Action::FetchArtifact { name: "binary".into(), path: Some("out".into()) }),
            run("./publish.sh \"{{output.version.version}}\" \"{{secret.PUBLISH_TOKEN}}\"")
                .titled("Publish: it's out"),
        ],
        ..Job::new("publish")
    };
    Portable {
        name: "Release".into(),
        triggers: vec![Trigger::Tag(needs(&["v*"]))],
        jobs: vec![version, build, publish],
        ..Portable::default()
    }
}

fn manual() -> Portable {
    let input = |name: &str, kind, default: Option<&str>| Input {
        name: name.into(),
        description: format!("The {name}: what to take"),
        kind,
        default: default.map(Into::into),
        required: false,
    };
    let deploy = Deploy {
        kind: DeployKind::Script {
            deploy: Text::template("./deploy.sh \"{{input.target}}\" \"{{input.version}}\""),
            rollback: "./rollback.sh".into(),
        },
        app: "app".into(),
        ..Deploy::default()
    };
    let gate = Job {
        steps: vec![Step::new(Action::Approval(Approval {
            message: "Is it the right time?".into(),
            approvers: vec!["ops".into()],
            hours: Some(4),
        }))],
        ..Job::new("gate")
    };
    let job = Job {
        needs: needs(&["gate"]),
        condition: Some(Condition::All(vec![
            Condition::Manual,
            Condition::Not(Box::new(Condition::Equals(Part::Input("dry".into()), "true".into()))),
        ])),
        environment: Some(Environment { name: "production".into(), ..Environment::default() }),
        steps: vec![checkout(), Step::new(Action::Deploy(deploy.clone()))],
        on_failure: vec![Step::new(Action::Rollback(deploy))],
        always: vec![run("./unlock.sh")],
        soft_fail: false,
        ..Job::new("deploy")
    };
    Portable {
        name: "By hand".into(),
        triggers: vec![Trigger::Manual {
            inputs: vec![
                input("target", InputKind::Choice(needs(&["blue", "green"])), Some("green")),
                input("version", InputKind::Text, Some("latest")),
                input("dry", InputKind::Bool, Some("false")),
                input("count", InputKind::Number, Some("2")),
            ],
        }],
        jobs: vec![gate, job],
        ..Portable::default()
    }
}

fn odd() -> Portable {
    let foreign = |platform, what: &str| Foreign {
        platform,
        what: what.into(),
        text: "x: y".into(),
        line: Some(7),
    };
    let windows = Job {
        runner: Runner { os: Os::Windows, version: Some("2022".into()), ..Runner::default() },
        steps: vec![
            checkout(),
            Step::new(Action::Run {
                script: Text::template("Write-Output \"{{commit}}: {{var.Name}}\""),
                shell: Shell::Pwsh,
            }),
        ],
        variables: vec![Variable::new("Name", "a: b # c")],
        soft_fail: true,
        ..Job::new("windows")
    };
    let own = Job {
        runner: Runner { labels: needs(&["self-hosted", "gpu"]), ..Runner::default() },
        needs: needs(&["windows"]),
        lock: Some("gpu".into()),
        steps: vec![
            checkout(),
            Step {
                folder: Some("sub dir".into()),
                soft_fail: true,
                ..run("echo \"it's\"\nif true; then\n  echo '''quoted'''\nfi\n")
            },
            Step {
                condition: Some(Condition::Branch("main".into())),
                timeout: Some(3),
                ..run("echo \"\\$x \\\\ {{branch}}\"")
            },
            Step::new(Action::Foreign(foreign(Platform::Bitbucket, "the pipe x"))),
            Step::new(Action::ScanSource {
                tool: "semgrep".into(),
                path: String::new(),
                severity: "HIGH".into(),
            }),
        ],
        foreign: vec![foreign(Platform::Azure, "the demand y")],
        ..Job::new("own-machine")
    };
    let both = Job {
        condition: Some(Condition::Any(vec![
            Condition::Change,
            Condition::Branch("release/*".into()),
        ])),
        runner: Runner { os: Os::MacOs, ..Runner::default() },
        steps: vec![checkout(), run("echo 1")],
        ..Job::new("image")
    };
    Portable {
        name: "Odd: 'things' \"here\"".into(),
        triggers: vec![
            Trigger::Push(Filter::default()),
            Trigger::Change(Filter { not_paths: needs(&["**.md"]), ..Filter::default() }),
            Trigger::Foreign(foreign(Platform::GitHub, "the trigger issues")),
        ],
        jobs: vec![windows, own, both, Job::new("empty")],
        foreign: vec![foreign(Platform::GitLab, "the include z")],
        ..Portable::default()
    }
}

/// Names and pipelines.
pub fn all() -> Vec<(&'static str, Portable)> {
    let canary = || Strategy::Canary { percents: vec![10, 50], seconds: 60 };
    vec![
        ("library", library()),
        ("rolling", service(Strategy::Rolling, manifests())),
        ("bluegreen", service(Strategy::BlueGreen, manifests())),
        ("canary", service(canary(), manifests())),
        ("helm", service(Strategy::Rolling, chart())),
        ("helm-canary", service(canary(), chart())),
        ("terraform", terraform()),
        ("monorepo", monorepo()),
        ("nightly", nightly()),
        ("release", release()),
        ("manual", manual()),
        ("odd", odd()),
    ]
}
