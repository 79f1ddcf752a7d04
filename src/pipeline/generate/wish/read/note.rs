//! What a phrase that is known means for the wish.

use super::super::phrase::Topic;
use super::super::{Ask, DeployWhen, Publish, Registry, Target, Wish};
use super::{ON_FAILURE, ON_SUCCESS, Reader, Said, add_language, approved, hits, language};
use crate::pipeline::portable::{Os, Strategy};

pub(super) fn note(reader: &Reader, wish: &mut Wish, said: &Said, confined: &mut Vec<DeployWhen>) {
    let negated = reader.negated(said.range.start);
    let clause = reader.of(reader.clause(said.range.start)).to_owned();
    let only =
        ["only", "just", "except"].iter().any(|word| clause.split_whitespace().any(|w| w == *word));
    let deploys = ["deploy", "ship", "promote", "release", "publish", "push"]
        .iter()
        .any(|word| clause.contains(word));
    match said.topic {
        Topic::Platform | Topic::ByDefault => {}
        Topic::Cloud => {
            if !negated && wish.cloud.is_none() {
                wish.cloud = Some(match said.words.as_str() {
                    "aws" | "amazon" => "aws",
                    "azure" => "azure",
                    _ => "gcp",
                });
            }
        }
        Topic::Approval => {
            wish.approval.set(negated);
            if !negated {
                approved(reader, wish, &said.range);
            }
        }
        Topic::Manual => wish.manual.set(negated),
        Topic::Change => {
            // "Do not deploy on pull requests" rules out the deployment there alone.
            let other =
                clause.contains("not ") || clause.contains("never ") || clause.contains("n't ");
            if !(negated || other && deploys) {
                wish.change = Ask::Yes;
            } else if negated && !deploys {
                wish.change.set(true);
            }
        }
        Topic::PushAny => wish.push_any |= !negated,
        Topic::Push => {
            let branch = said.detail.as_deref().unwrap_or("main");
            let branch = match branch {
                "default branch" => "main",
                "release branch" | "release branches" | "release/*" => "release/**",
                other => other,
            };
            if !negated {
                if !wish.push.iter().any(|known| known == branch) {
                    wish.push.push(branch.to_owned());
                }
                if deploys || only {
                    confined.push(DeployWhen::Branch(branch.to_owned()));
                }
            }
        }
        Topic::Tag => {
            if !negated {
                wish.tag = Some(
                    said.detail
                        .clone()
                        .filter(|glob| glob.contains('*'))
                        .unwrap_or_else(|| "v*".to_owned()),
                );
                // Images get tags, too: only a run's tag confines the deployment.
                if deploys || only {
                    confined.push(DeployWhen::Tag);
                }
            }
        }
        Topic::Coverage => wish.coverage.set(negated),
        Topic::Reports => {
            if !negated {
                wish.test.set(false);
            }
        }
        Topic::ScanSecrets => wish.scan_secrets.set(negated),
        Topic::ScanImage => wish.scan_image.set(negated),
        Topic::ScanSource => wish.scan_source.set(negated),
        Topic::Sbom => wish.sbom.set(negated),
        Topic::Terraform | Topic::Plan => {
            // A plan of something else is none of infrastructure.
            if said.topic == Topic::Terraform
                || said.words.contains(' ')
                || reader.text.contains("terraform")
                || reader.text.contains("tofu")
                || reader.text.contains("infra")
            {
                wish.terraform.set(negated);
            }
        }
        Topic::Apply => wish.apply.set(negated),
        Topic::Policy => {
            if !negated {
                let words = &said.words;
                let named = wish.policy.is_some();
                let tool = match () {
                    () if words.contains("checkov") || words.contains("tfsec") => Some("checkov"),
                    () if words.contains("opa") || words.contains("agent") => Some("opa"),
                    () if words.contains("conftest") || words.contains("rego") || !named => {
                        Some("conftest")
                    }
                    () => None,
                };
                let general = words.contains("polic") && !words.contains("agent");
                if let Some(tool) = tool.filter(|_| !(general && named)) {
                    wish.policy = Some(tool);
                }
            }
        }
        Topic::Rollback => wish.rollback.set(negated),
        Topic::BlueGreen => {
            if !negated {
                wish.strategy = Some(Strategy::BlueGreen);
                wish.deploy.set(false);
            }
        }
        Topic::Canary => {
            if negated {
                wish.strategy = None;
            } else {
                wish.deploy.set(false);
            }
        }
        Topic::Rolling => {
            if !negated && wish.strategy.is_none() {
                wish.strategy = Some(Strategy::Rolling);
            }
        }
        Topic::Health => wish.health.set(negated),
        Topic::Notify | Topic::Slack | Topic::Teams | Topic::Email | Topic::Webhook => {
            notify(reader, wish, said, negated)
        }
        Topic::Registry(name) => {
            if !negated && wish.registry.is_none() {
                wish.registry = Some(match name {
                    "github" => Registry::GitHub,
                    "gitlab" => Registry::GitLab,
                    "ecr" => Registry::Ecr,
                    "acr" => Registry::Acr,
                    "google" => Registry::Google,
                    _ => Registry::DockerHub,
                });
                wish.image.set(false);
            }
        }
        Topic::PublishTo(name) => {
            if !negated {
                let to = match name {
                    "npm" => Publish::Npm,
                    "pypi" => Publish::Pypi,
                    "crates" => Publish::Crates,
                    "maven" => Publish::Maven,
                    "nuget" => Publish::Nuget,
                    _ => Publish::Gems,
                };
                if !wish.publish_to.contains(&to) {
                    wish.publish_to.push(to);
                }
                wish.publish.set(false);
            }
        }
        Topic::Release => wish.release.set(negated),
        Topic::Target(name) => {
            let target = match name {
                "argocd" => Target::ArgoCd,
                "ecs" => Target::Ecs,
                "lambda" => Target::Lambda,
                "cloudrun" => Target::CloudRun,
                "webapp" => Target::AzureWebApp,
                "s3" => Target::S3,
                "ssh" => Target::Ssh,
                "helm" => Target::Helm,
                "kustomize" => Target::Kustomize,
                _ => Target::Kubernetes,
            };
            if !negated && wish.target.is_none() {
                wish.target = Some(target);
            }
        }
        Topic::Architecture(name) => {
            if !negated {
                let all = if said.words.starts_with("multi") {
                    vec!["linux/amd64", name]
                } else {
                    vec![name]
                };
                for name in all {
                    if !wish.architectures.iter().any(|known| known == name) {
                        wish.architectures.push(name.to_owned());
                    }
                }
                wish.image.set(false);
            }
        }
        Topic::Image => wish.image.set(negated),
        Topic::Publish => wish.publish.set(negated),
        Topic::EndToEnd => wish.end_to_end.set(negated),
        Topic::Lint => wish.lint.set(negated),
        Topic::Test => wish.test.set(negated),
        Topic::Deploy => {
            // "Do not deploy on pull requests" is no refusal.
            let only_there = negated
                && (clause.contains("pull request")
                    || clause.contains("merge request")
                    || clause.contains(" pr"));
            if !only_there {
                wish.deploy.set(negated);
            }
        }
        Topic::Build => wish.build.set(negated),
        Topic::Cache => wish.cache.set(negated),
        Topic::Cancel => wish.cancel.set(negated),
        Topic::System(name) => {
            let system = match name {
                "windows" => Os::Windows,
                "macos" => Os::MacOs,
                _ => Os::Linux,
            };
            if !negated && !wish.systems.contains(&system) {
                wish.systems.push(system);
            }
        }
        Topic::Language(name) => {
            if !negated
                && let Some(language) = language(if name == "dotnet" { ".net" } else { name })
            {
                add_language(wish, language, Vec::new());
            }
        }
        Topic::Service(name) => {
            if !negated && !wish.services.contains(&name) {
                wish.services.push(name);
            }
        }
        Topic::Unsupported(sentence) => {
            if !negated {
                wish.unsupported.push(sentence.to_owned());
            }
        }
    }
}

fn notify(reader: &Reader, wish: &mut Wish, said: &Said, negated: bool) {
    if negated {
        return;
    }
    let sentence = reader.of(reader.sentence(said.range.start)).to_owned();
    let channel = match said.topic {
        Topic::Slack => Some("slack"),
        Topic::Teams => Some("teams"),
        Topic::Email => Some("email"),
        Topic::Webhook => Some("webhook"),
        _ => None,
    };
    if let Some(channel) = channel {
        if !wish.notify.channels.iter().any(|(known, _)| known == channel) {
            wish.notify.channels.push((channel.to_owned(), String::new()));
        }
        wish.notify.failure |= !hits(&ON_FAILURE, &sentence).is_empty();
        wish.notify.success |= !hits(&ON_SUCCESS, &sentence).is_empty();
    }
}
