//! Which files are not worth a model's time, and which ones the caller left out.
//!
//! Rules of a reader, not of safety: a skipped file is listed with its reason,
//! and the offline rules look at it all the same.

use std::sync::LazyLock;

use anyhow::{Context, Result};
use bstr::ByteSlice;
use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use super::{Content, FileDiff, LineKind, Status};

/// How far into a file its "generated" mark may stand.
const MARK_LINES: u32 = 40;

/// A line this long is not written by hand.
const LONG_LINE: usize = 5_000;

/// Names of lock files, in lower case.
const LOCK_FILES: [&str; 45] = [
    ".package-lock.json",
    ".terraform.lock.hcl",
    "bower.lock",
    "buck2.lock",
    "buf.lock",
    "bun.lock",
    "bun.lockb",
    "cargo.lock",
    "cartfile.resolved",
    "chart.lock",
    "composer.lock",
    "conan.lock",
    "conda-lock.yml",
    "deno.lock",
    "devbox.lock",
    "flake.lock",
    "gemfile.lock",
    "gems.locked",
    "glide.lock",
    "go.sum",
    "go.work.sum",
    "gopkg.lock",
    "gradle.lockfile",
    "jsr.lock",
    "mix.lock",
    "module.bazel.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.resolved",
    "packages.lock.json",
    "paket.lock",
    "pdm.lock",
    "pipfile.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "podfile.lock",
    "poetry.lock",
    "pubspec.lock",
    "pylock.toml",
    "rebar.lock",
    "renv.lock",
    "shard.lock",
    "uv.lock",
    "vcpkg-lock.json",
    "yarn.lock",
];

/// Paths of generated files. Test data that people write is not among them.
const GENERATED: [&str; 47] = [
    "*.pb.go",
    "*.pb.gw.go",
    "*.pb.cc",
    "*.pb.h",
    "*.pb.swift",
    "*.pb.dart",
    "*.pbgrpc.dart",
    "*.pbjson.dart",
    "*_pb.js",
    "*_pb.ts",
    "*_pb.d.ts",
    "*_grpc_pb.js",
    "*_grpc_pb.d.ts",
    "*_pb2.py",
    "*_pb2.pyi",
    "*_pb2_grpc.py",
    "*_pb2_grpc.pyi",
    "*_pb.rb",
    "*_vtproto.pb.go",
    "*.g.dart",
    "*.freezed.dart",
    "*.gr.dart",
    "*.mocks.dart",
    "*.g.cs",
    "*.g.i.cs",
    "*.designer.cs",
    "*.generated.*",
    "*_generated.go",
    "*_generated.rs",
    "*.gen.go",
    "*.gen.ts",
    "*.gen.rs",
    "zz_generated.*",
    "bindata.go",
    "*.snap",
    "*.snap.new",
    "__snapshots__/",
    "__generated__/",
    "*.tsbuildinfo",
    "*.css.map",
    "*.js.map",
    "*.mjs.map",
    "*.cjs.map",
    ".pnp.cjs",
    ".pnp.loader.mjs",
    ".yarn/releases/",
    "*.xcodeproj/project.pbxproj",
];

/// Folders of other people's code.
const VENDORED: [&str; 12] = [
    "vendor/",
    "vendored/",
    "node_modules/",
    "bower_components/",
    "third_party/",
    "third-party/",
    "thirdparty/",
    "Godeps/",
    "Pods/",
    "Carthage/",
    ".yarn/plugins/",
    "site-packages/",
];

/// Paths of minified files.
const MINIFIED: [&str; 5] = ["*.min.js", "*.min.css", "*.min.mjs", "*.bundle.js", "*-min.js"];

static BY_PATH: LazyLock<Option<(GlobSet, Vec<&'static str>)>> = LazyLock::new(|| {
    let kinds = [(&GENERATED[..], "generated"), (&VENDORED, "vendored"), (&MINIFIED, "minified")];
    let mut globs = GlobSetBuilder::new();
    let mut reasons = Vec::new();
    for (patterns, reason) in kinds {
        for pattern in patterns {
            for glob in ignore_globs(pattern).ok()? {
                globs.add(glob);
                reasons.push(reason);
            }
        }
    }
    Some((globs.build().ok()?, reasons))
});

