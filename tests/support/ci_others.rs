//! In-memory GitLab, Azure DevOps, Jenkins, Bitbucket and Harness, as far as times of
//! past runs are read from them.
//!
//! Harness' requests are held against its published description. For the others none
//! could be had that covers these operations: the parameters that they take are
//! listed here from the pages of their documentation, and others are refused.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::ci::{Ci, clock};
use super::contract::Contract;
use super::server::{Reply, Request};

static HARNESS: LazyLock<Contract> =
    LazyLock::new(|| Contract::read("harness", include_bytes!("../fixtures/ci/harness.json")));

/// Runs of each server.
pub const RUNS: u64 = 12;

/// The token that each server takes.
pub const TOKEN: &str = "history_token_of_the_tests";

/// A server, its pipeline file and the variables of its jobs.
pub struct Other {
    pub name: &'static str,
    pub file: &'static str,
    pub text: &'static str,
    /// The variable of its token.
    pub token: &'static str,
    /// Variables; `URL` in a value stands for the server's address.
    pub env: &'static [(&'static str, &'static str)],
    pub answer: fn(&Request) -> Result<Value, String>,
    /// Requests that are no run's jobs.
    pub lists: usize,
}

impl Other {
    /// Answers, or refuses everything with `status`.
    pub fn start(&self, refuse: Option<u16>) -> Ci {
        let answer = self.answer;
        Ci::start(move |request| match (answer(request), refuse) {
            (Err(why), _) => Err(why),
            (Ok(_), Some(status)) => Ok(Reply::json(status, &json!({ "message": "No" }))),
            (Ok(Value::Null), None) => Ok(Reply::json(404, &json!({ "message": "Not Found" }))),
            (Ok(body), None) => {
                let count = body.as_array().map_or(0, Vec::len).to_string();
                Ok(Reply::json(200, &body).with("x-total", &count))
            }
        })
    }
}

pub const OTHERS: &[Other] = &[
    Other {
        name: "GitLab",
        file: ".gitlab-ci.yml",
        text: include_str!("../fixtures/pipelines/gitlab.yml"),
        token: "GITLAB_TOKEN",
        env: &[
            ("GITLAB_CI", "true"),
            ("CI_API_V4_URL", "URL/api/v4"),
            ("CI_PROJECT_ID", "7"),
            ("CI_DEFAULT_BRANCH", "main"),
        ],
        answer: gitlab,
        lists: 1,
    },
    Other {
        name: "Azure DevOps",
        file: "azure-pipelines.yml",
        text: include_str!("../fixtures/pipelines/azure.yml"),
        token: "SYSTEM_ACCESSTOKEN",
        env: &[
            ("TF_BUILD", "True"),
            ("SYSTEM_COLLECTIONURI", "URL/acme/"),
            ("SYSTEM_TEAMPROJECT", "web shop"),
        ],
        answer: azure,
        lists: 2,
    },
    Other {
        name: "Jenkins",
        file: "Jenkinsfile",
        text: include_str!("../fixtures/pipelines/Jenkinsfile"),
        token: "JENKINS_API_TOKEN",
        env: &[
            ("JENKINS_URL", "URL/"),
            ("JOB_URL", "URL/job/shop/job/PR-7/"),
            ("CHANGE_TARGET", "main"),
            ("JENKINS_USER", "ci"),
        ],
        answer: jenkins,
        lists: 1,
    },
    Other {
        name: "Bitbucket",
        file: "bitbucket-pipelines.yml",
        text: include_str!("../fixtures/pipelines/bitbucket.yml"),
        token: "BITBUCKET_TOKEN",
        env: &[
            ("BITBUCKET_BUILD_NUMBER", "9"),
            ("BITBUCKET_API_URL", "URL/2.0"),
            ("BITBUCKET_WORKSPACE", "acme"),
            ("BITBUCKET_REPO_SLUG", "shop"),
        ],
        answer: bitbucket,
        lists: 2,
    },
    Other {
        name: "Harness",
        file: ".harness/shop.yaml",
        text: include_str!("../fixtures/pipelines/harness.yaml"),
        token: "HARNESS_API_KEY",
        env: &[
            ("HARNESS_BUILD_ID", "3"),
            ("HARNESS_BASE_URL", "URL"),
            ("HARNESS_ACCOUNT_ID", "acc"),
            ("HARNESS_ORG_ID", "default"),
            ("HARNESS_PROJECT_ID", "shop"),
        ],
        answer: harness,
        lists: 1,
    },
];

