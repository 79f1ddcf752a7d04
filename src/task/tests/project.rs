//! One project of the checkout: its suite as it is, its gap, and new tests for it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use tokio::time::Instant;

use super::bench::{Bench, Came, Done, Side};
use super::changed::ChangedFile;
use super::copies::Copies;
use super::cover::{self, Cover};
use super::mutate::{self, Known, Tried};
use super::prove::Judged;
use super::report::{Baseline, ProjectReport};
use super::together::{self, Before};
use super::{Examined, Subject, gaps, surroundings, write};
use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::inputs::{Inputs, TestKind};
use crate::runner::{self, Files, Outcome, Project};
use crate::sandbox::{self, Network, Walls};

/// Largest file that tells of a project, in bytes.
const LARGEST: u64 = 1 << 20;
/// Longest time that a setup or the first run of a suite may take.
const FIRST: Duration = Duration::from_secs(15 * 60);
/// The share of the time that mutants may take while a model is still to be asked.
const MUTANT_SHARE: f64 = 0.4;

/// The checkout's files, for telling projects.
pub struct Tree<'a> {
    checkout: &'a Checkout,
    paths: Vec<String>,
}

impl Files for Tree<'_> {
    fn paths(&self) -> &[String] {
        &self.paths
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.checkout.read(path, LARGEST).ok()
    }
}

/// Changed files of one project.
pub struct Group {
    /// The project.
    pub project: Project,
    /// Its changed files.
    pub changed: Vec<ChangedFile>,
}

/// The projects that the change touches.
pub struct Found<'a> {
    /// The checkout's files.
    pub tree: Tree<'a>,
    /// In the order of their first file.
    pub groups: Vec<Group>,
    /// Changed files of no project.
    pub homeless: Vec<String>,
}

impl<'a> Found<'a> {
    /// By the checkout's files; a command that was given is for all of them.
    pub fn look(
        inputs: &Inputs,
        checkout: &'a Checkout,
        paths: Vec<String>,
        changed: &[ChangedFile],
    ) -> Found<'a> {
        let tree = Tree { checkout, paths };
        let projects = runner::detect(&tree);
        let mut groups: Vec<Group> = Vec::new();
        let mut homeless = Vec::new();
        if let Some(command) = &inputs.testing.command {
            let told = runner::kind_of_command(command);
            let at_root = projects.iter().find(|project| project.root.is_empty());
            let nearest = changed.iter().find_map(|file| runner::project_of(&projects, &file.path));
            let kind = told.or(at_root.or(nearest).map(|project| project.kind));
            let why = match told {
                Some(_) => "`command`".to_owned(),
                None => at_root.or(nearest).map_or("`command`".to_owned(), |one| one.why.clone()),
            };
            let kind = kind.unwrap_or(runner::Kind::Other);
            let project = Project { kind, root: String::new(), why };
            groups.push(Group { project, changed: changed.to_vec() });
            return Found { tree, groups, homeless };
        }
        for file in changed {
            let Some(project) = runner::project_of(&projects, &file.path) else {
                homeless.push(file.path.clone());
                continue;
            };
            match groups.iter_mut().find(|group| group.project.root == project.root) {
                Some(group) => group.changed.push(file.clone()),
                None => {
                    let changed = vec![file.clone()];
                    groups.push(Group { project: project.clone(), changed });
                }
            }
        }
        Found { tree, groups, homeless }
    }
}

/// What a project is looked at with.
pub struct Checked<'a> {
    /// What is looked at.
    pub subject: &'a Subject<'a>,
    /// The checkout.
    pub checkout: &'a Checkout,
    /// Its projects.
    pub found: &'a Found<'a>,
    /// A folder that is thrown away.
    pub scratch: &'a Path,
    /// What this machine can hold.
    pub walls: &'a Walls,
}

