//! A scanner for shell scripts as CI systems run them: simple commands with their
//! words and bytes. POSIX shells by the grammar of POSIX.1-2017, XCU 2 (with bash's
//! `[[`, `((`, `<(`, `<<<`); PowerShell and cmd roughly. One pass, no panic, and what
//! is broken yields what can be told of it.

mod command;
mod word;

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
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