/// Holds a GET against the parameters that its page names.
fn get(request: &Request, header: &str, value: &str, known: &[&str]) -> Result<(), String> {
    if request.method != "GET" || !request.body.is_empty() {
        return Err("no plain GET".into());
    }
    if request.header(header) != Some(value) {
        return Err(format!("not the token in `{header}`"));
    }
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = super::server::decode(pair.split('=').next().unwrap_or(""));
        if !known.contains(&name.as_str()) {
            return Err(format!("no query parameter `{name}`"));
        }
    }
    Ok(())
}

/// Seconds of the job with this place in the graph, in this run.
fn seconds(place: u64, run: u64) -> u64 {
    60 + place * 90 + run % 5
}

fn run_of(text: &str) -> u64 {
    text.trim_matches(['{', '}']).parse().unwrap_or(0)
}

/// <https://docs.gitlab.com/api/pipelines/#list-project-pipelines>,
/// <https://docs.gitlab.com/api/jobs/#list-all-jobs-by-pipeline>.
fn gitlab(request: &Request) -> Result<Value, String> {
    let known = ["status", "ref", "order_by", "sort", "per_page", "page"];
    get(request, "private-token", TOKEN, &known)?;
    let path = request.path().strip_prefix("/api/v4/projects/7").unwrap_or_default();
    Ok(match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        ["pipelines"] if request.query("ref").as_deref() == Some("main") => {
            (0..RUNS).map(|run| json!({ "id": 100 + run, "status": "success" })).collect()
        }
        ["pipelines", run, "jobs"] => {
            let run = run_of(run);
            let names = ["lint", "unit", "build-image", "deploy", "container-scan"];
            let job = |(place, name)| {
                json!({
                    "id": place, "name": name, "stage": "x", "status": "success",
                    "created_at": clock(run * 3600), "started_at": clock(run * 3600 + 2),
                    "duration": seconds(place, run), "queued_duration": 2.5,
                    "pipeline": { "id": run },
                })
            };
            (0u64..).zip(names).map(job).collect()
        }
        _ => Value::Null,
    })
}

/// <https://learn.microsoft.com/rest/api/azure/devops/build/definitions/list>,
/// `…/builds/list`, `…/timeline/get`.
fn azure(request: &Request) -> Result<Value, String> {
    let known = [
        "yamlFilename",
        "includeAllProperties",
        "api-version",
        "definitions",
        "statusFilter",
        "resultFilter",
        "queryOrder",
        "$top",
        "branchName",
    ];
    get(request, "authorization", &format!("Bearer {TOKEN}"), &known)?;
    if request.query("api-version").as_deref() != Some("7.1") {
        return Err("no version".into());
    }
    let path = request.path().strip_prefix("/acme/web%20shop/_apis/build/").unwrap_or_default();
    Ok(match path.split('/').collect::<Vec<_>>().as_slice() {
        ["definitions"] => json!({ "count": 2, "value": [
            { "id": 4, "process": { "yamlFilename": "/other.yml" } },
            { "id": 5, "process": { "yamlFilename": "/azure-pipelines.yml" },
              "repository": { "id": "r", "defaultBranch": "refs/heads/trunk" } },
        ]}),
        ["builds"]
            if request.query("definitions").as_deref() == Some("5")
                && request.query("branchName").as_deref() == Some("refs/heads/trunk") =>
        {
            let builds: Vec<Value> = (0..RUNS).map(|run| json!({ "id": 100 + run })).collect();
            json!({ "count": RUNS, "value": builds })
        }
        ["builds", run, "timeline"] => {
            let run = run_of(run);
            let names = [
                ("lint", "eslint"),
                ("test", "unit"),
                ("image", "build"),
                ("deploy", "production"),
                ("scan", "trivy"),
            ];
            let records = (0u64..).zip(names).flat_map(|(place, (stage, job))| {
                let start = run * 3600 + place;
                let (s, p, j) = (format!("s{place}"), format!("p{place}"), format!("j{place}"));
                [
                    json!({ "id": s, "type": "Stage", "name": stage, "identifier": stage }),
                    json!({ "id": p, "type": "Phase", "name": job, "refName": job, "parentId": s }),
                    json!({
                        "id": j, "type": "Job", "name": job, "parentId": p,
                        "result": "succeeded", "startTime": clock(start),
                        "finishTime": clock(start + seconds(place, run)),
                    }),
                ]
            });
            json!({ "id": format!("t{run}"), "records": records.collect::<Vec<_>>() })
        }
        _ => Value::Null,
    })
}

