//! A container image whose layers are built anew on every run.

use std::cell::LazyCell;

use super::{Context, Fix, FixKind, Group, Hit, Rule};
use crate::finding::Severity;
use crate::pipeline::edit::{self, Op, Place};
use crate::pipeline::graph::{Job, Resource, Seg, Span, Step, TriggerKind};
use crate::pipeline::platform::Platform;
use crate::pipeline::timing::Effect;
use crate::pipeline::words::{self, Does, ImageBuild};
use crate::pipeline::yaml::value::Value;

/// The rule.
pub const RULE: Rule = Rule {
    slug: "uncached-image-layers",
    title: "An image's layers are built anew on every run",
    doc: "\
Machines of a hosted platform start empty: an image is built from its first line on, though most \
of its layers did not change.

**Fix.** GitHub, `docker/build-push-action` behind `docker/setup-buildx-action`: `cache-from` and \
`cache-to` of the kind `gha`; made unread only where the image is not pushed, the job has no \
matrix and nothing else builds in the file, since builds of one scope take each other's place. \
Harness: `caching: true` of the step, and Bitbucket: `caches: [docker]`, as suggestions.

**Silent** where layers come from anywhere already, on the project's own machines, and where \
`no-cache` says that they shall not. Images that are pushed are only spoken of: what other runs \
write into a cache could end up in them.",
    group: Group::Performance,
    severity: Severity::Low,
    fix: FixKind::Proven,
    platforms: &[
        Platform::GitHub,
        Platform::GitLab,
        Platform::Azure,
        Platform::Bitbucket,
        Platform::Harness,
    ],
    check,
};

fn check(context: &Context<'_>, hits: &mut Vec<Hit>) {
    let pipeline = context.pipeline();
    let text = LazyCell::new(|| edit::Text::new(&context.file.text, &context.file.tree));
    let builds = |job: &Job| words::job_does(job).filter(|does| is_build(does)).count();
    let all: usize = pipeline.jobs.iter().map(builds).sum();
    for (place, job) in pipeline.jobs.iter().enumerate() {
        if job.span.file != 0 || job.runner.self_hosted {
            continue;
        }
        let cached = job.steps.iter().any(keeps_layers)
            || job.reads.iter().any(|access| {
                matches!(&access.what, Resource::Cache(key)
                    if key.to_ascii_lowercase().contains("docker") || key.contains("buildx"))
            });
        if cached {
            continue;
        }
        let built = job.steps.iter().enumerate().find_map(|(at, step)| {
            step.does.iter().find_map(|does| match does {
                Does::BuildImage(build) => Some((at, step, build)),
                _ => None,
            })
        });
        let Some((at, step, build)) = built else { continue };
        if build.cached || step.span.file != 0 || !known(build) || no_cache(step) {
            continue;
        }
        // An image that is written down in the job only runs commands elsewhere.
        if step.script.as_ref().is_some_and(|script| script.text.contains("> Dockerfile")) {
            continue;
        }
        let Some((advice, ops)) = remedy(context, job, at, step) else { continue };
        let fits = text.takes(&ops);
        let pushed = build.push || words::is_release(job) || words::is_deploy(job);
        let safe = pipeline.platform == Platform::GitHub
            && !pushed
            && all == 1
            && job.matrix.is_none()
            && !pipeline.has_trigger(TriggerKind::ChangeWithSecrets)
            && step.condition.is_none();
        let fix = (fits && !ops.is_empty()).then(|| Fix {
            title: format!("Cache the layers of the image that `{}` builds", job.title()),
            ops,
            safe,
            proof: match pushed {
                true => Vec::new(),
                false => vec![
                    "The image is not pushed, and no other build has the same scope.".to_owned(),
                ],
            },
        });
        let caution = match pushed {
            true => " It is pushed: let only runs of branches that are trusted write the cache.",
            false => "",
        };
        hits.push(Hit {
            span: shown(context, step),
            title: format!(
                "Job `{}` builds all layers of its image anew on every run",
                job.title()
            ),
            why: format!(
                "The machine starts empty, so layers that did not change are built again. \
                 {advice}{caution}"
            ),
            severity: None,
            confidence: if pushed { 0.7 } else { 0.85 },
            effect: fix.is_some().then(|| Effect::CacheLayers(vec![place])),
            fix,
        });
    }
}

