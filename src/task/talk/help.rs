//! `help`: what can be asked for, by this person, here.

use super::result::Reply;
use super::scene::Scene;
use crate::context::Command;
use crate::inputs::Autonomy;
use crate::policy;

/// A command, as people write it, and what comes of it.
const COMMANDS: [(Command, &str, &str); 11] = [
    (Command::Ask, "ask …", "answers a question about the change; on a line, about that line"),
    (Command::Explain, "explain", "explains the line, the finding or the change it stands on"),
    (
        Command::Review { full: false },
        "review",
        "reviews what was not reviewed yet; `review full` reads everything again",
    ),
    (
        Command::Describe,
        "describe",
        "completes the description below your own words; `describe title` replaces the title too",
    ),
    (
        Command::Fix,
        "fix",
        "commits a finding's suggestion in its thread, `fix all` those of all open findings; without \
         leave to commit, shows them as blocks",
    ),
    (
        Command::Docs,
        "docs",
        "lists documents that changed public definitions make wrong; with a model, mends them",
    ),
    (
        Command::Tests,
        "tests",
        "writes tests for the change and keeps those that are proven to guard it; takes a job that \
         has the change checked out",
    ),
    (Command::Pipeline, "pipeline", "checks the pipeline files that the change touches"),
    (Command::Pause, "pause", "stops automatic reviews of this pull request"),
    (Command::Resume, "resume", "lets them go on"),
    (Command::Help, "help", "shows this"),
];

/// Everything that can be asked for.
pub fn reply(scene: &Scene<'_>) -> Reply {
    Reply::said(text(&Knows::of(scene)))
}

/// The word is no command.
pub fn unknown(scene: &Scene<'_>, word: &str, nearest: Option<&str>) -> Reply {
    let phrase = &scene.inputs.trigger_phrase;
    let guess = nearest.map_or_else(String::new, |nearest| {
        format!(" Did you mean {}?", scene.code(&format!("{phrase} {nearest}")))
    });
    Reply::said(format!(
        "{} is no command.{guess} {} lists what can be asked for; {} asks a question.",
        scene.code(&crate::redact::shorten(word, 40)),
        scene.code(&format!("{phrase} help")),
        scene.code(&format!("{phrase} ask …")),
    ))
}

/// What the text depends on.
pub struct Knows {
    /// The trigger phrase.
    pub phrase: String,
    /// The model, if there is one.
    pub model: Option<String>,
    /// What the asker has.
    pub access: crate::inputs::Access,
    /// `[policy] asker`.
    pub asker: Option<crate::inputs::Access>,
    /// What the run may do at most.
    pub level: Autonomy,
}

impl Knows {
    fn of(scene: &Scene<'_>) -> Self {
        let model = scene.scrubber.sanitize_line(&scene.inputs.model.to_string());
        Knows {
            phrase: scene.scrubber.sanitize_line(&scene.inputs.trigger_phrase),
            model: Some(model).filter(|model| model != "offline"),
            access: scene.access,
            asker: scene.inputs.tables.asker,
            level: scene.ruling.level(),
        }
    }
}

/// The text, from what it depends on. Pure.
pub fn text(knows: &Knows) -> String {
    let Knows { phrase, access, .. } = knows;
    let mut text = format!(
        "Begin a line of a comment with `{phrase}` and one of these. In a comment on a line, \
         words alone are a question about it.\n\n| command | what happens | you |\n|---|---|---|\n"
    );
    for (command, name, what) in &COMMANDS {
        let needs = policy::asker_needs(command, knows.asker);
        let may = if *access >= needs { "✓".to_owned() } else { format!("needs {needs}") };
        text += &format!("| `{name}` | {what} | {may} |\n");
    }
    text += &match &knows.model {
        Some(model) => format!("\nAnswers come from `{model}` and are checked against the code."),
        None => "\nNo model is set here: questions get what rules and the diff alone can tell."
            .to_owned(),
    };
    text += &format!(
        " You have {access} access; this run may go as far as `{}`.",
        knows.level.as_str()
    );
    text
}
