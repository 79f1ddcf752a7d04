//! Whether a job could start before another is done: what ties them, and what was
//! looked at where nothing does. Everything here errs on the side of waiting.

use super::graph::{Job, JobKind, Permissions, Pipeline, Resource};
use super::platform::Platform;
use super::words::{self, Does, ScanTarget};

/// Whether a job may stop waiting for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Independence {
    /// It may: sentences that say what was looked at.
    Proven(Vec<String>),
    /// It may not, or it cannot be told: the one thing that ties them.
    Refused(String),
}

/// Whether `job` may stop waiting for `on`: what it reads, its steps and conditions,
/// and the same for what it waits for only by way of `on`.
pub fn independent(pipeline: &Pipeline, job: usize, on: usize) -> Independence {
    let facts = Facts::of(pipeline);
    facts.independent(job, on)
}

/// What is known of each job, found once for many questions.
#[derive(Debug)]
pub struct Facts<'a> {
    pipeline: &'a Pipeline,
    /// Why a job may not lose an edge.
    bound: Vec<Option<String>>,
    /// Why others may rely on a job having run.
    relied: Vec<Option<String>>,
    ancestors: Vec<Set>,
}

/// A set of jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set(Vec<u64>);

impl Set {
    /// An empty set for so many jobs.
    pub fn new(jobs: usize) -> Self {
        Set(vec![0; jobs.div_ceil(64)])
    }

    /// Adds a job.
    pub fn add(&mut self, job: usize) {
        if let Some(word) = self.0.get_mut(job / 64) {
            *word |= 1 << (job % 64);
        }
    }

    /// Whether a job is in it.
    pub fn has(&self, job: usize) -> bool {
        self.0.get(job / 64).is_some_and(|word| word & (1 << (job % 64)) != 0)
    }

    /// Adds all of another.
    pub fn join(&mut self, other: &Set) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    /// Its jobs, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(|(place, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| place * 64 + bit)
        })
    }
}

/// All that each node waits for, by way of others too. Cycles are followed once.
pub fn closure(needs: &[Vec<usize>]) -> Vec<Set> {
    let mut order = Vec::new();
    let mut state = vec![0_u8; needs.len()];
    for start in 0..needs.len() {
        let mut stack = vec![(start, 0)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 {
                match state.get_mut(node) {
                    Some(seen) if *seen == 0 => *seen = 1,
                    _ => continue,
                }
            }
            match needs.get(node).and_then(|list| list.get(next)) {
                Some(on) => {
                    stack.push((node, next + 1));
                    if state.get(*on) == Some(&0) {
                        stack.push((*on, 0));
                    }
                }
                None => {
                    order.push(node);
                }
            }
        }
    }
    let mut sets = vec![Set::new(needs.len()); needs.len()];
    for node in order {
        let mut set = Set::new(needs.len());
        for on in needs.get(node).into_iter().flatten() {
            set.add(*on);
            if let Some(before) = sets.get(*on) {
                set.join(before);
            }
        }
        if let Some(place) = sets.get_mut(node) {
            *place = set;
        }
    }
    sets
}

impl<'a> Facts<'a> {
    /// Reads every job once.
    pub fn of(pipeline: &'a Pipeline) -> Self {
        let needs: Vec<Vec<usize>> = pipeline
            .jobs
            .iter()
            .map(|job| job.needs.iter().map(|need| need.job).collect())
            .collect();
        let mut facts =
            Facts { pipeline, bound: Vec::new(), relied: Vec::new(), ancestors: closure(&needs) };
        for job in &pipeline.jobs {
            let work = work(pipeline, job);
            facts.relied.push(work.relied.or_else(|| conditional(pipeline.platform, job)));
            facts.bound.push(work.bound);
        }
        facts
    }

    /// Why a job may not lose any edge; `None` where it may.
    pub fn bound(&self, job: usize) -> Option<&str> {
        self.bound.get(job).map_or(Some("there is no such job"), Option::as_deref)
    }

    /// Why others may rely on a job having run; `None` where what it reads and leaves
    /// is all that counts.
    pub fn relied(&self, job: usize) -> Option<&str> {
        self.relied.get(job).map_or(Some("there is no such job"), Option::as_deref)
    }

