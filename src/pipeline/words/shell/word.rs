//! Words: quotes, expansions, placeholders.

use super::{DEPTH, End, Place, Scanner, Shell, Word};

impl Scanner<'_> {
    /// A word; empty where none begins here.
    pub(super) fn word(&mut self, end: End, place: Place) -> Word {
        let start = self.at;
        let mut word = Word::default();
        while !self.done() {
            let skipped = self.continuation();
            if skipped > 0 {
                self.at += skipped;
                continue;
            }
            match (self.peek(0), self.peek(1)) {
                (b' ' | b'\t' | b'\r' | b'\n' | b'|' | b')' | 0, _) => break,
                (b'&', _) => break,
                (b';', _) if self.options.shell != Shell::Cmd => break,
                (b'<', _) if self.harness(0) => self.angle(&mut word.text),
                (b'<' | b'>', b'(') if self.posix() && start == self.at => {
                    let from = self.at;
                    self.at += 2;
                    self.enter(End::Paren, place, false, true);
                    self.raw(from, &mut word.text);
                }
                (b'<' | b'>', _) => break,
                (b'(', _) => {
                    if self.posix() && word.text.ends_with('=') && !word.quoted {
                        self.array(end, place, &mut word.text);
                    } else {
                        break;
                    }
                }
                (b'{' | b'}', _) if self.options.shell == Shell::PowerShell => {
                    if word.text.ends_with('@') {
                        let near = self.near();
                        let length = near.find('}').map_or(1, |length| length + 1);
                        self.at += length;
                    } else {
                        break;
                    }
                }
                (b'\\', _) if self.posix() => {
                    self.at += 1;
                    let char = self.char();
                    word.text.push(char);
                }
                (b'\'', _) if self.options.shell != Shell::Cmd && self.at < self.last_single => {
                    self.at += 1;
                    self.single(&mut word);
                }
                (b'"', _) if self.at < self.last_double => {
                    self.at += 1;
                    word.quoted = true;
                    self.double(end, place, &mut word.text);
                }
                (b'$', _) if self.options.shell != Shell::Cmd || self.peek(1) != b'\'' => {
                    self.dollar(place, &mut word.text);
                }
                (b'`', _) if self.posix() => {
                    if end == End::Tick {
                        break;
                    }
                    self.tick(place, &mut word.text);
                }
                _ => {
                    let char = self.char();
                    word.text.push(char);
                }
            }
        }
        word.span = start..self.at;
        word
    }

    fn raw(&self, from: usize, text: &mut String) {
        text.push_str(self.text.get(from..self.at).unwrap_or(""));
    }

    fn single(&mut self, word: &mut Word) {
        word.quoted = true;
        let ansi = word.text.ends_with('$');
        while !self.done() && self.peek(0) != b'\'' {
            if ansi && self.peek(0) == b'\\' {
                self.at += 1;
            }
            let char = self.char();
            word.text.push(char);
        }
        self.at += 1;
    }

    fn double(&mut self, end: End, place: Place, text: &mut String) {
        while !self.done() {
            match self.peek(0) {
                b'"' => break,
                b'\\' if self.posix() => {
                    let next = self.peek(1);
                    if next == b'\n' {
                        self.at += 2;
                        continue;
                    }
                    if matches!(next, b'"' | b'\\' | b'$' | b'`') {
                        self.at += 1;
                    }
                    let char = self.char();
                    text.push(char);
                }
                b'$' => self.dollar(place, text),
                b'`' if self.posix() && end != End::Tick => self.tick(place, text),
                b'`' if self.options.shell == Shell::PowerShell => {
                    self.at += 1;
                    let char = self.char();
                    text.push(char);
                }
                _ => {
                    let char = self.char();
                    text.push(char);
                }
            }
        }
        self.at = (self.at + 1).min(self.bytes.len());
    }

    fn tick(&mut self, place: Place, text: &mut String) {
        if self.at >= self.last_tick || place.depth >= DEPTH {
            self.at += 1;
            text.push('`');
            return;
        }
        let from = self.at;
        self.at += 1;
        self.enter(End::Tick, place, false, true);
        self.raw(from, text);
    }

    fn array(&mut self, end: End, place: Place, text: &mut String) {
        let from = self.at;
        self.at += 1;
        while !self.done() && self.peek(0) != b')' {
            let before = self.at;
            self.blanks_and_lines();
            if place.depth < DEPTH {
                let deeper = Place { depth: place.depth + 1, ..place };
                self.word(end, deeper);
            }
            if self.at == before && self.peek(0) != b')' {
                self.char();
            }
        }
        self.at = (self.at + 1).min(self.bytes.len());
        self.raw(from, text);
    }

    /// `<+…>` of Harness, which nests.
    fn angle(&mut self, text: &mut String) {
        let from = self.at;
        let mut open = 0_usize;
        for (offset, byte) in self.near().bytes().enumerate() {
            match byte {
                b'<' => open += 1,
                b'>' => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        self.at = from + offset + 1;
                        return self.raw(from, text);
                    }
                }
                b'\n' => break,
                _ => {}
            }
        }
        self.at += 2;
        text.push_str("<+");
    }

    fn dollar(&mut self, place: Place, text: &mut String) {
        let from = self.at;
        let near = self.near();
        if near.starts_with("${{") {
            let length = near.find("}}").map_or(3, |length| length + 2);
            self.at += length;
        } else if near.starts_with("$[") || near.starts_with("$((") {
            let close = if near.starts_with("$[") { "]" } else { "))" };
            self.at += near.find(close).map_or(2, |length| length + close.len());
        } else if near.starts_with("${") {
            self.at += braces(near).unwrap_or(2);
        } else if near.starts_with("$(") {
            if let Some(length) = placeholder(near, self.options.macros) {
                self.at += length;
            } else if self.options.shell == Shell::Cmd || place.depth >= DEPTH {
                self.at += 2;
            } else {
                self.at += 2;
                self.enter(End::Paren, place, false, true);
            }
        } else {
            self.at += 1;
        }
        self.raw(from, text);
    }
}

/// The length of `${…}`, inner ones counted.
fn braces(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => {
                open = open.saturating_sub(1);
                if open == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The length of `$(Build.SourceVersion)`; a name without dot only where the platform
/// has such placeholders.
fn placeholder(text: &str, macros: bool) -> Option<usize> {
    let inner = text.get(2..)?;
    let length = inner
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        .count();
    let name = inner.get(..length)?;
    let closed = inner.as_bytes().get(length) == Some(&b')') && !name.is_empty();
    (closed && (macros || name.contains('.'))).then_some(length + 3)
}
