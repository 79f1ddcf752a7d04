//! Where in a shell script a value stands, and the script with variables in its place.

use std::ops::Range;

/// A value in a script that a variable can take the place of.
pub(super) struct Use {
    /// Its bytes.
    pub(super) range: Range<usize>,
    /// The variable.
    pub(super) name: String,
    /// Whether blanks may be in it, so that the shell would split it where it stands
    /// without quotes.
    pub(super) blanks: bool,
}

/// A change of a script.
pub(super) struct Changed {
    /// What stands there exactly once.
    pub(super) find: String,
    /// What takes its place.
    pub(super) replace: String,
}

/// The script with all values replaced; `None` where one of them stands where a
/// variable would not do the same: in single quotes, here-documents, substitutions,
/// comments, or in code for another interpreter.
pub(super) fn rewrite(text: &str, uses: &[Use]) -> Option<Changed> {
    let (first, last) = (uses.first()?, uses.last()?);
    if text.contains("<<") || text.contains('`') {
        return None;
    }
    let mut state = Plain;
    let mut at = 0;
    let mut replace = String::new();
    for one in uses {
        let between = text.get(at..one.range.start)?;
        state = pass(state, between)?;
        if at > 0 {
            replace.push_str(between);
        }
        let line = text.get(..one.range.start)?.rsplit('\n').next().unwrap_or_default();
        if runs_code(line) {
            return None;
        }
        let next = text.get(one.range.end..)?.chars().next();
        let joined = next.is_some_and(|sign| sign.is_ascii_alphanumeric() || sign == '_');
        let variable = if joined { format!("${{{}}}", one.name) } else { format!("${}", one.name) };
        match state {
            Plain if one.blanks => return None,
            Plain => replace.push_str(&format!("\"{variable}\"")),
            Double => replace.push_str(&variable),
            Single | Comment => return None,
        }
        at = one.range.end;
    }
    let find = text.get(first.range.start..last.range.end)?.to_owned();
    // The change names its place by what stands there.
    (text.matches(find.as_str()).count() == 1).then_some(Changed { find, replace })
}

/// Whether what follows on this line may be code for another interpreter.
fn runs_code(line: &str) -> bool {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    words.iter().any(|word| {
        matches!(
            *word,
            "eval"
                | "ssh"
                | "-c"
                | "-e"
                | "-Command"
                | "awk"
                | "sed"
                | "jq"
                | "perl"
                | "source"
                | "node"
                | "xargs"
        ) || word.contains("$(")
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    Single,
    Double,
    Comment,
}
use State::{Comment, Double, Plain, Single};

/// The state behind a piece of script; `None` where a substitution is open.
fn pass(mut state: State, text: &str) -> Option<State> {
    let mut signs = text.chars().peekable();
    let mut before = ' ';
    let mut open = 0_usize;
    while let Some(sign) = signs.next() {
        match (state, sign) {
            (Comment, '\n') => state = Plain,
            (Comment, _) => {}
            (Single, '\'') => state = Plain,
            (Single, _) => {}
            (_, '\\') => {
                signs.next();
            }
            (Plain, '\'') => state = Single,
            (Plain, '"') => state = Double,
            (Double, '"') if open == 0 => state = Plain,
            // Quotes within a substitution are those of another text.
            (Double, '"') => return None,
            (Plain, '#') if before.is_whitespace() => state = Comment,
            (_, '$') if signs.peek() == Some(&'(') => {
                signs.next();
                open += 1;
            }
            (_, ')') => open = open.saturating_sub(1),
            _ => {}
        }
        before = sign;
    }
    (open == 0).then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_take_the_place_of_values_where_they_do_the_same() {
        for (script, expect) in [
            ("echo \"a @ b\"", Some("$X")),
            ("echo \"@b\"", Some("${X}")),
            ("echo @", Some("\"$X\"")),
            ("echo 'a' @", Some("\"$X\"")),
            ("echo 'a @'", None),
            ("# @", None),
            ("a=\"$(b \"@\")\"", None),
            ("bash -c \"@\"", None),
            ("cat <<E\n@\nE", None),
            ("x=`@`", None),
            ("a \\\" @", Some("\"$X\"")),
        ] {
            let at = script.find('@').unwrap_or_default();
            let uses = [Use { range: at..at + 1, name: "X".to_owned(), blanks: false }];
            let found = rewrite(script, &uses).map(|changed| changed.replace);
            assert_eq!(found.as_deref(), expect, "{script}");
        }
    }
}
