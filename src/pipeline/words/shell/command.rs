//! Simple commands: keywords, assignments, words, redirections.

use super::{Command, End, Pending, Place, Scanner, Shell, Word, is_word};

impl Scanner<'_> {
    pub(super) fn command(
        &mut self,
        end: End,
        place: Place,
        condition: &mut bool,
        cases: &mut usize,
    ) {
        let mut command = Command { nested: place.nested, ..Command::default() };
        command.span = self.at..self.at;
        let mut heredocs = Vec::new();
        let mut keep = true;
        loop {
            self.blanks();
            if self.done() || self.stops(end) {
                break;
            }
            match (self.peek(0), self.peek(1)) {
                (b'(', b')') if self.posix() && command.words.len() == 1 => {
                    // A function's head; its body follows as a group.
                    self.at += 2;
                    keep = false;
                    break;
                }
                (b'(', _) => {
                    self.at += 1;
                    self.enter(End::Paren, place, *condition, place.nested);
                    continue;
                }
                (b'{', _) if self.options.shell == Shell::PowerShell => {
                    self.at += 1;
                    self.enter(End::Brace, place, *condition, place.nested);
                    continue;
                }
                (b'#', _) if self.options.shell != Shell::Cmd => {
                    self.comment();
                    break;
                }
                _ => {}
            }
            if self.redirect(end, place, &mut command, &mut heredocs) {
                continue;
            }
            let word = self.word(end, place);
            if word.span.is_empty() {
                break;
            }
            if command.words.is_empty() {
                match self.keyword(&word, condition, cases, end, place) {
                    Key::None => {}
                    Key::Skip => {
                        command.span = self.at..self.at;
                        continue;
                    }
                    Key::Over => {
                        keep = false;
                        break;
                    }
                }
                if let Some((name, value)) = assignment(&word, self.options.shell) {
                    command.span.end = word.span.end;
                    command.assigns.push((name.to_owned(), value.to_owned()));
                    continue;
                }
                if command.assigns.is_empty() {
                    command.span.start = word.span.start;
                }
            }
            command.span.end = word.span.end;
            command.words.push(word);
        }
        if !keep {
            return;
        }
        if let [first, equals, value, ..] = command.words.as_slice()
            && self.options.shell == Shell::PowerShell
            && first.text.starts_with('$')
            && equals.text == "="
        {
            let name = first.text.trim_start_matches('$').to_owned();
            command.assigns.push((name, value.text.clone()));
            command.words.drain(..2);
        }
        self.options_of(&command);
        command.condition = *condition;
        command.tolerated = !self.errexit;
        if command.words.is_empty() && command.assigns.is_empty() && heredocs.is_empty() {
            return;
        }
        let index = self.out.len();
        self.pending.extend(heredocs.into_iter().map(|(delimiter, tabs)| Pending {
            command: index,
            delimiter,
            tabs,
        }));
        self.out.push(command);
    }

    /// `set -e`, `set +e`, `set -o pipefail`.
    fn options_of(&mut self, command: &Command) {
        if command.program() != "set" || !self.posix() {
            return;
        }
        for word in command.texts().skip(1) {
            match word {
                "pipefail" => self.pipefail = true,
                _ if word.starts_with('+') && word.contains('e') => self.errexit = false,
                _ if word.starts_with('-') && word.contains('e') => self.errexit = true,
                _ => {}
            }
        }
    }

    fn stops(&self, end: End) -> bool {
        match (self.peek(0), self.peek(1)) {
            (b'\n' | b'|' | b')', _) => true,
            (b'&', b'>') => !self.posix(),
            (b'&', _) => true,
            (b';', _) => self.options.shell != Shell::Cmd,
            (b'`', _) => end == End::Tick && self.posix(),
            (b'}', _) => self.options.shell == Shell::PowerShell,
            _ => false,
        }
    }

    fn redirect(
        &mut self,
        end: End,
        place: Place,
        command: &mut Command,
        heredocs: &mut Vec<(String, bool)>,
    ) -> bool {
        let digits = self.rest().bytes().take(2).take_while(u8::is_ascii_digit).count();
        let digits = if self.peek(0) == b'&' { 1 } else { digits };
        let sign = self.peek(digits);
        if !matches!(sign, b'<' | b'>') || (sign == b'<' && self.harness(digits)) {
            return false;
        }
        if self.posix() && self.peek(digits + 1) == b'(' && digits == 0 {
            return false;
        }
        self.at += digits;
        let start = self.at;
        while self.at < start + 3 && matches!(self.peek(0), b'<' | b'>' | b'|') {
            self.at += 1;
        }
        let operator = self.text.get(start..self.at).unwrap_or("").to_owned();
        let tabs = operator == "<<" && matches!(self.peek(0), b'-' | b'~');
        if tabs || (self.peek(0) == b'&') {
            self.at += 1;
        }
        self.blanks();
        let target = self.word(end, place);
        if operator == "<<" && self.posix() {
            heredocs.push((target.text, tabs));
        } else {
            command.redirects.push((operator, target.text));
        }
        true
    }

    /// Whether `<+name` of Harness stands so far ahead.
    pub(super) fn harness(&self, ahead: usize) -> bool {
        self.peek(ahead) == b'<'
            && self.peek(ahead + 1) == b'+'
            && (self.peek(ahead + 2).is_ascii_alphabetic() || self.peek(ahead + 2) == b'<')
    }

    fn keyword(
        &mut self,
        word: &Word,
        condition: &mut bool,
        cases: &mut usize,
        end: End,
        place: Place,
    ) -> Key {
        if word.quoted {
            return Key::None;
        }
        if self.options.shell == Shell::Cmd {
            return match word.text.to_ascii_lowercase().trim_start_matches('@') {
                "rem" | "for" => {
                    self.comment();
                    Key::Over
                }
                "call" | "else" | "do" => Key::Skip,
                text if text.starts_with("::") => {
                    self.comment();
                    Key::Over
                }
                _ => Key::None,
            };
        }
        if self.options.shell == Shell::PowerShell {
            return match word.text.to_ascii_lowercase().as_str() {
                "if" | "elseif" | "else" | "try" | "catch" | "finally" | "foreach" | "for"
                | "while" | "switch" | "do" | "begin" | "process" | "end" | "return" | "=" => {
                    Key::Skip
                }
                "function" | "param" | "filter" => {
                    while !self.done() && !matches!(self.peek(0), b'\n' | b'{' | b'(') {
                        self.at += 1;
                    }
                    Key::Over
                }
                _ => Key::None,
            };
        }
        match word.text.as_str() {
            "if" | "elif" | "while" | "until" => {
                *condition = true;
                Key::Skip
            }
            "then" | "do" | "else" => {
                *condition = place.condition;
                Key::Skip
            }
            "!" | "fi" | "done" | "esac" | "coproc" => {
                *cases = cases.saturating_sub(usize::from(word.text == "esac"));
                Key::Skip
            }
            "function" => {
                self.blanks();
                self.word(end, place);
                self.blanks();
                if self.rest().starts_with("()") {
                    self.at += 2;
                }
                Key::Over
            }
            "for" | "select" => {
                while !self.done() && !self.stops(end) {
                    let before = self.at;
                    self.blanks();
                    if self.rest().starts_with("((") && self.arithmetic() {
                        continue;
                    }
                    if self.stops(end) {
                        break;
                    }
                    self.word(end, place);
                    if self.at == before {
                        self.char();
                    }
                }
                Key::Over
            }
            "case" => {
                self.blanks();
                self.word(end, place);
                self.blanks_and_lines();
                if self.rest().starts_with("in") && !is_word(self.peek(2)) {
                    self.at += 2;
                    *cases += 1;
                    *cases = cases.saturating_sub(self.pattern());
                }
                Key::Over
            }
            "[[" => {
                while !self.done() && self.peek(0) != b'\n' {
                    self.blanks();
                    let before = self.at;
                    if self.word(end, place).text == "]]" {
                        break;
                    }
                    if self.at == before && self.peek(0) != b'\n' {
                        self.char();
                    }
                }
                Key::Over
            }
            _ => Key::None,
        }
    }
}

/// What a word at a command's start is.
enum Key {
    None,
    Skip,
    Over,
}

/// `NAME=value` in front of a command.
fn assignment(word: &Word, shell: Shell) -> Option<(&str, &str)> {
    if shell != Shell::Posix {
        return None;
    }
    let (name, value) = word.text.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let mut bytes = name.bytes();
    let first = bytes.next()?;
    let named = (first.is_ascii_alphabetic() || first == b'_') && bytes.all(is_word);
    named.then_some((name, value))
}
