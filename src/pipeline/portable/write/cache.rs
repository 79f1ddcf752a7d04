//! Caches, as far as the writers agree about them.

use super::super::{Action, Job};
use super::context::Context;
use super::lower::cache_plan;
use super::prepare::releases;

/// A cache that a step asks for.
pub struct Asked {
    /// What it is called.
    pub name: String,
    /// The files that its key follows.
    pub files: Vec<String>,
    /// The folders that it keeps.
    pub paths: Vec<String>,
}

/// The cache that a step asks for, if it does. `own` makes the path of a manager's own
/// folder inside the checkout.
pub fn asked(action: &Action, own: impl Fn(&str) -> String) -> Option<Asked> {
    match action {
        Action::CacheDependencies { manager, lockfiles, paths } => {
            let plan = cache_plan(*manager);
            let mut asked = Asked {
                name: plan.name.to_owned(),
                files: lockfiles.clone(),
                paths: paths.clone(),
            };
            if lockfiles.is_empty() {
                asked.files.push(plan.lockfile.to_owned());
            }
            if paths.is_empty() {
                asked.paths.push(own(plan.folder));
            }
            Some(asked)
        }
        Action::Cache { name, files, paths } => {
            Some(Asked { name: name.clone(), files: files.clone(), paths: paths.clone() })
        }
        _ => None,
    }
}

/// Whether a job goes without its caches, which is reported: a release must not read
/// what a change may have written.
pub fn withheld(cx: &Context<'_>, job: &Job) -> bool {
    let releases = releases(cx.portable);
    if releases {
        cx.lose(
            format!("the cache of job `{}`", job.id),
            "This pipeline makes releases, and a release must not read a cache that a change may have written",
            job.line,
        );
    }
    releases
}

/// The variables by which package managers keep what they fetched in folders below
/// `root`, the checkout's path: name and value.
pub fn folders(cx: &Context<'_>, job: &Job, root: &str) -> Vec<(&'static str, String)> {
    if releases(cx.portable) {
        return Vec::new();
    }
    let mut out = Vec::new();
    for step in &job.steps {
        if let Action::CacheDependencies { manager, paths, .. } = &step.action
            && paths.is_empty()
        {
            let plan = cache_plan(*manager);
            let folder = format!("{root}/{}", plan.folder);
            out.push((plan.variable, plan.value.replace('@', &folder)));
        }
    }
    out
}
