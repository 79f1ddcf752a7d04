//! A decision on a deployment as people read it: in a terminal, as Markdown, as a picture.

mod number;
pub mod plot;
mod scale;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::terminal::{Options, wrap};
use super::wording;
use crate::decide::decision::{Action, Decision, LogExample, SignalResult, Verdict, Whose};
use crate::decide::spec::{Kind, Signal, Spec};
use crate::redact::{ForgeHost, Scrubber};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Most signals that are told in full; those that are well are only counted.
const MOST_SIGNALS: usize = 40;
/// Most lines of logs that are shown.
const MOST_LINES: usize = 8;

/// What was judged, and what came of it.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    /// What it was judged by.
    pub spec: &'a Spec,
    /// The decision.
    pub decision: &'a Decision,
    /// Whether nothing follows from it.
    pub shadow: bool,
    /// What was noticed on the way, a sentence each.
    pub notes: &'a [String],
}

/// The action as people say it.
pub fn action(action: Action) -> &'static str {
    match action {
        Action::Proceed => "proceed",
        Action::Investigate => "investigate",
        Action::Rollback => "roll back",
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Same => "same",
        Verdict::Worse => "worse",
        Verdict::NoData => "no data",
        Verdict::Insufficient => "too little to tell",
    }
}

fn colour(action: Action) -> Style {
    match action {
        Action::Proceed => AnsiColor::Green.on_default().bold(),
        Action::Investigate => AnsiColor::Yellow.on_default().bold(),
        Action::Rollback => AnsiColor::Red.on_default().bold(),
    }
}

/// `checkout 1.8.0 against 1.7.3`.
pub fn subject(spec: &Spec) -> String {
    let new = spec.deployment.version.as_deref().unwrap_or("the new version");
    match &spec.deployment.previous {
        Some(previous) => format!("{} {new} against {previous}", spec.service),
        None => format!("{} {new}", spec.service),
    }
}

/// What may be done with the decision, in a sentence; nothing for `proceed`.
pub fn consequence(decision: &Decision, shadow: bool) -> &'static str {
    match (decision.action, decision.clear_cut) {
        _ if shadow => "Nothing follows from it: it is only written down (`shadow`).",
        (Action::Proceed, _) => "",
        (Action::Investigate, _) => "A person has to look before it goes on.",
        (Action::Rollback, true) => "The policy lets it be carried out without a person.",
        (Action::Rollback, false) => {
            "It is a recommendation: the policy's `act_on` does not name the rule, so a person \
             decides."
        }
    }
}

/// A level in its own unit: `0.42%`, `310 ms`.
fn level(signal: Option<&Signal>, value: f64) -> String {
    let Some(signal) = signal else { return number::short(value) };
    match (signal.kind, &signal.unit) {
        (Kind::Ratio, _) => number::percent(value),
        (Kind::Counter, _) => format!("{}/s", number::short(value)),
        (Kind::Gauge, Some(unit)) => format!("{} {unit}", number::short(value)),
        (Kind::Gauge, None) => number::short(value),
    }
}

/// `0.05% → 2.1%`, baseline first; empty where nothing was measured.
fn levels(signal: Option<&Signal>, result: &SignalResult) -> String {
    match (result.baseline, result.canary) {
        (Some(old), Some(new)) => format!("{} → {}", level(signal, old), level(signal, new)),
        (None, Some(new)) => level(signal, new),
        (Some(old), None) => format!("{} → –", level(signal, old)),
        (None, None) => String::new(),
    }
}

/// What the test says, in brief: `two-proportion test, +2.05 points (1.7 to 2.4), p < 0.001`.
fn measured(signal: Option<&Signal>, result: &SignalResult) -> String {
    let Some(test) = result.test else { return String::new() };
    let is_ratio = signal.is_some_and(|signal| signal.kind == Kind::Ratio);
    let effect = |value: f64| {
        let sign = if value > 0.0 { "+" } else { "" };
        match is_ratio {
            true => format!("{sign}{} points", number::short(value * 100.0)),
            false => format!("{sign}{}", number::percent(value)),
        }
    };
    let mut text = test.to_owned();
    if let Some(value) = result.effect {
        let _ = write!(text, ", {}", effect(value));
    }
    if let Some([low, high]) = result.interval {
        let _ = write!(text, " ({} to {})", effect(low), effect(high));
    }
    if let Some(p) = result.p {
        let _ = match p {
            p if p < 0.001 => write!(text, ", p < 0.001"),
            p => write!(text, ", p = {}", number::short(p)),
        };
    }
    text
}

