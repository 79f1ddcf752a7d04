//! The light tree: statements, calls with their arguments, blocks, and what calls and
//! blocks lie in expressions that are not understood further.

use std::ops::Range;

use super::lex::{Quote, Text};

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

/// Words whose head and block stand like a call's, and which end with the block.
pub const CONTROL: [&str; 10] =
    ["if", "else", "for", "while", "switch", "try", "catch", "finally", "do", "synchronized"];

impl Text {
    /// Whether it stands on several lines.
    pub fn is_triple(&self) -> bool {
        matches!(self.quote, Quote::TripleSingle | Quote::TripleDouble)
    }
}
