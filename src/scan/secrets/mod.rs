//! Rule `secrets`: keys, tokens and passwords in added lines.
//!
//! A secret's value never leaves this file: findings show four characters and
//! a length.

mod formats;
mod judge;
#[cfg(test)]
mod tests;

use std::sync::{LazyLock, OnceLock};

use bstr::ByteSlice;
use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::diff::LineKind;
use crate::finding::{Severity, Side};
use crate::scan::scope::{self, File};
use crate::scan::{Hit, Rule, Scope};
use formats::FORMATS;

pub(super) const RULE: Rule = Rule {
    id: "secrets",
    title: "Secret in the change",
    severity: Severity::Critical,
    category: "secret",
    help: "Finds tokens of known formats in added lines, and assignments of high-entropy text to \
names such as `password`, `secret`, `token` or `api_key`. Placeholders, examples from \
documentation, digests and look-ups in the environment are left alone; in tests, fixtures and \
documentation only known formats count, at a lower severity. A value that the change also takes \
away somewhere was there before and is not reported.\n\nA line that holds `pipewright:ignore \
secrets` or `gitleaks:allow` is left alone. The value is never printed.",
    check,
};

/// How many secrets are looked for among the removed lines: each costs a pass.
const MAX_COMPARED: usize = 200;

/// Longest line that is read; beyond it a file is minified or data.
const MAX_LINE: usize = 20_000;

/// Every hint of every format: most lines hold none.
static HINTS: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSetBuilder::new(FORMATS.iter().map(|format| format.hints.join("|")))
        .unicode(false)
        .build()
        .expect("the patterns are fixed")
});

/// How tokens start that are short enough to hold no digit by chance.
static SHORT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"hf_|api_org_|AKIA|ASIA|glpat-|GOCSPX-|sq0atp-|dckr_pat_|GR1348941|LTAI|SG\.")
        .expect("the pattern is fixed")
});

/// A format's pattern, made when first needed: most runs need none.
fn pattern(index: usize) -> &'static Regex {
    static PATTERNS: LazyLock<Vec<OnceLock<Regex>>> =
        LazyLock::new(|| FORMATS.iter().map(|_| OnceLock::new()).collect());
    PATTERNS[index].get_or_init(|| {
        RegexBuilder::new(FORMATS[index].pattern)
            .unicode(false)
            .build()
            .expect("the pattern is fixed")
    })
}

/// A name that promises a secret.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u)passw|passphrase|\bpwd|secret|token|api_?-?key|access_?-?key|auth_?-?key|private_?-?key|signing_?-?key|encryption_?-?key|credential")
        .expect("the pattern is fixed")
});

/// Name, then `=`, `:`, `=>`, `:=` or `,`, then the value: quoted, or to the
/// end of the line.
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i-u)([\w.-]{0,40}(?:passw(?:or)?d|passphrase|pwd|secret|token|api_?-?key|access_?-?key|auth_?-?key|private_?-?key|signing_?-?key|encryption_?-?key|credential)s?[\w-]{0,20})["'\]]{0,2}(?:\s*:\s*[a-z&'<> ]{2,30})?\s*(?:=>|:=|==?=?|:|,)\s*(?:["'`]([^"'`\s]{8,200})["'`]|([^"'`\s,;(){}\[\]<>]{8,200})\s*$)"#,
    )
    .expect("the pattern is fixed")
});

fn check(scope: &Scope<'_>, hits: &mut Vec<Hit>) {
    for file in &scope.files {
        let lock = scope::is_lockfile(file.name());
        for (number, text) in &file.added {
            if text.len() < 12 || text.len() > MAX_LINE {
                continue;
            }
            let shape = Shape::of(text);
            if shape.may_hold_token(text) {
                known(scope, file, *number, text, hits);
            }
            if !shape.digit || lock || file.foreign || file.test || file.docs {
                continue;
            }
            let here = super::Place::Lines(Side::New, *number, *number);
            let said = hits.last().is_some_and(|hit| hit.file == file.index && hit.place == here);
            if !said && NAME.is_match(text) {
                assigned(scope, file, *number, text, hits);
            }
        }
    }
}

