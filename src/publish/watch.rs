//! What became of a deployment as people read it: in a terminal, and as Markdown.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::terminal::{Options, wrap};
use super::verify;
use super::wording;
use crate::deploy::trouble::Trouble;
use crate::deploy::{Execution, Status};
use crate::redact::{ForgeHost, Scrubber, break_commands};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Most lines of a step's log that are shown.
const MOST_LINES: usize = 6;

/// What was seen of a deployment, and what was done.
#[derive(Clone, Copy)]
pub struct Watched<'a> {
    /// Who deploys: `Harness`.
    pub host: &'a str,
    /// The execution at its end, or as far as it was followed.
    pub execution: &'a Execution,
    /// Whether it was given up before its end.
    pub gave_up: bool,
    /// What failed.
    pub troubles: &'a [Trouble],
    /// What was decided on it, where there is a spec.
    pub judged: Option<verify::Judged<'a>>,
    /// What came of a rollback, in a sentence.
    pub acted: Option<&'a str>,
    /// What was noticed on the way, a sentence each.
    pub notes: &'a [String],
}

/// `deploy_prod succeeded`.
pub fn headline(watched: &Watched<'_>) -> String {
    let execution = watched.execution;
    let name = if execution.name.is_empty() { &execution.id } else { &execution.name };
    let late = match (watched.gave_up, &execution.status) {
        (true, _) => ", and the time to watch it is over",
        _ => "",
    };
    format!("{name} {}{late}", execution.status.words())
}

/// `Production: Rolling deploy`, or the step alone.
fn place(trouble: &Trouble) -> String {
    match &trouble.stage {
        Some(stage) => format!("{stage}: {}", trouble.step),
        None => trouble.step.clone(),
    }
}

fn colour(status: &Status) -> Style {
    match status {
        status if status.is_good() => AnsiColor::Green.on_default().bold(),
        status if status.is_bad() => AnsiColor::Red.on_default().bold(),
        _ => AnsiColor::Yellow.on_default().bold(),
    }
}

/// For a terminal, with a line feed at its end.
pub fn terminal(watched: &Watched<'_>, options: Options, scrubber: &Scrubber) -> String {
    let width = options.width.clamp(40, 110);
    let paint = |style: Style, text: &str| match options.color && !text.is_empty() {
        true => format!("{style}{text}{style:#}"),
        false => text.to_owned(),
    };
    let plain = |text: &str| scrubber.sanitize_line(text);
    let execution = watched.execution;
    let mut out = String::new();
    let _ = writeln!(out, "{}", paint(colour(&execution.status), &plain(&headline(watched))));
    let id = [Some(watched.host.to_owned()), Some(execution.id.clone()), execution.url.clone()];
    let id: Vec<String> = id.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let _ = writeln!(out, "  {}", paint(DIM, &plain(&id.join("  "))));
    for trouble in watched.troubles {
        let head = format!("{} {}", place(trouble), trouble.status.words());
        let _ = writeln!(out, "\n  {}", paint(BOLD, &plain(&head)));
        let mut said = vec![trouble.what.clone(), trouble.advice.clone()];
        said.extend(trouble.message.iter().map(|message| format!("The platform says: {message}")));
        said.extend(trouble.no_log.iter().map(|why| format!("No log: {why}")));
        for line in said.iter().flat_map(|text| wrap(&plain(text), width - 4)) {
            let _ = writeln!(out, "    {line}");
        }
        for line in trouble.lines.iter().take(MOST_LINES) {
            let text = format!("{}{}", plain(&line.text), times(line.count));
            for text in wrap(&text, width - 6).iter().take(3) {
                let _ = writeln!(out, "      {}", paint(DIM, text));
            }
        }
    }
    if let Some(judged) = &watched.judged {
        out.push('\n');
        out += &verify::terminal(judged, options, scrubber);
    }
    if let Some(acted) = watched.acted {
        out.push('\n');
        for line in wrap(&plain(acted), width - 2) {
            let _ = writeln!(out, "  {}", paint(BOLD, &line));
        }
    }
    if !watched.notes.is_empty() {
        out.push('\n');
    }
    for line in watched.notes.iter().flat_map(|note| wrap(&plain(note), width - 4)) {
        let _ = writeln!(out, "  {line}");
    }
    break_commands(&out).into_owned()
}

