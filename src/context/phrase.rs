//! Whether a comment asks for something: the trigger phrase at the start of a
//! line, as a word, outside quotes and code.

/// The longest comment that is read, in bytes; GitHub's own limit is 65,536 characters.
const LIMIT: usize = 256 * 1024;

/// The words behind the first trigger phrase that begins a line: `["review"]`
/// for `@pipewright review`, lower-cased and without punctuation at their ends.
/// `None` if no line begins so; see `called`.
pub fn asks(body: &str, phrase: &str) -> Option<Vec<String>> {
    let call = called(body, phrase).into_iter().next()?;
    Some(call.words().take(16).collect())
}

/// A line that begins with the phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// What stands behind the phrase on its line.
    pub rest: &'a str,
    /// Where the line begins, in bytes.
    pub start: usize,
    /// Where it ends, without its line feed.
    pub end: usize,
}

impl<'a> Call<'a> {
    /// The words of the line, lower-cased and without punctuation at their ends.
    pub fn words(self) -> impl Iterator<Item = String> + 'a {
        self.rest.split_whitespace().map(plain).filter(|word| !word.is_empty())
    }
}

/// A word as commands are compared: lower-cased, without punctuation at its ends.
pub fn plain(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

/// Every line that begins with the trigger phrase as a word of its own.
///
/// Lines that are quoted (`>`), indented by four columns or fenced are not the
/// author's own words. A comment inside HTML is invisible, so it asks nothing.
pub fn called<'a>(body: &'a str, phrase: &str) -> Vec<Call<'a>> {
    let phrase = phrase.trim();
    let mut calls = Vec::new();
    if phrase.is_empty() {
        return calls;
    }
    let body = limited(body);
    let mut fence: Option<(char, usize)> = None;
    let mut hidden = false;
    let mut next = 0;
    for whole in body.split_inclusive('\n') {
        let start = next;
        next += whole.len();
        let line = whole.trim_end_matches(['\n', '\r']);
        if hidden {
            hidden = !line.contains("-->");
            continue;
        }
        let text = line.trim_start_matches(' ');
        let indent = line.len() - text.len();
        if let Some((mark, length)) = fence {
            let run = text.chars().take_while(|c| *c == mark).count();
            // A fence ends with at least as many marks and nothing behind them.
            if indent < 4 && run >= length && text[run..].trim().is_empty() {
                fence = None;
            }
            continue;
        }
        if indent >= 4 || text.starts_with('\t') || text.starts_with('>') {
            continue;
        }
        if let Some(mark @ ('`' | '~')) = text.chars().next() {
            let run = text.chars().take_while(|c| *c == mark).count();
            // Backticks behind the fence make it code inside a line instead.
            if run >= 3 && !(mark == '`' && text[run..].contains('`')) {
                fence = Some((mark, run));
                continue;
            }
        }
        if let Some(start) = text.rfind("<!--") {
            hidden = !text[start..].contains("-->");
        }
        if let Some(rest) = after(text, phrase) {
            calls.push(Call { rest, start, end: start + line.len() });
        }
    }
    calls
}

/// As much of a comment as is read.
pub fn limited(body: &str) -> &str {
    let mut end = body.len().min(LIMIT);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    &body[..end]
}

/// What stands behind the phrase that a line begins with, as a word of its own.
fn after<'a>(line: &'a str, phrase: &str) -> Option<&'a str> {
    let head = line.get(..phrase.len())?;
    if !head.eq_ignore_ascii_case(phrase) {
        return None;
    }
    let rest = &line[phrase.len()..];
    // `@pipewright-bot` and `@pipewrights` are others.
    let is_word = rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && !"-_/".contains(c));
    is_word.then_some(rest)
}
