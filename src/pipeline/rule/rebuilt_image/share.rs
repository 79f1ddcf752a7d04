//! How one job hands the image it pushed to another: the steps in words, and the
//! edit where both jobs' commands are plain.

use std::sync::LazyLock;

use regex::Regex;

use super::{Build, consume, produce};
use crate::pipeline::File;
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Job, Os, Path, Seg, Step};
use crate::pipeline::platform::Platform;
use crate::pipeline::rule::{Fix, order};
use crate::pipeline::words::shell::{Command, Options, Shell, Word};
use crate::pipeline::words::{self, Does};

/// What to do, with the jobs' names filled in.
pub(super) fn advice(platform: Platform, a: &str, b: &str, waited: bool, pushed: bool) -> String {
    if !pushed {
        return format!(
            "Build it once in `{a}`, push it there under the commit's name, and let `{b}` use or \
             retag that image."
        );
    }
    if !waited {
        return format!(
            "Build it once and give it all its tags there: let one of `{a}` and `{b}` wait for the \
             other and use the digest it pushed."
        );
    }
    match platform {
        Platform::GitHub => format!(
            "Give `{a}` a job output with the digest, and use `needs.{a}.outputs.ref` in `{b}` in \
             place of the build."
        ),
        Platform::GitLab => format!(
            "Let `{a}` write `IMAGE=<name>@<digest>` into a dotenv report, and use `$IMAGE` in \
             `{b}` in place of the build."
        ),
        Platform::Azure => format!(
            "Let `{a}` set an output variable with the digest, and read it in `{b}` by \
             `dependencies` or `stageDependencies` in place of the build."
        ),
        Platform::Jenkins => format!(
            "Set `env.IMAGE` in `{a}` from the pushed image's `RepoDigests`, and use `$IMAGE` in \
             `{b}` in place of the build."
        ),
        Platform::Bitbucket => format!(
            "Let `{a}` write the digest to `image.txt`, keep that as an artifact, and read it in \
             `{b}` in place of the build."
        ),
        Platform::Harness => format!(
            "Tag the image in `{a}` by `<+codebase.commitSha>`, and use that tag in `{b}` in place \
             of the build."
        ),
    }
}

/// Whether something is called `IMAGE` already.
static TAKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^A-Za-z0-9_])IMAGE(?:[^A-Za-z0-9_]|$)").expect("the pattern is fixed")
});

/// A piece of script as it is written: one scalar, or one string of a Jenkinsfile.
pub(super) struct Cell {
    pub(super) path: Path,
    pub(super) text: String,
    /// Whether it is an item of a list of commands.
    pub(super) item: bool,
    /// Jenkins: where its text begins in the file, and whether Groovy fills it in.
    pub(super) raw: Option<(usize, bool)>,
}

/// The edit; `None` where a command is not plain enough.
pub(super) fn fix(file: &File, first: Build<'_>, again: Build<'_>) -> Option<Fix> {
    let jobs = &file.pipeline.jobs;
    let (one, other) = (jobs.get(first.job)?, jobs.get(again.job)?);
    let yaml = file.pipeline.platform != Platform::Jenkins;
    let local = |job: &Job| {
        match file.pipeline.platform {
            Platform::GitLab => true,
            // A step that stands under `definitions` may be of other pipelines too.
            Platform::Bitbucket => !order::is_borrowed(&file.tree, &job.path),
            _ => order::is_own(file, job),
        }
    };
    if !local(one)
        || !local(other)
        || one.matrix.is_some()
        || again.pushed
        || (yaml && one.path.is_empty())
    {
        return None;
    }
    let pushes_more = words::job_does(other).any(|does| matches!(does, Does::PushImage(_)));
    if pushes_more || one.runner.os == Some(Os::Windows) || other.runner.os == Some(Os::Windows) {
        return None;
    }
    let [name] = again.image.tags.as_slice() else { return None };
    let variable = if TAKEN.is_match(&file.text) { "IMAGE_REF" } else { "IMAGE" };
    let (mut ops, reference) = produce::produce(file, first, one, other, variable)?;
    ops.extend(consume::consume(file, again, other, name, &reference)?);
    let (a, b) = (one.title(), other.title());
    Some(Fix {
        title: format!("Use the image that `{a}` pushed in `{b}`"),
        ops,
        safe: false,
        proof: vec![
            "Both builds have the same folder, Dockerfile, stage, arguments and machine."
                .to_owned(),
            format!("`{b}` waits for `{a}`, and must be able to fetch from the registry."),
        ],
    })
}