/// <https://www.jenkins.io/doc/book/using/remote-access-api/>, and the README of the
/// plugin `pipeline-rest-api`.
fn jenkins(request: &Request) -> Result<Value, String> {
    // `ci:` and the token.
    let basic = "Basic Y2k6aGlzdG9yeV90b2tlbl9vZl90aGVfdGVzdHM=";
    get(request, "authorization", basic, &["tree"])?;
    let path = request.path().strip_prefix("/job/shop/job/main/").unwrap_or_default();
    Ok(match path.split('/').collect::<Vec<_>>().as_slice() {
        ["api", "json"] => {
            let build = |run: u64| {
                let result =
                    if run.is_multiple_of(2) { json!("SUCCESS") } else { json!("FAILURE") };
                json!({ "number": 1 + run, "result": result })
            };
            json!({ "builds": (0..RUNS * 2).map(build).collect::<Vec<_>>() })
        }
        [run, "wfapi", "describe"] => {
            let number = run_of(run);
            let names = ["Lint", "Unit", "Image", "Deploy", "Scan", "Declarative: Post Actions"];
            let stage = |(place, name)| {
                json!({
                    "id": name, "name": name, "status": "SUCCESS",
                    "startTimeMillis": 1_700_000_000_000u64 + number * 3_600_000,
                    "durationMillis": seconds(place, number) * 1000,
                    "pauseDurationMillis": 0,
                })
            };
            let stages: Vec<Value> = (0u64..).zip(names).map(stage).collect();
            json!({ "id": run, "status": "SUCCESS", "stages": stages })
        }
        _ => Value::Null,
    })
}

/// <https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pipelines/>.
fn bitbucket(request: &Request) -> Result<Value, String> {
    let known = ["sort", "pagelen", "page", "target.branch"];
    get(request, "authorization", &format!("Bearer {TOKEN}"), &known)?;
    let path = request.path().strip_prefix("/2.0/repositories/acme/shop").unwrap_or_default();
    Ok(match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        [] => json!({ "mainbranch": { "name": "main" } }),
        ["pipelines"] if request.query("target.branch").as_deref() == Some("main") => {
            let run = |run: u64| {
                let name = if run.is_multiple_of(2) { "SUCCESSFUL" } else { "FAILED" };
                json!({
                    "uuid": format!("{{{}}}", 100 + run),
                    "state": { "name": "COMPLETED", "result": { "name": name } },
                })
            };
            json!({ "pagelen": 100, "values": (0..RUNS * 2).map(run).collect::<Vec<_>>() })
        }
        ["pipelines", run, "steps"] => {
            let uuid = super::server::decode(run);
            let run = run_of(&uuid);
            let step = |(place, name)| {
                let start = run * 3600 + place;
                json!({
                    "name": name, "pipeline": { "uuid": uuid },
                    "state": { "name": "COMPLETED", "result": { "name": "SUCCESSFUL" } },
                    "started_on": clock(start), "completed_on": clock(start + seconds(place, run)),
                })
            };
            let names = ["lint", "unit", "image", "deploy", "scan"];
            let steps: Vec<Value> = (0u64..).zip(names).map(step).collect();
            json!({ "size": steps.len(), "values": steps })
        }
        _ => Value::Null,
    })
}

fn harness(request: &Request) -> Result<Value, String> {
    let path = request.path();
    if let Some(wrong) = HARNESS.check_operation(request, path).into_iter().next() {
        return Err(wrong);
    }
    if request.header("x-api-key") != Some(TOKEN) {
        return Err("not the key".into());
    }
    let segments: Vec<&str> = path.split('/').skip(4).collect();
    Ok(match segments.as_slice() {
        ["execution", "summary"]
            if request.query("pipelineIdentifier").as_deref() == Some("shop")
                && request.json()["filterType"] == "PipelineExecution" =>
        {
            let run = |run: u64| json!({ "planExecutionId": format!("{}", 100 + run) });
            json!({ "status": "SUCCESS",
                    "data": { "content": (0..RUNS).map(run).collect::<Vec<_>>() } })
        }
        ["execution", "v2", id] => {
            let run = run_of(id);
            let node = |(place, name): (u64, &str)| {
                let start = 1_700_000_000_000 + run * 3_600_000;
                let node = json!({
                    "nodeIdentifier": name, "name": name, "nodeType": "CI", "status": "Success",
                    "startTs": start, "endTs": start + seconds(place, run) * 1000,
                });
                (name.to_owned(), node)
            };
            let names = ["lint", "unit", "image", "deploy", "scan"];
            let nodes: serde_json::Map<String, Value> = (0u64..).zip(names).map(node).collect();
            json!({ "status": "SUCCESS", "data": { "pipelineExecutionSummary": {
                "planExecutionId": id, "layoutNodeMap": nodes } } })
        }
        _ => Value::Null,
    })
}
