//! Words of strangers, put into shell commands.

/// Fills `{name}`, `{path}`, `{seed}`, `{pattern}` (the name as a regular
/// expression that matches only itself, ` › ` and ` > ` between its parts as
/// one space), `{leaf}` (the same of its last part alone) and `{selector}`
/// (`Class#method`, as Maven wants it).
///
/// The result is one command for `sh -c`. Whatever the name and the path hold,
/// the shell passes them on as (part of) one word: they are quoted to suit the
/// quotes that the template has around the placeholder. Where quotes cannot
/// hold them (inside backticks or a here-document, or in a command that hands
/// its words to a further shell: `bash -c`, `eval`, `ssh`, `make`, …), every
/// character that means something to a shell becomes `_`. A name cannot be taken
/// for an option: `-` at its start is dropped, and `./` put before such a path.
pub fn fill(template: &str, name: &str, path: &str, seed: u32) -> String {
    let name = name.replace('\0', "");
    let name = name.trim_start_matches('-');
    let path = path.replace('\0', "");
    let path = if path.starts_with('-') { format!("./{path}") } else { path };
    let strict = is_reshelled(template);
    let mut out = String::with_capacity(template.len() + name.len());
    let mut quotes = Quotes::default();
    let mut rest = template;
    while let Some(c) = rest.chars().next() {
        let value = if c == '{' { placeholder(rest, name, &path, seed) } else { None };
        if let Some((length, value)) = value
            && !quotes.is_escaped
        {
            out.push_str(&quotes.quote(&value, strict));
            rest = &rest[length..];
            continue;
        }
        out.push(c);
        quotes.step(c, &rest[c.len_utf8()..]);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// The placeholder that a text begins with: its length, and what goes there.
fn placeholder(text: &str, name: &str, path: &str, seed: u32) -> Option<(usize, String)> {
    let end = text.find('}')?;
    let value = match &text[1..end] {
        "name" => name.to_owned(),
        "path" => path.to_owned(),
        "seed" => seed.to_string(),
        "pattern" => pattern(name),
        "leaf" => {
            let leaf = name.rsplit(" › ").next().unwrap_or(name);
            pattern(leaf.rsplit(" > ").next().unwrap_or(leaf))
        }
        "selector" => selector(name),
        _ => return None,
    };
    Some((end + 1, value))
}

/// A regular expression of every runner's dialect that matches a name.
fn pattern(name: &str) -> String {
    let name = name.replace(" › ", " ").replace(" > ", " ");
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '_' | '-' | '/' | ':' | '\'' | '"' | ',' | ' ')
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `x.CalcTest.above(int)[1]` as `x.CalcTest#above`.
fn selector(name: &str) -> String {
    let name = name.split(['(', '[', '{', ' ']).next().unwrap_or(name);
    if name.contains('#') {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((class, method)) => format!("{class}#{method}"),
        // A class alone begins with a capital.
        None if name.starts_with(|c: char| c.is_uppercase()) => name.to_owned(),
        None => format!("#{name}"),
    }
}

/// Programs that hand their words, or variables, to a further shell.
const SHELLS: &[&str] = &[
    "eval", "ssh", "su", "xargs", "parallel", "watch", "make", "gmake", "just", "task", "rake",
    "invoke", "nox", "env", "find", "expect", "script", "flock", "sudo", "doas", "runuser",
];

/// Whether a command's words may be read by a second shell.
fn is_reshelled(template: &str) -> bool {
    let words = template.split(|c: char| c.is_whitespace() || "'\"`;&|(){}$".contains(c));
    let mut shell = false;
    for word in words.filter(|word| !word.is_empty()) {
        let program = word.rsplit('/').next().unwrap_or(word);
        if SHELLS.contains(&program) && !matches!(program, "env" | "sudo" | "doas" | "find") {
            return true;
        }
        if matches!(program, "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "fish" | "busybox")
            || matches!(program, "cmd" | "pwsh" | "powershell" | "-S" | "-exec")
        {
            shell = true;
        }
        // `-c`, `-lc`, `-ec`, and `-S` of env.
        let flags = word.strip_prefix('-').filter(|flags| !flags.starts_with('-'));
        if shell && (flags.is_some_and(|flags| flags.ends_with('c')) || word == "-S") {
            return true;
        }
        if word == "-exec" {
            return true;
        }
    }
    template.contains("<<")
}

/// Where in a shell's quotes a place is.
#[derive(Default)]
struct Quotes {
    /// The contexts around it: `'`, `"`, `(` of `$(`, `` ` ``, and `{` of `${`.
    open: Vec<char>,
    is_escaped: bool,
    previous: char,
    /// Inside a comment, to the line's end.
    is_comment: bool,
}

impl Quotes {
    /// Goes over one character of the template.
    fn step(&mut self, c: char, rest: &str) {
        let previous = std::mem::replace(&mut self.previous, c);
        if self.is_comment {
            self.is_comment = c != '\n';
            return;
        }
        if std::mem::take(&mut self.is_escaped) {
            self.previous = ' ';
            if c == ' ' || c.is_whitespace() {
                self.previous = 'x';
            }
            return;
        }
        match (self.open.last().copied(), c) {
            (Some('\''), '\'') => drop(self.open.pop()),
            (Some('\''), _) => {}
            (_, '\\') => self.is_escaped = true,
            (Some('"'), '"') => drop(self.open.pop()),
            (_, '"') => self.open.push('"'),
            (Some('`'), '`') => drop(self.open.pop()),
            (_, '`') => self.open.push('`'),
            (_, '$') if rest.starts_with('(') => {}
            (_, '$') if rest.starts_with('{') => {}
            (_, '(') if previous == '$' => self.open.push('('),
            (_, '{') if previous == '$' => self.open.push('{'),
            (Some('{'), '}') => drop(self.open.pop()),
            (Some('"'), _) => {}
            (_, '\'') => self.open.push('\''),
            (Some('('), '(') => self.open.push('('),
            (Some('('), ')') => drop(self.open.pop()),
            (_, '#') if previous.is_whitespace() || ";&|(".contains(previous) => {
                self.is_comment = true;
            }
            _ => {}
        }
    }

    /// A value, quoted for this place.
    fn quote(&self, value: &str, strict: bool) -> String {
        let hard = self.open.iter().any(|&c| c == '`' || c == '{') || self.is_comment;
        if strict || hard {
            return value.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        }
        match self.open.last() {
            Some('\'') => value.replace('\'', "'\\''"),
            Some('"') => {
                let mut out = String::with_capacity(value.len());
                for c in value.chars() {
                    if matches!(c, '\\' | '$' | '"' | '`') {
                        out.push('\\');
                    }
                    out.push(c);
                }
                out
            }
            _ if !value.is_empty() && value.chars().all(is_plain) => value.to_owned(),
            _ => format!("'{}'", value.replace('\'', "'\\''")),
        }
    }
}

/// A character that means nothing to any shell.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(template: &str, name: &str, expect: &str) {
        assert_eq!(fill(template, name, "a b/c.py", 7), expect, "{template} {name}");
    }

    #[test]
    fn names_stay_in_their_quotes() {
        check("t {name}", "tests::add", "t tests::add");
        check("t {name}", "a b", "t 'a b'");
        check("t {name}", "it's; rm -rf /", "t 'it'\\''s; rm -rf /'");
        check("t '{name}'", "it's; $(x)", "t 'it'\\''s; $(x)'");
        check("t \"{name}\"", "a\"; $(x) `y` \\", "t \"a\\\"; \\$(x) \\`y\\` \\\\\"");
        check("t \"$(echo {name})\"", "a; b", "t \"$(echo 'a; b')\"");
        check("t \"$(echo \"{name}\")\"", "a$b", "t \"$(echo \"a\\$b\")\"");
        check("t \"it's {name}\"", "$a", "t \"it's \\$a\"");
        check("t 'say \"{name}\"'", "a'$b", "t 'say \"a'\\''$b\"'");
        check("t --name={name}", "a b", "t --name='a b'");
        check("t \\\"{name}", "a b", "t \\\"'a b'");
        check("t {name} {path} {seed} {other}", "x", "t x 'a b/c.py' 7 {other}");
        check("t {name}", "--config=evil", "t config=evil");
        check("t {name}", "", "t ''");
    }

    #[test]
    fn a_second_shell_gets_only_plain_characters() {
        check("bash -c 't {name}'", "a; b", "bash -c 't a__b'");
        check("sh -ec \"t {name}\"", "$(a)", "sh -ec \"t __a_\"");
        check("docker run x /bin/sh -c 't {name}'", "a'b", "docker run x /bin/sh -c 't a_b'");
        check("make test T={name}", "$(shell x)", "make test T=__shell_x_");
        check("t `echo {name}`", "a;b", "t `echo a_b`");
        check("t ${X:-{name}}", "a}b", "t ${X:-a_b}");
        check("cat <<E\n{name}\nE", "$(x)", "cat <<E\n__x_\nE");
        // `-c` of another program is none of a shell.
        check("pytest -c x.cfg {name}", "a;b", "pytest -c x.cfg 'a;b'");
    }

    #[test]
    fn patterns_match_only_the_name() {
        check("t -t {pattern}", "calc › adds (a+b)", "t -t 'calc adds \\(a\\+b\\)'");
        check("t '{leaf}$'", "calc > adds (a+b)", "t 'adds \\(a\\+b\\)$'");
        check("t -run '^{pattern}$'", "TestA/b.c", "t -run '^TestA/b\\.c$'");
        check("t {selector}", "x.CalcTest.above(int)[1]", "t 'x.CalcTest#above'");
        check("t {selector}", "CalcTest#above", "t 'CalcTest#above'");
        check("t {selector}", "above", "t '#above'");
    }

    #[test]
    fn a_shell_reads_them_as_one_word() {
        let read = |template: &str, name: &str| {
            let command = fill(template, name, "", 0);
            let run = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
            assert!(run.status.success(), "{command}: {run:?}");
            String::from_utf8(run.stdout).unwrap()
        };
        for name in ["a b", "a'b\"c", "$(echo x)`echo y`", "a\\b\n*", "$HOME ${HOME}", "ü; & | > <"]
        {
            for (template, front) in [
                ("printf '%s|' {name}", ""),
                ("printf '%s|' '{name}'", ""),
                ("printf '%s|' \"{name}\"", ""),
                ("printf '%s|' --x={name}", "--x="),
                ("printf '%s|' \"$(printf '%s.' {name})\"", ""),
                ("printf '%s|' \"$(printf '%s.' \"{name}\")\"", ""),
            ] {
                let end = if template.contains("$(") { "." } else { "" };
                assert_eq!(read(template, name), format!("{front}{name}{end}|"), "{template}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn a_name_is_always_one_word(name in "[^\\x00-]\\PC{0,20}", which in 0..4_usize) {
            let template = ["t {name}", "t '{name}'", "t \"{name}\"", "t \"\"{name}''"][which];
            let words = shlex::split(&fill(template, &name, "", 0));
            prop_assert_eq!(words, Some(vec!["t".to_owned(), name]));
        }

        #[test]
        fn templates_of_any_kind_are_no_trouble(template in "[ -~]{0,30}\\{name\\}[ -~]{0,9}", name in "\\PC{0,9}") {
            fill(&template, &name, "p", 1);
        }
    }
}
