//! A scanner for shell scripts as CI systems run them: simple commands with their
//! words and bytes. POSIX shells by the grammar of POSIX.1-2017, XCU 2 (with bash's
//! `[[`, `((`, `<(`, `<<<`); PowerShell and cmd roughly. One pass, no panic, and what
//! is broken yields what can be told of it.

use std::ops::Range;

/// Whose syntax a script has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// sh, bash and their kin.
    Posix,
    /// PowerShell.
    PowerShell,
    /// Windows' cmd.
    Cmd,
}

/// How a script is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Its syntax.
    pub shell: Shell,
    /// Whether `$(name)` is a placeholder of the platform (Azure) and no command.
    pub macros: bool,
    /// Whether a failure anywhere in a pipe fails it from the start.
    pub pipefail: bool,
}

impl Options {
    /// A POSIX shell, nothing special.
    pub const POSIX: Options = Options { shell: Shell::Posix, macros: false, pipefail: false };
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// The program and its arguments; the first is there.
    pub words: Vec<Word>,
    /// Assignments in front of it, as written; a line of assignments alone has no words.
    pub assigns: Vec<(String, String)>,
    /// Where its output goes and its input comes from: the operator without number,
    /// and the target.
    pub redirects: Vec<(String, String)>,
    /// Bytes of the script that the first heredoc of it takes, without the delimiter.
    pub heredoc: Option<Range<usize>>,
    /// Its bytes in the script, from the first word to the last.
    pub span: Range<usize>,
    /// Whether the script goes on when it fails.
    pub tolerated: bool,
    /// Whether it stands in a condition of `if` or `while`.
    pub condition: bool,
    /// Whether it stands within `$(…)`, backticks or `<(…)`.
    pub nested: bool,
    /// Whether its output goes into a pipe.
    pub piped: bool,
    /// The container image it runs in, where a wrapper says so.
    pub image: Option<String>,
}

/// A word: quotes taken off, expansions as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// Its text.
    pub text: String,
    /// Its bytes in the script, quotes and all.
    pub span: Range<usize>,
    /// Whether any of it was quoted.
    pub quoted: bool,
}

impl Word {
    /// Whether part of it is only known when the script runs.
    pub fn computed(&self) -> bool {
        self.text.contains(['$', '`']) || self.text.contains("<+")
    }
}

impl Command {
    /// The words' texts, the program first.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|word| word.text.as_str())
    }

    /// The program's name without folder and ending: `gradlew` for `./gradlew.bat`.
    pub fn program(&self) -> &str {
        self.words.first().map_or("", |word| base_name(&word.text))
    }
}

/// A path's last part, without the endings of Windows' programs.
pub fn base_name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    ["exe", "cmd", "bat"]
        .iter()
        .find_map(|end| name.strip_suffix(end)?.strip_suffix('.'))
        .filter(|stem| !stem.is_empty())
        .unwrap_or(name)
}

/// Deepest nesting that is followed; what is deeper is taken as plain characters.
const DEPTH: usize = 40;

/// Farthest that the end of a placeholder or of an `||` branch is looked for, in bytes.
const FAR: usize = 1000;

/// Every simple command of a script, nested ones too, inner before outer.
pub fn scan(text: &str, options: Options) -> Vec<Command> {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        at: 0,
        out: Vec::new(),
        pending: Vec::new(),
        options,
        pipefail: options.pipefail,
        errexit: true,
        last_single: text.rfind('\'').unwrap_or(0),
        last_double: text.rfind('"').unwrap_or(0),
        last_tick: text.rfind('`').unwrap_or(0),
    };
    while scanner.at < text.len() {
        scanner.list(End::Text, Place::default());
    }
    scanner.out
}

/// What ends a list of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Text,
    Paren,
    Brace,
    Tick,
}

/// Where a list of commands stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    depth: usize,
    nested: bool,
    condition: bool,
}