/// The list item that holds a step: Harness writes `- step: {…}`.
pub(super) fn item_of(file: &File, step: &Step) -> Option<Path> {
    let mut path = step.path.clone();
    if file.pipeline.platform == Platform::Harness
        && matches!(path.last(), Some(Seg::Key(key)) if key == "step")
    {
        path.pop();
    }
    matches!(path.last(), Some(Seg::Index(_))).then_some(path)
}

/// How the second job names the image.
pub(super) struct Reference {
    /// In a shell's command, outside quotes.
    pub(super) shell: String,
    /// Inside Groovy's double quotes.
    pub(super) groovy: String,
    /// In an input of a ready-made step; `None` where there is no such form.
    pub(super) input: Option<String>,
    /// The variable to set at each step that uses it, and its value.
    pub(super) env: Option<(&'static str, String)>,
    /// What else the second job needs.
    pub(super) ops: Vec<Op>,
}

pub(super) fn cells(file: &File, job: &Job, step: &Step) -> Option<Vec<Cell>> {
    let script = step.script.as_ref()?;
    if script.span.file != 0 {
        return None;
    }
    if file.pipeline.platform == Platform::Jenkins {
        let written = file.text.get(script.span.range())?;
        let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|q| written.starts_with(q))?;
        let inner = written.strip_prefix(quote)?.strip_suffix(quote)?;
        if inner != script.text || inner.contains('\\') {
            return None;
        }
        let at = script.span.range().start + quote.len();
        let raw = Some((at, quote.starts_with('"')));
        return Some(vec![Cell { path: Path::new(), text: inner.to_owned(), item: false, raw }]);
    }
    let tree = &file.tree;
    let github = file.pipeline.platform == Platform::GitHub;
    if !script.path.starts_with(&job.path) || (github && !order::is_plain(tree, &script.path)) {
        return None;
    }
    let node = order::node_at(tree, &script.path)?;
    if tree.has_hidden(node) || tree.is_alias(node) || tree.is_anchored(node) {
        return None;
    }
    if let Some(text) = tree.text(node) {
        let item = matches!(script.path.last(), Some(Seg::Index(_)));
        let whole = text.trim() == script.text.trim();
        let cell = Cell { path: script.path.clone(), text: text.to_owned(), item, raw: None };
        return whole.then(|| vec![cell]);
    }
    let mut found = Vec::new();
    for (index, item) in tree.items(node).iter().enumerate() {
        let mut path = script.path.clone();
        path.push(Seg::Index(index));
        // Pipes stand among Bitbucket's commands.
        let Some(text) = tree.text(*item) else { continue };
        found.push(Cell { path, text: text.to_owned(), item: true, raw: None });
    }
    Some(found)
}

pub(super) fn posix(file: &File, job: &Job, step: &Step) -> Option<Options> {
    let options = words::options(file.pipeline.platform, job, step.script.as_ref()?)?;
    (options.shell == Shell::Posix).then_some(options)
}

/// Whether a command stands by itself and its words are where they are said to be.
pub(super) fn is_plain(text: &str, command: &Command) -> bool {
    let in_place = |word: &Word| {
        text.get(word.span.clone()).is_some_and(|raw| raw.trim_matches(['"', '\'']) == word.text)
    };
    !command.nested
        && !command.condition
        && !command.tolerated
        && !command.piped
        && command.redirects.is_empty()
        && command.assigns.is_empty()
        && command.words.iter().all(in_place)
}