/// The action, or the command as far as it can be found in the script's source.
fn shown(context: &Context<'_>, step: &Step) -> Span {
    if let Some(used) = &step.uses {
        return used.span;
    }
    let Some(script) = &step.script else { return step.span };
    let source = context.file.text.get(script.span.range()).unwrap_or_default();
    let commands =
        ["docker buildx build", "docker build", "docker image build", "buildah", "podman build"];
    let found = commands.iter().find_map(|command| Some((source.find(command)?, command.len())));
    match found.filter(|_| script.span.file == 0) {
        Some((at, len)) => {
            let start = script.span.range().start + at;
            Span::new(start..start + len)
        }
        None => script.span,
    }
}

fn is_build(does: &Does) -> bool {
    matches!(does, Does::BuildImage(_))
}

/// Whether what builds it is known to start empty.
fn known(build: &ImageBuild) -> bool {
    ["docker", "buildx", "kaniko", "buildah", "podman"].contains(&build.tool.as_str())
        || build.tool.to_ascii_lowercase().contains("docker")
        || build.tool.starts_with("BuildAndPush")
}

fn no_cache(step: &Step) -> bool {
    let said = |name: &str| {
        step.uses.as_ref().and_then(|used| used.input(name)).is_some_and(|text| text != "false")
    };
    said("no-cache")
        || said("nocache")
        || step.script.as_ref().is_some_and(|script| script.text.contains("--no-cache"))
}

/// Whether a step says where layers are kept, in a form that is not read as a build's.
fn keeps_layers(step: &Step) -> bool {
    let words = [
        "cache-from",
        "cache_from",
        "cacheFrom",
        "cache-to",
        "--cache",
        "BUILDKIT_INLINE_CACHE",
        "docker load",
    ];
    let input = step.uses.as_ref().is_some_and(|used| {
        let name = used.name.to_ascii_lowercase();
        name.starts_with("./")
            || name.contains("depot")
            || used.inputs.iter().any(|(key, at)| {
                words.iter().any(|word| key.contains(word) || at.value.contains(word))
            })
    });
    let kept = step.does.iter().any(|does| match does {
        Does::Cache { key, paths } => {
            paths.iter().chain([key]).any(|text| text.contains("buildx") || text.contains("docker"))
        }
        _ => false,
    });
    let script = step.script.as_ref().is_some_and(|script| {
        words.iter().any(|word| script.text.contains(word)) || script.text.contains("docker pull")
    });
    input || kept || script
}