/// A signal in a line: `error_rate (critical): worse, 0.4% → 5.5%, limit 5%; …`.
pub fn signal(signal: Option<&Signal>, result: &SignalResult) -> String {
    let critical = if result.critical { " (critical)" } else { "" };
    let mut text = format!("{}{critical}: {}", result.name, verdict(result.verdict));
    let levels = levels(signal, result);
    if !levels.is_empty() {
        let _ = write!(text, ", {levels}");
    }
    if let Some(limit) = signal.and_then(|signal| signal.limit) {
        let _ = write!(text, ", limit {}", level(signal, limit));
    }
    let measured = measured(signal, result);
    if !measured.is_empty() {
        let _ = write!(text, "; {measured}");
    }
    text
}

/// The signals in the order of their weight, with what they are; those that are well and
/// not critical come last.
fn by_weight<'a>(judged: &Judged<'a>) -> Vec<(Option<&'a Signal>, &'a SignalResult)> {
    let mut rows: Vec<_> = judged
        .decision
        .signals
        .iter()
        .enumerate()
        .map(|(at, result)| (judged.spec.signals.get(at), result))
        .collect();
    rows.sort_by_key(|(_, result)| {
        let weight = match result.verdict {
            Verdict::Worse => 0,
            Verdict::NoData | Verdict::Insufficient => 1,
            Verdict::Better | Verdict::Same => 2,
        };
        (weight, !result.critical)
    });
    rows
}

fn is_well(result: &SignalResult) -> bool {
    matches!(result.verdict, Verdict::Same | Verdict::Better)
}

/// What the logs came to; `None` where there were none.
fn logs(decision: &Decision) -> Option<String> {
    let logs = &decision.logs;
    if logs.new + logs.rising + logs.known + logs.allowed == 0 {
        return None;
    }
    Some(format!(
        "templates of trouble: {} new, {} rising; {} known, {} allowed",
        logs.new, logs.rising, logs.known, logs.allowed
    ))
}

/// For a terminal, with a line feed at its end.
pub fn terminal(judged: &Judged<'_>, options: Options, scrubber: &Scrubber) -> String {
    let width = options.width.clamp(40, 110);
    let paint = |style: Style, text: &str| match options.color && !text.is_empty() {
        true => format!("{style}{text}{style:#}"),
        false => text.to_owned(),
    };
    let plain = |text: &str| scrubber.sanitize_line(text);
    let decision = judged.decision;
    let mut out = String::new();
    let head = format!("{}: {}", plain(&subject(judged.spec)), action(decision.action));
    let _ = writeln!(out, "{}", paint(colour(decision.action), &head));
    let said = [plain(&decision.reason), consequence(decision, judged.shadow).to_owned()];
    for text in said.iter().flat_map(|text| wrap(text, width - 2)) {
        let _ = writeln!(out, "  {text}");
    }
    let grounds =
        format!("rule {}, confidence {}", decision.rule, number::percent(decision.confidence));
    let _ = writeln!(out, "  {}\n", paint(DIM, &grounds));
    let rows = by_weight(judged);
    let well = rows.iter().filter(|(_, result)| is_well(result)).count();
    let brief = rows.len() > MOST_SIGNALS;
    let shown = rows.iter().filter(|(_, result)| !(brief && is_well(result))).take(MOST_SIGNALS);
    for (signal, result) in shown {
        let style = match result.verdict {
            Verdict::Worse => AnsiColor::Red.on_default(),
            Verdict::Better => AnsiColor::Green.on_default(),
            Verdict::Same => Style::new(),
            Verdict::NoData | Verdict::Insufficient => AnsiColor::Yellow.on_default(),
        };
        let critical = if result.critical { ", critical" } else { "" };
        let _ = writeln!(
            out,
            "  {}  {}  {}",
            paint(style, &format!("{:<18}", verdict(result.verdict))),
            paint(BOLD, &plain(&result.name)),
            paint(DIM, &format!("{}{critical}", levels(*signal, result))),
        );
        let details = [plain(&result.why), measured(*signal, result)];
        for text in details.iter().flat_map(|text| wrap(text, width - 22)) {
            let _ = writeln!(out, "{:22}{text}", "");
        }
    }
    if brief && well > 0 {
        let _ =
            writeln!(out, "  {} further are the same or better.", wording::plural(well, "signal"));
    }
    if let Some(text) = logs(decision) {
        let _ = writeln!(out, "\n  logs: {text}");
        for example in decision.logs.examples.iter().take(MOST_LINES) {
            let _ = writeln!(out, "    {}", counted(example));
            for text in wrap(&plain(&example.line), width - 6).iter().take(3) {
                let _ = writeln!(out, "      {}", paint(DIM, text));
            }
        }
    }
    let mut more: Vec<String> = Vec::new();
    if decision.attribution.whose != Whose::Nobody {
        more.push(format!("whose: {}", decision.attribution.why));
    }
    more.extend(
        decision.data_quality.problems.iter().map(|problem| format!("data: {}", problem.why)),
    );
    more.extend(decision.model.said.iter().map(|said| format!("the model says: {said}")));
    more.extend(judged.notes.iter().map(|note| format!("note: {note}")));
    if !more.is_empty() {
        out.push('\n');
    }
    for text in &more {
        for (at, line) in wrap(&plain(text), width - 4).iter().enumerate() {
            let _ = writeln!(out, "  {}{line}", if at == 0 { "" } else { "  " });
        }
    }
    crate::redact::break_commands(&out).into_owned()
}

