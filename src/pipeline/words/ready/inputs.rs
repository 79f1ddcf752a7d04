//! Ready-made steps whose inputs say what they do: image builds, package managers.

use crate::pipeline::graph::Use;
use crate::pipeline::platform::Platform;
use crate::pipeline::words::shell::Options;
use crate::pipeline::words::{Does, ImageBuild, Manager, image};

fn list(text: Option<&str>) -> Vec<String> {
    text.unwrap_or("")
        .split(['\n', ','])
        .map(|line| line.trim().trim_matches(['[', ']', '"', '\'']).to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

fn truth(text: Option<&str>) -> bool {
    // An expression decides at run time; it may push.
    text.is_some_and(|text| {
        let text = text.trim().to_ascii_lowercase();
        !matches!(text.as_str(), "" | "false" | "no" | "0")
    })
}

/// Steps that build or push images, with what they say.
pub(super) fn images(platform: Platform, name: &str, used: &Use) -> Option<Vec<Does>> {
    let input = |name: &str| used.input(name);
    let owned = |name: &str| used.input(name).map(str::to_owned).filter(|text| !text.is_empty());
    let context = |name: &str| owned(name).unwrap_or_else(|| ".".to_owned());
    Some(match (platform, name) {
        (
            Platform::GitHub,
            "docker/build-push-action"
            | "depot/build-push-action"
            | "useblacksmith/build-push-action",
        ) => {
            let outputs = input("outputs").unwrap_or("");
            image::finish(ImageBuild {
                tool: used.name.clone(),
                context: context("context"),
                file: owned("file"),
                target: owned("target"),
                platforms: owned("platforms"),
                args: lines(input("build-args")),
                tags: list(input("tags")),
                push: truth(input("push"))
                    || outputs.contains("push=true")
                    || outputs.contains("type=registry"),
                cached: input("cache-from").is_some() || input("cache-to").is_some(),
            })
        }
        (Platform::GitHub, "docker/bake-action" | "depot/bake-action") => {
            image::finish(ImageBuild {
                tool: used.name.clone(),
                context: context("workdir"),
                file: owned("files"),
                target: owned("targets"),
                args: lines(input("set")),
                push: truth(input("push")),
                cached: input("set").is_some_and(|text| text.contains("cache-from")),
                ..ImageBuild::default()
            })
        }
        (
            Platform::GitHub,
            "redhat-actions/buildah-build"
            | "mr-smithers-excellent/docker-build-push"
            | "elgohr/publish-docker-github-action"
            | "macbre/push-to-ghcr"
            | "aevea/action-kaniko"
            | "int128/kaniko-action"
            | "azure/acr-build",
        ) => image::finish(ImageBuild {
            tool: used.name.clone(),
            context: owned("context").or_else(|| owned("path")).unwrap_or_else(|| ".".to_owned()),
            file: owned("dockerfile").or_else(|| owned("containerfiles")),
            target: owned("target"),
            platforms: owned("platforms"),
            args: lines(input("build-args").or(input("buildargs"))),
            tags: list(input("tags").or(input("image").or(input("name")))),
            push: name != "redhat-actions/buildah-build",
            cached: input("cache").is_some(),
        }),
        (Platform::GitHub, "redhat-actions/push-to-registry") => {
            vec![Does::PushImage(owned("image").unwrap_or_default())]
        }
        (Platform::GitHub, "akhileshns/heroku-deploy") => return None,
        (Platform::Azure, "docker" | "dockercompose") => {
            let command =
                input("command").or(input("action")).unwrap_or("buildAndPush").to_ascii_lowercase();
            let repository = owned("repository").or_else(|| owned("imageName")).unwrap_or_default();
            let tags = list(input("tags"));
            let tags: Vec<String> = if tags.is_empty() || repository.is_empty() {
                Some(repository.clone()).filter(|name| !name.is_empty()).into_iter().collect()
            } else {
                tags.iter().map(|tag| format!("{repository}:{tag}")).collect()
            };
            let build = ImageBuild {
                tool: used.name.clone(),
                context: owned("buildContext")
                    .or_else(|| owned("context"))
                    .unwrap_or_else(|| "**".to_owned()),
                file: owned("Dockerfile").or_else(|| owned("dockerComposeFile")),
                args: lines(input("arguments")),
                tags: tags.clone(),
                cached: input("arguments").is_some_and(|text| text.contains("--cache-from")),
                ..ImageBuild::default()
            };
            match command.as_str() {
                "buildandpush" => image::finish(ImageBuild { push: true, ..build }),
                "build" | "build an image" | "build services" | "build service images" => {
                    image::finish(build)
                }
                "push"
                | "push an image"
                | "push images"
                | "push services"
                | "push service images" => {
                    if tags.is_empty() {
                        vec![Does::PushImage(String::new())]
                    } else {
                        tags.into_iter().map(Does::PushImage).collect()
                    }
                }
                "login" => vec![Does::Login("registry".to_owned())],
                "run" | "run an image" => {
                    vec![Does::PullImage(owned("imageName").unwrap_or(repository))]
                }
                _ => Vec::new(),
            }
        }
        (Platform::Harness, kind) if kind.starts_with("buildandpush") => {
            let repo = ["repo", "imageName", "registryName"].iter().find_map(|name| owned(name));
            let repo = repo.unwrap_or_default();
            let registry = |account: String| {
                let region = owned("region").filter(|_| kind.ends_with("ecr"))?;
                Some(format!("{account}.dkr.ecr.{region}.amazonaws.com"))
            };
            let prefix = owned("host")
                .or_else(|| owned("registry"))
                .or_else(|| owned("account").and_then(registry));
            let repo = prefix.map_or(repo.clone(), |host| format!("{host}/{repo}"));
            let tags = list(input("tags"));
            image::finish(ImageBuild {
                tool: used.name.clone(),
                context: context("context"),
                file: owned("dockerfile"),
                target: owned("target"),
                args: lines(input("buildArgs")),
                tags: if tags.is_empty() {
                    Some(repo).filter(|repo| !repo.is_empty()).into_iter().collect()
                } else {
                    tags.iter().map(|tag| format!("{repo}:{tag}")).collect()
                },
                push: true,
                cached: truth(input("caching"))
                    || input("cacheFrom").is_some()
                    || input("remoteCacheRepo").is_some()
                    || input("remoteCacheImage").is_some(),
                ..ImageBuild::default()
            })
        }
        (
            Platform::Bitbucket,
            "atlassian/aws-ecr-push-image"
            | "atlassian/google-gcr-push"
            | "microsoft/azure-acr-push"
            | "atlassian/google-artifact-registry-push",
        ) => {
            vec![Does::PushImage(
                owned("IMAGE_NAME").or_else(|| owned("IMAGE")).unwrap_or_default(),
            )]
        }
        (
            Platform::Jenkins,
            "docker.build" | "dockerbuild" | "dockerbuildandpublish" | "builddockerimage",
        ) => image::finish(ImageBuild {
            tool: used.name.clone(),
            context: ".".to_owned(),
            tags: used.inputs.first().map(|(_, at)| at.value.clone()).into_iter().collect(),
            push: name == "dockerbuildandpublish",
            ..ImageBuild::default()
        }),
        (Platform::Jenkins, "docker.push" | "image.push" | "dockerpush") => {
            vec![Does::PushImage(
                used.inputs.first().map(|(_, at)| at.value.clone()).unwrap_or_default(),
            )]
        }
        _ => return None,
    })
}

fn lines(text: Option<&str>) -> Vec<String> {
    let text = text.unwrap_or("");
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Tasks whose input says which command of a package manager is run.
pub(super) fn managers(platform: Platform, name: &str, used: &Use) -> Option<Vec<Does>> {
    let input = |name: &str| used.input(name).unwrap_or("").trim().to_ascii_lowercase();
    Some(match (platform, name) {
        (Platform::Azure, "npm") => match input("command").as_str() {
            "publish" => vec![Does::Publish("npm".to_owned())],
            "custom" => {
                return Some(script(&format!("npm {}", used.input("customCommand").unwrap_or(""))));
            }
            _ => vec![Does::Install(Manager::Npm)],
        },
        (Platform::Azure, "dotnetcorecli") => match input("command").as_str() {
            "restore" => vec![Does::Install(Manager::Nuget)],
            "test" => vec![Does::Install(Manager::Nuget), Does::Test],
            "push" => vec![Does::Publish("nuget".to_owned())],
            "custom" => {
                return Some(script(&format!(
                    "dotnet {} {}",
                    input("custom"),
                    used.input("arguments").unwrap_or("")
                )));
            }
            _ => vec![Does::Install(Manager::Nuget), Does::Build],
        },
        (Platform::Azure, "nugetcommand" | "nuget") => match input("command").as_str() {
            "push" => vec![Does::Publish("nuget".to_owned())],
            "pack" => vec![Does::Build],
            _ => vec![Does::Install(Manager::Nuget)],
        },
        (Platform::Azure, "maven") => {
            let goals = used.input("goals").unwrap_or("package");
            return Some(script(&format!("mvn {goals}")));
        }
        (Platform::Azure, "gradle") => {
            let tasks = used.input("tasks").unwrap_or("build");
            return Some(script(&format!("gradle {tasks}")));
        }
        (Platform::Azure, "go") => {
            return Some(script(&format!(
                "go {} {}",
                used.input("command").unwrap_or("build"),
                used.input("arguments").unwrap_or("")
            )));
        }
        (Platform::GitHub, "actions-rs/cargo") => {
            return Some(script(&format!(
                "cargo {} {}",
                used.input("command").unwrap_or(""),
                used.input("args").unwrap_or("")
            )));
        }
        (
            Platform::Azure,
            "terraformtaskv" | "terraformtask" | "terraformclitask" | "terraformcli"
            | "terraformtaskv4" | "terraform",
        ) => {
            return Some(script(&format!("terraform {}", used.input("command").unwrap_or("init"))));
        }
        (Platform::Azure, "kubernetes") => match input("command").as_str() {
            "" => return None,
            "get" | "describe" | "logs" | "top" | "explain" | "cluster-info" => Vec::new(),
            "login" => vec![Does::Login("kubernetes".to_owned())],
            _ => return None,
        },
        (Platform::Azure, "helmdeploy") => match input("command").as_str() {
            "package" | "save" => vec![Does::Build],
            "ls" | "init" | "get" | "expose" | "login" | "logout" => Vec::new(),
            "rollback" => vec![Does::Rollback],
            _ => return None,
        },
        (Platform::Azure, "kubernetesmanifest") => match input("action").as_str() {
            "bake" | "createsecret" => Vec::new(),
            "reject" => vec![Does::Rollback],
            _ => return None,
        },
        (Platform::Azure, "universalpackages") => match input("command").as_str() {
            "publish" => return None,
            _ => vec![Does::Download(String::new())],
        },
        (Platform::GitHub, "goreleaser/goreleaser-action") => match used.input("args") {
            Some(args)
                if args.contains("--snapshot")
                    || args.starts_with("build")
                    || args.starts_with("check") =>
            {
                vec![Does::Build]
            }
            _ => return None,
        },
        (Platform::GitHub, "pulumi/actions") => match input("command").as_str() {
            "preview" => vec![Does::Plan("pulumi".to_owned())],
            _ => return None,
        },
        (Platform::GitHub, "superfly/flyctl-actions") => {
            return Some(script(&format!("flyctl {}", used.input("args").unwrap_or("deploy"))));
        }
        (Platform::GitHub, "cloudflare/wrangler-action") => match used.input("command") {
            Some(command) => return Some(script(&format!("wrangler {command}"))),
            None => return None,
        },
        (Platform::GitHub, "w9jds/firebase-action") => {
            return Some(script(&format!("firebase {}", used.input("args").unwrap_or(""))));
        }
        (Platform::GitHub, "nick-fields/retry" | "nick-invision/retry") => {
            return Some(script(used.input("command").unwrap_or("")));
        }
        _ => return None,
    })
}

fn script(text: &str) -> Vec<Does> {
    crate::pipeline::words::text(text, Options::POSIX).does
}
