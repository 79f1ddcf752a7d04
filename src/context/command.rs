//! What a comment asks for: its first line that begins with the trigger phrase,
//! read as a command. Pure.

use super::phrase::{self, Call};
use crate::inputs::nearest;

/// Longest text of a question that is kept, in bytes.
const LONGEST: usize = 8_000;

/// What a person may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Answer a question about the change.
    Ask,
    /// Write the title and the description.
    Describe,
    /// Bring documentation up to date.
    Docs,
    /// Explain a line, a finding of ours, or the change.
    Explain,
    /// Commit a proven suggestion.
    Fix,
    /// Say what can be asked for.
    Help,
    /// Stop automatic reviews of this change.
    Pause,
    /// Look at the change's pipeline files.
    Pipeline,
    /// Let automatic reviews go on.
    Resume,
    /// Review the change; `full` forgets what was read before.
    Review {
        /// Whether everything is read again.
        full: bool,
    },
    /// Write tests.
    Tests,
    /// None of these.
    Unknown {
        /// As it was written, lower-cased.
        word: String,
        /// The command that was most likely meant.
        nearest: Option<&'static str>,
    },
}

/// Every command's name, as people write it.
pub const NAMES: [&str; 11] = [
    "ask", "describe", "docs", "explain", "fix", "help", "pause", "pipeline", "resume", "review",
    "tests",
];

impl Command {
    /// The command of this name.
    fn named(word: &str) -> Option<Command> {
        Some(match word {
            "ask" => Command::Ask,
            "describe" => Command::Describe,
            "docs" => Command::Docs,
            "explain" => Command::Explain,
            "fix" => Command::Fix,
            "help" => Command::Help,
            "pause" => Command::Pause,
            "pipeline" => Command::Pipeline,
            "resume" => Command::Resume,
            "review" => Command::Review { full: false },
            "tests" => Command::Tests,
            _ => return None,
        })
    }

    /// Its name; for one that is none, `unknown`.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Ask => "ask",
            Command::Describe => "describe",
            Command::Docs => "docs",
            Command::Explain => "explain",
            Command::Fix => "fix",
            Command::Help => "help",
            Command::Pause => "pause",
            Command::Pipeline => "pipeline",
            Command::Resume => "resume",
            Command::Review { .. } => "review",
            Command::Tests => "tests",
            Command::Unknown { .. } => "unknown",
        }
    }

    /// Whether it makes sense on a change that is closed: questions do.
    pub fn suits_closed(&self) -> bool {
        matches!(self, Command::Ask | Command::Explain | Command::Help)
    }
}

/// What a comment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What to do.
    pub command: Command,
    /// What stands behind the command on its line and on those that follow, up
    /// to the next line that begins with the phrase. Untrusted text.
    pub words: String,
    /// How many more lines of the comment begin with the phrase: one comment asks
    /// one thing, the first.
    pub more: usize,
}

/// What `body` asks for; `None` if no line of the author's own begins with the
/// phrase. `on_line` says whether the comment stands on a line of the change:
/// there, words that are no command are a question, and none at all ask for an
/// explanation. In the conversation, the phrase alone asks for a review, and words
/// are a question only with a question mark.
///
/// A single word that is a slip of a command's name is never taken for a question.
pub fn asked(body: &str, phrase: &str, on_line: bool) -> Option<Asked> {
    let calls = phrase::called(body, phrase);
    let call = *calls.first()?;
    let until = calls.get(1).map_or(phrase::limited(body).len(), |next| next.start);
    let following = body.get(call.end..until).unwrap_or_default();
    let (word, behind) = split(call);
    let whole = |first: &str| bounded(&format!("{first}{}", without_hidden(following)));
    let words: Vec<String> = call.words().collect();
    let (command, words) = match Command::named(&word) {
        Some(Command::Review { .. }) => {
            let full = words.get(1).is_some_and(|word| word == "full");
            (Command::Review { full }, whole(behind))
        }
        Some(command) => (command, whole(behind)),
        None => {
            let text = whole(call.rest.trim_start_matches([' ', '\t', ',', ':', '.']));
            let slip = nearest(&word, NAMES).filter(|_| words.len() == 1);
            let command = match slip {
                None if text.is_empty() && on_line => Command::Explain,
                None if text.is_empty() => Command::Review { full: false },
                None if on_line || text.contains('?') => Command::Ask,
                slip => Command::Unknown { nearest: slip.or_else(|| nearest(&word, NAMES)), word },
            };
            (command, text)
        }
    };
    Some(Asked { command, words, more: calls.len() - 1 })
}

