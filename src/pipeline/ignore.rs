//! Remarks in a pipeline file that put rules aside:
//! `# pipewright: ignore[rule, other-rule] why` for the line it ends or the line
//! below it, `# pipewright: ignore-file[rule] why` for the whole file. In a
//! Jenkinsfile the remark begins with `//`. Without brackets all rules are meant.

use std::collections::BTreeMap;

/// What a file's remarks put aside.
#[derive(Debug, Clone, Default)]
pub struct Ignores {
    /// Rules by line, from 1; an empty list means all.
    lines: BTreeMap<u32, Vec<String>>,
    /// Rules for the whole file; an empty list means all.
    file: Option<Vec<String>>,
}

const MARK: &str = "pipewright:";

/// Reads a file's remarks.
pub fn read(text: &str) -> Ignores {
    let mut ignores = Ignores::default();
    if memchr::memmem::find(text.as_bytes(), MARK.as_bytes()).is_none() {
        return ignores;
    }
    for (line, number) in text.lines().zip(1u32..) {
        let Some(at) = line.find(MARK) else { continue };
        let before = line[..at].trim_end();
        let Some(code) = before.strip_suffix('#').or_else(|| before.strip_suffix("//")) else {
            continue;
        };
        let order = line[at + MARK.len()..].trim_start();
        let (whole, rest) = match order.strip_prefix("ignore-file") {
            Some(rest) => (true, rest),
            None => match order.strip_prefix("ignore") {
                Some(rest) => (false, rest),
                None => continue,
            },
        };
        let rules: Vec<String> = match rest.trim_start().strip_prefix('[') {
            Some(list) => list
                .split(']')
                .next()
                .unwrap_or_default()
                .split(',')
                .map(|rule| rule.trim().to_owned())
                .filter(|rule| !rule.is_empty())
                .collect(),
            // `ignored` or `ignores` is prose.
            None if rest.starts_with(char::is_alphanumeric) => continue,
            None => Vec::new(),
        };
        if whole {
            ignores.file = Some(rules);
            continue;
        }
        // On a line of its own it speaks of the next one.
        let speaks_of = if code.trim().is_empty() { number + 1 } else { number };
        ignores.lines.insert(speaks_of, rules);
    }
    ignores
}

impl Ignores {
    /// Whether what this rule says of a place is put aside. The place is where it
    /// begins, in lines from 1.
    pub fn covers(&self, rule: &str, line: u32) -> bool {
        let named = |rules: &Vec<String>| rules.is_empty() || rules.iter().any(|name| name == rule);
        self.file.as_ref().is_some_and(named) || self.lines.get(&line).is_some_and(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_put_rules_aside_where_they_stand() {
        let ignores = read(
            "on: push # pipewright: ignore[missing-timeout] it never hangs\n\
             jobs:\n  # pipewright: ignore[a, b]\n  x:\n    y: 1 # pipewright: ignore\n\
             z: 'pipewright: ignore'\n# pipewright: ignored by all\nw: 1\n",
        );
        for (rule, line, expected) in [
            ("missing-timeout", 1, true),
            ("other", 1, false),
            ("a", 4, true),
            ("b", 4, true),
            ("a", 3, false),
            ("anything", 5, true),
            ("anything", 6, false),
            ("anything", 8, false),
        ] {
            assert_eq!(ignores.covers(rule, line), expected, "{rule} {line}");
        }
    }

    #[test]
    fn a_whole_file_can_be_put_aside_for_a_rule() {
        let ignores = read("// pipewright: ignore-file[missing-timeout]\npipeline {}\n");
        assert!(ignores.covers("missing-timeout", 99));
        assert!(!ignores.covers("other", 99));
    }
}
