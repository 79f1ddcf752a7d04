//! What all six writers share: how references are said, and what gets lost.

use std::cell::RefCell;

use super::super::{Action, Foreign, Job, NotCarried, Part, Portable, Shell, Step, Text};
use crate::pipeline::Platform;

/// The state of one writing.
pub struct Context<'a> {
    /// What is written.
    pub portable: &'a Portable,
    /// For whom.
    pub platform: Platform,
    lost: RefCell<Vec<NotCarried>>,
    remarks: RefCell<Vec<String>>,
}

/// Why a step is lost that no script is known for.
pub const NO_SCRIPT: &str = "There is no way known here to do it in a script";

/// Variables that a script needs to be given: name and the platform's expression.
pub type Env = Vec<(String, String)>;

impl<'a> Context<'a> {
    /// Nothing written yet.
    pub fn new(portable: &'a Portable, platform: Platform) -> Self {
        Context { portable, platform, lost: RefCell::default(), remarks: RefCell::default() }
    }

    /// Reports what the file does not do.
    pub fn lose(&self, what: impl Into<String>, why: impl Into<String>, line: Option<u32>) {
        self.lost.borrow_mut().push(NotCarried { what: what.into(), why: why.into(), line });
    }

    /// Reports a step that the file does not take.
    pub fn lose_step(&self, job: &Job, step: &Step, why: &str) {
        let what = format!("the step `{}` of job `{}`", super::describe(step), job.id);
        self.lose(what, why, step.line);
    }

    /// Reports a piece of another platform's file.
    pub fn lose_foreign(&self, owner: &str, foreign: &Foreign) {
        let what = if owner.is_empty() {
            foreign.what.clone()
        } else {
            format!("{} of job `{owner}`", foreign.what)
        };
        let why = format!("It is a thing of {} that has no meaning here", foreign.platform.name());
        self.lose(what, why, foreign.line);
    }

    /// Says what a person has to set up.
    pub fn remark(&self, text: impl Into<String>) {
        self.remarks.borrow_mut().push(text.into());
    }

    /// Says which tools a job's image has to have, where it is not made for all of them.
    pub fn remark_tools(&self, job: &Job) {
        let languages = job.steps.iter().filter_map(|step| match &step.action {
            Action::Setup { language, version } => {
                let version = version.as_literal().unwrap_or_default();
                Some(format!("{language} {version}").trim_end().to_owned())
            }
            _ => None,
        });
        let tools = super::lower::tools(job).into_iter().map(str::to_owned);
        let mut wanted: Vec<String> = languages.chain(tools).collect();
        let mut seen = std::collections::HashSet::new();
        wanted.retain(|one| seen.insert(one.clone()));
        // The image that is chosen for a job without one brings one of them.
        let brought = job.runner.image.is_none() && job.runner.os == super::super::Os::Linux;
        if wanted.len() > usize::from(brought) {
            let what = if job.runner.os == super::super::Os::Linux { "image" } else { "machine" };
            let wanted = wanted.join(", ");
            self.remark(format!("The {what} of job `{}` has to have {wanted}", job.id));
        }
    }

    /// What was lost and remarked, each once, in order.
    pub fn finish(self) -> (Vec<NotCarried>, Vec<String>) {
        let mut lost = self.lost.into_inner();
        let mut seen = std::collections::HashSet::new();
        lost.retain(|entry| seen.insert(entry.clone()));
        lost.sort_by_key(|entry| entry.line.unwrap_or(u32::MAX));
        let mut remarks = self.remarks.into_inner();
        let mut seen = std::collections::HashSet::new();
        remarks.retain(|remark| seen.insert(remark.clone()));
        (lost, remarks)
    }

    /// The variable that holds a job's image: `IMAGE` where there is one such job.
    pub fn image_variable(&self, job: &str) -> String {
        let pushing = self.portable.jobs.iter().filter(|job| job.pushed_image().is_some()).count();
        if pushing > 1 { format!("IMAGE_{}", upper(job)) } else { "IMAGE".to_owned() }
    }

