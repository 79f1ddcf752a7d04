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

/// What a cleaned line, times taken away, is.
pub fn part(line: &str) -> Part {
    let text = line.trim_start();
    let indented = text.len() < line.len();
    if text.starts_with("Caused by: ") || text.starts_with("Suppressed: ") {
        return Part::Cause;
    }
    let frame = text.starts_with("at ") && (indented || text.contains('('))
        || text.starts_with("... ") && text.ends_with(" more")
        || text.starts_with("... ") && text.ends_with(" common frames omitted")
        || text.starts_with("File \"") && text.contains(", line ")
        || indented && text.starts_with("from ") && text.contains(':')
        || text.starts_with("goroutine ") && text.ends_with("]:")
        || text.starts_with("Traceback (most recent call last)")
        || text.starts_with("--- End of ")
        || text.starts_with("stack backtrace:")
        || text.starts_with("note: run with `RUST_BACKTRACE")
        || text.starts_with("note: Some details are omitted")
        || text.starts_with("Stack trace:")
        || is_numbered(text)
        || indented && is_go_place(text);
    if frame { Part::Frame } else { Part::First }
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
    text.strip_prefix("Caused by: ").or_else(|| text.strip_prefix("Suppressed: ")).unwrap_or(text)
}
