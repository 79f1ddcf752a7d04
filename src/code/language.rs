//! The languages that are read by grammar, each with what is to be known of it:
//! how its files are called, its grammar, its queries.
//!
//! C++, C# and Kotlin are left out for their grammars' size (3 to 5 MB each).

use std::sync::LazyLock;

use tree_sitter::Query;

/// A programming language that is read by grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// C, as of C11.
    C,
    /// Go.
    Go,
    /// Java.
    Java,
    /// JavaScript, with JSX.
    JavaScript,
    /// PHP, with what stands around it.
    Php,
    /// Python 3.
    Python,
    /// Ruby.
    Ruby,
    /// Rust.
    Rust,
    /// TypeScript.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
}

/// What is known of a language.
struct Row {
    language: Language,
    extensions: &'static [&'static str],
    /// Between a container's name and its member's.
    separator: &'static str,
    definitions: &'static [&'static str],
    calls: &'static [&'static str],
}

macro_rules! query {
    ($name:literal) => {
        include_str!(concat!("queries/", $name, ".scm"))
    };
}

/// In the order of [`Language`].
const ROWS: [Row; 10] = [
    Row {
        language: Language::C,
        extensions: &["c", "h"],
        separator: "::",
        definitions: &[query!("c.definitions")],
        calls: &[query!("c.calls")],
    },
    Row {
        language: Language::Go,
        extensions: &["go"],
        separator: ".",
        definitions: &[query!("go.definitions")],
        calls: &[query!("go.calls")],
    },
    Row {
        language: Language::Java,
        extensions: &["java"],
        separator: ".",
        definitions: &[query!("java.definitions")],
        calls: &[query!("java.calls")],
    },
    Row {
        language: Language::JavaScript,
        extensions: &["js", "jsx", "mjs", "cjs"],
        separator: ".",
        definitions: &[query!("javascript.definitions"), query!("javascript.only.definitions")],
        calls: &[query!("javascript.calls"), query!("jsx.calls")],
    },
    Row {
        language: Language::Php,
        extensions: &["php"],
        separator: "::",
        definitions: &[query!("php.definitions")],
        calls: &[query!("php.calls")],
    },
    Row {
        language: Language::Python,
        extensions: &["py", "pyi"],
        separator: ".",
        definitions: &[query!("python.definitions")],
        calls: &[query!("python.calls")],
    },
    Row {
        language: Language::Ruby,
        extensions: &["rb", "rake"],
        separator: "::",
        definitions: &[query!("ruby.definitions")],
        calls: &[query!("ruby.calls")],
    },
    Row {
        language: Language::Rust,
        extensions: &["rs"],
        separator: "::",
        definitions: &[query!("rust.definitions")],
        calls: &[query!("rust.calls")],
    },
    Row {
        language: Language::TypeScript,
        extensions: &["ts", "mts", "cts"],
        separator: ".",
        definitions: &[query!("javascript.definitions"), query!("typescript.definitions")],
        calls: &[query!("javascript.calls")],
    },
    Row {
        language: Language::Tsx,
        extensions: &["tsx"],
        separator: ".",
        definitions: &[query!("javascript.definitions"), query!("typescript.definitions")],
        calls: &[query!("javascript.calls"), query!("jsx.calls")],
    },
];

/// What a language's files are read with. Compiled when first wanted: that
/// takes milliseconds.
pub(super) struct Reader {
    pub grammar: tree_sitter::Language,
    pub definitions: Query,
    pub calls: Query,
}

static READERS: [LazyLock<Option<Reader>>; 10] = [
    LazyLock::new(|| Language::C.compile()),
    LazyLock::new(|| Language::Go.compile()),
    LazyLock::new(|| Language::Java.compile()),
    LazyLock::new(|| Language::JavaScript.compile()),
    LazyLock::new(|| Language::Php.compile()),
    LazyLock::new(|| Language::Python.compile()),
    LazyLock::new(|| Language::Ruby.compile()),
    LazyLock::new(|| Language::Rust.compile()),
    LazyLock::new(|| Language::TypeScript.compile()),
    LazyLock::new(|| Language::Tsx.compile()),
];

impl Language {
    /// Every one.
    pub const ALL: [Language; 10] = [
        Language::C,
        Language::Go,
        Language::Java,
        Language::JavaScript,
        Language::Php,
        Language::Python,
        Language::Ruby,
        Language::Rust,
        Language::TypeScript,
        Language::Tsx,
    ];

    /// The language of a file, by its name's ending.
    pub fn of_path(path: &str) -> Option<Language> {
        let name = path.rsplit('/').next()?;
        let (stem, extension) = name.rsplit_once('.')?;
        let known = |row: &&Row| row.extensions.contains(&extension);
        ROWS.iter().find(known).filter(|_| !stem.is_empty()).map(|row| row.language)
    }

