//! Code from elsewhere that can change under its name.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::Op;
use crate::pipeline::graph::{Path, Seg, Span};
use crate::pipeline::platform::Platform;
use crate::pipeline::portable::pins;
use crate::pipeline::yaml::{Id, Tree, Value};

/// The rule.
pub const RULE: Rule = Rule {
    slug: "unpinned-dependency",
    title: "Code from elsewhere can change under its name",
    doc: "\
An action, an image or an include that is named by a branch or a tag is whatever its owner makes \
of that name tomorrow, and runs with this pipeline's secrets. A commit or a digest stays.

It finds actions, reusable workflows and pipes by tag or branch; images by `latest` or without a \
tag; remote GitLab includes, and those of other projects without `ref`; Azure's repository \
resources on a branch; Jenkins libraries on a branch. A branch is worse than a tag, GitHub's own \
actions are the least of it.

**Fix.** Where the table of known releases proves which commit a tag is, the commit takes the \
place of the tag, and the tag stays as a remark behind it. A tag like `v4` that moves on purpose \
is only suggested to be pinned.

**Silent** on images with a version tag, on names that are computed, and on templates, tasks and \
pipes that the platform's own maker publishes.",
    group: Group::Security,
    severity: Severity::Medium,
    fix: FixKind::Proven,
    platforms: &[
        Platform::GitHub,
        Platform::GitLab,
        Platform::Azure,
        Platform::Jenkins,
        Platform::Bitbucket,
        Platform::Harness,
    ],
    check,
};

/// Something from elsewhere, and where it is named.
struct Named {
    /// What kind of thing.
    kind: Kind,
    /// As it is written.
    text: String,
    span: Span,
    path: Path,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `owner/name@ref`.
    Action,
    /// A container image.
    Image,
    /// A Bitbucket pipe.
    Pipe,
    /// A GitLab include by address.
    Remote,
    /// A GitLab include of a project, with its `ref`.
    Project,
    /// A GitLab component.
    Component,
    /// An Azure repository resource, with its `ref`.
    Repository,
    /// A Jenkins library.
    Library,
}

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let mut named = Vec::new();
    let pipeline = context.pipeline();
    if pipeline.platform == Platform::Jenkins {
        jenkins(context, &mut named);
    } else if let Some(root) = context.file.tree.root() {
        let mut walk = Walk {
            tree: &context.file.tree,
            platform: pipeline.platform,
            path: Vec::new(),
            named: &mut named,
        };
        walk.node(root);
    }
    // The same thing twice is one thing to do.
    let mut order: Vec<Vec<Named>> = Vec::new();
    let mut places: HashMap<(String, u8), usize> = HashMap::new();
    for one in named {
        let key = (one.text.to_ascii_lowercase(), one.kind as u8);
        let at = *places.entry(key).or_insert_with(|| {
            order.push(Vec::new());
            order.len() - 1
        });
        order[at].push(one);
    }
    hits.extend(order.iter().filter_map(|same| judge(same)));
}

struct Walk<'a> {
    tree: &'a Tree,
    platform: Platform,
    path: Path,
    named: &'a mut Vec<Named>,
}

