//! Files of the working tree by name.

use std::fs::Metadata;
use std::ops::ControlFlow;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::jail;
use super::search::SearchError;
use super::{Checkout, Reason, refused};

/// Files and folders that are looked at before a walk gives up.
const MAX_VISITED: usize = 200_000;

/// Folders within folders that are entered.
const MAX_DEPTH: usize = 64;

/// Reports that are returned at most.
const MAX_REPORTS: usize = 2_000;

/// Files found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// With slashes, relative to the root, in order.
    pub files: Vec<String>,
    /// Whether there may be more.
    pub truncated: bool,
}

/// What a walk leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// What git ignores, packages and build output.
    Sources,
    /// Packages and compilers' intermediate files.
    Reports,
}

pub(super) fn list(
    checkout: &Checkout,
    dir: &str,
    glob: Option<&str>,
    limit: usize,
) -> Result<Listing, SearchError> {
    let parts = jail::parse(dir).map_err(|reason| refused(dir, reason))?;
    let (_, found) = jail::locate(&checkout.root, &parts).map_err(|reason| refused(dir, reason))?;
    if !found.is_dir() {
        return Err(refused(dir, Reason::NotAFolder).into());
    }
    let wanted = glob.map(|glob| globs([glob])).transpose()?;
    let mut listing = Listing::default();
    let complete = walk(checkout, &parts.join("/"), Scope::Sources, &mut |path, _, _| {
        if wanted.as_ref().is_some_and(|wanted| !wanted.is_match(path)) {
            return ControlFlow::Continue(());
        }
        if listing.files.len() == limit {
            return ControlFlow::Break(());
        }
        listing.files.push(path.to_owned());
        ControlFlow::Continue(())
    });
    listing.truncated = !complete;
    Ok(listing)
}

pub(super) fn reports(checkout: &Checkout, patterns: &[String]) -> Result<Listing, SearchError> {
    let mut listing = Listing::default();
    let mut open = Vec::new();
    for pattern in patterns {
        let pattern = pattern.trim();
        if pattern.contains(['*', '?', '[', '{']) {
            open.push(pattern);
            continue;
        }
        // A plain path needs no walk.
        let located = jail::parse(pattern)
            .and_then(|parts| Ok((jail::locate(&checkout.root, &parts)?, parts)));
        if let Ok(((_, found), parts)) = located
            && found.is_file()
        {
            listing.files.push(parts.join("/"));
        }
    }
    if !open.is_empty() {
        let wanted = globs(open.iter().copied())?;
        let complete = walk(checkout, "", Scope::Reports, &mut |path, _, _| {
            if wanted.is_match(path) {
                if listing.files.len() >= MAX_REPORTS {
                    return ControlFlow::Break(());
                }
                listing.files.push(path.to_owned());
            }
            ControlFlow::Continue(())
        });
        listing.truncated = !complete;
    }
    listing.files.sort_unstable();
    listing.files.dedup();
    Ok(listing)
}

/// Globs over whole paths; one without a slash matches names in any folder.
pub(super) fn globs<'a>(
    patterns: impl IntoIterator<Item = &'a str>,
) -> Result<GlobSet, SearchError> {
    let mut set = GlobSetBuilder::new();
    let mut add = |pattern: &str| -> Result<(), globset::Error> {
        set.add(GlobBuilder::new(pattern).literal_separator(true).build()?);
        Ok(())
    };
    for pattern in patterns {
        let trimmed = pattern.trim_start_matches("./");
        let wrong = |error: globset::Error| SearchError::Glob(error.to_string());
        if trimmed.contains('/') {
            add(trimmed).map_err(wrong)?;
        } else {
            add(&format!("**/{trimmed}")).map_err(wrong)?;
        }
        if trimmed.ends_with('/') {
            add(&format!("{trimmed}**")).map_err(wrong)?;
        }
    }
    set.build().map_err(|error| SearchError::Glob(error.to_string()))
}

type Visit<'a> = &'a mut dyn FnMut(&str, &Path, &Metadata) -> ControlFlow<()>;

/// Visit every ordinary file below the folder `dir` in order of path. Returns
/// false if not all were visited. Folders that cannot be read are empty.
pub(super) fn walk(checkout: &Checkout, dir: &str, scope: Scope, visit: Visit<'_>) -> bool {
    let ignore = (scope == Scope::Sources).then(|| ignore_stack(&checkout.root));
    let mut walker = Walker { checkout, scope, ignore, room: MAX_VISITED, complete: true, visit };
    let mut path = dir.to_owned();
    let stopped = walker.folder(&mut path, 0, false).is_break();
    walker.complete && !stopped
}

