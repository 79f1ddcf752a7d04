//! What Maven and Gradle share: names and assertions of JUnit and its kin.

use crate::evidence::results;

use super::Outcome;
use super::kinds::Place;

/// `x.CalcTest.above` of a case in a report.
pub(super) fn name(case: &results::Case) -> String {
    let method = case.name.strip_suffix("()").unwrap_or(&case.name);
    // `above(int)[1]` keeps its parameters; `above()` has none.
    let method = method.replace("()[", "[");
    if case.class.is_empty() {
        method
    } else if method.is_empty() || method == case.class {
        case.class.clone()
    } else {
        format!("{}.{method}", case.class)
    }
}

/// How a failing case of a report ended. Gradle calls every failure one, so
/// that the exception's class decides.
pub(super) fn judge(said: results::Outcome, case: &results::Case) -> Outcome {
    let is_around = case.name.is_empty()
        || case.name == case.class
        || matches!(case.name.as_str(), "initializationError" | "executionError" | "classMethod");
    if is_around {
        return Outcome::DidNotImport;
    }
    if said == results::Outcome::Error {
        return Outcome::Crashed;
    }
    by_trace(&case.said)
}

/// Whether a stack trace is that of an assertion.
pub(super) fn by_trace(said: &str) -> Outcome {
    // The message may stand above the trace, which begins with the class.
    let class = said.lines().find_map(exception).unwrap_or_default();
    by_class(class, said)
}

/// Whether an exception's class is that of an assertion.
pub(super) fn by_class(class: &str, said: &str) -> Outcome {
    let short = class.rsplit(['.', '$']).next().unwrap_or(class);
    let by_assertion = matches!(
        short,
        "AssertionFailedError"
            | "AssertionError"
            | "AssertionErrorWithFacts"
            | "ComparisonFailure"
            | "ComparisonFailureWithFacts"
            | "MultipleFailuresError"
            | "AssertJMultipleFailuresError"
            | "MultipleFailureException"
            | "ConditionNotSatisfiedError"
            | "SpockComparisonFailure"
            | "WrongExceptionThrownError"
            | "TooFewInvocationsError"
            | "TooManyInvocationsError"
            | "ArrayComparisonFailure"
            | "TestFailedException"
    ) || class.starts_with("org.mockito.exceptions.verification.");
    // `assertTimeout` and the like go by the clock.
    let late =
        said.contains("execution timed out after") || said.contains("execution exceeded timeout");
    if by_assertion && !late { Outcome::Failed } else { Outcome::Crashed }
}

/// The class of an exception that a line of a trace begins with.
pub(super) fn exception(line: &str) -> Option<&str> {
    let line = line.trim();
    let end = line.find([':', ' ']).unwrap_or(line.len());
    let (class, rest) = line.split_at(end);
    let short = class.rsplit(['.', '$']).next().unwrap_or(class);
    let is_class = class.contains('.')
        && !class.ends_with('.')
        && class.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '$'))
        && short.starts_with(|c: char| c.is_uppercase());
    let is_end =
        rest.is_empty() || rest.starts_with(": ") || rest == ":" || rest.starts_with(" at ");
    (is_class && is_end).then_some(class)
}

/// A wrapper script, if the project has it.
pub(super) fn program(place: &Place<'_>, wrapper: &str, plain: &str) -> String {
    if place.has(wrapper) { format!("sh ./{wrapper}") } else { plain.to_owned() }
}