/// Look at one project. What could not be done for want of time is noted.
///
/// # Errors
/// Its suite does not run.
pub async fn project(
    checked: &Checked<'_>,
    group: &Group,
    copies: &mut Copies,
    examined: &mut Examined,
) -> Result<(), Failure> {
    let Subject { inputs, deadline, progress, .. } = *checked.subject;
    let testing = &inputs.testing;
    let Project { kind, root, why } = &group.project;
    let command = testing.command.as_deref();
    let one = testing.one.as_deref();
    let commands = runner::commands(*kind, command, one, &checked.found.tree, root);
    let scratch = checked.scratch.join(format!("scratch-{}", examined.report.projects.len()));
    std::fs::create_dir_all(scratch.join("tmp"))
        .context("cannot make a scratch folder")
        .map_err(Failure::Inputs)?;
    let mut bench = Bench {
        head: copies.path(Side::Head),
        base: copies.path(Side::Base),
        root: root.clone(),
        variables: surroundings::variables(testing, *kind, &scratch, &inputs.secrets),
        hidden: hidden(inputs, checked.checkout),
        readable: surroundings::readable(testing),
        shown: [copies.shown(Side::Head), copies.shown(Side::Base)],
        walls: checked.walls,
        seen_at: match checked.walls.files {
            true => checked.checkout.root().join(root),
            false => copies.path(Side::Head).join(root),
        },
        commands,
        testing,
        scratch,
        suite_time: Duration::ZERO,
        deadline,
    };
    let shown = if root.is_empty() { "." } else { root };
    tracing::info!("{shown}: {kind}, told by {why}; tests are run by `{}`", bench.commands.suite);
    let at = examined.report.projects.len();
    examined.report.projects.push(ProjectReport {
        root: shown.to_owned(),
        kind: kind.to_string(),
        why: why.clone(),
        command: bench.commands.suite.clone(),
        one: bench.commands.one.clone(),
        baseline: None,
    });
    if examined.report.command.is_empty() {
        examined.report.command.clone_from(&bench.commands.suite);
    }
    if let Some(setup) = &testing.setup {
        progress.stage("setting the copies up");
        for side in [Side::Head, Side::Base] {
            let done = bench.run_with(side, setup, FIRST, Network::Host).await;
            let done = done.map_err(Failure::Inputs)?;
            if done.exit() != Some(0) {
                return Err(Failure::Inputs(anyhow!(
                    "`setup` failed: {}",
                    checked.subject.scrubber.sanitize_line(&done.report.said)
                )));
            }
        }
        copies.remember();
    }
    progress.stage("running the suite as it is");
    let (before, first) = baseline(&mut bench, copies, checked).await?;
    examined.report.projects[at].baseline = Some(Baseline {
        outcome: before.whole.map_or("not run", Came::words).to_owned(),
        tests: before.tests.len(),
        failing: before.failing(),
        seconds: first.wall.as_secs_f64(),
    });
    if !before.unsteady.is_empty() {
        examined.report.notes.push(format!(
            "Tests that came out differently in two runs of the same code are not held against \
             new ones: {}.",
            before.unsteady.join(", ")
        ));
    }
    let mut tried = Tried::default();
    let mut judged = Vec::new();
    let worked = work(checked, group, &bench, copies, &before, &mut tried, &mut judged, examined);
    if let Err(error) = worked.await {
        // What is known by then is told.
        examined.report.notes.push(format!("Not everything was done: {error:#}."));
        let open = judged.iter_mut().filter(|one: &&mut Judged| one.candidate.verdict.is_proven());
        for one in open {
            one.candidate.verdict = super::report::Verdict::Rejected;
            one.candidate.reason =
                "The time was over before it was shown to hold beside the other tests.".to_owned();
        }
        examined.files.retain(|(path, _, _)| !judged.iter().any(|one| one.candidate.path == *path));
    }
    examined.report.candidates.extend(judged.into_iter().map(|one| one.candidate));
    Ok(())
}

/// Places with secrets: the user's own, the checkout's history, the runner's files.
fn hidden(inputs: &Inputs, checkout: &Checkout) -> Vec<PathBuf> {
    let mut hidden = sandbox::secret_places(inputs.testing.home.as_deref());
    hidden.push(checkout.root().join(".git"));
    hidden.extend(inputs.host.runner_temp.clone());
    let host = &inputs.host;
    let files = [&host.event_path, &host.output, &host.step_summary];
    hidden.extend(
        files.into_iter().flatten().filter_map(|file| file.parent().map(Path::to_path_buf)),
    );
    // GitLab keeps variables of the kind `file` beside the checkout.
    if let (Some(folder), Some(name)) = (checkout.root().parent(), checkout.root().file_name()) {
        hidden.push(folder.join(format!("{}.tmp", name.to_string_lossy())));
    }
    hidden.retain(|place| place.parent().is_some() && !checkout.root().starts_with(place));
    hidden
}

/// The suite on the head, twice.
async fn baseline(
    bench: &mut Bench<'_>,
    copies: &mut Copies,
    checked: &Checked<'_>,
) -> Result<(Before, Done), Failure> {
    let suite = bench.commands.suite.clone();
    let first = bench.run(Side::Head, &suite, FIRST).await.map_err(Failure::Inputs)?;
    bench.suite_time = first.wall;
    let said = || {
        let said = first.report.said.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = crate::redact::shorten(&said, 600).into_owned();
        checked.subject.scrubber.sanitize_line(&said)
    };
    match first.whole() {
        Came::DidNotBuild | Came::Late | Came::Beyond => {
            return Err(Failure::Inputs(anyhow!(
                "the suite does not run on the head: `{suite}` {}: {}. Say how it is run with \
                 `--command`, and what it needs first with `--setup`",
                first.whole().words(),
                said()
            )));
        }
        // Of a suite in which nothing can be loaded, nothing can be told.
        Came::Crashed | Came::DidNotImport
            if first.report.tests.iter().all(|test| test.outcome == Outcome::DidNotImport) =>
        {
            return Err(Failure::Inputs(anyhow!(
                "the suite does not run on the head: `{suite}` ends with exit code {}: {}. Say how \
                 it is run with `--command`, and what it needs first with `--setup`",
                first.exit().map_or("none".to_owned(), |code| code.to_string()),
                said()
            )));
        }
        _ => {}
    }
    copies.remember();
    let second = bench.run(Side::Head, &suite, FIRST).await.map_err(Failure::Inputs)?;
    copies.remember_steady();
    bench.suite_time = first.wall.max(second.wall);
    Ok((Before::of(&first, &second), second))
}