fn times(count: u64) -> String {
    if count > 1 { format!("  ({} times)", wording::thousands(count)) } else { String::new() }
}

/// As Markdown: for a comment or a step summary.
pub fn markdown(watched: &Watched<'_>, scrubber: &Scrubber, host: &ForgeHost) -> String {
    let prose = |text: &str| scrubber.sanitize_markdown(&scrubber.sanitize_line(text), host);
    let execution = watched.execution;
    let badge = match &execution.status {
        status if status.is_good() => "🟢",
        status if status.is_bad() => "🔴",
        _ => "🟡",
    };
    let mut out = format!("### {badge} {}\n\n", prose(&headline(watched)));
    let _ = writeln!(
        out,
        "{} execution {}\n",
        watched.host,
        wording::code(&scrubber.sanitize_line(&execution.id))
    );
    if let Some(acted) = watched.acted {
        let _ = writeln!(out, "**{}**\n", prose(acted));
    }
    for trouble in watched.troubles {
        let head = format!("{} {}.", place(trouble), trouble.status.words());
        let _ = writeln!(out, "**{}** {} {}\n", prose(&head), prose(&trouble.what), trouble.advice);
        if let Some(message) = &trouble.message {
            let _ = writeln!(out, "> {}\n", prose(message));
        }
        for line in trouble.lines.iter().take(MOST_LINES) {
            let text = wording::code(&scrubber.sanitize_code(&line.text));
            let _ = writeln!(out, "- {text}{}", times(line.count));
        }
        if !trouble.lines.is_empty() {
            out.push('\n');
        }
        if let Some(why) = &trouble.no_log {
            let _ = writeln!(out, "No log: {}\n", prose(why));
        }
    }
    if let Some(judged) = &watched.judged {
        out += &verify::markdown(judged, scrubber, host);
    }
    for note in watched.notes.iter().take(20) {
        let _ = writeln!(out, "- {}", prose(note));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::trouble::Line;

    fn trouble() -> Trouble {
        Trouble {
            step: "Rolling <deploy>".into(),
            stage: Some("Production".into()),
            status: Status::Failed,
            message: Some("@everyone ![x](http://evil.example/x)".into()),
            cause: None,
            what: "Its log says: boom".into(),
            advice: "Start at these lines.".into(),
            lines: vec![Line { text: "boom ``` ::error::x".into(), count: 1_200 }],
            no_log: None,
        }
    }

    #[test]
    fn failures_are_told_without_what_their_texts_would_do() {
        let execution = Execution {
            id: "e1".into(),
            name: "deploy".into(),
            status: Status::Failed,
            ..Execution::default()
        };
        let troubles = [trouble()];
        let watched = Watched {
            host: "Harness",
            execution: &execution,
            gave_up: false,
            troubles: &troubles,
            judged: None,
            acted: Some("It was taken back."),
            notes: &[],
        };
        let scrubber = Scrubber::default();
        let text = markdown(&watched, &scrubber, &ForgeHost::nowhere());
        assert!(text.starts_with("### 🔴 deploy failed\n"), "{text}");
        assert!(!text.contains("![x]") && !text.contains(" @everyone"), "{text}");
        assert!(text.contains("(1,200 times)"), "{text}");
        let plain = terminal(&watched, Options { color: false, width: 80 }, &scrubber);
        assert!(plain.contains("Production: Rolling <deploy> failed"), "{plain}");
        assert!(!plain.lines().any(|line| line.starts_with("::error")), "{plain}");
    }
}