/// Why a file is not put before the model; `None` if it is. By its path, by
/// what the repository's attributes say, by its kind, and by marks in the part
/// of it that the diff shows.
pub fn reason(file: &FileDiff, attributes: &Attributes) -> Option<&'static str> {
    let patch = match &file.content {
        Content::Binary { .. } => return Some("binary"),
        Content::Submodule { .. } => return Some("submodule"),
        Content::Missing { .. } => return Some("no diff to be had"),
        Content::Text(patch) => patch,
    };
    if patch.hunks.is_empty() {
        return Some(match file.status {
            Status::Renamed => "renamed only",
            Status::Copied => "copied only",
            Status::Modified => "mode only",
            Status::Added | Status::Deleted => "empty file",
        });
    }
    let path = file.path().0.to_str_lossy();
    if let Some(said) = attributes.of(&path) {
        return said;
    }
    by_path(&path).or_else(|| by_content(file))
}

/// Why a file with this path is not put before the model, by the path alone.
pub fn by_path(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    if LOCK_FILES.binary_search(&name.as_str()).is_ok() {
        return Some("lock file");
    }
    let (globs, reasons) = BY_PATH.as_ref()?;
    globs.matches(path).first().map(|at| reasons[*at])
}

/// By what the changed and context lines show.
fn by_content(file: &FileDiff) -> Option<&'static str> {
    for line in file.lines() {
        if line.number() <= MARK_LINES && is_generated_mark(line.text) {
            return Some("generated");
        }
    }
    let patch = file.patch()?;
    let changed = patch.lines.iter().filter(|line| line.kind != LineKind::Context);
    let (mut lines, mut bytes, mut long) = (0usize, 0usize, false);
    for line in changed {
        lines += 1;
        bytes += line.len as usize;
        long |= line.len as usize >= LONG_LINE;
    }
    // One long line (a data URL, a key) in a page of ordinary ones is no reason.
    (long && bytes / lines.max(1) >= LONG_LINE / 10).then_some("minified")
}

/// Whether the head of a content marks it as generated, as a diff may not show.
pub fn is_generated(content: &[u8]) -> bool {
    content.lines().take(MARK_LINES as usize).any(is_generated_mark)
}

/// `Code generated … DO NOT EDIT` (the Go convention and its like) and
/// `@generated`, in a comment.
fn is_generated_mark(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    let comment = [&b"//"[..], b"#", b"/*", b"*", b"--", b";", b"<!--", b"%", b"\"\"\"", b"'"]
        .iter()
        .any(|start| text.starts_with(start));
    if !comment {
        return false;
    }
    let has = |needle: &[u8]| memchr::memmem::find(text, needle);
    if let Some(at) = has(b"@generated") {
        let after = text.get(at + b"@generated".len());
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric());
        return !word(after) && !word(before);
    }
    let lower = || text.to_ascii_lowercase();
    (has(b"DO NOT EDIT").is_some()
        || has(b"do not edit").is_some()
        || has(b"Do not edit").is_some())
        && memchr::memmem::find(&lower(), b"generated").is_some()
}

/// What `.gitattributes` files say: `linguist-generated` and `linguist-vendored`.
///
/// They decide what a reader skips, so the caller takes them from the base
/// revision, never from the change.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    rules: Vec<AttributeRule>,
}

#[derive(Debug, Clone)]
struct AttributeRule {
    globs: Vec<GlobMatcher>,
    generated: Option<bool>,
    vendored: Option<bool>,
}

impl Attributes {
    /// Reads the text of the `.gitattributes` in the root folder. Lines that
    /// cannot be read count for nothing, as for git.
    pub fn parse(text: &str) -> Self {
        let mut attributes = Attributes::default();
        attributes.add("", text);
        attributes
    }

