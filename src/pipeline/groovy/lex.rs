//! From bytes to tokens: words, strings, brackets with their partners. The rules are
//! those of Groovy 2.4, which Jenkins runs, as its language documentation gives them
//! (groovy-lang.org, "Syntax").

use std::ops::Range;

use super::{Broken, MAX_DEPTH, line_of};

/// A token; comments and blanks are none.
#[derive(Debug)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub span: Range<usize>,
}

/// What a token is.
#[derive(Debug)]
pub enum Kind {
    /// A name or keyword.
    Word,
    /// A number.
    Number,
    /// A string.
    Text(Box<Text>),
    /// `(`, `[` or `{`, with the place of its partner among the tokens.
    Open(u8, usize),
    /// `)`, `]` or `}`.
    Close(u8),
    /// Any other sign, one byte (or one character beyond ASCII that is no letter).
    Sign(u8),
    /// The end of a line.
    Newline,
}

/// How a string is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quote {
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `'''…'''`
    TripleSingle,
    /// `"""…"""`
    TripleDouble,
    /// `/…/`
    Slashy,
    /// `$/…/$`
    DollarSlashy,
}

impl Quote {
    /// What opens it.
    pub fn open(self) -> &'static str {
        match self {
            Quote::Single => "'",
            Quote::Double => "\"",
            Quote::TripleSingle => "'''",
            Quote::TripleDouble => "\"\"\"",
            Quote::Slashy => "/",
            Quote::DollarSlashy => "$/",
        }
    }

    /// What closes it.
    pub fn close(self) -> &'static str {
        match self {
            Quote::DollarSlashy => "/$",
            other => other.open(),
        }
    }

    /// Whether `${…}` and `$name` stand for values in it.
    pub fn interpolates(self) -> bool {
        !matches!(self, Quote::Single | Quote::TripleSingle)
    }
}

/// A string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its bytes with the quotes.
    pub span: Range<usize>,
    /// How it is quoted.
    pub quote: Quote,
    /// Its text: escapes undone, values left as they are written (`${params.X}`).
    pub value: String,
    /// Its values.
    pub holes: Vec<Hole>,
}

impl Text {
    /// Its bytes between the quotes.
    pub fn inner(&self) -> Range<usize> {
        let (open, close) = (self.quote.open().len(), self.quote.close().len());
        self.span.start + open..self.span.end - close
    }

    /// Whether it is computed at run time.
    pub fn is_gstring(&self) -> bool {
        !self.holes.is_empty()
    }
}

/// A value in a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Its bytes: `${params.X}` or `$name.part`.
    pub span: Range<usize>,
    /// The bytes of the expression alone.
    pub code: Range<usize>,
}

/// Tokens of a whole text.
#[derive(Debug, Default)]
pub struct Tokens {
    /// In order. Those inside the values of strings are not among them.
    pub list: Vec<Token>,
    /// Comments, with their signs, in order, those in strings' values too.
    pub comments: Vec<Range<usize>>,
}

/// Reads a text.
///
/// # Errors
/// A bracket, string or comment does not close, or it is nested too deeply.
pub fn tokens(text: &str) -> Result<Tokens, Broken> {
    let mut lexer =
        Lexer { text, bytes: text.as_bytes(), at: 0, comments: Vec::new(), no_slash: usize::MAX };
    if text.starts_with('\u{feff}') {
        lexer.at = '\u{feff}'.len_utf8();
    }
    if lexer.rest().starts_with(b"#!") {
        lexer.skip_line();
    }
    let list = lexer.code(0, None)?;
    Ok(Tokens { list, comments: lexer.comments })
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    comments: Vec<Range<usize>>,
    /// From here on no slash is left that could close a string.
    no_slash: usize,
}

/// Words that may stand before an expression, so that a slash behind them opens a string.
const BEFORE_EXPRESSION: [&str; 12] = [
    "return",
    "in",
    "case",
    "assert",
    "throw",
    "else",
    "do",
    "instanceof",
    "as",
    "new",
    "if",
    "while",
];

pub(super) fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$' || byte >= 0x80
}

pub(super) fn is_word(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit()
}

