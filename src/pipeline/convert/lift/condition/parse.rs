//! The language of conditions that GitHub, GitLab, Azure and Harness share in the main:
//! names, texts, calls, `==`, `!=`, `=~`, `!~`, `!`, `&&`, `||`.

/// A condition's tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// All of them.
    And(Vec<Node>),
    /// One of them.
    Or(Vec<Node>),
    /// Not so.
    Not(Box<Node>),
    /// Equal, or not where the last is false.
    Equal(Box<Node>, Box<Node>, bool),
    /// Fits a pattern, or does not.
    Matches(Box<Node>, String, bool),
    /// A function.
    Call(String, Vec<Node>),
    /// A variable, context or property, without `$` and brackets.
    Name(String),
    /// A quoted text or a number.
    Text(String),
}

const DEEPEST: usize = 40;

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

/// Reads a condition; `None` where it says more than this language can.
pub fn parse(text: &str) -> Option<Node> {
    let mut reader = Reader { rest: text, depth: 0 };
    let node = reader.or()?;
    reader.rest.trim().is_empty().then_some(node)
}

impl<'a> Reader<'a> {
    fn eat(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn or(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut list = vec![self.and()?];
        while self.eat("||") {
            list.push(self.and()?);
        }
        self.depth -= 1;
        if list.len() == 1 { list.pop() } else { Some(Node::Or(list)) }
    }

    fn and(&mut self) -> Option<Node> {
        let mut list = vec![self.compare()?];
        while self.eat("&&") {
            list.push(self.compare()?);
        }
        if list.len() == 1 { list.pop() } else { Some(Node::And(list)) }
    }

    fn compare(&mut self) -> Option<Node> {
        let left = self.one()?;
        for (word, same) in [("==", true), ("!=", false)] {
            if self.eat(word) {
                self.eat("=");
                let right = self.one()?;
                return Some(Node::Equal(Box::new(left), Box::new(right), same));
            }
        }
        for (word, same) in [("=~", true), ("!~", false)] {
            if self.eat(word) {
                let pattern = self.pattern()?;
                return Some(Node::Matches(Box::new(left), pattern.to_owned(), same));
            }
        }
        Some(left)
    }

    fn pattern(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let quote = self.rest.starts_with(['"', '\'']);
        if quote {
            let mark = self.rest.chars().next()?;
            let end = self.rest.get(1..)?.find(mark)? + 1;
            let found = self.rest.get(1..end)?;
            self.rest = self.rest.get(end + 1..)?;
            return Some(found);
        }
        if !self.rest.starts_with('/') {
            return None;
        }
        let bytes = self.rest.as_bytes();
        let mut at = 1;
        while at < bytes.len() && bytes[at] != b'/' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        let mut end = at + 1;
        if bytes.get(end) == Some(&b'i') {
            end += 1;
        }
        let found = self.rest.get(..end)?;
        self.rest = self.rest.get(end..)?;
        Some(found)
    }

    fn one(&mut self) -> Option<Node> {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('!') && !self.rest.starts_with("!=") {
            self.rest = self.rest.get(1..)?;
            self.depth += 1;
            if self.depth > DEEPEST {
                return None;
            }
            let inner = self.one()?;
            self.depth -= 1;
            return Some(Node::Not(Box::new(inner)));
        }
        if self.eat("(") {
            let inner = self.or()?;
            return self.eat(")").then_some(inner);
        }
        if let Some(inner) = self.rest.strip_prefix("<+") {
            let mut depth = 1usize;
            for (at, c) in inner.char_indices() {
                match c {
                    '<' => depth += 1,
                    '>' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    let name = inner.get(..at)?.to_owned();
                    self.rest = inner.get(at + 1..)?;
                    return Some(Node::Name(name));
                }
            }
            return None;
        }
        if let Some(mark @ ('"' | '\'')) = self.rest.chars().next() {
            let inner = self.rest.get(1..)?;
            let mut at = inner.find(mark)?;
            // A quote within is doubled.
            while inner.get(at + 1..)?.starts_with(mark) {
                at += 2 + inner.get(at + 2..)?.find(mark)?;
            }
            let text = inner.get(..at)?.replace(&format!("{mark}{mark}"), &mark.to_string());
            self.rest = inner.get(at + 1..)?;
            // Harness and Groovy put expressions into quotes.
            if let Some(name) = text.strip_prefix("<+").and_then(|t| t.strip_suffix('>')) {
                return Some(Node::Name(name.to_owned()));
            }
            return Some(Node::Text(text));
        }
        self.name()
    }

    fn name(&mut self) -> Option<Node> {
        let dollar = self.eat("$(");
        let brace = !dollar && self.eat("${");
        if !dollar && !brace {
            self.eat("$");
        }
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "_-.*".contains(c)))
            .unwrap_or(self.rest.len());
        let mut name = self.rest.get(..end).filter(|name| !name.is_empty())?.to_owned();
        self.rest = self.rest.get(end..)?;
        if (dollar && !self.eat(")")) || (brace && !self.eat("}")) {
            return None;
        }
        while self.rest.starts_with('[') {
            let end = self.rest.find(']')?;
            let inner = self.rest.get(1..end)?.trim().trim_matches(['\'', '"']);
            if name.eq_ignore_ascii_case("variables") {
                name = inner.to_owned();
            } else {
                name = format!("{name}.{inner}");
            }
            self.rest = self.rest.get(end + 1..)?;
            if self.rest.starts_with('.') {
                let end = self
                    .rest
                    .get(1..)?
                    .find(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c)))
                    .map_or(self.rest.len(), |end| end + 1);
                name.push_str(self.rest.get(..end)?);
                self.rest = self.rest.get(end..)?;
            }
        }
        if self.rest.starts_with('(') {
            self.rest = self.rest.get(1..)?;
            let mut args = Vec::new();
            while !self.eat(")") {
                if !args.is_empty() && !self.eat(",") {
                    return None;
                }
                args.push(self.or()?);
            }
            return Some(Node::Call(name, args));
        }
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Node::Text(name));
        }
        let short = name
            .strip_prefix("variables.")
            .or_else(|| name.strip_prefix("env."))
            .filter(|short| !short.is_empty() && name.starts_with("variables."));
        Some(Node::Name(short.unwrap_or(&name).to_owned()))
    }
}

