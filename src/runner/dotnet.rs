//! `dotnet test`: VSTest's console logger, with xUnit, NUnit or MSTest.
//! <https://learn.microsoft.com/dotnet/core/tools/dotnet-test>

use std::sync::LazyLock;

use regex::Regex;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &["*.sln", "*.slnx", "*.csproj", "*.fsproj", "*.vbproj"],
    is_used,
    commands,
    one: Tail::Append("--filter FullyQualifiedName~{name}"),
    variables: &[
        ("DOTNET_CLI_TELEMETRY_OPTOUT", "1"),
        ("DOTNET_NOLOGO", "1"),
        ("DOTNET_CLI_UI_LANGUAGE", "en"),
        ("DOTNET_SYSTEM_CONSOLE_ALLOW_ANSI_COLOR_REDIRECTION", "0"),
    ],
    read,
};

fn is_used(place: &Place<'_>) -> Option<String> {
    let own: Vec<&str> = place.paths().filter(|path| !path.contains('/')).collect();
    let solution = own.iter().find(|path| path.ends_with(".sln") || path.ends_with(".slnx"));
    let first = solution.or_else(|| {
        own.iter().find(|path| {
            ["csproj", "fsproj", "vbproj"].iter().any(|end| path.ends_with(end))
                && place.text(path).contains("Microsoft.NET.Test.Sdk")
        })
    })?;
    Some(format!("`{first}`"))
}

/// VSTest has no order that a seed gives.
fn commands(_: &Place<'_>) -> Commands {
    let test = "dotnet test --nologo --logger 'console;verbosity=normal'";
    let mut commands = Commands::of(Kind::Dotnet, test)
        .one(format!("{test} --filter FullyQualifiedName~{{name}}"))
        .build("dotnet build --nologo -clp:NoSummary");
    commands.coverage = coverage(
        format!("{test} --collect 'XPlat Code Coverage' --results-directory .pipewright-coverage"),
        &[".pipewright-coverage/*/coverage.cobertura.xml"],
    );
    commands
}

/// `  Failed Calc.Tests.ClampTests.Above [3 ms]`
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ {0,2}(?P<state>Passed|Failed|Skipped) (?P<name>[^\[]+?(?:\(.*\))?)(?: \[(?:< )?[\d., hms]+\])?$")
        .expect("the pattern is valid")
});

/// `Failed!  - Failed:     1, Passed:     2, Skipped:     0, Total:     3, …`
static SUMMARY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ *(?:Failed|Passed|Skipped)! +- Failed: +(?P<failed>\d+), Passed: +(?P<passed>\d+), Skipped: +(?P<skipped>\d+), Total: +\d+")
        .expect("the pattern is valid")
});

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let mut totals: Option<Totals> = None;
    let mut long: Option<Totals> = None;
    let mut open: Option<(String, String)> = None;
    let number = |text: &str| text.trim().parse::<usize>().unwrap_or(0);
    for line in heard.text.lines() {
        let trimmed = line.trim();
        if let Some(parts) = SUMMARY.captures(line) {
            close(&mut open, &mut found);
            let failed = number(&parts["failed"]);
            totals.get_or_insert_default().add(Totals {
                ran: number(&parts["passed"]).saturating_add(failed),
                failed,
                skipped: number(&parts["skipped"]),
            });
        } else if let Some(count) = trimmed.strip_prefix("Total tests: ") {
            close(&mut open, &mut found);
            let _ = number(count);
            long.get_or_insert_default();
        } else if let (Some(own), Some((label, count))) = (&mut long, trimmed.split_once(": "))
            && matches!(label, "Passed" | "Failed" | "Skipped")
            && count.trim().bytes().all(|byte| byte.is_ascii_digit())
        {
            let count = number(count);
            match label {
                "Skipped" => own.skipped = own.skipped.saturating_add(count),
                "Failed" => {
                    own.failed = own.failed.saturating_add(count);
                    own.ran = own.ran.saturating_add(count);
                }
                _ => own.ran = own.ran.saturating_add(count),
            }
        } else if let Some(parts) = LINE.captures(line) {
            close(&mut open, &mut found);
            let name = &parts["name"];
            match &parts["state"] {
                "Passed" => found.push(name, None, Outcome::Passed, ""),
                "Skipped" => found.push(name, None, Outcome::Skipped, ""),
                _ => open = Some((name.to_owned(), String::new())),
            }
        } else if let Some((_, said)) = &mut open
            && said.len() < 2 * text::MOST_SAID
        {
            said.push_str(line);
            said.push('\n');
        }
    }
    close(&mut open, &mut found);
    found.totals = totals.or(long);
    let is_error = |line: &str| {
        line.contains(": error ") || line.starts_with("error ") || line.contains("MSBUILD : error")
    };
    if heard.exit != Some(0) && found.totals.is_none() && heard.text.lines().any(is_error) {
        found.breaks(Outcome::DidNotBuild, text::from_first(heard.text, is_error));
    } else if found.totals.is_none()
        && (heard.text.contains("No test matches the given testcase filter")
            || heard.text.contains("No test is available in"))
    {
        found.breaks(Outcome::NotRun, text::tail(heard.text, 1000));
    }
    found
}

fn close(open: &mut Option<(String, String)>, found: &mut Found) {
    if let Some((name, said)) = open.take() {
        found.push(&name, None, judge(&said), &said);
    }
}

/// Exceptions that assertion libraries throw.
const ASSERTIONS: &[&str] = &[
    "Xunit.Sdk.",
    "NUnit.Framework.AssertionException",
    "Microsoft.VisualStudio.TestTools.UnitTesting.AssertFailedException",
    "Shouldly.",
    "FluentAssertions.",
    "AwesomeAssertions.",
    "Moq.MockException",
    "NSubstitute.Exceptions.",
];

/// Whether an error message is that of an assertion. Other exceptions stand at
/// its start by their full name.
fn judge(said: &str) -> Outcome {
    let mut lines = said.lines().skip_while(|line| line.trim() != "Error Message:").skip(1);
    let message: Vec<&str> = lines
        .by_ref()
        .take_while(|line| !matches!(line.trim(), "Stack Trace:" | "Standard Output Messages:"))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let first = message.first().copied().unwrap_or_default();
    if ASSERTIONS.iter().any(|name| first.starts_with(name)) {
        return Outcome::Failed;
    }
    let head = first.split(' ').next().unwrap_or_default().trim_end_matches(':');
    let is_exception = head.contains('.')
        && (head.ends_with("Exception") || head.ends_with("Error"))
        && first[head.len()..].trim_start().starts_with(':');
    let of_method = first.starts_with("Test method ") && first.contains(" threw exception");
    if is_exception || of_method {
        return Outcome::Crashed;
    }
    let says = first.starts_with("Assert.")
        || first.starts_with("CollectionAssert.")
        || first.starts_with("StringAssert.")
        || first.starts_with("Expected ")
        || first.starts_with("Did not expect ")
        || message
            .iter()
            .any(|line| line.starts_with("Expected: ") || line.starts_with("But was: "))
        || message.iter().any(|line| line.starts_with("should ") || *line == "but was");
    if says { Outcome::Failed } else { Outcome::Crashed }
}
