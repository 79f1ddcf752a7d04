//! Packages: published by the tools of their languages.

use super::super::stack::Language;
use super::super::wish::Publish;
use super::deliver::wants_image;
use super::{Plan, checkout};
use crate::pipeline::portable::{
    Access, Action, Approval, Environment, Job, Rights, Secret, Step, Text,
};

pub(super) fn publish(plan: &mut Plan<'_>) {
    let mut targets = plan.wish.publish_to.clone();
    let languages: Vec<Language> = plan
        .wish
        .languages
        .iter()
        .map(|(language, _)| *language)
        .chain(plan.stack.parts.iter().map(|part| part.language))
        .collect();
    if targets.is_empty() && !wants_image(plan) {
        targets.extend(languages.first().and_then(|language| match language {
            Language::Node => Some(Publish::Npm),
            Language::Python => Some(Publish::Pypi),
            Language::Rust => Some(Publish::Crates),
            Language::Java => Some(Publish::Maven),
            Language::Dotnet => Some(Publish::Nuget),
            Language::Ruby => Some(Publish::Gems),
            _ => None,
        }));
        if targets.is_empty() {
            plan.remark("It is not known where to publish to, so nothing is published");
        }
    }
    let gradle = plan
        .stack
        .parts
        .iter()
        .any(|part| part.test.as_deref().is_some_and(|test| test.contains("gradle")));
    for to in targets {
        let (language, secret, script) = match to {
            Publish::Npm => (
                Language::Node,
                "NPM_TOKEN",
                "npm ci\nnpm run build --if-present\nnpm config set //registry.npmjs.org/:_authToken \"$NPM_TOKEN\"\nnpm publish --access public",
            ),
            Publish::Pypi => (
                Language::Python,
                "TWINE_PASSWORD",
                "python -m pip install \"build~=1.2\" \"twine~=6.1\"\npython -m build\ntwine upload --non-interactive --username __token__ dist/*",
            ),
            Publish::Crates => (Language::Rust, "CARGO_REGISTRY_TOKEN", "cargo publish --locked"),
            Publish::Maven if gradle => {
                (Language::Java, "PUBLISH_TOKEN", "./gradlew publish --no-daemon")
            }
            Publish::Maven => (
                Language::Java,
                "PUBLISH_TOKEN",
                "mvn --batch-mode --no-transfer-progress deploy -DskipTests",
            ),
            Publish::Nuget => (
                Language::Dotnet,
                "NUGET_API_KEY",
                "dotnet pack --configuration Release --output packages\ndotnet nuget push \"packages/*.nupkg\" --api-key \"$NUGET_API_KEY\" --source https://api.nuget.org/v3/index.json --skip-duplicate",
            ),
            Publish::Gems => {
                (Language::Ruby, "GEM_HOST_API_KEY", "gem build ./*.gemspec\ngem push ./*.gem")
            }
        };
        if secret == "PUBLISH_TOKEN" {
            plan.remark("Where Maven or Gradle publishes to, and as whom, is the project's own setting; it reads `PUBLISH_TOKEN`");
        }
        let version = plan
            .stack
            .parts
            .iter()
            .find(|part| part.language == language)
            .and_then(|part| part.version.clone());
        let version = version.unwrap_or_else(|| language.usual_version().to_owned());
        let setup = language.setup().unwrap_or_default().to_owned();
        let approved = plan.wish.approval.yes() && !plan.wish.deploy.yes();
        plan.jobs.push(Job {
            title: Some(format!(
                "Publish to {}",
                match to {
                    Publish::Npm => "npm",
                    Publish::Pypi => "PyPI",
                    Publish::Crates => "crates.io",
                    Publish::Maven => "the Maven repository",
                    Publish::Nuget => "NuGet",
                    Publish::Gems => "RubyGems",
                }
            )),
            stage: Some("publish".to_owned()),
            needs: plan.checks.clone(),
            condition: Some(plan.delivery()),
            environment: Some(Environment {
                name: "release".to_owned(),
                url: None,
                approval: approved.then(|| Approval {
                    message: "Publish this release?".to_owned(),
                    approvers: plan.wish.approvers.clone(),
                    hours: None,
                }),
            }),
            timeout: plan.minutes(20),
            secrets: vec![Secret::new(secret)],
            rights: Rights::Only(vec![("contents".to_owned(), Access::Read)]),
            steps: vec![
                checkout(),
                Step::new(Action::Setup { language: setup, version: Text::literal(version) }),
                Step::run(script).titled("Publish"),
            ],
            ..Job::new(if to == Publish::Npm {
                "publish-npm"
            } else {
                match to {
                    Publish::Pypi => "publish-pypi",
                    Publish::Crates => "publish-crates",
                    Publish::Maven => "publish-maven",
                    Publish::Nuget => "publish-nuget",
                    _ => "publish-gems",
                }
            })
        });
    }
}
