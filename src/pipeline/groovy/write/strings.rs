//! Edits of string literals.

use std::collections::HashSet;

use super::{begins_line, splice};
use crate::pipeline::edit::Op;
use crate::pipeline::graph::Span;
use crate::pipeline::groovy::lex::{Quote, Text};
use crate::pipeline::groovy::{Call, Statement, Value, each_call, parse};

/// Another text in the place of a string literal, in its quotes. `None` where no
/// string stands there, or one with values in it, or its quotes cannot hold the text.
pub fn replace_literal(text: &str, span: Span, new: &str) -> Option<Op> {
    let list = super::tokens(text).ok()?.list;
    let found = list.iter().find(|token| token.span == span.range())?;
    let super::Kind::Text(literal) = &found.kind else { return None };
    if literal.is_gstring() {
        return None;
    }
    let written = quoted(new, literal.quote)?;
    Some(splice(span.range(), written))
}

/// A text as a literal in these quotes.
fn quoted(new: &str, quote: Quote) -> Option<String> {
    let mut out = String::from(quote.open());
    for sign in new.chars() {
        match (sign, quote) {
            (_, Quote::Slashy | Quote::DollarSlashy) => return None,
            ('\\', _) => out.push_str("\\\\"),
            ('\'', Quote::Single | Quote::TripleSingle) => out.push_str("\\'"),
            ('"' | '$', Quote::Double | Quote::TripleDouble) => {
                out.push('\\');
                out.push(sign);
            }
            ('\n', Quote::Single | Quote::Double) => out.push_str("\\n"),
            ('\r', Quote::Single | Quote::Double) => out.push_str("\\r"),
            _ => out.push(sign),
        }
    }
    out.push_str(quote.close());
    Some(out)
}

/// Turns a script whose text Groovy fills in (`sh "deploy ${params.TARGET}"`) into one
/// that the shell fills in: `withEnv(["TARGET=${params.TARGET}"]) { sh 'deploy ${TARGET}' }`,
/// so that a value cannot become code. Values from `env` need no `withEnv`. `span` is
/// the literal's. `None` where another value than `params.X` or `env.X` stands in it,
/// where one stands in the shell's single quotes, in a comment or behind a backslash,
/// or the step is not `sh`.
pub fn unquote_values(text: &str, span: Span) -> Option<Vec<Op>> {
    let tree = parse(text).ok()?;
    let mut found: Option<(&Call, &Text)> = None;
    each_call(&tree.statements, &mut |call| {
        if call.name == "sh"
            && let Some(Value::Text(literal)) = call.arg("script")
            && literal.span == span.range()
        {
            found = Some((call, literal));
        }
    });
    let (call, literal) = found?;
    let quote = match literal.quote {
        Quote::Double => Quote::Single,
        Quote::TripleDouble => Quote::TripleSingle,
        _ => return None,
    };
    if literal.holes.is_empty() {
        return None;
    }
    let mut body = String::new();
    let mut shell = Shell::default();
    let mut at = literal.inner().start;
    let mut set: Vec<(String, String)> = Vec::new();
    for hole in &literal.holes {
        let between = text.get(at..hole.span.start)?;
        shell.pass(between);
        body.push_str(&requoted(between, quote)?);
        if !shell.expands() {
            return None;
        }
        let code = text.get(hole.code.clone())?.trim();
        let (from, name) = code.split_once('.')?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.is_empty()
            && !name.starts_with(|sign: char| sign.is_ascii_digit());
        match from {
            "params" if is_name => set.push((name.to_owned(), code.to_owned())),
            "env" if is_name => {}
            _ => return None,
        }
        body.push_str("${");
        body.push_str(name);
        body.push('}');
        at = hole.span.end;
    }
    let rest = text.get(at..literal.inner().end)?;
    body.push_str(&requoted(rest, quote)?);
    if body.ends_with('\'') && quote == Quote::TripleSingle && !body.ends_with("\\'") {
        body.pop();
        body.push_str("\\'");
    }
    let mut ops = vec![splice(span.range(), format!("{}{body}{}", quote.open(), quote.close()))];
    let mut seen = HashSet::new();
    set.retain(|(name, _)| seen.insert(name.clone()));
    if !set.is_empty() {
        // What sets a variable of that name nearer by would be lost.
        let entries: Vec<String> =
            set.iter().map(|(name, code)| format!("\"{name}=${{{code}}}\"")).collect();
        let start = call.span.start;
        let end = call.parens.as_ref().map_or(call.span.end, |parens| parens.end);
        let whole = is_statement(&tree.statements, call) && begins_line(text, start);
        if call.parens.is_none() && !whole {
            return None;
        }
        ops.insert(0, splice(start..start, format!("withEnv([{}]) {{ ", entries.join(", "))));
        ops.push(splice(end..end, " }"));
    }
    Some(ops)
}

/// The source of a piece of a string in double quotes, as it stands in single ones.
fn requoted(source: &str, quote: Quote) -> Option<String> {
    let mut out = String::new();
    let mut signs = source.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => match signs.next()? {
                kept @ ('$' | '"') => out.push(kept),
                other => {
                    out.push('\\');
                    out.push(other);
                }
            },
            '\'' if quote == Quote::Single => out.push_str("\\'"),
            other => out.push(other),
        }
    }
    (!out.contains("'''")).then_some(out)
}

/// Whether a call is a statement by itself.
fn is_statement(statements: &[Statement], call: &Call) -> bool {
    let mut found = false;
    let mut look = |block: &[Statement]| {
        found |= block.iter().any(|statement| {
            matches!(statement, Statement::Call(other) if other.span == call.span && other.chain.is_empty())
        });
    };
    look(statements);
    each_call(statements, &mut |outer| {
        if let Some(block) = &outer.block {
            look(&block.statements);
        }
    });
    found
}

/// What the shell makes of a value at this point of its text.
#[derive(Default)]
struct Shell {
    single: bool,
    double: bool,
    comment: bool,
    escaped: bool,
    heredoc: bool,
}

impl Shell {
    fn pass(&mut self, source: &str) {
        // A here-document may be quoted or not; it is left alone.
        self.heredoc |= source.contains("<<");
        let mut before = '\n';
        let mut signs = source.chars().peekable();
        while let Some(sign) = signs.next() {
            // Groovy's own escape of a quote or dollar sign.
            let sign = if sign == '\\' && matches!(signs.peek(), Some('"' | '\'' | '$')) {
                signs.next().unwrap_or(sign)
            } else {
                sign
            };
            if self.escaped {
                self.escaped = false;
            } else {
                match sign {
                    '\n' => self.comment = false,
                    _ if self.comment => {}
                    '\\' if !self.single => {
                        // In Groovy's source one backslash of the shell is two.
                        if signs.peek() == Some(&'\\') {
                            signs.next();
                        }
                        self.escaped = true;
                    }
                    '\'' if !self.double => self.single = !self.single,
                    '"' if !self.single => self.double = !self.double,
                    '#' if !self.single && !self.double && before.is_whitespace() => {
                        self.comment = true
                    }
                    _ => {}
                }
            }
            before = sign;
        }
    }

    fn expands(&self) -> bool {
        !(self.single || self.comment || self.escaped || self.heredoc)
    }
}