/// What one look over a line's bytes tells, so that most lines need no other.
struct Shape {
    /// A digit.
    digit: bool,
    /// A digit in a run of token characters of at least [`Shape::RUN`] bytes.
    run: bool,
    /// As long a run, of letters only.
    letters: bool,
}

impl Shape {
    /// No format is shorter, but for those that [`Shape::may_hold_token`] names.
    const RUN: usize = 20;

    fn of(text: &[u8]) -> Self {
        const OTHER: u8 = 0;
        const TOKEN: u8 = 1;
        const DIGIT: u8 = 3;
        static CLASS: [u8; 256] = {
            let mut class = [OTHER; 256];
            let mut byte = 0;
            while byte < 256 {
                let char = byte as u8;
                if char.is_ascii_digit() {
                    class[byte] = DIGIT;
                } else if char.is_ascii_alphabetic()
                    || matches!(char, b'_' | b'-' | b'+' | b'=' | b'~')
                {
                    class[byte] = TOKEN;
                }
                byte += 1;
            }
            class
        };
        let mut shape = Shape { digit: false, run: false, letters: false };
        let (mut length, mut seen) = (0usize, OTHER);
        for byte in text {
            let class = CLASS[usize::from(*byte)];
            if class == OTHER {
                (length, seen) = (0, OTHER);
                continue;
            }
            length += 1;
            seen |= class;
            shape.digit |= class == DIGIT;
            if length >= Shape::RUN {
                shape.run |= seen == DIGIT;
                shape.letters |= seen == TOKEN;
            }
        }
        shape
    }

    /// Whether a token of any format may be in the line.
    fn may_hold_token(&self, text: &[u8]) -> bool {
        static ADDRESS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("://"));
        static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("PRIVATE KEY"));
        static AUTH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"auth\""));
        // AWS' secret keys may hold a slash every few characters.
        static AWS: LazyLock<Regex> =
            LazyLock::new(|| Regex::new("aws|AWS|Aws").expect("the pattern is fixed"));
        self.run
            || self.letters && SHORT.is_match(text)
            || memchr::memchr(b'@', text).is_some() && ADDRESS.find(text).is_some()
            || KEY.find(text).is_some()
            || self.digit && AWS.is_match(text)
            || AUTH.find(text).is_some()
    }
}

/// Tokens of known formats.
fn known(scope: &Scope<'_>, file: &File<'_>, number: u32, text: &[u8], hits: &mut Vec<Hit>) {
    for index in HINTS.matches(text) {
        let format = &FORMATS[index];
        for found in pattern(index).captures_iter(text) {
            let Some(value) = found.get(1) else { continue };
            let Ok(token) = value.as_bytes().to_str() else { continue };
            if !(format.proof)(token) || is_allowed(text) {
                continue;
            }
            let key = format.id == "private-key";
            if key && !is_key(file, number, text, value.end())
                || !key && is_example(format, text, token)
            {
                continue;
            }
            let few = hits.len() < MAX_COMPARED;
            if few && (!key && was_there(scope, token) || key && file_had(file, token)) {
                continue;
            }
            let aside = file.test || file.docs || file.foreign && format.id == "basic-auth-url";
            let (severity, confidence) = match (aside, format.id) {
                (true, "jwt" | "basic-auth-url" | "private-key" | "docker-auth") => {
                    (Severity::Info, 0.4)
                }
                (true, _) => (format.severity.min(Severity::Medium), 0.6),
                (false, "jwt" | "basic-auth-url") => (format.severity, 0.75),
                (false, _) => (format.severity, 0.95),
            };
            let shown = if key { token.to_owned() } else { mask(token) };
            hits.push(
                hit(file, number, severity, confidence, format.name, &shown, aside)
                    .variant(format.id),
            );
        }
    }
}

