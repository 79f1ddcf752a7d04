//! From a report's paths to the repository's: reports are written on other
//! machines, in other directories, and by tools that know packages, not files.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// The repository's files, or as many of them as are known, by every ending.
pub struct Index<'f> {
    /// `src/a/b.c` is known as itself, as `a/b.c` and as `b.c`. Sorted, each once.
    by_ending: HashMap<&'f str, Vec<&'f str>>,
    root: Option<String>,
}

/// A path as a report gives it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reported<'a> {
    /// The path.
    pub path: &'a str,
    /// Directories it may be relative to, most likely first.
    pub sources: &'a [String],
    /// The module it belongs to, which settles what the path leaves open.
    pub module: Option<&'a str>,
}

impl<'f> Index<'f> {
    /// `files` are paths from the root of the repository, with slashes.
    /// `wanted` keeps the ones whose name matters, so that a large repository
    /// costs nothing; `root` is where the checkout lies on this machine.
    pub fn new(
        files: impl IntoIterator<Item = &'f str>,
        wanted: impl Fn(&str) -> bool,
        root: Option<&str>,
    ) -> Self {
        let mut kept: Vec<&str> =
            files.into_iter().filter(|file| wanted(file_name(file))).collect();
        kept.sort_unstable();
        kept.dedup();
        let mut by_ending: HashMap<&str, Vec<&str>> = HashMap::new();
        for file in kept {
            for ending in endings(file) {
                by_ending.entry(ending).or_default().push(file);
            }
        }
        let root = root.map(|root| normal(root).into_owned()).filter(|root| !root.is_empty());
        Index { by_ending, root }
    }

    /// The repository's file that a report's path means; `None` if there is
    /// none or more than one.
    ///
    /// In this order: the path itself; below the checkout; below one of its
    /// sources; a file whose whole path ends the report's (another machine's
    /// directory, a Go module's import path), the longest; a file that ends
    /// with the report's whole path (a Java package); a file that shares at
    /// least its name and directory with it (a part of the repository that
    /// lay elsewhere), the longest.
    pub fn resolve(&self, reported: Reported<'_>) -> Option<&'f str> {
        let own = normal(reported.path);
        if !self.by_ending.contains_key(file_name(&own)) {
            return None;
        }
        if own.starts_with('/') || reported.sources.is_empty() {
            return self.spelling(&own, reported.module);
        }
        let joined: Vec<String> = reported
            .sources
            .iter()
            .map(|source| normal(&format!("{source}/{own}")).into_owned())
            .collect();
        let mut found: Vec<&str> =
            joined.iter().filter_map(|path| self.spelling(path, reported.module)).collect();
        found.sort_unstable();
        found.dedup();
        match found[..] {
            [file] => Some(file),
            // The sources are of another machine. A bare name below them could
            // be anybody's, a longer path is worth a look.
            [] if own.contains('/')
                && !joined.iter().any(|path| self.below_root(path).is_some()) =>
            {
                self.spelling(&own, reported.module)
            }
            _ => None,
        }
    }

    fn spelling(&self, path: &str, module: Option<&str>) -> Option<&'f str> {
        if let Some(below) = self.below_root(path) {
            return self.exact(below);
        }
        let path = path.trim_start_matches('/');
        // Whole paths that end this one, the longest first: itself to begin with.
        if let Some(file) = endings(path).find_map(|ending| self.exact(ending)) {
            return Some(file);
        }
        // Endings of files that end this one, or are it; two components at least
        // if it is not all of it.
        let shared = endings(path)
            .filter(|ending| ending.len() == path.len() || ending.contains('/'))
            .find_map(|ending| self.by_ending.get(ending))?;
        match shared[..] {
            [file] => Some(file),
            _ => only(shared.iter().copied().filter(|file| in_module(file, module))),
        }
    }

