//! References in scripts and values: from one platform's words to portable ones.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::lift::Lift;
use super::variables::{self, Role};
use crate::pipeline::Platform;
use crate::pipeline::portable::write::context::identifier;
use crate::pipeline::portable::{Part, Text};

static GITHUB: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)\$\{\{\s*(?P<x>.*?)\s*\}\}|\$\{(?P<b>(?:GITHUB|RUNNER)_\w+)(?P<m>[^}\w][^}]*)?\}|\$(?:env:)?(?P<v>(?:GITHUB|RUNNER)_\w+)\b|%(?P<w>(?:GITHUB|RUNNER)_\w+)%").expect("the pattern is fixed")
});
static GITLAB: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$\[\[\s*(?P<x>[^\]]*?)\s*\]\]|\$\{(?P<b>(?:CI|GITLAB)_\w+)(?P<m>[^}\w][^}]*)?\}|\$(?:env:)?(?P<v>(?:CI|GITLAB)_\w+)\b|%(?P<w>(?:CI|GITLAB)_\w+)%").expect("the pattern is fixed")
});
static AZURE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)\$\{\{\s*(?P<x>.*?)\s*\}\}|\$\[\s*(?P<y>[a-z][^\]]*(?:\[[^\]]*\][^\]]*)*)\s*\]|\$\((?P<p>[A-Za-z_][\w.\-]*)\)|\$\{(?P<b>(?:BUILD|SYSTEM|AGENT)_\w+)(?P<m>[^}\w][^}]*)?\}|\$(?:env:)?(?P<v>(?:BUILD|SYSTEM|AGENT)_\w+)\b|%(?P<w>(?:BUILD|SYSTEM|AGENT)_\w+)%").expect("the pattern is fixed")
});
static JENKINS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$\{(?P<x>(?:env|params)\.\w+)\}|\$(?P<y>(?:env|params)\.\w+)\b|\$\{(?P<b>\w+)(?P<m>[^}\w.][^}]*)?\}|\$(?:env:)?(?P<v>[A-Za-z_]\w*)\b|%(?P<w>[A-Z]\w+)%|\$\{(?P<z>[^}]*)\}").expect("the pattern is fixed")
});
static BITBUCKET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$\{(?P<b>BITBUCKET_\w+)(?P<m>[^}\w][^}]*)?\}|\$(?:env:)?(?P<v>BITBUCKET_\w+)\b")
        .expect("the pattern is fixed")
});
static HARNESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"<\+(?P<x>(?:[^<>]|<\+[^<>]*>)*)>|\$\{(?P<b>(?:HARNESS|DRONE)_\w+)(?P<m>[^}\w][^}]*)?\}|\$(?P<v>(?:HARNESS|DRONE)_\w+)\b").expect("the pattern is fixed")
});
/// Words that look like a password.
pub static SECRET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)pass(word|wd|phrase)?$|secret|token|api_?key|private_?key|credential|_pat$|_key$|^key_")
        .expect("the pattern is fixed")
});

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a shell's script: a reference within single quotes is taken out of them.
    Shell,
    /// In a script of PowerShell, `cmd` or a language.
    Script,
    /// In a value of the file.
    Value,
}

/// The text with its references in portable words.
pub fn rewrite(lift: &Lift<'_>, job: Option<usize>, text: &str, at: Place) -> Text {
    let regex = match lift.from() {
        Platform::GitHub => &GITHUB,
        Platform::GitLab => &GITLAB,
        Platform::Azure => &AZURE,
        Platform::Jenkins => &JENKINS,
        Platform::Bitbucket => &BITBUCKET,
        Platform::Harness => &HARNESS,
    };
    let mut out = Text::default();
    let mut from = 0;
    let mut quoted = Quotes::default();
    for found in regex.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        let Some(before) = text.get(from..whole.start()) else { continue };
        push_literal(lift, &mut out, before);
        quoted.read(before);
        from = whole.end();
        let single = at == Place::Shell && quoted.single;
        match resolve(lift, job, &found, at, single) {
            Some(made) => {
                let apart = single && !made.0.iter().all(|part| matches!(part, Part::Literal(_)));
                if apart {
                    out.push(Part::Literal("'\"".to_owned()));
                }
                for part in made.0 {
                    out.push(part);
                }
                if apart {
                    out.push(Part::Literal("\"'".to_owned()));
                }
            }
            None => push_literal(lift, &mut out, whole.as_str()),
        }
    }
    push_literal(lift, &mut out, text.get(from..).unwrap_or_default());
    out
}

/// What the target would take for an expression of its own is told apart.
fn push_literal(lift: &Lift<'_>, out: &mut Text, text: &str) {
    let text = match lift.to {
        Platform::GitHub | Platform::Azure if text.contains("${{") => text.replace("${{", "$ {{"),
        Platform::Harness if text.contains("<+") => text.replace("<+", "< +"),
        _ => text.to_owned(),
    };
    out.push(Part::Literal(text));
}

