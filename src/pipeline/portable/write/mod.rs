//! From a portable pipeline to a platform's file.

pub mod azure;
pub mod bitbucket;
pub mod cache;
pub mod cells;
pub mod context;
pub mod github;
pub mod gitlab;
pub mod harness;
pub mod jenkins;
pub mod lower;
pub mod prepare;
pub mod stages;
pub mod tools;
pub mod yaml;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use super::{Action, NotCarried, Portable, Step};
use crate::pipeline::Platform;

/// A platform's file and what became of the pipeline in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The file.
    pub text: String,
    /// What it does not do, in order of place.
    pub not_carried: Vec<NotCarried>,
    /// What a person has to set up for it (connections, environments, secrets), a
    /// sentence each.
    pub remarks: Vec<String>,
}

/// Writes a pipeline as this platform's file. The pipeline should be free of
/// [`Portable::faults`]; jobs that wait for each other in a circle are left out where a
/// platform has an order of its own, and reported.
pub fn write(portable: &Portable, platform: Platform) -> Written {
    let mut prepared = prepare::prepare(portable);
    if platform == Platform::Harness {
        harness::split(&mut prepared);
    }
    let cx = context::Context::new(&prepared, platform);
    for fault in prepared.faults() {
        cx.remark(format!("{fault}."));
    }
    let text = match platform {
        Platform::GitHub => github::write(&cx),
        Platform::GitLab => gitlab::write(&cx),
        Platform::Azure => azure::write(&cx),
        Platform::Jenkins => jenkins::write(&cx),
        Platform::Bitbucket => bitbucket::write(&cx),
        Platform::Harness => harness::write(&cx),
    };
    let (not_carried, remarks) = cx.finish();
    Written { text, not_carried, remarks }
}

/// A step in a few words.
fn describe(step: &Step) -> String {
    if let Some(title) = &step.title {
        return title.clone();
    }
    match &step.action {
        Action::Checkout { .. } => "check out".to_owned(),
        Action::Setup { language, .. } => format!("set up {language}"),
        Action::Run { script, .. } => {
            let text = script.render(|_| "…".to_owned());
            text.lines().next().unwrap_or("run").to_owned()
        }
        Action::CacheDependencies { .. } | Action::Cache { .. } => "cache".to_owned(),
        Action::SaveArtifact { name, .. } => format!("save the artifact {name}"),
        Action::FetchArtifact { name, .. } => format!("fetch the artifact {name}"),
        Action::SaveTestReport(_) => "save the test results".to_owned(),
        Action::SaveCoverage { .. } => "save the coverage".to_owned(),
        Action::BuildImage(_) => "build the image".to_owned(),
        Action::ScanImage { tool, .. } => format!("scan the image with {tool}"),
        Action::ScanSource { tool, .. } => format!("scan the source with {tool}"),
        Action::Deploy(deploy) => format!("deploy {}", deploy.app),
        Action::HealthCheck { .. } => "check the health".to_owned(),
        Action::Rollback(deploy) => format!("roll back {}", deploy.app),
        Action::Approval(_) => "approve".to_owned(),
        Action::Notify { channel, .. } => format!("notify by {channel}"),
        Action::Login(_) => "log in".to_owned(),
        Action::TerraformPlan(_) => "plan".to_owned(),
        Action::PolicyCheck { tool, .. } => format!("check the policies with {tool}"),
        Action::TerraformApply(_) => "apply".to_owned(),
        Action::Foreign(foreign) => foreign.what.clone(),
    }
}