    /// Adds the `.gitattributes` of a folder (`a/b`); deeper folders come later.
    pub fn add(&mut self, folder: &str, text: &str) {
        let folder = folder.trim_matches('/');
        for line in text.lines() {
            let line = line.trim();
            let mut words = line.split_ascii_whitespace();
            let Some(pattern) = words.next().filter(|word| !word.starts_with('#')) else {
                continue;
            };
            let mut rule = AttributeRule { globs: Vec::new(), generated: None, vendored: None };
            for word in words {
                let (name, value) = match (word.strip_prefix(['-', '!']), word.split_once('=')) {
                    (Some(name), _) => (name, false),
                    (None, Some((name, value))) => (name, !value.eq_ignore_ascii_case("false")),
                    (None, None) => (word, true),
                };
                match name {
                    "linguist-generated" => rule.generated = Some(value),
                    "linguist-vendored" => rule.vendored = Some(value),
                    _ => {}
                }
            }
            if rule.generated.is_none() && rule.vendored.is_none() {
                continue;
            }
            let within = match folder {
                "" => pattern.to_owned(),
                _ if pattern.trim_start_matches('/').contains('/') => {
                    format!("{folder}/{}", pattern.trim_start_matches('/'))
                }
                _ => format!("{folder}/**/{}", pattern.trim_start_matches('/')),
            };
            if let Ok(globs) = ignore_globs(&within) {
                rule.globs = globs.iter().map(Glob::compile_matcher).collect();
                self.rules.push(rule);
            }
        }
    }

    /// `Some(reason)` where a file is said to be skipped or not to be; the last
    /// line that matches wins. `None` where nothing is said.
    fn of(&self, path: &str) -> Option<Option<&'static str>> {
        let (mut generated, mut vendored) = (None, None);
        for rule in &self.rules {
            if rule.globs.iter().any(|glob| glob.is_match(path)) {
                generated = rule.generated.or(generated);
                vendored = rule.vendored.or(vendored);
            }
        }
        match (generated, vendored) {
            (Some(true), _) => Some(Some("generated")),
            (_, Some(true)) => Some(Some("vendored")),
            (Some(false), _) | (_, Some(false)) => Some(None),
            (None, None) => None,
        }
    }
}

/// The caller's `include` and `ignore` globs, read as in `.gitignore`: without a
/// slash they match a name in any folder, with one a path from the root; a
/// folder stands for all below it; `!` in front takes back.
#[derive(Debug, Clone)]
pub struct Selection {
    include: GlobSet,
    has_include: bool,
    ignore: Vec<(GlobSet, bool)>,
}

impl Default for Selection {
    fn default() -> Self {
        Selection { include: GlobSet::empty(), has_include: false, ignore: Vec::new() }
    }
}

impl Selection {
    /// Compiles the globs. No `include` stands for everything.
    ///
    /// # Errors
    /// If one is not a glob; it is named.
    pub fn new<S: AsRef<str>>(include: &[S], ignore: &[S]) -> Result<Self> {
        let mut selection = Selection { has_include: !include.is_empty(), ..Selection::default() };
        let set = |patterns: &mut dyn Iterator<Item = &str>| -> Result<GlobSet> {
            let mut set = GlobSetBuilder::new();
            for pattern in patterns {
                let globs = ignore_globs(pattern)
                    .with_context(|| format!("cannot read the glob `{pattern}`"))?;
                globs.into_iter().for_each(|glob| {
                    set.add(glob);
                });
            }
            Ok(set.build()?)
        };
        selection.include = set(&mut include.iter().map(AsRef::as_ref))?;
        // Patterns of one kind in a row make one set: order only matters between kinds.
        let taken_back = |pattern: &S| pattern.as_ref().trim().starts_with('!');
        for run in ignore.chunk_by(|a, b| taken_back(a) == taken_back(b)) {
            let back = taken_back(&run[0]);
            let patterns = run.iter().map(|pattern| pattern.as_ref().trim());
            let mut patterns = patterns.map(|pattern| pattern.strip_prefix('!').unwrap_or(pattern));
            selection.ignore.push((set(&mut patterns)?, back));
        }
        Ok(selection)
    }

