//! Who owns a path, by a `CODEOWNERS` file in GitHub's or GitLab's syntax:
//! <https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>
//! and <https://docs.gitlab.com/user/project/codeowners/reference/>.
//!
//! The last rule that matches a path wins; with GitLab's sections, the last one
//! of each. What is no pattern with owners is passed over, as the hosts do.

/// Where hosts look for the file; the first that is there counts.
pub const FILES: [&str; 4] =
    [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// Longer files are not read: GitHub passes over those above 3 MB.
const MOST_BYTES: usize = 3 << 20;
/// Longest name of an owner.
const MOST_NAME: usize = 120;

/// A read file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners {
    /// In the file's order; a section is a number that grows.
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    section: usize,
    pattern: Pattern,
    owners: Vec<String>,
}

/// A rule that decides on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'a> {
    /// Names without `@`; none where the file says that nobody owns the path.
    pub owners: &'a [String],
    /// How much of a path the pattern names: its letters that are no wildcards.
    pub specific: usize,
}

impl Owners {
    /// Any text: what cannot be read is passed over.
    pub fn parse(text: &str) -> Owners {
        let mut rules = Vec::new();
        let (mut section, mut default): (usize, Vec<String>) = (0, Vec::new());
        let mut sections: Vec<String> = Vec::new();
        for line in text.get(..MOST_BYTES).unwrap_or(text).lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some((name, owners)) = header(line) {
                // Sections of one name are one, wherever they stand.
                let name = name.to_lowercase();
                let known = sections.iter().position(|known| *known == name);
                section = 1 + known.unwrap_or_else(|| {
                    sections.push(name);
                    sections.len() - 1
                });
                default = owners;
                continue;
            }
            let mut words = words(line).into_iter();
            let Some(pattern) = words.next().and_then(|word| Pattern::parse(&word)) else {
                continue;
            };
            let owners: Vec<String> = words.filter_map(|word| owner(&word)).collect();
            let owners = if owners.is_empty() { default.clone() } else { owners };
            rules.push(Rule { section, pattern, owners });
        }
        Owners { rules }
    }

    /// The rules that decide on a path (slashes, from the root): one, or with
    /// GitLab's sections one of each.
    pub fn of<'a>(&'a self, path: &str) -> Vec<Match<'a>> {
        let segments: Vec<&str> = path.split('/').collect();
        let mut found: Vec<(usize, Match<'a>)> = Vec::new();
        for rule in self.rules.iter().rev() {
            if found.iter().any(|(section, _)| *section == rule.section) {
                continue;
            }
            if rule.pattern.matches(&segments) {
                let one = Match { owners: &rule.owners, specific: rule.pattern.specific };
                found.push((rule.section, one));
            }
        }
        found.into_iter().map(|(_, one)| one).collect()
    }
}

/// GitLab's `[Name]`, `^[Name][2] @default`: the name and the default owners.
fn header(line: &str) -> Option<(&str, Vec<String>)> {
    let rest = line.strip_prefix('^').unwrap_or(line).strip_prefix('[')?;
    let (name, rest) = rest.split_once(']')?;
    let rest = match rest.strip_prefix('[') {
        Some(count) => count.split_once(']')?.1,
        None => rest,
    };
    // `[ab]*.rs @x` is a pattern that neither host takes, and no section.
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    Some((name.trim(), words(rest).iter().filter_map(|word| owner(word)).collect()))
}

/// Words of a line; a backslash keeps the character behind it, `#` begins a remark.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                // Only space and `#` need it; before a wildcard it would say more.
                Some(next) => word.push(next),
                None => break,
            },
            '#' if word.is_empty() => break,
            c if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// `@name`, `@group/team`, `@@role` or an address, without `@` in front.
fn owner(word: &str) -> Option<String> {
    let name = word.trim_start_matches('@');
    let is_owner = word.starts_with('@') || word.contains('@');
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+@".contains(c);
    let valid = !name.is_empty() && name.len() <= MOST_NAME && name.chars().all(plain);
    (is_owner && valid).then(|| name.to_owned())
}

/// A pattern, in the parts between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// `**` stands for any number of parts.
    segments: Vec<String>,
    /// Whether a match of a folder holds for all below it.
    below: bool,
    /// Whether it matches folders alone.
    folder: bool,
    specific: usize,
}

impl Pattern {
    fn parse(text: &str) -> Option<Pattern> {
        // Hosts refuse negation.
        if text.starts_with('!') {
            return None;
        }
        let folder = text.ends_with('/');
        let inner = text.trim_end_matches('/');
        let anchored = inner.contains('/') || text == "/";
        let parts = inner.split('/').filter(|part| !part.is_empty());
        let mut segments: Vec<String> = Vec::new();
        if !anchored {
            segments.push("**".into());
        }
        for part in parts {
            if part != "**" || segments.last().is_none_or(|last| last != "**") {
                segments.push(part.to_owned());
            }
        }
        if segments.is_empty() {
            segments.push("**".into());
        }
        // `docs/*` is what lies right in `docs`.
        let below = !(anchored && segments.last().is_some_and(|last| last == "*"));
        let specific = segments.iter().flat_map(|part| part.chars()).filter(|c| *c != '*').count();
        Some(Pattern { segments, below, folder, specific })
    }