    /// The variable that holds a job's output: its name, where no other job has one of
    /// this name.
    pub fn output_variable(&self, job: &str, name: &str) -> String {
        let holders = self.portable.jobs.iter().filter(|job| job.outputs.iter().any(|n| n == name));
        if holders.count() > 1 { format!("{}_{}", upper(job), upper(name)) } else { upper(name) }
    }

    /// The variable that scripts read a reference from, and the platform's expression
    /// to fill it with; `None` for that where the variable is there by itself.
    pub fn variable(&self, job: Option<&Job>, part: &Part) -> (String, Option<String>) {
        let own = |name: &str| (name.to_owned(), None);
        if let Some(name) = builtin(self.platform, part) {
            return own(name);
        }
        if self.platform == Platform::Azure
            && let Part::Image(other) | Part::Output(other, _) = part
            && job.is_none_or(|job| job.id != *other)
        {
            // A variable of the job is filled with it.
            return match part {
                Part::Output(_, name) => (self.output_variable(other, name), None),
                _ => (self.image_variable(other), None),
            };
        }
        let name = match part {
            Part::Variable(name) => {
                // On these two a script sees only what it is given.
                let given = matches!(self.platform, Platform::GitHub | Platform::Harness);
                if self.defines(job, name) || !given {
                    return own(name);
                }
                name.clone()
            }
            Part::Secret(name) => {
                let secrets = job.map_or(&[][..], |job| &job.secrets);
                match secrets.iter().chain(&self.portable.secrets).find(|s| s.name == *name) {
                    Some(secret) => return own(secret.variable()),
                    None => {
                        self.remark(format!("The secret `{name}` has to be set on the platform"));
                        identifier(name)
                    }
                }
            }
            Part::Matrix(name) | Part::Input(name) => upper(name),
            Part::Output(job, name) => self.output_variable(job, name),
            Part::Image(job) => self.image_variable(job),
            Part::ChangeNumber => "CHANGE_NUMBER".to_owned(),
            Part::Branch => "BRANCH".to_owned(),
            Part::Repository => "REPOSITORY".to_owned(),
            Part::Tag => "TAG".to_owned(),
            Part::Commit => "COMMIT".to_owned(),
            Part::RunNumber => "RUN_NUMBER".to_owned(),
            Part::Workspace => "WORKSPACE".to_owned(),
            Part::OutputFile => "OUTPUT_FILE".to_owned(),
            Part::Foreign(_, text) => upper(text),
            Part::Literal(_) => String::new(),
        };
        let expression = self.expression(job, part);
        (name, Some(expression))
    }

    /// Whether a variable is given in the file.
    pub fn defines(&self, job: Option<&Job>, name: &str) -> bool {
        let has = |variables: &[super::super::Variable]| variables.iter().any(|v| v.name == name);
        has(&self.portable.variables)
            || job.is_some_and(|job| {
                has(&job.variables) || job.all_steps().any(|step| has(&step.variables))
            })
    }

    /// A reference in a value of the file: the platform's expression.
    pub fn expression(&self, job: Option<&Job>, part: &Part) -> String {
        match self.platform {
            Platform::GitHub => super::github::expression(self, job, part),
            Platform::GitLab => super::gitlab::expression(self, job, part),
            Platform::Azure => super::azure::expression(self, job, part),
            Platform::Jenkins => super::jenkins::expression(self, job, part),
            Platform::Bitbucket => super::bitbucket::expression(self, job, part),
            Platform::Harness => super::harness::expression(self, job, part),
        }
    }

    /// Another platform's expression: a variable that a person has to set.
    pub fn foreign_variable(&self, from: Platform, text: &str) -> String {
        let name = upper(text);
        self.lose(
            format!("the expression `{text}`"),
            format!(
                "It is an expression of {}; the file reads the variable `{name}` instead, which has to be set",
                from.name()
            ),
            None,
        );
        name
    }

    /// Text in a value of the file.
    pub fn value(&self, job: Option<&Job>, text: &Text) -> String {
        text.render(|part| self.expression(job, part))
    }

