//! From tokens to the tree: where statements begin and end, and of what kind they are.

use std::ops::Range;

use super::lex::{Kind, Token, Tokens, tokens};
use super::tree::{Arg, Assign, CONTROL, Call, Method, Statement, Tree, Value};
use super::{Broken, MAX_DEPTH};

/// Deepest recursion of the reader: some steps for each level of brackets. What lies
/// deeper is left as it is.
pub(super) const MAX_STEPS: usize = 3 * MAX_DEPTH;

/// Reads a text.
///
/// # Errors
/// A bracket, string or comment does not close, or it is nested too deeply.
pub fn parse(text: &str) -> Result<Tree, Broken> {
    let Tokens { list, comments } = tokens(text)?;
    let parser = Parser { text, list: &list };
    Ok(Tree { statements: parser.statements(0, list.len(), 0), comments })
}

/// Words that start something which is no call.
pub(super) const NO_CALL: [&str; 16] = [
    "return",
    "new",
    "throw",
    "assert",
    "import",
    "package",
    "class",
    "interface",
    "enum",
    "case",
    "default",
    "break",
    "continue",
    "in",
    "instanceof",
    "as",
];

/// Words that declare, whatever follows.
const DECLARES: [&str; 8] =
    ["def", "final", "private", "public", "protected", "static", "var", "transient"];

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) list: &'a [Token],
}

