//! Words that are one thing that changes: addresses, paths, ids, versions.

/// Which kinds of bytes a word has.
#[derive(Clone, Copy, Default)]
pub struct Kinds(u16);

/// A digit.
pub const DIGIT: u16 = 1;
const DOT: u16 = 2;
const COLON: u16 = 4;
const DASH: u16 = 8;
const SLASH: u16 = 16;
const AT: u16 = 32;
/// `=`.
pub const EQUALS: u16 = 64;
/// `"`.
pub const QUOTE: u16 = 128;
const OTHER: u16 = 256;
const UNDERSCORE: u16 = 512;

impl Kinds {
    /// A word's.
    pub fn of(word: &str) -> Kinds {
        Kinds(word.bytes().fold(0, |kinds, byte| kinds | KIND[usize::from(byte)]))
    }

    /// Whether it has nothing but letters of ASCII.
    pub fn are_letters(self) -> bool {
        self.0 == 0
    }

    /// Whether it has bytes of all these kinds.
    pub fn has(self, kinds: u16) -> bool {
        self.0 & kinds == kinds
    }
}

static KIND: [u16; 256] = {
    let mut kinds = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' => 0,
            b'.' => DOT,
            b':' => COLON,
            b'-' => DASH,
            b'/' | b'\\' => SLASH,
            b'@' => AT,
            b'=' => EQUALS,
            b'_' => UNDERSCORE,
            b'"' => QUOTE,
            _ => OTHER,
        };
        byte += 1;
    }
    kinds
};

/// Whether all of a word is one thing that changes.
pub fn is_whole(core: &str, kinds: Kinds) -> bool {
    kinds.has(SLASH) && (is_path(core) || kinds.has(COLON) && is_url(core))
        || kinds.has(AT | DOT) && is_email(core)
        || kinds.has(DIGIT)
            && (kinds.has(DOT) && (is_version(core) || is_host(core))
                || kinds.has(DOT | COLON) && is_host_and_port(core)
                || kinds.has(COLON) && is_hex_groups(core)
                || (kinds.has(DASH) || kinds.has(UNDERSCORE)) && is_numbered_name(core)
                || kinds.has(DASH) && (is_uuid(core) || is_pod(core))
                || core.len() >= 16 && is_random(core))
}

/// `1.8.0`, `v1.8.0-rc.1+5c1f`.
fn is_version(core: &str) -> bool {
    let core = core.strip_prefix('v').unwrap_or(core);
    let mut numbers = core.split('.');
    let mut is_number =
        || numbers.next().is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    is_number()
        && is_number()
        && core.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte))
        && !is_file(core)
}

/// `checkout-7d9f8b6c5-x2x4z`: a name and what Kubernetes appends to it.
fn is_pod(core: &str) -> bool {
    let random =
        |part: &str| part.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte));
    let mut parts = core.rsplit('-');
    let (Some(last), Some(set), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    last.len() == 5
        && random(last)
        && (6..=10).contains(&set.len())
        && set.bytes().any(|byte| byte.is_ascii_digit())
        && set.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Sixteen or more letters and digits in disorder: a token or an id in base 64.
fn is_random(core: &str) -> bool {
    let count = |wanted: fn(&u8) -> bool| core.bytes().filter(wanted).count();
    core.len() >= 16
        && core.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-+/=".contains(&byte))
        && count(u8::is_ascii_uppercase) * 8 >= core.len()
        && count(u8::is_ascii_lowercase) * 8 >= core.len()
        && count(u8::is_ascii_digit) * 8 >= core.len()
}

/// `ec2-52-80-34-196.compute.example.com`: a host with a number in its name. Names of
/// classes and files are kept.
fn is_host(core: &str) -> bool {
    core.bytes().filter(|byte| *byte == b'.').count() >= 2
        && core.bytes().any(|byte| byte.is_ascii_digit())
        && core.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        && core.bytes().any(|byte| byte.is_ascii_alphabetic())
        && (core.contains('-')
            || core.split('.').any(|label| label.parse::<u64>().is_ok())
            || core.rsplit('.').next().is_some_and(|last| DOMAINS.contains(&last)))
        && !is_file(core)
}

const DOMAINS: &[&str] = &[
    "com", "net", "org", "io", "dev", "edu", "gov", "local", "internal", "lan", "corp", "svc",
    "uk", "de", "fr", "it", "nl", "eu", "us", "ca", "cn", "jp", "br", "au", "in", "ru",
];

fn is_file(name: &str) -> bool {
    const ENDS: &[&str] = &[
        "jar", "war", "zip", "gz", "tgz", "tar", "xz", "so", "dll", "exe", "log", "txt", "xml",
        "json", "yml", "yaml", "toml", "csv", "sql", "pom", "whl", "deb", "rpm", "html", "css",
    ];
    name.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end)) || is_code_file(name)
}

/// `5c:50:15:36:bc:03`, `fe80::1`.
fn is_hex_groups(core: &str) -> bool {
    core.bytes().filter(|byte| *byte == b':').count() >= 2
        && core.bytes().any(|byte| byte.is_ascii_digit())
        && core
            .split(':')
            .all(|part| part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `rdd_2_2`, `node-233`, `attempt_1445_m_0`: a name of which a part is a number.
fn is_numbered_name(core: &str) -> bool {
    core.len() <= 128
        && core.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        && core.starts_with(|c: char| c.is_ascii_alphabetic())
        && core
            .split(['_', '-'])
            .skip(1)
            .any(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_url(core: &str) -> bool {
    core.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && !scheme.is_empty()
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

fn is_email(core: &str) -> bool {
    core.split_once('@').is_some_and(|(name, host)| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+%".contains(&byte);
        !name.is_empty()
            && name.bytes().all(fits)
            && host.contains('.')
            && host.bytes().all(fits)
            && !host.starts_with('.')
    })
}

fn is_path(core: &str) -> bool {
    let bytes = core.as_bytes();
    let drive =
        matches!(bytes, [letter, b':', b'\\' | b'/', _, ..] if letter.is_ascii_alphabetic());
    let rooted = ["/", "./", "../", "~/", "\\\\"].iter().any(|root| core.starts_with(root));
    (drive || rooted) && core.len() > 1 && bytes.iter().any(u8::is_ascii_alphanumeric)
}

fn is_uuid(core: &str) -> bool {
    let mut lengths = core.split('-');
    core.len() == 36
        && [8, 4, 4, 4, 12].iter().all(|length| {
            lengths.next().is_some_and(|part| {
                part.len() == *length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        })
}

/// `db-1.internal:5432`, but not a place in code (`Main.java:12`).
fn is_host_and_port(core: &str) -> bool {
    core.rsplit_once(':').is_some_and(|(host, port)| {
        (2..=5).contains(&port.len())
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && host.contains('.')
            && !host.starts_with('.')
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
            && !is_code_file(host)
    })
}

fn is_code_file(name: &str) -> bool {
    const ENDS: &[&str] = &[
        "java", "kt", "scala", "py", "rb", "go", "rs", "c", "cc", "cpp", "h", "hpp", "js", "ts",
        "jsx", "tsx", "mjs", "cs", "php", "swift", "ex", "exs", "erl", "clj", "groovy", "lua",
    ];
    name.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end))
}