    /// Everything a job waits for.
    pub fn ancestors(&self, job: usize) -> Option<&Set> {
        self.ancestors.get(job)
    }

    /// Why a job that may lose edges has to wait for another; `None` where it need not.
    pub fn holds(&self, job: usize, on: usize) -> Option<String> {
        self.relied(on).map(str::to_owned).or_else(|| tie(self.pipeline, job, on))
    }

    /// See [`independent`].
    pub fn independent(&self, job: usize, on: usize) -> Independence {
        let (Some(one), Some(other)) = (self.pipeline.jobs.get(job), self.pipeline.jobs.get(on))
        else {
            return Independence::Refused("there is no such job".to_owned());
        };
        if job == on || one.entry != other.entry {
            return Independence::Refused("they are not of one graph".to_owned());
        }
        if let Some(why) = self.bound(job) {
            return Independence::Refused(why.to_owned());
        }
        if let Some(why) = self.holds(job, on) {
            return Independence::Refused(why);
        }
        // What it waits for by way of `on` alone.
        let mut kept = Set::new(self.pipeline.jobs.len());
        for need in one.needs.iter().filter(|need| need.job != on) {
            kept.add(need.job);
            if let Some(set) = self.ancestors(need.job) {
                kept.join(set);
            }
        }
        let behind = self.ancestors(on).into_iter().flat_map(Set::iter);
        for lost in behind.filter(|lost| !kept.has(*lost)) {
            if let Some(why) = self.holds(job, lost) {
                return Independence::Refused(why);
            }
        }
        Independence::Proven(self.sentences(one, other))
    }

    /// What was looked at, for a reviewer, with what was let pass and why.
    pub fn sentences(&self, job: &Job, on: &Job) -> Vec<String> {
        let (a, b) = (title(job), title(on));
        let shared = job.reads.iter().find(|read| {
            matches!(read.what, Resource::Cache(_))
                && on.writes.iter().any(|written| meets(&read.what, &written.what))
        });
        let mut told = vec![format!(
            "`{a}` is not seen to read an output, artifact, image, package or workspace that `{b}` leaves."
        )];
        if let Some(read) = shared {
            told.push(format!(
                "Both use {}; `{a}` installs by itself what it does not find there.",
                spoken(&read.what)
            ));
        }
        told.push(format!("No condition of `{a}` is seen to ask how `{b}` ended."));
        let platform = self.pipeline.platform;
        let steps =
            [job, on].into_iter().flat_map(|job| job.steps.iter().map(move |step| (job, step)));
        let mut named: Vec<String> =
            steps.flat_map(|(job, step)| words::step(platform, job, step).named).collect();
        named.sort();
        named.dedup();
        told.push(match named.is_empty() {
            true => "Every command and ready-made step of both is a known one that changes nothing outside.".to_owned(),
            false => format!(
                "Every command and ready-made step of both is a known one that changes nothing outside, \
                 but for what is known by its name alone: `{}`.",
                named.join("`, `")
            ),
        });
        told
    }
}

/// A job's id, or its display name where the id was made up.
pub fn title(job: &Job) -> &str {
    job.title()
}

struct Work {
    bound: Option<String>,
    relied: Option<String>,
}