/// High-entropy values that are given to a name that promises a secret.
fn assigned(scope: &Scope<'_>, file: &File<'_>, number: u32, text: &[u8], hits: &mut Vec<Hit>) {
    for found in ASSIGNMENT.captures_iter(text) {
        let quoted = found.get(2).is_some();
        let Some(value) = found.get(2).or_else(|| found.get(3)) else { continue };
        let (Ok(name), Ok(value)) = (found[1].to_str(), value.as_bytes().to_str()) else {
            continue;
        };
        if !quoted && !is_settings(file) || is_allowed(text) {
            continue;
        }
        if !is_secret_value(name, value) || is_example_line(text) {
            continue;
        }
        if hits.len() < MAX_COMPARED && was_there(scope, value) {
            continue;
        }
        let mut hit = hit(file, number, Severity::High, 0.7, "Secret", &mask(value), false)
            .variant("assignment");
        hit.title = format!("Secret assigned to `{}`: {}", scope::shown(name), mask(value));
        hits.push(hit);
    }
}

fn hit(
    file: &File<'_>,
    number: u32,
    severity: Severity,
    confidence: f64,
    name: &str,
    shown: &str,
    aside: bool,
) -> Hit {
    let aside = if aside {
        "\n\nThe file looks like a test, an example or documentation. If the value was never \
valid, mark the line with `pipewright:ignore secrets`."
    } else {
        ""
    };
    Hit::on_line(file.index, Side::New, number, severity, format!("{name} in the change: {shown}"))
        .confidence(confidence)
        .body(format!(
            "Once pushed, it stays readable in the history. Revoke it at its issuer first, then \
take it out here and read it from the environment or a secret store.{aside}"
        ))
}

/// The first four characters and the length: enough to find it, no more.
fn mask(value: &str) -> String {
    let head: String = value.chars().take(4).collect();
    format!("{head}… ({} characters)", value.chars().count())
}

fn is_allowed(text: &[u8]) -> bool {
    text.contains_str("pipewright:ignore secrets") || text.contains_str("gitleaks:allow")
}

/// A token that its issuer or the line itself calls an example.
fn is_example(format: &formats::Format, text: &[u8], token: &str) -> bool {
    // A name in front of an address says nothing about the password.
    let body = match format.id {
        "slack-webhook" | "discord-webhook" | "teams-webhook" => {
            token.rsplit('/').next().unwrap_or(token)
        }
        _ => token,
    };
    let local = format.id == "basic-auth-url"
        && [
            "@localhost",
            "@127.0.0.1",
            "@[::1]",
            "@0.0.0.0",
            "@example.",
            ".example",
            "@host",
            "@proxy",
            ".test",
            ".invalid",
            "@db",
            "@postgres",
            "@redis",
            "@mysql",
            "@mongo",
            "@rabbitmq",
            "@host.docker.internal",
        ]
        .iter()
        .any(|host| text.contains_str(host));
    judge::is_placeholder(body) || local
}

/// Lines that compute a value or match one rather than holding it.
fn is_example_line(text: &[u8]) -> bool {
    const MARKS: &[&str] = &[
        "example",
        "Example",
        "EXAMPLE",
        "regex",
        "Regex",
        "RegExp",
        "pattern",
        "sha256",
        "SHA256",
        "integrity",
        "checksum",
        "digest",
        "fingerprint",
        "public_key",
        "publicKey",
        "http://",
        "https://",
        "placeholder",
        "i18n",
        "label",
        "csrf",
        "message",
        "description",
    ];
    MARKS.iter().any(|mark| text.contains_str(mark))
}

