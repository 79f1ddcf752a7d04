//! `explain`: a finding of ours again with what it rests on, a line, or the whole
//! change. Without a model, what plain code knows of it.

use super::ask;
use super::evidence;
use super::result::Reply;
use super::scene::Scene;
use crate::failure::Failure;
use crate::finding::Source;
use crate::publish::walkthrough;
use crate::scan;
use crate::task::review::collect::Collected;

/// Explain what the comment stands on.
///
/// # Errors
/// As [`ask::about`].
pub async fn reply(scene: &Scene<'_>) -> Result<Reply, Failure> {
    let words = scene.talk.asked.words.trim();
    let own = evidence::thread(scene).first().is_some_and(|first| {
        crate::publish::existing::same_account(scene.own, &first.author, first.author_is_bot)
            && crate::publish::inline::finding_id(&first.body).is_some()
    });
    let question = match (&scene.line, own) {
        (Some(_), true) => {
            "Explain the remark that this thread began with: which input, state or order of events \
             makes it go wrong, which lines it rests on, and what would mend it. If it does not \
             hold, say so plainly."
        }
        (Some(_), false) => "What does this code do, and why does the change alter it?",
        (None, _) => "What does this change do, and why? Name the parts that need a close look.",
    };
    let question = match words {
        "" => question.to_owned(),
        words => format!("{question}\nIn particular: {words}"),
    };
    ask::about(scene, &question).await
}

/// What can be said with no model: the rule of the finding in the thread, what is
/// known of the line, or what the change touches.
pub fn offline(scene: &Scene<'_>, collected: &Collected) -> String {
    let mut parts = Vec::new();
    if let Some((_, comment, known)) = evidence::finding(scene, collected) {
        if let Some(known) = known {
            let title = scene.markdown(&known.title);
            parts.push(format!("**{title}** ({})", scene.code(&known.source.to_string())));
        }
        let rule = known.and_then(|known| match &known.source {
            Source::Rule(id) => scan::rules().iter().find(|rule| rule.id == id.as_str()),
            Source::Model(_) => None,
        });
        let rule = rule.or_else(|| {
            let named =
                |rule: &&scan::Rule| comment.body.contains(&format!("<sub>rule {}<", rule.id));
            scan::rules().iter().find(named)
        });
        if let Some(rule) = rule {
            parts.push(format!("{}: {}", rule.title, rule.help));
        }
    }
    if let Some(line) = &scene.line {
        let path = scene.code(&line.comment.path);
        let file = collected.change.file(&line.comment.path);
        parts.push(match (line.comment.line, file) {
            (None, _) => format!("The line is outdated: the change no longer has it in {path}."),
            (Some(_), Some(file)) => {
                let (added, removed) = walkthrough::lines_of(file);
                format!("The change touches {path}: {}.", walkthrough::plus_minus(added, removed))
            }
            (Some(_), None) => format!("The change no longer touches {path}."),
        });
    } else {
        parts.push(walkthrough::sentence(&collected.change));
    }
    let head = if scene.inputs.model.to_string() == "offline" {
        "No model is set, so this question gets facts and no opinion."
    } else {
        "What is known without it:"
    };
    format!("{head}\n\n{}", parts.join("\n\n"))
}