impl Walk<'_> {
    fn node(&mut self, id: Id) {
        if self.tree.is_alias(id) {
            return;
        }
        match self.tree.value(id) {
            Value::Scalar { .. } => {}
            Value::Seq(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Seg::Index(index));
                    if self.platform == Platform::GitLab && self.is(&["services", "*"]) {
                        self.image(*item, "name");
                    }
                    if self.platform == Platform::GitLab && self.is_include() {
                        self.include(*item);
                    } else if self.platform == Platform::Azure
                        && self.is(&["resources", "repositories", "*"])
                    {
                        self.repository(*item);
                    }
                    self.node(*item);
                    self.path.pop();
                }
            }
            Value::Map(entries) => {
                for entry in entries.iter().filter(|entry| !entry.merged) {
                    self.path.push(Seg::Key(entry.key.clone()));
                    self.entry(&entry.key, entry.value);
                    // Inputs and variables may be called anything.
                    if !matches!(entry.key.as_str(), "with" | "env" | "variables" | "inputs") {
                        self.node(entry.value);
                    }
                    self.path.pop();
                }
            }
        }
    }

    /// Whether the path ends so; `*` is any one step.
    fn is(&self, tail: &[&str]) -> bool {
        let ends = self.path.iter().rev().zip(tail.iter().rev());
        self.path.len() >= tail.len()
            && ends.into_iter().all(|(seg, want)| {
                *want == "*" || matches!(seg, Seg::Key(key) if key.eq_ignore_ascii_case(want))
            })
    }

    fn is_include(&self) -> bool {
        self.path.len() <= 2 && self.is(&["include", "*"])
    }

    fn entry(&mut self, key: &str, id: Id) {
        match (self.platform, key) {
            (Platform::GitHub, "uses") if self.is(&["steps", "*", "uses"]) || self.is_call() => {
                self.action(id);
            }
            (Platform::GitHub, "container") if self.path.len() == 3 => self.image(id, "image"),
            (Platform::GitHub, "image") if self.is(&["runs", "image"]) => self.action(id),
            (Platform::GitHub, _) if self.path.len() == 4 && self.is(&["services", "*"]) => {
                self.image(id, "image");
            }
            (Platform::GitLab, "image") if self.path.len() <= 2 => self.image(id, "name"),
            (Platform::GitLab, "include")
                if self.path.len() == 1 && !matches!(self.tree.value(id), Value::Seq(_)) =>
            {
                self.include(id);
            }
            // A word alone names one of the resources.
            (Platform::Azure, "container")
                if self.tree.text(id).is_none_or(|text| text.contains(['/', ':'])) =>
            {
                self.image(id, "image");
            }
            (Platform::Azure, "image") if self.is(&["resources", "containers", "*", "image"]) => {
                self.push(Kind::Image, id);
            }
            (Platform::Bitbucket, "image") => self.image(id, "name"),
            (Platform::Bitbucket, "pipe") => self.push(Kind::Pipe, id),
            (Platform::Harness, "image") if self.is(&["spec", "image"]) => {
                self.push(Kind::Image, id);
            }
            _ => {}
        }
    }

    fn is_call(&self) -> bool {
        self.path.len() == 3 && self.is(&["jobs", "*", "uses"])
    }

    /// A scalar, or the one under `key`.
    fn image(&mut self, id: Id, key: &'static str) {
        if self.tree.text(id).is_some() {
            self.push(Kind::Image, id);
        } else if let Some(entry) = self.tree.get(id, key).filter(|entry| !entry.merged) {
            let value = entry.value;
            self.path.push(Seg::Key(key.to_owned()));
            self.push(Kind::Image, value);
            self.path.pop();
        }
    }

    fn action(&mut self, id: Id) {
        let Some(text) = self.tree.text(id) else { return };
        if text.starts_with("docker://") {
            self.push(Kind::Image, id);
        } else if !text.starts_with("./") {
            self.push(Kind::Action, id);
        }
    }

    fn include(&mut self, id: Id) {
        let filled = |key: &str| {
            let value = self.tree.get(id, key)?.value;
            Some((value, self.tree.text(value)?.to_owned()))
        };
        let add = |kind, value: Id, text: String| Named {
            kind,
            text,
            span: Span::new(self.tree.span(value)),
            path: self.path.clone(),
        };
        let found = if let Some(text) = self.tree.text(id) {
            let remote = text.starts_with("http://") || text.starts_with("https://");
            remote.then(|| add(Kind::Remote, id, text.to_owned()))
        } else if let Some((value, url)) = filled("remote") {
            self.tree.get(id, "integrity").is_none().then(|| add(Kind::Remote, value, url))
        } else if let Some((value, component)) = filled("component") {
            Some(add(Kind::Component, value, component))
        } else if let Some((value, project)) = filled("project") {
            let version = filled("ref").map_or(String::new(), |(_, text)| text);
            Some(add(Kind::Project, value, format!("{project}@{version}")))
        } else {
            None
        };
        self.named.extend(found);
    }

    fn repository(&mut self, id: Id) {
        let filled = |key: &str| {
            let value = self.tree.get(id, key)?.value;
            Some((value, self.tree.text(value)?.to_owned()))
        };
        let Some((value, name)) = filled("name") else { return };
        let version = filled("ref").map_or(String::new(), |(_, text)| text);
        self.named.push(Named {
            kind: Kind::Repository,
            text: format!("{name}@{version}"),
            span: Span::new(self.tree.span(value)),
            path: self.path.clone(),
        });
    }

    fn push(&mut self, kind: Kind, id: Id) {
        let Some(text) = self.tree.text(id) else { return };
        // An alias stands for what is found where its anchor is.
        if self.tree.is_alias(id) || text.is_empty() {
            return;
        }
        self.named.push(Named {
            kind,
            text: text.trim().to_owned(),
            span: Span::new(self.tree.span(id)),
            path: self.path.clone(),
        });
    }
}

