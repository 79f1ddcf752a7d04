//! Which job this is, what set it off, and who asked: from the event's payload
//! and the host's variables. What to do about it is [`request_of`]'s.

pub mod command;
mod event;
mod phrase;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::Value;

use crate::inputs::{Host as Variables, Inputs};

pub use command::{Asked, Command};
pub use event::{Comment, CommentPlace, Commit, Event, LinePlace, PullRequest, Push, parse};
pub use phrase::asks;

/// The largest event that is read, in bytes. GitHub's own limit is 25 MB.
const EVENT_LIMIT: u64 = 32 * 1024 * 1024;

/// Where the run takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// A GitHub Actions job, with an event.
    GitHub,
    /// A checkout, by hand or in another CI system.
    Local,
}

/// The job and what set it off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Where.
    pub host: Host,
    /// What set it off; [`Event::None`] for a local run.
    pub event: Event,
    /// `owner/name`: the only repository that is written to.
    pub repository: Option<String>,
    /// Login of who asked: the event's sender, which a run started again keeps.
    pub actor: Option<String>,
    /// The run's page.
    pub run_url: Option<String>,
    /// The checkout.
    pub workspace: PathBuf,
}

/// Reads the event, if there is one.
///
/// # Errors
/// In a GitHub Actions job: a variable that is missing, a file that cannot be
/// read, a payload without a field that its event needs.
pub fn read(variables: &Variables) -> anyhow::Result<Context> {
    if !variables.github_actions {
        return Ok(of(variables, Event::None, None));
    }
    let name = variables.event_name.as_deref().context("GITHUB_EVENT_NAME is not set")?;
    let path = variables.event_path.as_deref().context("GITHUB_EVENT_PATH is not set")?;
    let bytes =
        read_limited(path).with_context(|| format!("cannot read the event {}", path.display()))?;
    let payload: Value = serde_json::from_slice(&bytes)
        .with_context(|| format!("cannot read the event {}: it is not JSON", path.display()))?;
    let event = parse(name, &payload)
        .map_err(|error| error.context(format!("cannot read the event `{name}`")))?;
    Ok(of(variables, event, Some(&payload)))
}

fn of(variables: &Variables, event: Event, payload: Option<&Value>) -> Context {
    let text = |pointer: &str| {
        let text = payload?.pointer(pointer)?.as_str()?;
        Some(text.to_owned()).filter(|text| !text.is_empty())
    };
    Context {
        host: if payload.is_some() { Host::GitHub } else { Host::Local },
        event,
        // The variable first: the host sets it, and nothing in a payload can.
        repository: variables.repository.clone().or_else(|| text("/repository/full_name")),
        actor: text("/sender/login")
            .or_else(|| variables.triggering_actor.clone())
            .or_else(|| variables.actor.clone()),
        run_url: variables.run_url(),
        workspace: variables.workspace.clone(),
    }
}

fn read_limited(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(EVENT_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > EVENT_LIMIT {
        return Err(std::io::Error::other("it is larger than 32 MB"));
    }
    Ok(bytes)
}

/// What the event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Review this.
    Review(Request),
    /// A person asks for something by a comment.
    Talk(Talk),
    /// Nothing, and why: one sentence for the log and the step summary.
    Nothing {
        /// Why.
        why: String,
    },
}

/// What to review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The change.
    pub change: Requested,
    /// The comment that asked, if one did: who wrote it has to be allowed to.
    pub asked_by: Option<Asker>,
    /// Whether what was read before is read again.
    pub full: bool,
}

/// What a person asks for by a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// What.
    pub asked: Asked,
    /// By which comment, as the event has it.
    pub comment: Comment,
}

/// A change to review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// A pull request, by its number; its revisions where the event tells them.
    PullRequest {
        /// Its number.
        number: u64,
        /// What the event says of it; the host knows better by now.
        known: Option<Box<PullRequest>>,
    },
    /// What differs between two revisions, from their merge base.
    Range {
        /// The revision it starts from.
        base: String,
        /// The revision under review.
        head: String,
    },
    /// The checkout, with the inputs' `base` and `head`.
    Checkout,
}

/// Who asked by a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// Login.
    pub login: String,
    /// The comment.
    pub comment: u64,
}