#[derive(Default)]
struct Quotes {
    single: bool,
    double: bool,
}

impl Quotes {
    /// A shell's quotes, by line: what a comment holds is no quote.
    fn read(&mut self, text: &str) {
        let mut escaped = false;
        let mut comment = false;
        let mut last = '\n';
        for c in text.chars() {
            match c {
                '\n' => comment = false,
                _ if comment => {}
                _ if escaped => escaped = false,
                '\\' if !self.single => {
                    escaped = true;
                    last = c;
                    continue;
                }
                '#' if !self.single && !self.double && last.is_whitespace() => comment = true,
                '\'' if !self.double => self.single = !self.single,
                '"' if !self.single => self.double = !self.double,
                _ => {}
            }
            last = c;
        }
    }
}

fn resolve(
    lift: &Lift<'_>,
    job: Option<usize>,
    found: &Captures<'_>,
    at: Place,
    single: bool,
) -> Option<Text> {
    let from = lift.from();
    for name in ["x", "y", "z"] {
        if let Some(code) = found.name(name) {
            return expression(lift, job, code.as_str(), at);
        }
    }
    if let Some(name) = found.name("p") {
        // Where nothing of this name is known, the shell runs it as a command.
        return macro_of(lift, job, name.as_str(), at);
    }
    if single {
        // The shell leaves it alone, too.
        return None;
    }
    let name = ["b", "v", "w"].iter().find_map(|name| found.name(name))?.as_str();
    if lift.defined(job, name) {
        return None;
    }
    let Some(role) = variables::role(from, name) else {
        if variables::is_predefined(from, name) {
            lift.unknown_variable(job, name);
        }
        return None;
    };
    if let Some(modifier) = found.name("m") {
        let Some(name) = variables::script_name(role, lift.to) else {
            lift.unknown_variable(job, name);
            return None;
        };
        return Some(Text::literal(format!("${{{name}{}}}", modifier.as_str())));
    }
    said(lift, job, role, name, at)
}

/// What a predefined variable says on the target.
fn said(lift: &Lift<'_>, job: Option<usize>, role: Role, name: &str, at: Place) -> Option<Text> {
    if role == Role::Token {
        return Some(Part::Secret(token(lift)).into());
    }
    if let Some(part) = variables::part(role) {
        return Some(part.into());
    }
    let to = lift.to;
    if role == Role::ShortCommit && at == Place::Shell {
        return Some(Text::literal("$(git rev-parse --short=8 HEAD)"));
    }
    if at != Place::Value
        && let Some(name) = variables::script_name(role, to)
        && at == Place::Shell
    {
        return Some(Text::literal(format!("${{{name}}}")));
    }
    if (at == Place::Value || to == Platform::Harness)
        && let Some(name) = variables::name(role, to)
    {
        let text = match to {
            Platform::GitHub => format!("${{{{ {name} }}}}"),
            Platform::GitLab | Platform::Bitbucket => format!("${name}"),
            Platform::Azure => format!("$({name})"),
            Platform::Jenkins => format!("${{env.{name}}}"),
            Platform::Harness => format!("<+{name}>"),
        };
        if to != Platform::Jenkins {
            return Some(Part::Foreign(to, text).into());
        }
        return Some(Part::Variable(name.to_owned()).into());
    }
    if let Some(name) = variables::script_name(role, to) {
        return Some(Part::Variable(name.to_owned()).into());
    }
    lift.unknown_variable(job, name);
    Some(Part::Variable(identifier(name)).into())
}

/// The token of the platform itself, as a secret.
fn token(lift: &Lift<'_>) -> String {
    match lift.to {
        Platform::GitHub => "GITHUB_TOKEN".to_owned(),
        Platform::GitLab => "CI_JOB_TOKEN".to_owned(),
        _ => "REPOSITORY_TOKEN".to_owned(),
    }
}

fn macro_of(lift: &Lift<'_>, job: Option<usize>, name: &str, at: Place) -> Option<Text> {
    if let Some(role) = variables::role(lift.from(), name) {
        return said(lift, job, role, name, at);
    }
    if lift.axis(job, name) {
        return Some(Part::Matrix(identifier(name)).into());
    }
    if lift.defined(job, name) {
        return Some(Part::Variable(identifier(name)).into());
    }
    if let Some((_, last)) = name.rsplit_once('.') {
        if ["build", "system", "agent", "pipeline", "environment"]
            .iter()
            .any(|start| name.to_ascii_lowercase().starts_with(&format!("{start}.")))
        {
            lift.unknown_variable(job, name);
        } else if let Some(output) = lift.output(job, last) {
            return Some(output);
        }
        return Some(Part::Variable(identifier(name)).into());
    }
    // Lower case words are the shell's commands: `$(date)`, `$(pwd)`.
    let command = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if command && at == Place::Shell && !lift.grouped() {
        return None;
    }
    Some(if SECRET.is_match(name) {
        Part::Secret(identifier(name)).into()
    } else {
        lift.set_elsewhere(name);
        Part::Variable(identifier(name)).into()
    })
}