    fn below_root<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(self.root.as_deref()?)?.strip_prefix('/')
    }

    fn exact(&self, path: &str) -> Option<&'f str> {
        let files = self.by_ending.get(path)?;
        files.binary_search(&path).ok().map(|at| files[at])
    }

    /// The files that all paths of one report mean, in their order.
    ///
    /// Two of its paths cannot mean one file. Where they seem to, the one that
    /// is closer to it wins (its own path, or the fewest directories more or
    /// less); none, if they are equally close. That keeps a file at the root
    /// from being taken for one of the same name further down.
    pub fn resolve_all(&self, reported: &[Reported<'_>]) -> Vec<Option<&'f str>> {
        let mut resolved: Vec<Option<&str>> =
            reported.iter().map(|reported| self.resolve(*reported)).collect();
        let mut claims: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, file) in resolved.iter().enumerate() {
            if let Some(file) = file {
                claims.entry(file).or_default().push(index);
            }
        }
        for (file, claims) in claims {
            // Parts of one file under one name are no conflict.
            let distinct: HashSet<_> =
                claims.iter().map(|&at| (reported[at].path, reported[at].module)).collect();
            if distinct.len() < 2 {
                continue;
            }
            let distance = |at: usize| {
                let off = shared_distance(file, &normal(reported[at].path));
                // A module that the path names is a better reason.
                (usize::from(!in_module(file, reported[at].module)), off)
            };
            let best = claims.iter().map(|&at| distance(at)).min();
            let winners: HashSet<_> = claims
                .iter()
                .filter(|&&at| Some(distance(at)) == best)
                .map(|&at| (reported[at].path, reported[at].module))
                .collect();
            for at in claims {
                let name = (reported[at].path, reported[at].module);
                if winners.len() > 1 || !winners.contains(&name) {
                    resolved[at] = None;
                }
            }
        }
        resolved
    }
}

/// The one item, if there is exactly one.
fn only<'f>(mut files: impl Iterator<Item = &'f str>) -> Option<&'f str> {
    let file = files.next()?;
    files.next().is_none().then_some(file)
}

/// The last component.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The most components of a path that are looked at.
const MOST_COMPONENTS: usize = 64;

/// A path, the path without its first component, and so on to the name.
fn endings(path: &str) -> impl Iterator<Item = &str> {
    let starts =
        std::iter::once(0).chain(memchr::memchr_iter(b'/', path.as_bytes()).map(|at| at + 1));
    starts.map(|start| &path[start..]).take(MOST_COMPONENTS)
}

/// How many components both paths end with.
fn shared_components(a: &str, b: &str) -> usize {
    a.rsplit('/').zip(b.rsplit('/')).take_while(|(a, b)| a == b).count()
}

/// How many components the two do not share.
fn shared_distance(a: &str, b: &str) -> usize {
    let count = |path: &str| path.split('/').filter(|part| !part.is_empty()).count();
    (count(a) + count(b)).saturating_sub(2 * shared_components(a, b))
}

/// Whether one of the path's directories is the module.
fn in_module(path: &str, module: Option<&str>) -> bool {
    module.is_some_and(|module| path.split('/').any(|part| part == module))
}