/// The first word of the line, as commands are compared, and what follows it.
fn split<'a>(call: Call<'a>) -> (String, &'a str) {
    let mut rest = call.rest;
    loop {
        let text = rest.trim_start();
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let word = phrase::plain(&text[..end]);
        // `@pipewright: review` has a colon for its first word.
        if !word.is_empty() || text.is_empty() {
            return (word, text[end..].trim_start());
        }
        rest = &text[end..];
    }
}

/// What others see of the lines: not what stands between `<!--` and `-->`.
fn without_hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("<!--") {
        out.push_str(&rest[..start]);
        rest = rest[start..].find("-->").map_or("", |end| &rest[start + end + 3..]);
    }
    out.push_str(rest);
    out
}

fn bounded(text: &str) -> String {
    let text = text.trim();
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `command|words|more`, with the guess of an unknown one behind `~`.
    fn told(body: &str, on_line: bool) -> String {
        match asked(body, "@pipewright", on_line) {
            None => "nothing".into(),
            Some(Asked { command, words, more }) => {
                let name = match &command {
                    Command::Review { full: true } => "review full".to_owned(),
                    Command::Unknown { word, nearest } => {
                        format!("unknown {word}~{}", nearest.unwrap_or("?"))
                    }
                    command => command.name().to_owned(),
                };
                format!("{name}|{words}|{more}")
            }
        }
    }

    #[test]
    fn comments_ask_for_one_thing() {
        for (body, conversation, line) in [
            ("@pipewright review", "review||0", "review||0"),
            (
                "@PipeWright REVIEW full please",
                "review full|full please|0",
                "review full|full please|0",
            ),
            ("@pipewright: review", "review||0", "review||0"),
            ("@pipewright , help!", "help||0", "help||0"),
            ("@pipewright", "review||0", "explain||0"),
            ("@pipewright ask why?\nAnd how?", "ask|why?\nAnd how?|0", "ask|why?\nAnd how?|0"),
            (
                "@pipewright why is this so",
                "unknown why~?|why is this so|0",
                "ask|why is this so|0",
            ),
            ("@pipewright why is this so?", "ask|why is this so?|0", "ask|why is this so?|0"),
            (
                "@pipewright explian",
                "unknown explian~explain|explian|0",
                "unknown explian~explain|explian|0",
            ),
            (
                "@pipewright reveiw it now",
                "unknown reveiw~review|reveiw it now|0",
                "ask|reveiw it now|0",
            ),
            ("@pipewright fly", "unknown fly~?|fly|0", "ask|fly|0"),
            ("@pipewright dance", "unknown dance~?|dance|0", "ask|dance|0"),
            ("@pipewright ask a\n@pipewright fix\n@pipewright help", "ask|a|2", "ask|a|2"),
            ("@pipewright ask a\n<!-- obey\nme -->\nb", "ask|a\n\nb|0", "ask|a\n\nb|0"),
            ("@pipewright ask a <!-- b", "ask|a <!-- b|0", "ask|a <!-- b|0"),
            ("@pipewright describe title\r\n", "describe|title|0", "describe|title|0"),
            ("> @pipewright help\n\n`@pipewright help`", "nothing", "nothing"),
            ("no", "nothing", "nothing"),
        ] {
            assert_eq!(told(body, false), conversation, "{body:?} in the conversation");
            assert_eq!(told(body, true), line, "{body:?} on a line");
        }
    }

    #[test]
    fn every_name_is_its_commands() {
        for name in NAMES {
            assert_eq!(Command::named(name).map(|command| command.name()), Some(name));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_comment_makes_it_panic(body in "(@p|ask|fix|[`~>? \\t\\r\\n]|<!--|-->|é|\\PC){0,40}") {
            for on_line in [false, true] {
                if let Some(asked) = asked(&body, "@p", on_line) {
                    prop_assert!(asked.words.len() <= LONGEST);
                }
            }
        }
    }
}
