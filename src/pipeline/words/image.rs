//! Commands that build, push, fetch and run container images, with what they say
//! about it. Where to look them up: the references of Docker, BuildKit's buildx,
//! Buildah, Podman, kaniko, crane, skopeo, ko and pack.

use super::shell::Command;
use super::table::{self, Parts};
use super::wrap::image_of_run;
use super::{Does, ImageBuild};

/// Flags of `docker build`, `buildx build`, `buildah bud` that take the next word.
const BUILD_FLAGS: &str = "-t --tag -f --file --target --platform --build-arg --build-context \
    --cache-from --cache-to --label --annotation --network --output -o --progress --secret --ssh \
    --iidfile --metadata-file --builder --add-host --attest --allow --memory -m --shm-size --ulimit \
    --cpu-shares --cpuset-cpus --cgroup-parent --isolation --format --layers --creds --authfile \
    --security-opt --arch --os --variant --jobs --manifest --env --volume -v --runtime --userns";

/// What a command does with images; `None` where it is no such command.
pub fn does(command: &Command) -> Option<Vec<Does>> {
    let parts = Parts::of(command);
    let plain = |at: usize| parts.plain.get(at).copied().unwrap_or("");
    let push = |reference: &str| vec![Does::PushImage(reference.to_owned())];
    let pull = |reference: &str| vec![Does::PullImage(reference.to_owned())];
    Some(match (parts.program, plain(0), plain(1)) {
        ("docker" | "podman" | "nerdctl" | "img", "build", _) | ("buildah", "bud" | "build", _) => {
            build(command, parts.program, 2)
        }
        ("docker", "image" | "builder", "build") => build(command, "docker", 3),
        ("docker", "buildx", "build" | "b") => build(command, "buildx", 3),
        ("buildx" | "docker-buildx", "build", _) => build(command, "buildx", 2),
        ("docker", "buildx", "bake") => bake(command, &parts),
        ("docker", "compose", "build") | ("docker-compose", "build", _) => compose(command),
        ("docker", "compose", "push") | ("docker-compose", "push", _) => push("compose"),
        ("docker", "buildx", "imagetools") if plain(2) == "create" => {
            let mut does: Vec<Does> = operands(command, 4)
                .into_iter()
                .map(|reference| Does::PullImage(reference.to_owned()))
                .collect();
            does.extend(tags(command).into_iter().map(Does::PushImage));
            does
        }
        ("docker", "buildx", "imagetools") => pull(plain(3)),
        ("docker" | "podman" | "nerdctl" | "img", "push", _) | ("crane", "push", _) => {
            let reference = parts.plain.last().copied().filter(|_| parts.plain.len() > 1)?;
            push(reference.trim_start_matches("docker://"))
        }
        ("buildah", "push", _) => {
            let reference = parts.plain.last().copied().filter(|_| parts.plain.len() > 1)?;
            push(reference.trim_start_matches("docker://"))
        }
        ("docker" | "podman", "image" | "manifest", "push") => push(plain(2)),
        ("docker" | "podman" | "nerdctl" | "img" | "buildah", "pull", _) => {
            pull(operands(command, 2).first()?)
        }
        ("docker", "image", "pull") => pull(plain(2)),
        ("docker" | "podman" | "buildah", "tag", reference) => pull(reference),
        ("docker" | "podman", "image", "tag" | "save") => pull(plain(2)),
        ("docker" | "podman", "save", _) => pull(operands(command, 2).last()?),
        ("docker" | "podman", "load" | "import" | "commit", _) => Vec::new(),
        ("docker" | "podman", "scan" | "sbom", reference) => pull(reference),
        ("docker" | "podman" | "nerdctl", "run", _) => {
            let at = image_of_run(command)?;
            pull(&command.words.get(at)?.text)
        }
        ("crane" | "regctl", "copy" | "cp", from) => {
            vec![Does::PullImage(from.to_owned()), Does::PushImage(plain(2).to_owned())]
        }
        ("regctl", "image", "copy") => {
            vec![Does::PullImage(plain(2).to_owned()), Does::PushImage(plain(3).to_owned())]
        }
        ("crane", "tag" | "mutate" | "append" | "rebase" | "flatten", reference) => push(reference),
        ("crane", "pull" | "digest" | "manifest" | "config" | "export" | "validate", reference) => {
            pull(reference)
        }
        ("skopeo", "copy" | "sync", from) => {
            let name = |text: &str| text.trim_start_matches("docker://").to_owned();
            let mut does = Vec::new();
            if from.starts_with("docker://") {
                does.push(Does::PullImage(name(from)));
            }
            if plain(2).starts_with("docker://") {
                does.push(Does::PushImage(name(plain(2))));
            }
            does
        }
        ("skopeo", "inspect" | "list-tags", from) => pull(from.trim_start_matches("docker://")),
        ("executor" | "kaniko" | "warmer", _, _)
            if parts.has("--destination")
                || parts.has("--dockerfile")
                || parts.has("--context")
                || parts.has("-d")
                || parts.has("--no-push")
                || parts.has("-c") =>
        {
            kaniko(command, &parts)
        }
        ("buildctl" | "buildctl-daemonless.sh", "build", _) => buildctl(command),
        ("pack", "build", name) => {
            let push = parts.has("--publish");
            let context = table::value(command, "--path").unwrap_or(".").to_owned();
            finish(ImageBuild {
                tool: "pack".to_owned(),
                context,
                tags: vec![name.to_owned()],
                push,
                ..ImageBuild::default()
            })
        }
        ("ko", "build" | "publish" | "resolve" | "apply", context) => {
            let push = !parts.has("--push=false") && !parts.has("--local") && !parts.has("-L");
            let mut does = finish(ImageBuild {
                tool: "ko".to_owned(),
                context: context.to_owned(),
                platforms: table::value(command, "--platform").map(str::to_owned),
                push,
                ..ImageBuild::default()
            });
            if plain(0) == "apply" {
                does.push(Does::Deploy("ko".to_owned()));
            }
            does
        }
        ("az", "acr", "build") => {
            let mut tags = table::values(command, "-t");
            tags.extend(table::values(command, "--image"));
            finish(ImageBuild {
                tool: "acr".to_owned(),
                context: parts.plain.get(2).copied().unwrap_or(".").to_owned(),
                file: table::value(command, "-f")
                    .or(table::value(command, "--file"))
                    .map(str::to_owned),
                tags: tags.into_iter().map(str::to_owned).collect(),
                push: true,
                ..ImageBuild::default()
            })
        }
        ("gcloud", "builds", "submit") => finish(ImageBuild {
            tool: "gcloud".to_owned(),
            context: parts.plain.get(2).copied().unwrap_or(".").to_owned(),
            tags: table::values(command, "--tag")
                .into_iter()
                .chain(table::values(command, "-t"))
                .map(str::to_owned)
                .collect(),
            push: true,
            ..ImageBuild::default()
        }),
        ("skaffold", "build", _) => finish(ImageBuild {
            tool: "skaffold".to_owned(),
            context: ".".to_owned(),
            push: !parts.has("--push=false") && !parts.has("--dry-run"),
            ..ImageBuild::default()
        }),
        ("mvn" | "mvnw", _, _) if parts.plain.iter().any(|word| word.ends_with("jib:build")) => {
            jib("jib", &parts)
        }
        ("mvn" | "mvnw", _, _)
            if parts.plain.iter().any(|word| {
                word.ends_with("jib:dockerBuild") || word.ends_with("spring-boot:build-image")
            }) =>
        {
            jib("spring-boot", &parts)
        }
        ("gradle" | "gradlew", _, _) if parts.plain.iter().any(|word| last(word) == "jib") => {
            jib("jib", &parts)
        }
        ("gradle" | "gradlew", _, _)
            if parts
                .plain
                .iter()
                .any(|word| matches!(last(word), "jibDockerBuild" | "bootBuildImage")) =>
        {
            jib("spring-boot", &parts)
        }
        _ => return None,
    })
}

