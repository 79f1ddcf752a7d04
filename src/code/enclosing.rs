//! Finds the function or type that a line of source belongs to, in any
//! language: by definition keywords, and by braces or indentation.
//!
//! It reads text as people lay it out and does not parse: one pass, no
//! grammar, and nothing breaks where code is unusual, it is only less exact.

use bstr::ByteSlice;
use memchr::{memchr, memchr2};

use super::header::{Style, code, header};
use super::lines::Lines;

/// A tab reaches the next column that is a multiple of this.
const TAB: u32 = 4;

/// A function, type, module or the like. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Where its name stands.
    pub header_line: u32,
    /// Its name; for an `impl`, what it is for.
    pub name: String,
    /// Its first line: the header's, or that of attributes right above.
    pub start: u32,
    /// Its last line.
    pub end: u32,
}

/// The innermost definition that holds `line` (from 1). For many lines of a
/// file, make an [`Outline`] once.
pub fn enclosing(text: &[u8], line: u32) -> Option<Definition> {
    Outline::new(text).enclosing(line).pop().cloned()
}

/// A file's definitions.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// In the order of their first lines; properly nested.
    definitions: Vec<Definition>,
    /// For each, the one around it.
    parents: Vec<Option<u32>>,
}

/// A definition whose end is not seen yet.
struct Open {
    index: usize,
    indent: u32,
    /// No brace seen: perhaps it is only a declaration.
    pending: bool,
}

impl Outline {
    /// Reads a file.
    pub fn new(text: &[u8]) -> Self {
        Outline::of(&Lines::new(text))
    }

    /// Reads a file whose lines are known.
    pub(crate) fn of(lines: &Lines<'_>) -> Self {
        let style = style(lines);
        let mut outline = Outline::default();
        let mut open: Vec<Open> = Vec::new();
        let mut verbatim = Verbatim::default();
        // The last line that holds code, and the first of the attributes right above.
        let (mut last, mut attributes) = (0u32, None);
        for (at, raw) in lines.from(0).enumerate() {
            let number = at as u32 + 1;
            let line = raw.trim_ascii();
            if line.is_empty() {
                attributes = None;
                continue;
            }
            if verbatim.covers(line, style) {
                last = number;
                continue;
            }
            if is_attribute(line, style) {
                attributes = attributes.or(Some(number));
                continue;
            }
            if is_comment(line) {
                continue;
            }
            let indent = indent(raw);
            let closer = closes(line, style);
            let found = if closer { None } else { header(lines, at, style) };
            outline.close(&mut open, indent, line, style, closer, found.is_some(), number, last);
            if let Some(found) = found {
                let index = outline.definitions.len();
                outline.parents.push(open.last().map(|open| open.index as u32));
                outline.definitions.push(Definition {
                    header_line: number,
                    name: found.name,
                    start: attributes.unwrap_or(number),
                    end: number,
                });
                if !found.single {
                    open.push(Open { index, indent, pending: found.pending });
                }
            }
            attributes = None;
            last = number;
        }
        for open in open {
            let definition = &mut outline.definitions[open.index];
            definition.end = if open.pending { definition.header_line } else { last };
        }
        outline
    }

    /// Ends the open definitions that this line ends.
    #[allow(clippy::too_many_arguments, reason = "one step of one loop, split off to be read")]
    fn close(
        &mut self,
        open: &mut Vec<Open>,
        indent: u32,
        line: &[u8],
        style: Style,
        closer: bool,
        starts_another: bool,
        number: u32,
        last: u32,
    ) {
        while let Some(top) = open.last_mut() {
            let Definition { header_line, end, .. } = &mut self.definitions[top.index];
            if closer {
                if top.indent < indent {
                    break;
                }
                // Both a block's last line and, at its own indentation, the definition's.
                let own = top.indent == indent;
                *end = if own { number } else { last };
                open.pop();
                if own {
                    break;
                }
                continue;
            }
            if style == Style::Indents {
                if top.indent < indent || line.starts_with(b")") {
                    break;
                }
                *end = last;
                open.pop();
                continue;
            }
            if top.pending {
                let text = code(line);
                if memchr(b'{', text).is_some() && !starts_another {
                    top.pending = false;
                    break;
                }
                if text.ends_with(b";") && !starts_another {
                    *end = number;
                    open.pop();
                    break;
                }
                if indent > top.indent && !starts_another || goes_on(line) {
                    break;
                }
                *end = *header_line;
                open.pop();
                continue;
            }
            if starts_another && top.indent >= indent {
                *end = last;
                open.pop();
                continue;
            }
            break;
        }
    }

