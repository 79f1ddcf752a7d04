//! Maven: surefire's text and reports.
//! <https://maven.apache.org/surefire/maven-surefire-plugin/>

use std::sync::LazyLock;

use regex::Regex;

use super::command::Commands;
use super::kinds::{Place, Runner, Tail, coverage};
use super::sum::{Found, Heard, Totals};
use super::{Kind, Outcome, junit, jvm, text};

pub(super) static RUNNER: Runner = Runner {
    marks: &["pom.xml"],
    is_used: |place| place.has("pom.xml").then(|| "`pom.xml`".to_owned()),
    commands,
    one: Tail::Append(
        "-Dtest={selector} -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false",
    ),
    variables: &[("MAVEN_ARGS", "-B -ntp"), ("MAVEN_OPTS", "-Djansi.mode=strip")],
    read,
};

const REPORTS: &[&str] = &["**/target/surefire-reports/TEST-*.xml"];

fn commands(place: &Place<'_>) -> Commands {
    let mvn = jvm::program(place, "mvnw", "mvn");
    let test = format!("{mvn} -B -fae test");
    let mut commands = Commands::of(Kind::Maven, test.as_str())
        // The first flag is of surefire 2, the second of surefire 3.
        .one(format!(
            "{test} -Dtest={{selector}} -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false"
        ))
        // Classes by surefire; methods by JUnit 5 itself.
        .shuffled(format!(
            "{test} -Dsurefire.runOrder=random -Dsurefire.runOrder.random.seed={{seed}} \
             -Djunit.jupiter.testmethod.order.default='org.junit.jupiter.api.MethodOrderer$Random' \
             -Djunit.jupiter.execution.order.random.seed={{seed}}"
        ))
        .quick(format!("{mvn} -B -ff test -Dsurefire.skipAfterFailureCount=1"))
        .build(format!("{mvn} -B -q test-compile"));
    if place.text("pom.xml").contains("jacoco-maven-plugin") {
        commands.coverage =
            coverage(format!("{test} jacoco:report"), &["**/target/site/jacoco/jacoco.xml"]);
    }
    commands.results = REPORTS.iter().map(|&glob| glob.to_owned()).collect();
    commands
}

/// `[ERROR] x.CalcTest.above  Time elapsed: 0.01 s  <<< FAILURE!`, in its
/// spellings of 2.x and 3.x.
static MARKED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\[ERROR\] (?P<name>\S.*?)(?: --|  | *)(?: ?Time elapsed: [\d.,]+ s(?:ec)?)? *<<< (?P<state>FAILURE|ERROR)!")
        .expect("the pattern is valid")
});

static TOTALS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\[[A-Z]+\] )?Tests run: (?P<run>\d+), Failures: (?P<failures>\d+), Errors: (?P<errors>\d+), Skipped: (?P<skipped>\d+)(?P<rest>.*)$")
        .expect("the pattern is valid")
});

