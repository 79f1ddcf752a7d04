//! Lines of Groovy.

/// Lines of Groovy, indented by blocks.
#[derive(Default)]
pub(super) struct Code {
    pub(super) text: String,
    pub(super) depth: usize,
}

impl Code {
    pub(super) fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.text.push('\n');
        } else {
            self.text.push_str(&format!("{:1$}{line}\n", "", self.depth * 4));
        }
    }

    /// A line with text of several lines in it, which is kept as it is.
    pub(super) fn open(&mut self, head: &str) {
        self.open_with(head, "");
    }

    /// A block whose first line goes on behind the brace (a closure's parameters).
    pub(super) fn open_with(&mut self, head: &str, tail: &str) {
        let space = if tail.is_empty() { "" } else { " " };
        self.line(&format!("{head} {{{space}{tail}"));
        self.depth += 1;
    }

    pub(super) fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.line("}");
    }

    pub(super) fn block(&mut self, head: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.open(head);
        for line in lines {
            self.line(line);
        }
        self.close();
    }
}

pub(super) fn single(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}

/// A shell step; the script is kept from Groovy's own reading.
pub(super) fn shell_step(code: &mut Code, word: &str, script: &str) {
    let script = script.trim_end_matches('\n');
    if script.contains('\n') {
        let body = script.replace('\\', "\\\\").replace("'''", "\\'\\'\\'");
        code.line(&format!("{word} '''"));
        for line in body.lines() {
            code.text.push_str(&format!("{:1$}{line}\n", "", (code.depth + 1) * 4));
        }
        code.line("'''.stripIndent()");
    } else {
        code.line(&format!("{word} {}", single(script)));
    }
}