    /// Whether code of the two calls each other by plain names.
    pub fn is_kin(self, other: Language) -> bool {
        let script = |language| {
            matches!(language, Language::JavaScript | Language::TypeScript | Language::Tsx)
        };
        self == other || script(self) && script(other)
    }

    /// What stands between a container's name and its member's.
    pub fn separator(self) -> &'static str {
        self.row().separator
    }

    /// Whether a file holds tests, by what its language's tools take for one.
    pub fn is_test_path(self, path: &str) -> bool {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
        let below = |known: &[&str]| folders.split('/').any(|folder| known.contains(&folder));
        match self {
            Language::Go => name.ends_with("_test.go"),
            Language::Python => {
                stem.starts_with("test_")
                    || stem.ends_with("_test")
                    || stem == "conftest"
                    || below(&["tests", "test"])
            }
            Language::Rust => below(&["tests", "benches"]) || matches!(stem, "tests" | "test"),
            Language::Java => {
                folders.contains("src/test")
                    || ["Test", "Tests", "IT"].iter().any(|end| stem.ends_with(end))
            }
            Language::JavaScript | Language::TypeScript | Language::Tsx => {
                name.contains(".test.")
                    || name.contains(".spec.")
                    || below(&["__tests__", "tests", "test", "e2e"])
            }
            Language::Ruby => {
                stem.ends_with("_spec") || stem.ends_with("_test") || below(&["spec", "test"])
            }
            Language::Php => stem.ends_with("Test") || below(&["tests", "Tests"]),
            Language::C => {
                stem.starts_with("test_") || stem.ends_with("_test") || below(&["tests", "test"])
            }
        }
    }

    /// `None` only if a query does not fit its grammar, which a test rules out.
    pub(super) fn reader(self) -> Option<&'static Reader> {
        READERS[self as usize].as_ref()
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    fn grammar(self) -> tree_sitter::Language {
        match self {
            Language::C => tree_sitter_c::LANGUAGE,
            Language::Go => tree_sitter_go::LANGUAGE,
            Language::Java => tree_sitter_java::LANGUAGE,
            Language::JavaScript => tree_sitter_javascript::LANGUAGE,
            Language::Php => tree_sitter_php::LANGUAGE_PHP,
            Language::Python => tree_sitter_python::LANGUAGE,
            Language::Ruby => tree_sitter_ruby::LANGUAGE,
            Language::Rust => tree_sitter_rust::LANGUAGE,
            Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
            Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
        }
        .into()
    }

    fn compile(self) -> Option<Reader> {
        let grammar = self.grammar();
        let compiled = |texts: &[&str]| match Query::new(&grammar, &texts.concat()) {
            Ok(query) => Some(query),
            Err(error) => {
                tracing::error!("cannot compile a query for {self:?}: {error}");
                None
            }
        };
        let definitions = compiled(self.row().definitions)?;
        let calls = compiled(self.row().calls)?;
        Some(Reader { definitions, calls, grammar })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_their_languages_order_and_their_queries_fit() {
        for (at, language) in Language::ALL.into_iter().enumerate() {
            assert_eq!(language as usize, at);
            assert_eq!(language.row().language, language);
            assert!(language.reader().is_some(), "{language:?}");
        }
    }

    #[test]
    fn a_path_tells_the_language() {
        for (path, expect) in [
            ("src/main.rs", Some(Language::Rust)),
            ("a/b.test.tsx", Some(Language::Tsx)),
            ("x.mjs", Some(Language::JavaScript)),
            ("x.h", Some(Language::C)),
            ("types.d.ts", Some(Language::TypeScript)),
            ("x.cpp", None),
            (".go", None),
            ("go", None),
            ("a.go/b", None),
            ("", None),
        ] {
            assert_eq!(Language::of_path(path), expect, "{path}");
        }
    }

    #[test]
    fn a_path_tells_a_test() {
        for (path, expect) in [
            ("tsdb/head_test.go", true),
            ("tsdb/head.go", false),
            ("testdata/head.go", false),
            ("tests/api.py", true),
            ("app/test_views.py", true),
            ("app/contest.py", false),
            ("src/diff/tests.rs", true),
            ("src/test_util.rs", false),
            ("src/test/java/a/B.java", true),
            ("src/main/java/a/Latest.java", false),
            ("a/UserServiceTest.java", true),
            ("web/src/a.spec.ts", true),
            ("web/src/__tests__/a.tsx", true),
            ("spec/models/user_spec.rb", true),
            ("lib/spec.rb", false),
            ("tests/Unit/UserTest.php", true),
        ] {
            let language = Language::of_path(path).unwrap();
            assert_eq!(language.is_test_path(path), expect, "{path}");
        }
    }
}