fn read(heard: &Heard<'_>) -> Found {
    let mut found = Found::default();
    let mut totals: Option<Totals> = None;
    let mut listed = 0;
    let mut open: Option<(String, bool, String)> = None;
    let lines = || heard.text.lines();
    let mut class = "";
    for line in lines() {
        if let Some(name) = line.strip_prefix("[INFO] Running ").or(line.strip_prefix("Running ")) {
            class = name.trim();
            continue;
        }
        if let Some((_, name)) = line.rsplit_once(" in ").filter(|_| line.contains("Time elapsed"))
        {
            class = name.trim();
        }
        if let Some(parts) = TOTALS.captures(line) {
            close(&mut open, &mut found, &mut listed);
            // A line for each class ends with its time; that of a module does not.
            if !parts["rest"].contains("Time elapsed") {
                totals.get_or_insert_default().add(of(&parts));
            }
        } else if let Some(parts) = MARKED.captures(line) {
            close(&mut open, &mut found, &mut listed);
            let is_failure = &parts["state"] == "FAILURE";
            open = Some((printed(&parts["name"], class), is_failure, String::new()));
        } else if let Some((_, _, said)) = &mut open {
            if line.is_empty() || line.starts_with('[') {
                close(&mut open, &mut found, &mut listed);
            } else if said.len() < 2 * text::MOST_SAID {
                said.push_str(line);
                said.push('\n');
            }
        }
    }
    close(&mut open, &mut found, &mut listed);
    // Reports name every test; the text only those that failed.
    let mut by_report = Found::default();
    if junit::add(&mut by_report, heard.reports, jvm::name, jvm::judge) > 0 {
        if totals.is_none() && heard.exit == Some(0) {
            // `-q` says nothing when all is well.
            totals = Some(junit::totals(&by_report));
        }
        listed = junit::totals(&by_report).failed;
        found.tests = by_report.tests;
    }
    found.listed = Some(listed);
    found.totals = totals;
    let has = |words: &str| heard.text.contains(words);
    if heard.exit != Some(0) && totals.is_none_or(|totals| totals.ran == 0 || totals.failed == 0) {
        let is_error = |line: &str| line.starts_with("[ERROR]");
        let said = || text::from_first(heard.text, is_error);
        if has("COMPILATION ERROR")
            || has("Compilation failure")
            || has("Could not resolve dependencies")
            || has("Non-resolvable")
            || has("Malformed POM")
            || has("could not be resolved")
            || has("No compiler is provided")
            || has("there is no POM in this directory")
        {
            found.tests.clear();
            found.listed = None;
            found.totals = None;
            found.breaks(Outcome::DidNotBuild, said());
        } else if has("No tests were executed!") || has("No tests matching pattern") {
            found.breaks(Outcome::NotRun, said());
        } else if has("The forked VM terminated") || has("Crashed tests:") {
            found.breaks(Outcome::Crashed, said());
        }
    }
    if heard.exit == Some(0)
        && totals.is_none()
        && found.tests.is_empty()
        && (has("No tests to run") || has("There are no tests to run") || has("BUILD SUCCESS"))
    {
        found.breaks(Outcome::NotRun, "");
    }
    found
}

fn of(parts: &regex::Captures<'_>) -> Totals {
    let number = |name: &str| parts[name].parse::<usize>().unwrap_or(0);
    let skipped = number("skipped");
    Totals {
        ran: number("run").saturating_sub(skipped),
        failed: number("failures").saturating_add(number("errors")),
        skipped,
    }
}

/// A name of a marked line with its class: older ones print `above(x.CalcTest)`,
/// or `above` below the class's own line.
fn printed(name: &str, class: &str) -> String {
    let name = name.trim_end_matches(" --").trim();
    if let Some((method, class)) = name.strip_suffix(')').and_then(|name| name.rsplit_once('('))
        && class.contains('.')
        && !method.contains('.')
    {
        return format!("{class}.{method}");
    }
    let name = name.replace("()", "");
    let bare = name.split(['(', '[', '{']).next().unwrap_or(&name);
    if bare.contains('.') || class.is_empty() || bare == class {
        name
    } else {
        format!("{class}.{name}")
    }
}

fn close(open: &mut Option<(String, bool, String)>, found: &mut Found, listed: &mut usize) {
    let Some((name, is_failure, said)) = open.take() else { return };
    if name.starts_with("Tests run:") {
        return;
    }
    *listed += 1;
    // A class alone: what stands around its tests broke.
    let last = name.rsplit('.').next().unwrap_or(&name);
    let is_class = last.starts_with(|c: char| c.is_uppercase());
    let outcome = match is_failure {
        _ if is_class => Outcome::DidNotImport,
        true if said.trim().is_empty() => Outcome::Failed,
        true => match jvm::by_trace(&said) {
            // Surefire has called it a failure; only a time-out speaks against it.
            Outcome::Crashed if !said.contains("time") => Outcome::Failed,
            other => other,
        },
        false => Outcome::Crashed,
    };
    found.push(&name, None, outcome, &said);
}