struct Walker<'a> {
    checkout: &'a Checkout,
    scope: Scope,
    ignore: Option<gix::worktree::Stack>,
    room: usize,
    complete: bool,
    visit: Visit<'a>,
}

impl Walker<'_> {
    fn folder(&mut self, path: &mut String, depth: usize, in_cache: bool) -> ControlFlow<()> {
        if depth > MAX_DEPTH {
            self.complete = false;
            return ControlFlow::Continue(());
        }
        let full = self.checkout.root.join(path.as_str());
        let Ok(entries) = std::fs::read_dir(&full) else { return ControlFlow::Continue(()) };
        let mut names: Vec<(String, bool)> = Vec::new();
        for entry in entries.filter_map(Result::ok) {
            if self.room == 0 {
                self.complete = false;
                break;
            }
            self.room -= 1;
            let Ok(kind) = entry.file_type() else { continue };
            // A name that is not UTF-8 cannot be asked for.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let special = !kind.is_dir() && !kind.is_file() && !kind.is_symlink();
            if special && name == ".gitignore" {
                // Reading a pipe would never end.
                self.complete = false;
                return ControlFlow::Continue(());
            }
            if kind.is_dir() || kind.is_file() {
                names.push((name, kind.is_dir()));
            }
        }
        // Folders sort as if their slash were part of the name, as in git.
        names.sort_by_cached_key(
            |(name, is_dir)| {
                if *is_dir { format!("{name}/") } else { name.clone() }
            },
        );
        let is_cache = names.iter().any(|(name, _)| name == "CACHEDIR.TAG");
        if is_cache && self.scope == Scope::Sources && !path.is_empty() {
            return ControlFlow::Continue(());
        }
        for (name, is_dir) in names {
            let len = path.len();
            if len > 0 {
                path.push('/');
            }
            path.push_str(&name);
            let flow = if self.leaves_out(path, &name, is_dir, in_cache || is_cache) {
                ControlFlow::Continue(())
            } else if is_dir {
                self.folder(path, depth + 1, in_cache || is_cache)
            } else {
                let full = full.join(&name);
                match full.symlink_metadata() {
                    Ok(found) if found.is_file() => (self.visit)(path, &full, &found),
                    _ => ControlFlow::Continue(()),
                }
            };
            path.truncate(len);
            flow?;
        }
        ControlFlow::Continue(())
    }

    fn leaves_out(&mut self, path: &str, name: &str, is_dir: bool, in_cache: bool) -> bool {
        if jail::parse(path).is_err() {
            return true;
        }
        if is_dir {
            if matches!(name, "node_modules" | "bower_components" | ".venv" | "__pycache__") {
                return true;
            }
            if in_cache && matches!(name, "deps" | "build" | "incremental" | ".fingerprint") {
                return true;
            }
            if self.scope == Scope::Sources && name == "target" && self.is_build_output(path) {
                return true;
            }
        }
        let mode = is_dir.then_some(gix::index::entry::Mode::DIR);
        let Some(ignore) = &mut self.ignore else { return false };
        ignore
            .at_path(Path::new(path), mode.or(Some(gix::index::entry::Mode::FILE)), &NoObjects)
            .is_ok_and(|found| found.is_excluded())
    }

    /// Whether the folder `target` stands beside a build file that makes one.
    fn is_build_output(&self, path: &str) -> bool {
        let parent = self.checkout.root.join(path);
        let Some(parent) = parent.parent() else { return false };
        ["Cargo.toml", "pom.xml", "build.sbt", "project.clj"]
            .iter()
            .any(|file| parent.join(file).symlink_metadata().is_ok())
    }
}

/// `.gitignore` files, without a repository.
fn ignore_stack(root: &Path) -> gix::worktree::Stack {
    use gix::worktree::stack::{State, state};
    let ignore = state::Ignore::new(
        gix::ignore::Search::default(),
        gix::ignore::Search::default(),
        None,
        state::ignore::Source::WorktreeThenIdMappingIfNotSkipped,
        gix::ignore::search::Ignore { support_precious: false },
    );
    gix::worktree::Stack::new(
        root,
        State::IgnoreStack(ignore),
        gix::glob::pattern::Case::Sensitive,
        Vec::new(),
        Vec::new(),
    )
}

/// Ignore files are read from disk only.
struct NoObjects;

impl gix::objs::Find for NoObjects {
    fn try_find<'a>(
        &self,
        _id: &gix::oid,
        _buffer: &'a mut Vec<u8>,
    ) -> gix::Result<Option<gix::objs::Data<'a>>> {
        Ok(None)
    }
}