    /// Greedy, so that time is at most the product of both lengths.
    fn matches(&self, path: &[&str]) -> bool {
        let (mut at, mut of) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            if of == self.segments.len() {
                let whole = at == path.len();
                if (whole && !self.folder) || (at < path.len() && self.below) {
                    return true;
                }
            } else if self.segments[of] == "**" {
                star = Some((at, of));
                of += 1;
                continue;
            } else if at < path.len() && glob(self.segments[of].as_bytes(), path[at].as_bytes()) {
                at += 1;
                of += 1;
                continue;
            }
            match star {
                Some((from, star_of)) if from < path.len() => {
                    star = Some((from + 1, star_of));
                    at = from + 1;
                    of = star_of + 1;
                }
                _ => return false,
            }
        }
    }
}

/// `*` for any letters of a name, `?` for one; greedy as well.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(of) {
            Some(b'*') => {
                star = Some((at, of));
                of += 1;
            }
            Some(&letter) if letter == b'?' || letter == name[at] => {
                at += 1;
                of += 1;
            }
            _ => match star {
                Some((from, star_of)) => {
                    star = Some((from + 1, star_of));
                    at = from + 1;
                    of = star_of + 1;
                }
                None => return false,
            },
        }
    }
    pattern[of..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(file: &str, path: &str, expect: &[&str]) {
        let owners = Owners::parse(file);
        let found: Vec<&str> =
            owners.of(path).iter().flat_map(|one| one.owners).map(String::as_str).collect();
        assert_eq!(found, expect, "{path} by {file:?}");
    }

    #[test]
    fn patterns_match_as_on_github() {
        let cases: &[(&str, &str, bool)] = &[
            ("*", "a/b.rs", true),
            ("*.js", "a/b.js", true),
            ("*.js", "a/b.jsx", false),
            ("/build/logs/", "build/logs/x/y.log", true),
            ("/build/logs/", "a/build/logs/y.log", false),
            ("/build/logs/", "build/logs", false),
            ("docs/*", "docs/a.md", true),
            ("docs/*", "docs/build/a.md", false),
            ("apps/", "x/apps/y/z", true),
            ("apps/", "apps", false),
            ("/docs/", "docs/a/b", true),
            ("/scripts", "scripts/x.sh", true),
            ("/scripts", "scripts", true),
            ("**/logs", "build/logs/x", true),
            ("**/logs", "logs/x", true),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/**/z", "b/a/z", false),
            ("src/**", "src/a/b", true),
            ("src/?.rs", "src/a.rs", true),
            ("src/?.rs", "src/ab.rs", false),
            ("/", "a", true),
            ("README.md", "docs/README.md", true),
        ];
        for (pattern, path, expect) in cases {
            let file = format!("{pattern} @own");
            check(&file, path, if *expect { &["own"] } else { &[] });
        }
    }

    #[test]
    fn the_last_rule_wins_and_may_name_nobody() {
        let file = "# all\n* @all\n/src/ @org/core alice@example.test # why\n/src/gen/\n\
                    /a\\ b/ @space\n!x @no\n/bad what\n";
        check(file, "x", &["all"]);
        check(file, "src/a.rs", &["org/core", "alice@example.test"]);
        check(file, "src/gen/a.rs", &[]);
        check(file, "a b/c", &["space"]);
        check(file, "bad", &[]);
        check("* @<script> @ok", "x", &["ok"]);
    }

    #[test]
    fn sections_are_asked_one_by_one() {
        let file = "* @all\n[Docs] @writer\n/docs/\n*.md @editor\n^[Build][2]\n/docs/ @builder\n\
                    [docs]\n/docs/api/ @api\n";
        check(file, "docs/a.txt", &["builder", "writer", "all"]);
        check(file, "docs/a.md", &["builder", "editor", "all"]);
        check(file, "docs/api/a.md", &["api", "builder", "all"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn any_text_is_read_and_names_stay_plain(text in "[\\PC\n\t]{0,200}", path in "\\PC{0,40}") {
            for one in Owners::parse(&text).of(&path) {
                for name in one.owners {
                    prop_assert!(!name.starts_with('@') && !name.contains(char::is_whitespace));
                }
            }
        }

        #[test]
        fn a_later_rule_for_everything_takes_all(
            text in "([a-z*/.]{1,8} @[a-z]{1,5}\n){0,8}", path in "[a-z]{1,4}(/[a-z.]{1,4}){0,3}",
        ) {
            let owners = Owners::parse(&format!("{text}* @last\n"));
            let found = owners.of(&path);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found[0].owners, &["last".to_owned()][..]);
        }

        #[test]
        fn a_path_is_matched_by_its_own_name(path in "[a-z]{1,4}(/[a-z.]{1,4}){0,3}") {
            let owners = Owners::parse(&format!("/{path} @own"));
            prop_assert_eq!(owners.of(&path).len(), 1);
        }

        #[test]
        fn wildcards_take_no_long_time(stars in 1usize..60, length in 1usize..300) {
            let pattern = Pattern::parse(&("a*".repeat(stars) + "b")).unwrap();
            let name = "a".repeat(length);
            prop_assert!(!pattern.matches(&[name.as_str()]));
        }
    }
}