impl Node {
    /// As text again, for people.
    pub fn written(&self) -> String {
        let join = |list: &[Node], word: &str| {
            list.iter().map(Node::written).collect::<Vec<_>>().join(word)
        };
        match self {
            Node::And(list) => join(list, " && "),
            Node::Or(list) => format!("({})", join(list, " || ")),
            Node::Not(inner) => format!("!{}", inner.written()),
            Node::Equal(left, right, same) => {
                let word = if *same { "==" } else { "!=" };
                format!("{} {word} {}", left.written(), right.written())
            }
            Node::Matches(left, pattern, same) => {
                let word = if *same { "=~" } else { "!~" };
                format!("{} {word} {pattern}", left.written())
            }
            Node::Call(name, args) => format!("{name}({})", join(args, ", ")),
            Node::Name(name) => name.clone(),
            Node::Text(text) => format!("'{text}'"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_written_again() {
        for (text, expect) in [
            (
                "github.ref == 'refs/heads/main' && !cancelled()",
                Some("github.ref == 'refs/heads/main' && !cancelled()"),
            ),
            (
                "and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/main'))",
                Some("and(succeeded(), eq(Build.SourceBranch, 'refs/heads/main'))"),
            ),
            ("$CI_COMMIT_TAG =~ /^v\\d/ || $X", Some("(CI_COMMIT_TAG =~ /^v\\d/ || X)")),
            ("<+trigger.branch> == \"main\"", Some("trigger.branch == 'main'")),
            ("a == ", None),
            ("(a", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|node| node.written()).as_deref(), expect, "{text}");
        }
    }
}