impl Lexer<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn skip_line(&mut self) {
        self.at += memchr::memchr(b'\n', self.rest()).unwrap_or(self.bytes.len() - self.at);
    }

    fn slice(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }

    fn broken(&self, at: usize, why: impl Into<String>) -> Broken {
        Broken { at, line: line_of(self.text, at), why: why.into() }
    }

    /// Code up to the end of the text, or, inside a string's value, up to the brace
    /// that closes it, which is not passed.
    fn code(&mut self, depth: usize, hole: Option<usize>) -> Result<Vec<Token>, Broken> {
        if depth > MAX_DEPTH {
            return Err(
                self.broken(self.at, format!("it is nested deeper than {MAX_DEPTH} levels"))
            );
        }
        let mut list: Vec<Token> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        while let Some(byte) = self.peek(0) {
            let start = self.at;
            match byte {
                b'\n' => {
                    self.at += 1;
                    list.push(Token { kind: Kind::Newline, span: start..self.at });
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c | 0 => self.at += 1,
                b'\\' if matches!(self.peek(1), Some(b'\n' | b'\r')) => {
                    // A line that goes on in the next.
                    self.at += 1 + usize::from(self.peek(1) == Some(b'\r'));
                    self.at += usize::from(self.peek(0) == Some(b'\n'));
                }
                b'/' if self.peek(1) == Some(b'/') => {
                    self.skip_line();
                    let mut end = self.at;
                    end -= usize::from(self.bytes.get(end.wrapping_sub(1)) == Some(&b'\r'));
                    self.comments.push(start..end);
                }
                b'/' if self.peek(1) == Some(b'*') => {
                    let body = self.bytes.get(start + 2..).unwrap_or_default();
                    let Some(end) = memchr::memmem::find(body, b"*/") else {
                        return Err(
                            self.broken(start, "the comment that starts here is never closed")
                        );
                    };
                    self.at = start + 2 + end + 2;
                    self.comments.push(start..self.at);
                }
                b'\'' | b'"' => {
                    let triple = self.rest().starts_with(&[byte; 3]);
                    let quote = match (byte, triple) {
                        (b'\'', false) => Quote::Single,
                        (b'\'', true) => Quote::TripleSingle,
                        (_, false) => Quote::Double,
                        (_, true) => Quote::TripleDouble,
                    };
                    list.push(self.string(quote, depth + open.len())?);
                }
                b'$' if self.peek(1) == Some(b'/') && self.expression_may_start(&list) => {
                    list.push(self.string(Quote::DollarSlashy, depth + open.len())?);
                }
                b'/' if self.slash_opens(&list) => {
                    list.push(self.string(Quote::Slashy, depth + open.len())?);
                }
                b'(' | b'[' | b'{' => {
                    if depth + open.len() >= MAX_DEPTH {
                        return Err(self.broken(
                            start,
                            format!("it is nested deeper than {MAX_DEPTH} levels"),
                        ));
                    }
                    open.push(list.len());
                    self.at += 1;
                    list.push(Token { kind: Kind::Open(byte, usize::MAX), span: start..self.at });
                }
                b')' | b']' | b'}' => {
                    let Some(opened) = open.pop() else {
                        if byte == b'}' && hole.is_some() {
                            return Ok(list);
                        }
                        return Err(
                            self.broken(start, format!("`{}` closes nothing", char::from(byte)))
                        );
                    };
                    let partner = list.len();
                    if let Some(Token { kind: Kind::Open(left, place), span }) =
                        list.get_mut(opened)
                    {
                        let wanted = match left {
                            b'(' => b')',
                            b'[' => b']',
                            _ => b'}',
                        };
                        if wanted != byte {
                            let (left, at) = (char::from(*left), span.start);
                            let line = line_of(self.text, at);
                            let why = format!(
                                "`{}` stands where the `{left}` of line {line} wants `{}`",
                                char::from(byte),
                                char::from(wanted)
                            );
                            return Err(self.broken(start, why));
                        }
                        *place = partner;
                    }
                    self.at += 1;
                    list.push(Token { kind: Kind::Close(byte), span: start..self.at });
                }
                _ if is_word_start(byte) => {
                    while self.peek(0).is_some_and(is_word) {
                        self.at += 1;
                    }
                    list.push(Token { kind: Kind::Word, span: start..self.at });
                }
                b'0'..=b'9' => {
                    while self
                        .peek(0)
                        .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                        || (self.peek(0) == Some(b'.')
                            && self.peek(1).is_some_and(|byte| byte.is_ascii_digit()))
                    {
                        self.at += 1;
                    }
                    list.push(Token { kind: Kind::Number, span: start..self.at });
                }
                _ => {
                    self.at += 1;
                    list.push(Token { kind: Kind::Sign(byte), span: start..self.at });
                }
            }
        }
        if let Some(start) = hole {
            return Err(self.broken(start, "the `${` that starts here is never closed"));
        }
        match open.pop().and_then(|place| list.get(place)) {
            Some(Token { kind: Kind::Open(byte, _), span }) => {
                let (byte, at) = (char::from(*byte), span.start);
                Err(self.broken(at, format!("the `{byte}` that stands here is never closed")))
            }
            _ => Ok(list),
        }
    }

    /// Whether an expression may start behind these tokens: what tells a slashy
    /// string from a division.
    fn expression_may_start(&self, list: &[Token]) -> bool {
        match list.last() {
            None => true,
            Some(token) => match &token.kind {
                Kind::Newline | Kind::Open(..) => true,
                Kind::Number | Kind::Text(_) | Kind::Close(_) => false,
                Kind::Sign(byte) => {
                    // `i++ / 2` divides.
                    let twice = list.len() >= 2
                        && matches!(list.get(list.len() - 2), Some(Token { kind: Kind::Sign(other), .. }) if other == byte);
                    !(twice && matches!(byte, b'+' | b'-'))
                }
                Kind::Word => BEFORE_EXPRESSION.contains(&self.slice(token.span.clone())),
            },
        }
    }

    fn slash_opens(&mut self, list: &[Token]) -> bool {
        if !self.expression_may_start(list) || self.at >= self.no_slash {
            return false;
        }
        // Without a slash to close it, it is an operator at an odd place.
        if memchr::memchr(b'/', self.bytes.get(self.at + 1..).unwrap_or_default()).is_none() {
            self.no_slash = self.at;
            return false;
        }
        true
    }

    /// A string from its opening quote on.
    fn string(&mut self, quote: Quote, depth: usize) -> Result<Token, Broken> {
        let start = self.at;
        self.at += quote.open().len();
        let close = quote.close().as_bytes();
        let mut value = String::new();
        let mut holes = Vec::new();
        let mut plain = self.at;
        loop {
            let Some(byte) = self.peek(0) else {
                return Err(self.broken(start, "the string that starts here is never closed"));
            };
            if byte == b'$'
                && quote == Quote::DollarSlashy
                && matches!(self.peek(1), Some(b'$' | b'/'))
            {
                value.push_str(self.slice(plain..self.at));
                value.push(if self.peek(1) == Some(b'$') { '$' } else { '/' });
                self.at += 2;
                plain = self.at;
                continue;
            }
            if self.rest().starts_with(close) {
                value.push_str(self.slice(plain..self.at));
                self.at += close.len();
                break;
            }
            match byte {
                b'\n' if matches!(quote, Quote::Single | Quote::Double) => {
                    return Err(
                        self.broken(start, "the string that starts here is not closed on its line")
                    );
                }
                b'\\' if quote == Quote::DollarSlashy => self.at += 1,
                b'\\' if quote == Quote::Slashy => {
                    if self.peek(1) == Some(b'/') {
                        value.push_str(self.slice(plain..self.at));
                        plain = self.at + 1;
                        self.at += 2;
                    } else {
                        self.at += 1;
                    }
                }
                b'\\' => {
                    value.push_str(self.slice(plain..self.at));
                    self.escape(&mut value);
                    plain = self.at;
                }
                b'$' if quote.interpolates() => {
                    if let Some(hole) = self.hole(depth)? {
                        holes.push(hole);
                    }
                }
                _ => self.at += 1,
            }
        }
        let span = start..self.at;
        let text = Text { span: span.clone(), quote, value, holes };
        Ok(Token { kind: Kind::Text(Box::new(text)), span })
    }

    /// A backslash in a quoted string, with what belongs to it.
    fn escape(&mut self, value: &mut String) {
        let next = self.text.get(self.at + 1..).and_then(|rest| rest.chars().next());
        self.at += 1 + next.map_or(0, char::len_utf8);
        match next {
            Some('n') => value.push('\n'),
            Some('t') => value.push('\t'),
            Some('r') => value.push('\r'),
            Some('b') => value.push('\u{8}'),
            Some('f') => value.push('\u{c}'),
            Some('\r') if self.peek(0) == Some(b'\n') => self.at += 1,
            Some('\n') => {}
            Some('u') => {
                let code = self.text.get(self.at..self.at + 4);
                let read = code
                    .and_then(|code| u32::from_str_radix(code, 16).ok())
                    .and_then(char::from_u32);
                if let Some(read) = read {
                    value.push(read);
                    self.at += 4;
                } else {
                    value.push_str("\\u");
                }
            }
            Some(other) => value.push(other),
            None => value.push('\\'),
        }
    }

    /// A dollar sign in a string that takes values. The text of the value stays part
    /// of the string's own.
    fn hole(&mut self, depth: usize) -> Result<Option<Hole>, Broken> {
        let start = self.at;
        match self.peek(1) {
            Some(b'{') => {
                self.at += 2;
                let code = self.at;
                self.code(depth + 1, Some(start))?;
                let end = self.at;
                self.at += 1;
                Ok(Some(Hole { span: start..self.at, code: code..end }))
            }
            Some(byte) if is_word_start(byte) && byte != b'$' => {
                self.at += 1;
                loop {
                    while self.peek(0).is_some_and(|byte| is_word(byte) && byte != b'$') {
                        self.at += 1;
                    }
                    let dotted = self.peek(0) == Some(b'.')
                        && self.peek(1).is_some_and(|byte| is_word_start(byte) && byte != b'$');
                    if !dotted {
                        break;
                    }
                    self.at += 1;
                }
                Ok(Some(Hole { span: start..self.at, code: start + 1..self.at }))
            }
            _ => {
                self.at += 1;
                Ok(None)
            }
        }
    }
}