    /// The definitions that hold `line` (from 1), the outermost first.
    pub fn enclosing(&self, line: u32) -> Vec<&Definition> {
        let before = self.definitions.partition_point(|definition| definition.start <= line);
        let mut at = before.checked_sub(1);
        let mut chain = Vec::new();
        while let Some(index) = at {
            let definition = &self.definitions[index];
            if definition.end >= line {
                chain.push(definition);
            }
            at = self.parents[index].map(|parent| parent as usize);
        }
        chain.reverse();
        chain
    }

    /// Every definition, in the order of their first lines.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }
}

/// Whether blocks end by braces or by indentation, by what most lines end with.
fn style(lines: &Lines<'_>) -> Style {
    let (mut braces, mut others) = (0u32, 0u32);
    for line in lines.from(0) {
        let line = line.trim_ascii_end();
        match line.last() {
            Some(b'{') => braces += 1,
            Some(b':') => {
                let line = line.trim_ascii_start();
                others += u32::from(!line.starts_with(b"case ") && !line.starts_with(b"default"));
            }
            Some(b'd' | b'i' | b'e') => {
                let ends = matches!(line.trim_ascii_start(), b"end" | b"fi" | b"done");
                others += u32::from(ends);
            }
            _ => {}
        }
    }
    if braces > others { Style::Braces } else { Style::Indents }
}

fn indent(line: &[u8]) -> u32 {
    let mut column = 0u32;
    for byte in line {
        match byte {
            b' ' => column += 1,
            b'\t' => column = (column / TAB + 1) * TAB,
            _ => break,
        }
    }
    column
}

fn is_comment(line: &[u8]) -> bool {
    line.starts_with(b"//")
        || line.starts_with(b"#")
        || line.starts_with(b"/*")
        || line.starts_with(b"--")
        || (line.starts_with(b"*") && !line.starts_with(b"**"))
}

fn is_attribute(line: &[u8], style: Style) -> bool {
    line.starts_with(b"#[")
        || (line.starts_with(b"@")
            && (style == Style::Indents || !line.ends_with(b"{"))
            && line.get(1).is_some_and(u8::is_ascii_alphabetic))
}

/// Whether a line begins with the end of a block.
fn closes(line: &[u8], style: Style) -> bool {
    match line[0] {
        b'}' => true,
        b'e' if style == Style::Indents && line.starts_with(b"end") => {
            line.get(3).is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
        }
        _ => false,
    }
}

/// Whether a line carries a signature on.
fn goes_on(line: &[u8]) -> bool {
    [
        &b")"[..],
        b"{",
        b"where",
        b"throws",
        b"extends",
        b"implements",
        b":",
        b"->",
        b">",
        b"noexcept",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

/// Text that is not code though it stands on lines of its own: block comments
/// and Python's long strings.
#[derive(Default)]
struct Verbatim {
    until: Option<&'static [u8]>,
}

impl Verbatim {
    /// Whether the line lies wholly inside such a text.
    fn covers(&mut self, line: &[u8], style: Style) -> bool {
        if let Some(end) = self.until {
            if let Some(at) = line.find(end) {
                self.until = None;
                // What is behind the end is code again, as a rule nothing.
                self.open(&line[at + end.len()..], style);
            }
            return true;
        }
        self.open(line, style);
        self.until.is_some() && line.starts_with(b"/*")
    }

    fn open(&mut self, line: &[u8], style: Style) {
        if line.starts_with(b"/*") && line.find(b"*/").is_none() {
            self.until = Some(b"*/");
        } else if style == Style::Indents && memchr2(b'"', b'\'', line).is_some() {
            for quotes in [&b"\"\"\""[..], b"'''"] {
                if line.find_iter(quotes).count() % 2 == 1 {
                    self.until = Some(if quotes[0] == b'"' { b"\"\"\"" } else { b"'''" });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