/// What a job's steps say about moving it and about relying on it.
fn work(pipeline: &Pipeline, job: &Job) -> Work {
    let name = title(job);
    let both = |why: String| Work { bound: Some(why.clone()), relied: Some(why) };
    match job.kind {
        JobKind::Approval => return both(format!("`{name}` waits for a person")),
        JobKind::Call => {
            let what = job.calls.as_ref().map_or("another pipeline", |at| at.value.as_str());
            return both(format!("`{name}` calls `{what}`, which is not read"));
        }
        JobKind::Work => {}
    }
    if let Some(at) = &job.calls {
        return both(format!("`{name}` calls `{}`, which is not read", at.value));
    }
    if job.manual {
        return both(format!("`{name}` is started by a person"));
    }
    if let Some(environment) = &job.environment {
        return both(format!("`{name}` runs in the environment `{}`", environment.value));
    }
    let given = job.writes.iter().find_map(|access| match &access.what {
        Resource::Dotenv(name) if pipeline.platform != Platform::GitLab => Some(name),
        _ => None,
    });
    if let Some(variable) = given {
        return both(format!("`{name}` sets `{variable}` for all that follows"));
    }
    if let Some(right) = writes_outside(job, pipeline) {
        return both(format!("the token of `{name}` may write: {right}"));
    }
    if job.steps.is_empty() {
        return both(format!("nothing is known of what `{name}` does"));
    }
    let mut made = None;
    let mut useful = false;
    let mut sourced = !job.clone.none;
    for step in &job.steps {
        let reading = words::step(pipeline.platform, job, step);
        if let Some(unknown) = reading.unknown.first() {
            return both(format!("nothing is known of what `{unknown}` does in `{name}`"));
        }
        if let Some(outside) = reading.outside.first() {
            return both(format!("`{outside}` in `{name}` may change something outside"));
        }
        if let Some(fetched) = reading.fetches.first() {
            return both(format!("`{fetched}` in `{name}` may read what another job left outside"));
        }
        made = made.or_else(|| reading.made.first().cloned());
        for does in reading.does.iter().chain(&step.does) {
            let what = match does {
                Does::Lint | Does::Test | Does::Build => {
                    useful = true;
                    continue;
                }
                Does::BuildImage(build) if !build.push => {
                    useful = true;
                    continue;
                }
                Does::Scan { target: ScanTarget::Source | ScanTarget::Image, .. } => {
                    useful = true;
                    continue;
                }
                Does::Checkout => {
                    // `checkout: none` is a step of its own on Azure.
                    sourced |= pipeline.platform != Platform::Azure || !job.clone.none;
                    continue;
                }
                Does::Install(_)
                | Does::Cache { .. }
                | Does::Setup(_)
                | Does::PullImage(_)
                | Does::Upload(_)
                | Does::Download(_)
                | Does::Notify(_)
                | Does::Login(_)
                | Does::History => continue,
                Does::BuildImage(_) | Does::PushImage(_) => "pushes an image",
                Does::Scan { target: ScanTarget::Live, .. } => "scans a running service",
                Does::Deploy(_) => "deploys",
                Does::Publish(_) => "publishes",
                Does::HealthCheck => "looks at what was deployed",
                Does::Rollback => "takes a deployment back",
                Does::Plan(_) => "plans infrastructure",
                Does::Approval => "waits for a person",
            };
            return both(format!("`{name}` {what}"));
        }
    }
    if !useful {
        return Work {
            bound: Some(format!(
                "`{name}` neither checks, tests nor builds: others may wait for it"
            )),
            relied: None,
        };
    }
    // A machine that is kept has what the last job left there.
    let kept = matches!(pipeline.platform, Platform::GitHub | Platform::GitLab | Platform::Azure);
    if job.runner.self_hosted && kept && !sourced {
        return both(format!("`{name}` works on what lies on a machine of one's own"));
    }
    let left = |made| format!("`{made}` in `{name}` may leave more than its name says");
    Work { bound: None, relied: made.map(left) }
}

/// A right of the job's token that lets it change more than reports.
fn writes_outside(job: &Job, pipeline: &Pipeline) -> Option<String> {
    let permissions = match &job.permissions {
        Permissions::Unsaid => &pipeline.permissions,
        said => said,
    };
    match permissions {
        Permissions::WriteAll(_) => Some("all".to_owned()),
        Permissions::Scopes(scopes, _) => {
            let reports =
                ["security-events", "checks", "statuses", "pull-requests", "issues", "actions"];
            let found = scopes.iter().find(|(scope, right)| {
                right.trim() == "write" && !reports.contains(&scope.as_str())
            });
            found.map(|(scope, _)| scope.clone())
        }
        Permissions::Unsaid | Permissions::ReadAll(_) => None,
    }
}

/// On GitHub and Azure a job that is skipped skips those that wait for it.
fn conditional(platform: Platform, job: &Job) -> Option<String> {
    let skips = matches!(platform, Platform::GitHub | Platform::Azure);
    let condition = job.condition.as_ref().filter(|_| skips)?;
    let text = condition.value.trim();
    let always = ["succeeded()", "success()", "${{ success() }}", "always()", "true"];
    if always.contains(&text) {
        return None;
    }
    Some(format!(
        "`{}` runs only under a condition, and what waits for it is skipped with it",
        title(job)
    ))
}