/// Whether a header stands before key material rather than in a message, a
/// comparison or a template.
fn is_key(file: &File<'_>, number: u32, text: &[u8], end: usize) -> bool {
    let base64 = |text: &[u8]| {
        let text = text.trim_ascii_start();
        let run = text
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
            .count();
        run >= 40 && judge::entropy(&text[..run].to_str_lossy()) >= 4.0
    };
    let rest = &text[end..];
    let rest = rest.strip_prefix(b"\\r").unwrap_or(rest);
    let rest = rest.strip_prefix(b"\\n").unwrap_or(rest);
    if base64(rest) {
        return true;
    }
    if rest.iter().any(|byte| !b"\"'`+\\n, \t\r".contains(byte)) {
        return false;
    }
    // Material in one of the next lines; older keys have headers first.
    let next = file.added.partition_point(|(line, _)| *line <= number);
    file.added[next..].iter().take_while(|(line, _)| *line <= number + 5).any(|(_, text)| {
        let text = text.trim_ascii_start();
        base64(text.trim_start_with(|c| matches!(c, '"' | '\'' | '+' | '`' | '*' | '#' | ' ')))
    })
}

/// Files whose values stand unquoted.
fn is_settings(file: &File<'_>) -> bool {
    matches!(
        file.extension(),
        "env" | "properties" | "ini" | "cfg" | "conf" | "yml" | "yaml" | "tfvars"
    ) || file.name().starts_with(".env")
        || matches!(file.name(), ".npmrc" | ".pypirc" | ".netrc" | "credentials")
}

fn is_secret_value(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Names of things about secrets, not of secrets.
    const ABOUT: &[&str] = &[
        "tokenizer",
        "tokenize",
        "token_type",
        "tokentype",
        "token_url",
        "tokenurl",
        "endpoint",
        "secret_name",
        "secretname",
        "key_name",
        "keyname",
        "key_id",
        "keyid",
        "_path",
        "_file",
        "_field",
        "_header",
        "_uri",
        "_url",
        "public",
        "_len",
        "_hash",
        "_arn",
        "_ref",
        "_env",
        "_var",
        "next_token",
        "nexttoken",
        "pagetoken",
        "page_token",
        "sync_token",
        "csrf",
        "version",
        "cancel",
        "placeholder",
        "regex",
        "pattern",
        "label",
        "format",
        "policy",
        "secret-name",
        "continuation",
        "_var",
        "_type",
        "_id",
        "password_reset",
        "hint",
    ];
    if ABOUT.iter().any(|about| name.contains(about)) {
        return false;
    }
    if judge::is_placeholder(value) || judge::is_wordy(value) || judge::is_digest(value) {
        return false;
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic())
        || !value.bytes().any(|b| b.is_ascii_digit())
    {
        return false;
    }
    // Code, not a value.
    if value.contains(['(', ')', '{', '}', '[', ']', '<', '>', '\\', '*', '|']) {
        return false;
    }
    let password = name.contains("passw") || name.contains("pwd") || name.contains("passphrase");
    let bits = judge::entropy(value);
    let hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if password {
        value.len() >= 10 && bits >= 3.0 && judge::classes(value) >= 3
    } else if hex {
        value.len() >= 32 && bits >= 3.2
    } else {
        value.len() >= 16 && bits >= 3.6 && judge::classes(value) >= 2
    }
}

/// Whether the change takes the same value away somewhere: it was there before.
fn was_there(scope: &Scope<'_>, token: &str) -> bool {
    let finder = Finder::new(token.as_bytes());
    scope.subject.change.files.iter().any(|file| {
        // One look over the whole text first: a change rarely moves a secret.
        let Some(patch) = file.patch() else { return false };
        patch.lines.iter().any(|line| line.kind == LineKind::Removed)
            && patch
                .lines
                .iter()
                .filter(|line| line.kind == LineKind::Removed)
                .any(|line| finder.find(patch.text_of(line)).is_some())
    })
}

/// Whether the file loses a line with this text.
fn file_had(file: &File<'_>, text: &str) -> bool {
    file.diff.lines().any(|line| line.kind == LineKind::Removed && line.text.contains_str(text))
}