fn last(word: &str) -> &str {
    word.rsplit(':').next().unwrap_or(word)
}

fn jib(tool: &str, parts: &Parts<'_>) -> Vec<Does> {
    let tag = parts.flags.iter().find_map(|flag| {
        [
            "-Djib.to.image=",
            "-Dimage=",
            "--image=",
            "--imageName=",
            "-Dspring-boot.build-image.imageName=",
        ]
        .iter()
        .find_map(|start| flag.strip_prefix(start))
    });
    finish(ImageBuild {
        tool: tool.to_owned(),
        context: ".".to_owned(),
        tags: tag.map(str::to_owned).into_iter().collect(),
        push: tool == "jib"
            || parts
                .flags
                .iter()
                .any(|flag| flag.contains("publishImage") || flag.contains("image.publish=true")),
        ..ImageBuild::default()
    })
}

/// The build, and the push of each tag where it is pushed at once.
pub fn finish(mut build: ImageBuild) -> Vec<Does> {
    build.args.sort();
    let pushed: Vec<Does> = match (build.push, build.tags.is_empty()) {
        (false, _) => Vec::new(),
        (true, true) => vec![Does::PushImage(String::new())],
        (true, false) => build.tags.iter().cloned().map(Does::PushImage).collect(),
    };
    let mut does = vec![Does::BuildImage(build)];
    does.extend(pushed);
    does
}