fn jenkins(context: &Context<'_>, named: &mut Vec<Named>) {
    static LIBRARY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?m)^[ \t]*(?:@Library\s*\(\s*\[?|library\s+(?:identifier:\s*)?)\s*['"]([^'"\n]+)['"]"#)
            .ok()
    });
    for job in &context.pipeline().jobs {
        if let Some(image) = job.image.as_ref().filter(|at| at.span.file == 0) {
            named.push(Named {
                kind: Kind::Image,
                text: image.value.clone(),
                span: image.span,
                path: Path::new(),
            });
        }
    }
    let found = LIBRARY.iter().flat_map(|form| form.captures_iter(&context.file.text));
    named.extend(found.filter_map(|found| found.get(1)).map(|name| Named {
        kind: Kind::Library,
        text: name.as_str().to_owned(),
        span: Span::new(name.range()),
        path: Path::new(),
    }));
}

/// A name that means another commit every day.
fn is_branch(version: &str) -> bool {
    let version = version.strip_prefix("refs/heads/").unwrap_or(version);
    ["main", "master", "develop", "dev", "trunk", "head", "latest", "~latest", "next", "edge"]
        .iter()
        .any(|known| version.eq_ignore_ascii_case(known))
}

fn is_commit(version: &str) -> bool {
    matches!(version.len(), 40 | 64) && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_computed(text: &str) -> bool {
    text.contains(['$', '{', '<', '[', ' ']) || text.is_empty()
}

fn judge(same: &[Named]) -> Option<Hit> {
    let first = same.first()?;
    let text = first.text.as_str();
    if is_computed(text) {
        return None;
    }
    let (severity, confidence, title, why) = match first.kind {
        Kind::Action => action(text)?,
        Kind::Image => image(text)?,
        Kind::Pipe => pipe(text)?,
        Kind::Remote => (
            Severity::Medium,
            0.9,
            format!("The include `{}` is whatever its address serves", shown(text)),
            "Whoever serves this address decides what the jobs run. Keep a copy in the \
             repository, or give the include an `integrity` digest."
                .to_owned(),
        ),
        Kind::Project | Kind::Repository | Kind::Library => other(first.kind, text)?,
        Kind::Component => {
            let version = text.rsplit_once('@').map_or("", |(_, version)| version);
            if !version.is_empty() && !is_branch(version) {
                return None;
            }
            (
                Severity::Medium,
                0.9,
                format!("The component `{text}` follows its newest version"),
                "A new release of it changes what the jobs run, with no change here. Name a \
                 version or a commit."
                    .to_owned(),
            )
        }
    };
    let fix = if first.kind == Kind::Action { pin(text, same) } else { None };
    Some(Hit {
        span: first.span,
        title,
        why,
        severity: Some(severity),
        confidence,
        fix,
        effect: None,
    })
}

type Judged = (Severity, f64, String, String);

fn action(text: &str) -> Option<Judged> {
    let (name, version) = text.rsplit_once('@').unwrap_or((text, ""));
    if is_commit(version) {
        return None;
    }
    let owner = name.split('/').next().unwrap_or(name).to_ascii_lowercase();
    let own = matches!(owner.as_str(), "actions" | "github");
    let what = if name.contains(".github/workflows/") { "workflow" } else { "action" };
    let moves = is_branch(version) || version.is_empty();
    let severity = match (own, moves) {
        (true, true) => Severity::Low,
        (true, false) => Severity::Info,
        (false, true) => Severity::High,
        (false, false) => Severity::Medium,
    };
    let numbered = version.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    let by = match (moves, numbered) {
        (true, _) => "branch",
        (_, true) => "tag",
        _ => "branch or tag",
    };
    let whose = if own { "GitHub's own" } else { "its owner's" };
    Some((
        severity,
        0.95,
        match version {
            "" => format!("The {what} `{name}` has no version"),
            _ => format!("The {what} `{name}` is named by the {by} `{version}`"),
        },
        format!(
            "Whoever takes over {whose} repository can move this {by}, and what it then points at \
             runs with this workflow's token and secrets. Name the commit, with the version as a \
             remark behind it."
        ),
    ))
}

fn image(text: &str) -> Option<Judged> {
    let name = text.strip_prefix("docker://").unwrap_or(text);
    if name.contains('@') || name == "scratch" || name.starts_with('.') {
        return None;
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    if tag.is_some_and(|tag| tag != "latest") {
        return None;
    }
    Some((
        Severity::Medium,
        0.9,
        match tag {
            None => format!("The image `{name}` has no tag, which means `latest`"),
            Some(_) => format!("The image `{name}` is whatever is the latest"),
        },
        "The job runs in another image after each release, so it may break or be taken over with \
         no change here. Name a version, best with its digest (`name:1.2@sha256:…`)."
            .to_owned(),
    ))
}

fn pipe(text: &str) -> Option<Judged> {
    let name = text.strip_prefix("docker://").unwrap_or(text);
    if name.contains('@') {
        return None;
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    let own = name.starts_with("atlassian/");
    let (severity, title) = match tag {
        None => (Severity::Medium, format!("The pipe `{name}` has no version")),
        Some("latest" | "master" | "main") => {
            (Severity::Medium, format!("The pipe `{name}` is whatever is the latest"))
        }
        Some(_) if own => return None,
        Some(_) => (Severity::Low, format!("The pipe `{name}` of a third party is named by a tag")),
    };
    Some((
        severity,
        0.9,
        title,
        "What its owner publishes under this name runs with this pipeline's variables. Name a \
         version, of third parties with the image's digest (`docker://name@sha256:…`)."
            .to_owned(),
    ))
}

fn other(kind: Kind, text: &str) -> Option<Judged> {
    let (name, version) = text.rsplit_once('@').unwrap_or((text, ""));
    if !version.is_empty() && !version.starts_with("refs/heads/") && !is_branch(version) {
        return None;
    }
    let what = match kind {
        Kind::Project => "project",
        Kind::Repository => "repository",
        _ => "library",
    };
    let title = match version {
        "" if kind == Kind::Library => format!("The library `{name}` has no version"),
        "" => format!("The {what} `{name}` is included without `ref`"),
        _ => format!("The {what} `{name}` is included by the branch `{version}`"),
    };
    Some((
        Severity::Low,
        0.8,
        title,
        format!(
            "Each push to that {what} changes what these jobs run, with no change and no review \
             here. Name a tag or a commit, and move it on purpose."
        ),
    ))
}

/// An address without what may be a secret in it.
fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// The commit in the place of the tag, wherever it stands.
fn pin(text: &str, same: &[Named]) -> Option<Fix> {
    let (name, version) = text.rsplit_once('@')?;
    let pin = pins::pin(name)?;
    let exact = pin.version == version;
    // A tag like `v4` moves along within its major version.
    let major = pin.version.split('.').next() == Some(version);
    if !exact && !major {
        return None;
    }
    Some(Fix {
        title: format!("Pin `{name}` to the commit of {}", pin.version),
        ops: same
            .iter()
            .map(|one| Op::Remark {
                at: one.path.clone(),
                find: format!("@{version}"),
                replace: format!("@{}", pin.commit),
                remark: pin.version.to_owned(),
            })
            .collect(),
        safe: exact,
        proof: vec![match exact {
            true => format!("The tag `{version}` of `{name}` was this commit on {}.", pin.seen),
            false => {
                format!("`{}` was the newest release of `{version}` on {}.", pin.version, pin.seen)
            }
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rule::testing::{finds, fixed};

    #[test]
    fn what_moves_is_found_on_every_platform() {
        for (platform, text, expect) in [
            (
                Platform::GitHub,
                "on: push\njobs:\n  a:\n    runs-on: x\n    container: node\n    services: {db: {image: 'postgres:latest'}}\n    steps:\n      - uses: a/b@v1\n      - uses: a/b@v1\n      - uses: ./local\n      - uses: a/c@0123456789012345678901234567890123456789 # v1\n      - uses: docker://alpine:3\n        with: {image: node}\n  b:\n    uses: o/r/.github/workflows/x.yml@main\n",
                &["node", "'postgres:latest'", "a/b@v1", "o/r/.github/workflows/x.yml@main"][..],
            ),
            (
                Platform::GitLab,
                "include:\n  - remote: https://x.org/a.yml\n  - template: Go.yml\n  - project: a/b\n    file: c.yml\n  - project: a/c\n    ref: v1\n    file: c.yml\n  - component: gitlab.com/a/b@~latest\nimage: node\nt:\n  services: [postgres, 'redis:7']\n  script: [x]\n",
                &["https://x.org/a.yml", "a/b", "gitlab.com/a/b@~latest", "node", "postgres"],
            ),
            (
                Platform::Azure,
                "resources:\n  repositories:\n  - repository: t\n    type: github\n    name: a/b\n  - repository: u\n    type: github\n    name: a/c\n    ref: refs/tags/v1\n  containers:\n  - container: c\n    image: ubuntu:latest\nsteps:\n- script: x\n",
                &["a/b", "ubuntu:latest"],
            ),
            (
                Platform::Jenkins,
                "@Library('lib@main') _\npipeline {\n  agent { docker { image 'node' } }\n  stages { stage('a') { steps { sh 'x' } } }\n}\n",
                &["'node'", "lib@main"],
            ),
            (
                Platform::Bitbucket,
                "image: node:22\npipelines:\n  default:\n    - step:\n        script:\n          - pipe: atlassian/a:1.0.0\n          - pipe: other/b:1.0.0\n",
                &["other/b:1.0.0"],
            ),
            (
                Platform::Harness,
                "pipeline:\n  identifier: a\n  name: a\n  stages:\n    - stage:\n        identifier: b\n        name: b\n        type: CI\n        spec:\n          execution:\n            steps:\n              - step:\n                  type: Run\n                  identifier: c\n                  name: c\n                  spec: {image: node, command: x}\n",
                &["node"],
            ),
        ] {
            finds(&RULE, platform, text, expect);
        }
    }

    #[test]
    fn computed_names_are_left() {
        finds(
            &RULE,
            Platform::GitLab,
            "t:\n  image: $CI_REGISTRY_IMAGE:latest\n  script: [x]\n",
            &[],
        );
    }

    #[test]
    fn a_tag_that_the_table_proves_is_pinned_everywhere() {
        let pin = pins::pin("actions/checkout").map_or(("", ""), |pin| (pin.version, pin.commit));
        let step = format!("      - uses: actions/checkout@{}\n", pin.0);
        let text = format!("on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n{step}{step}");
        let expect = text.replace(&format!("@{}", pin.0), &format!("@{} # {}", pin.1, pin.0));
        assert_eq!(fixed(&RULE, Platform::GitHub, &text, true), expect);
        let moving = text.replace(pin.0, "v4");
        assert_eq!(fixed(&RULE, Platform::GitHub, &moving, true), moving);
    }
}
