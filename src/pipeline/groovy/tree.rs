//! The light tree: statements, calls with their arguments, blocks, and what calls and
//! blocks lie in expressions that are not understood further.

use std::ops::Range;

use super::lex::{Kind, Quote, Text, Token, Tokens, tokens};
use super::{Broken, MAX_DEPTH};

/// Deepest recursion of the reader: some steps for each level of brackets. What lies
/// deeper is left as it is.
const MAX_STEPS: usize = 3 * MAX_DEPTH;

/// A whole text.
#[derive(Debug, Default)]
pub struct Tree {
    /// Its statements.
    pub statements: Vec<Statement>,
    /// Its comments, with their signs, in order.
    pub comments: Vec<Range<usize>>,
}

/// `{ … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// With its braces.
    pub span: Range<usize>,
    /// What it declares before `->`.
    pub params: Vec<String>,
    /// What stands in it.
    pub statements: Vec<Statement>,
}

impl Block {
    /// Its bytes between the braces.
    pub fn inner(&self) -> Range<usize> {
        self.span.start + 1..self.span.end.saturating_sub(1)
    }

    /// Its calls, those in expressions left out.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.statements.iter().filter_map(Statement::call)
    }

    /// The first call of this name.
    pub fn find(&self, name: &str) -> Option<&Call> {
        self.calls().find(|call| call.name == name)
    }
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// A call: `sh 'make'`, `timeout(time: 5) { … }`, `agent any`, `checkout`, and
    /// control words with their head and block: `if (x) { … }`.
    Call(Call),
    /// `a.b = …`, `def a = …`, `a += …`.
    Assign(Assign),
    /// `def name(…) { … }`.
    Method(Method),
    /// Anything else, with the calls and blocks in it.
    Other {
        /// Its bytes.
        span: Range<usize>,
        /// Calls and blocks in it, in order.
        children: Vec<Statement>,
    },
    /// A block by itself.
    Block(Block),
}

impl Statement {
    /// Its bytes.
    pub fn span(&self) -> Range<usize> {
        match self {
            Statement::Call(call) => call.span.clone(),
            Statement::Assign(assign) => assign.span.clone(),
            Statement::Method(method) => method.span.clone(),
            Statement::Other { span, .. } => span.clone(),
            Statement::Block(block) => block.span.clone(),
        }
    }

    /// The call that it is.
    pub fn call(&self) -> Option<&Call> {
        match self {
            Statement::Call(call) => Some(call),
            _ => None,
        }
    }
}

/// A name with arguments and, maybe, a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its name, dots and all: `docker.build`.
    pub name: String,
    /// Where the name stands.
    pub name_span: Range<usize>,
    /// From its name to the end of its block or arguments.
    pub span: Range<usize>,
    /// The parentheses, where it has some.
    pub parens: Option<Range<usize>>,
    /// Its arguments. A block behind the parentheses, or as last argument, is none.
    pub args: Vec<Arg>,
    /// Its block.
    pub block: Option<Block>,
    /// What is called on its result: `.inside { … }`, `.trim()`.
    pub chain: Vec<Call>,
}

impl Call {
    /// The argument with this key.
    pub fn named(&self, key: &str) -> Option<&Value> {
        self.args.iter().find(|arg| arg.key.as_deref() == Some(key)).map(|arg| &arg.value)
    }

    /// The first argument without a key.
    pub fn first(&self) -> Option<&Value> {
        self.args.iter().find(|arg| arg.key.is_none()).map(|arg| &arg.value)
    }

    /// The argument with this key, or else the first without one.
    pub fn arg(&self, key: &str) -> Option<&Value> {
        self.named(key).or_else(|| self.first())
    }

    /// Its bytes without its block.
    pub fn head(&self) -> Range<usize> {
        let end = self.parens.as_ref().map(|parens| parens.end);
        let end = end.or_else(|| self.args.last().map(|arg| arg.span.end));
        self.name_span.start..end.unwrap_or(self.name_span.end)
    }
}

/// An argument.
#[derive(Debug, Clone, PartialEq)]
pub struct Arg {
    /// Its key, of `key: value`.
    pub key: Option<String>,
    /// With its key.
    pub span: Range<usize>,
    /// Its value.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A string.
    Text(Text),
    /// Strings joined by `+`.
    Joined(Vec<Text>, Range<usize>),
    /// A name, dots and all, or `true`, `false`, `null`.
    Name(String, Range<usize>),
    /// A number, as written.
    Number(String, Range<usize>),
    /// `[a, b]`.
    List(Vec<Value>, Range<usize>),
    /// `[key: value]`.
    Map(Vec<Arg>, Range<usize>),
    /// A call.
    Call(Box<Call>),
    /// A closure.
    Closure(Block),
    /// Anything else, with the calls and blocks in it.
    Other(Range<usize>, Vec<Statement>),
}

impl Value {
    /// Its bytes.
    pub fn span(&self) -> Range<usize> {
        match self {
            Value::Text(text) => text.span.clone(),
            Value::Joined(_, span)
            | Value::Name(_, span)
            | Value::Number(_, span)
            | Value::List(_, span)
            | Value::Map(_, span)
            | Value::Other(span, _) => span.clone(),
            Value::Call(call) => call.span.clone(),
            Value::Closure(block) => block.span.clone(),
        }
    }

    /// Its text, if it is a string literal; values in it are left as written.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(&text.value),
            _ => None,
        }
    }

    /// The string literals in it.
    pub fn texts(&self) -> &[Text] {
        match self {
            Value::Text(text) => std::slice::from_ref(text),
            Value::Joined(texts, _) => texts,
            _ => &[],
        }
    }
}

