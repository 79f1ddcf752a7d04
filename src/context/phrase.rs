//! Whether a comment asks for something: the trigger phrase at the start of a
//! line, as a word, outside quotes and code.

/// The longest comment that is read, in bytes; GitHub's own limit is 65,536 characters.
const LIMIT: usize = 256 * 1024;

/// The words behind the first trigger phrase that begins a line: `["review"]`
/// for `@pipewright review`, lower-cased and without punctuation at their ends.
/// `None` if no line begins so.
///
/// Lines that are quoted (`>`), indented by four columns or fenced are not the
/// author's own words. A comment inside HTML is invisible, so it asks nothing.
pub fn asks(body: &str, phrase: &str) -> Option<Vec<String>> {
    let phrase = phrase.trim();
    if phrase.is_empty() {
        return None;
    }
    let mut end = body.len().min(LIMIT);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    let mut fence: Option<(char, usize)> = None;
    let mut hidden = false;
    for line in body[..end].lines() {
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
        if let Some(words) = after(text, phrase) {
            return Some(words);
        }
    }
    None
}

/// The words behind the phrase that a line begins with, as a word of its own.
fn after(line: &str, phrase: &str) -> Option<Vec<String>> {
    let head = line.get(..phrase.len())?;
    if !head.eq_ignore_ascii_case(phrase) {
        return None;
    }
    let rest = &line[phrase.len()..];
    // `@pipewright-bot` and `@pipewrights` are others.
    let is_word = rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && !"-_/".contains(c));
    is_word.then(|| {
        rest.split_whitespace()
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
            .filter(|word| !word.is_empty())
            .take(16)
            .collect()
    })
}