/// An expression of the source: GitHub's `${{ }}`, Azure's, GitLab's inputs, Groovy in a
/// string, Harness' `<+ >`.
fn expression(lift: &Lift<'_>, job: Option<usize>, code: &str, at: Place) -> Option<Text> {
    let code = code.trim();
    let from = lift.from();
    if let Some(role) = variables::role(from, code) {
        return said(lift, job, role, code, at);
    }
    if let Some(text) = code.strip_prefix('\'').and_then(|text| text.strip_suffix('\''))
        && !text.contains('\'')
    {
        return Some(Text::literal(text));
    }
    if let Some(part) = context(lift, job, code) {
        return Some(part);
    }
    if from == Platform::GitHub
        && let Some((first, _)) = code.split_once("||")
        && variables::role(from, first.trim()).is_some_and(|role| role == Role::Source)
    {
        return Some(Part::Branch.into());
    }
    if from == Platform::Jenkins {
        let method = code.contains(['(', ' ']);
        if !method && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return None;
        }
    }
    Some(Part::Foreign(from, code.to_owned()).into())
}

/// `secrets.X`, `matrix.x`, `env.X`, `inputs.x`, `needs.a.outputs.b`, and what is the
/// same elsewhere.
fn context(lift: &Lift<'_>, job: Option<usize>, code: &str) -> Option<Text> {
    let word = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let brackets = code.replace("['", ".").replace("']", "");
    let code = brackets.as_str();
    let parts: Vec<&str> = code.split('.').collect();
    let from = lift.from();
    let variable = |name: &str| -> Text { Part::Variable(identifier(name)).into() };
    match (from, parts.as_slice()) {
        (Platform::GitHub, ["secrets", name]) if word(name) => {
            Some(Part::Secret((*name).to_owned()).into())
        }
        (Platform::GitHub | Platform::Harness, ["matrix", name]) if word(name) => {
            if lift.axis(job, name) { Some(Part::Matrix((*name).to_owned()).into()) } else { None }
        }
        (Platform::GitHub, ["env", name]) if word(name) => {
            let name = identifier(name);
            if !lift.defined(job, &name) {
                return Some(Text::literal(format!("${{{name}}}")));
            }
            Some(Part::Variable(name).into())
        }
        (Platform::GitHub, ["vars", name]) if word(name) => {
            lift.set_elsewhere(name);
            Some(variable(name))
        }
        (Platform::GitHub, ["inputs", name] | ["github", "event", "inputs", name])
            if word(name) =>
        {
            Some(input(lift, name))
        }
        (Platform::GitLab, ["inputs", name]) if word(name) => Some(input(lift, name)),
        (Platform::GitHub, ["needs", other, "outputs", name]) if word(name) => {
            lift.output_of(other, name)
        }
        (Platform::GitHub, ["steps", step, "outputs", name]) if word(name) => {
            lift.step_output(job, step, name)
        }
        (Platform::GitHub, ["runner", "os"]) => Some(Text::literal(lift.os(job))),
        (Platform::Azure, ["parameters", name]) if word(name) => Some(input(lift, name)),
        (Platform::Azure, ["variables", ..]) => {
            let name = code.trim_start_matches("variables.");
            if lift.axis(job, name) {
                return Some(Part::Matrix(identifier(name)).into());
            }
            match variables::role(from, name) {
                Some(role) => said(lift, job, role, name, Place::Value),
                None => Some(variable(name)),
            }
        }
        (Platform::Azure, ["dependencies" | "stageDependencies", .., last]) if word(last) => {
            lift.output(job, last)
        }
        (Platform::Jenkins, ["env", name]) => match variables::role(from, name) {
            Some(role) => said(lift, job, role, name, Place::Value),
            None => Some(variable(name)),
        },
        (Platform::Jenkins, ["params", name]) => Some(input(lift, name)),
        (Platform::Harness, [first, ..]) if first.starts_with("secrets") => {
            let name = code.split(['"', '\'']).nth(1)?;
            let name = name.rsplit('.').next().unwrap_or(name);
            Some(Part::Secret(identifier(name)).into())
        }
        (Platform::Harness, ["pipeline" | "stage", "variables", name])
        | (Platform::Harness, ["env" | "serviceVariables", name]) => Some(variable(name)),
        (Platform::Harness, ["pipeline", "stages", _, "variables", name]) => Some(variable(name)),
        (Platform::Harness, [.., "outputVariables", name]) if word(name) => lift.output(job, name),
        (Platform::Harness, ["input", ..]) => None,
        _ => None,
    }
}

fn input(lift: &Lift<'_>, name: &str) -> Text {
    if lift.input(name) {
        Part::Input(name.to_owned()).into()
    } else {
        lift.set_elsewhere(name);
        Part::Variable(identifier(name)).into()
    }
}