/// An assignment.
#[derive(Debug, Clone, PartialEq)]
pub struct Assign {
    /// What is assigned to, dots and all; of `a[…]`, `a`.
    pub target: String,
    /// Whether the name is declared here (`def`, a type).
    pub declares: bool,
    /// All of it.
    pub span: Range<usize>,
    /// Where the target stands.
    pub target_span: Range<usize>,
    /// What is assigned; `None` for a bare declaration.
    pub value: Option<Value>,
}

/// A method that the file defines.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// All of it.
    pub span: Range<usize>,
    /// What it does.
    pub body: Block,
}

/// Reads a text.
///
/// # Errors
/// A bracket, string or comment does not close, or it is nested too deeply.
pub fn parse(text: &str) -> Result<Tree, Broken> {
    let Tokens { list, comments } = tokens(text)?;
    let parser = Parser { text, list: &list };
    Ok(Tree { statements: parser.statements(0, list.len(), 0), comments })
}

/// Words whose head and block stand like a call's, and which end with the block.
pub const CONTROL: [&str; 10] =
    ["if", "else", "for", "while", "switch", "try", "catch", "finally", "do", "synchronized"];

/// Words that start something which is no call.
const NO_CALL: [&str; 16] = [
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

/// Names behind a string that leave it what it is, but for blanks.
const TIDY: [&str; 3] = ["trim", "stripIndent", "stripMargin"];

struct Parser<'a> {
    text: &'a str,
    list: &'a [Token],
}

impl Parser<'_> {
    fn kind(&self, at: usize) -> Option<&Kind> {
        self.list.get(at).map(|token| &token.kind)
    }

    fn start(&self, at: usize) -> usize {
        self.list.get(at).map_or(self.text.len(), |token| token.span.start)
    }

    /// Bytes of the tokens from `from` to before `to`.
    fn bytes(&self, from: usize, to: usize) -> Range<usize> {
        let start = self.start(from);
        let end = to
            .checked_sub(1)
            .and_then(|last| self.list.get(last))
            .map_or(start, |token| token.span.end);
        start..end.max(start)
    }

    fn source(&self, at: usize) -> &str {
        self.list.get(at).and_then(|token| self.text.get(token.span.clone())).unwrap_or_default()
    }

    fn is_word(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Word))
    }

    fn is_sign(&self, at: usize, sign: u8) -> bool {
        matches!(self.kind(at), Some(Kind::Sign(byte)) if *byte == sign)
    }

    fn is_open(&self, at: usize, bracket: u8) -> bool {
        matches!(self.kind(at), Some(Kind::Open(byte, _)) if *byte == bracket)
    }

    fn is_newline(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Newline))
    }

    /// The token behind this one, behind its partner if it opens something.
    fn next(&self, at: usize) -> usize {
        match self.kind(at) {
            Some(Kind::Open(_, close)) if *close > at && *close < self.list.len() => close + 1,
            _ => at + 1,
        }
    }

    fn skip_lines(&self, mut at: usize, to: usize) -> usize {
        while at < to && self.is_newline(at) {
            at += 1;
        }
        at
    }

    fn statements(&self, from: usize, to: usize, depth: usize) -> Vec<Statement> {
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
    fn end(&self, from: usize, to: usize) -> usize {
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
    fn is_step(&self, at: usize) -> bool {
        (self.is_sign(at, b'+') && at > 0 && self.is_sign(at - 1, b'+'))
            || (self.is_sign(at, b'-') && at > 0 && self.is_sign(at - 1, b'-'))
    }

    fn statement(&self, from: usize, to: usize, depth: usize) -> (Statement, usize) {
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
    fn control(&self, from: usize, to: usize, depth: usize) -> (Statement, usize) {
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
    fn declaration(&self, from: usize, to: usize, depth: usize) -> Option<(Statement, usize)> {
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
    fn name(&self, from: usize, to: usize) -> (String, usize) {
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

    /// A call or an assignment; with `whole`, only a call that reaches to the end.
    /// What it would be is told before anything in it is read: reading twice at every
    /// level would cost time without bound.
    fn call_or_assign(
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
    fn extent(&self, from: usize, to: usize) -> (usize, bool) {
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
    fn applied(&self, call: &mut Call, from: usize, to: usize, depth: usize, chain: bool) -> usize {
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
        while chain {
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
    fn args(&self, from: usize, to: usize, depth: usize) -> Vec<Arg> {
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

    fn arg(&self, from: usize, to: usize, depth: usize) -> Arg {
        let colon = self.next(from);
        let keyed = colon < to && self.is_sign(colon, b':');
        let key = keyed.then(|| match self.kind(from) {
            Some(Kind::Text(text)) => text.value.clone(),
            _ => self.source(from).to_owned(),
        });
        let start = if keyed { self.skip_lines(colon + 1, to) } else { from };
        Arg { key, span: self.bytes(from, to), value: self.value(start, to, depth) }
    }

    fn value(&self, from: usize, to: usize, depth: usize) -> Value {
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
    fn is_tidied(&self, from: usize, to: usize) -> bool {
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

    fn joined(&self, from: usize, to: usize) -> Option<Vec<Text>> {
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
    fn children(&self, from: usize, to: usize, depth: usize) -> Vec<Statement> {
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

    fn block(&self, brace: usize, depth: usize) -> Block {
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

impl Text {
    /// Whether it stands on several lines.
    pub fn is_triple(&self) -> bool {
        matches!(self.quote, Quote::TripleSingle | Quote::TripleDouble)
    }
}