/// What to do, and the edits.
fn remedy(
    context: &Context<'_>,
    job: &Job,
    at: usize,
    step: &Step,
) -> Option<(&'static str, Vec<Op>)> {
    let insert = |key: &str, value: Value| Op::Insert {
        at: step.path.iter().cloned().chain([Seg::Key("with".to_owned())]).collect(),
        key: key.to_owned(),
        value,
        place: Place::Last,
    };
    match context.pipeline().platform {
        Platform::GitHub => {
            let used = step.uses.as_ref();
            if used.is_none_or(|used| used.name != "docker/build-push-action") {
                return Some((
                    "`docker/build-push-action` with `cache-from: type=gha` and \
                     `cache-to: type=gha,mode=max` keeps them.",
                    Vec::new(),
                ));
            }
            let before = job.steps.get(..at)?;
            let buildx = before.iter().any(|step| {
                step.condition.is_none()
                    && step.uses.as_ref().is_some_and(|used| {
                        used.name == "docker/setup-buildx-action"
                            && used
                                .input("driver")
                                .is_none_or(|driver| driver == "docker-container")
                    })
            });
            let ops = match buildx && used.is_some_and(|used| !used.inputs.is_empty()) {
                true => vec![
                    insert("cache-from", Value::text("type=gha")),
                    insert("cache-to", Value::text("type=gha,mode=max")),
                ],
                false => Vec::new(),
            };
            Some((
                "`cache-from: type=gha` and `cache-to: type=gha,mode=max`, behind \
                 `docker/setup-buildx-action`, keep them.",
                ops,
            ))
        }
        Platform::Bitbucket => {
            let key = |key: &str| -> Vec<Seg> {
                job.path.iter().cloned().chain([Seg::Key(key.to_owned())]).collect()
            };
            let has = context.file.tree.root().is_some() && !job.reads.is_empty();
            let ops = match has {
                true => {
                    vec![Op::Push { at: key("caches"), index: 0, value: Value::text("docker") }]
                }
                false => vec![Op::Insert {
                    at: job.path.clone(),
                    key: "caches".to_owned(),
                    value: Value::texts(["docker"]),
                    place: Place::Before(vec!["services", "script"]),
                }],
            };
            Some(("`caches: [docker]` keeps them, up to 1 GB.", ops))
        }
        Platform::Harness => {
            step.uses.as_ref().filter(|used| used.name.starts_with("BuildAndPush"))?;
            if step.uses.as_ref().is_some_and(|used| used.input("caching").is_some()) {
                return None;
            }
            let at = step.path.iter().cloned().chain([Seg::Key("spec".to_owned())]).collect();
            let op = Op::Insert {
                at,
                key: "caching".to_owned(),
                value: Value::Bool(true),
                place: Place::Last,
            };
            Some(("`caching: true` of the step keeps them.", vec![op]))
        }
        _ => Some((
            "`docker buildx build` with `--cache-from` and `--cache-to` of the kind `registry` \
             keeps them beside the image.",
            Vec::new(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::NoFiles;
    use crate::pipeline::rule::testing::hits;

    fn found(platform: Platform, text: &str) -> Vec<(bool, usize)> {
        let (_, hits) = hits(&RULE, platform, text, &NoFiles);
        hits.iter()
            .map(|hit| hit.fix.as_ref().map_or((false, 0), |fix| (fix.safe, fix.ops.len())))
            .collect()
    }

    #[test]
    fn layers_are_kept_where_nothing_is_pushed() {
        let buildx = "      - uses: docker/setup-buildx-action@v3\n";
        let build =
            "      - uses: docker/build-push-action@v6\n        with:\n          context: .\n";
        for (steps, expect) in [
            (format!("{buildx}{build}"), vec![(true, 2)]),
            (build.to_owned(), vec![(false, 0)]),
            (format!("{buildx}{build}          push: true\n"), vec![(false, 2)]),
            (format!("{buildx}{build}          cache-from: type=gha\n"), vec![]),
            (format!("{buildx}{build}          no-cache: true\n"), vec![]),
            ("      - run: docker build .\n".to_owned(), vec![(false, 0)]),
            ("      - run: docker build --cache-from a:b .\n".to_owned(), vec![]),
        ] {
            let text =
                format!("on: push\njobs:\n  i:\n    runs-on: ubuntu-latest\n    steps:\n{steps}");
            assert_eq!(found(Platform::GitHub, &text), expect, "{text}");
        }
    }

    #[test]
    fn other_platforms_are_told() {
        for (platform, text, expect) in [
            (Platform::GitLab, "i:\n  script: [docker build -t a .]\n", vec![(false, 0)]),
            (
                Platform::Bitbucket,
                "pipelines:\n  default:\n    - step:\n        script:\n          - docker build -t a .\n",
                vec![(false, 1)],
            ),
            (
                Platform::Bitbucket,
                "pipelines:\n  default:\n    - step:\n        caches: [docker]\n        script:\n          - docker build -t a .\n",
                vec![],
            ),
        ] {
            assert_eq!(found(platform, text), expect, "{text}");
        }
    }
}
