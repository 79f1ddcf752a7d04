//! From a wish and what the checkout shows to a portable pipeline, by building blocks
//! that do by default what is good practice.

mod checks;
mod deliver;
mod image;
mod infra;
mod publish;
mod target;

use super::super::Platform;
use super::super::portable::{
    Action, Condition, Filter, Job, Login, Part, Portable, Rights, Secret, Step, Text, Trigger,
};
use super::stack::Stack;
use super::wish::{DeployWhen, Wish};

/// A plan, and what a person should know of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Planned {
    /// The pipeline.
    pub portable: Portable,
    /// What was assumed or left out, a sentence each.
    pub remarks: Vec<String>,
}

/// What the building blocks share.
struct Plan<'a> {
    wish: &'a Wish,
    stack: &'a Stack,
    platform: Platform,
    jobs: Vec<Job>,
    remarks: Vec<String>,
    /// Ids of the jobs that must pass before anything is delivered.
    checks: Vec<String>,
    /// Whether nothing is said of what is to be done, so that all is that can be.
    open: bool,
}

impl Plan<'_> {
    fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    fn minutes(&self, usual: u32) -> Option<u32> {
        Some(self.wish.timeout.unwrap_or(usual))
    }

    /// When things are delivered.
    fn delivers(&self) -> Condition {
        let branch = |name: &str| {
            if name == self.branch() {
                Condition::DefaultBranch
            } else {
                Condition::Branch(name.to_owned())
            }
        };
        match &self.wish.deploy_when {
            DeployWhen::Tag => {
                Condition::Tag(self.wish.tag.clone().unwrap_or_else(|| "v*".to_owned()))
            }
            DeployWhen::Branch(name) => branch(name),
            DeployWhen::Unsaid => match (&self.wish.tag, self.wish.push.first()) {
                (Some(tag), None) if !self.wish.push_any => Condition::Tag(tag.clone()),
                _ => branch(self.branch()),
            },
        }
    }

    /// The same for a job: what the clock starts delivers nothing where pushes do.
    fn delivery(&self) -> Condition {
        let when = self.delivers();
        if self.wish.schedules.is_empty()
            || self.wish.push.is_empty()
            || matches!(when, Condition::Tag(_))
        {
            return when;
        }
        Condition::All(vec![when, Condition::Not(Box::new(Condition::Schedule))])
    }

    fn branch(&self) -> &str {
        if self.wish.push.iter().any(|branch| branch == "master")
            && !self.wish.push.iter().any(|branch| branch == "main")
        {
            "master"
        } else {
            "main"
        }
    }

    /// The project's name where one is needed.
    fn app(&self) -> String {
        let chart = self.stack.charts.first().and_then(|chart| chart.rsplit('/').next());
        let chart =
            chart.filter(|name| !matches!(*name, "" | "chart" | "charts" | "helm" | "deploy"));
        chart.unwrap_or("app").to_owned()
    }
}

fn checkout() -> Step {
    Step::new(Action::Checkout { depth: None, submodules: false, lfs: false })
}

fn template(text: &str) -> Text {
    Text::template(text)
}