/// Words behind the first `from` that are neither flags nor a build flag's value.
fn operands(command: &Command, from: usize) -> Vec<&str> {
    let mut found = Vec::new();
    let mut words = command.texts().skip(from);
    while let Some(word) = words.next() {
        if word.starts_with('-') && word.len() > 1 {
            if BUILD_FLAGS.split_ascii_whitespace().any(|flag| flag == word) {
                words.next();
            }
        } else {
            found.push(word);
        }
    }
    found
}

fn tags(command: &Command) -> Vec<String> {
    let mut tags = table::values(command, "-t");
    tags.extend(table::values(command, "--tag"));
    tags.into_iter().map(str::to_owned).collect()
}

fn build(command: &Command, tool: &str, from: usize) -> Vec<Does> {
    let one = |long: &str, short: &str| {
        table::value(command, long).or_else(|| table::value(command, short)).map(str::to_owned)
    };
    let outputs =
        table::values(command, "--output").into_iter().chain(table::values(command, "-o"));
    let mut push = command.texts().any(|word| word == "--push" || word == "--push=true");
    for output in outputs {
        push |= output.contains("push=true") || output.contains("type=registry");
    }
    let cached = command
        .texts()
        .any(|word| word.starts_with("--cache-from") || word.starts_with("--cache-to"));
    // `buildah bud CONTEXT -t x`: the last operand is the context wherever it stands.
    let context = operands(command, from).last().copied().unwrap_or(".").to_owned();
    finish(ImageBuild {
        tool: tool.to_owned(),
        context,
        file: one("--file", "-f"),
        target: one("--target", "--target"),
        platforms: one("--platform", "--arch"),
        args: table::values(command, "--build-arg").into_iter().map(str::to_owned).collect(),
        tags: tags(command),
        push,
        cached,
    })
}

fn bake(command: &Command, parts: &Parts<'_>) -> Vec<Does> {
    finish(ImageBuild {
        tool: "bake".to_owned(),
        context: ".".to_owned(),
        file: table::value(command, "-f").or(table::value(command, "--file")).map(str::to_owned),
        target: parts.plain.get(2).map(|&word| word.to_owned()),
        args: table::values(command, "--set").into_iter().map(str::to_owned).collect(),
        push: parts.has("--push"),
        cached: command.texts().any(|word| word.contains("cache-from")),
        ..ImageBuild::default()
    })
}

fn compose(command: &Command) -> Vec<Does> {
    let file = table::value(command, "-f").or(table::value(command, "--file"));
    finish(ImageBuild {
        tool: "compose".to_owned(),
        context: ".".to_owned(),
        file: file.map(str::to_owned),
        args: table::values(command, "--build-arg").into_iter().map(str::to_owned).collect(),
        push: command.texts().any(|word| word == "--push"),
        ..ImageBuild::default()
    })
}

fn kaniko(command: &Command, parts: &Parts<'_>) -> Vec<Does> {
    let all = |flags: &[&str]| -> Vec<String> {
        flags.iter().flat_map(|flag| table::values(command, flag)).map(str::to_owned).collect()
    };
    let one = |flags: &[&str]| all(flags).into_iter().next();
    finish(ImageBuild {
        tool: "kaniko".to_owned(),
        context: one(&["--context", "-c"]).unwrap_or_else(|| ".".to_owned()),
        file: one(&["--dockerfile", "-f"]),
        target: one(&["--target"]),
        platforms: one(&["--custom-platform", "--customPlatform"]),
        args: all(&["--build-arg"]),
        tags: all(&["--destination", "-d"]),
        push: !parts
            .flags
            .iter()
            .any(|flag| matches!(*flag, "--no-push" | "--no-push=true" | "--noPush")),
        cached: parts.has("--cache") && !parts.has("--cache=false"),
    })
}

fn buildctl(command: &Command) -> Vec<Does> {
    let options = table::values(command, "--opt");
    let option = |name: &str| {
        options
            .iter()
            .find_map(|text| text.strip_prefix(name)?.strip_prefix('='))
            .map(str::to_owned)
    };
    let locals = table::values(command, "--local");
    let context = locals.iter().find_map(|text| text.strip_prefix("context="));
    let output = table::value(command, "--output").unwrap_or("");
    let name = output.split(',').find_map(|part| part.strip_prefix("name="));
    finish(ImageBuild {
        tool: "buildkit".to_owned(),
        context: context.unwrap_or(".").to_owned(),
        file: option("filename"),
        target: option("target"),
        platforms: option("platform"),
        args: options
            .iter()
            .filter_map(|text| text.strip_prefix("build-arg:"))
            .map(str::to_owned)
            .collect(),
        tags: name.map(str::to_owned).into_iter().collect(),
        push: output.contains("push=true"),
        cached: command.texts().any(|word| word == "--import-cache" || word == "--export-cache"),
    })
}