    /// Text in a script: references are read from variables, so that nothing an
    /// outsider named is read as code. What must be given to the script is added to `env`.
    pub fn script(&self, job: Option<&Job>, text: &Text, shell: Shell, env: &mut Env) -> String {
        let mut out = String::new();
        for (at, part) in text.0.iter().enumerate() {
            if let Part::Literal(literal) = part {
                out.push_str(literal);
                continue;
            }
            let (name, expression) = self.variable(job, part);
            if let Some(expression) = expression
                && !env.iter().any(|(known, _)| *known == name)
            {
                env.push((name.clone(), expression));
            }
            let joined = matches!(text.0.get(at + 1), Some(Part::Literal(next))
                if next.starts_with(|c: char| c.is_ascii_alphanumeric() || "_[:".contains(c)));
            out.push_str(&match shell {
                Shell::Pwsh | Shell::PowerShell if joined => format!("${{env:{name}}}"),
                Shell::Pwsh | Shell::PowerShell => format!("$env:{name}"),
                Shell::Cmd => format!("%{name}%"),
                Shell::Python => format!("os.environ[\"{name}\"]"),
                _ if joined => format!("${{{name}}}"),
                _ => format!("${name}"),
            });
        }
        out
    }
}

/// The variable that the platform itself sets in every script.
fn builtin(platform: Platform, part: &Part) -> Option<&'static str> {
    use Platform::{Azure, Bitbucket, GitHub, GitLab, Jenkins};
    Some(match (platform, part) {
        (GitHub, Part::Commit) => "GITHUB_SHA",
        (GitHub, Part::Tag) => "GITHUB_REF_NAME",
        (GitHub, Part::RunNumber) => "GITHUB_RUN_NUMBER",
        (GitHub, Part::Workspace) => "GITHUB_WORKSPACE",
        (GitHub, Part::OutputFile) => "GITHUB_OUTPUT",
        (GitLab, Part::Commit) => "CI_COMMIT_SHA",
        (GitLab, Part::Branch) => "CI_COMMIT_REF_NAME",
        (GitLab, Part::Tag) => "CI_COMMIT_TAG",
        (GitLab, Part::ChangeNumber) => "CI_MERGE_REQUEST_IID",
        (GitLab, Part::Repository) => "CI_PROJECT_NAME",
        (GitLab, Part::RunNumber) => "CI_PIPELINE_IID",
        (GitLab, Part::Workspace) => "CI_PROJECT_DIR",
        (Azure, Part::Commit) => "BUILD_SOURCEVERSION",
        (Azure, Part::RunNumber) => "BUILD_BUILDID",
        (Azure, Part::Workspace) => "BUILD_SOURCESDIRECTORY",
        (Azure, Part::ChangeNumber) => "SYSTEM_PULLREQUEST_PULLREQUESTID",
        (Jenkins, Part::Commit) => "GIT_COMMIT",
        (Jenkins, Part::Branch) => "BRANCH_NAME",
        (Jenkins, Part::Tag) => "TAG_NAME",
        (Jenkins, Part::ChangeNumber) => "CHANGE_ID",
        (Jenkins, Part::RunNumber) => "BUILD_NUMBER",
        (Jenkins, Part::Workspace) => "WORKSPACE",
        (Bitbucket, Part::Commit) => "BITBUCKET_COMMIT",
        (Bitbucket, Part::Branch) => "BITBUCKET_BRANCH",
        (Bitbucket, Part::Tag) => "BITBUCKET_TAG",
        (Bitbucket, Part::ChangeNumber) => "BITBUCKET_PR_ID",
        (Bitbucket, Part::Repository) => "BITBUCKET_REPO_SLUG",
        (Bitbucket, Part::RunNumber) => "BITBUCKET_BUILD_NUMBER",
        (Bitbucket, Part::Workspace) => "BITBUCKET_CLONE_DIR",
        _ => return None,
    })
}

/// A name for a variable: capitals, digits and `_`.
pub fn upper(text: &str) -> String {
    identifier(text).to_ascii_uppercase()
}

/// Letters, digits and `_`, beginning with no digit.
pub fn identifier(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.ends_with('_') && !out.is_empty() {
            out.push('_');
        }
    }
    let out = out.trim_end_matches('_');
    if out.is_empty() || out.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{out}")
    } else {
        out.to_owned()
    }
}

/// A word for a POSIX shell.
pub fn quoted(word: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