/// A name as an identifier that every platform takes.
fn id(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// Makes the plan.
pub fn plan(wish: &Wish, stack: &Stack, platform: Platform) -> Planned {
    let asked = [wish.lint, wish.test, wish.build, wish.coverage, wish.end_to_end]
        .iter()
        .any(|ask| ask.yes());
    let other = wish.terraform.yes()
        || wish.scan_source.yes()
        || wish.scan_secrets.yes()
        || wish.image.yes()
        || wish.sbom.yes();
    let mut plan = Plan {
        wish,
        stack,
        platform,
        jobs: Vec::new(),
        remarks: Vec::new(),
        checks: Vec::new(),
        open: !asked && !other,
    };
    plan.say_what_was_read();
    checks::add(&mut plan);
    infra::add(&mut plan);
    deliver::add(&mut plan);
    deliver::notify(&mut plan);
    if plan.jobs.is_empty() {
        plan.remark(
            "The wish names nothing that the checkout could do; the pipeline only checks it out",
        );
        plan.jobs.push(Job {
            timeout: Some(10),
            steps: vec![checkout(), Step::run("git log -1 --oneline")],
            ..Job::new("check")
        });
    }
    if platform == Platform::Jenkins {
        plan.jobs.iter_mut().for_each(bind_secrets);
    }
    let portable = Portable {
        name: plan.title(),
        triggers: plan.triggers(),
        default_branch: plan.branch().to_owned(),
        rights: Rights::Least,
        cancel_superseded: !wish.cancel.no(),
        jobs: std::mem::take(&mut plan.jobs),
        ..Portable::default()
    };
    Planned { portable, remarks: plan.remarks }
}

impl Plan<'_> {
    fn say_what_was_read(&mut self) {
        for (word, known) in &self.wish.corrected {
            self.remarks.push(format!("`{word}` was read as `{known}`"));
        }
        for words in &self.wish.not_understood {
            self.remarks.push(format!("Not understood, and left out: `{words}`"));
        }
        for sentence in &self.wish.unsupported {
            self.remark(sentence.clone());
        }
    }

    fn title(&self) -> String {
        let deploys = self.jobs.iter().any(|job| job.id.starts_with("deploy"));
        let applies = self.jobs.iter().any(|job| job.id.starts_with("apply"));
        match () {
            () if deploys => "Build, test and deploy",
            () if applies => "Infrastructure",
            () if self.jobs.iter().any(|job| job.id.starts_with("publish")) => "Release",
            () if !self.wish.schedules.is_empty() && !self.wish.change.yes() => "Scheduled checks",
            () => "CI",
        }
        .to_owned()
    }

    fn triggers(&mut self) -> Vec<Trigger> {
        let wish = self.wish;
        let filter = |branches: Vec<String>| Filter {
            branches,
            paths: wish.paths.clone(),
            ..Filter::default()
        };
        let mut triggers = Vec::new();
        let mut branches = wish.push.clone();
        let delivers = self.jobs.iter().any(|job| {
            ["deploy", "apply", "image", "publish"].iter().any(|kind| job.id.starts_with(kind))
        });
        let named = wish.change.yes()
            || !branches.is_empty()
            || wish.push_any
            || wish.tag.is_some()
            || !wish.schedules.is_empty()
            || wish.manual.yes();
        let on_branch = |when: &DeployWhen| matches!(when, DeployWhen::Branch(_));
        if !named {
            self.remark(format!(
                "No trigger was named: it runs for changes and for pushes to `{}`",
                self.branch()
            ));
        }
        // What is delivered from a branch has to run there.
        let from_branch =
            matches!(self.delivers(), Condition::DefaultBranch | Condition::Branch(_));
        let only_by_clock_or_hand = !wish.change.yes()
            && !wish.push_any
            && (wish.manual.yes() || !wish.schedules.is_empty());
        if branches.is_empty()
            && !wish.push_any
            && wish.tag.is_none()
            && (!named
                || (delivers && from_branch && !only_by_clock_or_hand)
                || on_branch(&wish.deploy_when))
        {
            branches.push(self.branch().to_owned());
        }
        if wish.push_any {
            branches.clear();
            triggers.push(Trigger::Push(filter(Vec::new())));
        } else if !branches.is_empty() {
            triggers.push(Trigger::Push(filter(branches)));
        }
        if let Some(tag) = &wish.tag {
            triggers.push(Trigger::Tag(vec![tag.clone()]));
        }
        if wish.change.yes() || (!named && !wish.change.no()) {
            // With all branches built, a change's branch would be built twice.
            if !wish.push_any || wish.change.yes() {
                triggers.push(Trigger::Change(filter(vec![])));
            }
        }
        for cron in &wish.schedules {
            triggers.push(Trigger::Schedule { cron: cron.clone(), branches: Vec::new() });
        }
        if wish.manual.yes() {
            triggers.push(Trigger::Manual { inputs: Vec::new() });
        }
        triggers
    }
}

/// Names the secrets that a job's steps read: Jenkins binds them for a whole stage.
fn bind_secrets(job: &mut Job) {
    let mut names: Vec<String> = Vec::new();
    for step in job.all_steps() {
        match &step.action {
            Action::Login(Login::Registry { user, password, .. }) if !user.is_empty() => {
                names.extend([user.clone(), password.clone()]);
            }
            Action::Login(Login::Kubernetes { kubeconfig }) => names.push(kubeconfig.clone()),
            Action::Notify { channel, target, .. } if channel != "email" => {
                names.push(target.clone());
            }
            _ => {}
        }
    }
    for name in names {
        if !job.secrets.iter().any(|secret| secret.name == name) {
            job.secrets.push(Secret::new(name));
        }
    }
}

/// A variable that is kept on the platform.
fn kept(name: &str) -> Text {
    Part::Variable(name.to_owned()).into()
}

/// A name for a variable.
fn upper(text: &str) -> String {
    id(text).replace('-', "_").to_ascii_uppercase()
}