    /// Whether a path is to be looked at.
    pub fn takes(&self, path: &str) -> bool {
        self.reason(path).is_none()
    }

    /// Why a path is not to be looked at, if so.
    pub fn reason(&self, path: &str) -> Option<&'static str> {
        if self.has_include && !self.include.is_match(path) {
            return Some("not included");
        }
        let last = self.ignore.iter().rev().find(|(set, _)| set.is_match(path));
        match last {
            Some((_, false)) => Some("ignored"),
            _ => None,
        }
    }
}

/// Globs with the meaning that a line of `.gitignore` has.
fn ignore_globs(pattern: &str) -> Result<Vec<Glob>> {
    let pattern = pattern.trim();
    let folder_only = pattern.ends_with('/');
    let bare = pattern.trim_end_matches('/');
    let rooted = bare.contains('/');
    let bare = bare.trim_start_matches('/');
    let base = if rooted { bare.to_owned() } else { format!("**/{bare}") };
    let build = |glob: &str| GlobBuilder::new(glob).literal_separator(true).build();
    let below = build(&format!("{base}/**"))?;
    // `.yarn/releases/` names a folder wherever it lies, as our own lists mean it.
    let anywhere = match folder_only && rooted && !pattern.starts_with('/') {
        true => Some(build(&format!("**/{base}/**"))?),
        false => None,
    };
    let itself = if folder_only { None } else { Some(build(&base)?) };
    Ok(itself.into_iter().chain([below]).chain(anywhere).collect())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::diff::parse::parse;

    fn check(path: &str, expect: Option<&str>) {
        assert_eq!(by_path(path), expect, "{path}");
    }

    #[test]
    fn the_lock_files_are_sorted() {
        assert!(LOCK_FILES.is_sorted());
        assert!(BY_PATH.is_some(), "our own globs compile");
    }

    #[test]
    fn paths_tell_generated_vendored_minified_and_lock_files() {
        for path in [
            "api/v1/x.pb.go",
            "x_pb2.py",
            "lib/a.g.dart",
            "web/x.generated.ts",
            "tests/snapshots/a.snap",
            "src/__snapshots__/a.js",
            "app.js.map",
        ] {
            check(path, Some("generated"));
        }
        for path in ["vendor/x/y.go", "web/node_modules/a/b.js", "third_party/z.c"] {
            check(path, Some("vendored"));
        }
        for path in ["a/jquery.min.js", "x.min.css"] {
            check(path, Some("minified"));
        }
        for path in [
            "Cargo.lock",
            "web/package-lock.json",
            "go.sum",
            "Gemfile.lock",
            "pnpm-lock.yaml",
            "uv.lock",
        ] {
            check(path, Some("lock file"));
        }
    }

    #[test]
    fn what_people_write_is_not_skipped() {
        for path in [
            "tests/fixtures/data.json",
            "testdata/config.good.yml",
            "src/vendor.rs",
            "vendors/x.go",
            "src/generated.rs",
            "docs/generate.md",
            "snapshots.rs",
            "a/block.rs",
            "min.js",
            "src/admin.js",
            "fixtures/clock.yaml",
            "package.json",
            "Cargo.toml",
            "go.mod",
            "dist.go",
            "lock.go",
        ] {
            check(path, None);
        }
    }

    fn added(path: &str, lines: &[&str]) -> FileDiff {
        let body: String = lines.iter().map(|line| format!("+{line}\n")).collect();
        let text = format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{} @@\n{body}", lines.len());
        parse(Bytes::from(text)).unwrap().files.remove(0)
    }

    #[test]
    fn content_tells_generated_and_minified_files() {
        let none = Attributes::default();
        for (line, expect) in [
            ("// Code generated by protoc-gen-go. DO NOT EDIT.", Some("generated")),
            ("# @generated by tool", Some("generated")),
            ("/* This file is automatically generated. Do not edit. */", Some("generated")),
            ("let s = \"Code generated by x. DO NOT EDIT.\";", None),
            ("// see user@generatedmail.example", None),
            ("// do not edit this constant", None),
        ] {
            assert_eq!(reason(&added("x.go", &[line]), &none), expect, "{line}");
            assert_eq!(is_generated(line.as_bytes()), expect.is_some(), "{line}");
        }
        let far: Vec<&str> = std::iter::repeat_n("x", 50).chain(["// @generated"]).collect();
        assert_eq!(reason(&added("x.go", &far), &none), None);
        let long = "x".repeat(6_000);
        assert_eq!(reason(&added("x.js", &[&long]), &none), Some("minified"));
        let mut mixed = vec!["let a = 1;"; 100];
        mixed.push(&long);
        assert_eq!(reason(&added("x.js", &mixed), &none), None);
    }

    #[test]
    fn attributes_speak_last() {
        let attributes = Attributes::parse(
            "# comment\n*.go linguist-generated\n/keep.go -linguist-generated\nlib/** linguist-vendored=true\n\
             x.pb.go linguist-generated=false\n*.txt text eol=lf\n",
        );
        for (path, expect) in [
            ("a/b.go", Some("generated")),
            ("keep.go", None),
            ("lib/c.c", Some("vendored")),
            ("x.pb.go", None),
            ("a.txt", None),
            ("Cargo.lock", Some("lock file")),
        ] {
            assert_eq!(reason(&added(path, &["x"]), &attributes), expect, "{path}");
        }
        let mut nested = Attributes::default();
        nested.add("web", "*.ts linguist-generated\n");
        assert_eq!(reason(&added("web/src/a.ts", &["x"]), &nested), Some("generated"));
        assert_eq!(reason(&added("src/a.ts", &["x"]), &nested), None);
    }

    #[test]
    fn kinds_without_lines_are_named() {
        let none = Attributes::default();
        let head = "diff --git a/x b/x\n";
        for (rest, expect) in [
            ("Binary files a/x and b/x differ\n", "binary"),
            ("old mode 100644\nnew mode 100755\n", "mode only"),
            ("new file mode 100644\n", "empty file"),
            ("rename from y\nrename to x\n", "renamed only"),
            (
                "new file mode 160000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+Subproject commit 1111111111111111111111111111111111111111\n",
                "submodule",
            ),
        ] {
            let change = parse(Bytes::from(format!("{head}{rest}"))).unwrap();
            assert_eq!(reason(&change.files[0], &none), Some(expect), "{rest}");
        }
    }

    #[test]
    fn globs_read_as_in_gitignore() {
        let takes = |include: &[&str], ignore: &[&str], path: &str| {
            Selection::new(include, ignore).unwrap().takes(path)
        };
        assert!(takes(&[], &[], "a/b.rs"));
        assert!(!takes(&[], &["*.md"], "docs/a.md"));
        assert!(!takes(&[], &["docs"], "docs/a.md"));
        assert!(!takes(&[], &["docs/"], "x/docs/a.md"));
        assert!(takes(&[], &["/docs"], "x/docs/a.md"));
        assert!(takes(&[], &["docs/*.md"], "docs/a/b.md"));
        assert!(!takes(&[], &["docs/**/*.md"], "docs/a/b.md"));
        assert!(takes(&["src"], &[], "src/a/b.rs"));
        assert!(!takes(&["src"], &[], "tests/b.rs"));
        assert!(takes(&[], &["*.md", "!README.md"], "README.md"));
        assert!(!takes(&[], &["!README.md", "*.md"], "README.md"));
        let error = Selection::new(&["a[".to_owned()], &[]).unwrap_err();
        assert!(format!("{error:#}").contains("`a[`"), "{error:#}");
    }
}
