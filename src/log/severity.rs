//! How bad what a line tells of is: by its level, or by what it says.

use std::sync::LazyLock;

use regex::Regex;

/// How bad, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Severity {
    /// Nothing bad.
    #[default]
    Other,
    /// Something odd that the service copes with.
    Warning,
    /// Something failed.
    Error,
}

/// What a word that names a level says; `None` if it names none.
pub fn level_word(word: &str) -> Option<Severity> {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if word.len() > 13 {
        return None;
    }
    Some(match word.to_ascii_lowercase().as_str() {
        "error" | "err" | "eror" | "fatal" | "critical" | "crit" | "alert" | "emerg"
        | "emergency" | "panic" | "severe" | "dpanic" | "fail" | "failure" => Severity::Error,
        "warn" | "warning" | "wrn" => Severity::Warning,
        "info" | "information" | "informational" | "notice" | "debug" | "dbug" | "dbg"
        | "trace" | "verbose" | "fine" | "finer" | "finest" | "config" | "inf" | "trc"
        | "default" | "log" => Severity::Other,
        _ => return None,
    })
}

/// The level at the head of a plain line: among its first words, written as loggers do.
pub fn level(text: &str) -> Option<Severity> {
    if let Some(severity) = letter(text) {
        return Some(severity);
    }
    text.split_whitespace().take(6).find_map(|word| {
        let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let upper = core.len() >= 3 && core.bytes().all(|byte| byte.is_ascii_uppercase());
        let bracketed = word.starts_with(['[', '<', '(', '#']) && word.len() < 12;
        let led = word.ends_with(':') && core.len() + 1 == word.len();
        // `ERROR:root:…` of Python.
        let core = core.split(':').next().unwrap_or_default();
        let upper = upper || core.len() >= 4 && core.bytes().all(|byte| byte.is_ascii_uppercase());
        if upper || bracketed || led { level_word(core) } else { None }
    })
}

/// `E1121 10:00:00.000000 …` of glog and klog; `<3>` of syslog and the kernel.
fn letter(text: &str) -> Option<Severity> {
    let bytes = text.as_bytes();
    if let [letter, digits @ ..] = bytes
        && digits.len() > 5
        && digits[..4].iter().all(u8::is_ascii_digit)
        && digits[4] == b' '
    {
        return match letter {
            b'E' | b'F' => Some(Severity::Error),
            b'W' => Some(Severity::Warning),
            b'I' | b'D' => Some(Severity::Other),
            _ => None,
        };
    }
    let (number, _) = text.strip_prefix('<')?.split_once('>')?;
    let number: u32 = number.parse().ok().filter(|number| *number < 192)?;
    Some(match number % 8 {
        0..=3 => Severity::Error,
        4 => Severity::Warning,
        _ => Severity::Other,
    })
}

static TELLS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x-u)
        \b(?:[A-Z][A-Za-z0-9_]*)(?:Exception|Error)\b
        | (?i:\b(?:panic(?:ked|:)?|segfault|segmentation\ fault|fatal|core\ dumped|out\ of\ memory
        | oom-?kill(?:ed)?|stack\ overflow|assertion\ failed|unhandled|uncaught|traceback
        | deadlock(?:ed)?|cannot|could\ not|couldn't|unable\ to|failed|failure|fails|error
        | refused|timed\ out|denied|unreachable|abort(?:ed|ing)?|crash(?:ed)?|corrupt(?:ed)?)\b)",
    )
    .expect("a fixed expression")
});

static NOTHING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:0|no|zero|without)\s+(?:errors?|failures?|failed)\b|\b(?:errors?|failures?|failed)\s*[:=]\s*(?:0|none|null|false|nil)\b")
        .expect("a fixed expression")
});

/// What no level makes harmless: a process that dies, an answer of the kind 5xx.
static STRONG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x-u)\bpanicked\ at\b | ^panic: | \bfatal\ error: | \bOutOfMemoryError\b
        | (?i:\bsegmentation\ fault\b | \bcore\ dumped\b | \bSIG(?:SEGV|ABRT|BUS)\b
        | \buncaught\ exception\b | \bunhandled\ (?:exception|promise\ rejection)\b)
        | HTTP/[\d.]+"?\ 5\d\d\b
        | (?i:\bstatus(?:_?code)?"?[=:]\ ?"?5\d\d\b)"#,
    )
    .expect("a fixed expression")
});

/// How bad a line is: its level where it has one, or else what it says.
pub fn severity(level: Option<Severity>, message: &str) -> Severity {
    if level != Some(Severity::Error) && STRONG.is_match(message) {
        return Severity::Error;
    }
    if let Some(level) = level {
        return level;
    }
    if TELLS.is_match(message) && !NOTHING.is_match(message) {
        return Severity::Error;
    }
    Severity::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_bad_as_it_says() {
        use Severity::{Error, Other, Warning};
        for (line, expect) in [
            ("INFO all fine", Other),
            ("[error] broke", Error),
            ("error: broke", Error),
            ("WARN slow", Warning),
            ("INFO request failed", Other),
            ("java.lang.IllegalStateException: x", Error),
            ("thread 'main' panicked at src/main.rs:1", Error),
            ("panic: runtime error: index out of range", Error),
            ("finished with 0 errors", Other),
            ("connection refused", Error),
            ("hello", Other),
            ("E1121 10:00:00.000000 1 a.go:1] broke", Error),
            ("I1121 10:00:00.000000 1 a.go:1] fine", Other),
            ("<3>broke", Error),
            ("<30>fine", Other),
            ("ERROR:root:broke", Error),
            ("SEVERE: broke", Error),
            ("10.0.0.1 - - \"GET / HTTP/1.1\" 503 12", Error),
            ("10.0.0.1 - - \"GET / HTTP/1.1\" 404 500", Other),
            ("INFO status=500 path=/a", Error),
            ("INFO panicked at src/a.rs", Error),
            ("FATAL:  too many clients", Error),
            ("LOG:  checkpoint complete", Other),
            ("errors: 0", Other),
            ("No errors found", Other),
        ] {
            assert_eq!(severity(level(line), line), expect, "{line}");
        }
    }
}
