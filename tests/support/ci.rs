//! In-memory CI servers: what their APIs answer about past runs, each request held
//! against the host's published description where there is one.

use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Value, json};

use super::contract::Contract;
use super::server::{Reply, Request, Server};

/// The operations of GitHub's OpenAPI that times are read with.
static ACTIONS: LazyLock<Contract> = LazyLock::new(|| {
    Contract::read("actions", include_bytes!("../fixtures/ci/github-actions.json"))
});

/// A server that notes what it is asked, and what is wrong with that.
pub struct Ci {
    pub server: Server,
    seen: Arc<Mutex<Vec<Request>>>,
    wrong: Arc<Mutex<Vec<String>>>,
}

impl Ci {
    /// `answer` gives the answer, or what is wrong with the request.
    pub fn start(
        answer: impl Fn(&Request) -> Result<Reply, String> + Send + Sync + 'static,
    ) -> Self {
        let (seen, wrong) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::<Mutex<_>>::default());
        let (noted, found): (_, Arc<Mutex<Vec<String>>>) = (seen.clone(), wrong.clone());
        let server = Server::start(move |request| {
            noted.lock().unwrap().push(request.clone());
            answer(&request).unwrap_or_else(|why| {
                found.lock().unwrap().push(format!("{}: {why}", request.target));
                Reply::json(400, &json!({ "message": why }))
            })
        });
        Ci { server, seen, wrong }
    }

    /// Method and target of every request so far.
    pub fn calls(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }

    /// Fails where a request was not as the description says.
    #[track_caller]
    pub fn is_content(&self) {
        let wrong = self.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Seconds as a time of day that hosts write.
pub fn clock(second: u64) -> String {
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("2026-01-{:02}T{:02}:{minute:02}:{:02}Z", 1 + hour / 24, hour % 24, second % 60)
}

/// GitHub's Actions of `acme/widgets`: runs of `ci.yml` on `main`.
#[derive(Clone)]
pub struct Actions {
    /// How many successful runs there are on `main`.
    pub runs: u64,
    /// How many only on other branches.
    pub elsewhere: u64,
    /// Names and seconds of each run's jobs.
    pub jobs: Vec<(String, u64)>,
    /// A piece of a target, and the status that it is answered with.
    pub faults: Vec<(String, u16, &'static str)>,
}

impl Actions {
    /// With these jobs, and enough runs.
    pub fn new(jobs: &[(&str, u64)]) -> Self {
        Actions {
            runs: 40,
            elsewhere: 0,
            jobs: jobs.iter().map(|(name, seconds)| ((*name).to_owned(), *seconds)).collect(),
            faults: Vec::new(),
        }
    }

    /// Answer by GitHub's description.
    pub fn start(self) -> Ci {
        Ci::start(move |request| self.answer(request))
    }

    fn answer(&self, request: &Request) -> Result<Reply, String> {
        let path = request.path();
        let mut wrong = ACTIONS.check_operation(request, path);
        for header in ["user-agent", "x-github-api-version"] {
            if request.header(header).is_none() {
                wrong.push(format!("no {header}"));
            }
        }
        if request.header("authorization") != Some("Bearer ghs_history_test") {
            wrong.push("not the token".to_owned());
        }
        if let Some(first) = wrong.first() {
            return Err(first.clone());
        }
        if let Some((_, status, headers)) =
            self.faults.iter().find(|(piece, _, _)| request.target.contains(piece.as_str()))
        {
            let reply = Reply::json(*status, &json!({ "message": "Refused for the test" }));
            return Ok(match headers.split_once(": ") {
                Some((name, value)) => reply.with(name, value),
                None => reply,
            });
        }
        let number = |name: &str, usual: u64| {
            request.query(name).and_then(|text| text.parse().ok()).unwrap_or(usual)
        };
        let (size, page) = (number("per_page", 30).min(100), number("page", 1));
        let segments: Vec<&str> = path.split('/').skip(4).collect();
        let mut body = match segments.as_slice() {
            [] => json!({ "default_branch": "main" }),
            ["actions", "workflows", "ci.yml", "runs"] => {
                let all = match request.query("branch").as_deref() {
                    Some("main") => self.runs,
                    None => self.runs + self.elsewhere,
                    Some(_) => 0,
                };
                let shown = size * (page - 1)..(size * page).min(all);
                let runs: Vec<Value> =
                    shown.map(|place| json!({ "id": 5_000_000_000 + all - place })).collect();
                json!({ "total_count": all, "workflow_runs": runs })
            }
            ["actions", "runs", run, "jobs"] => {
                let run: u64 = run.parse().unwrap_or(0);
                let shown = self.jobs.iter().skip((size * (page - 1)) as usize);
                let start = (run % 1000) * 3600;
                let jobs: Vec<Value> = shown
                    .take(size as usize)
                    .map(|(name, seconds)| {
                        json!({
                            "id": 1, "run_id": run, "run_attempt": 1, "name": name,
                            "status": "completed", "conclusion": "success",
                            "created_at": clock(start), "started_at": clock(start + 5),
                            // Not all runs take the same time.
                            "completed_at": clock(start + 5 + seconds + run % 7), "steps": [],
                        })
                    })
                    .collect();
                json!({ "total_count": self.jobs.len(), "jobs": jobs })
            }
            _ => return Ok(Reply::json(404, &json!({ "message": "Not Found" }))),
        };
        ACTIONS.fill(&request.method, path, 200, &mut body);
        let wrong = ACTIONS.check_answer(&request.method, path, 200, &body);
        assert!(wrong.is_empty(), "the test server's own answer: {wrong:?}");
        Ok(Reply::json(200, &body))
    }
}