impl Parser<'_> {
    pub(super) fn kind(&self, at: usize) -> Option<&Kind> {
        self.list.get(at).map(|token| &token.kind)
    }

    pub(super) fn start(&self, at: usize) -> usize {
        self.list.get(at).map_or(self.text.len(), |token| token.span.start)
    }

    /// Bytes of the tokens from `from` to before `to`.
    pub(super) fn bytes(&self, from: usize, to: usize) -> Range<usize> {
        let start = self.start(from);
        let end = to
            .checked_sub(1)
            .and_then(|last| self.list.get(last))
            .map_or(start, |token| token.span.end);
        start..end.max(start)
    }

    pub(super) fn source(&self, at: usize) -> &str {
        self.list.get(at).and_then(|token| self.text.get(token.span.clone())).unwrap_or_default()
    }

    pub(super) fn is_word(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Word))
    }

    pub(super) fn is_sign(&self, at: usize, sign: u8) -> bool {
        matches!(self.kind(at), Some(Kind::Sign(byte)) if *byte == sign)
    }

    pub(super) fn is_open(&self, at: usize, bracket: u8) -> bool {
        matches!(self.kind(at), Some(Kind::Open(byte, _)) if *byte == bracket)
    }

    pub(super) fn is_newline(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Newline))
    }

    /// The token behind this one, behind its partner if it opens something.
    pub(super) fn next(&self, at: usize) -> usize {
        match self.kind(at) {
            Some(Kind::Open(_, close)) if *close > at && *close < self.list.len() => close + 1,
            _ => at + 1,
        }
    }

    pub(super) fn skip_lines(&self, mut at: usize, to: usize) -> usize {
        while at < to && self.is_newline(at) {
            at += 1;
        }
        at
    }

    pub(super) fn statements(&self, from: usize, to: usize, depth: usize) -> Vec<Statement> {
        let mut found = Vec::new();
        let mut at = from;
        while at < to {
            if self.is_newline(at) || self.is_sign(at, b';') {
                at += 1;
                continue;
            }
            let (statement, next) = self.statement(at, to, depth);
            found.push(statement);
            at = next.max(at + 1);
        }
        found
    }

    /// Where the statement that starts here ends: at a `;` or a line's end, unless it
    /// goes on.
    pub(super) fn end(&self, from: usize, to: usize) -> usize {
        let mut at = from;
        while at < to {
            if self.is_sign(at, b';') {
                return at;
            }
            if self.is_newline(at) {
                let next = self.skip_lines(at, to);
                let before = at.checked_sub(1).filter(|before| *before >= from);
                let open_end = before.is_some_and(|before| {
                    matches!(self.kind(before), Some(Kind::Sign(byte)) if b",+-*/%=<>&|?:.^~".contains(byte))
                        && !self.is_step(before)
                });
                let goes_on = (self.is_sign(next, b'.') || self.is_sign(next, b'?')) && next < to;
                if !open_end && !goes_on {
                    return at;
                }
                at = next;
                continue;
            }
            at = self.next(at);
        }
        to
    }

    /// Whether this sign is the second of `++` or `--`.
    pub(super) fn is_step(&self, at: usize) -> bool {
        (self.is_sign(at, b'+') && at > 0 && self.is_sign(at - 1, b'+'))
            || (self.is_sign(at, b'-') && at > 0 && self.is_sign(at - 1, b'-'))
    }

    pub(super) fn statement(&self, from: usize, to: usize, depth: usize) -> (Statement, usize) {
        if depth > MAX_STEPS {
            return (Statement::Other { span: self.bytes(from, to), children: Vec::new() }, to);
        }
        if self.is_open(from, b'{') {
            let next = self.next(from);
            return (Statement::Block(self.block(from, depth + 1)), next);
        }
        if self.is_sign(from, b'@') {
            // An annotation: its name and, maybe, arguments. What it stands before is a
            // statement of its own.
            let (_, mut next) = self.name(from + 1, to);
            if self.is_open(next, b'(') && next < to {
                next = self.next(next);
            }
            let next = next.min(to).max(from + 1);
            return (Statement::Other { span: self.bytes(from, next), children: Vec::new() }, next);
        }
        if self.is_word(from) {
            let word = self.source(from);
            if CONTROL.contains(&word) {
                return self.control(from, to, depth);
            }
            if !NO_CALL.contains(&word) {
                if let Some(found) = self.declaration(from, to, depth) {
                    return found;
                }
                if let Some(found) = self.call_or_assign(from, to, depth, false) {
                    return found;
                }
            }
            if word == "case" || word == "default" {
                let mut at = from + 1;
                while at < to && !self.is_newline(at) && !self.is_sign(at, b':') {
                    at = self.next(at);
                }
                let end = (at + 1).min(to);
                return (
                    Statement::Other { span: self.bytes(from, end), children: Vec::new() },
                    end,
                );
            }
        }
        let end = self.end(from, to);
        let children = self.children(from, end, depth);
        (Statement::Other { span: self.bytes(from, end), children }, end)
    }

    /// `if (…) { … }` and the like; without braces, what follows is a statement of
    /// its own.
    pub(super) fn control(&self, from: usize, to: usize, depth: usize) -> (Statement, usize) {
        let name_span = self.bytes(from, from + 1);
        let mut call = Call {
            name: self.source(from).to_owned(),
            span: name_span.clone(),
            name_span,
            parens: None,
            args: Vec::new(),
            block: None,
            chain: Vec::new(),
        };
        let mut at = from + 1;
        if self.is_open(at, b'(') && at < to && call.name != "else" {
            let close = self.next(at) - 1;
            let value =
                Value::Other(self.bytes(at + 1, close), self.children(at + 1, close, depth + 1));
            call.parens = Some(self.bytes(at, close + 1));
            call.args.push(Arg { key: None, span: value.span(), value });
            at = close + 1;
            call.span.end = self.start(close) + 1;
        }
        let brace = self.skip_lines(at, to);
        if self.is_open(brace, b'{') && brace < to {
            let block = self.block(brace, depth + 1);
            call.span.end = block.span.end;
            call.block = Some(block);
            at = self.next(brace);
        }
        (Statement::Call(call), at)
    }

    /// `def a = …`, `String a`, `def name(…) { … }`.
    pub(super) fn declaration(
        &self,
        from: usize,
        to: usize,
        depth: usize,
    ) -> Option<(Statement, usize)> {
        let mut name = from;
        let mut words = 0;
        loop {
            if !self.is_word(name) || name >= to {
                break;
            }
            // A type may be dotted, and have parameters and brackets.
            let (_, mut after) = self.name(name, to);
            if self.is_sign(after, b'<') {
                let mut at = after;
                while at < to && at < after + 40 && !self.is_newline(at) && !self.is_sign(at, b'=')
                {
                    at += 1;
                    if self.is_sign(at - 1, b'>') && self.is_word(at) {
                        after = at;
                        break;
                    }
                }
            }
            if self.is_open(after, b'[') && self.next(after) == after + 2 && self.is_word(after + 2)
            {
                after += 2;
            }
            if self.is_word(after)
                && after < to
                && !["in", "as", "instanceof"].contains(&self.source(after))
            {
                words += 1;
                name = after;
                continue;
            }
            break;
        }
        let sure = DECLARES.contains(&self.source(from));
        if words == 0 {
            // `def (a, b) = …` declares several.
            if sure {
                let end = self.end(from, to);
                let children = self.children(from + 1, end, depth);
                return Some((Statement::Other { span: self.bytes(from, end), children }, end));
            }
            return None;
        }
        let target_span = self.bytes(name, name + 1);
        let target = self.source(name).to_owned();
        let after = name + 1;
        if self.is_open(after, b'(') && after < to {
            let mut brace = self.next(after);
            if self.is_word(brace) && self.source(brace) == "throws" {
                while brace < to && !self.is_open(brace, b'{') && !self.is_newline(brace) {
                    brace += 1;
                }
            }
            let brace = self.skip_lines(brace, to);
            if self.is_open(brace, b'{') && brace < to {
                let body = self.block(brace, depth + 1);
                let span = self.start(from)..body.span.end;
                return Some((
                    Statement::Method(Method { name: target, span, body }),
                    self.next(brace),
                ));
            }
            return None;
        }
        let assigned = self.is_sign(after, b'=')
            && !self.is_sign(after + 1, b'=')
            && !self.is_sign(after + 1, b'~');
        let bare = after >= to || self.is_newline(after) || self.is_sign(after, b';');
        // `agent any` and `checkout scm` look like declarations too.
        if !(assigned && after < to || bare && sure) {
            return None;
        }
        let end = if assigned { self.end(from, to) } else { after };
        let value = assigned.then(|| self.value(after + 1, end, depth + 1));
        let span = self.bytes(from, end);
        Some((Statement::Assign(Assign { target, declares: true, span, target_span, value }), end))
    }

    /// A dotted name, and the token behind it. `?.` and `*.` count as dots.
    pub(super) fn name(&self, from: usize, to: usize) -> (String, usize) {
        let mut name = self.source(from).to_owned();
        let mut at = from + 1;
        loop {
            let mut dot = self.skip_lines(at, to);
            if (self.is_sign(dot, b'?') || self.is_sign(dot, b'*')) && self.is_sign(dot + 1, b'.') {
                dot += 1;
            }
            let word = self.skip_lines(dot + 1, to);
            if word >= to || !self.is_sign(dot, b'.') || !self.is_word(word) {
                return (name, at);
            }
            name.push('.');
            name.push_str(self.source(word));
            at = word + 1;
        }
    }
}