/// What a job reads that another leaves, or else ties it to the other.
pub fn tie(pipeline: &Pipeline, job: usize, on: usize) -> Option<String> {
    let (one, other) = (pipeline.jobs.get(job)?, pipeline.jobs.get(on)?);
    let (a, b) = (title(one), title(other));
    for access in &one.reads {
        let tied = match &access.what {
            Resource::Output(id, name) if *id == other.id => {
                Some(format!("`{a}` reads the output `{name}` of `{b}`"))
            }
            Resource::Status(id) if id.is_empty() || *id == other.id => {
                Some(format!("`{a}` asks how `{b}` ended"))
            }
            what => other
                .writes
                .iter()
                .find(|written| meets(what, &written.what) && !refreshed(what, one, other))
                .map(|written| format!("`{a}` reads {} that `{b}` leaves", spoken(&written.what))),
        };
        if tied.is_some() {
            return tied;
        }
    }
    for access in &one.writes {
        if let Resource::Artifact(name) = &access.what
            && !name.is_empty()
            && other.writes.contains(access)
        {
            return Some(format!("`{a}` and `{b}` both leave an artifact `{name}`"));
        }
    }
    match (&one.concurrency, &other.concurrency) {
        (Some(own), Some(theirs)) if own.group == theirs.group => {
            Some(format!("`{a}` and `{b}` exclude each other"))
        }
        _ => None,
    }
}

/// Whether a job makes by itself what it may find in a cache: it installs, and the
/// other builds nothing that it would have to build once more.
fn refreshed(what: &Resource, job: &Job, on: &Job) -> bool {
    let installs = words::job_does(job).any(|does| matches!(does, Does::Install(_)));
    let builds = words::job_does(on).any(|does| matches!(does, Does::Build));
    matches!(what, Resource::Cache(_)) && installs && !builds
}

fn meets(read: &Resource, written: &Resource) -> bool {
    let same = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
    match (read, written) {
        (Resource::Artifact(a), Resource::Artifact(b))
        | (Resource::Dotenv(a), Resource::Dotenv(b))
        | (Resource::Image(a), Resource::Image(b))
        | (Resource::Environment(a), Resource::Environment(b))
        | (Resource::State(a), Resource::State(b)) => same(a, b),
        (Resource::Package(a), Resource::Package(b)) => {
            a == b || ["release", "artifacts", "artifactory"].contains(&b.as_str())
        }
        (Resource::Cache(a), Resource::Cache(b)) => a == b || same_key(a, b),
        (Resource::Workspace(a), Resource::Workspace(b)) => {
            same(a, b) || a.starts_with(b.as_str()) || b.starts_with(a.as_str())
        }
        _ => false,
    }
}

/// Whether a cache's key, or the beginning of one with `*` behind it, is that of
/// another, however its variables are spelt.
fn same_key(read: &str, written: &str) -> bool {
    let plain = |key: &str| -> String {
        key.chars().filter(|c| !c.is_whitespace() && !matches!(c, '{' | '}' | '"' | '\'')).collect()
    };
    match read.strip_suffix('*') {
        Some(start) => plain(written).starts_with(&plain(start)),
        None => plain(read) == plain(written),
    }
}

fn spoken(what: &Resource) -> String {
    let (kind, name) = match what {
        Resource::Output(_, name) => ("the output", name),
        Resource::Status(name) => ("the result", name),
        Resource::Artifact(name) => ("the artifact", name),
        Resource::Workspace(name) => ("the workspace", name),
        Resource::Dotenv(name) => ("variables", name),
        Resource::Cache(name) => ("the cache", name),
        Resource::Image(name) => ("the image", name),
        Resource::Package(name) => ("a package", name),
        Resource::Environment(name) => ("the environment", name),
        Resource::State(name) => ("the state", name),
    };
    match name.strip_prefix("job:").unwrap_or(name) {
        "" => kind.to_owned(),
        name => format!("{kind} `{name}`"),
    }
}