/// What to do about the event. Pure.
pub fn request_of(context: &Context, inputs: &Inputs) -> Decision {
    let nothing = |why: String| Decision::Nothing { why };
    let review = |change| Decision::Review(Request { change, asked_by: None, full: false });
    let by_number = |number| review(Requested::PullRequest { number, known: None });
    match &context.event {
        Event::None => review(Requested::Checkout),
        Event::PullRequest(change) | Event::PullRequestTarget(change) => of_pull_request(change),
        Event::Comment(comment) => of_comment(comment, &inputs.trigger_phrase),
        Event::WorkflowDispatch { number, branch } => match inputs.number.or(*number) {
            Some(number) => by_number(number),
            None => {
                of_named_range(inputs).or_else(|| of_branch(inputs, branch)).unwrap_or_else(|| {
                    nothing(
                        "the dispatch names no pull request: give `number`, or `base` and `head`"
                            .into(),
                    )
                })
            }
        },
        Event::MergeGroup { action, base, head } => match action.as_str() {
            "checks_requested" => {
                review(Requested::Range { base: base.clone(), head: head.clone() })
            }
            action => nothing(format!("the merge group was only {action}")),
        },
        Event::Push(push) => of_push(push),
        Event::Other { name } => match inputs.number {
            Some(number) => by_number(number),
            None => of_named_range(inputs).unwrap_or_else(|| {
                nothing(format!("the event `{name}` asks for no review: give `number` to have one"))
            }),
        },
    }
}

/// A branch that a run was dispatched on: what it has that the default branch has not.
fn of_branch(inputs: &Inputs, branch: &Option<(String, String)>) -> Option<Decision> {
    let (_, default) = branch.as_ref()?;
    let head = inputs.host.sha.clone()?;
    let change = Requested::Range { base: default.clone(), head };
    Some(Decision::Review(Request { change, asked_by: None, full: false }))
}

fn of_named_range(inputs: &Inputs) -> Option<Decision> {
    let (base, head) = (inputs.base.clone()?, inputs.head.clone()?);
    let change = Requested::Range { base, head };
    Some(Decision::Review(Request { change, asked_by: None, full: false }))
}

fn of_pull_request(change: &PullRequest) -> Decision {
    let nothing = |why: &str| Decision::Nothing { why: format!("#{} {why}", change.number) };
    if !change.open {
        return nothing("is closed");
    }
    match change.action.as_str() {
        // What changes the diff or makes it ripe. A workflow that lists other
        // types (`labeled`) means them as well, and running again posts nothing.
        "closed" => nothing("was closed"),
        "converted_to_draft" => nothing("was made a draft"),
        _ => Decision::Review(Request {
            change: Requested::PullRequest {
                number: change.number,
                known: Some(Box::new(change.clone())),
            },
            asked_by: None,
            full: false,
        }),
    }
}

/// Begins every hidden mark of ours.
const MARK: &str = "<!-- pipewright:";

fn of_comment(comment: &Comment, phrase: &str) -> Decision {
    let nothing = |why: String| Decision::Nothing { why };
    let number = comment.number;
    if !comment.on_pull_request {
        return nothing(format!("#{number} is an issue, not a pull request"));
    }
    if comment.action != "created" {
        return nothing(format!("the comment was {}, not written", comment.action));
    }
    // Our own summary speaks of the phrase; bots that answer each other never stop.
    if comment.author_is_bot {
        return nothing(format!("the comment is by a bot, {}", comment.author));
    }
    // What carries a mark of ours is our own text, or a copy of it.
    if comment.body.contains(MARK) {
        return nothing("the comment carries a mark of ours: it is an answer, no question".into());
    }
    if is_answer(&comment.body, phrase) {
        return nothing("the comment answers a question of `watch`, which reads it itself".into());
    }
    let on_line = matches!(comment.at, CommentPlace::Line(_));
    let Some(asked) = command::asked(&comment.body, phrase, on_line) else {
        return nothing(format!("the comment does not begin a line with `{phrase}`"));
    };
    if !comment.open && !asked.command.suits_closed() {
        return nothing(format!("#{number} is closed"));
    }
    Decision::Talk(Talk { asked, comment: comment.clone() })
}

/// Whether a comment answers a question for approval: `@pipewright approve 0a1b2c3d4e`.
fn is_answer(body: &str, phrase: &str) -> bool {
    let words = asks(body, phrase).unwrap_or_default();
    matches!(words.as_slice(), [word, id]
        if matches!(word.as_str(), "approve" | "reject")
            && id.len() == 10
            && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn of_push(push: &Push) -> Decision {
    let nothing = |why: String| Decision::Nothing { why };
    if push.deleted {
        return nothing(format!("{} was deleted", push.git_ref));
    }
    if let Some(tag) = push.git_ref.strip_prefix("refs/tags/") {
        return nothing(format!("the tag {tag} was pushed, which changes no code"));
    }
    let base = match (&push.before, &push.default_branch) {
        (Some(before), _) if before != &push.after => before.clone(),
        (Some(_), _) => return nothing("the push changed nothing".into()),
        // A new branch is compared with the branch it came from, most likely.
        (None, Some(branch)) if push.git_ref != format!("refs/heads/{branch}") => branch.clone(),
        (None, _) => {
            return nothing("the first push of a branch has nothing to compare with".into());
        }
    };
    Decision::Review(Request {
        change: Requested::Range { base, head: push.after.clone() },
        asked_by: None,
        full: false,
    })
}