/// `new, 12 lines, none before`.
fn counted(example: &LogExample) -> String {
    let before = match example.baseline {
        0 => "none before".to_owned(),
        count => format!("{count} before"),
    };
    format!("{}, {}, {before}", example.class, wording::plural(example.canary as usize, "line"))
}

/// As Markdown: for a comment, a check or a step summary.
pub fn markdown(judged: &Judged<'_>, scrubber: &Scrubber, host: &ForgeHost) -> String {
    let decision = judged.decision;
    let prose = |text: &str| scrubber.sanitize_markdown(text, host);
    let cell = |text: &str| prose(&scrubber.sanitize_line(text)).replace('|', "\\|");
    let badge = match decision.action {
        Action::Proceed => "🟢 **Proceed**",
        Action::Investigate => "🟡 **Investigate**",
        Action::Rollback => "🔴 **Roll back**",
    };
    let mut out = format!("### {badge}: {}\n\n", cell(&subject(judged.spec)));
    let _ = writeln!(out, "{}", prose(&scrubber.sanitize_line(&decision.reason)));
    let consequence = consequence(decision, judged.shadow);
    if !consequence.is_empty() {
        let _ = writeln!(out, "\n{consequence}");
    }
    let _ = writeln!(
        out,
        "\n<sub>Rule `{}`, confidence {}. The decision is arithmetic: the same data give the same \
         one.</sub>\n",
        decision.rule,
        number::percent(decision.confidence)
    );
    if let Some(said) = &decision.model.said {
        let careful = match decision.model.changed_action {
            true => " It asked for more care than the numbers did, and got it.",
            false => "",
        };
        let _ = writeln!(out, "> {}{careful}\n", prose(&scrubber.sanitize_line(said)));
    }
    let rows = by_weight(judged);
    if !rows.is_empty() {
        out += "| signal | verdict | baseline → new | why |\n|---|---|---|---|\n";
    }
    for (signal, result) in rows.iter().take(MOST_SIGNALS) {
        let name = wording::code(&scrubber.sanitize_line(&result.name)).replace('|', "\\|");
        let critical = if result.critical { " (critical)" } else { "" };
        let word = match result.verdict {
            Verdict::Worse => "**worse**",
            other => verdict(other),
        };
        let _ = writeln!(
            out,
            "| {name}{critical} | {word} | {} | {} |",
            levels(*signal, result),
            cell(&[result.why.as_str(), &measured(*signal, result)].join(" "))
        );
    }
    if rows.len() > MOST_SIGNALS {
        let _ = writeln!(out, "\n{} further signals are not shown.", rows.len() - MOST_SIGNALS);
    }
    if decision.attribution.whose != Whose::Nobody {
        let _ = writeln!(out, "\n**Whose:** {}", cell(&decision.attribution.why));
    }
    if !decision.data_quality.problems.is_empty() {
        out += "\n**What the data lacks**\n\n";
        for problem in decision.data_quality.problems.iter().take(20) {
            let _ = writeln!(out, "- {} (`{}`)", cell(&problem.why), problem.rule);
        }
    }
    if let Some(text) = logs(decision) {
        let _ = writeln!(out, "\n**Logs:** {text}");
        for example in decision.logs.examples.iter().take(MOST_LINES) {
            let line = wording::code(&scrubber.sanitize_code(&example.line));
            let _ = writeln!(out, "- {}: {line}", counted(example));
        }
    }
    out += "\n<details><summary>Rules gone through</summary>\n\n";
    for step in &decision.evidence {
        let called =
            step.action.map_or(String::new(), |called| format!(" → **{}**", action(called)));
        let _ = writeln!(out, "- `{}`{called}: {}", step.rule, cell(&step.why));
    }
    out += "\n</details>\n";
    if !judged.notes.is_empty() {
        out.push('\n');
        for note in judged.notes.iter().take(20) {
            let _ = writeln!(out, "- {}", cell(note));
        }
    }
    out
}