/// A heredoc whose body begins at the next line.
struct Pending {
    command: usize,
    delimiter: String,
    tabs: bool,
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    out: Vec<Command>,
    pending: Vec<Pending>,
    options: Options,
    pipefail: bool,
    errexit: bool,
    last_single: usize,
    last_double: usize,
    last_tick: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn near(&self) -> &'a str {
        let mut end = (self.at + FAR).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.get(self.at..end).unwrap_or("")
    }

    fn done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn posix(&self) -> bool {
        self.options.shell == Shell::Posix
    }

    /// One whole character.
    fn char(&mut self) -> char {
        match self.rest().chars().next() {
            Some(char) => {
                self.at += char.len_utf8();
                char
            }
            None => {
                self.at = self.bytes.len();
                '\0'
            }
        }
    }

    /// A line that goes on: its mark and line end, as bytes.
    fn continuation(&self) -> usize {
        let mark = match self.options.shell {
            Shell::Posix => b'\\',
            Shell::PowerShell => b'`',
            Shell::Cmd => b'^',
        };
        match (self.peek(0) == mark, self.peek(1), self.peek(2)) {
            (true, b'\n', _) => 2,
            (true, b'\r', b'\n') => 3,
            _ => 0,
        }
    }

    fn blanks(&mut self) {
        loop {
            match self.peek(0) {
                b' ' | b'\t' | b'\r' => self.at += 1,
                0 if !self.done() => self.at += 1,
                _ => match self.continuation() {
                    0 => return,
                    length => self.at += length,
                },
            }
        }
    }

    fn comment(&mut self) {
        let length = memchr::memchr(b'\n', self.bytes.get(self.at..).unwrap_or(&[]));
        self.at = length.map_or(self.bytes.len(), |length| self.at + length);
    }

    /// Commands up to `end`, which is taken too.
    fn list(&mut self, end: End, place: Place) {
        // First command of the current and-or list, and of the current pipe.
        let mut from = self.out.len();
        let mut pipe = from;
        let mut marked = from;
        let mut condition = place.condition;
        let mut cases = 0_usize;
        loop {
            self.blanks();
            if self.done() {
                return;
            }
            match (self.peek(0), self.peek(1)) {
                (b'\n', _) => {
                    self.at += 1;
                    self.bodies();
                    from = self.out.len();
                    pipe = from;
                }
                (b';', next) if self.options.shell != Shell::Cmd => {
                    self.at += 1;
                    if matches!(next, b';' | b'&') && cases > 0 {
                        self.at += 1 + usize::from(self.peek(1) == b'&');
                        cases = cases.saturating_sub(self.pattern());
                    }
                    from = self.out.len();
                    pipe = from;
                }
                (b'&', b'&') => {
                    self.at += 2;
                    pipe = self.out.len();
                    self.blanks_and_lines();
                }
                (b'&', _) => {
                    self.at += 1;
                    if self.posix() {
                        self.tolerate(from, &mut marked);
                    }
                    from = self.out.len();
                    pipe = from;
                }
                (b'|', b'|') => {
                    self.at += 2;
                    if self.forgives() {
                        self.tolerate(from, &mut marked);
                    }
                    pipe = self.out.len();
                    self.blanks_and_lines();
                }
                (b'|', next) => {
                    self.at += 1 + usize::from(next == b'&');
                    let lost = !self.pipefail;
                    for command in self.out.iter_mut().skip(pipe) {
                        command.piped |= !command.nested || place.nested;
                        command.tolerated |= lost && (!command.nested || place.nested);
                    }
                    pipe = self.out.len();
                    self.blanks_and_lines();
                }
                (b')', _) => {
                    self.at += 1;
                    if end == End::Paren {
                        return;
                    }
                }
                (b'`', _) if self.posix() && (end == End::Tick || place.depth >= DEPTH) => {
                    self.at += 1;
                    if end == End::Tick {
                        return;
                    }
                }
                (b'(', b'(') if self.posix() && self.arithmetic() => {}
                (b'(', _) => {
                    self.at += 1;
                    self.enter(End::Paren, place, condition, place.nested);
                }
                (b'{', next) if self.opens(next) => {
                    self.at += 1;
                    self.enter(End::Brace, place, condition, place.nested);
                }
                (b'}', next) if !self.posix() || !is_word(next) => {
                    self.at += 1;
                    if end == End::Brace {
                        return;
                    }
                }
                (b'#', _) if self.options.shell != Shell::Cmd => self.comment(),
                (b'<', b'#') if self.options.shell == Shell::PowerShell => {
                    let length = self.rest().find("#>");
                    self.at = length.map_or(self.bytes.len(), |length| self.at + length + 2);
                }
                _ => {
                    let before = self.at;
                    self.command(end, place, &mut condition, &mut cases);
                    if self.at == before {
                        // A byte that neither opens nor ends anything here.
                        self.char();
                    }
                }
            }
        }
    }

    fn opens(&self, next: u8) -> bool {
        match self.options.shell {
            Shell::Posix => matches!(next, b' ' | b'\t' | b'\n' | b'\r'),
            Shell::PowerShell => true,
            Shell::Cmd => false,
        }
    }

    fn enter(&mut self, end: End, place: Place, condition: bool, nested: bool) {
        if place.depth < DEPTH {
            self.list(end, Place { depth: place.depth + 1, nested, condition });
        }
    }

    /// Marks the commands from `from` on; those before `marked` are known to be.
    fn tolerate(&mut self, from: usize, marked: &mut usize) {
        for command in self.out.iter_mut().skip(from.max(*marked)) {
            command.tolerated = true;
        }
        *marked = self.out.len();
    }

    fn blanks_and_lines(&mut self) {
        loop {
            self.blanks();
            match self.peek(0) {
                b'\n' if !self.done() => {
                    self.at += 1;
                    self.bodies();
                }
                b'#' if self.options.shell != Shell::Cmd => self.comment(),
                _ => return,
            }
        }
    }

    /// Whether what follows `||` lets the script go on.
    fn forgives(&self) -> bool {
        let near = self.near().trim_start();
        let close = match near.as_bytes().first() {
            Some(b'{') => near.find('}'),
            Some(b'(') => near.find(')'),
            _ => near.find('\n'),
        };
        let branch = near.get(..close.unwrap_or(near.len())).unwrap_or(near);
        !branch.split(['\n', ';', '&', '|', '(', '{']).any(|part| {
            let mut words = part.split_whitespace();
            match words.next() {
                Some("exit" | "return") => words.next() != Some("0"),
                Some("false" | "die" | "fail" | "throw") => true,
                _ => false,
            }
        }) && self.gives_up(branch)
    }

    /// Whether the branch is of the kind that only says so, and does no second try.
    fn gives_up(&self, branch: &str) -> bool {
        let first = branch.trim_start_matches(['{', '(', ' ', '\t', '\n']);
        let word = first.split([' ', '\t', '\n', ';', ')', '}', '&', '|']).next().unwrap_or("");
        matches!(
            base_name(word),
            "true" | ":" | "echo" | "printf" | "exit" | "cat" | "ver" | "warn"
        ) || first.contains("=")
    }

    /// Skips `((…))`; `false` where it does not end.
    fn arithmetic(&mut self) -> bool {
        let Some(length) = self.near().find("))") else { return false };
        self.at += length + 2;
        true
    }

    /// The pattern of a branch of `case`, up to its `)`. 1 where `esac` came instead.
    fn pattern(&mut self) -> usize {
        self.blanks_and_lines();
        let line = self.rest().split(['\n', ';']).next().unwrap_or("");
        if line.split(|c: char| !c.is_ascii_alphanumeric()).next() == Some("esac") {
            self.at += 4;
            return 1;
        }
        if self.peek(0) == b'(' {
            self.at += 1;
        }
        while !self.done() && !matches!(self.peek(0), b')' | b'\n') {
            let before = self.at;
            self.word(End::Paren, Place { depth: DEPTH, ..Place::default() });
            if self.at == before {
                self.char();
            }
        }
        if self.peek(0) == b')' {
            self.at += 1;
        }
        0
    }

    /// Bodies of the heredocs of the line that ended.
    fn bodies(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            let start = self.at;
            let mut end = self.bytes.len();
            while !self.done() {
                let line_start = self.at;
                self.comment();
                let line = self.text.get(line_start..self.at).unwrap_or("");
                let line = line.strip_suffix('\r').unwrap_or(line);
                let line = if pending.tabs { line.trim_start() } else { line };
                self.at = (self.at + 1).min(self.bytes.len());
                if line == pending.delimiter {
                    end = line_start;
                    break;
                }
            }
            if let Some(command) = self.out.get_mut(pending.command) {
                command.heredoc.get_or_insert(start..end.max(start));
            }
        }
    }

    fn command(&mut self, end: End, place: Place, condition: &mut bool, cases: &mut usize) {
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
    fn harness(&self, ahead: usize) -> bool {
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

    /// A word; empty where none begins here.
    fn word(&mut self, end: End, place: Place) -> Word {
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

/// What a word at a command's start is.
enum Key {
    None,
    Skip,
    Over,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
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