/// Slashes only, without scheme, drive, `.`, `..` and double slashes.
fn normal(path: &str) -> Cow<'_, str> {
    let path = path.trim();
    let path = path.strip_prefix("file://").unwrap_or(path);
    let clean = !path.contains('\\')
        && !path.contains(':')
        && !path.contains("//")
        && !path.split('/').any(|part| matches!(part, "." | ".."));
    if clean {
        return Cow::Borrowed(path.trim_end_matches('/'));
    }
    let slashed = path.replace('\\', "/");
    let mut rest = slashed.as_str();
    // `C:/x`, and `/C:/x` from a URI.
    let drive = rest.strip_prefix('/').unwrap_or(rest);
    if drive.len() >= 2 && drive.as_bytes()[0].is_ascii_alphabetic() && drive.as_bytes()[1] == b':'
    {
        rest = &drive[2..];
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let front = if rest.starts_with('/') { "/" } else { "" };
    Cow::Owned(format!("{front}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 12] = [
        "a.js",
        "backend/shop/price.py",
        "core/src/main/java/p/Calc.java",
        "docs/conf.py",
        "lib/index.js",
        "other/src/main/java/p/Calc.java",
        "src/a.js",
        "src/index.js",
        "src/main/java/p/Only.java",
        "src/shop/__init__.py",
        "src/util.py",
        "tsdb/x.go",
    ];

    fn check(path: &str, sources: &[&str], module: Option<&str>, expect: Option<&str>) {
        let sources: Vec<String> = sources.iter().map(|&source| source.to_owned()).collect();
        let index = Index::new(FILES, |_| true, Some("/srv/a repo"));
        let reported = Reported { path, sources: &sources, module };
        assert_eq!(index.resolve(reported), expect, "{path}");
    }

    #[test]
    fn paths_of_other_machines_are_found() {
        check("src/a.js", &[], None, Some("src/a.js"));
        check("./src/../src/a.js", &[], None, Some("src/a.js"));
        check("/home/runner/work/r/r/src/a.js", &[], None, Some("src/a.js"));
        check("/home/runner/work/r/r/a.js", &[], None, Some("a.js"));
        check("C:\\agent\\_work\\1\\s\\src\\util.py", &[], None, Some("src/util.py"));
        check("/C:/agent/src/util.py", &[], None, Some("src/util.py"));
        check("file:///ci/src/util.py", &[], None, Some("src/util.py"));
        check("/srv/a repo/lib/index.js", &[], None, Some("lib/index.js"));
        check("/srv/a repo/x/lib/index.js", &[], None, None);
        check("github.com/acme/prom/tsdb/x.go", &[], None, Some("tsdb/x.go"));
        check("p/Only.java", &[], None, Some("src/main/java/p/Only.java"));
        check("p/Calc.java", &[], None, None);
        check("p/Calc.java", &[], Some("other"), Some("other/src/main/java/p/Calc.java"));
        check("/app/shop/price.py", &[], None, Some("backend/shop/price.py"));
        check("/app/price.py", &[], None, None);
        check("index.js", &[], None, None);
        check("nowhere.c", &[], None, None);
        check("", &[], None, None);
    }

    #[test]
    fn sources_settle_short_names() {
        check("__init__.py", &["/ci/py/src/shop"], None, Some("src/shop/__init__.py"));
        check("__init__.py", &["/usr/lib/python3/json"], None, None);
        check("index.js", &["--dummy", "C:/ci/lib"], None, Some("lib/index.js"));
        check("a.js", &["/srv/a repo/src"], None, Some("src/a.js"));
        check("src/util.py", &["/somewhere"], None, Some("src/util.py"));
        check("p/Only.java", &["/ci/src/main/java"], None, Some("src/main/java/p/Only.java"));
        check("p/Only.java", &["/ci/kotlin"], None, Some("src/main/java/p/Only.java"));
    }

    #[test]
    fn two_paths_cannot_mean_one_file() {
        let check = |paths: &[(&str, Option<&str>)], expect: &[Option<&str>]| {
            let index = Index::new(["a.js", "core/p/A.java"], |_| true, None);
            let reported: Vec<_> = paths
                .iter()
                .map(|&(path, module)| Reported { path, sources: &[], module })
                .collect();
            assert_eq!(index.resolve_all(&reported), expect, "{paths:?}");
        };
        check(&[("/ci/src/a.js", None), ("/ci/a.js", None)], &[None, Some("a.js")]);
        check(&[("/ci/x/a.js", None), ("/ci/y/a.js", None)], &[None, None]);
        check(&[("/ci/a.js", None), ("/ci/a.js", None)], &[Some("a.js"), Some("a.js")]);
        check(
            &[("p/A.java", Some("web")), ("p/A.java", Some("core"))],
            &[None, Some("core/p/A.java")],
        );
        check(&[("p/A.java", Some("web")), ("p/A.java", Some("db"))], &[None, None]);
    }
}