#[allow(
    clippy::too_many_arguments,
    reason = "what was done so far outlives an error, so that it is told"
)]
async fn work(
    checked: &Checked<'_>,
    group: &Group,
    bench: &Bench<'_>,
    copies: &mut Copies,
    before: &Before,
    tried: &mut Tried,
    judged: &mut Vec<Judged>,
    examined: &mut Examined,
) -> Result<()> {
    let Subject { inputs, deadline, progress, .. } = *checked.subject;
    let offline = checked.subject.is_offline();
    let cover = cover(checked, group, bench, copies, examined).await?;
    progress.stage("trying mutants of the change");
    let known = Known { failing: before.failing().into_iter().collect() };
    let start = Instant::now();
    let total = deadline.saturating_duration_since(start);
    let share = if offline { 0.9 } else { MUTANT_SHARE };
    let enough = move || start.elapsed() > total.mul_f64(share);
    let none = before.whole == Some(Came::NotRun);
    let files: Vec<&ChangedFile> = group.changed.iter().collect();
    let unreached = |path: &str, line: u32| none || cover.is_unreached(path, line);
    let most = inputs.testing.mutants;
    *tried = mutate::hunt(bench, copies, &files, &known, most, &unreached, &enough).await?;
    if tried.left_out > 0 {
        examined.report.notes.push(format!(
            "{} mutants were not tried (`mutants`, `timeout_minutes`).",
            tried.left_out
        ));
    }
    let gap = gaps::gaps(&group.changed, &cover, tried);
    examined.report.gap.extend(gap.iter().cloned());
    if offline {
        return Ok(());
    }
    let benchmark = match inputs.testing.kind {
        TestKind::Benchmark => {
            let known = runner::benchmark(bench.commands.kind, &checked.found.tree, &bench.root);
            if known.is_none() {
                examined.report.notes.push(format!(
                    "No benchmark was asked for: the project has no harness that is known \
                     ({}: criterion, `go test -bench`, pytest-benchmark and vitest are).",
                    bench.commands.kind
                ));
                return Ok(());
            }
            known
        }
        _ => None,
    };
    let mut writing = write::Writing {
        checked,
        group,
        bench,
        gap: &gap,
        live: std::mem::take(&mut tried.live),
        // Where the runner counts and does not name, only files are known.
        names: before
            .tests
            .keys()
            .filter(|name| !checked.found.tree.paths.contains(name))
            .take(20)
            .cloned()
            .collect(),
        benchmark,
    };
    write::rounds(&mut writing, copies, judged, examined).await?;
    progress.stage("running the new tests beside all others");
    let before = Before {
        // With no test at all, nothing fails either.
        whole: if none { Some(Came::Passed) } else { before.whole },
        ..before.clone()
    };
    together::settle(bench, copies, &before, judged, examined).await
}

/// Coverage from reports, else from a run.
async fn cover(
    checked: &Checked<'_>,
    group: &Group,
    bench: &Bench<'_>,
    copies: &mut Copies,
    examined: &mut Examined,
) -> Result<Cover> {
    let Subject { inputs, progress, .. } = *checked.subject;
    let Some(named) = &inputs.testing.coverage else { return Ok(Cover::default()) };
    let notes = &mut examined.report.notes;
    let all = &checked.found.tree.paths;
    let globs = match named.is_empty() {
        false => named.patterns.clone(),
        true if !inputs.reports.is_empty() => inputs.reports.patterns.clone(),
        true => cover::usual_names(),
    };
    let root = checked.checkout.root();
    let mut unread = Vec::new();
    let cover = cover::read(root, &globs, None, &group.changed, all, &mut unread);
    if !named.is_empty() {
        notes.append(&mut unread);
        if !group.changed.iter().any(|file| cover.knows(&file.path)) {
            notes.push(format!(
                "No report that `coverage` names ({}) knows a changed file.",
                named.patterns.join(", ")
            ));
        }
        return Ok(cover);
    }
    if group.changed.iter().any(|file| cover.knows(&file.path)) {
        return Ok(cover);
    }
    progress.stage("measuring coverage");
    let made = cover::made(bench, &group.changed, all, notes).await;
    copies.altered(Side::Head, &[])?;
    made
}
