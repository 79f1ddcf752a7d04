//! From tokens to the tree: calls, arguments, values, blocks.

use super::lex::{Kind, Text};
use super::parse::{MAX_STEPS, NO_CALL, Parser};
use super::tree::{Arg, Assign, Block, CONTROL, Call, Statement, Value};

/// Names behind a string that leave it what it is, but for blanks.
const TIDY: [&str; 3] = ["trim", "stripIndent", "stripMargin"];

impl Parser<'_> {
    /// A call or an assignment; with `whole`, only a call that reaches to the end.
    /// What it would be is told before anything in it is read: reading twice at every
    /// level would cost time without bound.
    pub(super) fn call_or_assign(
        &self,
        from: usize,
        to: usize,
        depth: usize,
        whole: bool,
    ) -> Option<(Statement, usize)> {
        let (name, mut at) = self.name(from, to);
        let name_span = self.bytes(from, at);
        // `a = …`, `a += …`, `a[…] = …`.
        let mut sign = at;
        while self.is_open(sign, b'[') && sign < to {
            sign = self.next(sign);
        }
        let compound =
            matches!(self.kind(sign), Some(Kind::Sign(byte)) if b"+-*/%|&".contains(byte));
        let equals = sign + usize::from(compound);
        let shifts = self.is_sign(sign, b'<') && self.is_sign(sign + 1, b'<');
        let assigns = self.is_sign(equals, b'=')
            && !self.is_sign(equals + 1, b'=')
            && !self.is_sign(equals + 1, b'~');
        if equals < to && (assigns || shifts) {
            if whole {
                return None;
            }
            let end = self.end(from, to);
            let value = self.value(if shifts { sign + 2 } else { equals + 1 }, end, depth + 1);
            let assign = Assign {
                target: name,
                declares: false,
                span: self.bytes(from, end),
                target_span: name_span,
                value: Some(value),
            };
            return Some((Statement::Assign(assign), end));
        }
        let mut call = Call {
            name,
            span: name_span.clone(),
            name_span,
            parens: None,
            args: Vec::new(),
            block: None,
            chain: Vec::new(),
        };
        if at >= to || self.is_newline(at) || self.is_sign(at, b';') {
            let brace = self.skip_lines(at, to);
            if self.is_open(brace, b'{') && brace < to && self.is_newline(at) {
                let block = self.block(brace, depth + 1);
                call.span.end = block.span.end;
                call.block = Some(block);
                at = self.next(brace);
            }
            return Some((Statement::Call(call), at));
        }
        if self.is_open(at, b'(') || self.is_open(at, b'{') {
            let (reach, block) = self.extent(at, to);
            let end = self.end(from, to);
            if whole && reach < to {
                return None;
            }
            if reach >= end || block {
                at = self.applied(&mut call, at, to, depth, true);
                return Some((Statement::Call(call), at));
            }
            // An operator follows: part of an expression.
            let children = self.children(from, end, depth);
            return Some((Statement::Other { span: self.bytes(from, end), children }, end));
        }
        // Arguments without parentheses: on the same line, and a value first.
        let value_first = match self.kind(at) {
            Some(Kind::Word) => !["in", "as", "instanceof"].contains(&self.source(at)),
            Some(Kind::Text(_) | Kind::Number) => true,
            Some(Kind::Open(b'[', _)) => {
                let before = at.checked_sub(1).and_then(|before| self.list.get(before));
                before.is_some_and(|before| before.span.end < self.start(at))
            }
            Some(Kind::Sign(b'!')) => !self.is_sign(at + 1, b'='),
            Some(Kind::Sign(b'-')) => matches!(self.kind(at + 1), Some(Kind::Number)),
            _ => false,
        };
        if !value_first {
            return None;
        }
        let end = self.end(from, to);
        if whole && end < to {
            return None;
        }
        call.args = self.args(at, end, depth + 1);
        if let Some(Arg { key: None, value: Value::Closure(_), .. }) = call.args.last()
            && let Some(Arg { value: Value::Closure(block), .. }) = call.args.pop()
        {
            call.block = Some(block);
        }
        call.span = self.bytes(from, end);
        Some((Statement::Call(call), end))
    }

    /// Where parentheses, block and what is called on the result end, and whether a
    /// block is the end: what [`Parser::applied`] would read.
    pub(super) fn extent(&self, from: usize, to: usize) -> (usize, bool) {
        let mut at = from;
        let mut first = true;
        loop {
            if self.is_open(at, b'(') && at < to {
                at = self.next(at);
            }
            let brace = self.skip_lines(at, to);
            let mut block = false;
            if self.is_open(brace, b'{') && brace < to && (brace == at || first) {
                block = true;
                at = self.next(brace);
            }
            first = false;
            let mut dot = self.skip_lines(at, to);
            if self.is_sign(dot, b'?') && self.is_sign(dot + 1, b'.') {
                dot += 1;
            }
            let word = self.skip_lines(dot + 1, to);
            if word >= to || !self.is_sign(dot, b'.') || !self.is_word(word) {
                return (at, block);
            }
            at = word + 1;
        }
    }

    /// Parentheses, block and what is called on the result; gives the token behind.
    pub(super) fn applied(
        &self,
        call: &mut Call,
        from: usize,
        to: usize,
        depth: usize,
        chain: bool,
    ) -> usize {
        let mut at = from;
        if self.is_open(at, b'(') && at < to {
            let close = self.next(at) - 1;
            call.args = self.args(at + 1, close, depth + 1);
            call.parens = Some(self.bytes(at, close + 1));
            call.span.end = self.start(close) + 1;
            at = close + 1;
        }
        let brace = self.skip_lines(at, to);
        if self.is_open(brace, b'{') && brace < to && (brace == at || chain) {
            let block = self.block(brace, depth + 1);
            call.span.end = block.span.end;
            call.block = Some(block);
            at = self.next(brace);
        } else if matches!(call.args.last(), Some(Arg { key: None, value: Value::Closure(_), .. }))
            && let Some(Arg { value: Value::Closure(block), .. }) = call.args.pop()
        {
            call.block = Some(block);
        }
        if !chain {
            return at;
        }
        loop {
            let mut dot = self.skip_lines(at, to);
            if self.is_sign(dot, b'?') && self.is_sign(dot + 1, b'.') {
                dot += 1;
            }
            let word = self.skip_lines(dot + 1, to);
            if word >= to || !self.is_sign(dot, b'.') || !self.is_word(word) {
                break;
            }
            let mut linked = Call {
                name: self.source(word).to_owned(),
                name_span: self.bytes(word, word + 1),
                span: self.bytes(word, word + 1),
                parens: None,
                args: Vec::new(),
                block: None,
                chain: Vec::new(),
            };
            at = self.applied(&mut linked, word + 1, to, depth, false);
            call.span.end = linked.span.end;
            call.chain.push(linked);
        }
        at
    }

    /// Arguments, or items, between commas.
    pub(super) fn args(&self, from: usize, to: usize, depth: usize) -> Vec<Arg> {
        let mut found = Vec::new();
        let mut at = from;
        while at < to {
            at = self.skip_lines(at, to);
            let mut end = at;
            while end < to && !self.is_sign(end, b',') {
                end = self.next(end);
            }
            let end = end.min(to);
            let mut last = end;
            while last > at && self.is_newline(last - 1) {
                last -= 1;
            }
            if last > at {
                found.push(self.arg(at, last, depth));
            }
            at = end + 1;
        }
        found
    }

    pub(super) fn arg(&self, from: usize, to: usize, depth: usize) -> Arg {
        let colon = self.next(from);
        let keyed = colon < to && self.is_sign(colon, b':');
        let key = keyed.then(|| match self.kind(from) {
            Some(Kind::Text(text)) => text.value.clone(),
            _ => self.source(from).to_owned(),
        });
        let start = if keyed { self.skip_lines(colon + 1, to) } else { from };
        Arg { key, span: self.bytes(from, to), value: self.value(start, to, depth) }
    }

    pub(super) fn value(&self, from: usize, to: usize, depth: usize) -> Value {
        let from = self.skip_lines(from, to);
        let mut to = to;
        while to > from && self.is_newline(to - 1) {
            to -= 1;
        }
        let span = self.bytes(from, to);
        if depth > MAX_STEPS || from >= to {
            return Value::Other(span, Vec::new());
        }
        let next = self.next(from);
        match self.kind(from) {
            Some(Kind::Text(text)) => {
                if next >= to || self.is_tidied(next, to) {
                    return Value::Text(text.as_ref().clone());
                }
                if let Some(texts) = self.joined(from, to) {
                    return Value::Joined(texts, span);
                }
            }
            Some(Kind::Number) if next >= to => {
                return Value::Number(self.source(from).to_owned(), span);
            }
            Some(Kind::Open(b'[', _)) if next >= to => {
                if next == from + 3 && self.is_sign(from + 1, b':') {
                    return Value::Map(Vec::new(), span);
                }
                let items = self.args(from + 1, next - 1, depth + 1);
                if items.iter().any(|item| item.key.is_some()) {
                    return Value::Map(items, span);
                }
                return Value::List(items.into_iter().map(|item| item.value).collect(), span);
            }
            Some(Kind::Open(b'{', _)) if next >= to => {
                return Value::Closure(self.block(from, depth + 1));
            }
            Some(Kind::Open(b'(', _)) if next >= to => {
                return self.value(from + 1, next - 1, depth + 1);
            }
            Some(Kind::Word) if !NO_CALL.contains(&self.source(from)) => {
                let (name, after) = self.name(from, to);
                if after >= to {
                    return Value::Name(name, span);
                }
                if let Some((Statement::Call(call), _)) =
                    self.call_or_assign(from, to, depth + 1, true)
                {
                    return Value::Call(Box::new(call));
                }
            }
            _ => {}
        }
        Value::Other(span, self.children(from, to, depth + 1))
    }

    /// Whether only `.trim()` and the like stand from here on.
    pub(super) fn is_tidied(&self, from: usize, to: usize) -> bool {
        let mut at = from;
        while at < to {
            at = self.skip_lines(at, to);
            let tidy = self.is_sign(at, b'.')
                && TIDY.contains(&self.source(at + 1))
                && self.is_open(at + 2, b'(')
                && self.next(at + 2) == at + 4;
            if !tidy {
                return false;
            }
            at += 4;
        }
        true
    }

    pub(super) fn joined(&self, from: usize, to: usize) -> Option<Vec<Text>> {
        let mut texts = Vec::new();
        let mut at = from;
        loop {
            at = self.skip_lines(at, to);
            let Some(Kind::Text(text)) = self.kind(at) else { return None };
            texts.push(text.as_ref().clone());
            at = self.skip_lines(at + 1, to);
            if at >= to {
                return Some(texts);
            }
            if !self.is_sign(at, b'+') {
                return None;
            }
            at += 1;
        }
    }

    /// Calls and blocks in an expression.
    pub(super) fn children(&self, from: usize, to: usize, depth: usize) -> Vec<Statement> {
        let mut found = Vec::new();
        if depth > MAX_STEPS {
            return found;
        }
        let mut at = from;
        while at < to {
            match self.kind(at) {
                Some(Kind::Open(b'{', _)) => {
                    found.push(Statement::Block(self.block(at, depth + 1)));
                    at = self.next(at);
                }
                Some(Kind::Open(..)) => {
                    let close = self.next(at) - 1;
                    found.extend(self.children(at + 1, close, depth + 1));
                    at = close + 1;
                }
                Some(Kind::Word) => {
                    let word = self.source(at);
                    let (name, after) = self.name(at, to);
                    let applies =
                        after < to && (self.is_open(after, b'(') || self.is_open(after, b'{'));
                    let command = after < to
                        && matches!(self.kind(after), Some(Kind::Text(_)))
                        && !NO_CALL.contains(&word)
                        && !CONTROL.contains(&word);
                    if applies && !NO_CALL.contains(&word) && !CONTROL.contains(&word) {
                        let span = self.bytes(at, after);
                        let mut call = Call {
                            name,
                            name_span: span.clone(),
                            span,
                            parens: None,
                            args: Vec::new(),
                            block: None,
                            chain: Vec::new(),
                        };
                        at = self.applied(&mut call, after, to, depth + 1, true).max(at + 1);
                        found.push(Statement::Call(call));
                    } else if command {
                        let (statement, next) = match self.call_or_assign(at, to, depth + 1, false)
                        {
                            Some(read) => read,
                            None => break,
                        };
                        found.push(statement);
                        at = next.max(at + 1);
                    } else if self.is_word(at) && after > at + 1 {
                        at = after;
                    } else {
                        at += 1;
                    }
                }
                _ => at += 1,
            }
        }
        found
    }

    pub(super) fn block(&self, brace: usize, depth: usize) -> Block {
        let close = self.next(brace) - 1;
        let span = self.bytes(brace, close + 1);
        let mut from = brace + 1;
        let mut params = Vec::new();
        // `{ a, b -> … }`: what stands before an arrow on its first line.
        let mut at = self.skip_lines(from, close);
        let first = at;
        while at < close && at < first + 60 && !self.is_newline(at) && !self.is_sign(at, b';') {
            if self.is_sign(at, b'-') && self.is_sign(at + 1, b'>') {
                params.extend(
                    (first..at).filter(|at| self.is_word(*at)).map(|at| self.source(at).to_owned()),
                );
                from = at + 2;
                break;
            }
            if self.is_open(at, b'{') {
                break;
            }
            at = self.next(at);
        }
        Block { span, params, statements: self.statements(from, close, depth) }
    }
}
