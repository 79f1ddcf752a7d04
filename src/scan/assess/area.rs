//! What a file is, and which parts of a system a mistake in it could break.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::diff::skip;
use crate::diff::{FileDiff, LineKind};
use crate::scan::{ci, scope};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Code,
    Tests,
    Docs,
    Dependencies,
    Ci,
    Config,
}

/// By its path, and for some pipelines by its first lines.
pub(super) fn sort(path: &str, diff: &FileDiff) -> Sort {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    if ci::is_pipeline(diff) || lower.starts_with(".circleci/") || lower == ".travis.yml" {
        return Sort::Ci;
    }
    if is_manifest(name) || skip::by_path(path) == Some("lock file") {
        return Sort::Dependencies;
    }
    if scope::is_test(&lower) {
        return Sort::Tests;
    }
    let documents = ["md", "mdx", "rst", "adoc", "asciidoc", "org", "tex"].contains(&extension)
        || ["license", "licence", "changelog", "readme", "authors", "notice", "codeowners"]
            .contains(&stem)
        || extension == "txt"
        || lower.split('/').next() == Some("docs") && !is_source(extension);
    if documents {
        return Sort::Docs;
    }
    let settings = [
        "toml",
        "yaml",
        "yml",
        "json",
        "json5",
        "jsonc",
        "ini",
        "cfg",
        "conf",
        "properties",
        "env",
    ];
    if settings.contains(&extension) || name.starts_with('.') && !is_source(extension) {
        return Sort::Config;
    }
    Sort::Code
}

fn is_source(extension: &str) -> bool {
    [
        "c", "cc", "cpp", "cs", "css", "ex", "go", "h", "hpp", "html", "java", "js", "jsx", "kt",
        "lua", "mjs", "php", "pl", "py", "rb", "rs", "scala", "sh", "sql", "swift", "tf", "ts",
        "tsx", "vue",
    ]
    .contains(&extension)
}

/// Files that name what is taken from others, beside lock files.
fn is_manifest(name: &str) -> bool {
    matches!(
        name,
        "cargo.toml"
            | "package.json"
            | "go.mod"
            | "pyproject.toml"
            | "pipfile"
            | "gemfile"
            | "pom.xml"
            | "build.gradle"
            | "build.gradle.kts"
            | "composer.json"
            | "mix.exs"
            | "setup.py"
            | "pubspec.yaml"
            | "dependabot.yml"
            | "renovate.json"
    ) || name.starts_with("requirements") && name.ends_with(".txt")
        || name.ends_with(".csproj")
        || name.ends_with(".gemspec")
}

/// A part of a system where mistakes cost more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Auth,
    Crypto,
    Payments,
    Migrations,
    Ci,
    Infrastructure,
}

impl Area {
    pub(super) const ALL: [Area; 6] = [
        Area::Auth,
        Area::Crypto,
        Area::Payments,
        Area::Migrations,
        Area::Ci,
        Area::Infrastructure,
    ];

    pub(super) fn weight(self) -> u32 {
        match self {
            Area::Auth | Area::Crypto | Area::Payments | Area::Migrations => 3,
            Area::Ci | Area::Infrastructure => 2,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Area::Auth => "authentication or permissions",
            Area::Crypto => "cryptography",
            Area::Payments => "payments",
            Area::Migrations => "the database's schema",
            Area::Ci => "CI",
            Area::Infrastructure => "infrastructure",
        }
    }

    /// Whether a file belongs to it, by the words of its path.
    pub(super) fn holds(self, path: &str, diff: &FileDiff) -> bool {
        let lower = path.to_ascii_lowercase();
        let name = lower.rsplit('/').next().unwrap_or_default();
        let any = |names: &[&str]| words(path).iter().any(|word| names.contains(&word.as_str()));
        match self {
            Area::Auth => any(&[
                "auth",
                "authentication",
                "authorization",
                "authorize",
                "authenticator",
                "login",
                "logout",
                "oauth",
                "oauth2",
                "oidc",
                "saml",
                "sso",
                "jwt",
                "password",
                "passwords",
                "permission",
                "permissions",
                "rbac",
                "acl",
                "session",
                "sessions",
                "csrf",
            ]),
            Area::Crypto => any(&[
                "crypto",
                "cryptography",
                "cipher",
                "ciphers",
                "encrypt",
                "encryption",
                "decrypt",
                "decryption",
                "tls",
                "ssl",
                "hmac",
                "keystore",
                "keyring",
                "x509",
            ]),
            Area::Payments => any(&[
                "payment",
                "payments",
                "billing",
                "invoice",
                "invoices",
                "invoicing",
                "refund",
                "refunds",
                "stripe",
                "paypal",
                "payout",
                "payouts",
                "subscription",
                "subscriptions",
            ]),
            Area::Migrations => {
                name.ends_with(".sql")
                    || any(&[
                        "migration",
                        "migrations",
                        "migrate",
                        "alembic",
                        "flyway",
                        "liquibase",
                    ])
            }
            Area::Ci => sort(path, diff) == Sort::Ci,
            Area::Infrastructure => {
                [".tf", ".tfvars", ".hcl", ".bicep"].iter().any(|end| name.ends_with(end))
                    || name.starts_with("dockerfile")
                    || name.ends_with(".dockerfile")
                    || name.starts_with("docker-compose")
                    || any(&[
                        "terraform",
                        "kubernetes",
                        "k8s",
                        "helm",
                        "ansible",
                        "cloudformation",
                        "pulumi",
                        "nginx",
                    ])
            }
        }
    }
}

/// The words of a path, in lower case: parted by what is no letter or number,
/// and where a small letter meets a capital one.
fn words(path: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    for c in path.chars() {
        let starts = !c.is_alphanumeric() || c.is_uppercase() && before.is_lowercase();
        if starts && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// What concurrent code is written with, in the languages that most is written in.
static CONCURRENT: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = [
        "Mutex",
        "RwLock",
        "AtomicBool",
        "AtomicU",
        "AtomicI",
        "std::thread",
        "thread::spawn",
        "tokio::spawn",
        "sync.WaitGroup",
        "sync.Once",
        "go func(",
        "synchronized",
        "pthread_",
        "std::atomic",
        "threading.",
        "multiprocessing.",
        "ThreadPool",
        "ExecutorService",
        "ReentrantLock",
        "Semaphore",
        "volatile ",
        "Interlocked.",
        "std::async",
        "Condvar",
        "condition_variable",
        "ConcurrentHashMap",
        "asyncio.Lock",
    ];
    AhoCorasick::new(words).ok()
});

/// Whether a changed line has a word of concurrent code.
pub(super) fn is_concurrent(diff: &FileDiff) -> bool {
    let Some(finder) = CONCURRENT.as_ref() else { return false };
    let mut changed = diff.lines().filter(|line| line.kind != LineKind::Context);
    changed.any(|line| finder.is_match(AsRef::<[u8]>::as_ref(line.text)))
}
