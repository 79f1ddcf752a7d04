//! Lines that belong to the line before: stack traces in the languages services are
//! written in.

/// What a line is to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A line of its own.
    First,
    /// A frame or another line that only says where: it belongs to the line before.
    Frame,
    /// It says why the line before came to be (`Caused by: …`): news by itself, as bad
    /// as the line it belongs to.
    Cause,
}

/// What a cleaned line, times taken away, is; `inside` says whether the line before was
/// a frame.
pub fn part(line: &str, inside: bool) -> Part {
    let text = line.trim_start();
    let indented = text.len() < line.len();
    if text.starts_with("Caused by: ")
        || text.starts_with("Suppressed: ")
        || text.starts_with("Caused by:") && text.len() > 11
        || text.starts_with("---> ")
    {
        return Part::Cause;
    }
    let frame = inside && indented
        || text.starts_with("at ") && (indented || text.contains('('))
        || text.starts_with("... ") && text.ends_with(" more")
        || text.starts_with("... ") && text.ends_with(" common frames omitted")
        || text.starts_with("File \"") && text.contains(", line ")
        || text.starts_with("from ") && text.contains(":in ")
        || text.starts_with("goroutine ") && text.ends_with("]:")
        || text.starts_with("Traceback (most recent call last)")
        || text.starts_with("During handling of the above exception")
        || text.starts_with("The above exception was the direct cause")
        || text.starts_with("--- End of ")
        || text.starts_with("stack backtrace:")
        || text.starts_with("note: run with `RUST_BACKTRACE")
        || text.starts_with("note: Some details are omitted")
        || text.eq_ignore_ascii_case("stack trace:")
        || text.eq_ignore_ascii_case("stacktrace:")
        || text.eq_ignore_ascii_case("[stacktrace]")
        || is_numbered(text)
        || indented && is_go_place(text)
        || inside && is_go_call(text);
    if frame {
        Part::Frame
    } else if !indented && is_exception(text) {
        Part::Cause
    } else {
        Part::First
    }
}

/// `java.sql.SQLException: no connection`, `ValueError: bad`: a line that begins with
/// the class of what was thrown.
fn is_exception(text: &str) -> bool {
    let name = text.split([':', ' ', '(']).next().unwrap_or_default();
    let last = name.rsplit(['.', '\\']).next().unwrap_or_default();
    let ends = ["Exception", "Error", "Failure", "Throwable", "Interrupt", "Exit"];
    last.starts_with(|c: char| c.is_ascii_uppercase())
        && ends.iter().any(|end| last.ends_with(end) && (last.len() > end.len() || name != last))
        && text[name.len()..].chars().next().is_none_or(|c| c == ':')
}

/// `main.(*Server).serve(0xc000, 0x1)`, `created by net/http.(*Server).Serve`.
fn is_go_call(text: &str) -> bool {
    text.starts_with("created by ")
        || text.ends_with(')') && !text.contains(": ") && {
            let name = text.split('(').next().unwrap_or_default();
            name.contains('.') && !name.contains(' ')
        }
}

/// `#0 …` of PHP, C and C++; `12: core::panicking` of Rust.
fn is_numbered(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('#') {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        return digits > 0 && rest[digits..].starts_with(' ');
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && digits < 4 && text[digits..].starts_with(": ") && text.contains("::")
}

/// `/src/main.go:12 +0x1d`.
fn is_go_place(text: &str) -> bool {
    text.split_once(".go:").is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What a cause says, without the word that leads it in.
pub fn cause(text: &str) -> &str {
    let text = text.trim_start();
    let leads = ["Caused by:", "Suppressed:", "--->"];
    leads.iter().find_map(|lead| text.strip_prefix(lead)).unwrap_or(text).trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_belong_to_the_line_before() {
        use Part::{Cause, First, Frame};
        for (line, inside, expect) in [
            ("\tat com.a.B.c(B.java:12)", false, Frame),
            ("at com.a.B.c(B.java:12)", false, Frame),
            ("    at Object.<anonymous> (/app/a.js:1:2)", false, Frame),
            ("    at async run", false, Frame),
            ("   at App.Main() in /src/App.cs:line 3", false, Frame),
            ("\t... 12 more", true, Frame),
            ("Caused by: java.io.IOException: x", true, Cause),
            ("Traceback (most recent call last):", false, Frame),
            ("  File \"/app/a.py\", line 3, in <module>", true, Frame),
            ("    run()", true, Frame),
            ("    run()", false, First),
            ("ValueError: bad", true, Cause),
            ("requests.exceptions.ConnectionError: refused", true, Cause),
            ("java.lang.Exception: x", false, Cause),
            ("goroutine 1 [running]:", false, Frame),
            ("main.(*Server).serve(0xc000, 0x1)", true, Frame),
            ("main.main()", true, Frame),
            ("\t/src/main.go:12 +0x1d", false, Frame),
            ("#0 /app/index.php(12): run()", false, Frame),
            ("#0 0x55d in main a.c:3", false, Frame),
            ("  12: core::panicking::panic", true, Frame),
            ("\tfrom /app/a.rb:3:in `run'", false, Frame),
            ("at last it works", false, First),
            ("Error: it broke", false, First),
            ("INFO Exception handling on", false, First),
            ("started at (12)", false, First),
            ("12: 30", false, First),
            ("", false, First),
        ] {
            assert_eq!(part(line, inside), expect, "{line:?}");
        }
    }
}