/// Why waiting may be meant to save minutes: the job costs much, and what it waits
/// for is a cheap check. `None` where that is not so.
pub fn fails_fast(pipeline: &Pipeline, job: usize, on: usize) -> Option<String> {
    let (one, other) = (pipeline.jobs.get(job)?, pipeline.jobs.get(on)?);
    if !words::is_lint(other) || words::is_test(other) {
        return None;
    }
    let cells = one.matrix.as_ref().map_or(1, |matrix| matrix.cells.unwrap_or(8));
    let dear = matches!(one.runner.os, Some(super::graph::Os::MacOs))
        || one.runner.size.as_deref().is_some_and(is_dear);
    let many = cells >= 6;
    (many || dear).then(|| {
        let name = title(one);
        let why =
            if many { format!("runs {cells} times") } else { "runs on a dear machine".to_owned() };
        format!("`{name}` {why}, and `{}` before it may be there to save that", title(other))
    })
}

/// Whether a machine of this size is more than an ordinary one.
fn is_dear(size: &str) -> bool {
    !["small", "flex", "1x"].contains(&size.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{NoFiles, Outcome, read};

    fn pipeline(text: &str) -> Pipeline {
        match read(Platform::GitHub, ".github/workflows/a.yml", text, &NoFiles) {
            Outcome::Read(file) => file.pipeline,
            other => panic!("{other:?}"),
        }
    }

    /// Two jobs, the second behind the first, with these steps.
    fn asked(first: &str, second: &str) -> Independence {
        let text = format!(
            "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{first}]\n  b:\n    needs: a\n    runs-on: ubuntu-latest\n    steps: [{second}]\n"
        );
        independent(&pipeline(&text), 1, 0)
    }

    #[test]
    fn what_reads_nothing_is_proven() {
        let cases = [
            ("{run: npm ci && npm run lint}", "{run: mvn -B verify}"),
            ("{run: cargo fmt --check}", "{run: cargo test}"),
            ("{run: make lint}", "{run: make test}"),
            (
                "{uses: actions/setup-node@v4}, {run: npx eslint .}",
                "{run: npm ci}, {run: npm test}",
            ),
        ];
        for (first, second) in cases {
            let told = asked(first, second);
            assert!(matches!(told, Independence::Proven(_)), "{first} {second} {told:?}");
        }
    }

    #[test]
    fn what_ties_is_named() {
        let cases = [
            ("{run: ./build.sh}", "{run: npm test}", "`./build.sh` in `a` may leave"),
            ("{run: docker push x/y}", "{run: npm test}", "pushes an image"),
            ("{run: npm run lint}", "{run: ./deploy.sh}", "deploys"),
            ("{run: npm run lint}", "{run: echo ok}", "others may wait for it"),
            (
                "{run: npm run lint}",
                "{run: ./frobnicate}",
                "nothing is known of what `./frobnicate`",
            ),
            (
                "{run: npm run lint}",
                "{run: 'npm test && aws s3 cp s3://a b'}",
                "may read what another",
            ),
            (
                "{run: npm run build}, {uses: actions/upload-artifact@v4, with: {name: d}}",
                "{uses: actions/download-artifact@v4, with: {name: d}}, {run: npm test}",
                "reads the artifact `d`",
            ),
            (
                "{uses: actions/cache@v4, with: {path: target, key: k}}, {run: cargo build}",
                "{uses: actions/cache@v4, with: {path: target, key: k}}, {run: cargo test}",
                "reads the cache `k`",
            ),
        ];
        for (first, second, expect) in cases {
            match asked(first, second) {
                Independence::Refused(why) => assert!(why.contains(expect), "{why}"),
                proven => panic!("{first} {second} {proven:?}"),
            }
        }
    }

    #[test]
    fn all_that_is_waited_for_is_found_once_and_cycles_end() {
        let sets = closure(&[vec![], vec![0], vec![1, 0], vec![3]]);
        let lists: Vec<Vec<usize>> = sets.iter().map(|set| set.iter().collect()).collect();
        assert_eq!(lists, [vec![], vec![0], vec![0, 1], vec![3]]);
    }
}
